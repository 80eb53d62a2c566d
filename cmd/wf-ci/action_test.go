package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/report/github"
	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

// passing is a step on a clean change, with its fake GitHub.
func passing(t *testing.T) (*githubtest.Server, eventCase, string, []string) {
	t.Helper()
	r := gittest.New(t)
	r.Write(".wf-ci.yml", fewGates)
	head := r.Commit("shop")
	s := githubtest.New(t, githubtest.Config{Token: jobToken, Write: allPermissions, Commits: []string{head}})
	e := eventCase{name: "push", sha: head, ref: "refs/heads/main", payload: `{"repository":{"default_branch":"main"}}`}
	return s, e, r.Dir, []string{"INPUT_GITHUB-TOKEN=" + jobToken, "GITHUB_API_URL=" + s.URL, "GITHUB_GRAPHQL_URL=" + s.GraphQL(), "INPUT_LEDGER=off"}
}

// Whatever is wrong with the step's inputs: status 2, one clear error that names
// the input, outputs that a later step can read, and a check run that has come,
// because a required one must.
func TestActionWrongInputs(t *testing.T) {
	t.Parallel()
	s, e, dir, env := passing(t)
	outside := t.TempDir()
	for link, to := range map[string]string{"away": outside, "out": outside} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for i, tt := range []struct{ input, value, says string }{
		{"COMMENT", "sometimes", `input "comment"`},
		{"TIMEOUT", "soon", `input "timeout"`},
		{"GATES", "nosuch", "nosuch"},
		{"CONFIG", "nosuch.yml", "nosuch.yml"},
		{"WORKING-DIRECTORY", "..", "not in the workspace"},
		{"WORKING-DIRECTORY", outside, "not in the workspace"},
		{"WORKING-DIRECTORY", "away", "not in the workspace"},
		{"WORKING-DIRECTORY", "nosuch", "nosuch"},
		{"SARIF-FILE", "../x.sarif", `input "sarif-file": ../x.sarif is not in the workspace`},
		{"SARIF-FILE", "out/x.sarif", "not in the workspace"},
		{"SARIF-FILE", ".git/config", "git's own directory"},
		{"REPORT-JSON", "./wf-ci.sarif", `is the file of the sarif-file already`},
		{"REPORT-JSON", "wf-ci-result.json", "wf-ci publish"},
	} {
		got := step(t, "wf-ci", e, dir, append(env, "INPUT_"+tt.input+"="+tt.value)...)
		errors := got.runner.Issues["error"]
		if got.status != exitUsage || len(errors) != 1 || !strings.Contains(errors[0].Message, tt.says) {
			t.Errorf("%+v: status %d, %+v\n%s", tt, got.status, errors, got.log)
		}
		if o := got.runner.Outputs; o["verdict"] != "inconclusive" || o["exit-code"] != "2" || o["failed-gates"] != "[]" {
			t.Errorf("%+v: outputs %q", tt, o)
		}
		if checks := s.Snapshot(); len(checks) != i+1 || checks[i].Conclusion != "failure" || !strings.Contains(checks[i].Summary, tt.says) {
			t.Errorf("%+v: checks %+v", tt, checks)
		}
	}
}

