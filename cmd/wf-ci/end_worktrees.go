package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/session"
	"github.com/wf-ci/wf-ci/worktree"
)

// plan is what would become of the worktrees: a pure read.
func (e *evening) plan(ctx context.Context) []worktree.Outcome {
	if !e.desk.trees {
		return nil
	}
	p, done, err := e.a.openProject(ctx, e.desk.Dir)
	if err == nil {
		defer done()
		var list []worktree.Outcome
		if list, err = p.Clean(ctx, true); err == nil {
			return list
		}
	}
	e.note("worktrees not looked at: " + err.Error())
	return nil
}

// trees are the worktrees in which work goes on: not those whose work has
// arrived.
func (e *evening) trees(ctx context.Context, plan []worktree.Outcome) []session.Worktree {
	if !e.desk.trees {
		return nil
	}
	list, _, err := e.desk.Worktrees(ctx)
	if err != nil {
		return nil // plan has said so
	}
	var going []session.Worktree
	for _, w := range list {
		if w.Stale {
			e.note("stale: " + w.Name + ": " + w.Advice)
		}
		if !slices.ContainsFunc(plan, func(o worktree.Outcome) bool { return o.Path == w.Path && o.Action == "would-remove" }) {
			going = append(going, w)
		}
	}
	return going
}

// clean removes the worktrees whose work has arrived, where that was agreed to
// and everything could be looked at.
func (e *evening) clean(ctx context.Context, plan []worktree.Outcome) (string, error) {
	arrived := count(plan, "would-remove")
	agreed := arrived > 0 && e.verdict.Decision == gates.Pass
	if agreed && !e.Yes && !e.CI {
		agreed = e.a.ask(fmt.Sprintf("%s whose work has arrived: remove?", gates.Plural(arrived, "worktree")))
	}
	if !agreed {
		return e.cleaned(plan)
	}
	p, done, err := e.a.openProject(ctx, e.desk.Dir)
	if err != nil {
		return "", err
	}
	defer done()
	list, err := p.Clean(ctx, false)
	if err != nil {
		return "", err
	}
	return e.cleaned(list)
}

// cleaned keeps what became of each worktree.
func (e *evening) cleaned(list []worktree.Outcome) (string, error) {
	if len(list) == 0 {
		return "there are none", nil
	}
	var failed []string
	for _, o := range list {
		r := e.removal(o)
		e.out.Worktrees = append(e.out.Worktrees, r)
		switch o.Action {
		case "removed":
			e.a.finish(o.Removed)
		case "error":
			failed = append(failed, r.Name+": "+r.Reason)
		}
	}
	if len(failed) > 0 {
		return "", errors.New(strings.Join(failed, "; "))
	}
	removed := count(list, "removed")
	text := fmt.Sprintf("%d removed, %d kept", removed, len(list)-removed)
	if waiting := count(list, "would-remove"); waiting > 0 {
		text += fmt.Sprintf("; %d could go: wf-ci worktree clean", waiting)
	}
	return text, nil
}

func (e *evening) removal(o worktree.Outcome) removal {
	r := removal{Name: e.a.oneLine(o.Name), Action: o.Action, Reason: e.a.oneLine(o.Error)}
	if len(o.Reasons) > 0 {
		r.Reason = e.a.oneLine(o.Reasons[0].Detail)
	}
	return r
}

func count(list []worktree.Outcome, action string) (n int) {
	for _, o := range list {
		if o.Action == action {
			n++
		}
	}
	return n
}

// ask asks a person; where nobody is there to answer, the answer is no.
func (a *app) ask(question string) bool {
	if a.errWidth == 0 || a.stdin == nil {
		return false
	}
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	var answer [64]byte
	n, _ := a.stdin.Read(answer[:])
	return n > 0 && (answer[0] == 'y' || answer[0] == 'Y')
}
