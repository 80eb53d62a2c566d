package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/feature/ship"
	"github.com/wf-ci/wf-ci/workflow/rollback"
	"github.com/wf-ci/wf-ci/worktree"
)

// rollbackCmd takes changes back.
type rollbackCmd struct {
	Plan      rollbackPlanCmd      `cmd:"" help:"Show what a rollback would do, and what stands in its way. Nothing is changed."`
	Apply     rollbackApplyCmd     `cmd:"" help:"Do what was planned, if nothing has moved since. Nothing is pushed; wf-ci undo takes it back."`
	Check     rollbackCheckCmd     `cmd:"" help:"Say whether to roll back, from a verdict and a metrics file."`
	Verify    rollbackVerifyCmd    `cmd:"" help:"Look whether a rollback did what it was for: six checks."`
	Matrix    rollbackMatrixCmd    `cmd:"" help:"Show what to do at which symptom."`
	Metrics   rollbackMetricsCmd   `cmd:"" help:"Count the rollbacks so far: time to recover, success, automation, lost data."`
	Lost      rollbackLostCmd      `cmd:"" help:"Record that data was lost."`
	Readiness rollbackReadinessCmd `cmd:"" help:"Say what is missing for a rollback to work."`
	Playbook  rollbackPlaybookCmd  `cmd:"" help:"Go through an incident step by step, each confirmed."`
	App       rollbackAppCmd       `cmd:"" help:"Roll a deployed application back (kubectl, docker)."`
	Database  rollbackDatabaseCmd  `cmd:"" help:"Roll migrations back (Alembic, Django): backup first, restored when it does not work."`
	Flag      rollbackFlagCmd      `cmd:"" help:"Turn a feature flag off at once, or move it in steps while the error rate is watched."`
	Recover   rollbackRecoverCmd   `cmd:"" help:"Bring a service back: restart, wait, health check, three times."`
	Terraform rollbackTerraformCmd `cmd:"" help:"Keep a copy of Terraform's state."`
}

// openRollback is the work tree of a directory.
func (a *app) openRollback(ctx context.Context, dir string) (*rollback.Repo, func(), error) {
	dir, scratch, done, err := a.workAt(dir)
	if err != nil {
		return nil, nil, err
	}
	r, err := rollback.Open(ctx, rollback.Place{Runner: a.userGit(dir), Dir: dir, Scratch: scratch, Now: a.now})
	if err != nil {
		done()
		if errors.Is(err, git.ErrBare) {
			err = usagef("%v: a rollback needs one", err)
		}
		return nil, nil, openError(ctx, err)
	}
	return r, done, nil
}

// onRollback runs something on the work tree of a directory.
func (a *app) onRollback(ctx context.Context, where at, do func(*rollback.Repo) error) error {
	r, done, err := a.openRollback(ctx, where.Dir)
	if err != nil {
		return err
	}
	defer done()
	return a.rollbackError(ctx, where.JSON, do(r))
}

// rollbackError gives an error of the package its exit status.
func (a *app) rollbackError(ctx context.Context, asJSON bool, err error) error {
	var no *rollback.RefusedError
	var usage *rollback.UsageError
	switch {
	case errors.As(err, &no) && asJSON:
		return errors.Join(writeJSON(a.rawOut, map[string]any{"refused": "rollback", "reasons": no.Why}), refused{})
	case errors.As(err, &no):
		a.say("rollback: refused, nothing was changed")
		a.reasons(no.Why)
		return refused{}
	case errors.As(err, &usage):
		return usageError{visibleLines(err.Error())}
	}
	return a.worktreeError(ctx, asJSON, err)
}

func (a *app) reasons(list []rollback.Reason) {
	for _, r := range list {
		a.say("  " + reasonText(worktree.Reason{Rule: r.Rule, Detail: r.Detail, Hint: r.Hint}))
	}
}

type rollbackPlanCmd struct {
	at
	To        string   `placeholder:"REV" help:"Be as this revision again. Default: the newest commit in the history with a tag stable-*, or whose subject begins with stable:."`
	Commit    []string `sep:"none" placeholder:"REV" help:"Revert this commit only. Repeatable."`
	Mainline  int      `placeholder:"N" help:"Parent that a merge among the commits goes back to. Default: 1."`
	Paths     []string `sep:"none" placeholder:"P" help:"Bring back this file or folder only. Repeatable."`
	Branch    string   `placeholder:"NAME" help:"Make a new branch at the revision instead; what is checked out stays."`
	Keep      []string `sep:"none" placeholder:"REV" help:"Pick this later commit onto the new branch. Repeatable."`
	Reason    string   `placeholder:"TEXT" help:"Why, for the commit's message."`
	Automatic bool     `help:"No person decided it: counted by wf-ci rollback metrics."`
}

