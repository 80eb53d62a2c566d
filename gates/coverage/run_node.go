package coverage

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// placeholder is what `npm init` writes.
const placeholder = "no test specified"

var (
	// delegating are scripts that run the tests of the workspace's members,
	// each with a report of its own: those are run one by one instead.
	delegating = lazyregexp.New(`--workspaces\b|\s-ws\b|\b(turbo|lerna|nx|wsrun|ultra)\b|\bpnpm\b.*\s(-r|--recursive)\b|\byarn workspaces\b|--filter\b`)
	indirect   = lazyregexp.New(`\b(?:npm|pnpm|yarn|bun)(?: run)?(?: -s| --silent)? ([\w:.-]+)`)
	nodeTest   = lazyregexp.New(`\bnode\b.*\s--test\b`)
)

// testScript is the command behind a project's `test` script.
func testScript(p project.Project) (string, bool) {
	script := p.Scripts["test"]
	if script == "" || strings.Contains(script, placeholder) {
		return "", false
	}
	for range 3 {
		m := indirect.FindStringSubmatch(script)
		if m == nil || p.Scripts[m[1]] == "" || m[1] == "test" {
			break
		}
		script = strings.Replace(script, m[0], p.Scripts[m[1]], 1)
	}
	return script, true
}

// nodeRun is how a `test` script is asked for its reports.
type nodeRun struct {
	extra []string // arguments
	env   []string
	// take keeps what was measured, after the run. Nil: nothing can be.
	take func(r *session, p project.Project) error
}

// nodeJob runs the project's `test` script through its package manager, and
// asks the runner behind it for a report. A script that passes the request
// over leaves none, and then nothing is known.
func nodeJob(p project.Project, script string) job {
	manager := p.Manager
	shown := manager + " test"
	if manager == "bun" {
		shown = "bun run test"
	}
	return job{project: p, program: manager, shown: shown, start: func(ctx context.Context, r *session) (results, int, error) {
		report := filepath.Join(r.scratch, "node-report")
		how := nodeReport(script, report)
		var before map[string]os.FileInfo
		if r.measure {
			r.unmeasured = how.measure(r, p, script, manager)
			before = r.reports(p)
		}
		args := []string{"run", "test"}
		if len(how.extra) > 0 && (manager == "npm" || manager == "bun") {
			args = append(args, "--")
		}
		res, err := r.child(ctx, p, run.Command{Name: manager, Args: append(args, how.extra...), Env: how.env})
		if err != nil {
			if res.Exit == 127 {
				err = fmt.Errorf("%w: run `%s install` first", err, manager)
			}
			return results{}, res.Exit, err
		}
		if r.measure && r.unmeasured == nil {
			r.unmeasured = r.takeNode(how, p, before)
		}
		return readOwn(report, res)
	}}
}

// nodeReport asks for the results of the tests.
func nodeReport(script, report string) (how nodeRun) {
	switch {
	case nodeTest.MatchString(script):
		to := "--test-reporter-destination=" + report
		if strings.Contains(to, " ") {
			to = strconv.Quote(to)
		}
		how.env = []string{"NODE_OPTIONS=--test-reporter=junit " + to}
	case strings.Contains(script, "vitest"):
		how.extra = []string{"--reporter=junit", "--outputFile=" + report}
	case isJest(script):
		how.extra = []string{"--json", "--outputFile=" + report, "--testLocationInResults"}
	case strings.Contains(script, "mocha"):
		how.extra = []string{"--reporter", "xunit", "--reporter-option", "output=" + report}
	}
	return how
}

func isJest(script string) bool {
	return strings.Contains(script, "jest") || strings.Contains(script, "react-scripts test")
}

