package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

// What GitHub says is shown beside what is here. No answer of its is an error,
// and none makes a removal.
func TestWorktreePullRequests(t *testing.T) {
	d := newShop(t)
	at := filepath.Join(d.home, "tmp", "worktrees", "shop", "search")
	head := strings.TrimSpace(d.out(at, "rev-parse", "HEAD"))
	asked := 0
	s := githubtest.New(t, githubtest.Config{
		Repository: "o/shop",
		Pulls: map[int]githubtest.Pull{
			4: {Head: head, HeadRepo: "o/shop", Branch: "feature/search", State: "MERGED"},
			5: {Head: head, HeadRepo: "o/shop", Branch: "feature/checkout", Draft: true},
			6: {Head: head, HeadRepo: "o/shop", Branch: "main"}, // nobody asks for it
		},
		Fault: func(w http.ResponseWriter, _ *http.Request, n int) bool { asked = n; return false },
	})
	env := []string{"GH_TOKEN=the-token", "GITHUB_API_URL=" + s.URL, "GITHUB_GRAPHQL_URL=" + s.GraphQL(), "GITHUB_SERVER_URL=" + s.Web()}

	if out := d.with(env...).wfci("worktree", "list", "--json"); !strings.Contains(out, "no remote origin on the server") || asked != 0 {
		t.Errorf("origin is elsewhere: %d requests\n%s", asked, out)
	}
	d.git(d.dir, "config", "remote.origin.url", s.Web()+"/o/shop.git")
	list := d.with(env...).wfci("worktree", "list")
	for _, want := range []string{"PULL REQUEST", "$4.10  #4 merged", "#5 draft", "search: pull request #4 is merged: git fetch, then", "Push commits to remote"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in\n%s", want, list)
		}
	}
	if asked != 1 {
		t.Errorf("%d requests", asked)
	}
	if out := d.with(env...).wfci("worktree", "clean"); strings.Contains(out, "removed search") || asked != 1 {
		t.Errorf("clean took GitHub's word: %s", out)
	}
	d.with(env...).wfci("worktree", "list", "--offline")
	d.with(env...).wfci("worktree", "list", "--names")
	if asked != 1 {
		t.Errorf("%d requests", asked)
	}
	out := d.with(append(env, "GH_TOKEN=another")...).wfci("worktree", "sync", "--json")
	if !strings.Contains(out, `"why": "the token is not valid, or has expired"`) {
		t.Errorf("a token that is not valid: %s", out)
	}
	if out := d.wfci("worktree", "list"); strings.Contains(out, "PULL REQUEST") {
		t.Errorf("without a token: %s", out)
	}
}
