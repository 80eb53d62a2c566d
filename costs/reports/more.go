package reports

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
)

// Page is the projection for people.
func (p Projection) Page() Page {
	out := Page{Title: "Projection", Lead: []string{
		fmt.Sprintf("From the %d days since %s, which did cost $%s. Each month at the prices that are announced for it.", p.Days, p.From, p.Basis),
	}}
	if p.Unpriced > 0 {
		out.Lead = append(out.Lead, fmt.Sprintf("confidence: in no figure, for want of a price: %d of the calls", p.Unpriced))
	}
	scales := Section{Title: "If the work grows", Table: &Table{Head: []string{"Work", "A month", "A year"}, Left: 1}}
	for _, s := range p.Scales {
		scales.Table.Rows = append(scales.Table.Rows, []string{"×" + strconv.Itoa(s.Times), s.Month.Cents(), s.Year.Cents()})
	}
	if len(p.Fixed) > 0 {
		var names []string
		for _, f := range p.Fixed {
			names = append(names, name(f))
		}
		scales.Text = []string{"Does not grow: " + strings.Join(names, ", ") + "."}
	}
	months := Section{Title: "The months to come", Table: &Table{Head: []string{"Month", "Cost"}, Left: 1}, Chart: &Chart{Label: "Cost a month"}}
	for _, m := range p.Months {
		months.Table.Rows = append(months.Table.Rows, []string{m.Month, "$" + m.Cost.String()})
		months.Chart.Bars = append(months.Chart.Bars, Bar{m.Month, m.Cost})
	}
	out.Sections = []Section{scales, p.changes(), months}
	return out
}

func (p Projection) changes() Section {
	s := Section{Title: "Announced prices", Empty: "The price list announces no change for the models that are used."}
	for _, c := range p.Changes {
		var names []string
		for _, m := range c.Models {
			names = append(names, name(m))
		}
		s.Items = append(s.Items, fmt.Sprintf("from %s: %s; the work of these %d days then costs $%s instead of $%s", c.Since, strings.Join(names, ", "), p.Days, c.After, c.Before))
	}
	return s
}

// ROIPage is the return of features, and what became of branches, for people.
func ROIPage(list []ROI, fates []Fate, c Confidence) Page {
	out := Page{Title: "Return", Lead: []string{c.Line()}}
	s := Section{Title: "By feature", Empty: "Nothing is recorded for any feature."}
	if len(list) > 0 {
		s.Table = roiTable(list)
	}
	out.Sections = []Section{s}
	if len(fates) > 0 {
		t := &Table{Head: []string{"Branches that are", "Number", "Cost", "Each"}, Left: 1}
		for _, f := range fates {
			t.Rows = append(t.Rows, []string{f.Fate, strconv.Itoa(f.Number), "$" + f.Cost.String(), f.Each.Cents()})
		}
		out.Sections = append(out.Sections, Section{Title: "By what became of the branch", Table: t})
	}
	return out
}

// NewConfidence is that of the entries up to in.At.
func NewConfidence(in Input) Confidence {
	return in.confidence(pick(in.Entries, func(e costs.Entry) bool { return !e.Time.After(in.At) }))
}
