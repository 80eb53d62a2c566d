package quality

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// leaveOutID names this version of LeaveOut in cache keys.
const leaveOutID = "1"

var (
	vendorDirs = []string{"vendor", "node_modules", "bower_components", "jspm_packages", "third_party", "thirdparty", "site-packages", ".venv", "venv", "Pods", ".yarn"}
	testDirs   = []string{"test", "tests", "__tests__", "__mocks__", "__fixtures__", "testdata", "fixtures", "spec", "specs", "e2e", "benches"}

	testName      = regexp.MustCompile(`(?i)^test_.*\.pyi?$|_test\.(go|pyi?|rs)$|^(conftest|tests?)\.(py|rs)$|[._-](test|spec|e2e|stories)\.[cm]?[jt]sx?$`)
	generatedName = regexp.MustCompile(`(?i)\.pb\.(go|rs)$|\.pb\.gw\.go$|_pb2(_grpc)?\.pyi?$|_pb\.(d\.)?[jt]s$|\.(gen|generated)\.\w+$|_(gen|generated)\.\w+$|^zz_generated`)
	minifiedName  = regexp.MustCompile(`(?i)[._-]min\.[cm]?js$|\.bundle\.[cm]?js$|\.chunk\.[cm]?js$`)

	// generatedLine is a whole line: a text that speaks of generated code is none.
	generatedLine = regexp.MustCompile(`(?m)^\s*(//|#|/?\*+)?\s*(Code generated .* DO NOT EDIT\.?|.*@generated\b.*)\s*(\*/)?\r?$`)
)

// LeaveOut says why the quality of a file is not judged: it is a test, somebody
// else's, or written by a program. Empty: it is judged. Without content it goes
// by the name alone.
func LeaveOut(name string, content []byte) string {
	dirs, base := path.Split(name)
	for _, dir := range strings.Split(strings.TrimSuffix(dirs, "/"), "/") {
		switch {
		case slices.Contains(vendorDirs, dir):
			return "vendored"
		case slices.Contains(testDirs, dir):
			return "test"
		}
	}
	switch {
	case testName.MatchString(base):
		return "test"
	case generatedName.MatchString(base):
		return "generated"
	case minifiedName.MatchString(base) || minified(content):
		return "minified"
	case generatedLine.Match(head(content, 4096)):
		return "generated"
	}
	return ""
}

func head(content []byte, n int) []byte { return content[:min(len(content), n)] }

// minified says whether a text has far longer lines than people write.
func minified(content []byte) bool {
	if len(content) < 2000 {
		return false
	}
	lines := bytes.Count(content, []byte("\n")) + 1
	return len(content)/lines > 400
}
