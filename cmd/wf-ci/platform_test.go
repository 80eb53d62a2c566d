package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/ci/runnertest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

const jobToken = "ghs-the-token-of-the-job"

// allPermissions are those that the action can use.
var allPermissions = []string{"checks", "statuses", "pull-requests", "security-events", "contents"}

// checkouts are one change, checked out as each event has it.
type checkouts struct {
	base, head, merge string // commits
	dirs              map[string]string
}

func makeCheckouts(t *testing.T) checkouts {
	t.Helper()
	r := gittest.New(t)
	r.Write("README.md", "# Shop\n")
	c := checkouts{base: r.Commit("shop"), dirs: make(map[string]string)}
	r.Git("switch", "-q", "-c", "feature")
	r.Write("src/a.py", "import os\nkey = \""+planted()+"\"\n")
	c.head = r.Commit("a key")
	r.Git("switch", "-q", "--detach", "main")
	r.Git("merge", "-q", "--no-ff", "-m", "merge", "feature")
	c.merge = r.Git("rev-parse", "HEAD")
	for name, commit := range map[string]string{"head": c.head, "merge": c.merge} {
		r.Git("switch", "-q", "--detach", commit)
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(r.Dir)); err != nil {
			t.Fatal(err)
		}
		c.dirs[name] = dir
	}
	return c
}

// eventCase is a row of the matrix.
type eventCase struct {
	name, checkout, sha, ref, payload string
	head                              string // where the result belongs
	pull, sarif                       bool
}

func eventCases(c checkouts) []eventCase {
	pr := func(headRepo string) string {
		return fmt.Sprintf(`{"number":7,"pull_request":{"number":7,"head":{"sha":%q,"ref":"feature","repo":{"full_name":%q}},
			"base":{"sha":%q,"ref":"main","repo":{"full_name":"o/r"}}},"repository":{"default_branch":"main"}}`, c.head, headRepo, c.base)
	}
	push := fmt.Sprintf(`{"before":%q,"after":%q,"repository":{"default_branch":"main"}}`, c.base, c.head)
	queue := "gh-readonly-queue/main/pr-7-" + c.base
	return []eventCase{
		{"pull_request", "merge", c.merge, "refs/pull/7/merge", pr("o/r"), c.head, true, true},
		{"pull_request_target", "head", c.base, "refs/heads/main", pr("o/r"), c.head, true, true},
		{"pull_request_review", "merge", c.merge, "refs/pull/7/merge", pr("o/r"), c.head, true, true},
		{"push", "head", c.head, "refs/heads/feature", push, c.head, false, true},
		{"merge_group", "head", c.head, "refs/heads/" + queue, fmt.Sprintf(`{"merge_group":{"head_sha":%q,"head_ref":"refs/heads/%s","base_sha":%q,"base_ref":"refs/heads/main"}}`,
			c.head, queue, c.base), c.head, false, false},
		{"schedule", "head", c.head, "refs/heads/main", `{"repository":{"default_branch":"main"}}`, c.head, false, true},
		{"workflow_dispatch", "head", c.head, "refs/tags/v1", `{"repository":{"default_branch":"main"}}`, c.head, false, true},
		{"fork", "merge", c.merge, "refs/pull/7/merge", pr("stranger/r"), c.head, true, true},
	}
}

// stepResult is what a step of the action came to.
type stepResult struct {
	status int
	log    string
	runner runnertest.Runner
	state  map[string]string
	dir    string
}

// step runs the program as the runner does, under the name of an entry point.
func step(t *testing.T, program string, e eventCase, dir string, env ...string) stepResult {
	t.Helper()
	return stepUntil(context.Background(), t, 0, program, e, dir, env...)
}

