package main

import (
	"context"
	"fmt"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/report"
)

// costsRepriceCmd asks what the work would have cost at other prices.
type costsRepriceCmd struct {
	ledgerFlags
	AsOf string `name:"as-of" required:"" placeholder:"DATE" help:"The day whose prices are asked about, YYYY-MM-DD; it may lie ahead."`
}

// repriced is what costs reprice prints as JSON.
type repriced struct {
	AsOf     string           `json:"as_of"`
	Was      costs.Nano       `json:"was"`
	Now      costs.Nano       `json:"now"`
	Unpriced int              `json:"unpriced"`
	Models   []costs.Repriced `json:"models"`
}

func (c *costsRepriceCmd) Run(ctx context.Context, a *app) error {
	day, err := time.Parse(time.DateOnly, c.AsOf)
	if err != nil {
		return usagef("--as-of %s: want a day such as 2026-11-27", c.AsOf)
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	all, err := b.ledger.Entries()
	if err != nil {
		return undecided{err}
	}
	models, err := costs.Reprice(all, b.table, day)
	if err != nil {
		return undecided{err}
	}
	out := repriced{AsOf: c.AsOf, Models: append([]costs.Repriced{}, models...)}
	for _, m := range models {
		out.Was, out.Now, out.Unpriced = out.Was+m.Was, out.Now+m.Now, out.Unpriced+m.Unpriced
	}
	if c.JSON {
		return writeJSON(a.rawOut, out)
	}
	for _, m := range out.Models {
		fmt.Fprintf(a.stdout, "%-30s %6d ×  $%s -> $%s\n", report.Visible(m.Model), m.Entries, m.Was, m.Now)
	}
	fmt.Fprintf(a.stdout, "at the prices of %s: $%s, and it did cost $%s; nothing was changed\n", out.AsOf, out.Now, out.Was)
	if out.Unpriced > 0 {
		fmt.Fprintf(a.stdout, "in neither sum, because they have no price then or had none: %d of the entries\n", out.Unpriced)
	}
	return nil
}
