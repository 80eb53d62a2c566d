package main

import (
	"context"
	"fmt"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// costsPackCmd closes the months that are over.
type costsPackCmd struct{ ledgerFlags }

func (c *costsPackCmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	if b.at.After(a.now().Add(24 * time.Hour)) {
		return usagef("--at %s: in the future: a month that is not over cannot be closed", c.At)
	}
	links, err := b.ledger.Pack(ctx, b.at.UTC().Format("2006-01"))
	if err != nil {
		return usageError{err.Error()}
	}
	if c.JSON {
		return writeJSON(a.rawOut, append([]costs.Link{}, links...))
	}
	for _, k := range links {
		fmt.Fprintf(a.stdout, "%s: %d entries, $%s, in costs/%s, sealed %.12s\n", k.Month, k.Entries, k.USD, k.File, k.Hash)
	}
	if len(links) == 0 {
		fmt.Fprintln(a.stdout, "nothing to pack: no month that is over has entries of its own")
	}
	return nil
}

// costsVerifyCmd checks the whole ledger.
type costsVerifyCmd struct {
	ledgerFlags
	Expect string `placeholder:"HASH" help:"A link that the chain has to hold, as an earlier verify printed it: nobody has cut the chain since."`
}

// verified is what costs verify prints as JSON.
type verified struct {
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
	costs.Verified
}

func (c *costsVerifyCmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	v, err := b.ledger.Verify(b.budget, b.zone)
	if err == nil && c.Expect != "" {
		err = b.ledger.Linked(c.Expect)
	}
	out := verified{OK: err == nil, Verified: v}
	if err != nil {
		out.Problem = err.Error()
	}
	switch {
	case c.JSON:
		if err := writeJSON(a.rawOut, out); err != nil {
			return err
		}
	case err != nil:
		fmt.Fprintf(a.stdout, "broken: %s\n", out.Problem)
	default:
		fmt.Fprintf(a.stdout, "whole: %d entries in %d files, $%s; %d links, the last %s\n", v.Entries, v.Files, v.Total, v.Links, orNone(v.Head))
		if v.Late > 0 {
			fmt.Fprintf(a.stdout, "%d entries of closed months came late and are not sealed yet (wf-ci costs pack)\n", v.Late)
		}
	}
	if err != nil {
		return refused{}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// costsRebuildCmd folds the books again.
type costsRebuildCmd struct{ ledgerFlags }

func (c *costsRebuildCmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	all, err := b.ledger.Rebuild(ctx, b.budget, b.zone)
	if err != nil {
		return usageError{err.Error()}
	}
	if c.JSON {
		return writeJSON(a.rawOut, standing(b, all, len(all)))
	}
	_, err = fmt.Fprintf(a.stdout, "folded %d entries into the books\n", len(all))
	return err
}
