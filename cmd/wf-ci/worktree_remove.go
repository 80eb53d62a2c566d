package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/worktree"
)

type worktreeRemoveCmd struct {
	at
	Name         string `arg:"" help:"Name, branch or path of the worktree."`
	Force        bool   `help:"Give up files that no commit has. They can be restored as the rest."`
	DeleteBranch string `enum:"auto,force" default:"auto" help:"auto: the branch goes if its work has arrived, or if it has none. force: it goes, and so do commits that nothing else has."`
	KeepBranch   bool   `help:"The branch stays, with its commits."`
	Reap         bool   `help:"End the programs that work in it and have no terminal (Linux): they are asked to, and killed 3 seconds later."`
}

func (c *worktreeRemoveCmd) Run(ctx context.Context, a *app) error {
	if c.KeepBranch && c.DeleteBranch == "force" {
		return usagef("--keep-branch and --delete-branch=force: one of them")
	}
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		o := worktree.RemoveOptions{Force: c.Force, Commits: c.DeleteBranch == "force", KeepBranch: c.KeepBranch}
		if c.Reap {
			o.Reap = a.reaping
		}
		r, err := p.Remove(ctx, c.Name, o)
		if err != nil {
			return err
		}
		if c.JSON {
			err = writeJSON(a.rawOut, r)
		} else {
			printRemoved(a, r)
		}
		a.finish(r)
		return err
	})
}

// reaping names the programs that are about to be ended.
func (a *app) reaping(list []worktree.Process) {
	for _, pr := range list {
		a.say("ends " + pr.String())
	}
}

// finish deletes the caches of what was removed; that it is not all gone is no
// reason for another status.
func (a *app) finish(r *worktree.Removed) {
	if err := r.Finish(); err != nil {
		a.say(fmt.Sprintf("warning: delete the caches of %s: %v", r.Name, err))
	}
}

func printRemoved(a *app, r *worktree.Removed) {
	fmt.Fprintf(a.stdout, "removed %s (%s)%s\n", report.Visible(r.Name), report.Visible(r.Path), proof(r.Arrival))
	switch r.Fate {
	case "deleted":
		fmt.Fprintf(a.stdout, "  branch %s deleted\n", report.Visible(r.Branch))
	case "kept":
		fmt.Fprintf(a.stdout, "  branch %s kept\n", report.Visible(r.Branch))
	case "retained_raced":
		fmt.Fprintf(a.stdout, "  branch %s kept: somebody has moved it\n", report.Visible(r.Branch))
	}
	if len(r.Ports) > 0 {
		fmt.Fprintf(a.stdout, "  ports %s are free\n", ports(r.Ports))
	}
	fmt.Fprintf(a.stdout, "  wf-ci worktree restore %s brings it back, until %s\n", r.ID, when(r.Until))
	if len(r.Caches) > 0 {
		fmt.Fprintf(a.stdout, "  deleted for good, to be made again: %s\n", report.Visible(strings.Join(r.Caches, ", ")))
	}
	a.notes(r.Notes)
}

func proof(a worktree.Arrival) string {
	switch a.Standing {
	case worktree.Merged:
		return fmt.Sprintf(": merged in %s, by %s", report.Visible(a.In), a.Proof)
	case worktree.Empty:
		return ": no commit of its own"
	}
	return ""
}

type worktreeCleanCmd struct {
	at
	DryRun bool `help:"Remove nothing: show the same plan."`
}

func (c *worktreeCleanCmd) Run(ctx context.Context, a *app) error {
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		list, err := p.Clean(ctx, c.DryRun)
		if err != nil {
			return err
		}
		return a.outcomes(list, c.JSON)
	})
}

type worktreePruneCmd struct {
	at
	Missing []string `sep:"none" placeholder:"NAME" help:"Give up this worktree too, whose disk may only be missing. Repeatable."`
	DryRun  bool     `help:"Give up nothing: show the same plan."`
}

func (c *worktreePruneCmd) Run(ctx context.Context, a *app) error {
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		list, err := p.Prune(ctx, c.Missing, c.DryRun)
		if err != nil {
			return err
		}
		return a.outcomes(list, c.JSON)
	})
}

// outcomes shows what became of each worktree. One that could not be looked at
// makes the status inconclusive.
func (a *app) outcomes(list []worktree.Outcome, asJSON bool) error {
	if asJSON {
		if err := writeJSON(a.rawOut, map[string]any{"worktrees": list}); err != nil {
			return err
		}
	} else if len(list) == 0 {
		fmt.Fprintln(a.stdout, "nothing to do")
	}
	failed := ""
	for _, o := range list {
		if !asJSON {
			printOutcome(a, o)
		}
		if o.Removed != nil {
			a.finish(o.Removed)
		}
		if o.Error != "" {
			failed = o.Name + ": " + o.Error
		}
	}
	if failed != "" {
		return undecided{fmt.Errorf("%s", visibleLines(failed))}
	}
	return nil
}

func printOutcome(a *app, o worktree.Outcome) {
	switch {
	case o.Removed != nil:
		printRemoved(a, o.Removed)
	case o.Action == "kept":
		fmt.Fprintf(a.stdout, "kept %s\n", report.Visible(o.Name))
		for _, r := range o.Reasons {
			fmt.Fprintf(a.stdout, "  %s\n", report.Visible(reasonText(r)))
		}
	default:
		fmt.Fprintf(a.stdout, "%s %s%s\n", strings.ReplaceAll(o.Action, "-", " "), report.Visible(o.Name), proof(o.Arrival))
	}
}

type worktreeRestoreCmd struct {
	at
	ID string `arg:"" optional:"" name:"id" help:"The removal's id, or the name that the worktree had. Without it: what can come back."`
}

func (c *worktreeRestoreCmd) Run(ctx context.Context, a *app) error {
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		if c.ID == "" {
			return c.list(a, p)
		}
		r, err := p.Restore(ctx, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(a.rawOut, r)
		}
		fmt.Fprintf(a.stdout, "%s is back: %s, ports %s\n", report.Visible(r.Name), report.Visible(r.Path), ports(r.Ports))
		a.notes(r.Notes)
		return nil
	})
}

func (c *worktreeRestoreCmd) list(a *app, p *worktree.Project) error {
	list, err := p.Removals()
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"removals": append([]journal.Entry{}, list...)})
	}
	for _, e := range list {
		fmt.Fprintf(a.stdout, "%s  %s  %s\n", e.ID, when(e.At), report.Visible(e.Summary))
	}
	if len(list) == 0 {
		fmt.Fprintln(a.stdout, "nothing to bring back")
	}
	return nil
}
