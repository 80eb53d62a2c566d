package ci_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/internal/ci"
)

// id is a commit id for tests: one digit, forty times.
func id(digit string) string { return strings.Repeat(digit, 40) }

var zero = id("0")

func TestReadEvent(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		env           []string
		want          ci.Event
	}{
		{
			name: "pull_request",
			payload: `{"number": 7, "pull_request": {"number": 7,
				"head": {"sha": "` + id("a") + `", "ref": "feature/x", "repo": {"full_name": "Owner/name", "fork": true}},
				"base": {"sha": "` + id("b") + `", "ref": "main", "repo": {"full_name": "owner/Name"}}},
				"repository": {"default_branch": "trunk"}}`,
			env: []string{"GITHUB_SHA", id("c"), "GITHUB_REF", "refs/pull/7/merge", "GITHUB_BASE_REF", "main",
				"GITHUB_HEAD_REF", "feature/x", "GITHUB_REPOSITORY", "owner/name", "GITHUB_ACTOR", "ana"},
			want: ci.Event{SHA: id("c"), Ref: "refs/pull/7/merge", PullRequest: 7, HeadSHA: id("a"), BaseSHA: id("b"),
				BaseRef: "main", HeadRef: "feature/x", DefaultBranch: "trunk", Repository: "owner/name", Actor: "ana"},
		},
		{
			name:    "pull_request",
			payload: `{"pull_request": {"head": {"repo": {"full_name": "eve/name"}}, "base": {"repo": {"full_name": "owner/name"}}}}`,
			env:     []string{"GITHUB_REF", "refs/pull/12/merge", "GITHUB_ACTOR", "dependabot[bot]"},
			want: ci.Event{Ref: "refs/pull/12/merge", PullRequest: 12, Fork: true, Actor: "dependabot[bot]",
				Dependabot: true},
		},
		{
			name:    "pull_request_target", // the fork is gone
			payload: `{"pull_request": {"number": 1, "head": {"repo": null}, "base": {"repo": {"full_name": "owner/name"}}}}`,
			want:    ci.Event{PullRequest: 1, Fork: true},
		},
		{
			name:    "pull_request", // act
			payload: `{"pull_request": {"head": {"ref": "x"}, "base": {"ref": "main"}}}`,
			want:    ci.Event{BaseRef: "main", HeadRef: "x"},
		},
		{
			name: "push",
			payload: `{"before": "` + id("1") + `", "after": "` + id("2") + `", "forced": true, "created": false,
				"repository": {"default_branch": "main"}, "pull_request": null}`,
			env:  []string{"GITHUB_SHA", id("2"), "GITHUB_REF", "refs/heads/main"},
			want: ci.Event{SHA: id("2"), Ref: "refs/heads/main", Before: id("1"), After: id("2"), Forced: true, DefaultBranch: "main"},
		},
		{
			name:    "push",
			payload: `{"before": "` + id("1") + `", "after": "` + zero + `", "deleted": true, "created": true}`,
			want:    ci.Event{Before: id("1"), Deleted: true, Created: true},
		},
		{
			name: "workflow_run",
			payload: `{"workflow_run": {"id": 5, "head_sha": "` + id("a") + `", "event": "pull_request", "conclusion": "success",
				"head_repository": {"full_name": "eve/name"}}}`,
			want: ci.Event{Run: ci.WorkflowRun{ID: 5, Attempt: 1, HeadSHA: id("a"), HeadRepository: "eve/name", Event: "pull_request", Conclusion: "success"}},
		},
		{
			name: "merge_group",
			payload: `{"merge_group": {"head_sha": "` + id("3") + `", "head_ref": "refs/heads/gh-readonly-queue/main/pr-1-x",
				"base_sha": "` + id("4") + `", "base_ref": "refs/heads/main"}}`,
			want: ci.Event{HeadSHA: id("3"), BaseSHA: id("4"), BaseRef: "main", HeadRef: "gh-readonly-queue/main/pr-1-x"},
		},
		{name: "schedule", payload: `{"schedule": "0 0 * * *"}`},
		{name: "push", payload: `{}`},
		{name: "workflow_dispatch", payload: `null`},
		{name: "unheard_of", payload: ``},
		{name: "push", payload: `{"before": "` + strings.Repeat("e", 64) + `"}`, want: ci.Event{Before: strings.Repeat("e", 64)}},
	} {
		test.want.Name = test.name
		got, err := ci.ReadEvent(eventEnv(t, test.name, test.payload, test.env...))
		if err != nil || got != test.want {
			t.Errorf("%s %s\n got %+v, %v\nwant %+v", test.name, test.payload, got, err, test.want)
		}
	}
}

