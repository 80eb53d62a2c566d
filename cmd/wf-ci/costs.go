package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/git"
)

// costsCmd is about the ledger.
type costsCmd struct {
	Record    costsRecordCmd    `cmd:"" help:"Record what a call, or something else, has cost."`
	Show      costsShowCmd      `cmd:"" help:"Show what has been spent, against the budget."`
	Budget    costsBudgetCmd    `cmd:"" help:"Show the limits, or set them: costs/budget-config.json."`
	Import    costsImportCmd    `cmd:"" help:"Import the calls of coding agents from the logs they leave behind, each once."`
	Dashboard costsDashboardCmd `cmd:"" help:"Show where the money goes: models, tasks, features, hours, trend, anomalies, what would save."`
	Report    costsReportCmd    `cmd:"" help:"Write the report of a day: costs/reports/daily-DATE.md."`
	Project   costsProjectCmd   `cmd:"" help:"Project the months to come, at 1 to 1000 times the work and announced prices."`
	ROI       costsROICmd       `cmd:"" name:"roi" help:"Set what features cost against what they bring."`
	Export    costsExportCmd    `cmd:"" help:"Write the entries for other programs: FOCUS 1.2 or hledger."`
	Cache     costsCacheCmd     `cmd:"" help:"Keep answers of models, so that they are not paid twice."`
	Batch     costsBatchCmd     `cmd:"" help:"Plan which requests go together, and what that saves."`
	Trim      costsTrimCmd      `cmd:"" help:"Cut the tokens of a prompt that it does not need."`
	Check     costsCheckCmd     `cmd:"" help:"Say whether a request of an estimated cost may run: status 1 is no."`
	Reserve   costsReserveCmd   `cmd:"" help:"Reserve a part of the budget for a job, against all that run at the same time: status 1 is no."`
	Settle    costsSettleCmd    `cmd:"" help:"Record what a reservation did cost in the end."`
	Release   costsReleaseCmd   `cmd:"" help:"Give a reservation back: nothing was spent."`
	Route     costsRouteCmd     `cmd:"" help:"Choose the model for some work, by what is left of the budget."`
	Prices    costsPricesCmd    `cmd:"" help:"Show what models, machines and runners cost, and since when."`
	Reprice   costsRepriceCmd   `cmd:"" help:"Ask what the work would have cost at the prices of another day; nothing is changed."`
	Chaos     costsChaosCmd     `cmd:"" help:"Prove on a remote of yours that parallel jobs lose nothing and count nothing twice."`
	Correct   costsCorrectCmd   `cmd:"" help:"Correct an entry: a new one takes its place, the old one stays readable."`
	Pack      costsPackCmd      `cmd:"" help:"Close the months that are over: a file each, sealed by a chain of hashes."`
	Verify    costsVerifyCmd    `cmd:"" help:"Check every entry, file, link and book, offline: status 1 names the first that is wrong."`
	Rebuild   costsRebuildCmd   `cmd:"" help:"Fold the books from the entries again, after a merge or a change of the budget."`
}

// ledgerFlags are those of every command about the ledger.
type ledgerFlags struct {
	At   string `placeholder:"TIME" help:"As of this time, RFC 3339; of what is recorded: when it was. Default: now."`
	Dir  string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	JSON bool   `name:"json" help:"Write JSON to stdout."`
}

// open gives the ledger as of the time that was asked for, and what closes it.
func (f ledgerFlags) open(ctx context.Context, a *app) (*books, func(), error) {
	at, err := a.instant(f.At)
	if err != nil {
		return nil, nil, err
	}
	b, done, err := a.openBooks(ctx, f.Dir)
	if err != nil {
		return nil, nil, err
	}
	b.at = at
	return b, done, nil
}

