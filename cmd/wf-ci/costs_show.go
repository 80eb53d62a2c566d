package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/logs"
	"github.com/wf-ci/wf-ci/report"
)

// costsShowCmd shows the standing.
type costsShowCmd struct {
	ledgerFlags
	remoteFlag
}

// shown is what costs show prints as JSON.
type shown struct {
	Today     costs.Nano             `json:"today"`
	Week      costs.Nano             `json:"week"`
	MTD       costs.Nano             `json:"mtd"`
	Projected costs.Nano             `json:"projected"`
	Budget    map[string]costs.Spent `json:"budget"`
	Alerts    []costs.Alert          `json:"alerts"`
	Unpriced  []string               `json:"unpriced"`
	Timezone  string                 `json:"timezone"`
	Entries   int                    `json:"entries"`
}

func (c *costsShowCmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	current, count, err := b.ledger.Around(b.zone, b.at)
	if err != nil {
		return undecided{err}
	}
	holds, err := b.holds(ctx, a, c.Remote)
	if err != nil {
		return err
	}
	read := a.warnLogs(b)
	s := standing(b, current, count, holds...)
	if c.JSON {
		return writeJSON(a.rawOut, s)
	}
	for _, name := range []string{"daily", "weekly", "monthly"} {
		p := s.Budget[name]
		fmt.Fprintf(a.stdout, "%-8s %10s of %s (%s %%), hard limit %s", name, p.Spent.Cents(), p.Soft.Cents(), costs.Digits(p.Percent), p.Hard.Cents())
		if p.Reserved > 0 {
			fmt.Fprintf(a.stdout, ", %s reserved", p.Reserved.Cents())
		}
		fmt.Fprintln(a.stdout)
	}
	fmt.Fprintf(a.stdout, "projected for the month: %s · %d entries · time zone %s\n", s.Projected.Cents(), s.Entries, s.Timezone)
	for _, alert := range s.Alerts {
		fmt.Fprintf(a.stdout, "%s: %s\n", alert.Level, alert.Message)
	}
	if len(s.Unpriced) > 0 {
		fmt.Fprintf(a.stdout, "without a price, and not in these figures: %s (costs/prices.json takes prices of your own)\n", report.Visible(strings.Join(s.Unpriced, ", ")))
	}
	if notes := read.Notes(); notes != (logs.Notes{}) {
		fmt.Fprintf(a.stdout, "confidence, of the logs that were imported: %s\n", imported{Notes: notes}.confidence())
	}
	return nil
}

// standing is made from the entries of the day, week and month, of so many in all.
func standing(b *books, all []costs.Entry, count int, holds ...costs.Hold) shown {
	s := shown{
		Projected: b.budget.Projected(all, b.zone, b.at), Budget: make(map[string]costs.Spent), Alerts: b.budget.Alerts(all, b.zone, b.at),
		Unpriced: []string{}, Timezone: b.zone.String(), Entries: count,
	}
	for _, p := range b.budget.Standing(all, b.zone, b.at, holds...) {
		s.Budget[p.Name] = p
	}
	s.Today, s.Week, s.MTD = s.Budget["daily"].Spent, s.Budget["weekly"].Spent, s.Budget["monthly"].Spent
	month := b.zone.Month(b.at)
	for _, e := range all {
		if e.Basis == costs.Unpriced && month.Holds(e.Time) && !slices.Contains(s.Unpriced, e.Model) {
			s.Unpriced = append(s.Unpriced, e.Model)
		}
	}
	slices.Sort(s.Unpriced)
	return s
}
