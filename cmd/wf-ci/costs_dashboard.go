package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/logs"
	"github.com/wf-ci/wf-ci/costs/reports"
	"github.com/wf-ci/wf-ci/internal/state"
)

// costsDashboardCmd shows where the money goes.
type costsDashboardCmd struct {
	ledgerFlags
	remoteFlag
	Period   string `default:"month" enum:"day,week,month,all" placeholder:"P" help:"What the tables are about: day, week, month or all."`
	Markdown bool   `xor:"format" help:"Write Markdown to stdout."`
	HTML     string `name:"html" xor:"format" placeholder:"FILE" help:"Write one HTML page with charts, which needs no network and no script."`
}

func (c *costsDashboardCmd) Run(ctx context.Context, a *app) error {
	in, done, err := c.input(ctx, a, c.Remote)
	if err != nil {
		return err
	}
	defer done()
	in.Period = c.Period
	d, err := reports.NewDashboard(in)
	if err != nil {
		return undecided{err}
	}
	switch {
	case c.JSON:
		return writeJSON(a.rawOut, d)
	case c.HTML != "":
		return a.writePage(c.HTML, d.Page(), reports.HTML)
	case c.Markdown:
		return reports.Markdown(a.stdout, d.Page())
	}
	return reports.Text(a.stdout, d.Page())
}

// writePage writes a page into a file, whole or not at all.
func (a *app) writePage(file string, p reports.Page, format func(io.Writer, reports.Page) error) error {
	var buf bytes.Buffer
	if err := format(&buf, p); err != nil {
		return err
	}
	if err := state.Write(inside(a.dir, file), buf.Bytes(), 0o644); err != nil {
		return usageError{err.Error()}
	}
	_, err := fmt.Fprintln(a.stdout, "written: "+file)
	return err
}

// input is what reports hang on, as of the time that was asked for.
func (f ledgerFlags) input(ctx context.Context, a *app, remote string) (reports.Input, func(), error) {
	b, done, err := f.open(ctx, a)
	if err != nil {
		return reports.Input{}, nil, err
	}
	in, err := b.input(ctx, a, remote)
	if err != nil {
		done()
		return in, nil, err
	}
	return in, done, nil
}

func (b *books) input(ctx context.Context, a *app, remote string) (reports.Input, error) {
	in := reports.Input{Budget: b.budget, Zone: b.zone, At: b.at, Table: b.table}
	var err error
	if in.Entries, err = b.ledger.Entries(); err != nil {
		return in, undecided{err}
	}
	if in.Holds, err = b.holds(ctx, a, remote); err != nil {
		return in, err
	}
	data, err := optional(filepath.Join(b.ledger.Dir, "features.json"))
	if err == nil && data != nil {
		in.Features, err = reports.ParseFeatures("costs/features.json", data)
	}
	if err != nil {
		return in, usageError{err.Error()}
	}
	in.Gaps, err = b.gaps(in.Entries)
	return in, err
}

// gaps are what the imports on this machine could not read. What was imported
// elsewhere is not known here, and that is said.
func (b *books) gaps(all []costs.Entry) ([]string, error) {
	if !slices.ContainsFunc(all, func(e costs.Entry) bool { return strings.HasPrefix(e.Key, costs.LogPrefix) }) {
		return nil, nil
	}
	var data []byte
	var err error
	if path := statePath(b); path != "" {
		if data, err = optional(path); err != nil {
			return nil, undecided{err}
		}
	}
	if data == nil {
		return []string{"it has calls that were imported elsewhere, and what could not be read there is not known here"}, nil
	}
	return noteParts(logs.DecodeState(data).Notes()), nil
}
