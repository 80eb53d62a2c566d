package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/worktree"
)

type worktreeEnvCmd struct {
	at
	Name string `arg:"" help:"Name, branch or path of the worktree."`
}

func (c *worktreeEnvCmd) Run(ctx context.Context, a *app) error {
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		list, err := p.EnvDiffs(ctx, c.Name)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(a.rawOut, map[string]any{"files": list})
		}
		if len(list) == 0 {
			fmt.Fprintln(a.stdout, "no env files that git ignores")
		}
		for _, d := range list {
			printEnvDiff(a, d)
		}
		return nil
	})
}

func printEnvDiff(a *app, d worktree.EnvDiff) {
	state := map[string]string{"link": "a link to the main worktree's", "only-here": "only here", "only-in-main": "only in the main worktree"}
	fmt.Fprintf(a.stdout, "%s: %s\n", report.Visible(d.File), or(state[d.State], d.State))
	for _, part := range []struct {
		what  string
		names []string
	}{{"set here", d.Set}, {"changed", d.Changed}, {"only here", d.OnlyHere}, {"only in the main worktree", d.OnlyMain}} {
		if len(part.names) > 0 {
			fmt.Fprintf(a.stdout, "  %s: %s\n", part.what, strings.Join(part.names, ", "))
		}
	}
	if d.Lines {
		fmt.Fprintln(a.stdout, "  other lines differ")
	}
}
