package github

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

func workflow(t *testing.T, on string) Workflow {
	t.Helper()
	w, err := ReadWorkflow("ci.yml", []byte("on: "+on+"\njobs:\n  gates:\n    steps:\n    - uses: actions/checkout@v4\n    - uses: wf-ci/wf-ci@v1\n  other:\n    name: Other\n    steps: [{run: make}]\n"))
	if err != nil || len(w.Jobs) != 1 || w.Jobs[0].Name != "gates" {
		t.Fatalf("%+v, %v", w, err)
	}
	return w
}

func TestDiagnose(t *testing.T) {
	good := "{pull_request: {types: [opened, synchronize]}, merge_group: }"
	fromActions := []Required{{"gates", actionsApp}}
	for _, tt := range []struct {
		name string
		on   string
		p    Protection
		bad  []string
	}{
		{"right", good, Protection{Required: fromActions, MergeQueue: true}, nil},
		{"the check run", "[pull_request, merge_group]", Protection{Required: []Required{{"wf-ci", actionsApp}}, MergeQueue: true}, nil},
		{"the check run, twice", "[pull_request, push]", Protection{Required: []Required{{"wf-ci", actionsApp}}}, []string{"ends last counts"}},
		{"the check run of tags", "{pull_request: , push: {tags: [v*]}}", Protection{Required: []Required{{"wf-ci", actionsApp}}}, nil},
		{"not required", good, Protection{Required: []Required{{"build", 0}}}, []string{"requires none", `"gates"`}},
		{"from anybody", good, Protection{Required: []Required{{"gates", 0}}}, []string{"from anybody"}},
		{"another app", good, Protection{Required: []Required{{"gates", 7}}}, []string{"the app 7"}},
		{"paths", "{pull_request: {paths: ['**.go']}}", Protection{Required: fromActions}, []string{"filtered by paths"}},
		{"branches", "{pull_request: {branches: [main], paths-ignore: [docs]}}", Protection{Required: fromActions}, []string{"filtered by branches, paths-ignore"}},
		{"types", "{pull_request: {types: [opened]}}", Protection{Required: fromActions}, []string{"filtered by types"}},
		{"its own branch", "{pull_request: {branches: [main]}}", Protection{Branch: "main", Required: fromActions}, nil},
		{"all but its own branch", "{pull_request: {branches: ['!main', main]}}", Protection{Branch: "main", Required: fromActions}, []string{"filtered by branches"}},
		{"no queue", "pull_request", Protection{Required: fromActions, MergeQueue: true}, []string{"merge_group"}},
		{"only push", "push", Protection{Required: fromActions}, []string{"does not run on pull_request"}},
		{"nobody brings it", "{push: {branches: [main]}}", Protection{Required: []Required{{"wf-ci", actionsApp}}}, []string{"no workflow here"}},
	} {
		var bad []string
		for _, a := range Diagnose(tt.p, []Workflow{workflow(t, tt.on)}) {
			if !a.Good {
				bad = append(bad, a.Text)
			}
		}
		text := strings.Join(bad, "\n")
		if (len(bad) == 0) != (tt.bad == nil) || len(bad) > 1 {
			t.Errorf("%s: %q", tt.name, bad)
		}
		for _, want := range tt.bad {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q lacks %q", tt.name, text, want)
			}
		}
	}
}

