package reports

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// Projection is what the months to come would cost, at so many times the work
// (K19). The work is that of the last days; each month is priced by the list that
// is in force then, as far as it is announced.
type Projection struct {
	From    string         `json:"from"` // first day of the work that is taken
	Days    int            `json:"days"`
	Basis   costs.Nano     `json:"basis"` // what it did cost
	Changes []Change       `json:"price_changes"`
	Months  []ProjectMonth `json:"months"`
	Scales  []Scale        `json:"scales"`
	Fixed   []string       `json:"fixed"` // categories that do not grow
	// Unpriced calls are in no figure.
	Unpriced int `json:"unpriced"`
}

// Change is an announced change of prices that this work would feel.
type Change struct {
	Since  string     `json:"since"`
	Models []string   `json:"models"`
	Before costs.Nano `json:"before"` // the work of the basis, at the prices of the day before
	After  costs.Nano `json:"after"`
}

// ProjectMonth is one month at the work of today.
type ProjectMonth struct {
	Month string     `json:"month"`
	Cost  costs.Nano `json:"cost"`
}

// Scale is so many times the work: the first month to come, and twelve of them.
type Scale struct {
	Times int        `json:"times"`
	Month costs.Nano `json:"month"`
	Year  costs.Nano `json:"year"`
}

const (
	basisDays     = 28 // whole weeks, so that every weekday counts alike
	projectMonths = 12
)

// Project makes a projection from the last 28 days, or as many as there are.
func Project(in Input, fixed []string) (Projection, error) {
	window := costs.Period{Start: in.Zone.Day(in.At).Start.AddDate(0, 0, 1-basisDays), End: in.Zone.Day(in.At).End}
	list := within(in.Entries, window, in.At)
	if len(list) == 0 {
		return Projection{}, fmt.Errorf("nothing is recorded in the %d days before %s: there is nothing to project", basisDays, in.Zone.Date(in.At))
	}
	if first := in.first(); first.After(window.Start) {
		window.Start = in.Zone.Day(first).Start
	}
	n := int((window.End.Sub(window.Start) + 12*time.Hour) / (24 * time.Hour))
	p := Projection{From: in.Zone.Date(window.Start), Days: n, Basis: Total(list), Fixed: append([]string{}, fixed...), Changes: []Change{}}
	w := work{in: in, days: n, known: make(map[string][2]costs.Nano), fixed: fixed}
	for _, e := range list {
		if e.Basis == costs.Unpriced {
			p.Unpriced++
			continue
		}
		w.list = append(w.list, e)
	}
	if err := w.announce(&p); err != nil {
		return p, err
	}
	return p, w.months(&p)
}

// first is when the first entry was made.
func (in Input) first() time.Time {
	first := in.At
	for _, e := range in.Entries {
		if e.Time.Before(first) {
			first = e.Time
		}
	}
	return first
}

// work is the work of the basis, at the prices of any day.
type work struct {
	in    Input
	list  []costs.Entry
	days  int
	fixed []string
	dates []string                 // on which prices change, sorted
	known map[string][2]costs.Nano // growing, fixed: by the date since which it holds
}

// on is what the work costs at a day's prices: what grows with it, and what does
// not. What was not priced by the list costs what it did.
func (w *work) on(date string) (usd [2]costs.Nano, err error) {
	since := ""
	for _, d := range w.dates {
		if d <= date {
			since = d
		}
	}
	if usd, ok := w.known[since]; ok {
		return usd, nil
	}
	for _, e := range w.list {
		cost, err := w.at(e, date)
		if err != nil {
			return usd, err
		}
		if slices.Contains(w.fixed, e.Category) {
			usd[1] += cost
		} else {
			usd[0] += cost
		}
	}
	w.known[since] = usd
	return usd, nil
}

