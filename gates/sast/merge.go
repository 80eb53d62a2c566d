package sast

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

// foreign is what an engine that is not ours found.
type foreign struct {
	gates.Finding
	engine string // see Engines
	rule   string // in the engine's own words
	class  class
	title  string
	uri    string
	cwe    string
}

// fault is one finding of the gate, and who found it.
type fault struct {
	gates.Finding
	class class
	// by are the engines' rules that found it too, "gosec G701".
	by    []string
	taken map[string]bool // the same, for a look-up
}

// statements tells which statement of a file a line belongs to; zero: none is
// known. Equal numbers are one statement.
type statements func(path gates.Path, line int) int

// merge puts the findings of other engines to ours: two of one fault become one,
// which keeps our name and place, the worse severity, and the names of all that
// found it. Of one class, on the same lines or in the same statement, is one
// fault; but two findings of one rule are never one. The order in which the
// engines ran does not matter, and nothing is lost that only one of them found.
func merge(own []gates.Finding, classes map[string]class, others []foreign, same statements) []fault {
	m := merger{same: same, byPath: make(map[gates.Path][]*fault)}
	for _, f := range slices.SortedFunc(slices.Values(own), gates.Finding.Compare) {
		m.add(f, classes[f.Rule], "")
	}
	others = slices.Clone(others)
	slices.SortFunc(others, func(a, b foreign) int {
		return cmp.Or(cmp.Compare(rank(a.engine), rank(b.engine)), a.Compare(b.Finding))
	})
	others = slices.CompactFunc(others, func(a, b foreign) bool { return a.Finding == b.Finding })
	for len(others) > 0 {
		n := 1
		for n < len(others) && others[n].engine == others[0].engine {
			n++
		}
		m.engine(others[:n])
		others = others[n:]
	}
	list := make([]fault, len(m.all))
	for i, f := range m.all {
		list[i] = *f
	}
	return list
}

type merger struct {
	same   statements
	all    []*fault
	byPath map[gates.Path][]*fault
}

func (m *merger) add(f gates.Finding, c class, by string) {
	x := &fault{Finding: f, class: c, taken: make(map[string]bool)}
	if by != "" {
		x.taken[by] = true
	}
	m.all = append(m.all, x)
	m.byPath[f.Path] = append(m.byPath[f.Path], x)
}

// engine puts one engine's findings to what the engines before it found: those
// on the same lines first, so that a neighbour does not take another's place.
func (m *merger) engine(list []foreign) {
	known := make(map[gates.Path]int)
	for path, faults := range m.byPath {
		known[path] = len(faults)
	}
	done := make([]bool, len(list))
	for _, near := range []func(a, b gates.Finding) bool{sameStart, overlap, m.oneStatement} {
		for i, f := range list {
			if !done[i] {
				done[i] = attach(m.byPath[f.Path][:known[f.Path]], f, near)
			}
		}
	}
	for i, f := range list {
		if !done[i] {
			m.add(f.Finding, f.class, f.engine+" "+f.rule)
		}
	}
}

// attach adds a finding to the first of these that is the same fault.
func attach(faults []*fault, f foreign, near func(a, b gates.Finding) bool) bool {
	by := f.engine + " " + f.rule
	for _, x := range faults {
		if f.class == "" || x.class != f.class || x.taken[by] || !near(x.Finding, f.Finding) {
			continue
		}
		x.taken[by] = true
		x.by = append(x.by, by)
		if !x.Severity.AtLeast(f.Severity) {
			x.Severity = f.Severity
		}
		return true
	}
	return false
}

func sameStart(a, b gates.Finding) bool { return a.Line > 0 && a.Line == b.Line }

func overlap(a, b gates.Finding) bool {
	return a.Line > 0 && b.Line > 0 && a.Line <= max(b.Line, b.EndLine) && b.Line <= max(a.Line, a.EndLine)
}

func (m *merger) oneStatement(a, b gates.Finding) bool {
	if m.same == nil || a.Line == 0 || b.Line == 0 {
		return false
	}
	s := m.same(a.Path, a.Line)
	return s != 0 && s == m.same(b.Path, b.Line)
}

// finding is a fault as it is reported.
func (x fault) finding() gates.Finding {
	f := x.Finding
	if len(x.by) > 0 {
		slices.Sort(x.by)
		f.Message = fmt.Sprintf("%s (found by %s too)", f.Message, strings.Join(x.by, ", "))
	}
	return f
}
