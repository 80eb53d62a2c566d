package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/worktree"
)

// worktreeCmd is about parallel work.
type worktreeCmd struct {
	Spawn   worktreeSpawnCmd   `cmd:"" help:"Make a worktree for a task: branch, ports and env files of its own."`
	List    worktreeListCmd    `cmd:"" help:"Show the worktrees, what is in them, and what to do with those that nobody works in."`
	Sync    worktreeSyncCmd    `cmd:"" help:"List, and bring the registry up to date."`
	Env     worktreeEnvCmd     `cmd:"" help:"Show how the env files of a worktree differ from the main one's: names, never values."`
	Status  worktreeStatusCmd  `cmd:"" help:"Show where each task of a feature plan stands."`
	Merge   worktreeMergeCmd   `cmd:"" help:"Merge the branches of worktrees, in order; a conflict is found before anything is touched."`
	Remove  worktreeRemoveCmd  `cmd:"" help:"Remove a worktree, if nothing is lost."`
	Clean   worktreeCleanCmd   `cmd:"" help:"Remove the worktrees whose work has arrived."`
	Restore worktreeRestoreCmd `cmd:"" help:"Bring back what was removed."`
	Prune   worktreePruneCmd   `cmd:"" help:"Give up rows of the registry that stand for nothing, and worktrees whose directory was deleted."`
	Adopt   worktreeAdoptCmd   `cmd:"" help:"Put a worktree that another tool has made into the registry."`
	Doctor  worktreeDoctorCmd  `cmd:"" help:"Put right what a killed command has left, and say what else is not in order."`
}

// openProject finds the repository's worktrees, with the settings of the main
// worktree's configuration.
func (a *app) openProject(ctx context.Context, dir string) (*worktree.Project, func(), error) {
	dir, scratch, done, err := a.workAt(dir)
	if err != nil {
		return nil, nil, err
	}
	p, err := worktree.Open(ctx, worktree.Place{
		Runner: a.userGit(dir), Home: a.home(), Dir: dir, Scratch: scratch, Now: a.now,
	})
	if err != nil {
		done()
		return nil, nil, openError(ctx, err)
	}
	cfg, _, err := loadConfig(ctx, fromDisk(p.Main, configLimit), "", "")
	if err != nil {
		done()
		return nil, nil, err
	}
	p.Menders = a.menders()
	a.mendHooks(p)
	w := cfg.Worktree
	p.Options = worktree.Options{MaxActive: w.MaxActive, Ports: worktree.Pool{First: w.Ports.First, Last: w.Ports.Last}, Keep: w.Keep}
	return p, done, nil
}

// home is the user's home directory.
func (a *app) home() string {
	if home := a.getenv("HOME"); home != "" {
		return home
	}
	return a.getenv("USERPROFILE")
}

// worktreeError gives an error of the package its exit status. What was refused
// has been looked at, and the answer is no.
func (a *app) worktreeError(ctx context.Context, asJSON bool, err error) error {
	var no *worktree.RefusedError
	var conflict *worktree.ConflictError
	var usage *worktree.UsageError
	switch {
	case err == nil || ctx.Err() != nil || errors.As(err, new(refused)) || errors.As(err, new(usageError)):
		return err
	case errors.As(err, &no):
		if asJSON {
			return errors.Join(writeJSON(a.rawOut, map[string]any{"refused": no.Name, "reasons": no.Why}), refused{})
		}
		a.say(no.Name + ": refused, nothing was changed")
		for _, r := range no.Why {
			a.say("  " + reasonText(r))
		}
		return refused{}
	case errors.As(err, &conflict):
		if asJSON {
			return errors.Join(writeJSON(a.rawOut, map[string]any{"conflict": conflict}), refused{})
		}
		a.say(conflict.Error())
		return refused{}
	case errors.Is(err, worktree.ErrNoPorts):
		a.say(err.Error())
		return refused{}
	case errors.As(err, &usage), errors.Is(err, worktree.ErrUnknownName):
		return usageError{visibleLines(err.Error())}
	}
	return undecided{err}
}

// say is a line on stderr.
func (a *app) say(line string) {
	fmt.Fprintf(a.stderr, "wf-ci: %s\n", report.Visible(a.redactor.Redact(line)))
}

func reasonText(r worktree.Reason) string {
	if r.Hint == "" {
		return r.Rule + ": " + r.Detail
	}
	return fmt.Sprintf("%s: %s (%s)", r.Rule, r.Detail, r.Hint)
}

// on runs something on the project of a directory.
func (a *app) on(ctx context.Context, where at, do func(*worktree.Project) error) error {
	p, done, err := a.openProject(ctx, where.Dir)
	if err != nil {
		return err
	}
	defer done()
	return a.worktreeError(ctx, where.JSON, do(p))
}

type worktreeSpawnCmd struct {
	at
	Name       string   `arg:"" help:"Name of the task; the branch is feature/NAME."`
	From       string   `placeholder:"REV" help:"Revision to start from. Default: the default branch."`
	Env        string   `enum:"copy,link,none" default:"copy" help:"Env files of the main worktree: copy (with PORT set), link, or none."`
	Compose    bool     `help:"Set COMPOSE_PROJECT_NAME to a name of its own."`
	Database   bool     `help:"Give databases in the env files names of their own."`
	Task       []string `sep:"none" placeholder:"TEXT" help:"Task for the sheet WORKTREE_TASK.md. Repeatable."`
	Agent      string   `placeholder:"ID" help:"Agent for the sheet, and of the plan's tasks those that are its."`
	Plan       string   `placeholder:"FILE" help:"Feature plan to take the sheet's tasks from."`
	Verify     string   `placeholder:"CMD" help:"Shell command that has to pass in the new worktree; where it does not, all is undone."`
	TrustHooks bool     `help:"Run the commands of .claude/worktree.json, and remember that you trust them as they are."`
}

