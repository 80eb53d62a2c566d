package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/feature"
)

type featureInitCmd struct {
	Template []string `arg:"" optional:"" help:"gates, end-of-day, deploy. Default: all."`
	Dir      string   `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Branch   string   `placeholder:"NAME" help:"Default branch. Default: as git knows it, else the one that you are on."`
	Print    bool     `help:"Print them, and write nothing."`
}

func (c *featureInitCmd) Run(ctx context.Context, a *app) error {
	b, done, err := a.findBooks(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	if c.Branch, err = defaultBranch(ctx, b.repo, c.Branch); err != nil {
		return err
	}
	list, err := feature.Templates(c.Branch)
	if err != nil {
		return err
	}
	for _, name := range c.Template {
		if !slices.ContainsFunc(list, func(t feature.Template) bool { return t.Name == name }) {
			return usagef("no template %q: there are gates, end-of-day, deploy", name)
		}
	}
	var kept error
	for _, t := range list {
		if len(c.Template) > 0 && !slices.Contains(c.Template, t.Name) {
			continue
		}
		if c.Print {
			fmt.Fprint(a.stdout, t.Text)
			continue
		}
		if err := writeNew(filepath.Dir(b.ledger.Dir), filepath.FromSlash(t.Path), t.Text); err != nil {
			kept = errors.Join(kept, err)
			continue
		}
		fmt.Fprintln(a.stdout, report.Visible(t.Path))
	}
	if kept != nil {
		return usageError{kept.Error()}
	}
	return nil
}
