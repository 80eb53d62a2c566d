package main

import (
	"context"
	"fmt"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/session"
)

// endCmd ends the day.
type endCmd struct {
	Dir       string   `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Yes       bool     `short:"y" help:"Ask nothing; the worktrees whose work has arrived are removed."`
	Push      bool     `help:"Commit what the day has written, and push the branch. Never by force."`
	CI        bool     `name:"ci" help:"For a scheduled workflow: nothing is asked, the commits of everybody count, and what is written is committed and pushed."`
	JSON      bool     `name:"json" help:"Write JSON to stdout."`
	AllGates  bool     `help:"Run all gates, not only those of security: also gives the coverage."`
	Offline   bool     `help:"Use no network."`
	Confirm   bool     `help:"Record that you went through the manual checklist."`
	ReportDir string   `default:".security" placeholder:"DIR" help:"Where the sweep's reports for machines are kept; git is told to ignore it."`
	Blocker   []string `sep:"none" placeholder:"TEXT" help:"Something that holds up the work; it stays in the context until you take it out. Repeatable."`
	Decision  []string `sep:"none" placeholder:"TEXT" help:"A decision of today. Repeatable."`
	Next      []string `sep:"none" placeholder:"TEXT" help:"What to do first tomorrow. Repeatable."`
	Learned   []string `sep:"none" placeholder:"TEXT" help:"Something learned: TEXT, or mistake: TEXT, tool: TEXT, optimization: TEXT. Repeatable."`
}

// evening is an end in the making.
type evening struct {
	*endCmd
	a       *app
	desk    *desk
	out     *ended
	verdict *gates.Verdict
	ending  session.Ending
	base    string // what the day's commit comes on, where that is not what was swept
	taken   bool   // another run's commit counts
	before  *journal.Files
}

func (c *endCmd) Run(ctx context.Context, a *app) error {
	d, done, err := a.desk(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	if d.Repo == nil {
		return usagef("%s is not in a git repository: there is nothing to sweep (git init makes one)", d.Dir)
	}
	unlock, err := d.Lock(ctx)
	if err != nil {
		return undecided{err}
	}
	defer unlock()
	e := &evening{endCmd: c, a: a, desk: d, out: newEnded(a.oneLine(d.Project)), before: a.remember(d, "end", "the end of a day")}
	if err := e.sweep(ctx); err != nil {
		return err
	}
	if e.verdict.Decision != gates.Fail {
		if err := e.write(ctx); err != nil {
			return err
		}
	}
	e.tellDay(ctx)
	if err := e.show(); err != nil {
		return err
	}
	return e.status()
}

// status is the exit status: the sweep's first, then what could not be done.
func (e *evening) status() error {
	if e.verdict.Decision != gates.Pass {
		return verdictError{e.verdict.Decision}
	}
	for _, s := range e.out.Steps {
		if s.Status == "failed" {
			return undecided{fmt.Errorf("the day could not be ended: %s: %s", s.Name, s.Message)}
		}
	}
	return nil
}
