package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/feature/ship"
	"github.com/wf-ci/wf-ci/workflow/rollback"
	"github.com/wf-ci/wf-ci/workflow/rollback/flag"
	"github.com/wf-ci/wf-ci/worktree"
)

// undoCmd takes back what a command has changed.
type undoCmd struct {
	at
	ID   string `arg:"" optional:"" name:"id" help:"Entry of the journal. Default: the last one."`
	List bool   `help:"Show the journal, and take nothing back."`
}

func (c *undoCmd) Run(ctx context.Context, a *app) error {
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		if c.List {
			return c.list(a, p.Journal)
		}
		e, err := c.entry(p.Journal)
		if err != nil {
			return err
		}
		done, err := c.undo(ctx, a, p, e)
		if err != nil {
			return a.rollbackError(ctx, c.JSON, err)
		}
		if c.JSON {
			return writeJSON(a.rawOut, map[string]any{"id": e.ID, "kind": e.Kind, "done": done})
		}
		_, err = fmt.Fprintln(a.stdout, report.Visible(done))
		return err
	})
}

// undo hands an entry to whoever has made it.
func (c *undoCmd) undo(ctx context.Context, a *app, p *worktree.Project, e journal.Entry) (string, error) {
	switch {
	case e.Kind == rollback.Kind:
		return a.undoRollback(ctx, e)
	case e.Kind == flag.Kind:
		return a.undoFlag(ctx, p, e)
	case e.Kind == ship.Kind:
		return a.undoShip(ctx, e, c.JSON)
	case e.Kind == trustKind:
		return a.undoTrust(ctx, p.Journal, e)
	case strings.HasPrefix(e.Kind, journal.FilesKind):
		return a.undoFiles(ctx, c.Dir, e)
	case strings.HasPrefix(e.Kind, "hook."):
		return a.undoHook(ctx, p, e)
	}
	done, ours, err := p.Undo(ctx, e)
	if err == nil && !ours {
		err = usagef("%s is a %s: this version cannot take it back", e.ID, e.Kind)
	}
	return done, err
}

func (c *undoCmd) entry(j journal.Journal) (journal.Entry, error) {
	if c.ID == "" {
		e, err := j.Last()
		if errors.Is(err, journal.ErrNone) {
			return e, usagef("there is nothing to take back")
		}
		return e, err
	}
	e, err := j.Get(c.ID)
	switch {
	case errors.Is(err, journal.ErrNone):
		return e, usagef("%v: wf-ci undo --list shows it", err)
	case err == nil && e.State == journal.Undone:
		return e, usagef("%s is taken back already", e.ID)
	case err == nil && e.State == journal.Begun:
		return e, usagef("%s was killed in the middle: wf-ci worktree doctor", e.ID)
	}
	return e, err
}

func (c *undoCmd) list(a *app, j journal.Journal) error {
	list, err := j.List()
	if err != nil {
		return err
	}
	if c.JSON {
		if list == nil {
			list = []journal.Entry{}
		}
		return writeJSON(a.rawOut, map[string]any{"journal": list})
	}
	for _, e := range list {
		fmt.Fprintf(a.stdout, "%s  %-6s  %s\n", e.ID, e.State, report.Visible(e.Summary))
	}
	return nil
}
