package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
)

// Input is all that a report hangs on.
type Input struct {
	Entries []costs.Entry
	Budget  costs.Budget
	Zone    costs.Zone
	At      time.Time     // entries after it do not count
	Table   *prices.Table // Required for suggestions and projections.
	Holds   []costs.Hold
	// Gaps are what is known to be missing in the entries: lines of logs that
	// could not be read.
	Gaps     []string
	Features Features
	// Period is what tables are about: day, week, month or all.
	Period string
}

// period is the one that tables are about.
func (in Input) period() (costs.Period, error) {
	switch in.Period {
	case "day":
		return in.Zone.Day(in.At), nil
	case "week":
		return in.Zone.Week(in.At), nil
	case "month", "":
		return in.Zone.Month(in.At), nil
	case "all":
		p := in.Zone.Day(in.At)
		for _, e := range in.Entries {
			if e.Time.Before(p.Start) {
				p.Start = in.Zone.Day(e.Time).Start
			}
		}
		return p, nil
	}
	return costs.Period{}, fmt.Errorf("period %q: want day, week, month or all", in.Period)
}

// Dashboard is where the money goes.
type Dashboard struct {
	At       string `json:"at"`
	Timezone string `json:"timezone"`
	Period   string `json:"period"`
	From     string `json:"from"` // first day of the period
	Until    string `json:"until"`

	Today     costs.Nano             `json:"today"`
	Week      costs.Nano             `json:"week"`
	MTD       costs.Nano             `json:"mtd"`
	Projected costs.Nano             `json:"projected"`
	Budget    map[string]costs.Spent `json:"budget"`
	Alerts    []costs.Alert          `json:"alerts"`

	Total      costs.Nano  `json:"total"` // of the period, as are the tables
	Calls      int         `json:"calls"`
	Models     []Row       `json:"models"`
	Tasks      []Row       `json:"tasks"`
	Features   []Row       `json:"features"`
	Branches   []Row       `json:"branches"`
	Categories []Row       `json:"categories"`
	Hours      []Row       `json:"hours"`
	Operations []Operation `json:"operations"`

	Trend       []Day        `json:"trend"` // the last 30 days
	LastWeek    costs.Nano   `json:"last_7_days"`
	WeekBefore  costs.Nano   `json:"7_days_before"`
	ROI         []ROI        `json:"roi"`
	Anomalies   []Anomaly    `json:"anomalies"`
	Suggestions []Suggestion `json:"suggestions"`
	Saved       []Saving     `json:"saved"`
	Confidence  Confidence   `json:"confidence"`
}

// Operation is one dear entry.
type Operation struct {
	ID      string     `json:"id"`
	Time    time.Time  `json:"time"`
	What    string     `json:"what"` // model, or category
	Task    string     `json:"task,omitempty"`
	Feature string     `json:"feature,omitempty"`
	Branch  string     `json:"branch,omitempty"`
	Cost    costs.Nano `json:"cost"`
}

// How many there are.
const (
	trendDays  = 30
	operations = 10
)

// NewDashboard counts everything.
func NewDashboard(in Input) (Dashboard, error) {
	p, err := in.period()
	if err != nil {
		return Dashboard{}, err
	}
	list := within(in.Entries, p, in.At)
	d := Dashboard{
		At: local(in.At, in.Zone).Format(time.RFC3339), Timezone: in.Zone.String(), Period: cmp.Or(in.Period, "month"),
		From: in.Zone.Date(p.Start), Until: in.Zone.Date(p.End.Add(-1)),
		Projected: in.Budget.Projected(in.Entries, in.Zone, in.At), Alerts: in.Budget.Alerts(in.Entries, in.Zone, in.At),
		Budget: make(map[string]costs.Spent),
		Total:  Total(list), Calls: len(list),
		Models: By(list, model), Tasks: By(list, task), Features: By(list, feature), Branches: By(list, branch), Categories: By(list, category),
		Hours: hours(list, in.Zone), Operations: dearest(list),
		Trend: days(in.Entries, in.Zone, in.At, trendDays),
		ROI:   in.roi(in.Entries, true), Anomalies: in.anomalies(p),
		Saved: saved(list), Confidence: in.confidence(list),
	}
	for _, s := range in.Budget.Standing(in.Entries, in.Zone, in.At, in.Holds...) {
		d.Budget[s.Name] = s
	}
	d.Today, d.Week, d.MTD = d.Budget["daily"].Spent, d.Budget["weekly"].Spent, d.Budget["monthly"].Spent
	d.LastWeek, d.WeekBefore = sum(d.Trend[trendDays-7:]), sum(d.Trend[trendDays-14:trendDays-7])
	d.Suggestions, err = in.suggest(list)
	return d, err
}

func model(e costs.Entry) string    { return e.Model }
func task(e costs.Entry) string     { return e.Task }
func feature(e costs.Entry) string  { return e.Feature }
func branch(e costs.Entry) string   { return e.Branch }
func category(e costs.Entry) string { return e.Category }

// what an entry was: its model, or its category.
func what(e costs.Entry) string { return cmp.Or(e.Model, e.Category) }

// dearest are the entries that cost the most.
func dearest(list []costs.Entry) []Operation {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b costs.Entry) int {
		return cmp.Or(cmp.Compare(b.USD, a.USD), a.Time.Compare(b.Time), strings.Compare(a.ID, b.ID))
	})
	out := []Operation{}
	for _, e := range sorted[:min(operations, len(sorted))] {
		if e.USD <= 0 {
			break
		}
		out = append(out, Operation{e.ID, e.Time, what(e), e.Task, e.Feature, e.Branch, e.USD})
	}
	return out
}
