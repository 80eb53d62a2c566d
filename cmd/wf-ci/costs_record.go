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
	Model        string `placeholder:"M" help:"Model that was called."`
	Input        int64  `placeholder:"N" help:"Tokens of input, without those of the cache."`
	Output       int64  `placeholder:"N" help:"Tokens of output."`
	CacheRead    int64  `placeholder:"N" help:"Tokens read from the cache."`
	CacheWrite   int64  `placeholder:"N" help:"Tokens written to the cache, for five minutes."`
	CacheWrite1h int64  `name:"cache-write-1h" placeholder:"N" help:"Tokens written to the cache, for an hour."`
	USD          string `name:"usd" placeholder:"AMOUNT" help:"US dollars that it cost, instead of tokens."`
	Category     string `placeholder:"C" help:"compute, storage, api, …. Default for tokens: llm."`
	Feature      string `placeholder:"F" help:"Feature. Default: that of a branch feature/F."`
	Task         string `placeholder:"T" help:"Task."`
	ID           string `name:"id" placeholder:"ID" help:"A name of your own: what is recorded twice under it counts once."`
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
	added, err := b.ledger.Add([]costs.Entry{e})
	if err != nil {
		return usageError{err.Error()}
	}
	all, err := b.ledger.Rebuild(ctx, b.budget, b.zone)
	if err != nil {
		return undecided{err}
	}
	a.warn(b, all, a.now())
	if c.JSON {
		return writeJSON(a.rawOut, e)
	}
	day := b.budget.Standing(all, b.zone, b.at)[0]
	_, err = fmt.Fprintf(a.stdout, "%s %s · day %s of %s\n", recorded(e, len(added) > 0), report.Visible(what(e)), day.Spent.Cents(), day.Soft.Cents())
	return err
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
	tokens := c.Input + c.Output + c.CacheRead + c.CacheWrite + c.CacheWrite1h
	switch {
	case c.Model == "" && c.USD == "":
		return costs.Entry{}, usagef("give --model with its tokens, or --usd with --category")
	case c.USD != "" && (c.Category == "" || tokens != 0):
		return costs.Entry{}, usagef("--usd needs --category, and goes without tokens")
	case min(c.Input, c.Output, c.CacheRead, c.CacheWrite, c.CacheWrite1h) < 0:
		return costs.Entry{}, usagef("tokens cannot be negative")
	case c.USD == "" && tokens <= 0:
		return costs.Entry{}, usagef("no tokens: give --input, --output, --cache-read or --cache-write")
	}
	e := costs.Entry{
		Key: "id:" + c.ID, Time: b.at.UTC(), Category: c.Category, Feature: c.Feature, Task: c.Task,
		Branch: b.branch, Commit: b.head, Source: "manual",
	}
	if c.ID == "" {
		e.Key = "manual:" + rand.Text()
	}
	if name, ok := strings.CutPrefix(b.branch, "feature/"); ok && e.Feature == "" {
		e.Feature = name
	}
	var err error
	if c.USD != "" {
		e.Model, e.Basis = c.Model, costs.Reported
		if e.USD, err = costs.ParseUSD(c.USD); err == nil && e.USD < 0 {
			err = fmt.Errorf("amount %s: negative; a correction is an entry of its own", c.USD)
		}
	} else {
		e, err = e.Price(costs.Usage{
			Model: c.Model, Input: c.Input, Output: c.Output, CacheRead: c.CacheRead, CacheWrite: c.CacheWrite, CacheWrite1h: c.CacheWrite1h,
		}, b.table)
	}
	if err == nil {
		e, err = e.Seal(a.now())
	}
	if err != nil {
		return e, usageError{err.Error()}
	}
	return e, nil
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
