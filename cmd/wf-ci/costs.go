package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
)

// costsCmd is about the ledger.
type costsCmd struct {
	Record costsRecordCmd `cmd:"" help:"Record what a call, or something else, has cost."`
	Show   costsShowCmd   `cmd:"" help:"Show what has been spent, against the budget."`
	Check  costsCheckCmd  `cmd:"" help:"Say whether a request of an estimated cost may run: status 1 is no."`
}

// books is the ledger of a directory, with all that its reports hang on.
type books struct {
	ledger costs.Ledger
	budget costs.Budget
	zone   costs.Zone
	table  *prices.Table
	branch string
	head   string
	gitDir string // empty: no repository
}

// openBooks finds the ledger: at the top of the repository, or in the
// directory itself where there is none.
func (a *app) openBooks(ctx context.Context, dir string) (*books, func(), error) {
	dir = inside(a.dir, dir)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil, usagef("%s is not a directory", dir)
	}
	scratch, err := a.scratch()
	if err != nil {
		return nil, nil, undecided{err}
	}
	done := func() { _ = os.RemoveAll(scratch) }
	b := &books{}
	repo, err := git.Open(ctx, &run.Runner{Env: run.CleanEnv(a.environ)}, dir, scratch)
	switch {
	case errors.Is(err, git.ErrNotRepository):
	case err != nil:
		done()
		return nil, nil, openError(ctx, err)
	default:
		dir, b.gitDir = repo.Dir, repo.GitDir
		if b.branch, err = repo.Branch(ctx); err == nil {
			b.head, err = repo.Head(ctx)
		}
		if err != nil {
			done()
			return nil, nil, undecided{err}
		}
	}
	if err := b.read(dir); err != nil {
		done()
		return nil, nil, usageError{err.Error()}
	}
	return b, done, nil
}

