package sast

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	// otherPeople are folders of code that is not this repository's own.
	otherPeople = []string{
		"vendor", "node_modules", "bower_components", "third_party", "third-party", "thirdparty", "site-packages", ".venv", "venv",
		"dist", ".next", ".nuxt", "jspm_packages", "Godeps", "Pods", ".yarn",
	}
	testFolders = []string{"test", "tests", "testdata", "__tests__", "__mocks__", "spec", "specs", "fixtures", "e2e", "cypress", "benches"}
	testNames   = regexp.MustCompile(`(?i)(_test\.go|^test_.*\.py|_test\.py|^conftest\.py|\.(test|spec|e2e|stories)\.[cm]?[jt]sx?|_tests?\.rs)$`)
	minifiedAs  = regexp.MustCompile(`(?i)[.-]min\.[cm]?js$|\.bundle\.js$|\.d\.[cm]?ts$|_pb2(_grpc)?\.pyi?$|\.pb\.go$|\.pb\.gw\.go$`)
	generated   = regexp.MustCompile(`(?m)^(//|#|/\*|\s\*) ?.*(Code generated .* DO NOT EDIT|@generated\b)`)
)

// Classify is what a file is, by the usual names of folders and files, and by
// its content where that is known.
func Classify(name string, content []byte) Class {
	folders := strings.Split(path.Dir(name), "/")
	base := path.Base(name)
	for _, f := range folders {
		if slices.Contains(otherPeople, f) {
			return Excluded
		}
	}
	if minifiedAs.MatchString(base) || isMinified(content) || generated.Match(content[:min(len(content), 2000)]) {
		return Excluded
	}
	if testNames.MatchString(base) {
		return Test
	}
	for _, f := range folders {
		if slices.Contains(testFolders, f) {
			return Test
		}
	}
	return Source
}

// isMinified says whether a text has lines that nobody wrote by hand: long
// ones, and hardly a blank in them.
func isMinified(content []byte) bool {
	if len(content) < 5000 {
		return false
	}
	lines := bytes.Count(content, []byte("\n")) + 1
	if len(content)/lines < 300 {
		return false
	}
	blanks := bytes.Count(content, []byte(" "))
	return blanks*12 < len(content)
}