func TestReadEventNone(t *testing.T) {
	if e, err := ci.ReadEvent(env("GITHUB_EVENT_PATH", "/nowhere")); err != nil || e != (ci.Event{}) {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestReadEventErrors(t *testing.T) {
	for payload, want := range map[string]string{
		`{`:                            "not JSON",
		`{"a"}`:                        "not JSON",
		` `:                            "not JSON",
		`[]`:                           "the whole is a JSON array",
		`{"pull_request": "x"}`:        "pull_request is a JSON string",
		`{"number": 1.5}`:              "number is a JSON number",
		`{"before": 5}`:                "before is a JSON number",
		`{"before": "main"}`:           `before "main" is not a commit id`,
		`{"after": "--upload-pack=x"}`: `after "--upload-pack=x" is not a commit id`,
		`{"after": "` + strings.Repeat("A", 40) + `"}`:                            "is not a commit id",
		`{"pull_request": {"head": {"sha": "` + id("a") + `\n"}}}`:                "pull_request.head.sha",
		`{"pull_request": {"base": {"sha": "HEAD"}}}`:                             "pull_request.base.sha",
		`{"pull_request": {"base": {"ref": "-x"}}}`:                               `pull_request.base.ref "-x" is not a ref`,
		`{"pull_request": {"base": {"ref": "a..b"}}}`:                             "is not a ref",
		`{"pull_request": {"base": {"ref": "a b"}}}`:                              "is not a ref",
		`{"pull_request": {"head": {"ref": "a\nb"}}}`:                             `"a\nb" is not a ref`,
		`{"pull_request": {"number": -1}}`:                                        "pull_request.number",
		`{"workflow_run": {"head_sha": "x"}}`:                                     "workflow_run.head_sha",
		`{"workflow_run": {"head_repository": {"full_name": "../x"}}}`:            "workflow_run.head_repository",
		`{"merge_group": {"base_sha": "x"}}`:                                      "merge_group.base_sha",
		`{"merge_group": {"head_ref": "refs/heads/x.lock"}}`:                      "merge_group.head_ref",
		`{"repository": {"default_branch": "@{-1}"}}`:                             "repository.default_branch",
		`{"repository": {"default_branch": "` + strings.Repeat("x", 2000) + `"}}`: "…",
	} {
		_, err := ci.ReadEvent(eventEnv(t, "push", payload))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", payload, err, want)
		} else if !strings.Contains(err.Error(), "event.json") || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
			t.Errorf("%.60s: the error is not one line with the file's name: %v", payload, err)
		}
	}
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 25<<20+1); err != nil {
		t.Fatal(err)
	}
	for _, e := range [][]string{
		{"GITHUB_EVENT_NAME", "push", "GITHUB_EVENT_PATH", filepath.Join(dir, "missing")},
		{"GITHUB_EVENT_NAME", "push", "GITHUB_EVENT_PATH", dir},
		{"GITHUB_EVENT_NAME", "push", "GITHUB_EVENT_PATH", large},
		{"GITHUB_EVENT_NAME", "Push\n"},
		{"GITHUB_EVENT_NAME", "push", "GITHUB_SHA", "x"},
		{"GITHUB_EVENT_NAME", "push", "GITHUB_REF", "refs/heads/a b"},
		{"GITHUB_EVENT_NAME", "push", "GITHUB_REPOSITORY", "../x"},
	} {
		if _, err := ci.ReadEvent(env(e...)); err == nil {
			t.Errorf("%q was taken", e)
		}
	}
}

