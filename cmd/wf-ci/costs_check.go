package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
)

// costsCheckCmd answers whether a request may run.
type costsCheckCmd struct {
	ledgerFlags
	remoteFlag
	Estimate string `required:"" placeholder:"USD" help:"What the request will cost, in US dollars."`
	Priority string `default:"normal" enum:"normal,critical" help:"A critical request may always run."`
}

func (c *costsCheckCmd) Run(ctx context.Context, a *app) error {
	estimate, err := amount("--estimate", c.Estimate)
	if err != nil {
		return err
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	all, err := b.ledger.Current(b.zone, b.at)
	if err != nil {
		return undecided{err}
	}
	holds, err := b.holds(ctx, a, c.Remote)
	if err != nil {
		return err
	}
	answer := b.budget.Allow(all, b.zone, b.at, costs.Request{Estimate: estimate, Critical: c.Priority == "critical", Holds: holds})
	if c.JSON {
		err = writeJSON(a.rawOut, answer)
	} else {
		word := map[bool]string{true: "allowed", false: "refused"}[answer.Allowed]
		_, err = fmt.Fprintln(a.stdout, strings.TrimSuffix(word+": "+answer.Reason, ": "))
	}
	if err == nil && !answer.Allowed {
		return refused{}
	}
	return err
}