// measure asks for coverage as well. Thresholds of the project's own are put
// aside: a run that ends badly because of one would say nothing of the tests.
func (how *nodeRun) measure(r *session, p project.Project, script, manager string) error {
	dir := filepath.Join(r.scratch, "coverage")
	switch {
	case manager == "bun":
		return missingTool{tool: "a tool that measures what bun runs", remedy: "let an earlier step write a report (`bun test --coverage --coverage-reporter=lcov`)"}
	case strings.Contains(script, "vitest"):
		if !r.installed(p, "@vitest/coverage-v8") && !r.installed(p, "@vitest/coverage-istanbul") {
			return missingTool{tool: "@vitest/coverage-v8", remedy: "`" + manager + " install -D @vitest/coverage-v8`"}
		}
		how.extra = append(how.extra, "--coverage.enabled=true", "--coverage.reporter=json", "--coverage.reportsDirectory="+dir, "--coverage.thresholds.lines=0",
			"--coverage.thresholds.functions=0", "--coverage.thresholds.branches=0", "--coverage.thresholds.statements=0", "--coverage.reportOnFailure=true")
		how.take = func(r *session, _ project.Project) error {
			r.take("vitest --coverage", filepath.Join(dir, "coverage-final.json"))
			return r.unmeasured
		}
	case isJest(script):
		how.extra = append(how.extra, "--coverage", "--coverageReporters=json", "--coverageDirectory="+dir, "--coverageThreshold={}")
		how.take = func(r *session, _ project.Project) error {
			r.take("jest --coverage", filepath.Join(dir, "coverage-final.json"))
			return r.unmeasured
		}
	case nycScript.MatchString(script):
		how.take = (*session).takeNyc
	default: // also c8, which keeps what V8 measures where we say
		how.env = append(how.env, "NODE_V8_COVERAGE="+dir)
		how.take = func(r *session, _ project.Project) error { return r.takeFolder("node", dir, "") }
	}
	return nil
}

var nycScript = lazyregexp.New(`\bnyc\b`)

// installed says whether a package is in node_modules, of the project or above.
// A link may lead out of the tree: it is node that loads it, not we.
func (r *session) installed(p project.Project, name string) bool {
	for dir := p.Dir; ; dir = path.Dir(dir) {
		manifest := path.Join(dir, "node_modules", name, "package.json")
		if _, err := os.Stat(filepath.Join(r.target.Dir, filepath.FromSlash(manifest))); err == nil {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

// reports are the files in the usual places as they are now.
func (r *session) reports(p project.Project) map[string]os.FileInfo {
	found := make(map[string]os.FileInfo)
	for _, place := range placesOf(p.Kind) {
		name := path.Join(p.Dir, place)
		if info := stat(r.root, name); info != nil && info.Mode().IsRegular() {
			found[name] = info
		}
	}
	return found
}

// takeNode takes what the project's own script wrote to the usual places, for it
// knows best what counts; else what was asked for.
func (r *session) takeNode(how nodeRun, p project.Project, before map[string]os.FileInfo) error {
	after := r.reports(p)
	for _, place := range placesOf(p.Kind) {
		name := path.Join(p.Dir, place)
		if after[name] == nil || !rewritten(before[name], after[name]) || strings.HasSuffix(name, "summary.json") {
			continue
		}
		data, err := readBounded(filepath.Join(r.target.Dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		r.measured = append(r.measured, measured{name, data})
		return nil
	}
	return how.take(r, p)
}

// takeNyc takes what nyc keeps between its processes: each of them Istanbul's.
func (r *session) takeNyc(p project.Project) error {
	return r.takeFolder("nyc", filepath.Join(r.target.Dir, filepath.FromSlash(p.Dir), ".nyc_output"), "processinfo")
}

// folderLimit is how many files of one run are read.
const folderLimit = 10_000

// takeFolder takes every JSON file of a folder, all of them in one bound.
func (r *session) takeFolder(what, dir, except string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > folderLimit {
		return fmt.Errorf("%s left no coverage: the script ran no such program, or the run broke off", what)
	}
	left := int64(reportLimit)
	for _, e := range entries {
		name := e.Name()
		if e.Type()&fs.ModeType != 0 || !strings.HasSuffix(name, ".json") || name == except {
			continue
		}
		data, err := readBounded(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("%s: read the coverage of a process: %w", what, err)
		}
		if left -= int64(len(data)); left < 0 {
			return fmt.Errorf("%s: the coverage is larger than %d MiB", what, reportLimit>>20)
		}
		r.measured = append(r.measured, measured{what, data})
	}
	if len(r.measured) == 0 {
		return fmt.Errorf("%s left no coverage: the script ran no such program, or the run broke off", what)
	}
	// A run gives its processes names of chance.
	slices.SortFunc(r.measured, func(a, b measured) int { return strings.Compare(string(a.data), string(b.data)) })
	return nil
}