// stepUntil ends the step with the context, and kills it a grace later.
func stepUntil(ctx context.Context, t *testing.T, grace time.Duration, program string, e eventCase, dir string, env ...string) stepResult {
	t.Helper()
	work, vars := stepFiles(t, program, e, dir)
	res, err := gittest.Runner(t).Run(ctx, run.Command{
		Name: filepath.Join(work, program), Args: []string{"action"}, Dir: dir, Env: append(vars, env...), Keep: 16 << 20, Grace: grace,
	})
	if res.Exit == 0 && err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	return stepEnded(t, work, dir, res.Exit, res.Stdout.Bytes, res.Stderr.Bytes)
}

// stepFiles are what the runner gives a step: its files, and its variables.
func stepFiles(t *testing.T, program string, e eventCase, dir string) (work string, vars []string) {
	t.Helper()
	work = t.TempDir()
	files := map[string]string{"event.json": e.payload, "output": "", "summary": "", "state": ""}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(work, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(work, program)); err != nil {
		t.Fatal(err)
	}
	name := e.name
	if name == "fork" {
		name = "pull_request"
	}
	return work, []string{
		"CI=true", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=" + name, "GITHUB_EVENT_PATH=" + filepath.Join(work, "event.json"),
		"GITHUB_SHA=" + e.sha, "GITHUB_REF=" + e.ref, "GITHUB_REPOSITORY=o/r", "GITHUB_WORKSPACE=" + dir, "GITHUB_RUN_ID=10",
		"GITHUB_OUTPUT=" + filepath.Join(work, "output"), "GITHUB_STEP_SUMMARY=" + filepath.Join(work, "summary"),
		"GITHUB_STATE=" + filepath.Join(work, "state"), "GITHUB_SERVER_URL=https://github.example", "RUNNER_OS=Linux", "RUNNER_ARCH=X64", "RUNNER_NAME=runner 1", "RUNNER_ENVIRONMENT=github-hosted", "LANG=C.UTF-8", "TMPDIR=" + t.TempDir(),
	}
}

// stepEnded reads what a step has said and left.
func stepEnded(t *testing.T, work, dir string, status int, stdout, stderr []byte) stepResult {
	t.Helper()
	out := stepResult{status: status, log: string(stdout) + string(stderr), dir: dir}
	out.runner.Read(stdout)
	out.runner.Read(stderr)
	output, err := os.ReadFile(filepath.Join(work, "output"))
	if err != nil {
		t.Fatal(err)
	}
	if err := out.runner.ReadOutputs(output); err != nil {
		t.Error(err)
	}
	state, err := os.ReadFile(filepath.Join(work, "state"))
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := runnertest.Pairs(string(state))
	if err != nil {
		t.Error(err)
	}
	out.state = make(map[string]string)
	for _, p := range pairs {
		out.state[p[0]] = p[1]
	}
	for _, text := range []string{strings.ReplaceAll(out.log, "::add-mask::"+jobToken, ""), string(output), string(state)} {
		if strings.Contains(text, jobToken) || strings.Contains(text, planted()) {
			t.Errorf("a secret is in what the step says:\n%s", text)
		}
	}
	return out
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func (c checkouts) fake(t *testing.T, config githubtest.Config) (*githubtest.Server, []string) {
	config.Token = jobToken
	config.Commits = []string{c.base, c.head, c.merge}
	if config.Pulls == nil {
		config.Pulls = map[int]githubtest.Pull{7: {Head: c.head, HeadRepo: "o/r"}}
	}
	s := githubtest.New(t, config)
	return s, []string{"INPUT_GITHUB-TOKEN=" + jobToken, "GITHUB_API_URL=" + s.URL, "GITHUB_GRAPHQL_URL=" + s.GraphQL(), "GITHUB_SERVER_URL=" + s.Web()}
}

// limited answers some requests with a rate limit that is soon over.
func limited(primary bool) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n != 1 && n != 4 || strings.Contains(r.URL.Path, ".git/") { // git has no such limit
			return false
		}
		if primary {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", fmt.Sprint(time.Now().Unix()))
		} else {
			w.Header().Set("Retry-After", "0")
		}
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
}

func broken(w http.ResponseWriter, _ *http.Request, _ int) bool {
	w.Header().Set("Retry-After", "0")
	w.WriteHeader(http.StatusBadGateway)
	return true
}

