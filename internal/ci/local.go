package ci

import (
	"context"
	"fmt"
)

// ResolveLocal says what to compare where no event does. With base: since the
// merge base of it and HEAD, [ErrUnreadableBase] where there is none. Without:
// since the merge base with the default branch; everything on the default
// branch itself, where there is none, or where HEAD has no commit of its own.
// defaultBranch is its short name, where that is known; empty: the repository's.
func ResolveLocal(ctx context.Context, repo Repository, base, defaultBranch string) (Resolved, error) {
	head, err := repo.Head(ctx)
	if err != nil {
		return Resolved{}, err
	}
	res := Resolved{Head: head}
	if base != "" {
		res.Base, res.Note, err = sinceNamed(ctx, repo, head, base)
		return res, err
	}
	if head == "" {
		res.Note = everything("there is no commit yet")
		return res, nil
	}
	var why string
	res.Base, _, why, err = sinceDefault(ctx, repo, head, branchRevisions(defaultBranch))
	if err != nil {
		return Resolved{}, err
	}
	res.Note = why
	if res.Base == "" {
		res.Note = everything(why)
		res.Unborn = why == noOwnCommit
	}
	return res, nil
}

// noOwnCommit is why a branch is looked at as a whole that is where the default
// branch is, or behind it.
const noOwnCommit = "the branch has no commit that the default branch has not"

// sinceNamed is the merge base with a revision that a person named. It may be
// HEAD itself: then what is not committed yet is the change, as they asked.
func sinceNamed(ctx context.Context, repo Repository, head, rev string) (base, note string, err error) {
	tip, err := find(ctx, repo, rev)
	if err == nil && tip == "" && legalRef(rev) {
		// A checkout in CI has the branches of the remote, and no others.
		tip, err = find(ctx, repo, "refs/remotes/origin/"+rev)
	}
	switch {
	case err != nil:
		return "", "", err
	case tip == "":
		return "", "", fmt.Errorf("%w: %s names no commit here", ErrUnreadableBase, show(rev))
	case head == "":
		return "", "", fmt.Errorf("%w: HEAD has no commit to compare with %s", ErrUnreadableBase, show(rev))
	}
	base, err = repo.MergeBase(ctx, tip, head)
	if err == nil && base == "" {
		err = fmt.Errorf("%w: no common commit of %s and HEAD is here", ErrUnreadableBase, show(rev))
	}
	if err != nil {
		return "", "", err
	}
	return base, "the change since " + short(base) + ", where it left " + plainText(rev), nil
}

// sinceDefault is the merge base with the default branch, and that branch's
// tip. base is empty, with the reason, where everything has to be looked at.
func sinceDefault(ctx context.Context, repo Repository, head string, candidates []string) (base, tip, why string, err error) {
	rev, name, err := defaultBranch(ctx, repo, candidates)
	if err != nil {
		return "", "", "", err
	}
	if rev == "" {
		return "", "", "there is no default branch here", nil
	}
	branch, err := repo.Branch(ctx)
	if err != nil {
		return "", "", "", err
	}
	tip, err = find(ctx, repo, rev)
	if err != nil || tip == "" {
		return "", "", "the default branch has no commit here", err
	}
	if branch != "" && branch == name {
		return "", tip, "this is the default branch, " + name, nil
	}
	base, err = repo.MergeBase(ctx, tip, head)
	switch {
	case err != nil:
		return "", "", "", err
	case base == "":
		return "", tip, "it shares no history here with the default branch, " + name, nil
	case base == head:
		return "", tip, noOwnCommit, nil
	}
	return base, tip, "the change since " + short(base) + ", where it left the default branch, " + name, nil
}

// defaultBranch is the first candidate that is here, else what the repository
// says.
func defaultBranch(ctx context.Context, repo Repository, candidates []string) (rev, name string, err error) {
	for _, c := range candidates {
		id, err := find(ctx, repo, c)
		if err != nil {
			return "", "", err
		}
		if id != "" {
			return c, shortRef(c), nil
		}
	}
	return repo.DefaultBranch(ctx)
}
