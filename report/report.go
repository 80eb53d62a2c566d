// Package report turns a finished run into what people and programs read.
//
// Every format is one function of the same [gates.Verdict]. JSON is lossless:
// all others can be made again from it (`wf-ci report --from`).
//
// Paths, messages and rules come from the tree that is judged, and from the
// tools that read it: a pull request from a stranger writes them. No format
// hands them on raw: nothing in a file's name can move a terminal's cursor,
// close a tag, or call somebody's attention in a comment.
package report

import (
	"cmp"
	"io"
	"slices"

	"github.com/wf-ci/wf-ci/gates"
)

// Format writes a finished run. It changes nothing in the verdict, and the
// same verdict always gives the same bytes.
type Format func(w io.Writer, v *gates.Verdict) error

// Named is a format under the name that `--output NAME=PATH` knows.
type Named struct {
	Name   string
	Doc    string // what it is for, in a few words
	Format Format
}

// Formats are all formats, in the order of the documentation.
func Formats() []Named {
	return []Named{
		{"json", "lossless; every other format can be made from it", JSON},
		{"sarif", "SARIF 2.1.0, for code scanning and editors", SARIF},
		{"junit", "JUnit XML, for test dashboards", JUnit},
		{"markdown", "for step summaries and comments", Markdown},
		{"html", "one page that needs nothing else", HTML},
		{"text", "for people", Text(Style{Unicode: true})},
	}
}

// Lookup is the format of a name.
func Lookup(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f.Format, true
		}
	}
	return nil, false
}

// Rank orders findings by what to look at first: what blocks, then what nobody
// waived, then the severe, then what is new, then by place. All that is listed
// for people is in this order, and what is cut is its end.
func Rank(a, b gates.Judged) int {
	return cmp.Or(
		first(a.Blocking, b.Blocking),
		first(a.Waiver == nil, b.Waiver == nil),
		cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)),
		first(a.New, b.New),
		a.Finding.Compare(b.Finding),
	)
}

// first orders true before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// severityRank is 0 for the worst. An unknown severity counts as the worst.
func severityRank(s gates.Severity) int {
	return max(0, slices.Index(gates.Severities(), s))
}

// ranked is a copy of the findings, what to look at first in front.
func ranked(findings []gates.Judged) []gates.Judged {
	return slices.SortedStableFunc(slices.Values(findings), Rank)
}

// listed are the findings that somebody has to see now: those that block and
// those that the change brings, ranked. What was there before, or is waived,
// is only counted.
func listed(findings []gates.Judged) []gates.Judged {
	var list []gates.Judged
	for _, f := range findings {
		if toSee(f) {
			list = append(list, f)
		}
	}
	return ranked(list)
}

func toSee(f gates.Judged) bool { return f.Blocking || f.New && f.Waiver == nil }

// tally counts a gate's findings.
type tally struct{ total, fresh, blocking, waived int }

func count(findings []gates.Judged) tally {
	t := tally{total: len(findings)}
	for _, f := range findings {
		if f.New {
			t.fresh++
		}
		if f.Blocking {
			t.blocking++
		}
		if f.Waiver != nil {
			t.waived++
		}
	}
	return t
}

// statuses counts gates by how they ended.
func statuses(v *gates.Verdict) map[gates.Status]int {
	n := make(map[gates.Status]int)
	for _, g := range v.Gates {
		n[g.Status]++
	}
	return n
}

// undecided says whether a gate is one that stops the run without a finding.
func undecided(g *gates.GateVerdict) bool {
	return g.Status == gates.StatusError && g.Required
}
