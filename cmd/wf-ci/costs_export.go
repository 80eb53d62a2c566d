package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/wf-ci/wf-ci/costs/reports"
	"github.com/wf-ci/wf-ci/internal/state"
)

// costsExportCmd writes the entries for other programs.
type costsExportCmd struct {
	At      string `placeholder:"TIME" help:"Entries up to this time, RFC 3339. Default: now."`
	Dir     string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Format  string `required:"" enum:"focus,hledger" placeholder:"F" help:"focus: FOCUS 1.2, as CSV. hledger: a journal for plain text accounting."`
	Account string `placeholder:"ID" help:"FOCUS: the billing account. Default: the name of the directory."`
	Output  string `short:"o" placeholder:"FILE" help:"Write it into a file. Default: stdout."`
}

func (c *costsExportCmd) Run(ctx context.Context, a *app) error {
	in, done, err := ledgerFlags{At: c.At, Dir: c.Dir}.input(ctx, a, "")
	if err != nil {
		return err
	}
	defer done()
	var buf bytes.Buffer
	if c.Format == "focus" {
		account := c.Account
		if account == "" {
			account = filepath.Base(inside(a.dir, c.Dir))
		}
		err = reports.Focus(&buf, in, account)
	} else {
		err = reports.Hledger(&buf, in)
	}
	if err != nil {
		return undecided{err}
	}
	if c.Output == "" {
		_, err := a.rawOut.Write(buf.Bytes())
		return err
	}
	if err := state.Write(inside(a.dir, c.Output), buf.Bytes(), 0o644); err != nil {
		return usageError{err.Error()}
	}
	_, err = fmt.Fprintln(a.stdout, "written: "+c.Output)
	return err
}
