package coverage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

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
