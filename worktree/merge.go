package worktree

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/run"
)

// kindMerge is the kind of a merge in the journal.
const kindMerge = "worktree.merge"

// merging is what the journal knows of a merge.
type merging struct {
	Ref   string `json:"ref"`
	Old   string `json:"old"`
	New   string `json:"new"`
	Where string `json:"where,omitempty"` // worktree that has the branch checked out
	Tag   string `json:"tag,omitempty"`
}

// MergeOptions is what is merged, and how.
type MergeOptions struct {
	Names  []string
	Tag    string
	Verify string // shell command that has to pass on the result, in a scratch worktree
}

// MergeResult is a finished merge.
type MergeResult struct {
	ID     string   `json:"id"`
	Into   string   `json:"into"`
	Old    string   `json:"old"`
	New    string   `json:"new"`
	Merged []string `json:"merged"` // branches, in order
	Tag    string   `json:"tag,omitempty"`
}

// ConflictError says where a merge would conflict. Nothing was changed.
type ConflictError struct {
	Branch string   `json:"branch"`
	With   string   `json:"with"`
	Files  []string `json:"files"`
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s conflicts with %s in %s; nothing was changed", e.Branch, e.With, strings.Join(e.Files, ", "))
}

// Merge merges the branches of worktrees into the target, in the order given,
// each with a merge commit. All of it is computed first, without a work tree: a
// conflict is found before anything is touched. Nothing is pushed.
func (p *Project) Merge(ctx context.Context, o MergeOptions) (*MergeResult, error) {
	unlock, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	target, err := p.target(ctx)
	if err != nil {
		return nil, err
	}
	if target.Local == "" {
		return nil, usagef("there is no local branch %s to merge into: git branch %s origin/%s", target.Name, target.Name, target.Name)
	}
	trees, err := p.toMerge(ctx, o.Names, target)
	if err != nil {
		return nil, err
	}
	if err := p.tagFree(ctx, o.Tag); err != nil {
		return nil, err
	}
	out := &MergeResult{Into: target.Name, Merged: []string{}, Tag: o.Tag}
	if out.Old, err = p.git.Line(ctx, "rev-parse", "--verify", target.Local); err != nil {
		return nil, err
	}
	if out.New, err = p.compute(ctx, trees, target, out); err != nil {
		return nil, err
	}
	if err := p.verify(ctx, o.Verify, out.New, trees); err != nil {
		return nil, err
	}
	if out.New == out.Old {
		return nil, usagef("there is nothing to merge: %s has all of it", target.Name)
	}
	return out, p.publish(ctx, target, out)
}

// toMerge finds the worktrees, and refuses those whose work is not all
// committed: it would be forgotten.
func (p *Project) toMerge(ctx context.Context, names []string, target Target) ([]Tree, error) {
	var trees []Tree
	for _, name := range names {
		t, err := p.find(ctx, name)
		if err != nil {
			return nil, err
		}
		if t.Branch == "" || t.Branch == target.Name {
			return nil, usagef("%s is not on a branch of its own", t.Path)
		}
		if slices.ContainsFunc(trees, func(o Tree) bool { return o.Path == t.Path }) {
			return nil, usagef("%s is named twice", name)
		}
		trees = append(trees, t)
		if t.Missing {
			continue // its branch is here
		}
		c, err := p.condition(ctx, t, false)
		if err != nil {
			return nil, err
		}
		if why := unfinished(t, c); len(why) > 0 {
			return nil, &RefusedError{Name: name, Why: why}
		}
	}
	return trees, nil
}

// unfinished is why a worktree is not merged as it is.
func unfinished(t Tree, c condition) []Reason {
	why := []Reason{}
	if c.Changes.Any() {
		why = append(why, Reason{Rule: "uncommitted", Detail: c.Changes.String() + " would not be merged", Hint: "commit or stash them"})
	}
	if op := t.operation(); op != "" {
		why = append(why, Reason{Rule: "operation", Detail: "a " + op + " is in progress", Hint: "finish or abort it"})
	}
	return why
}

