package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/secrets"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git"
)

// partFlags are how a person looks at less than all of it.
type partFlags struct {
	Staged   bool   `xor:"part" help:"Look at what a commit would take, with the gates that can judge it: secrets, env-files (for a pre-commit hook)."`
	Unpushed bool   `xor:"part" help:"Look at the commits that no remote has, with the same gates (for a pre-push hook)."`
	Since    string `xor:"part" placeholder:"DATE|REV" help:"Of the history, look for secrets in the change and in the commits since then only."`
}

// part is what the flags ask for. In CI the policy alone says how much is
// looked at.
func (a *app) part(f partFlags) (secrets.Part, string, error) {
	part, name := secrets.Whole, "--since"
	switch {
	case f.Staged:
		part, name = secrets.Staged, "--staged"
	case f.Unpushed:
		part, name = secrets.Unpushed, "--unpushed"
	case f.Since == "":
		return part, "", nil
	}
	if ci.InCI(a.getenv) {
		return part, "", usagef("%s is for people; in CI the policy says how much is looked at (gates.secrets.history)", name)
	}
	return part, f.Since, nil
}

// partGates judge the tree of any commit, and are done before one's patience is.
func partGates(list []gates.Gate) []gates.Gate {
	return slices.DeleteFunc(list, func(g gates.Gate) bool { return g.ID != secrets.ID && g.ID != "env-files" })
}

// readTree is what is judged, and the name of HEAD's tree.
func (a *app) readTree(ctx context.Context, repo *git.Moment, o options, except []string) (*git.Tree, string, error) {
	switch o.part {
	case secrets.Staged:
		index := a.getenv("GIT_INDEX_FILE") // git names another one to the hook of `commit FILE` and `commit --all`
		if index != "" {
			index = inside(a.dir, index)
		}
		return repo.Staged(ctx, index)
	case secrets.Unpushed:
		head, err := o.pushed, error(nil)
		if head == "" {
			head, err = repo.Head(ctx)
		}
		if err == nil && head == "" {
			err = errors.New("there is no commit yet, so there is nothing to push")
		}
		if err != nil {
			return nil, "", err
		}
		tree, err := repo.TreeAt(ctx, head)
		if err != nil {
			return nil, "", err
		}
		return tree, tree.ID, nil
	}
	tree, headTree, err := repo.Snapshot(ctx, except...)
	if err == nil && len(tree.Files) == 0 && headTree != "" && tree.Dirty {
		err = errors.New("nothing is checked out: the work tree is empty, and HEAD is not (git checkout HEAD -- . brings it)")
	}
	return tree, headTree, err
}

// change is what is new in the tree.
func (o options) change(ctx context.Context, repo *git.Repo, found ci.Resolved, tree *git.Tree) (*git.Change, error) {
	switch o.part {
	case secrets.Staged:
		return repo.Diff(ctx, found.Head, found.Head, tree)
	case secrets.Unpushed:
		return repo.Unpushed(ctx, found.Head, tree)
	}
	return repo.Diff(ctx, found.Base, found.Head, tree)
}

// parseSince reads --since: a revision, a day, or a time.
func parseSince(ctx context.Context, repo *git.Repo, text string) (secrets.Since, error) {
	if text == "" {
		return secrets.Since{}, nil
	}
	commit, err := repo.Commit(ctx, text)
	if err == nil {
		return secrets.Since{Commit: commit}, nil
	}
	if !errors.Is(err, git.ErrUnknownRevision) {
		return secrets.Since{}, undecided{err}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return secrets.Since{Time: at.UTC()}, nil
		}
	}
	return secrets.Since{}, usagef("--since %s: want a revision that is here, a day (2026-01-31, of UTC) or a time (2026-01-31T12:00:00Z)", text)
}

// ofChange makes only what is new block: old findings are no reason to hold up
// a commit or a push.
func ofChange(p gates.Policy) gates.Policy {
	for id, g := range p.Gates {
		g.Scope = gates.ScopeChange
		p.Gates[id] = g
	}
	return p
}
