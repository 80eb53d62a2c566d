package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
)

// costsBudgetCmd shows the limits, or sets them.
type costsBudgetCmd struct {
	Daily   string `placeholder:"SOFT[/HARD]" help:"Set the limits of a day, in US dollars, such as 5/7.50."`
	Weekly  string `placeholder:"SOFT[/HARD]" help:"Set those of a week."`
	Monthly string `placeholder:"SOFT[/HARD]" help:"Set those of a month."`
	Alert   string `placeholder:"SHARE" help:"Alert at this share of a soft limit, such as 0.8."`
	Block   *bool  `negatable:"" help:"Whether the gate budget blocks above a hard limit."`
	Dir     string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	JSON    bool   `name:"json" help:"Write JSON to stdout."`
}

func (c *costsBudgetCmd) Run(ctx context.Context, a *app) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	b, done, err := a.findBooks(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	if len(settings) > 0 {
		if b.budget, err = b.ledger.Configure(ctx, settings); err != nil {
			return usageError{err.Error()}
		}
		b.configured = true
		if _, err := b.refold(ctx); err != nil {
			return usageError{fmt.Sprintf("the limits are set; the books are not rebuilt: %v", err)}
		}
	}
	return c.show(a, b)
}

// refold brings the books up to the limits; where nothing is recorded there are
// none.
func (b *books) refold(ctx context.Context) ([]costs.Entry, error) {
	all, err := b.ledger.Entries()
	if err == nil && len(all) > 0 {
		all, err = b.ledger.Rebuild(ctx, b.budget, b.zone)
	}
	return all, err
}

func (c *costsBudgetCmd) settings() ([]costs.Setting, error) {
	var out []costs.Setting
	for _, p := range []struct{ name, limits string }{{"daily", c.Daily}, {"weekly", c.Weekly}, {"monthly", c.Monthly}} {
		if p.limits != "" {
			soft, hard, both := strings.Cut(p.limits, "/")
			limits := []struct{ key, text string }{{"soft_limit", soft}, {"hard_limit", hard}}
			if !both {
				limits = limits[:1]
			}
			for _, l := range limits {
				usd, err := amount("--"+p.name, l.text)
				if err != nil {
					return nil, err
				}
				out = append(out, costs.Setting{Key: "budgets." + p.name + "." + l.key, Value: usd.String()})
			}
		}
		if c.Alert != "" {
			share, err := strconv.ParseFloat(c.Alert, 64)
			if err != nil || !(share > 0 && share <= 1) {
				return nil, usagef("--alert %s: want a share such as 0.8", c.Alert)
			}
			out = append(out, costs.Setting{Key: "budgets." + p.name + ".alert_threshold", Value: strconv.FormatFloat(share, 'g', -1, 64)})
		}
	}
	if c.Block != nil {
		out = append(out, costs.Setting{Key: "cost_controls.block_on_limit", Value: strconv.FormatBool(*c.Block)})
	}
	return out, nil
}

func (c *costsBudgetCmd) show(a *app, b *books) error {
	source := "built-in"
	if b.configured {
		source = "costs/budget-config.json"
	}
	limits := b.budget.Budgets
	if c.JSON {
		return writeJSON(a.rawOut, struct {
			Source   string `json:"source"`
			Budgets  any    `json:"budgets"`
			Controls any    `json:"cost_controls"`
			Timezone string `json:"timezone"`
		}{source, limits, b.budget.Controls, b.zone.String()})
	}
	for _, p := range []struct {
		name string
		of   costs.Limits
	}{{"daily", limits.Daily}, {"weekly", limits.Weekly}, {"monthly", limits.Monthly}} {
		fmt.Fprintf(a.stdout, "%-8s soft limit %9s, alert at %g %%, hard limit %9s\n", p.name, p.of.Soft.Cents(), 100*p.of.Alert, p.of.Hard.Cents())
	}
	above := "above a hard limit costs check refuses, and the gate budget warns"
	if b.budget.Controls.BlockOnLimit {
		above = "above a hard limit costs check refuses, and the gate budget blocks"
	}
	_, err := fmt.Fprintf(a.stdout, "%s · time zone %s\nfrom: %s\n", above, b.zone, source)
	return err
}
