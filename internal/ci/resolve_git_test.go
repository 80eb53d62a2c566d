package ci_test

import (
	"errors"
	"testing"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// checkout is a clone as actions/checkout makes it: one commit, detached, with
// a depth (zero: the whole history).
func checkout(t *testing.T, origin *gittest.Repo, commit, depth string) *gittest.Repo {
	t.Helper()
	r := gittest.New(t)
	r.Git("remote", "add", "origin", "file://"+origin.Dir)
	args := []string{"fetch", "--quiet", "--no-tags", "origin", "+" + commit + ":refs/remotes/pull/7/merge"}
	if depth != "" {
		args = append(args, "--depth="+depth)
	} else {
		args = append(args, "+refs/heads/*:refs/remotes/origin/*")
	}
	r.Git(args...)
	r.Git("checkout", "--quiet", "--detach", commit)
	return r
}

// The rows of the table against git itself, at the depths that checkouts have.
func TestResolveGit(t *testing.T) {
	origin := gittest.New(t)
	origin.Write("a", "1\n")
	start := origin.Commit("start")
	origin.Git("checkout", "--quiet", "-b", "feature")
	origin.Write("b", "1\n")
	first := origin.Commit("feature")
	origin.Write("b", "2\n")
	head := origin.Commit("feature again")
	origin.Git("checkout", "--quiet", "main")
	origin.Write("a", "2\n")
	base := origin.Commit("main goes on")
	origin.Git("checkout", "--quiet", "--detach")
	origin.Git("merge", "--quiet", "--no-ff", "-m", "test merge", head)
	merge := origin.Git("rev-parse", "HEAD")

	request := ci.Event{Name: "pull_request", SHA: merge, Ref: "refs/pull/7/merge", PullRequest: 7, HeadSHA: head,
		BaseSHA: base, BaseRef: "main", DefaultBranch: "main"}
	pushed := ci.Event{Name: "push", SHA: head, Ref: "refs/heads/feature", Before: first, After: head, DefaultBranch: "main"}
	created := pushed
	created.Before = ""
	for _, test := range []struct {
		name          string
		event         ci.Event
		commit, depth string
		offline       bool
		base          string
		err           error
	}{
		{"test merge", request, merge, "", true, base, nil},
		{"test merge, depth 1", request, merge, "1", false, base, nil},
		{"test merge, depth 1, offline", request, merge, "1", true, "", ci.ErrUnreadableBase},
		{"test merge, depth 2", request, merge, "2", true, base, nil},
		{"head", request, head, "", true, start, nil},
		{"head, depth 1", request, head, "1", false, "", ci.ErrUnreadableBase},
		{"base", request, base, "", true, "", ci.ErrNotCheckedOut},
		{"base, depth 1", request, base, "1", false, "", ci.ErrNotCheckedOut},
		{"push", pushed, head, "", true, first, nil},
		{"push, depth 1", pushed, head, "1", false, first, nil},
		{"push, depth 1, offline", pushed, head, "1", true, "", nil},
		{"new branch", created, head, "", true, start, nil},
		{"new branch, depth 1", created, head, "1", false, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			repo := checkout(t, origin, test.commit, test.depth).Open()
			got, err := ci.Resolve(t.Context(), test.event, repo, test.offline)
			if !errors.Is(err, test.err) || got.Base != test.base {
				t.Fatalf("base %q, %v; want %q, %v", got.Base, err, test.base, test.err)
			}
			if err != nil || got.Base == "" {
				t.Log(got.Note, err)
				return
			}
			// The base is not only named: it can be compared with.
			tree, _, err := repo.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			change, err := repo.Diff(t.Context(), got.Base, got.Head, tree)
			if err != nil || !change.HasFile("b") || change.HasFile("a") {
				t.Errorf("changed: %v, %v; want b alone", change, err)
			}
		})
	}
}
