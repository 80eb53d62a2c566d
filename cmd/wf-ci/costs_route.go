package main

import (
	"context"
	"fmt"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
	"github.com/wf-ci/wf-ci/report"
)

// costsRouteCmd chooses a model.
type costsRouteCmd struct {
	ledgerFlags
	remoteFlag
	Task       string `placeholder:"T" help:"complex_reasoning, code_generation, bulk_processing, chat_conversation, summarization, embeddings, data_extraction, or one that a rule names."`
	Model      string `placeholder:"M" help:"The model that is wanted, in place of what the rules say (with --degrade)."`
	Complexity string `default:"medium" placeholder:"C" help:"low, medium or high."`
	Quality    string `default:"high" placeholder:"Q" help:"low, medium, high or critical."`
	Urgency    string `default:"normal" placeholder:"U" help:"low, normal or high."`
	Degrade    bool   `help:"Take a cheaper model, as the budget runs out."`
	Left       string `placeholder:"USD" help:"Suppose that so much of the month's budget is left."`
	Explain    bool   `help:"Say which row decided, and why."`
}

// routed is what costs route prints as JSON.
type routed struct {
	costs.Route
	Left   costs.Left             `json:"left"`
	Priced bool                   `json:"priced"`
	Price  map[string]prices.Rate `json:"price,omitempty"` // pico-dollars for one unit
}

func (c *costsRouteCmd) Run(ctx context.Context, a *app) error {
	if c.Task == "" && c.Model == "" {
		return usagef("give --task, or --model with --degrade")
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	left, err := c.left(ctx, a, b)
	if err != nil {
		return err
	}
	route, err := b.budget.Route(costs.Work{
		Task: c.Task, Complexity: c.Complexity, Quality: c.Quality, Urgency: c.Urgency, Model: c.Model, Degrade: c.Degrade,
	}, left)
	if err != nil {
		return usageError{err.Error()}
	}
	out := routed{Route: route, Left: left}
	row, ok := b.table.Find(route.Model, b.at, 0)
	out.Priced, out.Price = ok, row.Rates
	if route.Emergency && !free(out) {
		return usagef("costs/budget-config.json: routing.%s: %s is not free, and hardly anything is left", route.Row, report.Visible(route.Model))
	}
	if c.JSON {
		return writeJSON(a.rawOut, out)
	}
	fmt.Fprintln(a.stdout, report.Visible(route.Model))
	if c.Explain {
		fmt.Fprintf(a.stdout, "left of the month's budget: $%s, %g %%\n", left.USD, left.Percent)
		for _, step := range route.Steps {
			fmt.Fprintln(a.stdout, report.Visible(step))
		}
	}
	return nil
}

// left is what the ledger leaves of the budget, or what is supposed.
func (c *costsRouteCmd) left(ctx context.Context, a *app, b *books) (costs.Left, error) {
	if c.Left != "" {
		usd, err := amount("--left", c.Left)
		if err != nil {
			return costs.Left{}, err
		}
		soft := b.budget.Budgets.Monthly.Soft
		return b.budget.Left([]costs.Spent{{Name: "monthly", Soft: soft, Spent: soft - usd}}), nil
	}
	all, err := b.ledger.Current(b.zone, b.at)
	if err != nil {
		return costs.Left{}, undecided{err}
	}
	holds, err := b.holds(ctx, a, c.Remote)
	if err != nil {
		return costs.Left{}, err
	}
	return b.budget.Left(b.budget.Standing(all, b.zone, b.at, holds...)), nil
}

// free says whether nothing of a model costs anything.
func free(r routed) bool {
	for _, rate := range r.Price {
		if rate > 0 {
			return false
		}
	}
	return r.Priced
}
