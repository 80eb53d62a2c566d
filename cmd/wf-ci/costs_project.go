package main

import (
	"context"

	"github.com/wf-ci/wf-ci/costs/reports"
)

// costsProjectCmd says what more of the same work would cost.
type costsProjectCmd struct {
	ledgerFlags
	remoteFlag
	Fixed    []string `placeholder:"CATEGORY" help:"Categories that do not grow with the work, such as storage."`
	Markdown bool     `xor:"format" help:"Write Markdown to stdout."`
	HTML     string   `name:"html" xor:"format" placeholder:"FILE" help:"Write one HTML page."`
}

func (c *costsProjectCmd) Run(ctx context.Context, a *app) error {
	in, done, err := c.input(ctx, a, c.Remote)
	if err != nil {
		return err
	}
	defer done()
	p, err := reports.Project(in, c.Fixed)
	if err != nil {
		return usageError{err.Error()}
	}
	switch {
	case c.JSON:
		return writeJSON(a.rawOut, p)
	case c.HTML != "":
		return a.writePage(c.HTML, p.Page(), reports.HTML)
	case c.Markdown:
		return reports.Markdown(a.stdout, p.Page())
	}
	return reports.Text(a.stdout, p.Page())
}