// The workflows of our own page, which tells to require the job behind a matrix,
// and what makes such a job's success worth nothing.
func TestDiagnoseJobs(t *testing.T) {
	const service = "service: {strategy: {matrix: {service: [api, web]}}, steps: [{uses: wf-ci/wf-ci@v1}]}"
	for _, tt := range []struct{ name, jobs, required, bad string }{
		{"behind the matrix", service + ", gates: {if: always(), needs: service, steps: [{if: needs.service.result != 'success', run: exit 1}]}", "gates", ""},
		{"behind that", service + ", mid: {needs: [service], steps: []}, gates: {if: '!cancelled()', needs: [mid], steps: [{run: 'test ${{ contains(needs.*.result, 1) }}'}]}", "gates", ""},
		{"not always", service + ", gates: {needs: service, steps: [{run: exit 0}]}", "gates", "skipped where a job before it fails"},
		{"asks nothing", service + ", gates: {if: always(), needs: service, steps: [{run: exit 0}]}", "gates", "does not look at how"},
		{"a leg", service, "service (api)", ""},
		{"no leg", service, "other (api)", "requires none"},
		{"another job", service + ", gates: {steps: [{run: make}]}", "gates", "requires none"},
		{"a name with an expression", "a: {name: 'gates of ${{ matrix.x }} and ${{ matrix.y }}!', strategy: {matrix: {x: [1]}}, steps: [{uses: wf-ci/wf-ci@v1}]}", "gates of 1 and 2!", ""},
		{"skipped", "gates: {if: github.actor != 'x', steps: [{uses: wf-ci/wf-ci@v1}]}", "gates", "counts as a success"},
		{"soft job", "gates: {continue-on-error: true, steps: [{uses: wf-ci/wf-ci@v1}]}", "gates", "whatever wf-ci says"},
		{"soft step", "gates: {steps: [{uses: wf-ci/wf-ci@v1, continue-on-error: true}]}", "gates", "whatever wf-ci says"},
		{"warns", "gates: {steps: [{uses: wf-ci/wf-ci@v1, with: {warn-only: true}}]}", "gates", "whatever wf-ci says"},
		{"a circle", service + ", gates: {needs: [more], steps: []}, more: {needs: [gates]}", "gates", "requires none"},
	} {
		w, err := ReadWorkflow("ci.yml", []byte("on: [pull_request, merge_group]\njobs: {"+tt.jobs+"}\n"))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var bad []string
		for _, a := range Diagnose(Protection{Branch: "main", MergeQueue: true, Required: []Required{{tt.required, actionsApp}}}, []Workflow{w}) {
			if !a.Good {
				bad = append(bad, a.Text)
			}
		}
		if text := strings.Join(bad, "\n"); (text == "") != (tt.bad == "") || !strings.Contains(text, tt.bad) || len(bad) > 1 {
			t.Errorf("%s: %q", tt.name, bad)
		}
	}
}

// What our own pages tell to write has nothing wrong with it.
func TestDiagnoseOurPages(t *testing.T) {
	const template = "../../workflow/feature/templates/gates.yml"
	for page, n := range map[string]int{"README.md": 1, "required-checks.md": 2, template: 1} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		examples := strings.Split(string(text), "```yaml\n")
		if page != template {
			examples = examples[1:]
		}
		if len(examples) != n {
			t.Errorf("%s has %d examples", page, len(examples))
		}
		for _, example := range examples {
			example, _, _ = strings.Cut(example, "```")
			w, err := ReadWorkflow("ci.yml", []byte(example))
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range Diagnose(Protection{Branch: "main", MergeQueue: true, Required: []Required{{"gates", actionsApp}}}, []Workflow{w}) {
				if !a.Good {
					t.Errorf("%s: %s", page, a.Text)
				}
			}
		}
	}
}

func TestReadProtection(t *testing.T) {
	s := fake(t, githubtest.Config{
		Rules: []any{
			map[string]any{"type": "merge_queue", "parameters": map[string]any{
				"check_response_timeout_minutes": 5, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5, "max_entries_to_merge": 5,
				"merge_method": "MERGE", "min_entries_to_merge": 1, "min_entries_to_merge_wait_minutes": 5,
			}},
			map[string]any{"type": "required_status_checks", "parameters": map[string]any{
				"strict_required_status_checks_policy": true, "required_status_checks": []any{map[string]any{"context": "gates", "integration_id": actionsApp}},
			}},
		},
		Branch: map[string]any{"protection": map[string]any{"required_status_checks": map[string]any{
			"enforcement_level": "everyone", "contexts": []any{"build"}, "checks": []any{map[string]any{"context": "build", "app_id": nil}},
		}}},
	})
	p, err := ReadProtection(context.Background(), server(s), "o/r", "release/1.x")
	if err != nil || !p.MergeQueue || len(p.Required) != 2 || p.Required[0] != (Required{"gates", actionsApp}) || p.Required[1] != (Required{"build", 0}) {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := ReadProtection(context.Background(), server(fake(t, githubtest.Config{})), "o/r", "main"); err == nil {
		t.Error("a branch that is not there")
	}
}

// Nobody waits an hour for advice.
func TestReadProtectionLimited(t *testing.T) {
	s := fake(t, githubtest.Config{})
	s.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	start := time.Now()
	if _, err := ReadProtection(t.Context(), server(s), "o/r", "main"); err == nil || !strings.Contains(err.Error(), "rate limit") || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

func FuzzWorkflow(f *testing.F) {
	f.Add([]byte("on: [push]\njobs: {a: {steps: [{uses: ./}]}}\n"))
	f.Add([]byte("on: {pull_request: {paths: [a]}}\njobs:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if w, err := ReadWorkflow("x.yml", data); err == nil {
			Diagnose(Protection{Required: []Required{{"wf-ci", 0}}}, []Workflow{w})
		}
	})
}