func without(permission string) githubtest.Config {
	var c githubtest.Config
	for _, p := range allPermissions {
		if p != permission {
			c.Write = append(c.Write, p)
		}
	}
	return c
}

// TestGitHubMatrix runs the action on every event against every mood of GitHub.
// The verdict is always the one that it has without GitHub.
func TestGitHubMatrix(t *testing.T) {
	c := makeCheckouts(t)
	moods := []struct {
		name   string
		config githubtest.Config
		misses string // what cannot be written
	}{
		{"write", githubtest.Config{Write: allPermissions}, ""},
		{"enterprise", githubtest.Config{Write: allPermissions, Enterprise: true}, ""},
		{"primary", githubtest.Config{Write: allPermissions, Fault: limited(true)}, ""},
		{"secondary", githubtest.Config{Write: allPermissions, Fault: limited(false)}, ""},
		{"read-only", githubtest.Config{}, "check comment sarif ledger"},
		{"502", githubtest.Config{Write: allPermissions, Fault: broken}, "check comment sarif ledger"},
		{"no checks", without("checks"), "check"},
		{"no statuses", without("statuses"), ""},
		{"no pull-requests", without("pull-requests"), "comment"},
		{"no contents", without("contents"), "ledger"},
		{"no security-events", without("security-events"), "sarif"},
		{"no code security", githubtest.Config{Write: allPermissions, NoCodeScanning: true}, "sarif"},
	}
	for _, e := range eventCases(c) {
		only := "INPUT_GATES=secrets" // one gate: what is told is the same
		plain := step(t, "wf-ci", e, copied(t, c.dirs[e.checkout]), only)
		if plain.status != exitFail || plain.runner.Outputs["verdict"] != "fail" || len(plain.runner.Issues["error"]) == 0 {
			t.Fatalf("%s: status %d\n%s", e.name, plain.status, plain.log)
		}
		for _, mood := range moods {
			t.Run(e.name+"/"+mood.name, func(t *testing.T) {
				t.Parallel()
				s, env := c.fake(t, mood.config)
				got := step(t, "wf-ci", e, copied(t, c.dirs[e.checkout]), append(env, only)...)
				if got.status != plain.status || got.runner.Outputs["verdict"] != plain.runner.Outputs["verdict"] ||
					got.runner.Outputs["failed-gates"] != plain.runner.Outputs["failed-gates"] {
					t.Errorf("GitHub turned the verdict: status %d\n%s", got.status, got.log)
				}
				checkTold(t, e, mood.misses, s, got)
			})
		}
	}
}

// checkTold holds what GitHub has, and what the log says, against what the token
// may do.
func checkTold(t *testing.T, e eventCase, misses string, s *githubtest.Server, got stepResult) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(got.dir, "wf-ci.sarif")); err != nil {
		t.Error(err)
	}
	miss := func(part string) bool { return strings.Contains(misses, part) }
	if want := !miss("check"); want != (len(s.Checks) == 1 && s.Checks[0].HeadSHA == e.head && s.Checks[0].Conclusion == "failure" && len(s.Checks[0].Annotations) > 0) {
		t.Errorf("checks %+v", s.Snapshot())
	}
	if want := e.pull && !miss("comment"); want != (len(s.Comments) == 1) {
		t.Errorf("%d comments", len(s.Comments))
	}
	if want := e.sarif && !miss("sarif"); want != (len(s.Uploads) == 1) {
		t.Errorf("%d uploads", len(s.Uploads))
	}
	if e.name == "pull_request" && len(s.Uploads) == 1 && (s.Uploads[0].Ref != e.ref || s.Uploads[0].Commit != e.sha) {
		t.Errorf("uploaded for %s, %s", s.Uploads[0].Ref, s.Uploads[0].Commit)
	}
	checkLedger(t, e, !miss("ledger"), s, got)
	// One place for the annotations: the check run, or the runner.
	if annotated := slices.ContainsFunc(got.runner.Issues["error"], func(i runnertest.Issue) bool { return i.Properties["file"] == "src/a.py" }); annotated != miss("check") {
		t.Errorf("workflow commands: %v\n%s", annotated, got.log)
	}
	silent := misses == "" || misses == "comment" && !e.pull || misses == "sarif" && !e.sarif
	if n := strings.Count(got.log, "not written to GitHub"); n > 1 || (n == 0) != silent {
		t.Errorf("said %d times\n%s", n, got.log)
	}
	if miss("check") && s.Write != nil && s.Fault == nil && (len(s.Statuses) != 2 || s.Statuses[1].State != "failure" || s.Statuses[1].SHA != e.head) {
		t.Errorf("statuses %+v", s.Statuses)
	}
}

