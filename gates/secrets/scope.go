package secrets

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Part is how much of a target is looked at.
type Part string

const (
	Whole Part = "" // the tree, and the history
	// Staged is what a commit would take: the files of the tree that differ from
	// the base, whole. There are no commits in it.
	Staged Part = "staged"
	// Unpushed is what a push would publish: what the change's commits add.
	Unpushed Part = "unpushed"
)

func (p Part) words() string {
	if p == Whole {
		return ""
	}
	return ", " + string(p)
}

// files are those of the tree that are looked at.
func (p Part) files(t *gates.Target) []git.File {
	switch p {
	case Staged:
		var out []git.File
		for _, f := range t.Tree.Files {
			if t.Change.HasFile(f.Path) {
				out = append(out, f)
			}
		}
		return out
	case Unpushed:
		return nil
	}
	return t.Tree.Files
}

// nothing is why there is nothing to look at.
func (p Part) nothing() string {
	switch p {
	case Staged:
		return "nothing is staged"
	case Unpushed:
		return "no commit here is missing on the remotes"
	}
	return "no files and no commits"
}

// Since is where a look at the history ends: at a commit, or at a time.
type Since struct {
	Commit string    // it and what is behind it are left out
	Time   time.Time // commits that were made before it are left out
}

func (s Since) none() bool { return s == Since{} }

// String is "since …".
func (s Since) String() string {
	if s.Commit != "" {
		return fmt.Sprintf("since %.10s", s.Commit)
	}
	return "since " + s.Time.UTC().Format("2006-01-02 15:04 MST")
}

func (s Since) words() string {
	if s.none() {
		return ""
	}
	return fmt.Sprintf(", since %s %d", s.Commit, s.Time.Unix())
}

// split are the commits to look at: those that the revisions reach, as far back
// as is wanted, and all of the change.
func (l *look) split(ctx context.Context, revs []string) (commits, merges []string, err error) {
	repo, change := l.target.Repo, l.target.Change
	ofChange := !change.Everything() && slices.Equal(revs, []string{change.Head, "^" + change.Base})
	switch {
	case l.scope != Whole && !change.Everything(), l.since.none() && ofChange:
		commits, merges = change.Split()
		return commits, merges, nil
	case l.scope != Whole, l.since.none():
		return repo.Split(ctx, revs...)
	case l.since.Commit != "":
		commits, merges, err = repo.Split(ctx, change.Head, "^"+l.since.Commit)
	default:
		commits, merges, err = repo.SplitSince(ctx, l.since.Time, change.Head)
	}
	if err != nil {
		return nil, nil, err
	}
	l.cut = slices.ContainsFunc(commits, func(id string) bool { return repo.Boundary[id] })
	if change.Everything() {
		return commits, merges, nil
	}
	own, ownMerges := change.Split()
	return union(own, commits), union(ownMerges, merges), nil
}

// union is both lists, each commit once.
func union(a, b []string) []string {
	seen := make(map[string]bool, len(a))
	for _, id := range a {
		seen[id] = true
	}
	for _, id := range b {
		if !seen[id] {
			a = append(a, id)
		}
	}
	return a
}
