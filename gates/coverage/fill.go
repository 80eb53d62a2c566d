package coverage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
)

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