// A checkout may bring a link where a file of ours goes: it is replaced, and what
// is in the file does not reach the log, which the runner reads commands from.
func TestActionWritesNoLink(t *testing.T) {
	t.Parallel()
	_, e, dir, env := passing(t)
	for _, name := range []string{"wf-ci.sarif", "verdict.json"} {
		if err := os.Symlink("/proc/self/fd/1", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	got := step(t, "wf-ci", e, dir, append(env, "INPUT_REPORT-JSON=verdict.json")...)
	if got.status != exitPass || strings.Contains(got.log, `"runs"`) || strings.Contains(got.log, "wf-ci/verdict/v1") {
		t.Errorf("status %d\n%s", got.status, got.log)
	}
	for _, name := range []string{"wf-ci.sarif", "verdict.json"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// A verdict that GitHub does not take is left to the post step. That says no
// "success": the file which tells it of the verdict is open to what ran in the step.
func TestPostStepClosesUntaken(t *testing.T) {
	t.Parallel()
	s, e, dir, env := passing(t)
	s.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.Method != "PATCH" {
			return false
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
		return true
	}
	got := step(t, "wf-ci", e, dir, env...)
	if got.status != exitPass || s.Checks[0].Status != "in_progress" {
		t.Fatalf("status %d, %+v\n%s", got.status, s.Checks[0], got.log)
	}
	s.Fault = nil
	post := step(t, "wf-ci-post", e, dir, append(env, "STATE_"+stateName+"="+got.state[stateName])...)
	if c := s.Checks[0]; post.status != 0 || len(s.Checks) != 1 || c.Conclusion != "cancelled" || !strings.Contains(c.Summary, "run the job again") {
		t.Errorf("%+v\n%s", c, post.log)
	}
	if e := leftEnding("fail"); e.Conclusion != "failure" {
		t.Errorf("%+v", e)
	}
}

// Events besides those of the matrix: each has its verdict, on the commit that it
// is about, and asks for nothing that GitHub does not have.
func TestActionOtherEvents(t *testing.T) {
	t.Parallel()
	s, e, dir, env := passing(t)
	zero := strings.Repeat("0", 40)
	pull := `"pull_request":{"number":7,"head":{"sha":"` + e.sha + `","ref":"f","repo":{"full_name":"o/r"}},"base":{"sha":"` + e.sha + `","ref":"main","repo":{"full_name":"o/r"}}}`
	s.Pulls = map[int]githubtest.Pull{7: {Head: e.sha, HeadRepo: "o/r"}}
	for i, tt := range []struct {
		name, ref, payload string
		upload             string
	}{
		{"release", "refs/tags/v1", `{"action":"published","release":{"tag_name":"v1"}}`, "refs/tags/v1"},
		{"push", "refs/tags/v1", `{"ref":"refs/tags/v1","before":"` + zero + `","after":"` + strings.Repeat("a", 40) + `","created":true}`, "refs/tags/v1"}, // after is the tag's own id
		{"push", "refs/heads/main", `{"ref":"refs/heads/gone","before":"` + e.sha + `","after":"` + zero + `","deleted":true}`, ""},
		{"delete", "refs/heads/main", `{"ref":"gone","ref_type":"branch"}`, "refs/heads/main"},
		{"create", "refs/heads/new", `{"ref":"new","ref_type":"branch"}`, "refs/heads/new"},
		{"issue_comment", "refs/heads/main", `{"action":"created","issue":{"number":7,"pull_request":{}},"comment":{"body":"/run"}}`, "refs/heads/main"},
		{"workflow_run", "refs/heads/main", `{"workflow_run":{"id":3,"head_sha":"` + zero + `","event":"push","conclusion":"success"}}`, "refs/heads/main"},
		{"repository_dispatch", "refs/heads/main", `{"client_payload":{"x":1}}`, "refs/heads/main"},
		{"pull_request", "refs/pull/7/merge", `{"action":"closed","number":7,` + pull + `}`, "refs/pull/7/merge"},
		{"something_new", "refs/heads/main", `{}`, "refs/heads/main"},
	} {
		uploads := len(s.Uploads)
		got := step(t, "wf-ci", eventCase{name: tt.name, sha: e.sha, ref: tt.ref, payload: tt.payload}, dir, env...)
		if got.status != exitPass || got.runner.Outputs["verdict"] != "pass" || strings.Contains(got.log, "not written") {
			t.Errorf("%s: status %d\n%s", tt.name, got.status, got.log)
		}
		if checks := s.Snapshot(); len(checks) != i+1 || checks[i].Conclusion != "success" || checks[i].HeadSHA != e.sha {
			t.Errorf("%s: %+v", tt.name, checks)
		}
		if sent := len(s.Uploads) - uploads; sent != 0 && tt.upload == "" || tt.upload != "" && (sent != 1 || s.Uploads[uploads].Ref != tt.upload) {
			t.Errorf("%s: %d uploads", tt.name, sent)
		}
	}
}

// A bundle is a regular file, and bounded; a link may lead anywhere.
func TestReadBundleFile(t *testing.T) {
	dir := t.TempDir()
	large, link := filepath.Join(dir, "large"), filepath.Join(dir, "link")
	if err := os.WriteFile(large, make([]byte, github.MaxBundle+10), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(large, link); err != nil {
		t.Fatal(err)
	}
	data, err := readBundle(large)
	if err != nil || len(data) != github.MaxBundle+1 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := github.ReadBundle(data); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
	for _, path := range []string{link, dir, "/dev/zero"} {
		if _, err := readBundle(path); err == nil {
			t.Errorf("%s was read", path)
		}
	}
}
