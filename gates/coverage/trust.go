package coverage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
)

// candidate is one report until it is believed: nothing that it says counts
// before it was held against the tree.
type candidate struct {
	name   string // in messages: its path, or what made it
	at     string // where names in it start from: a path of the tree
	time   time.Time
	ours   bool // made by a run of ours, just now
	format string
	says   map[string]*reportFile // by path of the tree
	misfit string                 // the path that err is about
	err    error                  // why it is not believed
}

// load reads a report of an earlier step.
func (m *measurement) load(ctx context.Context, name string) *candidate {
	c := &candidate{name: name, at: name}
	w, err := readWritten(ctx, m.root, m.target, name)
	if err != nil {
		c.err = err
		return c
	}
	c.time = w.time
	m.parse(c, w.data)
	return c
}

// parse reads a report and ties what it says to the files of the tree. One most
// of whose sources are not there is of another tree.
func (m *measurement) parse(c *candidate, data []byte) {
	rep, err := readReport(data)
	if err != nil {
		c.err = fmt.Errorf("%s: %w", c.name, err)
		return
	}
	c.format, c.says = rep.format, make(map[string]*reportFile)
	unknown, example := 0, ""
	for i, p := range m.matcher.match(rep, c.at) {
		rf := &rep.files[i]
		switch {
		case p == "":
			if class := project.Classify(slashed(rf.name), nil); class == project.Source {
				unknown++
				example = rf.name
			}
		case c.says[p] != nil:
			c.says[p].merge(rf)
		default:
			c.says[p] = rf
		}
	}
	switch known := len(c.says); {
	case c.ours:
		// It runs what else is on the machine too.
	case known == 0:
		c.err = fmt.Errorf("%s is of another tree: none of its files is in this one (it names %.200q)", c.name, rep.files[0].name)
	case unknown > known:
		c.err = fmt.Errorf("%s is of another tree: %d of its %d files are not in this one (such as %.200q)", c.name, unknown, known+unknown, example)
	}
}

// hold compares what a report says of a file with its content. Of several that
// do not fit the first counts, whatever the timing.
func (c *candidate) hold(name string, data []byte) {
	rf := c.says[name]
	if rf == nil || c.err != nil && (c.misfit == "" || c.misfit < name) {
		return
	}
	if err := fits(rf, data); err != nil {
		c.misfit, c.err = name, fmt.Errorf("%s was not made of this tree: %s: %w; run the tests again", c.name, name, err)
	}
}

// believe holds reports against the tree, and takes in those that fit.
func (m *measurement) believe(ctx context.Context, list []*candidate) error {
	if err := m.look(ctx, list); err != nil {
		return err
	}
	for _, c := range list {
		m.reports = append(m.reports, c)
		if c.err == nil && !c.ours {
			c.err = m.fresh(c)
		}
		if c.err != nil {
			continue
		}
		m.examined.Results++
		if !slices.Contains(m.formats, c.format) {
			m.formats = append(m.formats, c.format)
		}
		for _, name := range slices.Sorted(maps.Keys(c.says)) {
			if f := m.files[name]; f != nil {
				f.merge(c.says[name])
			}
		}
	}
	return nil
}

// fresh is an error when a report is older than a source or a test of the
// projects that it covers. A checkout gives every file the time of the
// checkout, so that what a later step writes is newer; what a cache brings back
// keeps its old time, and is refused.
func (m *measurement) fresh(c *candidate) error {
	covers := m.projectsOf(c)
	newest, when := "", c.time
	for _, f := range m.files {
		counts := c.says[f.path] != nil || covers[f.project] && (f.class == project.Source || f.class == project.Test)
		if !counts {
			continue
		}
		info := stat(m.root, f.path)
		if info == nil || !info.ModTime().After(c.time) {
			continue
		}
		if newest == "" || info.ModTime().After(when) || info.ModTime().Equal(when) && f.path < newest {
			newest, when = f.path, info.ModTime()
		}
	}
	if newest != "" {
		return fmt.Errorf("%s is older than %s: run the tests again. (In a workflow, check out first, then test, then run wf-ci; a report out of a cache does not count.)", c.name, newest)
	}
	return nil
}

