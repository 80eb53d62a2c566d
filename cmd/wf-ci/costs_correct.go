package main

import (
	"context"
	"fmt"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/report"
)

// costsCorrectCmd corrects an entry.
type costsCorrectCmd struct {
	ledgerFlags
	Entry   string `arg:"" name:"id" help:"The entry's id or the start of it, or the name that it was recorded under with --id."`
	USD     string `name:"usd" placeholder:"AMOUNT" help:"What it did cost; 0 for what never happened."`
	Feature string `placeholder:"F" help:"The feature it was for."`
	Task    string `placeholder:"T" help:"The task it was for."`
	Reason  string `placeholder:"TEXT" required:"" help:"Why; it is kept with the entry."`
}

func (c *costsCorrectCmd) Run(ctx context.Context, a *app) error {
	if c.USD == "" && c.Feature == "" && c.Task == "" {
		return usagef("nothing to correct: give --usd, --feature or --task")
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	if c.At != "" {
		return usagef("--at: a correction counts when the event was; leave it out")
	}
	old, e, err := b.ledger.Correct(c.Entry, func(e costs.Entry) (costs.Entry, error) {
		e, err := c.change(e)
		if err != nil {
			return e, err
		}
		return e.Seal(a.now())
	})
	if err != nil {
		return usageError{err.Error()}
	}
	all, err := b.ledger.Rebuild(ctx, b.budget, b.zone)
	if err != nil {
		return usageError{fmt.Sprintf("the correction %s is recorded; the books are not rebuilt: %v", e.ID, err)}
	}
	a.warn(b, all, a.now())
	if c.JSON {
		return writeJSON(a.rawOut, e)
	}
	_, err = fmt.Fprintf(a.stdout, "corrected %s: $%s, was $%s (%s); now %s\n", old.ID, e.USD, old.USD, report.Visible(what(e)), e.ID)
	return err
}

func (c *costsCorrectCmd) change(e costs.Entry) (costs.Entry, error) {
	e.Replaces, e.Reason = e.ID, c.Reason
	if c.Feature != "" {
		e.Feature = c.Feature
	}
	if c.Task != "" {
		e.Task = c.Task
	}
	if c.USD == "" {
		return e, nil
	}
	usd, err := amount("--usd", c.USD)
	// Somebody said so: the units and their list price no longer make the sum.
	e.USD, e.Basis, e.PriceRef = usd, costs.Reported, ""
	for i := range e.Units {
		e.Units[i].Rate = 0
	}
	return e, err
}
