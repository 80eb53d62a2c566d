package coverage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// TestOptions are those of the gate tests.
type TestOptions struct {
	// Min is the least percentage of tests that pass, of those that ran.
	Min float64
	// Reports are files of results, relative to the tree's root; * and ** stand
	// for what they do in a shell. Where there are some, they are judged, and
	// no project is run.
	Reports []string
	// Run is a shell command line that writes Reports. Optional.
	Run string
	// Asked: the policy asks for the gate. Else it is skipped where there are
	// no tests at all.
	Asked bool
	// Suites runs the tests; shared with the gate coverage. Nil: one of the
	// gate's own.
	Suites *Suites
}

// Tests is the gate tests. Its scope is the whole tree: a change to a source
// breaks tests that it does not touch.
func Tests(o TestOptions) gates.Gate {
	return gates.Gate{
		ID:    "tests",
		Doc:   "whether the project's tests pass",
		Help:  "Run the test yourself, and mend the source or the test. Where no test ran: write one, or name the report of the step that runs them.",
		Scope: gates.ScopeAll,
		Rules: []gates.Rule{
			{ID: "test-failed", Title: "A test failed", Help: "Run the test yourself, and mend the source or the test."},
			{ID: "no-tests", Title: "A project without tests", Help: "Write a test."},
		},
		Weight: 4,
		Memory: 1024,
		Plan: func(ctx context.Context, t *gates.Target) (gates.Plan, error) {
			if len(o.Reports) == 0 && !hasSources(t.Tree) {
				return gates.Plan{Skip: "no source files"}, nil
			}
			if !o.Asked && len(o.Reports) == 0 {
				if skip, err := untested(ctx, t, "tests"); skip != "" || err != nil {
					return gates.Plan{Skip: skip}, err
				}
			}
			return gates.Plan{Expect: gates.Examined{Results: 1}, Checkout: len(o.Reports) == 0}, nil
		},
		Lacks: func(ctx context.Context, t *gates.Target) ([]gates.Lack, error) {
			if len(o.Reports) > 0 {
				return nil, nil
			}
			return lacks(ctx, t, false)
		},
		Run: func(ctx context.Context, t *gates.Target) (gates.Outcome, error) { return o.run(ctx, t) },
	}
}

// tally is the work of the gate tests.
type tally struct {
	target   *gates.Target
	options  TestOptions
	root     *os.Root
	projects []project.Project
	matcher  *matcher

	all      results
	byDir    map[string]*results
	engines  []string
	examined gates.Examined
	findings []gates.Finding
	problems []string
	log      []byte
}

func (o TestOptions) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return gates.Outcome{}, err
	}
	defer root.Close()
	projects, err := project.Detect(ctx, t.Tree)
	if err != nil {
		return gates.Outcome{}, err
	}
	y := &tally{target: t, options: o, root: root, projects: projects, matcher: newMatcher(t.Dir, t.Tree, projects), byDir: make(map[string]*results)}
	if len(o.Reports) > 0 {
		err = y.reports(ctx)
	} else {
		err = y.run(ctx)
	}
	out := y.outcome()
	switch {
	case err != nil:
		return out, err
	case len(y.problems) > 0:
		return out, errors.New(strings.Join(y.problems, "; "))
	case y.all.ran() == 0:
		if y.all.skipped > 0 {
			return out, fmt.Errorf("no test ran: all %d were skipped", y.all.skipped)
		}
		return out, errors.New("no test ran: write one, or name the report of the step that runs them in gates.tests.reports")
	}
	return out, nil
}

// run runs the tests of each project, one after the other.
func (y *tally) run(ctx context.Context) error {
	list, without := jobs(y.target, y.projects)
	suites := y.options.Suites
	if suites == nil {
		suites = new(Suites)
	}
	for _, j := range list {
		run, err := suites.run(ctx, y.target, j, suites.Measure)
		if err != nil {
			return err
		}
		y.log = append(y.log, run.log...)
		var missing missingTool
		if errors.As(run.err, &missing) && y.earlier(ctx, j.project) {
			continue // in a container without the toolchain an earlier step ran them
		}
		y.take(j, run.results, run.exit, run.err)
	}
	if len(list)+len(without) == 0 {
		y.earlier(ctx, project.Project{Dir: "."}) // a language whose runner we do not know
	}
	for _, p := range without {
		if y.earlier(ctx, p) {
			continue
		}
		if p.Problem != "" {
			y.problem("%s: whether there are tests, and how they are run, cannot be told", p.Problem)
			continue
		}
		name, rel := p.Manifest, ""
		if p.Dir != "." {
			rel = p.Dir + ": "
		}
		y.findings = append(y.findings, gates.Finding{Rule: "no-tests", Severity: gates.SeverityWarning, Path: gates.Path(name), Message: rel + "the project has sources and no tests"})
	}
	return nil
}