// checkLedger: one entry of the run, in a ref of its own, or folded where the
// default branch runs.
func checkLedger(t *testing.T, e eventCase, want bool, s *githubtest.Server, got stepResult) {
	t.Helper()
	refs := slices.Sorted(maps.Keys(s.Refs()))
	folded := e.ref == "refs/heads/main" && e.name == "schedule"
	switch {
	case !want && len(refs) != 0:
		t.Errorf("refs %q", refs)
	case want && (len(refs) != 1 || folded != (refs[0] == ledgerBranch) || !folded && !strings.HasPrefix(refs[0], "refs/wf-ci/ledger/10-1/")):
		t.Errorf("refs %q\n%s", refs, got.log)
	}
	if got.runner.Outputs["cost"] != "0.006" {
		t.Errorf("cost %q", got.runner.Outputs["cost"])
	}
	if len(s.Comments) == 1 && !strings.Contains(s.Comments[0].Body, "Cost of this job so far: about 0.006 USD (1 minute on linux).") {
		t.Errorf("comment %s", s.Comments[0].Body)
	}
}

// A clean change is green everywhere, and a pending check run never stays.
func TestGitHubPass(t *testing.T) {
	r := gittest.New(t)
	r.Write("README.md", "# Shop\n")
	head := r.Commit("shop")
	s := githubtest.New(t, githubtest.Config{Token: jobToken, Write: allPermissions, Commits: []string{head}})
	e := eventCase{name: "push", sha: head, ref: "refs/heads/main", payload: `{"repository":{"default_branch":"main"}}`}
	got := step(t, "wf-ci", e, r.Dir, "INPUT_GITHUB-TOKEN="+jobToken, "GITHUB_API_URL="+s.URL, "GITHUB_GRAPHQL_URL="+s.GraphQL(), "GITHUB_SERVER_URL="+s.Web())
	if got.status != exitPass || s.Checks[0].Conclusion != "success" || len(s.Statuses) != 0 {
		t.Errorf("status %d, %+v\n%s", got.status, s.Checks, got.log)
	}
	var l left
	if err := json.Unmarshal([]byte(got.state[stateName]), &l); err != nil || !l.Done {
		t.Errorf("state %q", got.state)
	}
	// A wrong configuration has no verdict, and leaves nothing open.
	r.Write(".wf-ci.yml", "gatez: {}\n")
	head = r.Commit("wrong")
	s.Commits = append(s.Commits, head)
	e.sha = head
	got = step(t, "wf-ci", e, r.Dir, "INPUT_GITHUB-TOKEN="+jobToken, "GITHUB_API_URL="+s.URL, "GITHUB_GRAPHQL_URL="+s.GraphQL(), "GITHUB_SERVER_URL="+s.Web())
	if got.status != exitUsage || s.Checks[1].Conclusion != "failure" || !strings.Contains(s.Checks[1].Summary, "configuration") {
		t.Errorf("status %d, %+v\n%s", got.status, s.Checks[1], got.log)
	}
}

