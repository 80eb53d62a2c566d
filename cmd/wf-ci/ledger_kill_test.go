package main

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

// killedAt runs a step and kills it, and nothing but it, at the first request
// that at says yes to; that one is not answered. False: there was none, and the
// step came to its end.
func killedAt(t *testing.T, s *githubtest.Server, at func(*http.Request) bool, e eventCase, dir string, env ...string) (stepResult, bool) {
	t.Helper()
	work, vars := stepFiles(t, "wf-ci", e, dir)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(filepath.Join(work, "wf-ci"), "action")
	cmd.Dir, cmd.Env = dir, append(append(gittest.Runner(t).Env, vars...), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 10 * time.Millisecond // its git holds the outputs
	started, ended := make(chan struct{}), make(chan struct{})
	s.Fault = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		if !at(r) {
			return false
		}
		<-started
		_ = cmd.Process.Kill()
		<-ended
		return true
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	_ = cmd.Wait()
	close(ended)
	s.Fault = nil
	return stepEnded(t, work, dir, 0, stdout.Bytes(), stderr.Bytes()), cmd.ProcessState.ExitCode() < 0
}

// momentOfGit is the n-th one that makes a difference to who comes after: the first
// request for git, each push, and what follows each push.
func momentOfGit(n int) func(*http.Request) bool {
	moments, pushed := 0, false
	return func(r *http.Request) bool {
		if !strings.Contains(r.URL.Path, ".git/") {
			return false
		}
		push := strings.HasSuffix(r.URL.Path, "/git-receive-pack")
		if moments == 0 || push || pushed {
			moments++
		}
		pushed = push
		return moments == n
	}
}

// A step is killed while it makes its check run, and while it ends it: the post
// step ends what is open, and leaves alone what has its end.
func TestKilledAtCheckRun(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Write("README.md", "# Shop\n")
	head := r.Commit("shop")
	e := eventCase{name: "push", sha: head, ref: "refs/heads/main", payload: `{"repository":{"default_branch":"main"}}`}
	for _, tt := range []struct {
		method, want string
		done         bool // the request was carried out
	}{
		{"POST", "cancelled", true}, {"POST", "cancelled", false}, {"PATCH", "cancelled", false}, {"PATCH", "failure", true},
	} {
		s := githubtest.New(t, githubtest.Config{Token: jobToken, Write: allPermissions, Commits: []string{head}})
		env := []string{"INPUT_GITHUB-TOKEN=" + jobToken, "GITHUB_API_URL=" + s.URL, "GITHUB_GRAPHQL_URL=" + s.GraphQL(), "INPUT_GATES=env-files", "INPUT_LEDGER=off"}
		got, killed := killedAt(t, s, func(r *http.Request) bool {
			hit := r.Method == tt.method && strings.Contains(r.URL.Path, "/check-runs")
			if hit && tt.done {
				s.Discard(r)
			}
			return hit
		}, e, r.Dir, env...)
		post := step(t, "wf-ci-post", e, r.Dir, append(env, "STATE_"+stateName+"="+got.state[stateName])...)
		if checks := s.Snapshot(); !killed || post.status != 0 || len(checks) != 1 || checks[0].Conclusion != tt.want || len(s.Statuses) != 0 {
			t.Errorf("%+v: killed %t, %+v, statuses %+v\n%s%s", tt, killed, checks, s.Statuses, got.log, post.log)
		}
	}
}

// A step of the default branch is killed while it sends its entry home and folds
// what is there. What another one had sent is there, once; the post step brings
// its own, once; and no check run stays open.
func TestLedgerKilled(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Write("README.md", "# Shop\n")
	head := r.Commit("shop")
	e := eventCase{name: "schedule", sha: head, ref: "refs/heads/main", payload: `{"repository":{"default_branch":"main"}}`}
	s := githubtest.New(t, githubtest.Config{Token: jobToken, Write: allPermissions, Commits: []string{head}})
	env := func(run int) []string {
		return []string{"INPUT_GITHUB-TOKEN=" + jobToken, "GITHUB_API_URL=" + s.URL, "GITHUB_GRAPHQL_URL=" + s.GraphQL(), "GITHUB_SERVER_URL=" + s.Web(),
			"INPUT_GATES=env-files", fmt.Sprint("GITHUB_RUN_ID=", run)}
	}
	want := make(map[int]int)
	for n := 1; ; n++ {
		publishOne(t, s, 1000+n) // waits to be folded
		want[n], want[1000+n] = 1, 1
		got, killed := killedAt(t, s, momentOfGit(n), e, r.Dir, env(n)...)
		if !killed && n >= 7 {
			break // the first request, and two moments of each push: entry, branch, deletion of the folded refs
		}
		post := step(t, "wf-ci-post", e, r.Dir, append(env(n), "STATE_"+stateName+"="+got.state[stateName])...)
		if !killed || post.status != 0 || strings.Contains(post.log, "warning") {
			t.Fatalf("moment %d, killed %t\n%s%s", n, killed, got.log, post.log)
		}
		if keys := ledgerKeys(t, s); !maps.Equal(keys, want) {
			t.Errorf("moment %d: entries by run: %v", n, keys)
		}
	}
	if keys := ledgerKeys(t, s); !maps.Equal(keys, want) || len(s.Refs()) != 1 {
		t.Errorf("entries by run: %v; refs %v", keys, s.Refs())
	}
	for _, c := range s.Snapshot() {
		if c.Status != "completed" {
			t.Errorf("%+v", c)
		}
	}
}

// publishOne is what a run elsewhere has sent.
func publishOne(t *testing.T, s *githubtest.Server, run int) {
	t.Helper()
	a := ledgerApp(t, s)
	l, err := a.openLedger(t.Context(), jobToken, "o/r", "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	e, err := costs.Entry{Key: fmt.Sprintf("github:o/r/%d/1/1", run), Time: a.now(), Source: entrySource}.Runner("linux", 1, false)
	if err == nil {
		e, err = e.Seal(a.now())
	}
	if err == nil {
		_, err = l.store.Publish(t.Context(), fmt.Sprint(run, "-1"), []costs.Entry{e})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ledgerKeys counts the entries of each run: those of the branch, and those that
// wait and are not in it.
func ledgerKeys(t *testing.T, s *githubtest.Server) map[int]int {
	t.Helper()
	args := append([]string{"grep", "-h", "-e", "key"}, slices.Sorted(maps.Keys(s.Refs()))...)
	lines := make(map[string]bool)
	for line := range strings.Lines(s.Git(t, append(args, "--", "costs/entries")...)) {
		lines[strings.TrimSpace(line)] = true
	}
	keys := make(map[int]int)
	for line := range lines {
		_, key, _ := strings.Cut(line, `"key":"github:o/r/`)
		var run int
		if _, err := fmt.Sscanf(key, "%d/1/", &run); err != nil {
			t.Errorf("entry %s: %v", line, err)
		}
		keys[run]++
	}
	return keys
}
