package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/logs"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
)

// costsImportCmd reads the agents' logs.
type costsImportCmd struct {
	Since        string `placeholder:"D" help:"Leave out older calls: a day, 2026-11-01, or a time, RFC 3339."`
	Source       string `placeholder:"TOOL" enum:",claude,codex,gemini,opencode,copilot,amp,qwen" default:"" help:"The logs of one tool only: claude, codex, gemini, opencode, copilot, amp or qwen."`
	Dir          string `placeholder:"D" help:"Logs in this directory, instead of those where the tools keep them."`
	AllProjects  bool   `help:"Every call that is found, not only those made in this repository and its work trees."`
	Subscription bool   `help:"The calls were paid by a flat rate: book them at nothing, with what they used."`
	Work         string `name:"work" short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	JSON         bool   `name:"json" help:"Write JSON to stdout."`
}

// imported is what costs import prints as JSON.
type imported struct {
	Logs           int            `json:"logs"`
	Read           int            `json:"read"`     // logs that are new, or changed
	Found          int            `json:"found"`    // calls in them
	Imported       int            `json:"imported"` // those that were not booked before
	USD            costs.Nano     `json:"usd"`      // of those
	Sources        map[string]int `json:"sources"`
	Unpriced       []string       `json:"unpriced"`
	UnpricedTokens int64          `json:"unpriced_tokens"`
	Refused        int            `json:"refused"` // calls that the ledger does not take: a date in the future, an amount too large
	logs.Notes
}

func (c *costsImportCmd) Run(ctx context.Context, a *app) error {
	since, err := sinceDay(c.Since)
	if err != nil {
		return err
	}
	b, done, err := a.findBooks(ctx, c.Work)
	if err != nil {
		return err
	}
	defer done()
	places, err := c.places(a)
	if err != nil {
		return err
	}
	top := filepath.Dir(b.ledger.Dir)
	if b.repo != nil {
		top = b.repo.Dir
	}
	im := importer{a: a, c: c, b: b, path: statePath(b)}
	if im.before, err = im.readState(); err != nil {
		return undecided{err}
	}
	im.roots = workTrees(top, b.gitDir, im.before.Roots)
	run := logs.Import{Places: places, Since: since, Before: im.valid(), Workers: min(4, runtime.GOMAXPROCS(0))}
	if !c.AllProjects {
		run.Inside = projects(im.roots, a.getenv("HOME"))
	}
	restore := func() {}
	run.Reading = func() { restore = smallHeap() }
	defer func() { restore() }()
	found, err := run.Run(ctx)
	if err != nil {
		return err
	}
	out, err := im.book(ctx, found)
	if err != nil {
		return err
	}
	return c.print(a, out)
}

// smallHeap makes the collector keep the heap small, until what it gives is
// called: nearly all that is made while logs are read is dropped at once.
func smallHeap() (restore func()) {
	before := debug.SetGCPercent(30)
	return func() { debug.SetGCPercent(before) }
}

// sinceDay reads --since.
func sinceDay(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--since %s: want a day such as 2026-11-01, or a time such as 2026-11-01T10:00:00Z", text)
}

// places are where the logs are.
func (c *costsImportCmd) places(a *app) ([]logs.Place, error) {
	if c.Dir == "" {
		return logs.Places(a.getenv, c.Source), nil
	}
	dir := inside(a.dir, c.Dir)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, usagef("--dir %s: not a directory", c.Dir)
	}
	return []logs.Place{{Dir: dir, Source: c.Source}}, nil
}

// importer books what was found.
type importer struct {
	a      *app
	c      *costsImportCmd
	b      *books
	path   string      // of the state; empty: none is kept
	before *logs.State // never nil
	roots  []string
}

// statePath is where is kept what was read: beside git's own files, so that it is
// never committed. Without a repository nothing is kept.
func statePath(b *books) string {
	if b.gitDir == "" {
		return ""
	}
	return filepath.Join(b.gitDir, "wf-ci-imported")
}

func (im *importer) readState() (*logs.State, error) {
	if im.path == "" {
		return logs.DecodeState(nil), nil
	}
	data, err := optional(im.path)
	return logs.DecodeState(data), err
}

// warnLogs says which logs will soon be gone, and gives what was read before.
func (a *app) warnLogs(b *books) *logs.State {
	im := importer{path: statePath(b)}
	read, err := im.readState()
	if err != nil || b.repo == nil {
		return read
	}
	if n, days := logs.Expiring(a.getenv, read, workTrees(b.repo.Dir, b.gitDir, read.Roots), a.now()); n > 0 {
		fmt.Fprintf(a.stderr, "wf-ci: warning: Claude Code deletes logs after %d days, and will soon delete %s that nobody has imported: wf-ci costs import\n", days, plural(n, "log"))
	}
	return read
}

// scope is what the state hangs on: other flags, or other prices, read anew.
func (im *importer) scope() string {
	own, _ := optional(filepath.Join(im.b.ledger.Dir, "prices.json")) // one that cannot be read is told when it is needed
	sum := sha256.Sum256(own)
	return fmt.Sprintf("%s %s %q %q %q %t %t", version, hex.EncodeToString(sum[:8]), im.c.Since, im.c.Source, im.c.Dir, im.c.AllProjects, im.c.Subscription)
}

// valid is the state, if it holds: for these flags, and for a ledger that still
// has all that was booked. Another branch may not have it.
func (im *importer) valid() *logs.State {
	if im.before.Scope != im.scope() {
		return nil
	}
	for _, name := range im.before.Ledger {
		if _, err := os.Lstat(filepath.Join(im.b.ledger.Dir, filepath.FromSlash(name))); err != nil {
			return nil
		}
	}
	return im.before
}

// ledgerFiles are the names of the ledger's files of entries.
func ledgerFiles(l costs.Ledger) []string {
	names, err := fs.Glob(os.DirFS(l.Dir), "entries/*/*.jsonl")
	if err != nil {
		return nil
	}
	return names
}

// book prices the calls, and puts those that are new into the ledger.
func (im *importer) book(ctx context.Context, found *logs.Result) (imported, error) {
	out := imported{Logs: found.Logs, Read: found.Changed, Found: found.Calls.Len(), Sources: make(map[string]int), Unpriced: []string{}, Notes: found.Notes}
	b := im.b
	if found.Calls.Len() > 0 {
		if err := b.readPrices(); err != nil {
			return out, usageError{err.Error()}
		}
		scratch, err := im.a.scratch()
		if err != nil {
			return out, undecided{err}
		}
		defer os.RemoveAll(scratch)
		batch := im.batch(found.Calls, scratch, &out)
		found.Calls = logs.Calls{} // they are many
		defer batch.Close()
		added, all, err := b.ledger.Append(ctx, batch, b.budget, b.zone)
		if err != nil {
			return out, undecided{err}
		}
		out.count(batch, added)
		if len(added) > 0 {
			im.a.warn(b, b.zone.Current(all, im.a.now()), im.a.now())
		}
	}
	if im.path == "" || found.Changed == 0 && im.valid() != nil && found.Logs == im.before.Len() && slices.Equal(im.roots, im.before.Roots) {
		return out, nil
	}
	found.State.Scope, found.State.Ledger, found.State.Roots = im.scope(), ledgerFiles(b.ledger), im.roots
	if err := state.Write(im.path, found.State.Encode(), 0o600); err != nil {
		fmt.Fprintf(im.a.stderr, "wf-ci: what was read could not be noted, and will be read again: %v\n", err)
	}
	return out, nil
}

// batch prices the calls. What the ledger does not take is counted.
func (im *importer) batch(calls logs.Calls, scratch string, out *imported) *costs.Batch {
	batch := costs.NewBatch(im.a.now(), calls.Len(), scratch)
	var units []costs.Quantity // one list for all
	for c := range calls.All() {
		e, err := im.entry(c, units[:0])
		if err == nil {
			units = e.Units
			err = batch.Add(e)
		}
		if err != nil {
			out.Refused++
		}
	}
	return batch
}

func (im *importer) entry(c logs.Call, units []costs.Quantity) (costs.Entry, error) {
	e := costs.Entry{
		Key: c.Key, Time: c.Time, Category: "llm", Feature: featureOf(c.Branch), Task: c.Task,
		Branch: c.Branch, Commit: c.Commit, Source: c.Source, Units: units,
	}
	e, err := e.Price(c.Usage, im.b.table)
	if err != nil {
		return e, err
	}
	if c.Fast {
		if e, err = e.Faster(fastFactor(c.Usage.Model)); err != nil {
			return e, err
		}
	}
	switch {
	case im.c.Subscription:
		e.USD, e.Basis = 0, costs.Subscription
	case c.Reported > 0:
		e.USD, e.Basis = c.Reported, costs.Reported
	case c.Guessed && e.Basis == costs.List:
		e.Basis = costs.Estimate
	}
	return e, nil
}

// fastFactor is what the fast mode of a model costs, in times of the normal one.
func fastFactor(model string) int64 {
	if strings.Contains(model, "opus-4-6") || strings.Contains(model, "opus-4-7") {
		return 6
	}
	return 2
}

func (o *imported) count(batch *costs.Batch, added []int) {
	for _, n := range added {
		e := batch.Entry(n)
		o.Imported++
		o.Sources[e.Source]++
		o.USD += e.USD
		if e.Basis != costs.Unpriced {
			continue
		}
		if !slices.Contains(o.Unpriced, e.Model) {
			o.Unpriced = append(o.Unpriced, e.Model)
		}
		o.UnpricedTokens += batch.Tokens(n)
	}
	slices.Sort(o.Unpriced)
}

func (c *costsImportCmd) print(a *app, o imported) error {
	if c.JSON {
		return writeJSON(a.rawOut, o)
	}
	if o.Logs == 0 {
		_, err := fmt.Fprintln(a.stdout, "no logs found; --dir names a directory that has some")
		return err
	}
	var from []string
	for _, source := range slices.Sorted(maps.Keys(o.Sources)) {
		from = append(from, fmt.Sprintf("%s %d", source, o.Sources[source]))
	}
	line := fmt.Sprintf("imported %s: $%s", plural(o.Imported, "call"), o.USD)
	if len(from) > 0 {
		line += " (" + strings.Join(from, ", ") + ")"
	}
	if known := o.Found - o.Imported - o.Refused; known > 0 {
		line += fmt.Sprintf("; %d known already", known)
	}
	fmt.Fprintf(a.stdout, "%s · %s, %d of them new or changed\n", line, plural(o.Logs, "log"), o.Read)
	_, err := fmt.Fprintln(a.stdout, report.Visible("confidence: "+o.confidence()))
	return err
}

// confidence says what is missing in the figures.
func (o imported) confidence() string {
	var parts []string
	add := func(n int, one, text string) {
		if n > 0 {
			parts = append(parts, plural(n, one)+" "+text)
		}
	}
	if o.UnpricedTokens > 0 {
		parts = append(parts, fmt.Sprintf("%d tokens without a price (%s; costs/prices.json takes prices of your own)", o.UnpricedTokens, strings.Join(o.Unpriced, ", ")))
	}
	parts = append(parts, noteParts(o.Notes)...)
	add(o.Refused, "call", "that the ledger does not take")
	if len(parts) == 0 {
		return "all that was found was read and priced"
	}
	return strings.Join(parts, "; ")
}

// noteParts says what of the logs is missing.
func noteParts(n logs.Notes) []string {
	var parts []string
	add := func(n int, one, text string) {
		if n > 0 {
			parts = append(parts, plural(n, one)+" "+text)
		}
	}
	add(n.Malformed, "line", "that could not be read")
	add(n.Torn, "last line", "not whole yet")
	add(n.Huge, "line", "too long to be read")
	add(n.Unreadable, "file", "that could not be read")
	add(n.MissingParents, "fork", "whose parent's log is not there")
	add(n.Guessed, "call", "without a model in the log (priced as an estimate)")
	add(n.Searches, "web search", "made in a call that no log has")
	return parts
}

// plural counts things.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