func (p *Project) tagFree(ctx context.Context, tag string) error {
	if tag == "" {
		return nil
	}
	if _, err := p.git.Git(ctx, "check-ref-format", "refs/tags/"+tag); err != nil || strings.HasPrefix(tag, "-") {
		return usagef("%q cannot be the name of a tag", tag)
	}
	_, err := p.git.Git(ctx, "show-ref", "--verify", "--quiet", "refs/tags/"+tag)
	if err == nil {
		return usagef("the tag %s is there already", tag)
	}
	if !git.Exited(err, 1) {
		return err
	}
	return nil
}

// compute makes the merge commits, one on top of the other; no ref names them
// yet.
func (p *Project) compute(ctx context.Context, trees []Tree, target Target, out *MergeResult) (string, error) {
	tip, with := out.Old, target.Name
	for _, t := range trees {
		_, err := p.git.Git(ctx, "merge-base", "--is-ancestor", t.Head, tip)
		if err == nil {
			continue // it is in already
		} else if !git.Exited(err, 1) {
			return "", err
		}
		tree, files, err := p.git.MergeTree(ctx, tip, t.Head)
		if err != nil {
			return "", err
		}
		if len(files) > 0 {
			return "", &ConflictError{Branch: t.Branch, With: with, Files: files}
		}
		args := []string{"commit-tree", tree, "-p", tip, "-p", t.Head, "-m", fmt.Sprintf("Merge branch '%s'", t.Branch)}
		if sign, err := p.git.Line(ctx, "config", "--type=bool", "--get", "commit.gpgSign"); err == nil && sign == "true" {
			args = append(args, "-S")
		}
		if tip, err = p.git.Line(ctx, args...); err != nil {
			return "", fmt.Errorf("commit the merge of %s: %w", t.Branch, err)
		}
		out.Merged = append(out.Merged, t.Branch)
		with = strings.Join(append([]string{target.Name}, out.Merged...), " + ")
	}
	return tip, nil
}

// verify checks the result before any ref names it: all that was to be merged is
// in it, and the user's own command passes on it.
func (p *Project) verify(ctx context.Context, command, commit string, trees []Tree) error {
	for _, t := range trees {
		if _, err := p.git.Git(ctx, "merge-base", "--is-ancestor", t.Head, commit); err != nil {
			return fmt.Errorf("verify that %s is in: %w", t.Branch, err)
		}
	}
	if command == "" {
		return nil
	}
	dir := p.place.Scratch + "/verify"
	if _, err := p.git.Git(ctx, "worktree", "add", "--quiet", "--detach", "--", dir, commit); err != nil {
		return err
	}
	c, err := p.check(ctx, command, dir)
	_, gone := p.git.Git(context.WithoutCancel(ctx), "worktree", "remove", "--force", "--", dir)
	if err != nil || gone != nil {
		return errors.Join(err, gone)
	}
	return c.refusal("merge", command, "the result")
}

// publish moves the target to the result, and its work tree where it is checked
// out: git refuses where a change of the user's would be overwritten.
func (p *Project) publish(ctx context.Context, target Target, out *MergeResult) error {
	m := merging{Ref: target.Local, Old: out.Old, New: out.New, Tag: out.Tag}
	trees, err := p.Trees(ctx)
	if err != nil {
		return err
	}
	for _, t := range trees {
		if t.Branch == target.Name && !t.Bare && !t.Missing {
			m.Where = t.Path
		}
	}
	e, err := p.Journal.Begin("", kindMerge, "merge "+strings.Join(out.Merged, ", "), p.now(), m)
	if err != nil {
		return err
	}
	out.ID = e.ID
	p.step("journal")
	if err := p.advance(ctx, m); err != nil {
		return errors.Join(err, p.Journal.Drop(e.ID))
	}
	p.step("advanced")
	if m.Tag != "" {
		if _, err := p.git.Git(ctx, "update-ref", "refs/tags/"+m.Tag, m.New, ""); err != nil {
			return err
		}
	}
	return p.Journal.Mark(&e, journal.Done)
}

