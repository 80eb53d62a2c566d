package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/costs/prices"
	"github.com/wf-ci/wf-ci/report"
)

// costsPricesCmd is about the price table.
type costsPricesCmd struct {
	Show costsPricesShowCmd `cmd:"" default:"withargs" help:"Show the prices of a model, or all."`
	Diff costsPricesDiffCmd `cmd:"" help:"Compare with a list that was written before (wf-ci costs prices --json): status 1 where they differ."`
}

// costsPricesShowCmd shows prices.
type costsPricesShowCmd struct {
	ledgerFlags
	Model string `arg:"" optional:"" help:"A model or a thing, by any name that record takes. Default: all that there are."`
}

func (c *costsPricesShowCmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	list := b.table.List()
	if c.Model != "" {
		if list = b.history(c.Model); len(list) == 0 {
			return usagef("%s: nobody has a price for it; costs/prices.json takes prices of your own", report.Visible(c.Model))
		}
	}
	if c.JSON {
		return writeJSON(a.rawOut, list)
	}
	for _, l := range list {
		fmt.Fprintln(a.stdout, report.Visible(priceLine(l)))
	}
	if c.Model == "" {
		fmt.Fprintf(a.stdout, "%d prices; a model that is not here has none, and is not free\n", len(list))
	}
	return nil
}

// history are the prices of a model over time, or those of a runner.
func (b *books) history(name string) []prices.Listed {
	if list := b.table.History(name, b.at); len(list) > 0 {
		return list
	}
	if row, ok := prices.Runner(name, b.at); ok {
		return []prices.Listed{{Provider: row.Provider, Model: row.Model, Since: row.Since, Source: row.Source,
			Units: map[string][]prices.Tier{prices.Minutes: {{Rate: row.Rates[prices.Minutes]}}}}}
	}
	return nil
}

// priceLine is a price for people.
func priceLine(l prices.Listed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s", l.Provider, l.Model)
	if l.Since != "" {
		b.WriteString(" since " + l.Since)
	}
	if l.From != "" {
		fmt.Fprintf(&b, " from %s to %s", l.From, l.To)
	}
	b.WriteByte(':')
	for i, unit := range slices.Sorted(maps.Keys(l.Units)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" " + unit)
		for _, t := range l.Units[unit] {
			if t.Above > 0 {
				fmt.Fprintf(&b, " (above %d tokens:", t.Above)
			}
			b.WriteString(" " + t.Rate.In(unit))
			if t.Above > 0 {
				b.WriteByte(')')
			}
		}
	}
	return b.String() + " · " + l.Source
}

// costsPricesDiffCmd compares price lists.
type costsPricesDiffCmd struct {
	ledgerFlags
	Old string `arg:"" name:"file" help:"The list that was written before."`
}

func (c *costsPricesDiffCmd) Run(ctx context.Context, a *app) error {
	data, err := os.ReadFile(inside(a.dir, c.Old))
	if err != nil {
		return usageError{err.Error()}
	}
	var old []prices.Listed
	if err := json.Unmarshal(data, &old); err != nil {
		return usagef("%s: %v; want what wf-ci costs prices --json writes", c.Old, err)
	}
	if len(old) == 0 {
		return usagef("%s: no prices in it; want what wf-ci costs prices --json writes", c.Old)
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	diff := prices.Diff(old, b.table.List())
	if c.JSON {
		if err := writeJSON(a.rawOut, append([]prices.Difference{}, diff...)); err != nil {
			return err
		}
	} else {
		for _, d := range diff {
			if d.Old.Model != "" {
				fmt.Fprintln(a.stdout, report.Visible("- "+priceLine(d.Old)))
			}
			if d.New.Model != "" {
				fmt.Fprintln(a.stdout, report.Visible("+ "+priceLine(d.New)))
			}
		}
		fmt.Fprintf(a.stdout, "%d differences\n", len(diff))
	}
	if len(diff) > 0 {
		return refused{}
	}
	return nil
}