// projectsOf are the projects whose sources a report names.
func (m *measurement) projectsOf(c *candidate) map[int]bool {
	covers := make(map[int]bool)
	for name := range c.says {
		if f := m.files[name]; f != nil && f.source && f.project >= 0 {
			covers[f.project] = true
		}
	}
	return covers
}

// known is how many sources each project has, and how many of them a report
// speaks of. Those of no project are at -1.
func (m *measurement) known() (sources, known map[int]int, total int) {
	sources, known = make(map[int]int), make(map[int]int)
	for _, f := range m.files {
		if !f.source {
			continue
		}
		sources[f.project]++
		if f.data != nil {
			known[f.project]++
			total++
		}
	}
	return sources, known, total
}

// complete is an error when the named report does not speak of enough.
func (m *measurement) complete() error {
	sources, known, total := m.known()
	if total == 0 {
		return errNoSource
	}
	for i, p := range m.projects {
		if p.Manifest != "" && known[i] > 0 && 2*known[i] < sources[i] {
			return errors.New(m.partly(i, known[i], sources[i]))
		}
	}
	return nil
}

var errNoSource = errors.New("the coverage report names no source of this tree, but tests, generated or vendored files only")

func (m *measurement) partly(i, known, sources int) string {
	p := m.projects[i]
	return fmt.Sprintf("the coverage report speaks of %d of the %d sources of %s only: have the tool measure all, also what no test loads (%s)", known, sources, called(p), measureAll[p.Kind])
}

// called is what a project is called in messages.
func called(p project.Project) string {
	if p.Manifest != "" {
		return p.Manifest
	}
	return p.Dir
}

// fill runs the tests of the projects that no report speaks of, and says of
// which nothing is known even then.
func (m *measurement) fill(ctx context.Context) error {
	list, without := jobs(m.target, m.projects)
	m.without = without
	why := make(map[int]error)
	for _, j := range list {
		needs := m.needing(&j)
		if len(needs) == 0 {
			continue
		}
		err := m.runSuite(ctx, j)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for _, i := range needs {
			why[i] = err
		}
	}
	m.lacking(why)
	if _, _, total := m.known(); total == 0 && len(m.problems) == 0 {
		return m.nothing()
	}
	return nil
}

// nothing is why nothing at all is known.
func (m *measurement) nothing() error {
	for _, c := range m.reports {
		if c.err != nil {
			return c.err
		}
	}
	if len(m.reports) == 0 {
		return fmt.Errorf("there is no coverage report: %s", m.remedy(nil))
	}
	return errNoSource
}

// wanting are the projects that have to be measured and are not, by index.
func (m *measurement) wanting() []int {
	declared := slices.ContainsFunc(m.projects, func(p project.Project) bool { return p.Manifest != "" })
	sources, known, _ := m.known()
	var list []int
	for i, p := range m.projects {
		if (p.Manifest != "" || !declared) && sources[i] > 0 && 2*known[i] < sources[i] {
			list = append(list, i)
		}
	}
	return list
}

// needing are the projects that want what a job would measure: its own, and the
// members of its workspace. Nil: there is none.
func (m *measurement) needing(j *job) []int {
	var list []int
	for _, i := range m.wanting() {
		p := m.projects[i]
		if p.Kind == j.project.Kind && (p.Dir == j.project.Dir || p.Workspace == j.project.Dir && p.Kind != project.Go) {
			list = append(list, i)
		}
	}
	return list
}