// read reads the user's files: budget, prices, time zone.
func (b *books) read(dir string) error {
	b.ledger = costs.Ledger{Dir: filepath.Join(dir, "costs"), Lock: filepath.Join(cmp.Or(b.gitDir, dir), ".wf-ci-costs")}
	b.budget = costs.DefaultBudget()
	data, err := optional(filepath.Join(b.ledger.Dir, "budget-config.json"))
	if err == nil && data != nil {
		b.budget, err = costs.ParseBudget("costs/budget-config.json", data)
	}
	if err != nil {
		return err
	}
	if b.table, err = prices.Builtin(); err != nil {
		return err
	}
	data, err = optional(filepath.Join(b.ledger.Dir, "prices.json"))
	if err == nil && data != nil {
		b.table, err = b.table.With("costs/prices.json", data)
	}
	if err != nil {
		return err
	}
	zone := b.budget.Timezone
	for _, name := range configNames {
		data, err := optional(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if data == nil {
			continue
		}
		cfg, err := config.Parse(name, data)
		if err != nil {
			return err
		}
		if cfg.Origin("costs.timezone") != "built-in" || zone == "" {
			zone = cfg.Costs.Timezone
		}
		break
	}
	b.zone, err = costs.ParseZone(zone)
	return err
}

// optional reads a file that need not be there: then it is nil.
func optional(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// instant reads --at; empty is now.
func (a *app) instant(text string) (time.Time, error) {
	if text == "" {
		return a.now(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usagef("--at %s: want a time such as 2026-11-27T10:00:00Z", text)
	}
	return t, nil
}

// costsRecordCmd records one entry.
type costsRecordCmd struct {
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
	At           string `placeholder:"TIME" help:"When, RFC 3339. Default: now."`
	ID           string `name:"id" placeholder:"ID" help:"A name of your own: what is recorded twice under it counts once."`
	Dir          string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	JSON         bool   `name:"json" help:"Write the entry as JSON to stdout."`
}

func (c *costsRecordCmd) Run(ctx context.Context, a *app) error {
	at, err := a.instant(c.At)
	if err != nil {
		return err
	}
	b, done, err := a.openBooks(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	e, err := c.entry(a, b, at)
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
	day := b.budget.Standing(all, b.zone, at)[0]
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
func (c *costsRecordCmd) entry(a *app, b *books, at time.Time) (costs.Entry, error) {
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
		Key: "id:" + c.ID, Time: at.UTC(), Category: c.Category, Feature: c.Feature, Task: c.Task,
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

// costsShowCmd shows the standing.
type costsShowCmd struct {
	At   string `placeholder:"TIME" help:"As of this time, RFC 3339. Default: now."`
	Dir  string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	JSON bool   `name:"json" help:"Write JSON to stdout."`
}

// shown is what costs show prints as JSON.
type shown struct {
	Today     costs.Nano             `json:"today"`
	Week      costs.Nano             `json:"week"`
	MTD       costs.Nano             `json:"mtd"`
	Projected costs.Nano             `json:"projected"`
	Budget    map[string]costs.Spent `json:"budget"`
	Alerts    []costs.Alert          `json:"alerts"`
	Unpriced  []string               `json:"unpriced"`
	Timezone  string                 `json:"timezone"`
	Entries   int                    `json:"entries"`
}

func (c *costsShowCmd) Run(ctx context.Context, a *app) error {
	at, err := a.instant(c.At)
	if err != nil {
		return err
	}
	b, done, err := a.openBooks(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	all, err := b.ledger.Entries()
	if err != nil {
		return undecided{err}
	}
	s := standing(b, all, at)
	if c.JSON {
		return writeJSON(a.rawOut, s)
	}
	for _, name := range []string{"daily", "weekly", "monthly"} {
		p := s.Budget[name]
		fmt.Fprintf(a.stdout, "%-8s %10s of %s (%g %%), hard limit %s\n", name, p.Spent.Cents(), p.Soft.Cents(), p.Percent, p.Hard.Cents())
	}
	fmt.Fprintf(a.stdout, "projected for the month: %s · %d entries · time zone %s\n", s.Projected.Cents(), s.Entries, s.Timezone)
	for _, alert := range s.Alerts {
		fmt.Fprintf(a.stdout, "%s: %s\n", alert.Level, alert.Message)
	}
	if len(s.Unpriced) > 0 {
		fmt.Fprintf(a.stdout, "without a price, and not in these figures: %s (costs/prices.json takes prices of your own)\n", report.Visible(strings.Join(s.Unpriced, ", ")))
	}
	return nil
}

func standing(b *books, all []costs.Entry, at time.Time) shown {
	s := shown{
		Projected: b.budget.Projected(all, b.zone, at), Budget: make(map[string]costs.Spent), Alerts: b.budget.Alerts(all, b.zone, at),
		Unpriced: []string{}, Timezone: b.zone.String(), Entries: len(all),
	}
	for _, p := range b.budget.Standing(all, b.zone, at) {
		s.Budget[p.Name] = p
	}
	s.Today, s.Week, s.MTD = s.Budget["daily"].Spent, s.Budget["weekly"].Spent, s.Budget["monthly"].Spent
	month := b.zone.Month(at)
	for _, e := range all {
		if e.Basis == costs.Unpriced && month.Holds(e.Time) && !slices.Contains(s.Unpriced, e.Model) {
			s.Unpriced = append(s.Unpriced, e.Model)
		}
	}
	slices.Sort(s.Unpriced)
	return s
}

// costsCheckCmd answers whether a request may run.
type costsCheckCmd struct {
	Estimate string `required:"" placeholder:"USD" help:"What the request will cost, in US dollars."`
	Priority string `default:"normal" enum:"normal,critical" help:"A critical request may always run."`
	At       string `placeholder:"TIME" help:"As of this time, RFC 3339. Default: now."`
	Dir      string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	JSON     bool   `name:"json" help:"Write JSON to stdout."`
}

func (c *costsCheckCmd) Run(ctx context.Context, a *app) error {
	at, err := a.instant(c.At)
	if err != nil {
		return err
	}
	estimate, err := costs.ParseUSD(c.Estimate)
	if err == nil && estimate < 0 {
		err = fmt.Errorf("amount %s: negative", c.Estimate)
	}
	if err != nil {
		return usagef("--estimate: %v", err)
	}
	b, done, err := a.openBooks(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	all, err := b.ledger.Entries()
	if err != nil {
		return undecided{err}
	}
	answer := b.budget.Allow(all, b.zone, at, estimate, c.Priority == "critical")
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

// refused is a check that says no: status 1, and it has said why.
type refused struct{}

func (refused) Error() string { return "refused" }
