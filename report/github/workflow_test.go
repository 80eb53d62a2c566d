package github

import (
	"context"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

func workflow(t *testing.T, on string) Workflow {
	t.Helper()
	w, err := ReadWorkflow("ci.yml", []byte("on: "+on+"\njobs:\n  gates:\n    steps:\n    - uses: actions/checkout@v4\n    - uses: wf-ci/wf-ci@v1\n  other:\n    name: Other\n    steps: [{run: make}]\n"))
	if err != nil || len(w.Jobs) != 1 || w.Jobs[0] != "gates" {
		t.Fatalf("%+v, %v", w, err)
	}
	return w
}

func TestDiagnose(t *testing.T) {
	good := "{pull_request: {types: [opened]}, merge_group: }"
	fromActions := []Required{{"gates", actionsApp}}
	for _, tt := range []struct {
		name string
		on   string
		p    Protection
		bad  []string
	}{
		{"right", good, Protection{Required: fromActions, MergeQueue: true}, nil},
		{"the check run", "[pull_request, merge_group]", Protection{Required: []Required{{"wf-ci", actionsApp}}, MergeQueue: true}, nil},
		{"not required", good, Protection{Required: []Required{{"build", 0}}}, []string{"requires none", `"gates"`}},
		{"from anybody", good, Protection{Required: []Required{{"gates", 0}}}, []string{"from anybody"}},
		{"another app", good, Protection{Required: []Required{{"gates", 7}}}, []string{"the app 7"}},
		{"paths", "{pull_request: {paths: ['**.go']}}", Protection{Required: fromActions}, []string{"filtered by paths"}},
		{"branches", "{pull_request: {branches: [main], paths-ignore: [docs]}}", Protection{Required: fromActions}, []string{"filtered by branches, paths-ignore"}},
		{"no queue", "pull_request", Protection{Required: fromActions, MergeQueue: true}, []string{"merge_group"}},
		{"only push", "push", Protection{Required: fromActions}, []string{"does not run on pull_request"}},
		{"nobody brings it", "push", Protection{Required: []Required{{"wf-ci", actionsApp}}}, []string{"no workflow here"}},
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

func FuzzWorkflow(f *testing.F) {
	f.Add([]byte("on: [push]\njobs: {a: {steps: [{uses: ./}]}}\n"))
	f.Add([]byte("on: {pull_request: {paths: [a]}}\njobs:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if w, err := ReadWorkflow("x.yml", data); err == nil {
			Diagnose(Protection{Required: []Required{{"wf-ci", 0}}}, []Workflow{w})
		}
	})
}