// A GitHub Enterprise Server with an authority of its own, for the API and for
// git, and without knowing that authority.
func TestGitHubOwnAuthority(t *testing.T) {
	t.Parallel()
	c := makeCheckouts(t)
	e := eventCases(c)[0]
	s, env := c.fake(t, githubtest.Config{Write: allPermissions, Enterprise: true, TLS: true})
	env = append(env, "INPUT_GATES=secrets")
	unknown := step(t, "wf-ci", e, copied(t, c.dirs[e.checkout]), env...)
	if unknown.status != exitFail || len(s.Requests) != 0 || strings.Count(unknown.log, "not written to GitHub") != 1 || !strings.Contains(unknown.log, "SSL_CERT_FILE") {
		t.Errorf("status %d\n%s", unknown.status, unknown.log)
	}
	got := step(t, "wf-ci", e, copied(t, c.dirs[e.checkout]), append(env, "SSL_CERT_FILE="+s.CA)...)
	if got.status != exitFail {
		t.Errorf("status %d\n%s", got.status, got.log)
	}
	checkTold(t, e, "", s, got)
}

// A step that was killed leaves its check run to the post step.
func TestPostStep(t *testing.T) {
	c := makeCheckouts(t)
	e := eventCases(c)[0]
	s, env := c.fake(t, githubtest.Config{Write: allPermissions})
	dir := copied(t, c.dirs[e.checkout])
	first := step(t, "wf-ci", e, dir, env...)
	var l left
	if err := json.Unmarshal([]byte(first.state[stateName]), &l); err != nil {
		t.Fatal(err)
	}
	requests := len(s.Requests)
	if post := step(t, "wf-ci-post", e, dir, append(env, "STATE_"+stateName+"="+first.state[stateName])...); post.status != 0 || len(s.Requests) != requests {
		t.Errorf("a finished step was looked after: %d, %s", post.status, post.log)
	}
	// As if it had been killed: the run is open, and the state says so.
	s.Checks[0].Status, s.Checks[0].Conclusion = "in_progress", ""
	l.Done = false
	state, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	post := step(t, "wf-ci-post", e, dir, append(env, "STATE_"+stateName+"="+string(state))...)
	if post.status != 0 || s.Checks[0].Conclusion != "cancelled" || len(s.Checks) != 1 {
		t.Errorf("%d %+v\n%s", post.status, s.Checks[0], post.log)
	}
}

