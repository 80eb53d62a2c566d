package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

// manyResults is SARIF with n warnings and, behind them, some errors.
func manyResults(n, errors int) string {
	var b strings.Builder
	b.WriteString(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scan","rules":[{"id":"r"}]}},"results":[`)
	for i := range n {
		level := "warning"
		if i >= n-errors {
			level = "error"
		}
		fmt.Fprintf(&b, `{"ruleId":"r","level":%q,"message":{"text":"bad"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.txt"},"region":{"startLine":%d}}}]},`, level, i+1)
	}
	return strings.TrimSuffix(b.String(), ",") + "]}]}"
}

// A step with 10,000 findings makes no more requests than the page about GitHub
// says, and what blocks stands first everywhere, however late it was found.
func TestGitHubManyFindings(t *testing.T) {
	t.Parallel()
	const findings, errors = 10_000, 20
	scan := filepath.Join(t.TempDir(), "scan.sarif")
	if err := os.WriteFile(scan, []byte(manyResults(findings, errors)), 0o644); err != nil {
		t.Fatal(err)
	}
	r := gittest.New(t)
	r.Write(".wf-ci.yml", "gates:\n  scan: {run: \"cp "+scan+" out.sarif\", sarif: out.sarif}\n")
	base := r.Commit("base")
	r.Git("switch", "-q", "-c", "feature")
	r.Write("a.txt", strings.Repeat("x\n", findings))
	head := r.Commit("change")
	c := checkouts{base: base, head: head, merge: head}
	s, env := c.fake(t, githubtest.Config{Write: allPermissions})
	for i := range 150 { // of others, on two pages
		s.Comments = append(s.Comments, &githubtest.Comment{ID: int64(i + 1), Number: 7, Login: "octocat", Body: "hello"})
	}
	got := step(t, "wf-ci", eventCases(c)[0], r.Dir, append(env, "INPUT_GATES=scan")...)
	if got.status != exitFail || got.runner.Outputs["total-findings"] != fmt.Sprint(findings) {
		t.Fatalf("status %d, %s findings\n%.2000s", got.status, got.runner.Outputs["total-findings"], got.log)
	}
	requests := make(map[string]int)
	for _, request := range s.Requests {
		for _, part := range []string{"check-runs", "comments", "code-scanning", ".git", "git ", ""} {
			if strings.Contains(request, part) {
				requests[part]++
				break
			}
		}
	}
	// "at most 11 for the check run, 3 and one for every 100 comments for the comment, and about 10 for code scanning"
	if requests["check-runs"] > 11 || requests["comments"] > 2+2 || requests["code-scanning"] > 10 || len(s.Requests) > 40 {
		t.Errorf("%v: %d requests\n%s", requests, len(s.Requests), strings.Join(s.Requests, "\n"))
	}
	check := s.Checks[0]
	if len(check.Annotations) != 500 || !strings.Contains(check.Text, "9500 remarks without an annotation") {
		t.Errorf("%d annotations, %q", len(check.Annotations), check.Text)
	}
	for i, a := range check.Annotations {
		if want := map[bool]string{true: "failure", false: "warning"}[i < errors]; a.AnnotationLevel != want {
			t.Fatalf("annotation %d is %+v", i, a)
		}
	}
	for what, text := range map[string]string{"summary": check.Summary, "comment": s.Comments[150].Body} {
		if first := fmt.Sprintf("a.txt:%d", findings-errors+1); !strings.Contains(text, first) || !strings.Contains(text, "more left out") || len(text) > 65_535 {
			t.Errorf("the %s has %d bytes, and not what blocks: %.2000s", what, len(text), text)
		}
	}
	if len(s.Uploads) != 1 || s.Uploads[0].Results() != findings {
		t.Errorf("uploads %d", len(s.Uploads))
	}
}
