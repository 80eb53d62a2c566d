package deps_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/deps/osvtest"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// goRepo is a module that vendors a vulnerable one: no proxy is needed.
func goRepo(t *testing.T) *gittest.Repo {
	t.Helper()
	if _, err := gittest.Runner(t).Run(context.Background(), run.Command{Name: "go", Args: []string{"version"}, Dir: t.TempDir()}); err != nil {
		t.Skip("no go command")
	}
	repo := gittest.New(t)
	repo.Write("svc/go.mod", "module example.com/app\n\ngo 1.21\n\nrequire example.com/vuln v1.0.0\n")
	repo.Write("svc/main.go", "package main\n\nimport \"example.com/vuln/parse\"\n\nfunc main() { run() }\n\nfunc run() { parse.Safe() }\n")
	repo.Write("svc/vendor/modules.txt", "# example.com/vuln v1.0.0\n## explicit; go 1.21\nexample.com/vuln/parse\n")
	repo.Write("svc/vendor/example.com/vuln/parse/parse.go", "package parse\n\nfunc Parse() { helper() }\nfunc helper() {}\nfunc Render() {}\nfunc Safe() {}\n")
	repo.Commit("imports")
	return repo
}

func TestReach(t *testing.T) {
	s := osvtest.New(t)
	repo := goRepo(t)
	base := repo.Git("rev-parse", "HEAD")
	o := options(s)
	o.Reach = true
	r := judge(t, gatestest.Target(t, repo, ""), o)
	want := []string{
		"svc/go.mod:5-0 warning CVE-2026-2000: example.com/vuln 1.0.0 (direct): severity unknown: Parse panics; imported, and no vulnerable function is called; fixed in 1.2.0; also GO-2026-0001",
		"svc/go.mod:5-0 warning GO-2026-0002: example.com/vuln 1.0.0 (direct): severity unknown: Render leaks; imported, and no vulnerable function is called; fixed in 1.2.0",
		"svc/go.mod:5-0 note GO-2026-0003: example.com/vuln 1.0.0 (direct): severity unknown: The command is unsafe; required, and not imported; no fix yet",
	}
	if diff := cmp.Diff(want, said(r)); diff != "" || r.Err != nil {
		t.Fatal(r.Err, diff)
	}
	if r.Outcome.Engine.Name != "osv.dev + govulncheck" {
		t.Errorf("%+v", r.Outcome.Engine)
	}

	// The change calls it: there it stands, and it blocks.
	repo.Write("svc/main.go", "package main\n\nimport \"example.com/vuln/parse\"\n\nfunc main() { run() }\n\nfunc run() {\n\tparse.Safe()\n\tparse.Parse()\n}\n")
	repo.Commit("calls")
	target := gatestest.Target(t, repo, base)
	r = judge(t, target, o)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	v := gates.Judge(gates.Policy{Today: "2026-11-27"}, target.Change, []gates.Result{r})
	got := said(r)
	if v.Decision != gates.Fail || !strings.HasPrefix(got[2], "svc/main.go:9-0 error CVE-2026-2000: ") || !strings.Contains(got[2], "called: app.run calls parse.Parse (svc/main.go:9)") {
		t.Errorf("%s %v", v.Decision, got)
	}

	// Code that does not build is not code without calls.
	repo.Write("svc/main.go", "package main\n\nfunc main() { undefined() }\n")
	repo.Commit("broken")
	r = judge(t, gatestest.Target(t, repo, ""), o)
	if r.Err == nil || !matches(`svc/go.mod: govulncheck could not load the code: .*it has to build here`, r.Err.Error()) || len(r.Outcome.Findings) != 3 {
		t.Errorf("%v %v", r.Err, said(r))
	}
}

// Without a go command the lock file alone decides, and the report says so.
func TestNoGo(t *testing.T) {
	repo := goRepo(t)
	target := gatestest.Target(t, repo, "")
	target.Runner = &run.Runner{Env: []string{"PATH=" + t.TempDir()}}
	o := options(osvtest.New(t))
	o.Reach = true
	r := judge(t, target, o)
	if r.Err != nil || len(r.Outcome.Findings) != 3 || !strings.Contains(r.Outcome.Engine.Name, "no go command: what is called was not looked at") {
		t.Errorf("%v %v %+v", r.Err, said(r), r.Outcome.Engine)
	}
}
