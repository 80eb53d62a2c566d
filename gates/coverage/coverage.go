// Package coverage is the gates tests and coverage: whether the project's tests
// pass, and how much of its code they run. The tests are the project's own, run
// by its own runner or by an earlier step; here reports are found, distrusted,
// read and judged.
package coverage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Options are those of the gate coverage. The zero value demands nothing.
type Options struct {
	// Min is the least percentage of executable lines that ran, in each project.
	Min float64
	// Patch is the least percentage of the change's executable lines that ran.
	Patch float64
	// MinLines is how many executable lines a change has to have to be judged
	// by Patch.
	MinLines int
	// Report is the only report to read, relative to the tree's root. Empty:
	// the usual places of each project's tools.
	Report string
	// Run is a shell command line that writes Report. Optional.
	Run string
	// BaseReport is a report of the base's tests, to compare with. Optional.
	BaseReport string

	// All: what is outside the change blocks too.
	All bool
	// Asked: the policy asks for the gate. Else it is skipped where there are
	// no tests at all.
	Asked bool
	// MinPass is the least percentage of tests that pass for a run of ours to
	// count. Zero: whatever fails, its lines count.
	MinPass float64
	// Suites runs the tests where no report is there; shared with the gate
	// tests. Nil: one of the gate's own.
	Suites *Suites
}

var coverageRules = []gates.Rule{
	{ID: "coverage-total", Title: "Too few lines are run by the tests", Help: "Write tests for what the report shows as not run."},
	{ID: "coverage-patch", Title: "Too few of the changed lines are run by the tests", Help: "Write tests for the lines that the change adds; the notes uncovered-lines name them."},
	{ID: "uncovered-lines", Title: "Changed lines that no test runs", Help: "Write a test that runs them."},
	{ID: "not-in-report", Title: "The report does not know a file", Help: "Have the tool measure every source, also those that no test loads (go test -coverpkg=./..., jest collectCoverageFrom, coverage run --source=.)."},
}

// Gate is the gate coverage.
func Gate(o Options) gates.Gate {
	return gates.Gate{
		ID:     "coverage",
		Doc:    "how many of the lines, and of the changed lines, the tests run",
		Help:   "Write tests for the lines that are not run. Where nothing is measured: install the project's coverage tool, or let an earlier step write a report.",
		Scope:  gates.ScopeChange,
		Rules:  coverageRules,
		Weight: 4,
		Memory: 1024, // the tests may run for it
		Plan: func(ctx context.Context, t *gates.Target) (gates.Plan, error) {
			if !hasSources(t.Tree) {
				return gates.Plan{Skip: "no source files"}, nil
			}
			if !o.Asked && o.Report == "" {
				if skip, err := untested(ctx, t, "coverage"); skip != "" || err != nil {
					return gates.Plan{Skip: skip}, err
				}
			}
			return gates.Plan{Expect: gates.Examined{Files: 1, Results: 1}, Checkout: o.Report == ""}, nil
		},
		Lacks: func(ctx context.Context, t *gates.Target) ([]gates.Lack, error) {
			if o.Report != "" {
				return nil, nil
			}
			return lacks(ctx, t, true)
		},
		Run: func(ctx context.Context, t *gates.Target) (gates.Outcome, error) { return o.run(ctx, t) },
	}
}

// measurable are the languages whose tools write the reports that we read.
var measurable = []string{"go", "javascript", "typescript", "vue", "svelte", "python", "rust", "java", "kotlin", "scala", "groovy", "ruby", "php", "csharp", "swift", "dart", "c", "cpp", "elixir"}

func canMeasure(name string, head []byte) bool {
	return slices.Contains(measurable, project.Language(name, head)) && project.Classify(name, head) == project.Source && project.Executable(name)
}

func hasSources(tree *git.Tree) bool {
	return slices.ContainsFunc(tree.Files, func(f git.File) bool { return f.Kind != git.Symlink && f.Size > 0 && canMeasure(f.Path, nil) })
}

// file is what is known of one file of the tree.
type file struct {
	path    string
	class   project.Class
	source  bool        // its lines count
	data    *reportFile // merged; nil: no report names it
	project int         // index; -1: of none
}

// measurement is the work of the gate coverage on one tree.
type measurement struct {
	target   *gates.Target
	options  Options
	suites   *Suites
	projects []project.Project
	without  []project.Project // those without tests
	matcher  *matcher
	root     *os.Root
	reports  []*candidate
	files    map[string]*file
	formats  []string
	examined gates.Examined
	problems []string // why projects are not measured
	failing  bool     // tests failed in a run of ours
	log      []byte
}

func (o Options) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return gates.Outcome{}, err
	}
	defer root.Close()
	m := &measurement{target: t, options: o, suites: o.Suites, root: root, files: make(map[string]*file)}
	if m.suites == nil {
		m.suites = &Suites{Measure: true}
	}
	err = m.measure(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	out := gates.Outcome{Examined: m.examined, Engine: gates.Engine{Name: "wf-ci", Version: "coverage/2"}, Log: m.log}
	if len(m.formats) > 0 {
		out.Engine.Version += " (" + strings.Join(m.formats, ", ") + ")"
	}
	if err != nil {
		return out, err
	}
	// What could be measured is judged, whatever could not.
	if err := m.judge(ctx, &out); err != nil {
		return out, err
	}
	if len(m.problems) > 0 {
		return out, errors.New(m.matcher.relative(strings.Join(m.problems, "; ")))
	}
	return out, nil
}

func (m *measurement) measure(ctx context.Context) (err error) {
	if err := m.begin(ctx); err != nil {
		return err
	}
	if m.options.Run != "" {
		if err := m.command(ctx); err != nil {
			return err
		}
	}
	if m.options.Report != "" {
		return m.named(ctx)
	}
	// What an earlier step has left, and for the rest our own runs.
	if err := m.suites.quiet(ctx, func() error { return m.earlier(ctx) }); err != nil {
		return err
	}
	return m.fill(ctx)
}

func (m *measurement) begin(ctx context.Context) (err error) {
	if m.projects, err = project.Detect(ctx, m.target.Tree); err != nil {
		return err
	}
	m.matcher = newMatcher(m.target.Dir, m.target.Tree, m.projects)
	return nil
}

// command runs the user's command, which has to write the report: a script that
// passes its flags over leaves an old one, or none.
func (m *measurement) command(ctx context.Context) error {
	before := stat(m.root, m.options.Report)
	exit, log, err := shell(ctx, m.target, m.options.Run)
	m.log = log
	if err != nil {
		return err
	}
	if !rewritten(before, stat(m.root, m.options.Report)) {
		return fmt.Errorf("the command did not write %s (exit status %d)", m.options.Report, exit)
	}
	if exit != 0 {
		return fmt.Errorf("the command wrote %s and ended with status %d: the run of the tests was not a whole one", m.options.Report, exit)
	}
	return nil
}

// named reads the report that the policy names: the only one that counts.
func (m *measurement) named(ctx context.Context) error {
	c := m.load(ctx, m.options.Report)
	if errors.Is(c.err, fs.ErrNotExist) {
		return fmt.Errorf("%w; %s", c.err, m.remedy(nil))
	}
	if err := m.believe(ctx, []*candidate{c}); err != nil {
		return err
	}
	if c.err != nil {
		return c.err
	}
	return m.complete()
}

// earlier reads the reports in the usual places. One that is not to be believed
// is set aside: it matters where nothing else is known.
func (m *measurement) earlier(ctx context.Context) error {
	var list []*candidate
	for _, name := range m.usual() {
		list = append(list, m.load(ctx, name))
	}
	return m.believe(ctx, list)
}