// runSuite runs a project's tests and takes in what it measured. The error is
// why it says nothing.
func (m *measurement) runSuite(ctx context.Context, j job) error {
	run, err := m.suites.run(ctx, m.target, j, true)
	if err != nil {
		return err
	}
	m.log = append(m.log, run.log...)
	if err := m.whole(run); err != nil {
		var missing missingTool
		if errors.As(run.err, &missing) {
			return missingTool{missing.tool, m.instead(j.project)}
		}
		return err
	}
	var list []*candidate
	at := j.project.Dir + "/x"
	for _, one := range run.measured {
		c := &candidate{name: one.what, at: strings.TrimPrefix(at, "./"), ours: true}
		m.parse(c, one.data)
		if !errors.Is(c.err, errNoFile) {
			list = append(list, c)
		}
	}
	if err := m.believe(ctx, list); err != nil {
		return err
	}
	for _, c := range list {
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

// instead is what to do where a project's tool is missing.
func (m *measurement) instead(p project.Project) string {
	text := "install it, or let an earlier step run `" + commandOf(p.Kind) + "`"
	if p.Dir != "." {
		text += " in " + p.Dir
	}
	return text
}

// whole says why the lines that ran are not those of a whole run.
func (m *measurement) whole(run ran) error {
	r := run.results
	passed := sum{r.passed, r.ran()}
	switch {
	case run.err != nil:
		return run.err
	case r.problem != nil:
		return r.problem
	case r.ran() == 0:
		return errors.New("no test ran")
	case run.exit != 0 && r.failed == 0:
		return fmt.Errorf("it ended with status %d, though %s passed: the run was not a whole one", run.exit, gates.Plural(r.passed, "test"))
	case r.failed > 0 && passed.below(m.options.MinPass):
		return fmt.Errorf("%s failed, so that the lines that ran are not those of a whole run: mend what the gate tests reports", gates.Plural(r.failed, "test"))
	}
	return run.unmeasured
}

// lacking says of which projects nothing is known, each with its reason: why its
// own run says nothing, or else why its report is not believed.
func (m *measurement) lacking(why map[int]error) {
	sources, known, _ := m.known()
	declared := m.wanting()
	var silent []int
	for _, i := range declared {
		p := m.projects[i]
		switch refused := m.refused(i); {
		case why[i] != nil && refused != nil:
			m.problems = append(m.problems, fmt.Sprintf("%s: %v; and %v", called(p), why[i], refused))
		case why[i] != nil:
			m.problems = append(m.problems, fmt.Sprintf("%s: %v", called(p), why[i]))
		case refused != nil:
			m.problems = append(m.problems, refused.Error())
		case known[i] > 0:
			m.problems = append(m.problems, m.partly(i, known[i], sources[i]))
		case !m.options.Asked && slices.ContainsFunc(m.without, func(q project.Project) bool { return q.Dir == p.Dir && q.Kind == p.Kind }):
			// Nobody asked for tests here: a warning says so.
		default:
			silent = append(silent, i)
		}
	}
	if sources[-1] > 0 && known[-1] == 0 {
		for _, c := range m.reports {
			if c.err != nil && m.loose(c) {
				m.problems = append(m.problems, c.err.Error())
			}
		}
	}
	m.problems = slices.Compact(m.problems)
	if len(silent) == 0 {
		return
	}
	var names []string
	for _, i := range silent {
		names = append(names, called(m.projects[i]))
	}
	if len(m.reports) == 0 {
		m.problems = append(m.problems, "there is no coverage report: "+m.remedy(silent))
		return
	}
	m.problems = append(m.problems, fmt.Sprintf("no coverage report speaks of %s: %s", strings.Join(names, ", "), m.remedy(silent)))
}

// refused is why the report of a project is not believed; nil: there is none, or
// it is.
func (m *measurement) refused(i int) error {
	for _, c := range m.reports {
		if c.err == nil || c.ours {
			continue
		}
		if covers := m.projectsOf(c); covers[i] || len(covers) == 0 && m.projects[i].Holds(c.at) && slices.Contains(placesOf(m.projects[i].Kind), strings.TrimPrefix(c.at, prefixOf(m.projects[i].Dir))) {
			return c.err
		}
	}
	return nil
}

// loose says whether a report is about sources of no project: those of a language
// whose projects we do not know.
func (m *measurement) loose(c *candidate) bool {
	for name := range c.says {
		if f := m.files[name]; f != nil && f.source && f.project < 0 {
			return true
		}
	}
	return len(c.says) == 0 && !slices.ContainsFunc(m.projects, func(p project.Project) bool {
		return p.Holds(c.at) && slices.Contains(placesOf(p.Kind), strings.TrimPrefix(c.at, prefixOf(p.Dir)))
	})
}

func prefixOf(dir string) string {
	if dir == "." {
		return ""
	}
	return dir + "/"
}
