package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

// ledgerApp is a program that speaks to a fake GitHub.
func ledgerApp(t *testing.T, s *githubtest.Server) *app {
	t.Helper()
	env := map[string]string{"GITHUB_API_URL": s.URL, "GITHUB_GRAPHQL_URL": s.GraphQL(), "GITHUB_SERVER_URL": s.Web(), "TMPDIR": t.TempDir()}
	runner := gittest.Runner(t)
	return &app{environment: environment{
		dir: t.TempDir(), getenv: func(k string) string { return env[k] }, environ: runner.Env, now: time.Now, stderr: os.Stderr,
	}}
}

// onBranch are the lines of entries on the ledger's branch, and the names of
// its books.
func onBranch(t *testing.T, s *githubtest.Server) (entries, books []string) {
	t.Helper()
	for path := range strings.Lines(s.Git(t, "ls-tree", "-r", "--name-only", ledgerBranch)) {
		path = strings.TrimSpace(path)
		if !strings.HasPrefix(path, "costs/entries/") {
			books = append(books, path)
			continue
		}
		entries = append(entries, strings.Split(strings.TrimSpace(s.Git(t, "show", ledgerBranch+":"+path)), "\n")...)
	}
	return entries, books
}

// 64 jobs end at once, and fold at the same time: 64 entries, none lost, none
// twice.
func TestLedgerManyWriters(t *testing.T) {
	const writers, folders = 64, 3
	s := githubtest.New(t, githubtest.Config{Token: jobToken, Write: allPermissions})
	a := ledgerApp(t, s)
	books := &books{budget: costs.DefaultBudget()}
	ctx := context.Background()
	errs := make([]error, writers+folders)
	with := func(i int, do func(*ledger) error) {
		l, err := a.openLedger(ctx, jobToken, "o/r", "", "")
		if err == nil {
			err = errors.Join(do(l))
			l.close()
		}
		errs[i] = err
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			with(i, func(l *ledger) error {
				e, err := costs.Entry{Key: fmt.Sprintf("github:o/r/%d/1/1", i), Time: a.now(), Source: entrySource}.Runner("linux", 1, false)
				if err != nil {
					return err
				}
				if e, err = e.Seal(a.now()); err != nil {
					return err
				}
				_, err = l.record(ctx, fmt.Sprintf("%d-1", i+1), []costs.Entry{e})
				return err
			})
		})
	}
	for i := range folders {
		wg.Go(func() { with(writers+i, func(l *ledger) error { return l.fold(ctx, books) }) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	with(0, func(l *ledger) error { return l.fold(ctx, books) })
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	entries, made := onBranch(t, s)
	keys := make(map[string]bool)
	for _, line := range entries {
		_, key, _ := strings.Cut(line, `"key":"`)
		key, _, _ = strings.Cut(key, `"`)
		keys[key] = true
	}
	if len(entries) != writers || len(keys) != writers || len(made) == 0 {
		t.Errorf("%d entries, %d keys, books %q", len(entries), len(keys), made)
	}
	if refs := s.Refs(); len(refs) != 1 {
		t.Errorf("refs %v", slices.Sorted(maps.Keys(refs)))
	}
}

// ledgerSteps runs a step on the default branch, or of the pull request.
func ledgerStep(t *testing.T, config githubtest.Config, env ...string) func(event string) (*githubtest.Server, stepResult) {
	c := makeCheckouts(t)
	s, base := c.fake(t, config)
	env = append(append(base, "INPUT_GATES=secrets"), env...)
	return func(event string) (*githubtest.Server, stepResult) {
		for _, e := range eventCases(c) {
			if e.name == event {
				return s, step(t, "wf-ci", e, copied(t, c.dirs[e.checkout]), env...)
			}
		}
		t.Fatal(event)
		return nil, stepResult{}
	}
}

// A branch that takes signed commits only gets GitHub's own.
func TestLedgerSigned(t *testing.T) {
	run := ledgerStep(t, githubtest.Config{Write: allPermissions, Signed: []string{ledgerBranch}})
	for i := range 2 { // one makes the branch, one moves it
		s, got := run("schedule")
		refs := s.Refs()
		if refs[ledgerBranch] == "" {
			t.Fatalf("refs %v, requests %q\n%s", refs, s.Requests, got.log)
		}
		entries, _ := onBranch(t, s)
		if got.status != exitFail || len(refs) != 1 || len(entries) != i+1 || s.Git(t, "log", "-1", "--format=%ce", ledgerBranch) != "noreply@github.com" {
			t.Fatalf("status %d, refs %v, %d entries\n%s", got.status, refs, len(entries), got.log)
		}
	}
}

// A branch that takes no pushes keeps the entries waiting, and one notice says
// what to do. Where it was asked for by name, that is a warning.
func TestLedgerProtected(t *testing.T) {
	for mode, warnings := range map[string]int{"auto": 0, "branch": 1} {
		run := ledgerStep(t, githubtest.Config{Write: allPermissions, Protected: []string{ledgerBranch}}, "INPUT_LEDGER="+mode)
		s, got := run("schedule")
		refs := slices.Collect(maps.Keys(s.Refs()))
		if got.status != exitFail || len(refs) != 1 || !strings.HasPrefix(refs[0], "refs/wf-ci/ledger/") || len(got.runner.Issues["warning"]) != warnings ||
			strings.Count(got.log, "take wf-ci-ledger out of the rule") != 1 {
			t.Errorf("%s: status %d, refs %q, %v\n%s", mode, got.status, refs, got.runner.Issues["warning"], got.log)
		}
	}
}

// What GitHub tells of the job counts, a second step of one job replaces what
// the first one said, and the pull request's costs are added up.
func TestLedgerJobs(t *testing.T) {
	started := time.Now().Add(-150 * time.Second).UTC().Format(time.RFC3339)
	run := ledgerStep(t, githubtest.Config{Write: allPermissions, Private: true, RunJobs: []githubtest.RunJob{
		{ID: 5, Name: "gates", Runner: "runner 1", Labels: []string{"ubuntu-latest-8-cores"}, Started: started},
		{ID: 6, Name: "other", Runner: "runner 2", Labels: []string{"ubuntu-latest"}, Started: started},
	}})
	s, _ := run("pull_request") // without `actions: read`: an estimate of its own
	s.Write = append(slices.Clone(s.Write), "actions")
	_, first := run("pull_request")
	s.RunJobs[0].Started = time.Now().Add(-300 * time.Second).UTC().Format(time.RFC3339)
	_, second := run("pull_request")
	if first.runner.Outputs["cost"] != "0.066" || second.runner.Outputs["cost"] != "0.132" {
		t.Errorf("cost %q, %q", first.runner.Outputs["cost"], second.runner.Outputs["cost"])
	}
	if body := s.Comments[0].Body; !strings.Contains(body, "so far: 0.132 USD (6 minutes on linux-8). Of this pull request: 0.14 USD, in 2 entries.") {
		t.Errorf("%s\n%s", body, second.log)
	}
	if _, off := ledgerStep(t, githubtest.Config{Write: allPermissions}, "INPUT_LEDGER=off")("push"); off.runner.Outputs["cost"] != "" {
		t.Errorf("cost %q", off.runner.Outputs["cost"])
	}
	_, folded := run("schedule")
	if entries, _ := onBranch(t, s); len(entries) != 3 { // one of them replaced; the fold's own run is the same job
		t.Errorf("%d entries\n%s", len(entries), folded.log)
	}
}

// Our own push starts nothing that records.
func TestLedgerNoLoop(t *testing.T) {
	s := githubtest.New(t, githubtest.Config{Token: jobToken, Write: allPermissions})
	a := ledgerApp(t, s)
	p := &platform{a: a, event: ci.Event{Name: "push", Ref: ledgerBranch, Repository: "o/r"}}
	p.books = p.newBookkeeper(ci.Inputs{GitHubToken: jobToken})
	if p.books.once(context.Background()); len(p.books.failures) > 0 || len(s.Requests) != 0 {
		t.Errorf("%v, %q", p.books.failures, s.Requests)
	}
}

// The ledger and PROJECT_CONTEXT.md come home to the default branch, beside what
// is there, in runs that no push starts; what somebody else has pushed since is
// kept.
func TestHomeOnDefaultBranch(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Write("README.md", "# Shop\n")
	r.Write("PROJECT_CONTEXT.md", "# Shop\n\nMine.\n")
	r.Write("TASK.md", "- [ ] sell\n")
	r.Write(".wf-ci.yml", fewGates)
	head := r.Commit("shop opens")
	s := githubtest.New(t, githubtest.Config{Token: jobToken, Write: allPermissions})
	main := "refs/heads/main"
	run := func(event, branch string, more ...string) stepResult {
		t.Helper()
		e := eventCase{name: event, sha: head, ref: main, payload: `{"repository":{"default_branch":"main"}}`}
		got := step(t, "wf-ci", e, r.Dir, append([]string{"INPUT_GITHUB-TOKEN=" + jobToken, "GITHUB_API_URL=" + s.URL, "GITHUB_GRAPHQL_URL=" + s.GraphQL(), "GITHUB_SERVER_URL=" + s.Web(),
			"INPUT_LEDGER-BRANCH=" + branch, "INPUT_PROJECT-CONTEXT=auto"}, more...)...)
		if got.status != exitPass {
			t.Fatal(got.log)
		}
		return got
	}
	s.Git(t, "fetch", "-q", r.Dir, "HEAD:"+main)
	run("push", "main")
	if tip := s.Refs()[main]; tip != head {
		t.Errorf("a push moved the branch to %s", tip)
	}
	run("schedule", "main")
	shows := func(ref, path, text string) {
		t.Helper()
		if got := s.Git(t, "show", ref+":"+path); !strings.Contains(got, text) {
			t.Errorf("%s of %s: %s", path, ref, got)
		}
	}
	shows(main, "README.md", "# Shop")
	shows(main, "PROJECT_CONTEXT.md", "Mine.")
	shows(main, "PROJECT_CONTEXT.md", "1. sell")
	if n := s.Git(t, "rev-list", "--count", main); n != "3" || len(s.Refs()) != 1 || s.Git(t, "ls-tree", "--name-only", main, "costs/") == "" {
		t.Errorf("%s commits, refs %v", n, s.Refs())
	}
	if status := r.Git("status", "--porcelain", "PROJECT_CONTEXT.md", ".claude"); status != "" {
		t.Errorf("the checkout was written: %s", status)
	}
	// From a checkout that is behind what the first one wrote.
	got := run("workflow_dispatch", "main", "GITHUB_RUN_ID=11")
	if n := strings.Count(got.log, "somebody has changed it in the meantime"); n != 1 {
		t.Errorf("said %d times\n%s", n, got.log)
	}
	r.Git("pull", "-q", "--ff-only", s.Git(t, "rev-parse", "--absolute-git-dir"), main)
	r.Write("cart.txt", "1\n")
	head = r.Commit("cart: works")
	s.Git(t, "fetch", "-q", r.Dir, "HEAD:"+main)
	run("schedule", "main", "GITHUB_RUN_ID=12")
	shows(main, "PROJECT_CONTEXT.md", "- [x] cart: works")
	shows(main, ".claude/context.json", "cart: works")
	// On a branch of its own.
	run("schedule", "", "GITHUB_RUN_ID=13")
	shows(ledgerBranch, "PROJECT_CONTEXT.md", "- [x] cart: works")
}

// fewGates is a configuration whose run is short, and passes.
const fewGates = "gates:\n  secrets: {enabled: false}\n  history: {enabled: false}\n  sast: {enabled: false}\n  deps: {enabled: false}\n" +
	"  lint: {enabled: false}\n  duplication: {enabled: false}\n  complexity: {enabled: false}\n  suppressions: {enabled: false}\n"

// A default branch that takes no pushes: everything waits, and the notice says
// what to do; one that takes signed commits gets those of GitHub.
func TestHomeProtected(t *testing.T) {
	t.Parallel()
	main := "refs/heads/main"
	for name, config := range map[string]githubtest.Config{"protected": {Protected: []string{main}}, "signed": {Signed: []string{main}}} {
		r := gittest.New(t)
		r.Write(".wf-ci.yml", fewGates)
		head := r.Commit("shop opens")
		config.Token, config.Write = jobToken, allPermissions
		s := githubtest.New(t, config)
		s.Git(t, "fetch", "-q", r.Dir, "HEAD:"+main)
		e := eventCase{name: "schedule", sha: head, ref: main, payload: `{"repository":{"default_branch":"main"}}`}
		got := step(t, "wf-ci", e, r.Dir, "INPUT_GITHUB-TOKEN="+jobToken, "GITHUB_API_URL="+s.URL, "GITHUB_GRAPHQL_URL="+s.GraphQL(), "GITHUB_SERVER_URL="+s.Web(),
			"INPUT_LEDGER-BRANCH=main", "INPUT_PROJECT-CONTEXT=auto")
		said := strings.Count(got.log, "take main out of the rule")
		commits, waiting := s.Git(t, "rev-list", "--count", main), len(s.Refs())-1
		if got.status != exitPass || name == "protected" && (said != 2 || commits != "1" || waiting != 1) ||
			name == "signed" && (said != 0 || commits != "3" || waiting != 0 || s.Git(t, "log", "-1", "--format=%ce", main) != "noreply@github.com") {
			t.Errorf("%s: status %d, said %d times, %s commits, %d refs wait\n%s", name, got.status, said, commits, waiting, got.log)
		}
	}
}
