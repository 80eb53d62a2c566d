package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wf-ci/wf-ci/session"
	"github.com/wf-ci/wf-ci/worktree"
)

// dayWorktrees lists the worktrees for a day, in the words of its package.
func (a *app) dayWorktrees(dir string) func(context.Context) ([]session.Worktree, session.Resources, error) {
	return func(ctx context.Context) ([]session.Worktree, session.Resources, error) {
		p, done, err := a.openProject(ctx, dir)
		if err != nil {
			return nil, session.Resources{}, err
		}
		defer done()
		list, err := p.Brief(ctx)
		if err != nil {
			return nil, session.Resources{}, err
		}
		out := []session.Worktree{}
		for _, it := range list.Items {
			out = append(out, dayWorktree(it))
		}
		return out, session.Resources{Active: list.Active, Max: list.MaxActive, NextPorts: list.NextPorts}, nil
	}
}

func dayWorktree(it worktree.Item) session.Worktree {
	w := session.Worktree{
		Name: it.Name, Path: it.Path, Branch: it.Branch, Ports: it.Ports, Main: it.Main, Active: it.Status == "active", Missing: it.Status == "missing",
		Last: it.LastCommit, Stale: it.Stale, Blockers: it.Todos.Blockers,
	}
	if it.Stale {
		w.Advice = fmt.Sprintf("%s (%d days old)", it.Advice, it.AgeDays)
	}
	if it.Todos.Total > 0 {
		w.Progress = fmt.Sprintf("%d%%", it.Todos.Percent)
	}
	return w
}

// hasWorktrees says whether there is anything to list: git keeps a directory for
// its worktrees, and the registry is a file. Neither: nobody is asked.
func (a *app) hasWorktrees(gitDir string) bool {
	for _, path := range []string{filepath.Join(gitDir, "worktrees"), filepath.Join(gitDir, "commondir"), filepath.Join(a.home(), ".claude", "worktree-registry.json")} {
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

// noWorktrees is what there is where nobody has made any.
func (a *app) noWorktrees(ctx context.Context, dir string) func(context.Context) ([]session.Worktree, session.Resources, error) {
	return func(context.Context) ([]session.Worktree, session.Resources, error) {
		cfg, _, err := loadConfig(ctx, fromDisk(dir, configLimit), "", "")
		if err != nil {
			return nil, session.Resources{}, err
		}
		w := cfg.Worktree
		r := session.Resources{Max: w.MaxActive, NextPorts: []int{}}
		if next, err := (worktree.Pool{First: w.Ports.First, Last: w.Ports.Last}).Next(); err == nil {
			r.NextPorts = next
		}
		return nil, r, nil
	}
}