func TestReadOnly(t *testing.T) {
	for e, want := range map[ci.Event]bool{
		{Name: "pull_request"}:                    false,
		{Name: "pull_request", Fork: true}:        true,
		{Name: "pull_request", Dependabot: true}:  true,
		{Name: "pull_request_target", Fork: true}: false,
		{Name: "push", Dependabot: true}:          true,
		{Name: "schedule", Dependabot: true}:      false,
		{Name: "pull_request_review", Fork: true}: true,
		{Name: "workflow_dispatch", Fork: true}:   false,
	} {
		if got := e.ReadOnly(); got != want {
			t.Errorf("%+v: %v", e, got)
		}
	}
}

func TestPlatform(t *testing.T) {
	if !ci.Actions(actions) || ci.Actions(env("CI", "true")) || !ci.InCI(env("CI", "true")) || ci.InCI(env()) || !ci.InCI(actions) {
		t.Error("the platform is not known")
	}
	for value, want := range map[string]bool{"true": true, "True": true, "1": true, "woodpecker": true, "": false, "false": false, "0": false} {
		if got := ci.InCI(env("CI", value)); got != want {
			t.Errorf("CI=%s: %t", value, got)
		}
	}
}

// Whatever a payload holds: an error, or an event whose ids are ids and whose
// refs no command takes for an option.
func FuzzEvent(f *testing.F) {
	f.Add("push", `{"before": "`+id("1")+`", "after": "`+id("2")+`"}`, "refs/heads/main")
	f.Add("pull_request", `{"pull_request": {"number": 3, "head": {"sha": "`+id("a")+`", "ref": "x"}, "base": {"ref": "main"}}}`, "refs/pull/3/merge")
	f.Add("merge_group", `{"merge_group": {"base_sha": "`+id("4")+`", "base_ref": "refs/heads/main"}}`, "refs/heads/q")
	f.Add("x", `{"repository": {"default_branch": "é"}}`, "")
	file := filepath.Join(f.TempDir(), "event.json")
	f.Fuzz(func(t *testing.T, name, payload, ref string) {
		if err := os.WriteFile(file, []byte(payload), 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := ci.ReadEvent(env("GITHUB_EVENT_NAME", name, "GITHUB_EVENT_PATH", file, "GITHUB_REF", ref, "GITHUB_HEAD_REF", ref))
		if err != nil {
			if strings.Contains(err.Error(), "\n") || !utf8.ValidString(err.Error()) && utf8.ValidString(name+payload+ref) {
				t.Errorf("the error is not one line: %q", err)
			}
			return
		}
		c := e.Comparison()
		for _, s := range []string{e.SHA, e.HeadSHA, e.BaseSHA, e.Before, e.After, c.Head, c.Merge} {
			if s != "" && (len(s) != 40 && len(s) != 64 || strings.Trim(s, "0123456789abcdef") != "") {
				t.Errorf("%q is no id", s)
			}
		}
		for _, s := range append(append([]string{e.Ref, e.BaseRef, e.HeadRef, e.DefaultBranch}, c.Bases...), c.Default...) {
			if strings.HasPrefix(s, "-") || strings.ContainsAny(s, " \n\x00~^:?*[\\") || strings.Contains(s, "..") {
				t.Errorf("%q is no ref", s)
			}
		}
		if e.PullRequest < 0 || c.Kind == "" || c.Why == "" {
			t.Errorf("%+v %+v", e, c)
		}
	})
}

// eventEnv is an environment with an event file; an empty payload: no file.
func eventEnv(t *testing.T, name, payload string, more ...string) func(string) string {
	t.Helper()
	pairs := append([]string{"GITHUB_EVENT_NAME", name}, more...)
	if payload != "" {
		file := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(file, []byte(payload), 0o600); err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, "GITHUB_EVENT_PATH", file)
	}
	return env(pairs...)
}
