package reports

import (
	"fmt"
	"strconv"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// shownRows is how many rows a table shows; the others are one more.
const shownRows = 10

// Page is the dashboard for people (K12).
func (d Dashboard) Page() Page {
	return Page{
		Title:   "Costs",
		Lead:    []string{fmt.Sprintf("As of %s, time zone %s. Tables: %s.", d.At, d.Timezone, d.about()), d.Confidence.Line()},
		Figures: d.figures(),
		Sections: []Section{
			d.alerts(), d.trend(),
			rowsSection("By model", "Model", d.Models, true), rowsSection("By task", "Task", d.Tasks, false),
			rowsSection("By feature", "Feature", d.Features, false), rowsSection("By branch (a work tree each)", "Branch", d.Branches, false),
			rowsSection("By category", "Category", d.Categories, false), d.hours(), d.operations(), d.roi(), d.anomalies(), d.suggestions(), d.saved(),
		},
	}
}

func (d Dashboard) about() string {
	if d.From == d.Until {
		return d.From
	}
	return d.From + " to " + d.Until
}

func (d Dashboard) figures() []Figure {
	out := []Figure{d.limited("Today", "daily"), d.limited("This week", "weekly"), d.limited("This month", "monthly")}
	soft := d.Budget["monthly"].Soft
	return append(out, Figure{"Projected for the month", d.Projected.Cents(), fmt.Sprintf("%g %% of %s", costs.Percent(d.Projected, soft), soft.Cents()), gauge(d.Projected, soft)})
}

func (d Dashboard) limited(label, period string) Figure {
	s := d.Budget[period]
	note := fmt.Sprintf("%g %% of %s, hard limit %s", s.Percent, s.Soft.Cents(), s.Hard.Cents())
	if s.Reserved > 0 {
		note += ", " + s.Reserved.Cents() + " reserved"
	}
	return Figure{label, s.Spent.Cents(), note, gauge(s.Spent, s.Soft)}
}

// gauge is a share for a picture: 0 to 100; below zero where there is no limit.
func gauge(part, whole costs.Nano) int {
	if whole <= 0 {
		return -1
	}
	return int(min(100, max(0, costs.Percent(part, whole))))
}

func (d Dashboard) alerts() Section {
	s := Section{Title: "Alerts", Empty: "None."}
	for _, a := range d.Alerts {
		s.Items = append(s.Items, a.Level+": "+a.Message)
	}
	return s
}

func (d Dashboard) trend() Section {
	chart := &Chart{Label: "Cost a day", Limit: d.Budget["daily"].Soft, Note: "daily soft limit " + d.Budget["daily"].Soft.Cents()}
	for _, day := range d.Trend {
		chart.Bars = append(chart.Bars, Bar{day.Date[len("2006-"):], day.Cost})
	}
	text := fmt.Sprintf("The last 7 days: %s; the 7 before: %s", d.LastWeek.Cents(), d.WeekBefore.Cents())
	if d.WeekBefore > 0 {
		text += fmt.Sprintf(" (%+g %%)", costs.Percent(d.LastWeek-d.WeekBefore, d.WeekBefore))
	}
	return Section{Title: "Trend, 30 days", Text: []string{text + "."}, Chart: chart}
}

// rowsSection is a table of rows; with a chart where there is more than one.
func rowsSection(title, head string, rows []Row, chart bool) Section {
	s := Section{Title: title, Empty: "Nothing is recorded."}
	if len(rows) == 0 {
		return s
	}
	rows = Top(rows, shownRows)
	s.Table = rowsTable(head, rows)
	if chart && len(rows) > 1 {
		s.Chart = &Chart{Label: title}
		for _, r := range rows {
			s.Chart.Bars = append(s.Chart.Bars, Bar{name(r.Name), r.Cost})
		}
	}
	return s
}

func rowsTable(head string, rows []Row) *Table {
	t := &Table{Head: []string{head, "Cost", "%", "Calls", "Average"}, Left: 1}
	for _, r := range rows {
		cost := "$" + r.Cost.String()
		if r.Unpriced > 0 {
			cost += fmt.Sprintf(" + %d without a price", r.Unpriced)
		}
		t.Rows = append(t.Rows, []string{name(r.Name), cost, fmt.Sprintf("%.2f", r.Percent), strconv.Itoa(r.Calls), fine(r.Average)})
	}
	return t
}

// fine is an amount with four decimals at most, for averages.
func fine(usd costs.Nano) string {
	const unit = costs.Nano(100_000)
	if usd != 0 && usd < unit/2 && usd > -unit/2 {
		return "<$0.0001"
	}
	return "$" + (share(usd, int(unit)) * unit).String()
}

func (d Dashboard) hours() Section {
	s := Section{Title: "By hour of the day", Empty: "Nothing is recorded."}
	if d.Calls == 0 {
		return s
	}
	s.Chart = &Chart{Label: "Cost an hour"}
	var used []Row
	for _, r := range d.Hours {
		s.Chart.Bars = append(s.Chart.Bars, Bar{r.Name, r.Cost})
		if r.Calls > 0 {
			used = append(used, r)
		}
	}
	s.Table = rowsTable("Hour", used)
	return s
}

func (d Dashboard) operations() Section {
	s := Section{Title: "Dearest operations", Empty: "Nothing has cost anything."}
	if len(d.Operations) == 0 {
		return s
	}
	s.Table = &Table{Head: []string{"When (UTC)", "What", "Task", "Feature", "Entry", "Cost"}, Left: 5}
	for _, o := range d.Operations {
		s.Table.Rows = append(s.Table.Rows, []string{o.Time.UTC().Format("2006-01-02 15:04"), name(o.What), name(o.Task), name(o.Feature), name(short(o.ID)), "$" + o.Cost.String()})
	}
	return s
}

// short is the beginning of an id: enough to find it.
func short(id string) string { return id[:min(12, len(id))] }

func (d Dashboard) roi() Section {
	s := Section{Title: "Return", Empty: "No feature in costs/features.json (users, revenue)."}
	if len(d.ROI) > 0 {
		s.Table = roiTable(d.ROI)
	}
	return s
}

func roiTable(list []ROI) *Table {
	t := &Table{Head: []string{"Feature", "Advice", "Cost", "Making it", "Running it", "Users", "Revenue", "A user", "ROI"}, Left: 2}
	for _, r := range list {
		row := []string{name(r.Feature), r.Advice, "$" + r.Total.String(), r.Development.Cents(), r.Operational.Cents()}
		if r.Known {
			row = append(row, strconv.FormatInt(r.Users, 10), r.Revenue.Cents(), fine(r.CostPerUser), fmt.Sprintf("%g %%", r.Percent))
		} else {
			row = append(row, "?", "?", "?", "?")
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (d Dashboard) anomalies() Section {
	s := Section{Title: "Anomalies", Empty: "None: no day and no call is far above its like (median + MAD)."}
	for _, a := range d.Anomalies {
		s.Items = append(s.Items, a.text())
	}
	return s
}

func (a Anomaly) text() string {
	like := fmt.Sprintf("$%s, where %d like it have a median of $%s (MAD $%s)", a.Cost, a.Of, a.Median, a.MAD)
	if a.Kind == "day" {
		return fmt.Sprintf("%s, a %s: %s", a.Name, a.Time.Weekday(), like)
	}
	task := ""
	if a.Task != "" {
		task = " for " + name(a.Task)
	}
	return fmt.Sprintf("%s%s at %s (%s): %s", name(a.Name), task, a.Time.UTC().Format(time.RFC3339), name(short(a.ID)), like)
}

func (d Dashboard) suggestions() Section {
	s := Section{Title: "To spend less", Empty: "Nothing stands out."}
	for _, g := range d.Suggestions {
		s.Items = append(s.Items, g.text())
	}
	if len(s.Items) > 0 {
		s.Text = []string{"Savings are those of the period. They overlap: they do not add up."}
	}
	return s
}

func (g Suggestion) text() string {
	return fmt.Sprintf("%s: %s. %s. Saves $%s: %s.", g.Priority, g.Finding, upper(g.Action), g.Saving, g.How)
}

// upper begins a sentence.
func upper(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

func (d Dashboard) saved() Section {
	s := Section{Title: "Saved already", Empty: "Nothing that the entries tell of."}
	for _, v := range d.Saved {
		s.Items = append(s.Items, fmt.Sprintf("%s: %s", v.Saving.Cents(), v.Text))
	}
	return s
}