// take adds one run. Its exit status and its counts have to say the same.
func (y *tally) take(j job, res results, exit int, err error) {
	where := "`" + j.shown + "`"
	if j.project.Dir != "." {
		where += " in " + j.project.Dir
	}
	if res.format != "" {
		y.examined.Results++
		y.add(j.project.Dir, res)
	}
	switch {
	case err != nil:
		y.problem("%s: %v", where, err)
	case res.problem != nil:
		y.problem("%s: %v", where, res.problem)
	case exit == 5 && res.ran() == 0, exit == 0 && res.ran() == 0:
		y.problem("%s: no test ran", where)
	case exit != 0 && res.failed == 0:
		y.problem("%s ended with status %d, though %s passed: the run was not a whole one", where, exit, gates.Plural(res.passed, "test"))
	}
}

func (y *tally) problem(format string, args ...any) {
	y.problems = append(y.problems, strings.TrimSpace(y.tidy(fmt.Sprintf(format, args...))))
}

func (y *tally) add(dir string, res results) {
	if !slices.Contains(y.engines, res.format) {
		y.engines = append(y.engines, res.format)
	}
	y.all.add(res)
	if y.byDir[dir] == nil {
		y.byDir[dir] = &results{}
	}
	y.byDir[dir].add(res)
}

// usualResults are where tools leave results, relative to a project.
var usualResults = []string{
	"junit.xml", "junit-*.xml", "report.xml", "test-report.xml", "test-results.xml", "test-results/**/*.xml", "reports/junit/**/*.xml", "reports/junit.xml",
	"**/build/test-results/**/TEST-*.xml", "**/target/surefire-reports/TEST-*.xml", "target/nextest/*/junit.xml", "go-test.json", "test-results.json",
}

// earlier judges the results that an earlier step left for a project; false:
// there are none.
func (y *tally) earlier(ctx context.Context, p project.Project) bool {
	var patterns []string
	for _, u := range usualResults {
		patterns = append(patterns, path.Join(p.Dir, u))
	}
	names, err := globbed(y.root, patterns)
	if err != nil || len(names) == 0 {
		return false
	}
	if err := y.readAll(ctx, names, func(string) bool { return true }); err != nil {
		y.problem("%v", err)
	}
	return true
}

// reports judges the files that the policy names.
func (y *tally) reports(ctx context.Context) error {
	before := make(map[string]os.FileInfo)
	exit := 0
	if y.options.Run != "" {
		old, err := globbed(y.root, y.options.Reports)
		if err != nil {
			return err
		}
		for _, name := range old {
			before[name] = stat(y.root, name)
		}
		if exit, y.log, err = shell(ctx, y.target, y.options.Run); err != nil {
			return err
		}
	}
	names, err := globbed(y.root, y.options.Reports)
	if err != nil {
		return err
	}
	written := func(name string) bool {
		return y.options.Run == "" || rewritten(before[name], stat(y.root, name))
	}
	for _, pattern := range y.options.Reports {
		if !slices.ContainsFunc(names, func(name string) bool { return project.Match(path.Clean(pattern), name) && written(name) }) {
			if y.options.Run != "" {
				return fmt.Errorf("the command did not write %s (exit status %d)", pattern, exit)
			}
			return fmt.Errorf("%s is not there: let an earlier step of the workflow run the tests and write it", pattern)
		}
	}
	if err := y.readAll(ctx, names, written); err != nil {
		return err
	}
	if exit != 0 && y.all.failed == 0 {
		return fmt.Errorf("the command ended with status %d, though %s passed: the run was not a whole one", exit, gates.Plural(y.all.passed, "test"))
	}
	return nil
}

