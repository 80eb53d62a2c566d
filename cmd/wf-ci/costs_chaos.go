package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/costs/refs"
)

// costsChaosCmd tries a remote out.
type costsChaosCmd struct {
	ledgerFlags
	remoteFlag
	Jobs int `default:"64" placeholder:"N" help:"How many jobs publish entries, 2 to 1000."`
}

// tried is what costs chaos prints as JSON.
type tried struct {
	OK bool `json:"ok"`
	refs.Trial
}

func (c *costsChaosCmd) Run(ctx context.Context, a *app) error {
	if c.Jobs < 2 || c.Jobs > 1000 {
		return usagef("--jobs %d: want 2 to 1000", c.Jobs)
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	store, err := b.store(a, c.Remote)
	if err != nil {
		return err
	}
	t, err := store.Chaos(ctx, c.Jobs, b.at)
	if err != nil {
		return undecided{fmt.Errorf("try out %s: %w", orNone(c.Remote), err)}
	}
	if c.JSON {
		err = writeJSON(a.rawOut, tried{t.OK(), t})
	} else {
		fmt.Fprintf(a.stdout, "%d jobs: %d times published, %d times killed, %d compactions meanwhile\n", t.Jobs, t.Published, t.Killed, t.Compactions)
		fmt.Fprintf(a.stdout, "%d entries: %d lost, %d doubled\n", t.Entries, len(t.Lost), len(t.Doubled))
		fmt.Fprintf(a.stdout, "%d reservations at once for a limit of %d: %d granted\n", t.Asked, t.Fit, t.Granted)
		for _, what := range append(append(t.Lost, t.Doubled...), t.Left...) {
			fmt.Fprintln(a.stdout, "  "+strings.TrimSpace(what))
		}
	}
	if err == nil && !t.OK() {
		return refused{}
	}
	return err
}
