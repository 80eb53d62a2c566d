package project

import (
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// What node's own runner writes, and with it how much of the code was run.
const (
	nodeJUnit    = "--test-reporter=junit --test-reporter-destination=junit.xml"
	nodeCoverage = "--experimental-test-coverage --test-reporter=lcov --test-reporter-destination=lcov.info " + nodeJUnit
)

// nodeFiles is a script that names what node's runner is to run: what comes
// behind that is a file for it, too, and no option.
var nodeFiles = lazyregexp.New(`^node --test ([\w./*@+, {}"'=-]+)$`)

// nodeTest runs the script test so that it writes what the gates read. The
// arguments that a manager hands on reach the last command of the script.
func (p Part) nodeTest(run string) string {
	last := strings.TrimSpace(p.Test[strings.LastIndexAny(p.Test, ";&|")+1:])
	files := nodeFiles.FindStringSubmatch(p.Test)
	switch {
	case strings.Contains(last, "vitest"):
		return p.vitest(run, last)
	case strings.Contains(last, "jest"):
		return run + " --coverage --json --outputFile=test-results.json"
	case strings.HasSuffix(last, "node --test"):
		return run + " " + nodeCoverage
	case files != nil:
		return "node --test " + nodeCoverage + " " + files[1]
	case strings.Contains(last, "node --test"):
		return `NODE_OPTIONS="` + nodeJUnit + `" ` + strings.TrimSuffix(run, " --")
	}
	return strings.TrimSuffix(run, " --") + " # let it write junit.xml and coverage/lcov.info"
}

// vitest gives up where it is asked for coverage twice, and where the package
// that measures it is not installed.
func (p Part) vitest(run, script string) string {
	const reports = " --reporter=default --reporter=junit --outputFile.junit=junit.xml"
	coverage, install := " --coverage --coverage.reporter=lcov", ""
	switch {
	case strings.Contains(script, "--coverage"):
		coverage = " --coverage.reporter=lcov"
	case p.Coverage:
	case strings.HasPrefix(run, "npm "):
		install = `npm install --no-save "@vitest/coverage-v8@$(node -p "require('vitest/package.json').version")"` + "\n"
	default:
		return run + reports + " # and coverage, once @vitest/coverage-v8 is there: --coverage --coverage.reporter=lcov"
	}
	return install + run + coverage + reports
}
