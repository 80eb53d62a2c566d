package github

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

func bundle(t testing.TB, v *gates.Verdict) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteBundle(&b, job(), v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBundle(t *testing.T) {
	v := verdict(30_000)
	for i := range v.Gates[0].Findings {
		v.Gates[0].Findings[i].Message = strings.Repeat("é", 3000)
	}
	data := bundle(t, v)
	b, err := ReadBundle(data)
	if err != nil || len(data) > MaxBundle {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	f := b.Verdict.Gates[0].Findings
	if len(f) == 0 || !f[0].Blocking || b.Head != head || b.PullRequest != 7 || !strings.Contains(strings.Join(b.Verdict.Warnings, " "), "left out on the way") {
		t.Errorf("%d findings, %+v", len(f), b)
	}
	if len(v.Gates[0].Findings) != 30_000 || len(v.Warnings) != 0 {
		t.Error("the verdict itself was changed")
	}
}

func TestBundleHostile(t *testing.T) {
	good := string(bundle(t, verdict(1)))
	pass := string(bundle(t, verdict(0)))
	for name, data := range map[string]string{
		"empty": "", "not JSON": "{", "list": "[]", "null": "null", "behind": good + "{}",
		"unknown key": strings.Replace(good, `{"schema"`, `{"extra":1,"schema"`, 1),
		"schema":      strings.Replace(good, "wf-ci/bundle/v1", "wf-ci/bundle/v2", 1),
		"repository":  strings.Replace(good, `"o/r"`, `"o/../x"`, 1),
		"head":        strings.Replace(good, head, "main", 1),
		"number":      strings.Replace(good, `"pull_request":7`, `"pull_request":-7`, 1),
		"huge":        strings.Replace(good, `"pull_request":7`, `"pull_request":99999999999999999999`, 1),
		"exponent":    strings.Replace(good, `"run_id":10`, `"run_id":1e400`, 1),
		"half":        strings.Replace(good, `"run_id":10`, `"run_id":10.5`, 1),
		"huge line":   strings.Replace(good, `"line":2`, `"line":99999999999999999999`, 1),
		"before":      strings.Replace(good, `"line":2`, `"line":-2`, 1),
		"name":        strings.Replace(good, `"name":"wf-ci"`, `"name":"build"`, 1),
		"name, line":  strings.Replace(good, `"name":"wf-ci"`, `"name":"wf-ci\nbuild"`, 1),
		"path":        strings.Replace(good, "f00000.go", "../../etc/passwd", 1),
		"absolute":    strings.Replace(good, "f00000.go", "/etc/passwd", 1),
		"status":      strings.Replace(good, `"status":"fail"`, `"status":"great"`, 1),
		"turned":      strings.Replace(good, `"verdict":"fail"`, `"verdict":"pass"`, 1),
		"no reason":   strings.Replace(pass, `"verdict":"pass"`, `"verdict":"fail"`, 1),
		"deep":        strings.Repeat("[", 100_000),
		"large":       `{"schema":"` + strings.Repeat("x", MaxBundle) + `"}`,
	} {
		if data == good || data == pass {
			t.Fatalf("%s: nothing was replaced in %s", name, good)
		}
		if b, err := ReadBundle([]byte(data)); err == nil {
			t.Errorf("%s was read: %+v", name, b)
		} else if len(err.Error()) > 500 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

func FuzzBundle(f *testing.F) {
	f.Add(bundle(f, verdict(2)))
	f.Add(bundle(f, verdict(0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ReadBundle(data)
		if err != nil {
			return
		}
		j := job()
		j.Name, j.Head = b.Name, b.Head
		if body, err := commentBody(context.Background(), &j, b.Verdict); err != nil || len(body) > maxComment {
			t.Errorf("a comment of %d bytes, %v", len(body), err)
		}
		if _, err := checkOutput(b.Verdict, 0); err != nil {
			t.Error(err)
		}
	})
}

func claim() Claim {
	return Claim{Repository: "o/r", HeadRepository: "stranger/r", Head: head, RunID: 10, Event: "pull_request", Conclusion: "success"}
}

func publish(t *testing.T, c Claim, p githubtest.Pull, v *gates.Verdict) (*githubtest.Server, error, error) {
	t.Helper()
	s := fake(t, githubtest.Config{Write: all, Pulls: map[int]githubtest.Pull{7: p}})
	b, err := ReadBundle(bundle(t, v))
	if err != nil {
		t.Fatal(err)
	}
	_, refused, err := Publish(context.Background(), server(s), c, b, Job{CheckRun: Auto, Comment: CommentAlways})
	return s, refused, err
}

func TestPublish(t *testing.T) {
	fork := githubtest.Pull{Head: head, HeadRepo: "stranger/r", Files: []string{"a.go"}}
	failed := claim()
	failed.Conclusion = "failure"
	workflow := fork
	workflow.Files = []string{"a.go", ".github/workflows/ci.yml"}
	many := fork
	many.Files = make([]string, 3000)
	for i := range many.Files {
		many.Files[i] = "x"
	}
	for _, tt := range []struct {
		name       string
		claim      Claim
		pull       githubtest.Pull
		findings   int
		conclusion string
		says       string
	}{
		{"pass", claim(), fork, 0, "success", "As the run of the pull request says"},
		{"fail", failed, fork, 1, "failure", "wf-ci: fail"},
		{"pass of a failed run", failed, fork, 0, "failure", "wf-ci: inconclusive"},
		{"pass that changes its workflow", claim(), workflow, 0, "failure", ".github/workflows/ci.yml"},
		{"pass of too many files", claim(), many, 0, "failure", "wf-ci: inconclusive"},
		{"fail that only warns", claim(), fork, 1, "failure", "wf-ci: fail"},
	} {
		s, refused, err := publish(t, tt.claim, tt.pull, verdict(tt.findings))
		if refused != nil || err != nil {
			t.Errorf("%s: %v, %v", tt.name, refused, err)
			continue
		}
		if len(s.Checks) != 1 || s.Checks[0].Conclusion != tt.conclusion || s.Checks[0].HeadSHA != head || len(s.Comments) != 1 || !strings.Contains(s.Comments[0].Body, tt.says) {
			t.Errorf("%s: %+v\n%s", tt.name, s.Checks[0], s.Comments[0].Body)
		}
	}
}

func TestPublishRefuses(t *testing.T) {
	fork := githubtest.Pull{Head: head, HeadRepo: "stranger/r"}
	change := func(f func(*Claim)) Claim { c := claim(); f(&c); return c }
	for _, tt := range []struct {
		name  string
		claim Claim
		pull  githubtest.Pull
		says  string
	}{
		{"event", change(func(c *Claim) { c.Event = "push" }), fork, "pull_request"},
		{"repository", change(func(c *Claim) { c.Repository = "o/other" }), fork, "repository"},
		{"head", change(func(c *Claim) { c.Head = strings.Repeat("1", 40) }), fork, "commit"},
		{"run", change(func(c *Claim) { c.RunID = 11 }), fork, "run 10"},
		{"somebody else's pull request", claim(), githubtest.Pull{Head: head, HeadRepo: "o/r"}, "is from"},
		{"a fork that is gone", change(func(c *Claim) { c.HeadRepository = "" }), fork, "is from"},
		{"moved on", claim(), githubtest.Pull{Head: strings.Repeat("1", 40), HeadRepo: "stranger/r"}, ErrMovedOn.Error()},
	} {
		s, refused, err := publish(t, tt.claim, tt.pull, verdict(0))
		if refused == nil || err != nil || !strings.Contains(refused.Error(), tt.says) || len(s.Checks)+len(s.Comments)+len(s.Statuses) > 0 {
			t.Errorf("%s: %v, %v", tt.name, refused, err)
		}
		if errors.Is(refused, ErrMovedOn) != (tt.name == "moved on") {
			t.Errorf("%s: %v", tt.name, refused)
		}
	}
}
