package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/wf-ci/wf-ci/costs/reports"
	"github.com/wf-ci/wf-ci/internal/state"
)

// costsReportCmd writes the report of a day.
type costsReportCmd struct {
	At     string `placeholder:"D" help:"The day: 2026-11-27, or a time in it, RFC 3339, up to which it counts. Default: today, up to now."`
	Dir    string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Stdout bool   `help:"Write it to stdout, and no file."`
	remoteFlag
}

func (c *costsReportCmd) Run(ctx context.Context, a *app) error {
	b, done, err := a.openBooks(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	if b.at, err = c.moment(a, b); err != nil {
		return err
	}
	in, err := b.input(ctx, a, c.Remote)
	if err != nil {
		return err
	}
	page, err := reports.Daily(in)
	if err != nil {
		return undecided{err}
	}
	var buf bytes.Buffer
	if err := reports.Markdown(&buf, page); err != nil {
		return err
	}
	if c.Stdout {
		_, err := a.stdout.Write(buf.Bytes())
		return err
	}
	name := filepath.Join("reports", "daily-"+b.zone.Date(b.at)+".md")
	path := filepath.Join(b.ledger.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return undecided{err}
	}
	if err := state.Write(path, buf.Bytes(), 0o644); err != nil {
		return undecided{err}
	}
	_, err = fmt.Fprintln(a.stdout, "written: "+filepath.ToSlash(filepath.Join("costs", name)))
	return err
}

// moment is up to when the report counts: a day that is over, as a whole.
func (c *costsReportCmd) moment(a *app, b *books) (time.Time, error) {
	if c.At == "" {
		return a.now(), nil
	}
	start, err := time.ParseInLocation(time.DateOnly, c.At, b.zone.Day(a.now()).Start.Location())
	if err != nil {
		t, err := time.Parse(time.RFC3339, c.At)
		if err != nil {
			return t, usagef("--at %s: want a day such as 2026-11-27, or a time such as 2026-11-27T10:00:00Z", c.At)
		}
		return t, nil
	}
	if start.After(a.now()) {
		return start, usagef("--at %s: the day has not begun", c.At)
	}
	return reports.DayEnd(b.zone, start, a.now()), nil
}