// at is an entry at the prices of a day, at its own hour.
func (w *work) at(e costs.Entry, date string) (costs.Nano, error) {
	if e.Basis != costs.List || e.Model == "" {
		return e.USD, nil
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0, err
	}
	clock := e.Time.UTC().Sub(e.Time.UTC().Truncate(24 * time.Hour))
	then, err := e.On(e.Model, day.Add(clock), w.in.Table)
	if err != nil || then.Basis == costs.Unpriced {
		return e.USD, err
	}
	return then.USD, nil
}

// announce finds the changes that are announced for the models that are used.
func (w *work) announce(p *Projection) error {
	today, end := w.in.At.UTC().Format(time.DateOnly), w.in.At.AddDate(0, projectMonths+1, 0).Format(time.DateOnly)
	dates := make(map[string][]string)
	for _, r := range By(w.list, model) {
		seen := make(map[string]bool)
		for _, l := range w.in.Table.History(r.Name, w.in.At) {
			if l.Since > today && l.Since < end && !seen[l.Since] {
				seen[l.Since] = true
				dates[l.Since] = append(dates[l.Since], r.Name)
			}
		}
	}
	w.dates = slices.Sorted(maps.Keys(dates))
	for _, since := range w.dates {
		day, err := time.Parse(time.DateOnly, since)
		if err != nil {
			return fmt.Errorf("the price list: %w", err)
		}
		before, err := w.on(day.AddDate(0, 0, -1).Format(time.DateOnly))
		if err != nil {
			return err
		}
		after, err := w.on(since)
		if err != nil {
			return err
		}
		models := dates[since]
		slices.Sort(models)
		p.Changes = append(p.Changes, Change{since, models, before[0] + before[1], after[0] + after[1]})
	}
	return nil
}

// months adds up the twelve months after this one, day by day.
func (w *work) months(p *Projection) error {
	start := w.in.Zone.Month(w.in.At).End
	var first, year [2]costs.Nano
	for m := range projectMonths {
		month := costs.Period{Start: start.AddDate(0, m, 0), End: start.AddDate(0, m+1, 0)}
		usd, err := w.month(month)
		if err != nil {
			return err
		}
		p.Months = append(p.Months, ProjectMonth{month.Start.Format("2006-01"), usd[0] + usd[1]})
		if m == 0 {
			first = usd
		}
		year[0], year[1] = year[0]+usd[0], year[1]+usd[1]
	}
	for _, times := range []int{1, 10, 100, 1000} {
		s := Scale{Times: times}
		var ok bool
		if s.Month, ok = scaled(first, times); ok {
			s.Year, ok = scaled(year, times)
		}
		if !ok {
			return fmt.Errorf("%d times the work costs more than can be counted", times)
		}
		p.Scales = append(p.Scales, s)
	}
	return nil
}

func (w *work) month(p costs.Period) (usd [2]costs.Nano, err error) {
	sum := [2]*big.Int{new(big.Int), new(big.Int)}
	for day := p.Start; day.Before(p.End); day = day.AddDate(0, 0, 1) {
		cost, err := w.on(day.Format(time.DateOnly))
		if err != nil {
			return usd, err
		}
		for i := range sum {
			sum[i].Add(sum[i], big.NewInt(int64(cost[i])))
		}
	}
	for i := range sum {
		sum[i].Quo(sum[i], big.NewInt(int64(w.days)))
		if !sum[i].IsInt64() {
			return usd, fmt.Errorf("the month of %s costs more than can be counted", p.Start.Format("2006-01"))
		}
		usd[i] = costs.Nano(sum[i].Int64())
	}
	return usd, nil
}

// scaled is so many times what grows, and what does not.
func scaled(usd [2]costs.Nano, times int) (costs.Nano, bool) {
	n := new(big.Int).Mul(big.NewInt(int64(usd[0])), big.NewInt(int64(times)))
	n.Add(n, big.NewInt(int64(usd[1])))
	return costs.Nano(n.Int64()), n.IsInt64()
}
