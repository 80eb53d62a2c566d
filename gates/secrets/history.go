package secrets

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// revisions are what the history is listed from; nil: no history is wanted, or
// there is none.
func revisions(h History, c *git.Change) []string {
	switch {
	case h == None || c.Head == "":
		return nil
	case h == Change && !c.Everything():
		return []string{c.Head, "^" + c.Base}
	}
	return []string{c.Head}
}

// anyCommit says whether there is a commit to look at.
func (g *gate) anyCommit(ctx context.Context, t *gates.Target) (bool, error) {
	revs := revisions(g.options.History, t.Change)
	if revs == nil {
		return false, nil
	}
	if g.options.Part == Whole && g.options.Since.none() {
		return len(revs) == 1 || t.Change.Commits() > 0, nil
	}
	l := look{target: t, since: g.options.Since, scope: g.options.Part}
	commits, _, err := l.split(ctx, revs)
	return len(commits) > 0, err
}

// history looks at the commits that are here. missing is why that is not the
// history that is wanted.
func (l *look) history(ctx context.Context, h History) (missing, err error) {
	revs := revisions(h, l.target.Change)
	if revs == nil {
		return nil, nil
	}
	whole := len(revs) == 1 && l.since.none()
	var known tip
	if whole {
		var since string
		if known, since, err = l.memory.recall(ctx, l.target.Repo, revs[0]); err != nil {
			return nil, fmt.Errorf("list the history: %w", err)
		}
		if since != "" {
			revs = append(revs, "^"+since)
		}
	}
	before := len(l.found)
	for _, r := range known.Found {
		l.found = append(l.found, r.found())
	}
	l.examined.Commits += known.Commits
	if known.Commit != l.target.Change.Head {
		if err := l.reached(ctx, revs); err != nil {
			return nil, err
		}
	}
	if whole && l.memory != nil {
		now := tip{Commit: l.target.Change.Head, Commits: l.examined.Commits}
		for _, f := range l.found[before:] {
			now.Found = append(now.Found, f.remembered())
		}
		l.memory.learn(now)
	}
	return l.missing(whole, int(l.examined.Commits)), nil
}

// reached looks at the commits that the revisions reach: at all that they add,
// or where there are many of them, at what can have a finding.
func (l *look) reached(ctx context.Context, revs []string) error {
	commits, merges, err := l.split(ctx, revs)
	if err != nil {
		return fmt.Errorf("list the history: %w", err)
	}
	commits = slices.DeleteFunc(commits, l.pointless)
	l.examined.Commits += int64(len(commits) + len(merges))
	todo := patches{commits: commits, merges: merges}
	if len(commits)+len(merges) >= manyCommits {
		if todo, err = l.candidates(ctx, commits, merges); err != nil {
			return err
		}
	}
	return l.patches(ctx, todo)
}

// patches are commits whose patches have to be looked at.
type patches struct {
	commits []string
	// changed are commits of which what they change at some paths is enough.
	changed []string
	paths   []string
	merges  []string
}

func (l *look) patches(ctx context.Context, todo patches) error {
	repo := l.target.Repo
	if err := l.commits(ctx, todo.commits, repo.Patches); err != nil {
		return err
	}
	err := l.commits(ctx, todo.changed, func(ctx context.Context, commits []string, fn func(git.Hunk) error) error {
		return repo.PathPatches(ctx, commits, todo.paths, fn)
	})
	if err != nil {
		return err
	}
	// gitleaks sees no merge. What somebody writes while merging is in no other
	// commit, so here we find more, on purpose.
	return l.commits(ctx, todo.merges, repo.MergePatches)
}

// pointless says whether there is no use in looking at a commit. Where a
// shallow clone is cut off, a commit seems to add all that it holds: one of the
// change would bring what was there before, and a clean HEAD is the tree.
func (l *look) pointless(commit string) bool {
	t := l.target
	if !t.Repo.Boundary[commit] {
		return false
	}
	return commit == t.Change.Head && !t.Tree.Dirty || !t.Change.Everything() && t.Change.HasCommit(commit)
}

// reader reads what commits add.
type reader func(ctx context.Context, commits []string, fn func(git.Hunk) error) error

// commits looks at what each commit adds.
func (l *look) commits(ctx context.Context, commits []string, read reader) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(l.jobs)
	// A git process for each part: small enough to keep every goroutine busy
	// to the end, large enough to be worth its start.
	size := max(64, len(commits)/(2*l.jobs)+1)
	for part := range slices.Chunk(commits, size) {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error { return l.part(gctx, part, read) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	return context.Cause(ctx)
}

func (l *look) part(ctx context.Context, commits []string, read reader) error {
	return read(ctx, commits, func(h git.Hunk) error {
		_, err := l.scan(ctx, fragment{path: h.Path, commit: h.Commit, line: h.Line, text: string(h.Text)})
		return err
	})
}

const fetchHint = "fetch it (git fetch --unshallow, or fetch-depth: 0 in actions/checkout)"

// missing says what a shallow clone lacks.
func (l *look) missing(full bool, commits int) error {
	if !l.target.Repo.Shallow {
		return nil
	}
	whole := true // all commits of the change are here
	for b := range l.target.Repo.Boundary {
		whole = whole && !l.target.Change.HasCommit(b)
	}
	less := None
	if whole {
		less = Change
	}
	switch {
	case full:
		return fmt.Errorf("the clone is shallow: %s here, the older history is not; %s, or set gates.secrets.history: %s", areHere(commits), fetchHint, less)
	case l.cut:
		return fmt.Errorf("the clone is shallow: the commits %s are not all here; %s", l.since, fetchHint)
	case !whole:
		return fmt.Errorf("the clone is shallow: the commits of the change are not all here; %s, or set gates.secrets.history: %s", fetchHint, less)
	}
	return nil
}

func areHere(n int) string {
	if n == 1 {
		return "1 commit is"
	}
	return fmt.Sprintf("%d commits are", n)
}
