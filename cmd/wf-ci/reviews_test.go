package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

func TestQueuedPull(t *testing.T) {
	for ref, want := range map[string]int{
		"gh-readonly-queue/main/pr-7-abc": 7, "gh-readonly-queue/main/pr-7": 7, "gh-readonly-queue/other/pr-7-abc": 0, "pr-7-abc": 0,
		"gh-readonly-queue/main/pr--1-abc": 0, "gh-readonly-queue/main/pr-0-abc": 0, "gh-readonly-queue/main/pr-99999999999999999999-a": 0,
	} {
		if got := queuedPull(ci.Event{Name: "merge_group", BaseRef: "main", HeadRef: ref}); got != want {
			t.Errorf("%s: %d", ref, got)
		}
	}
	if queuedPull(ci.Event{Name: "push", BaseRef: "main", HeadRef: "gh-readonly-queue/main/pr-7-abc"}) != 0 {
		t.Error("a push is in the queue")
	}
}

// In a merge queue a review of the pull request's head approves, where the group
// is that pull request and nothing else, however the queue merges.
func TestReviewsInMergeQueue(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Write(".wf-ci.yml", "gates:\n  checkpoints: {implementation: [pay/], code_owners: true}\n"+strings.TrimPrefix(fewGates, "gates:\n"))
	r.Write(".github/CODEOWNERS", "* @ana\n")
	r.Commit("base")
	r.Git("switch", "-q", "-c", "feature")
	r.Write("pay/a.txt", "1\n")
	head := r.Commit("change")
	r.Git("switch", "-q", "main")
	r.Write("README.md", "# Shop\n")
	base := r.Commit("another one was merged meanwhile")
	group := func(branch string, merge ...string) string {
		r.Git("switch", "-q", "-c", branch, base)
		r.Git(append([]string{"merge", "-q"}, merge...)...)
		return branch
	}
	merged := group("merged", "--no-ff", "-m", "merge", "feature")
	squashed := group("squashed", "--squash", "feature")
	r.Commit("change (#7)")
	mixed := group("mixed", "--no-ff", "-m", "merge", "feature")
	r.Write("pay/b.txt", "2\n")
	r.Commit("of another pull request (#8)")
	for _, tt := range []struct {
		branch, reviewed string
		status           int
		says             string
	}{
		{merged, head, exitPass, ""},
		{squashed, head, exitPass, ""},
		{squashed, base, exitFail, "ask for another look"},
		{mixed, head, exitInconclusive, "not pull request 7 at"},
	} {
		checkout := gittest.New(t)
		checkout.Git("fetch", "-q", r.Dir, tt.branch)
		checkout.Git("switch", "-q", "--detach", "FETCH_HEAD")
		sha := r.Git("rev-parse", tt.branch)
		s := githubtest.New(t, githubtest.Config{Token: jobToken, Pulls: map[int]githubtest.Pull{7: {Head: head, HeadRepo: "o/r", Reviews: []githubtest.Review{
			{Login: "ana", State: "APPROVED", Commit: tt.reviewed, At: "2026-01-02T00:00:00Z"},
		}}}})
		s.Git(t, "fetch", "-q", r.Dir, "feature:refs/pull/7/head", "main:refs/heads/main")
		ref := "refs/heads/gh-readonly-queue/main/pr-7-" + base
		e := eventCase{name: "merge_group", sha: sha, ref: ref, payload: fmt.Sprintf(`{"merge_group":{"head_sha":%q,"head_ref":%q,"base_sha":%q,"base_ref":"refs/heads/main"}}`, sha, ref, base)}
		got := step(t, "wf-ci", e, checkout.Dir, "INPUT_GITHUB-TOKEN="+jobToken, "GITHUB_API_URL="+s.URL, "GITHUB_GRAPHQL_URL="+s.GraphQL(), "GITHUB_SERVER_URL="+s.Web(), "INPUT_LEDGER=off")
		if got.status != tt.status || !strings.Contains(got.log, tt.says) {
			t.Errorf("%+v: status %d\n%s", tt, got.status, got.log)
		}
	}
}
