package project

import (
	"slices"
	"strings"
)

// configuration is .wf-ci.yml: all of it comments, as everything has a default. A
// comment of YAML begins with # and no blank, so that taking the # away is all
// there is to do; prose has a blank.
func configuration(in Input) File {
	line := "# yaml-language-server: $schema=" + in.Schema + "\n"
	var b strings.Builder
	b.WriteString(line)
	b.WriteString(`
# What wf-ci demands of this repository. Every gate runs where it applies, and what
# stands below are the defaults: take a # away to change one. wf-ci config show says
# what counts, wf-ci gates which gates apply here, wf-ci config check what is wrong.

#timeout: 10m
#gates:
#  secrets: {history: full}
#  complexity: {max: 10}
#  duplication: {max: 5}
`)
	for _, l := range in.gateLines() {
		b.WriteString(l + "\n")
	}
	b.WriteString(`#worktree: {max_active: 4, ports: 8100-8199}
#costs: {timezone: UTC}

# A finding that may pass until a day, with a reason and who answers for it:
#waivers:
#  - {gate: secrets, fingerprint: "0f3a", reason: "test key", owner: "@ana", expires: 2027-01-31}
`)
	return File{Path: ".wf-ci.yml", Or: []string{".github/wf-ci.yml"}, Text: b.String(), Add: line, Mark: "$schema="}
}

// reports are what the tools of an ecosystem write.
var reports = map[string]struct{ tests, coverage string }{
	"go":     {"go-test.json", "coverage.out"},
	"node":   {"junit.xml", "coverage/lcov.info"},
	"python": {"junit.xml", "coverage.xml"},
	"rust":   {"junit.xml", "lcov.info"},
}

// gateLines are the options that fit the ecosystems.
func (in Input) gateLines() []string {
	has := func(kind string) bool { return slices.Contains(in.Kinds, kind) }
	var lines, tests []string
	coverage := ""
	for _, kind := range in.Kinds {
		r, ok := reports[kind]
		if !ok {
			continue
		}
		if coverage == "" {
			coverage = r.coverage
		}
		if !slices.Contains(tests, r.tests) {
			tests = append(tests, r.tests)
		}
	}
	if has("node") || has("python") {
		lines = append(lines, "#  types: {min: 90}")
	}
	if has("node") {
		lines = append(lines, "#  bundle: {max_growth: 5}")
	}
	if coverage == "" {
		return append(lines, "#  coverage: {min: 80}")
	}
	return append(lines,
		"# In the action's image there is no toolchain: earlier steps test and lint, and what they",
		"# write is found under these names. Named here, it is all that counts, also on a laptop.",
		"#  tests: {reports: ["+strings.Join(tests, ", ")+"]}",
		"#  coverage: {min: 80, patch: 80, report: "+coverage+"}",
		"#  lint: {reports: [lint.sarif]}",
	)
}