// A fork's run leaves a bundle, and a workflow_run workflow posts it.
func TestForkPublish(t *testing.T) {
	c := makeCheckouts(t)
	cases := eventCases(c)
	e := cases[len(cases)-1]
	_, env := c.fake(t, githubtest.Config{})
	forked := step(t, "wf-ci", e, copied(t, c.dirs[e.checkout]), env...)
	data, err := os.ReadFile(filepath.Join(forked.dir, bundleFile))
	if err != nil || strings.Contains(string(data), planted()) || !strings.Contains(forked.log, "wf-ci publish") {
		t.Fatalf("%v\n%s", err, forked.log)
	}
	again := step(t, "wf-ci", e, forked.dir, env...)
	if again.runner.Outputs["total-findings"] != forked.runner.Outputs["total-findings"] {
		t.Error("the bundle became a part of the tree")
	}
	s, env := c.fake(t, githubtest.Config{Write: allPermissions, Pulls: map[int]githubtest.Pull{7: {Head: c.head, HeadRepo: "stranger/r"}}, RunJobs: []githubtest.RunJob{
		{ID: 3, Name: "gates", Runner: "a", Labels: []string{"ubuntu-latest"}, Started: "2026-11-20T10:00:00Z", Completed: "2026-11-20T10:02:01Z"},
		{ID: 4, Name: "late", Runner: "b", Labels: []string{"ubuntu-latest"}, Started: "2026-11-20T10:00:00Z"},
	}})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	program := filepath.Join(work, "wf-ci")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	post := func(head string) (int, string) {
		payload := fmt.Sprintf(`{"workflow_run":{"id":10,"head_sha":%q,"event":"pull_request","conclusion":"failure","head_repository":{"full_name":"stranger/r"}}}`, head)
		if err := os.WriteFile(filepath.Join(work, "event.json"), []byte(payload), 0o644); err != nil {
			t.Fatal(err)
		}
		res, _ := gittest.Runner(t).Run(context.Background(), run.Command{
			Name: program, Args: []string{"publish"}, Dir: forked.dir, Env: append(slices.Clone(env), "CI=true", "GITHUB_ACTIONS=true",
				"GITHUB_EVENT_NAME=workflow_run", "GITHUB_EVENT_PATH="+filepath.Join(work, "event.json"), "GITHUB_REPOSITORY=o/r", "GITHUB_SHA="+c.base),
		})
		return res.Exit, string(res.Stdout.Bytes) + string(res.Stderr.Bytes)
	}
	if status, log := post(c.base); status != exitUsage || len(s.Checks) != 0 || !strings.Contains(log, "not believed") {
		t.Errorf("status %d\n%s", status, log)
	}
	if status, log := post(c.head); status != exitPass || len(s.Checks) != 1 || s.Checks[0].Conclusion != "failure" || s.Checks[0].HeadSHA != c.head || len(s.Comments) != 1 {
		t.Errorf("status %d, %+v\n%s", status, s.Checks, log)
	}
	// The run's cost is what GitHub says of it, once however often it is posted.
	if status, log := post(c.head); status != exitPass {
		t.Errorf("status %d\n%s", status, log)
	}
	refs := slices.Collect(maps.Keys(s.Refs()))
	if len(refs) != 1 || !strings.HasPrefix(refs[0], "refs/wf-ci/ledger/10-1/") {
		t.Fatalf("refs %q", refs)
	}
	files := s.Git(t, "ls-tree", "-r", "--name-only", refs[0])
	if entry := s.Git(t, "show", refs[0]+":"+files); !strings.Contains(entry, `"key":"github:o/r/10/1/3"`) || !strings.Contains(entry, `"usd":"0.018"`) || !strings.Contains(entry, `"task":"#7"`) || strings.Contains(entry, "\n") {
		t.Errorf("entry %s", entry)
	}
}

func TestDoctorGitHub(t *testing.T) {
	rule := func(name string) []any {
		return []any{map[string]any{"type": "required_status_checks", "parameters": map[string]any{
			"strict_required_status_checks_policy": true, "required_status_checks": []any{map[string]any{"context": name, "integration_id": 15368}},
		}}}
	}
	r := gittest.New(t)
	for _, tt := range []struct {
		on, required string
		status       int
		says         string
	}{
		{"pull_request", "gates", exitPass, "counts only from GitHub Actions"},
		{"{pull_request: {paths: [src]}}", "gates", exitFail, "waits for ever"},
		{"pull_request", "build", exitFail, "requires none"},
		{"[", "gates", exitInconclusive, "ci.yml"},
	} {
		s := githubtest.New(t, githubtest.Config{Token: jobToken, Rules: rule(tt.required), Branch: map[string]any{}})
		r.Write(".github/workflows/ci.yml", "on: "+tt.on+"\njobs: {gates: {steps: [{uses: wf-ci/wf-ci@v1}]}}\n")
		env := map[string]string{"GITHUB_TOKEN": jobToken, "GITHUB_API_URL": s.URL, "GITHUB_GRAPHQL_URL": s.GraphQL(), "GITHUB_REPOSITORY": "o/r"}
		for _, args := range [][]string{{"doctor", "--github"}, {"doctor", "--github", "--json"}} {
			var out, errs strings.Builder
			status := program(context.Background(), environment{
				args: args, dir: r.Dir, getenv: func(k string) string { return env[k] },
				stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now,
			})
			if status != tt.status || !strings.Contains(out.String()+errs.String(), tt.says) {
				t.Errorf("%+v: status %d\n%s%s", tt, status, out.String(), errs.String())
			}
			var said examination
			if len(args) == 3 && status != exitInconclusive {
				if err := json.Unmarshal([]byte(out.String()), &said); err != nil || said.Healthy != (status == exitPass) {
					t.Errorf("%+v: %v\n%s", tt, err, out.String())
				}
			}
		}
	}
}