func (y *tally) readAll(ctx context.Context, names []string, wanted func(string) bool) error {
	for _, name := range names {
		if !wanted(name) {
			continue // left over from an earlier run
		}
		w, err := readWritten(ctx, y.root, y.target, name)
		if err != nil {
			return err
		}
		res, err := readResults(w.data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if newer := y.newer(w.time); newer != "" {
			return fmt.Errorf("%s is older than %s: run the tests again. (In a workflow, check out first, then test, then run wf-ci; a report out of a cache does not count.)", name, newer)
		}
		y.examined.Results++
		y.examined.Bytes += int64(len(w.data))
		dir := "."
		for _, p := range y.projects {
			if p.Holds(name) && len(p.Dir) > len(dir) {
				dir = p.Dir
			}
		}
		y.add(dir, res)
		if res.problem != nil {
			return fmt.Errorf("%s: %w", name, res.problem)
		}
	}
	return nil
}

// newer is the newest source or test that is younger than a report.
func (y *tally) newer(than time.Time) string {
	name, when := "", than
	for _, f := range y.target.Tree.Files {
		if f.Kind == git.Symlink || !slices.Contains(measurable, project.Language(f.Path, nil)) {
			continue
		}
		if class := project.Classify(f.Path, nil); class != project.Source && class != project.Test {
			continue
		}
		if info := stat(y.root, f.Path); info != nil && info.ModTime().After(when) {
			name, when = f.Path, info.ModTime()
		}
	}
	return name
}

func (y *tally) outcome() gates.Outcome {
	out := gates.Outcome{
		Findings: y.findings, Examined: y.examined, Log: y.log,
		Engine: gates.Engine{Name: "wf-ci", Version: strings.TrimSpace("tests/1 " + parenthesis(y.engines))},
	}
	if y.all.ran()+y.all.skipped == 0 {
		return out
	}
	passed := sum{y.all.passed, y.all.ran()}
	out.Metrics = map[string]float64{
		"tests": float64(y.all.ran() + y.all.skipped), "failed": float64(y.all.failed), "skipped": float64(y.all.skipped),
	}
	if passed.lines > 0 {
		out.Metrics["pass_rate"] = shown(passed.percent())
	}
	for dir, r := range y.byDir {
		if len(y.byDir) > 1 {
			out.Metrics["tests:"+dir], out.Metrics["failed:"+dir] = float64(r.ran()+r.skipped), float64(r.failed)
		}
	}
	severity := gates.SeverityError
	if passed.lines > 0 && !passed.below(y.options.Min) {
		severity = gates.SeverityWarning
	}
	isTest := func(name string) bool { return project.Classify(name, nil) == project.Test }
	var names gates.Fingerprints
	for dir, r := range sortedResults(y.byDir) {
		for _, f := range r.failures {
			file, line := y.matcher.locate(f, dir, isTest)
			out.Findings = append(out.Findings, gates.Finding{
				Rule: "test-failed", Severity: severity, Path: gates.Path(file), Line: line,
				Message: y.message(dir, f), Fingerprint: names.Of("tests", "test-failed", dir, f.suite, f.name),
			})
		}
	}
	return out
}

func sortedResults(m map[string]*results) func(func(string, *results) bool) {
	return func(yield func(string, *results) bool) {
		dirs := make([]string, 0, len(m))
		for dir := range m {
			dirs = append(dirs, dir)
		}
		slices.Sort(dirs)
		for _, dir := range dirs {
			if !yield(dir, m[dir]) {
				return
			}
		}
	}
}

func parenthesis(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "(" + strings.Join(words, ", ") + ")"
}

var (
	escapes   = lazyregexp.New("\x1b\\[[0-9;]*[A-Za-z]")
	addresses = lazyregexp.New(`0x[0-9a-fA-F]{5,}`)
	durations = lazyregexp.New(`\(\d+(\.\d+)?m?s\)`)
	noise     = lazyregexp.New(`^(=== |--- |\s*--- |FAIL\b|ok\b|# |exit status|collection failure$|goroutine |\s*at |Traceback|running \d)`)
	goPlace   = lazyregexp.New(`^[\w./-]+\.go:\d+(:\d+)?: `)
	goThread  = lazyregexp.New(`^thread '.*' (\(\d+\) )?panicked at `)
)

// message says which test failed and the first that it says of why: the same
// words in every run.
func (y *tally) message(dir string, f failure) string {
	name := f.name
	if f.suite != "" {
		name = f.suite + ": " + f.name
	}
	if dir != "." {
		name = dir + ": " + name
	}
	why := ""
	for line := range strings.Lines(escapes.ReplaceAllString(f.text, "")) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || noise.MatchString(line) || goThread.MatchString(line) {
			continue
		}
		why, _, _ = strings.Cut(goPlace.ReplaceAllString(strings.TrimSpace(line), ""), " [recovered")
		break
	}
	text := "failed: " + name
	if why != "" {
		text += ": " + why
	}
	return clip(y.tidy(text), 400)
}

// tidy takes out what differs from run to run and from machine to machine.
func (y *tally) tidy(s string) string {
	return durations.ReplaceAllString(addresses.ReplaceAllString(y.matcher.relative(s), "0x…"), "(…)")
}

// relative takes out where the checkout is on this machine.
func (m *matcher) relative(s string) string {
	for _, dir := range m.dirs {
		s = strings.ReplaceAll(s, filepath.FromSlash(dir)+string(filepath.Separator), "")
	}
	return s
}

// clip cuts a text at a character.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