func (c *worktreeSpawnCmd) Run(ctx context.Context, a *app) error {
	sheet, err := c.sheet(a)
	if err != nil {
		return err
	}
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		s, err := p.Spawn(ctx, worktree.SpawnOptions{
			Name: c.Name, From: c.From, Env: worktree.EnvMode(c.Env), Compose: c.Compose, Database: c.Database, Sheet: sheet, Verify: c.Verify, Trust: c.TrustHooks,
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(a.rawOut, s)
		}
		fmt.Fprintf(a.stdout, "%s: %s on %s, ports %s\n", report.Visible(s.Name), report.Visible(s.Path), report.Visible(s.Branch), ports(s.Ports))
		if len(s.Env) > 0 {
			fmt.Fprintf(a.stdout, "env files: %s\n", report.Visible(strings.Join(s.Env, ", ")))
		}
		a.notes(s.Notes)
		return nil
	})
}

func (a *app) notes(notes []string) {
	for _, n := range notes {
		a.say("note: " + n)
	}
}

func ports(list []int) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]")
}

type worktreeMergeCmd struct {
	at
	Names  []string `arg:"" optional:"" name:"name" help:"Worktrees to merge, in this order."`
	Tag    string   `placeholder:"T" help:"Tag the result, once it is verified."`
	Verify string   `placeholder:"CMD" help:"Shell command that has to pass on the result, in a scratch worktree, before the branch moves."`
	Plan   bool     `help:"Merge nothing: show which worktrees fit together, and the best order. Without names: all."`
}

func (c *worktreeMergeCmd) Run(ctx context.Context, a *app) error {
	if len(c.Names) == 0 && !c.Plan {
		return usagef("name the worktrees to merge, or give --plan")
	}
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		if c.Plan {
			return c.plan(ctx, a, p)
		}
		m, err := p.Merge(ctx, worktree.MergeOptions{Names: c.Names, Tag: c.Tag, Verify: c.Verify})
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(a.rawOut, m)
		}
		fmt.Fprintf(a.stdout, "merged %s into %s: %s\n", report.Visible(strings.Join(m.Merged, ", ")), report.Visible(m.Into), m.New[:12])
		if m.Tag != "" {
			fmt.Fprintf(a.stdout, "tagged %s\n", report.Visible(m.Tag))
		}
		fmt.Fprintf(a.stdout, "nothing was pushed; wf-ci undo %s takes it back\n", m.ID)
		return nil
	})
}

func (c *worktreeMergeCmd) plan(ctx context.Context, a *app, p *worktree.Project) error {
	plan, err := p.PlanMerge(ctx, c.Names)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(a.rawOut, plan)
	}
	fmt.Fprintf(a.stdout, "into %s, in this order:\n", report.Visible(plan.Into))
	for i, s := range plan.Steps {
		fits := "fits"
		if len(s.Conflicts) > 0 {
			fits = "conflicts in " + strings.Join(s.Conflicts, ", ")
		}
		fmt.Fprintf(a.stdout, "%3d. %s: %s\n", i+1, report.Visible(s.Name), report.Visible(fits))
		for _, r := range s.Refused {
			fmt.Fprintf(a.stdout, "     refused as things stand, %s\n", report.Visible(reasonText(r)))
		}
	}
	for _, x := range plan.Conflicts {
		fmt.Fprintf(a.stdout, "conflict: %s and %s in %s\n", report.Visible(x.A), report.Visible(x.B), report.Visible(strings.Join(x.Files, ", ")))
	}
	printShared(a, "hot", plan.Hot)
	printShared(a, "soft", plan.Soft)
	return nil
}

func printShared(a *app, kind string, list []worktree.Shared) {
	for _, s := range list {
		fmt.Fprintf(a.stdout, "%s: %s (%s)\n", kind, report.Visible(s.File), report.Visible(strings.Join(s.Names, ", ")))
	}
}

type worktreeAdoptCmd struct {
	at
	Name string `arg:"" help:"Name, branch or path of the worktree."`
}

func (c *worktreeAdoptCmd) Run(ctx context.Context, a *app) error {
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		s, err := p.Adopt(ctx, c.Name)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(a.rawOut, s)
		}
		_, err = fmt.Fprintf(a.stdout, "%s: %s, ports %s\n", report.Visible(s.Name), report.Visible(s.Path), ports(s.Ports))
		return err
	})
}

type worktreeDoctorCmd struct {
	at
	DryRun bool `help:"Put nothing right: only say what is not in order."`
}

func (c *worktreeDoctorCmd) Run(ctx context.Context, a *app) error {
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		list, err := p.Doctor(ctx, c.DryRun)
		if err != nil {
			return err
		}
		bad := slices.ContainsFunc(list, func(f worktree.Finding) bool { return f.Done == "" })
		if c.JSON {
			err = writeJSON(a.rawOut, map[string]any{"findings": list})
		} else {
			printFindings(a, list)
		}
		if err == nil && bad {
			return refused{}
		}
		return err
	})
}

func printFindings(a *app, list []worktree.Finding) {
	if len(list) == 0 {
		fmt.Fprintln(a.stdout, "all is in order")
	}
	for _, f := range list {
		line := f.What
		for _, more := range []string{f.Done, f.Hint, f.Error} {
			if more != "" {
				line += ": " + more
			}
		}
		fmt.Fprintln(a.stdout, report.Visible(line))
	}
}

// when is a day and an hour for people.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