// advance moves the target branch.
func (p *Project) advance(ctx context.Context, m merging) error {
	if m.Where == "" {
		_, err := p.git.Git(ctx, "update-ref", "-m", "wf-ci worktree merge", m.Ref, m.New, m.Old)
		return err
	}
	_, err := p.git.In(m.Where).Git(ctx, "merge", "--ff-only", "--no-overwrite-ignore", "--quiet", m.New)
	return blocked(m.Where, err)
}

// blocked is git's refusal to write over what no commit has.
func blocked(where string, err error) error {
	var exit *run.ExitError
	if errors.As(err, &exit) {
		return &RefusedError{Name: where, Why: []Reason{{Rule: "uncommitted", Detail: "its changes are in the way: " + exit.Stderr, Hint: "commit or stash them, and move away what git ignores"}}}
	}
	return err
}

// undoMerge puts the target back where it was, if nobody has moved it since, and
// takes away the tag.
func (p *Project) undoMerge(ctx context.Context, e *journal.Entry) error {
	var m merging
	if err := json.Unmarshal(e.Before, &m); err != nil {
		return err
	}
	now, err := p.git.Line(ctx, "rev-parse", "--verify", m.Ref)
	if err != nil {
		return err
	}
	if now != m.New && now != m.Old {
		return &RefusedError{Name: m.Ref, Why: []Reason{{Rule: "moved", Detail: "it has other commits now", Hint: "git revert -m 1 " + m.New}}}
	}
	if m.Tag != "" && p.tagged(ctx, m) {
		if _, err := p.git.Git(ctx, "update-ref", "-d", "refs/tags/"+m.Tag, m.New); err != nil {
			return err
		}
	}
	if now == m.New {
		if err := p.retreat(ctx, m); err != nil {
			return err
		}
	}
	return p.Journal.Mark(e, journal.Undone)
}

// tagged says whether the merge has its tag.
func (p *Project) tagged(ctx context.Context, m merging) bool {
	at, err := p.git.Line(ctx, "rev-parse", "--verify", "--quiet", "refs/tags/"+m.Tag)
	return err == nil && at == m.New
}

// retreat is advance the other way: it gives up where a change would be lost.
func (p *Project) retreat(ctx context.Context, m merging) error {
	if m.Where == "" {
		_, err := p.git.Git(ctx, "update-ref", "-m", "wf-ci undo", m.Ref, m.Old, m.New)
		return err
	}
	w := p.git.In(m.Where)
	if on, err := w.Line(ctx, "symbolic-ref", "--quiet", "HEAD"); err != nil || on != m.Ref {
		return &RefusedError{Name: m.Where, Why: []Reason{{Rule: "moved", Detail: "it is on another branch now", Hint: "switch it back to " + m.Ref}}}
	}
	return blocked(m.Where, w.MoveBranch(ctx, strings.TrimPrefix(m.Ref, "refs/heads/"), m.Old))
}

// mendMerge finishes the journal of a merge that was killed: either the branch
// has moved, or nothing has.
func (p *Project) mendMerge(ctx context.Context, e journal.Entry) (string, error) {
	var m merging
	if err := json.Unmarshal(e.Before, &m); err != nil {
		return "", err
	}
	now, err := p.git.Line(ctx, "rev-parse", "--verify", m.Ref)
	if err != nil {
		return "", err
	}
	if now == m.Old {
		return "nothing had been merged", p.Journal.Drop(e.ID)
	}
	done := "the merge was complete; wf-ci undo takes it back"
	if m.Tag != "" {
		if _, err := p.git.Git(ctx, "update-ref", "refs/tags/"+m.Tag, m.New, ""); err != nil && !p.tagged(ctx, m) {
			done = fmt.Sprintf("the merge was complete, but the tag %s names something else; wf-ci undo takes it back", m.Tag)
		}
	}
	return done, p.Journal.Mark(&e, journal.Done)
}
