package reports

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// Daily is the report of the day that holds in.At (K13). What comes after in.At
// does not count: for a day that is over, that is its last moment.
func Daily(in Input) (Page, error) {
	in.Period = "day"
	d, err := NewDashboard(in)
	if err != nil {
		return Page{}, err
	}
	return Page{
		Title: "Daily cost report, " + d.From,
		Lead:  []string{fmt.Sprintf("As of %s, time zone %s.", d.At, d.Timezone), d.Confidence.Line()},
		Sections: []Section{
			d.summary(in), d.hours(), rowsSection("By model", "Model", d.Models, true), rowsSection("By task", "Task", d.Tasks, false),
			rowsSection("By feature", "Feature", d.Features, false), d.operations(), d.anomalies(), d.saved(),
			titled(d.plan(in), "Tomorrow's budget"), titled(d.recommend(), "Recommendations"),
		},
	}, nil
}

func titled(s Section, title string) Section {
	s.Title = title
	return s
}

// summary is the day in a few lines.
func (d Dashboard) summary(in Input) Section {
	day, month := d.Budget["daily"], d.Budget["monthly"]
	yesterday := d.Trend[trendDays-2]
	s := Section{Title: "Summary"}
	s.Items = []string{
		fmt.Sprintf("$%s in %d entries: %g %% of the day's budget (%s)", d.Total, d.Calls, day.Percent, day.Soft.Cents()),
		fmt.Sprintf("the day before: $%s; the median of the last 30 days with entries: $%s", yesterday.Cost, in.usual(d.Trend)),
		fmt.Sprintf("month so far: $%s, %g %% of %s; projected: %s", d.MTD, month.Percent, month.Soft.Cents(), d.Projected.Cents()),
	}
	if len(d.Models) > 0 {
		s.Items = append(s.Items, fmt.Sprintf("most went to %s: $%s", name(d.Models[0].Name), d.Models[0].Cost))
	}
	for _, a := range d.Alerts {
		s.Items = append(s.Items, a.Level+": "+a.Message)
	}
	return s
}

// usual is the median of the days that have entries.
func (in Input) usual(trend []Day) costs.Nano {
	var list []costs.Nano
	for _, d := range trend {
		if d.Calls > 0 {
			list = append(list, d.Cost)
		}
	}
	return middle(list)
}

// plan is what tomorrow may cost, and what it is likely to.
func (d Dashboard) plan(in Input) Section {
	end := in.Zone.Day(in.At).End
	month := in.Zone.Month(end)
	left := in.Budget.Budgets.Monthly.Soft
	if month.Holds(in.At) {
		left -= d.MTD
	}
	n := int((month.End.Sub(end) + 12*time.Hour) / (24 * time.Hour))
	even := share(max(0, left), n)
	expected, of := in.expected(end)
	s := Section{Items: []string{
		fmt.Sprintf("day's soft limit %s, hard limit %s", in.Budget.Budgets.Daily.Soft.Cents(), in.Budget.Budgets.Daily.Hard.Cents()),
		fmt.Sprintf("$%s of the month's budget is left for %d days: %s a day", left, n, even.Cents()),
		fmt.Sprintf("%s costs %s, as the median of %s", end.Weekday(), expected.Cents(), of),
	}}
	if limit := min(even, in.Budget.Budgets.Daily.Soft); expected > limit {
		s.Items = append(s.Items, fmt.Sprintf("that is %s more than there is for it", (expected-limit).Cents()))
	}
	return s
}

// expected is what the day that begins then is likely to cost.
func (in Input) expected(start time.Time) (costs.Nano, string) {
	before := days(in.Entries, in.Zone, start.Add(-1), 56)
	if like := earlier(before); like != nil {
		return middle(like), fmt.Sprintf("%d days like it", len(like))
	}
	return in.usual(before), "the days so far"
}

// recommend is what to do: the suggestions, and what the alerts ask for.
func (d Dashboard) recommend() Section {
	s := d.suggestions()
	if len(d.Confidence.UnpricedModels) > 0 {
		s.Items = append(s.Items, "give "+name(d.Confidence.UnpricedModels[0])+" a price in costs/prices.json: what has none is in no figure")
	}
	if slices.ContainsFunc(d.Alerts, func(a costs.Alert) bool { return a.Level == "critical" }) {
		s.Items = append(s.Items, "let models follow the budget: wf-ci costs route --degrade")
	}
	s.Empty = cmp.Or(s.Empty, "None.")
	return s
}

// DayEnd is the time at which a report of the day that holds t looks: its last
// moment, or now where that is earlier.
func DayEnd(z costs.Zone, t, now time.Time) time.Time {
	if end := z.Day(t).End.Add(-1); end.Before(now) {
		return end
	}
	return now
}
