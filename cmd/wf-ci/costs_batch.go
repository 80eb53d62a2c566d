package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/wf-ci/wf-ci/costs/saving"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/session/tokens"
)

// costsBatchCmd plans which requests go together.
type costsBatchCmd struct {
	ledgerFlags
	File string `arg:"" help:"Requests, a line of JSON each: id, model, task, system, prompt, output (expected tokens)."`
}

func (c *costsBatchCmd) Run(ctx context.Context, a *app) error {
	data, err := os.ReadFile(inside(a.dir, c.File))
	if err != nil {
		return usageError{err.Error()}
	}
	list, err := saving.ParseRequests(c.File, data)
	if err != nil {
		return usageError{err.Error()}
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	plan, err := saving.Plan(list, new(tokens.Counter).Count, b.table, b.at)
	if err != nil {
		return undecided{err}
	}
	if c.JSON {
		return writeJSON(a.rawOut, plan)
	}
	for _, batch := range plan.Batches {
		fmt.Fprintln(a.stdout, report.Visible(fmt.Sprintf("%s %s: %s (%s)", batch.Model, batch.Task, plural(len(batch.IDs), "request"), strings.Join(batch.IDs, " "))))
	}
	fmt.Fprintf(a.stdout, "%s in %d batches: %d tokens of input fewer, $%s instead of $%s, saves $%s (tokens counted with %s)\n",
		plural(plan.Requests, "request"), len(plan.Batches), plan.Saved, plan.Cost, plan.Cost+plan.SavedUSD, plan.SavedUSD, tokens.Encoding)
	if len(plan.Unpriced) > 0 {
		fmt.Fprintln(a.stdout, report.Visible("without a price, and in no amount: "+strings.Join(plan.Unpriced, ", ")))
	}
	return nil
}
