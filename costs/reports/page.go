package reports

import (
	"strings"

	"github.com/wf-ci/wf-ci/costs"
)

// Page is a report of no format yet. In its texts, names that others chose (of
// models, features, branches) stand between two marks, so that each format can
// make them harmless in its own way; see [name].
type Page struct {
	Title    string
	Lead     []string
	Figures  []Figure
	Sections []Section
}

// Figure is one of the large ones at the top.
type Figure struct {
	Label, Value, Note string
	Used               int // percent of a limit; below zero: there is none
}

// Section is a heading with what is below it.
type Section struct {
	Title string
	Text  []string
	Chart *Chart
	Table *Table
	Items []string
	Empty string // said where there is nothing else
}

// Table is one; the first Left columns are texts, the others numbers.
type Table struct {
	Head []string
	Left int
	Rows [][]string
}

// Chart is bars side by side, in their order.
type Chart struct {
	Label string
	Bars  []Bar
	Limit costs.Nano // a line across; zero: none
	Note  string     // of the line
}

// Bar is one of a chart.
type Bar struct {
	Label string
	Cost  costs.Nano
}

// mark stands before and behind a name. No name has one: entries refuse
// characters that cannot be seen, and name takes them out all the same.
const mark = "\x00"

// name marks a name of others.
func name(s string) string {
	if s == "" {
		return "(none)"
	}
	return mark + strings.ReplaceAll(s, mark, "") + mark
}

// Part is a piece of a text.
type Part struct {
	Name bool
	Text string
}

// parts takes a text apart: every second part is a name.
func parts(text string) []Part {
	var out []Part
	for i, s := range strings.Split(text, mark) {
		if s != "" {
			out = append(out, Part{i%2 == 1, s})
		}
	}
	return out
}

// sparks draws amounts as a line of small bars.
func sparks(bars []Bar) string {
	levels := []rune("▁▂▃▄▅▆▇█")
	var top costs.Nano
	for _, b := range bars {
		top = max(top, b.Cost)
	}
	var out strings.Builder
	for _, b := range bars {
		if top <= 0 || b.Cost <= 0 {
			out.WriteRune('·')
			continue
		}
		out.WriteRune(levels[min(7, int(8*(float64(b.Cost)/float64(top))))])
	}
	return out.String()
}