// books is the ledger of a directory, with all that its reports hang on.
type books struct {
	at         time.Time // the time that is asked about
	ledger     costs.Ledger
	budget     costs.Budget
	configured bool // by a file of the user's; else the budget is the built-in one
	zone       costs.Zone
	table      *prices.Table
	branch     string
	head       string
	gitDir     string    // empty: no repository
	repo       *git.Repo // nil: no repository
}

// openBooks finds the ledger: at the top of the repository, or in the
// directory itself where there is none.
func (a *app) openBooks(ctx context.Context, dir string) (*books, func(), error) {
	b, done, err := a.findBooks(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	if b.repo != nil {
		if b.branch, err = b.repo.Branch(ctx); err == nil {
			b.head, err = b.repo.Head(ctx)
		}
		if err != nil {
			done()
			return nil, nil, undecided{err}
		}
	}
	if err := b.readPrices(); err != nil {
		done()
		return nil, nil, usageError{err.Error()}
	}
	return b, done, nil
}

// findBooks is openBooks without what takes time: the branch, the prices.
func (a *app) findBooks(ctx context.Context, dir string) (*books, func(), error) {
	p, done, err := a.place(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	b := &books{repo: p.repo}
	if p.repo != nil {
		b.gitDir = p.repo.GitDir
	}
	if err := b.read(p.dir); err != nil {
		done()
		return nil, nil, usageError{err.Error()}
	}
	return b, done, nil
}

// readPrices reads the table, and the user's rows, which go first.
func (b *books) readPrices() (err error) {
	if b.table, err = prices.Builtin(); err != nil {
		return err
	}
	data, err := optional(filepath.Join(b.ledger.Dir, "prices.json"))
	if err == nil && data != nil {
		b.table, err = b.table.With("costs/prices.json", data)
	}
	return err
}

// read reads the user's files: budget, time zone.
func (b *books) read(dir string) error {
	b.ledger = costs.Ledger{Dir: filepath.Join(dir, "costs"), Lock: filepath.Join(cmp.Or(b.gitDir, dir), ".wf-ci-costs")}
	if b.gitDir != "" {
		b.ledger.Keys = filepath.Join(b.gitDir, "wf-ci-costs-keys")
	}
	b.budget = costs.DefaultBudget()
	data, err := optional(filepath.Join(b.ledger.Dir, "budget-config.json"))
	if b.configured = data != nil; err == nil && b.configured {
		b.budget, err = costs.ParseBudget("costs/budget-config.json", data)
	}
	if err != nil {
		return err
	}
	zone, err := timezone(dir, b.budget.Timezone)
	if err == nil {
		b.zone, err = costs.ParseZone(zone)
	}
	return err
}

// timezone is the one that the configuration names; else the budget's.
func timezone(dir, budgets string) (string, error) {
	for _, name := range configNames {
		data, err := optional(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		if data == nil {
			continue
		}
		cfg, err := config.Parse(name, data)
		if err != nil {
			return "", err
		}
		if cfg.Origin("costs.timezone") != "built-in" || budgets == "" {
			return cfg.Costs.Timezone, nil
		}
		break
	}
	return budgets, nil
}

// optional reads a file that need not be there: then it is nil.
func optional(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // nobody waits for a pipe
		return nil, fmt.Errorf("%s is no regular file", path)
	case info.Size() > optionalLimit:
		return nil, fmt.Errorf("%s: more than %d MiB", path, optionalLimit>>20)
	}
	return os.ReadFile(path)
}

// optionalLimit is more than any such file takes, in bytes.
const optionalLimit = 256 << 20

// amount reads the dollars of a flag; they are not negative.
func amount(flag, text string) (costs.Nano, error) {
	usd, err := costs.ParseUSD(text)
	if err == nil && usd < 0 {
		err = fmt.Errorf("amount %s: negative", text)
	}
	if err != nil {
		return 0, usagef("%s: %v", flag, err)
	}
	return usd, nil
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

// refused is a check that says no: status 1, and it has said why.
type refused struct{}

func (refused) Error() string { return "refused" }
