package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
)

// costsRecordCmd records one entry.
type costsRecordCmd struct {
	ledgerFlags
	usageFlags
	ID *string `name:"id" placeholder:"ID" help:"A name of your own: what is recorded twice under it counts once."`
}

func (c *costsRecordCmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	e, err := c.entry(a, b)
	if err != nil {
		return err
	}
	added, all, err := b.ledger.Record(ctx, []costs.Entry{e}, a.now(), b.budget, b.zone)
	if err != nil {
		return unrecorded(added, err)
	}
	a.warn(b, all, a.now())
	if c.JSON {
		return writeJSON(a.rawOut, e)
	}
	day := b.budget.Standing(all, b.zone, b.at)[0]
	_, err = fmt.Fprintf(a.stdout, "%s %s · day %s of %s\n", recorded(e, len(added) > 0), report.Visible(what(e)), day.Spent.Cents(), day.Soft.Cents())
	return err
}

// unrecorded is the error of [costs.Ledger.Record]: it is not the fault of who
// asked where the entries are there, and only the books are not.
func unrecorded(added []costs.Entry, err error) error {
	if len(added) > 0 {
		return undecided{fmt.Errorf("%w; then: wf-ci costs rebuild", err)}
	}
	return usageError{err.Error()}
}

// featureOf is the feature that a branch is for.
func featureOf(branch string) string {
	name, ok := strings.CutPrefix(branch, "feature/")
	if !ok {
		return ""
	}
	return name
}

func recorded(e costs.Entry, added bool) string {
	switch {
	case !added:
		return "already recorded: $" + e.USD.String()
	case e.Basis == costs.Unpriced:
		return "recorded without a price:"
	}
	return "recorded $" + e.USD.String()
}

func what(e costs.Entry) string { return cmp.Or(e.Model, e.Category) }

// entry makes the entry from the flags.
func (c *costsRecordCmd) entry(a *app, b *books) (costs.Entry, error) {
	key := "manual:" + rand.Text()
	switch {
	case c.ID == nil:
	case *c.ID == "": // of a variable that is not set: without a name, a second try would count twice
		return costs.Entry{}, usagef("--id: empty; leave it out, or give the event a name")
	default:
		key = "id:" + *c.ID
	}
	return c.usageFlags.entry(a, b, key)
}

// warn gives each alert once in its period.
func (a *app) warn(b *books, all []costs.Entry, at time.Time) {
	var given []string
	path := ""
	if b.gitDir != "" {
		path = filepath.Join(b.gitDir, "wf-ci-alerts.json")
		if data, err := optional(path); err == nil && json.Unmarshal(data, &given) != nil {
			given = nil
		}
	}
	before := len(given)
	for _, alert := range b.budget.Alerts(all, b.zone, at) {
		if slices.Contains(given, alert.Key) {
			continue
		}
		given = append(given, alert.Key)
		fmt.Fprintf(a.stderr, "wf-ci: %s: %s\n", alert.Level, alert.Message)
	}
	if path == "" || len(given) == before {
		return
	}
	given = given[max(0, len(given)-100):]
	if data, err := json.Marshal(given); err == nil {
		_ = state.Write(path, data, 0o644) // lost, it is said once more
	}
}