// However the step ends, its check run does not stay open: a polite end closes
// it, and after a kill the post step does.
func TestKilled(t *testing.T) {
	r := gittest.New(t)
	r.Write(".wf-ci.yml", "gates:\n  slow: {run: \"sleep 60\"}\n")
	head := r.Commit("slow")
	e := eventCase{name: "push", sha: head, ref: "refs/heads/main", payload: `{"repository":{"default_branch":"main"}}`}
	for _, grace := range []time.Duration{20 * time.Second, time.Millisecond} {
		s := githubtest.New(t, githubtest.Config{Token: jobToken, Write: allPermissions, Commits: []string{head}})
		env := []string{"INPUT_GITHUB-TOKEN=" + jobToken, "GITHUB_API_URL=" + s.URL, "GITHUB_GRAPHQL_URL=" + s.GraphQL(), "GITHUB_SERVER_URL=" + s.Web()}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		go func() {
			for len(s.Snapshot()) == 0 && ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(500 * time.Millisecond)
			cancel()
		}()
		got := stepUntil(ctx, t, grace, "wf-ci", e, r.Dir, env...)
		checks := s.Snapshot()
		if len(checks) != 1 || grace > time.Second && (got.status != exitInterrupted || checks[0].Conclusion != "cancelled") {
			t.Errorf("grace %s: status %d, %+v\n%s", grace, got.status, checks, got.log)
		}
		if o := got.runner.Outputs; o["verdict"] != "inconclusive" || o["exit-code"] != map[bool]string{true: "130", false: "3"}[grace > time.Second] || o["failed-gates"] != "[]" {
			t.Errorf("grace %s: outputs %q", grace, o)
		}
		post := step(t, "wf-ci-post", e, r.Dir, append(env, "STATE_"+stateName+"="+got.state[stateName])...)
		if checks := s.Snapshot(); post.status != 0 || len(checks) != 1 || checks[0].Conclusion != "cancelled" {
			t.Errorf("grace %s: after the post step %+v\n%s", grace, checks, post.log)
		}
	}
}

// A review of the head by a code owner, as GitHub knows it, approves.
func TestReviewsReachCheckpoints(t *testing.T) {
	r := gittest.New(t)
	r.Write(".wf-ci.yml", "gates:\n  checkpoints: {implementation: [pay/], code_owners: true}\n")
	r.Write(".github/CODEOWNERS", "* @ana @org/pay\n")
	base := r.Commit("base")
	r.Git("switch", "-q", "-c", "feature")
	r.Write("pay/a.txt", "1\n")
	head := r.Commit("change")
	c := checkouts{base: base, head: head, merge: head}
	e := eventCases(c)[0]
	for _, tt := range []struct {
		review githubtest.Review
		status int
	}{
		{githubtest.Review{Login: "ana", State: "APPROVED", Commit: head, At: "2026-01-02T00:00:00Z"}, exitPass},
		{githubtest.Review{Login: "ana", State: "APPROVED", Commit: base, At: "2026-01-02T00:00:00Z"}, exitFail},
		{githubtest.Review{Login: "eve", State: "APPROVED", Commit: head, At: "2026-01-02T00:00:00Z"}, exitFail},
		{githubtest.Review{Login: "kim", State: "APPROVED", Commit: head, At: "2026-01-02T00:00:00Z"}, exitPass}, // of the team
	} {
		_, env := c.fake(t, githubtest.Config{Members: []string{"org/pay kim"}, Pulls: map[int]githubtest.Pull{7: {Head: head, HeadRepo: "o/r", Reviews: []githubtest.Review{tt.review}}}})
		if got := step(t, "wf-ci", e, copied(t, r.Dir), env...); got.status != tt.status {
			t.Errorf("%+v: status %d\n%s", tt.review, got.status, got.log)
		}
	}
}
