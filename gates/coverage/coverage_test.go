package coverage

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// repo is a repository whose files are an hour old, as after a checkout.
type repo struct {
	*gittest.Repo
	t    *testing.T
	base string
}

func newRepo(t *testing.T, files map[string]string) *repo {
	r := &repo{Repo: gittest.New(t), t: t}
	r.files(files)
	return r
}

func (r *repo) files(files map[string]string) {
	for name, text := range files {
		r.Write(name, text)
		r.age(name, time.Hour)
	}
}

func (r *repo) age(name string, d time.Duration) {
	r.t.Helper()
	when := time.Now().Add(-d)
	if err := os.Chtimes(filepath.Join(r.Dir, name), when, when); err != nil {
		r.t.Fatal(err)
	}
}

// target is the repository as the gates get it; the change is since base.
func (r *repo) target() *gates.Target {
	r.t.Helper()
	ctx := context.Background()
	opened := r.Open()
	tree, _, err := opened.Snapshot(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	head, err := opened.Head(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	change := &git.Change{Head: head}
	if r.base != "" {
		if change, err = opened.Diff(ctx, r.base, head, tree); err != nil {
			r.t.Fatal(err)
		}
	}
	env := gittest.Runner(r.t).Env
	for _, kv := range run.CleanEnv(os.Environ()) { // the home of tools (go's caches, cargo) is the machine's
		if strings.HasPrefix(kv, "HOME=") {
			env = append(env, kv)
		}
	}
	return &gates.Target{
		Dir: opened.Dir, Repo: opened, Tree: tree, Change: change, Runner: &run.Runner{Env: env}, Jobs: 2,
		ReadPolicy: func(context.Context, string) ([]byte, error) { return nil, nil }, Log: slog.New(slog.DiscardHandler),
	}
}

// judge runs a gate as the product does, and says what came of it.
func judge(t *testing.T, target *gates.Target, g gates.Gate) gates.GateVerdict {
	t.Helper()
	results, err := gates.Run(context.Background(), target, []gates.Gate{g}, gates.Options{Jobs: 1, Timeout: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return gates.Judge(gates.Policy{Today: "2026-01-01"}, target.Change, results).Gates[0]
}

// summary is the verdict in a few lines.
func summary(v gates.GateVerdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", v.Status)
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "\n%s %s %s:%d-%d %s", f.Severity, f.Rule, f.Path, f.Line, f.EndLine, f.Message)
	}
	return b.String()
}

func captured(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "reports", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const calcJS = "exports.add = (a, b) => {\n  if (a > 100) {\n    return 0;\n  }\n  return a + b;\n};\n"

const calcPy = "\"\"\"A calculator.\"\"\"\n\n\ndef add(a, b):\n    if a > 100:\n        return 0\n    return a + b\n\n\ndef unused():\n    return 1\n"

var (
	goFiles = map[string]string{
		"go.mod": "module example.com/calc\n\ngo 1.26\n", "calc.go": calcGo, ".gitignore": "coverage.out\n",
		"calc_test.go": "package calc\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Error(\"wrong\")\n\t}\n}\n",
	}
	nodeFiles   = map[string]string{"package.json": `{"name":"calc"}`, "a.js": calcJS, "a.test.js": "x\n", ".gitignore": "coverage\n"}
	pythonFiles = map[string]string{"pyproject.toml": "[project]\nname='calc'\n", "app/__init__.py": "", "app/calc.py": calcPy, "tests/test_calc.py": strings.Repeat("x\n", 20)}
)

// Every format over the project that it was made of: the same lines, tests
// left out (node's LCOV names them: trap 10).
func TestCoverageOfEachFormat(t *testing.T) {
	tests := []struct {
		report, at string
		files      map[string]string
		covered    float64
		lines      float64
	}{
		{"go.out", "coverage.out", goFiles, 2, 4},
		{"node.lcov", "coverage/lcov.info", nodeFiles, 4, 6},
		{"istanbul.lcov", "coverage/lcov.info", nodeFiles, 3, 4},
		{"istanbul-final.json", "coverage/coverage-final.json", nodeFiles, 3, 4},
		{"istanbul-summary.json", "coverage/coverage-summary.json", nodeFiles, 3, 4},
		{"istanbul-cobertura.xml", "coverage/cobertura-coverage.xml", nodeFiles, 3, 4},
		{"coveragepy-cobertura.xml", "coverage.xml", pythonFiles, 4, 6},
		{"coveragepy.json", "coverage.json", pythonFiles, 5, 7},
		{"jacoco.xml", "build/reports/jacoco/test/jacocoTestReport.xml", map[string]string{"src/main/java/com/example/Calc.java": strings.Repeat("x\n", 10)}, 2, 3},
		{"llvm-cov.json", "target/llvm-cov/cov.json", map[string]string{"Cargo.toml": "[package]\nname='r'\n", "src/lib.rs": strings.Repeat("x\n", 20)}, 4, 6},
		{"simplecov.json", "coverage/.resultset.json", map[string]string{"lib/calc.rb": strings.Repeat("x\n", 6)}, 3, 3},
	}
	for _, tt := range tests {
		t.Run(tt.report, func(t *testing.T) {
			r := newRepo(t, tt.files)
			r.Commit("one")
			r.Write(tt.at, captured(t, tt.report))
			v := judge(t, r.target(), Gate(Options{Asked: true}))
			if v.Status != gates.StatusPass || v.Metrics["covered_lines"] != tt.covered || v.Metrics["executable_lines"] != tt.lines {
				t.Errorf("%s %s %v", v.Status, v.Reason, v.Metrics)
			}
			if v.Examined.Results != 1 || v.Examined.Files != 1 {
				t.Errorf("%+v", v.Examined)
			}
			v = judge(t, r.target(), Gate(Options{Asked: true, Min: 100.0*tt.covered/tt.lines + 0.01}))
			if tt.covered < tt.lines && (v.Status != gates.StatusFail || v.Findings[0].Rule != "coverage-total") {
				t.Errorf("above the threshold: %s", summary(v))
			}
		})
	}
}

func TestPatchCoverage(t *testing.T) {
	r := newRepo(t, nodeFiles)
	r.base = r.Commit("one")
	var b, lcov strings.Builder
	lcov.WriteString("SF:new.js\n")
	for i := 1; i <= 30; i++ {
		b.WriteString("step();\n")
		fmt.Fprintf(&lcov, "DA:%d,%d\n", i, (i-1)/15) // the first half did not run
	}
	r.files(map[string]string{"new.js": b.String(), "other.js": "one();\n"})
	r.Write("coverage/lcov.info", lcov.String()+"end_of_record\nSF:a.js\nDA:1,1\nDA:2,0\nend_of_record\n")
	v := judge(t, r.target(), Gate(Options{Asked: true, Patch: 80, MinLines: 20}))
	want := `fail
error coverage-patch :0-0 of the changed lines the tests run 50 % (15 of 30 lines), less than 80 %
note not-in-report :0-0 1 source is in no coverage report, and not in the figures
note uncovered-lines new.js:1-15 no test runs these lines
warning not-in-report other.js:0-0 the change touches it, and no coverage report knows it`
	if summary(v) != want {
		t.Errorf("got\n%s", summary(v))
	}
	if v.Metrics["patch_coverage"] != 50 || v.Metrics["patch_lines"] != 30 {
		t.Error(v.Metrics)
	}
	if v = judge(t, r.target(), Gate(Options{Asked: true, Patch: 80, MinLines: 31})); v.Status != gates.StatusPass {
		t.Errorf("a small change is judged: %s", summary(v))
	}
	// A summary has no lines, so it cannot speak of a change.
	r.Write("coverage/coverage-final.json", `{"total":{"lines":{"total":1,"covered":1}},"a.js":{"lines":{"total":3,"covered":3}},"new.js":{"lines":{"total":30,"covered":30}}}`)
	if v = judge(t, r.target(), Gate(Options{Asked: true, Patch: 80, Report: "coverage/coverage-final.json"})); v.Status != gates.StatusError || !strings.Contains(v.Reason, "which lines") {
		t.Error(v.Status, v.Reason)
	}
}

// What must never be a pass.
func TestCoverageThatNobodyEarned(t *testing.T) {
	lcov := captured(t, "istanbul.lcov")
	tests := map[string]struct {
		files   map[string]string
		prepare func(r *repo)
		options Options
		want    string
	}{
		"no report":        {nodeFiles, func(r *repo) {}, Options{}, "there is no coverage report: run `npm test -- --coverage`"},
		"named, not there": {nodeFiles, func(r *repo) {}, Options{Report: "x.info"}, "x.info is not there"},
		"empty":            {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info", "") }, Options{}, "it is empty"},
		"no lines":         {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info", "SF:a.js\nend_of_record\n") }, Options{}, "no line that can run"},
		"tests only":       {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info", "SF:a.test.js\nDA:1,1\nend_of_record\n") }, Options{}, "no coverage report speaks of package.json"},
		"another tree":     {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info", "SF:src/b.js\nDA:1,1\nend_of_record\n") }, Options{}, "of another tree: none"},
		"mostly another": {nodeFiles, func(r *repo) {
			r.Write("coverage/lcov.info", lcov+"SF:b.js\nDA:1,1\nend_of_record\nSF:c.js\nDA:1,1\nend_of_record\n")
		}, Options{}, "2 of its 3 files"},
		"outside":          {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info", "SF:../../etc/a.js\nDA:1,1\nend_of_record\n") }, Options{}, "of another tree"},
		"longer than file": {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info", "SF:a.js\nDA:999,1\nend_of_record\n") }, Options{}, "it has line 999, and the file has 6"},
		"other lines": {pythonFiles, func(r *repo) {
			r.Write("coverage.lcov", strings.Replace(captured(t, "coveragepy.lcov"), "4/SU", "5/SU", 1))
		}, Options{}, "app/calc.py: line 4 is not the one"},
		"other length":      {map[string]string{"lib/calc.rb": "one\n"}, func(r *repo) { r.Write("coverage/.resultset.json", captured(t, "simplecov.json")) }, Options{}, "it has"},
		"broken off":        {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info", "SF:a.js\nDA:1,1\n") }, Options{}, "breaks off"},
		"older than source": {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info", lcov); r.age("coverage/lcov.info", 2*time.Hour) }, Options{}, "coverage/lcov.info is older than a"},
		"older than a test": {nodeFiles, func(r *repo) {
			r.Write("coverage/lcov.info", lcov)
			r.age("coverage/lcov.info", time.Minute)
			r.Write("a.test.js", "y\n")
		}, Options{}, "older than a.test.js"},
		"committed": {nodeFiles, func(r *repo) { r.Write("cov.info", lcov); r.Commit("two") }, Options{Report: "cov.info"}, "cov.info is committed"},
		"committed, linked": {nodeFiles, func(r *repo) {
			r.Write("zz/fake.info", lcov)
			if err := os.Symlink("zz/fake.info", filepath.Join(r.Dir, "cov.info")); err != nil {
				t.Fatal(err)
			}
			r.Commit("two")
		}, Options{Report: "cov.info"}, "symbolic link"},
		"committed, linked directory": {nodeFiles, func(r *repo) {
			r.Write("zz/cov.info", lcov)
			if err := os.Symlink("zz", filepath.Join(r.Dir, "out")); err != nil {
				t.Fatal(err)
			}
			r.Commit("two")
		}, Options{Report: "out/cov.info"}, "symbolic link"},
		"committed, other line ends": {nodeFiles, func(r *repo) {
			r.Write(".gitattributes", "cov.info text eol=crlf\n")
			r.Write("cov.info", lcov)
			r.Commit("two")
			r.Write("cov.info", strings.ReplaceAll(lcov, "\n", "\r\n")) // as a checkout has it
		}, Options{Report: "cov.info"}, "cov.info is committed"},
		"committed, other case": {nodeFiles, func(r *repo) { r.Write("COV.info", "x"); r.Commit("two"); r.Write("cov.info", lcov) }, Options{Report: "cov.info"}, "differ in case"},
		"a directory":           {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info/x", "") }, Options{Report: "coverage/lcov.info"}, "not a file"},
		"one project only":      {map[string]string{"package.json": "{}", "a.js": calcJS, "go.mod": "module m\n", "m.go": calcGo}, func(r *repo) { r.Write("coverage/lcov.info", lcov) }, Options{}, "no coverage report speaks of go.mod: run `go test"},
		"command, no report":    {nodeFiles, func(r *repo) { r.Write("coverage/lcov.info", lcov) }, Options{Report: "coverage/lcov.info", Run: "true"}, "did not write coverage/lcov.info (exit status 0)"}, // trap 9
		"command fails":         {nodeFiles, func(r *repo) { r.Write("l", lcov) }, Options{Report: "coverage/lcov.info", Run: "mkdir coverage; cp l coverage/lcov.info; exit 3"}, "ended with status 3"},
		"command missing":       {nodeFiles, func(r *repo) {}, Options{Report: "coverage/lcov.info", Run: "no-such-tool-here"}, "not installed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, tt.files)
			r.Commit("one")
			tt.prepare(r)
			tt.options.Asked = true
			v := judge(t, r.target(), Gate(tt.options))
			if v.Status != gates.StatusError || !strings.Contains(v.Reason, tt.want) {
				t.Errorf("%s: %s, want %s", v.Status, v.Reason, tt.want)
			}
			if strings.Contains(v.Reason, r.Dir) {
				t.Errorf("the reason names a path of this machine: %s", v.Reason)
			}
		})
	}
}

func TestCoverageOfMonorepo(t *testing.T) {
	r := newRepo(t, map[string]string{
		"package.json": `{"workspaces":["packages/*"]}`, "packages/a/package.json": "{}", "packages/a/src/x.js": calcJS,
		"packages/b/package.json": "{}", "packages/b/src/x.js": calcJS, "packages/b/vendor/y.js": calcJS,
		"api/go.mod": "module example.com/calc\n", "api/calc.go": calcGo, "api/types.go": "package calc\n\ntype T int\n",
	})
	r.Commit("one")
	lcov := func(hits string) string { return "SF:src/x.js\nDA:1," + hits + "\nDA:2,1\nend_of_record\n" }
	r.Write("packages/a/coverage/lcov.info", lcov("1"))
	r.Write("packages/b/coverage/lcov.info", lcov("0")+"SF:vendor/y.js\nDA:1,1\nend_of_record\n")
	r.Write("api/coverage.out", captured(t, "go.out"))
	v := judge(t, r.target(), Gate(Options{Asked: true, Min: 80}))
	want := `fail
error coverage-total :0-0 api: the tests run 50 % (2 of 4 lines), less than 80 %
error coverage-total :0-0 packages/b: the tests run 50 % (1 of 2 lines), less than 80 %`
	if summary(v) != want {
		t.Errorf("got\n%s\n%s", summary(v), v.Reason)
	}
	if m := v.Metrics; m["coverage"] != 62.5 || m["coverage:api"] != 50 || m["coverage:packages/a"] != 100 {
		t.Error(m)
	}
}

// The checkout was elsewhere: on a runner, on Windows, in a container.
func TestNamesOfOtherMachines(t *testing.T) {
	for _, name := range []string{"/home/runner/work/x/x/src/a.js", `C:\work\x\src\a.js`, `src\a.js`, "./src/a.js", "file:///w/src/a.js", "/src/a.js"} {
		r := newRepo(t, map[string]string{"package.json": "{}", "src/a.js": calcJS, "a.js": calcJS})
		r.Commit("one")
		r.Write("coverage/lcov.info", "SF:"+name+"\nDA:1,1\nend_of_record\n")
		target := r.target()
		v := judge(t, target, Gate(Options{Asked: true}))
		if v.Status != gates.StatusPass {
			t.Errorf("%s: %s", name, v.Reason)
		}
	}
}

func TestNothingToCover(t *testing.T) {
	r := newRepo(t, map[string]string{"README.md": "x", "vendor/a.js": "x()", "a_test.go": "package a"})
	r.Commit("one")
	for _, g := range []gates.Gate{Gate(Options{Asked: true, Min: 80}), Tests(TestOptions{Asked: true, Min: 100})} {
		if v := judge(t, r.target(), g); v.Status != gates.StatusSkipped || v.Reason != "no source files" {
			t.Error(v.ID, v.Status, v.Reason)
		}
	}
}
