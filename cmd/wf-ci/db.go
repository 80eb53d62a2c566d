package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/deps"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/report"
)

// dbCmd are the databases that gates read where they may not ask the network.
type dbCmd struct {
	Update dbUpdateCmd `cmd:"" help:"Download the databases of known vulnerabilities (osv.dev)."`
	Status dbStatusCmd `cmd:"" help:"Show the databases and how old they are."`
}

type dbUpdateCmd struct {
	Ecosystem []string      `placeholder:"E,E" help:"Of these only: npm, PyPI, crates.io, Go."`
	From      string        `placeholder:"DIR|URL" help:"A copy of osv.dev's exports: ECOSYSTEM/all.zip below it."`
	Timeout   time.Duration `default:"15m" placeholder:"D" help:"Give up after this time."`
}

type dbStatusCmd struct {
	JSON bool `name:"json" help:"Write JSON to stdout."`
}

// depsOptions is how the gate deps is set up here. Mirrors are a matter of the
// machine, not of the repository: they come from the environment.
func (a *app) depsOptions(cfg *config.Config, reach bool) deps.Options {
	g := cfg.Gates.Deps
	return deps.Options{
		Asked:   wasAsked(cfg, "deps"),
		Engines: g.Engines, MaxAge: g.MaxAge, Unknown: gates.Severity(g.Unknown), Dev: gates.Severity(g.Dev),
		Reach: reach, API: a.getenv("WF_CI_OSV_API"), HTTP: httpClient(), Now: a.now, Agent: "wf-ci/" + version,
	}
}

// httpClient is a client that gives up on a server that does not begin to answer;
// its caller bounds the rest.
func httpClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	return &http.Client{Transport: t}
}

func (c *dbUpdateCmd) Run(ctx context.Context, a *app) error {
	list, err := ecosystems(c.Ecosystem)
	if err != nil {
		return err
	}
	dir, err := a.database()
	if err != nil {
		return err
	}
	if c.From == "" {
		c.From = a.getenv("WF_CI_OSV_DB")
	}
	if c.From != "" && !strings.Contains(c.From, "://") {
		c.From = inside(a.dir, c.From)
	}
	if c.Timeout <= 0 {
		return usagef("--timeout %s: want more than zero", c.Timeout)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("gave up after %s", c.Timeout))
	defer cancel()
	var errs []error
	for _, e := range list {
		s, err := deps.Update(ctx, e, deps.UpdateOptions{
			DataDir: dir, From: c.From, HTTP: httpClient(), Now: a.now(), Agent: "wf-ci/" + version, Progress: a.download(),
		})
		if a.errWidth > 0 {
			fmt.Fprint(a.stderr, "\r\x1b[K")
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(a.stdout, "%s: %d records of %d packages, %s, from %s\n", e, s.Records, s.Packages, size(s.Bytes), report.Visible(s.Source))
		if s.Unread > 0 {
			fmt.Fprintf(a.stdout, "%s: %s of the export could not be read and is not in the database\n", e, gates.Plural(s.Unread, "record"))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w\nwhat was there before is still in place", err)
	}
	return nil
}

// database is the directory of the databases.
func (a *app) database() (string, error) {
	if dir := a.dataDir(); dir != "" {
		return dir, nil
	}
	return "", errors.New("there is nowhere to keep a database: set HOME or XDG_CACHE_HOME")
}

// ecosystems are those that are asked for, or all.
func ecosystems(asked []string) ([]deps.Ecosystem, error) {
	if len(asked) == 0 {
		return deps.Ecosystems(), nil
	}
	var list []deps.Ecosystem
	for _, name := range asked {
		i := slices.IndexFunc(deps.Ecosystems(), func(e deps.Ecosystem) bool { return strings.EqualFold(string(e), name) })
		if i < 0 {
			return nil, usagef("--ecosystem %s: there are npm, PyPI, crates.io and Go", name)
		}
		list = append(list, deps.Ecosystems()[i])
	}
	return list, nil
}

// download draws one line on a terminal, four times a second; elsewhere nothing.
func (a *app) download() func(deps.Ecosystem, int64, int64) {
	var last time.Time
	return func(e deps.Ecosystem, done, total int64) {
		now := a.now()
		if a.errWidth == 0 || now.Sub(last) < 250*time.Millisecond {
			return
		}
		last = now
		line := fmt.Sprintf("%s: %s", e, size(done))
		if total > 0 {
			line += fmt.Sprintf(" of %s (%d%%)", size(total), done*100/total)
		}
		fmt.Fprintf(a.stderr, "\r\x1b[K%.*s", max(1, a.errWidth-1), line)
	}
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

func (c *dbStatusCmd) Run(a *app) error {
	dir, err := a.database()
	if err != nil {
		return err
	}
	list := deps.ReadStatus(dir, a.now())
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"schema": "wf-ci/db/v1", "databases": list})
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ECOSYSTEM\tAGE\tRECORDS\tPACKAGES\tSIZE\tFROM")
	for _, s := range list {
		switch {
		case s.Problem != "":
			fmt.Fprintf(w, "%s\t%s\n", s.Ecosystem, report.Visible(s.Problem))
		case !s.Present:
			fmt.Fprintf(w, "%s\tnone (wf-ci db update --ecosystem %s)\n", s.Ecosystem, s.Ecosystem)
		default:
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", s.Ecosystem, age(s.AgeHours), s.Records, s.Packages, size(s.Bytes), report.Visible(s.Source))
		}
	}
	return w.Flush()
}

func age(hours int64) string {
	if hours < 48 {
		return gates.Plural(hours, "hour")
	}
	return gates.Plural(hours/24, "day")
}
