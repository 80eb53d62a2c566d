package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/hook"
	"github.com/wf-ci/wf-ci/worktree"
)

// hookCmd is about git's hooks.
type hookCmd struct {
	Install   hookInstallCmd   `cmd:"" help:"Put wf-ci in front of each commit (--push: of each push too)."`
	Uninstall hookUninstallCmd `cmd:"" help:"Take it away, and bring back what was there before."`
	Status    hookStatusCmd    `cmd:"" help:"Show what stands in the place of each hook."`
	Print     hookPrintCmd     `cmd:"" help:"Print the lines for lefthook, pre-commit, husky or overcommit."`
	Run       hookRunCmd       `cmd:"" help:"What a hook runs: pre-commit looks at what is staged, pre-push at what is pushed."`
}

type hookInstallCmd struct {
	at
	Push   bool `help:"Install the hook pre-push too."`
	Anyway bool `help:"Also where another program keeps the hooks."`
}

func (c *hookInstallCmd) Run(ctx context.Context, a *app) error {
	names := hook.Names()[:1]
	if c.Push {
		names = hook.Names()
	}
	return a.onHooks(ctx, c.at, func(w hook.Worker) error {
		p := w.Place
		switch {
		case p.Outside != "":
			return usagef("%s, outside this repository: a hook there would run for every other one too. Put there what this prints, or run git config core.hooksPath .git/hooks first: wf-ci hook print husky", p.Outside)
		case p.Manager != "" && !c.Anyway:
			fmt.Fprint(a.stdout, hook.Lines(p.Manager))
			return usagef("%s keeps the hooks of this repository, so nothing was written: add the lines above (--anyway writes the hook all the same)", p.Manager)
		}
		return a.changeHooks(c.at, names, w.Install, "installed", "is there already")
	})
}

type hookUninstallCmd struct{ at }

func (c *hookUninstallCmd) Run(ctx context.Context, a *app) error {
	return a.onHooks(ctx, c.at, func(w hook.Worker) error {
		return a.changeHooks(c.at, hook.Names(), w.Uninstall, "taken away", "is not there")
	})
}

// changeHooks does one thing to each hook and says what came of it.
func (a *app) changeHooks(where at, names []string, do func(string) (bool, error), done, not string) error {
	changed := []string{}
	for _, name := range names {
		did, err := do(name)
		if err != nil {
			return err
		}
		word := not
		if did {
			word, changed = done, append(changed, name)
		}
		if !where.JSON {
			fmt.Fprintf(a.stdout, "%s: %s\n", name, word)
		}
	}
	if where.JSON {
		return writeJSON(a.rawOut, map[string]any{"changed": changed})
	}
	return nil
}

type hookStatusCmd struct{ at }

func (c *hookStatusCmd) Run(ctx context.Context, a *app) error {
	return a.onHooks(ctx, c.at, func(w hook.Worker) error {
		var list []hook.Status
		for _, name := range hook.Names() {
			s, err := w.Place.Status(name)
			if err != nil {
				return err
			}
			list = append(list, s)
		}
		if c.JSON {
			return writeJSON(a.rawOut, map[string]any{"dir": w.Place.Dir, "outside": w.Place.Outside, "manager": w.Place.Manager, "hooks": list})
		}
		for _, s := range list {
			kept := ""
			if s.Kept {
				kept = ", and the one from before is kept"
			}
			fmt.Fprintf(a.stdout, "%-10s  %s%s  %s\n", s.Name, s.State, kept, report.Visible(s.Path))
		}
		if w.Place.Manager != "" {
			fmt.Fprintf(a.stdout, "%s keeps the hooks: wf-ci hook print %s\n", w.Place.Manager, w.Place.Manager)
		}
		if w.Place.Outside != "" {
			fmt.Fprintln(a.stdout, report.Visible(w.Place.Outside))
		}
		return nil
	})
}

type hookPrintCmd struct {
	Manager string `arg:"" enum:"lefthook,pre-commit,husky,overcommit" help:"lefthook, pre-commit, husky, overcommit."`
}

func (c *hookPrintCmd) Run(a *app) error {
	_, err := fmt.Fprint(a.stdout, hook.Lines(hook.Manager(c.Manager)))
	return err
}

// onHooks opens the place of the hooks for a command, alone with it.
func (a *app) onHooks(ctx context.Context, where at, do func(hook.Worker) error) error {
	p, done, err := a.repository(ctx, where.Dir)
	if err != nil {
		return err
	}
	defer done()
	w, err := a.hookWorker(ctx, p.work(), p.repo.Dir, p.repo.CommonDir())
	if err != nil {
		return err
	}
	unlock, err := w.Place.Lock(ctx)
	if err != nil {
		return undecided{err}
	}
	defer unlock()
	return hookError(do(w))
}

// hookError gives an error of the package its exit status.
func hookError(err error) error {
	var no *hook.RefusedError
	switch {
	case err == nil || errors.As(err, new(usageError)):
		return err
	case errors.As(err, &no):
		return usageError{report.Visible(no.Why)}
	}
	return undecided{err}
}

func (a *app) hookWorker(ctx context.Context, work git.Work, top, common string) (hook.Worker, error) {
	place, err := hook.Find(ctx, work, top, common)
	if err != nil {
		return hook.Worker{}, usageError{report.Visible(err.Error())}
	}
	w := hook.Worker{Place: place, Journal: journal.At(common), Now: a.now()}
	if program, err := os.Executable(); err == nil && !place.Shared { // a path of this machine is nobody else's
		w.Program = program
	}
	return w, nil
}

// undoHook takes back what was done to a hook.
func (a *app) undoHook(ctx context.Context, p *worktree.Project, e journal.Entry) (done string, err error) {
	err = a.onProjectHooks(ctx, p, func(w hook.Worker) (err error) {
		ours := false
		if done, ours, err = w.Undo(e); err == nil && !ours {
			err = usagef("%s is a %s: this version cannot take it back", e.ID, e.Kind)
		}
		return err
	})
	return done, err
}

// mendHooks lets the doctor of the worktrees put right what a command about
// hooks has left that was killed.
func (a *app) mendHooks(p *worktree.Project) {
	for _, kind := range hook.Kinds() {
		p.Menders[kind] = func(ctx context.Context, e journal.Entry) (done string, err error) {
			err = a.onProjectHooks(ctx, p, func(w hook.Worker) (err error) {
				done, err = w.Mend(e)
				return err
			})
			return done, err
		}
	}
}

// onProjectHooks does something to the hooks of an open project, alone with them.
func (a *app) onProjectHooks(ctx context.Context, p *worktree.Project, do func(hook.Worker) error) error {
	w, err := a.hookWorker(ctx, git.Work{Runner: a.userGit(p.Main), Dir: p.Main}, p.Main, p.Common)
	if err != nil {
		return err
	}
	unlock, err := w.Place.Lock(ctx)
	if err != nil {
		return undecided{err}
	}
	defer unlock()
	return hookError(do(w))
}

// pushed are the commits that git is about to push, from what it tells the hook:
// "ref id remote-ref remote-id" a line. What is deleted has an id of zeros.
func pushed(text string) ([]string, error) {
	var ids []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case len(f) != 4 || !git.IsID(f[1]):
			return nil, fmt.Errorf("git says %.80q, which is no line of a pre-push hook", line)
		case strings.Trim(f[1], "0") != "" && !slices.Contains(ids, f[1]):
			ids = append(ids, f[1])
		}
	}
	return ids, nil
}