func (c *rollbackPlanCmd) Run(ctx context.Context, a *app) error {
	return a.onRollback(ctx, c.at, func(r *rollback.Repo) error {
		p, err := r.MakePlan(ctx, rollback.Options{
			To: c.To, Commits: c.Commit, Mainline: c.Mainline, Paths: c.Paths, Branch: c.Branch, Keep: c.Keep, Reason: a.redactor.Redact(c.Reason), Automatic: c.Automatic,
		})
		if err != nil {
			return err
		}
		if c.JSON {
			err = writeJSON(a.rawOut, p)
		} else {
			a.printPlan(p)
		}
		if err == nil && !p.Ready {
			return refused{}
		}
		return err
	})
}

var planVerbs = map[rollback.Strategy]string{rollback.Revert: "revert", rollback.Branch: "pick"}

func (a *app) printPlan(p *rollback.Plan) {
	line := func(format string, args ...any) {
		fmt.Fprintln(a.stdout, report.Visible(a.redactor.Redact(fmt.Sprintf(format, args...))))
	}
	on := strings.TrimPrefix(p.Ref, "refs/heads/")
	switch p.Strategy {
	case rollback.Files:
		line("files of %s as %s has them (%.12s)", on, p.ToName, p.To)
	case rollback.Branch:
		line("a new branch %s at %s (%.12s)", strings.TrimPrefix(p.NewRef, "refs/heads/"), p.ToName, p.To)
	default:
		line("%d commit(s) of %s would be reverted, with new commits", len(p.Commits), on)
	}
	for _, s := range p.Commits {
		merge := ""
		if s.Merge {
			merge = fmt.Sprintf(" (a merge: back to its parent %d)", s.Mainline)
		}
		line("  %s %.12s %s%s", planVerbs[p.Strategy], s.Commit, s.Subject, merge)
	}
	for _, f := range p.Files {
		line("  %s %s", f.Status, f.Path)
	}
	for _, c := range p.Conflicts {
		line("conflict: %.12s %s in %s", c.Commit, c.Subject, strings.Join(c.Files, ", "))
	}
	if len(p.Dirty) > 0 {
		line("work that no commit has in %d file(s): it is kept, and given back", len(p.Dirty))
	}
	a.notes(p.Notes)
	if p.Ready {
		line("nothing was changed; wf-ci rollback apply does it")
		return
	}
	line("it cannot be done")
	a.reasons(p.Reasons)
}

type rollbackApplyCmd struct{ at }

func (c *rollbackApplyCmd) Run(ctx context.Context, a *app) error {
	return a.onRollback(ctx, c.at, func(r *rollback.Repo) error {
		done, err := r.Apply(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(a.rawOut, done)
		}
		fmt.Fprintf(a.stdout, "%s is at %.12s: %d new commit(s), %d file(s)\n", report.Visible(strings.TrimPrefix(done.Ref, "refs/heads/")), done.New, len(done.Commits), done.Files)
		if done.Kept > 0 {
			fmt.Fprintf(a.stdout, "your work in %d file(s) is as it was, and kept at %s\n", done.Kept, done.KeptAt)
		}
		fmt.Fprintf(a.stdout, "nothing was pushed; wf-ci undo %s takes it back\n", done.ID)
		a.notes(done.Notes)
		return nil
	})
}

// undoRollback takes a rollback back, in the work tree where it was done.
func (a *app) undoRollback(ctx context.Context, e journal.Entry) (string, error) {
	return a.rollbackAt(ctx, e, (*rollback.Repo).Undo)
}

func (a *app) rollbackAt(ctx context.Context, e journal.Entry, do func(*rollback.Repo, context.Context, journal.Entry) (string, error)) (string, error) {
	dir, err := rollback.Where(e)
	if err != nil {
		return "", err
	}
	r, done, err := a.openRollback(ctx, dir)
	if err != nil {
		return "", err
	}
	defer done()
	return do(r, ctx, e)
}

// menders are those who put right what the journal knows of other packages.
func (a *app) menders() map[string]worktree.Mender {
	return map[string]worktree.Mender{
		rollback.Kind: func(ctx context.Context, e journal.Entry) (string, error) {
			return a.rollbackAt(ctx, e, (*rollback.Repo).Mend)
		},
		ship.Kind: func(ctx context.Context, e journal.Entry) (string, error) {
			return a.shipAt(ctx, e, (*ship.Place).Mend)
		},
	}
}
