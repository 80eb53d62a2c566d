package types

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// outcome is the gate over a repository with these files.
func outcome(t *testing.T, o Options, files map[string]string, later map[string]string) (gates.Outcome, *gates.Target, error) {
	t.Helper()
	repo := gittest.New(t)
	for name, text := range files {
		repo.Write(name, text)
	}
	base := repo.Commit("one")
	for name, text := range later {
		repo.Write(name, text)
	}
	if later == nil {
		base = ""
	} else {
		repo.Commit("two")
	}
	return judgeRepo(t, o, repo, base)
}

func judgeRepo(t *testing.T, o Options, repo *gittest.Repo, base string) (gates.Outcome, *gates.Target, error) {
	t.Helper()
	o.Files = new(syntax.Files)
	if o.Min == 0 {
		o.Min = 90
	}
	target := gatestest.Target(t, repo, base)
	out, err := Gate(o).Run(context.Background(), target)
	return out, target, err
}

func count(out gates.Outcome, rule string) (n int) {
	for _, f := range out.Findings {
		if f.Rule == rule {
			n++
		}
	}
	return n
}

// fake is a type-coverage that says what it is told, and is not committed.
func fake(t *testing.T, repo *gittest.Repo, script string) {
	t.Helper()
	repo.Write(".gitignore", "node_modules\n")
	name := filepath.Join(repo.Dir, "node_modules/.bin/type-coverage")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

const tsconfig = "{\"compilerOptions\": {\"strict\": true}, // comment\n \"include\": [\"src\",],}"

func TestTypeCoverageAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		script, wrong string
		rule          string
	}{
		"above":          {`echo '{"succeeded":true,"correctCount":9,"totalCount":10,"percent":90}'`, "", ""},
		"below":          {`echo '{"succeeded":true,"correctCount":8,"totalCount":10,"percent":80,"details":[{"filePath":"src/a.ts","line":0,"character":3,"text":"a"}]}'`, "", "types-total"},
		"empty project":  {`echo '{"succeeded":true,"correctCount":0,"totalCount":0,"percent":null}'`, "found no symbol", ""},
		"percent null":   {`echo '{"succeeded":true,"correctCount":5,"totalCount":6,"percent":null}'`, "5 typed symbols of 6", ""},
		"more than all":  {`echo '{"succeeded":true,"correctCount":7,"totalCount":6,"percent":100}'`, "7 typed symbols of 6", ""},
		"nothing":        {`true`, "no JSON", ""},
		"crash":          {`echo '{"succeeded":false,"error":"boom"}'; exit 1`, "boom", ""},
		"cut off":        {`echo '{"succeeded":true,"corr'`, "no JSON", ""},
		"not installed":  {`echo '{"succeeded":true,"correctCount":9,"totalCount":10,"percent":90,"details":[{"filePath":"src/a.ts","line":0,"character":0,"text":"Cannot find module '"'"'react'"'"' or its corresponding type declarations."}]}'`, `"react" is not installed`, ""},
		"semantic error": {`echo '{"succeeded":true,"correctCount":9,"totalCount":11,"percent":81.81,"details":[{"filePath":"src/a.ts","line":0,"character":0,"text":"Type a is not assignable to b."}]}'`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t)
			repo.Write("package.json", "{}")
			repo.Write("tsconfig.json", tsconfig)
			repo.Write("src/a.ts", "let a = 1;\n")
			fake(t, repo, c.script)
			repo.Commit("one")
			out, _, err := judgeRepo(t, Options{}, repo, "")
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Fatalf("error %v, want %q", err, c.wrong)
			}
			if got := count(out, "types-total"); (got == 1) != (c.rule == "types-total") {
				t.Errorf("%d totals: %+v", got, out)
			}
			if _, ok := out.Metrics["estimated"]; ok {
				t.Error("measured, and marked as an estimate")
			}
		})
	}
}

// A change that adds nothing untyped does not answer for what was there; with
// scope all it does.
func TestOldRepositoryMayMove(t *testing.T) {
	details := `{"succeeded":true,"correctCount":1,"totalCount":10,"percent":10,"details":[{"filePath":"src/old.ts","line":0,"character":0,"text":"a"},{"filePath":"src/new.ts","line":0,"character":0,"text":"b"}]}`
	for change, blocks := range map[string]bool{"src/other.ts": false, "src/new.ts": true} {
		repo := gittest.New(t)
		repo.Write("package.json", "{}")
		repo.Write("tsconfig.json", tsconfig)
		repo.Write("src/old.ts", "let a: any;\n")
		fake(t, repo, "echo '"+details+"'")
		base := repo.Commit("one")
		repo.Write(change, "let b: any;\n")
		repo.Commit("two")
		o := Options{Min: 90, Files: new(syntax.Files)}
		target := gatestest.Target(t, repo, base)
		g := Gate(o)
		results, err := gates.Run(context.Background(), target, []gates.Gate{g}, gates.Options{Jobs: 1, Timeout: 1 << 36})
		if err != nil {
			t.Fatal(err)
		}
		for _, all := range []bool{false, true} {
			v := gates.Judge(gates.Policy{Today: "2026-01-01", All: all}, target.Change, results)
			if want := blocks || all; (v.Decision == gates.Fail) != want {
				t.Errorf("change of %s, all=%v: %s %v", change, all, v.Decision, v.Reasons)
			}
		}
	}
}

func TestEstimateNeverBlocks(t *testing.T) {
	if !syntax.Available() {
		t.Skip("no parsers")
	}
	out, target, err := outcome(t, Options{}, map[string]string{
		"package.json": "{}", "tsconfig.json": tsconfig,
		"src/a.ts": "export function f(a, b: number, c: any, d = 1) { return [1].map(x => x + b); }\nexport class K { x; y = 1; z: string }\nlet q = JSON.parse('1'); let r: any; let s = a as any;\n",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// typed: b, d, y, z
	if out.Metrics["typed"] != 4 || out.Metrics["symbols"] != 10 || out.Metrics["estimated"] != 1 || count(out, "types-total") != 0 {
		t.Errorf("%v %+v", out.Metrics, out.Findings)
	}
	g := Gate(Options{})
	v := gates.Judge(gates.Policy{Today: "2026-01-01", All: true}, target.Change, []gates.Result{{Gate: &g, Outcome: out}})
	if v.Decision != gates.Pass {
		t.Errorf("%s: %v", v.Decision, v.Reasons)
	}
	if !strings.Contains(out.Findings[0].Message, "estimate: 40 %") || !strings.Contains(out.Findings[0].Message, "npm i -D type-coverage typescript") {
		t.Errorf("%q", out.Findings[0].Message)
	}
}

func TestDeclaredToolHasToBeThere(t *testing.T) {
	_, _, err := outcome(t, Options{}, map[string]string{
		"package.json": `{"devDependencies": {"type-coverage": "^2"}}`, "tsconfig.json": tsconfig, "src/a.ts": "let a = 1;\n",
	}, nil)
	if err == nil || !strings.Contains(err.Error(), "npm ci") {
		t.Error(err)
	}
	// A committed tool is code of the change.
	out, _, err := outcome(t, Options{}, map[string]string{
		"package.json": "{}", "tsconfig.json": tsconfig, "src/a.ts": "let a = 1;\n",
		"node_modules/.bin/type-coverage": "#!/bin/sh\necho '{\"correctCount\":1,\"totalCount\":1,\"percent\":100}'\n",
	}, nil)
	if err != nil || out.Metrics["estimated"] != 1 {
		t.Errorf("%v %v", err, out.Metrics)
	}
}

func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		asked bool
		skip  string
	}{
		"javascript":     {map[string]string{"package.json": "{}", "a.js": "let a\n"}, true, "JavaScript only"},
		"nothing":        {map[string]string{"README.md": "a\n"}, true, "no TypeScript and no Python"},
		"python":         {map[string]string{"pyproject.toml": "", "a.py": "a = 1\n"}, false, "Python without"},
		"python, asked":  {map[string]string{"pyproject.toml": "", "a.py": "a = 1\n"}, true, ""},
		"python, mypy":   {map[string]string{"pyproject.toml": "[tool.mypy]\nstrict = true\n", "a.py": "a = 1\n"}, false, ""},
		"python, marker": {map[string]string{"pyproject.toml": "", "p/a.py": "a = 1\n", "p/py.typed": "\n"}, false, ""},
		"typescript":     {map[string]string{"package.json": "{}", "tsconfig.json": "{}", "a.ts": "let a\n"}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t)
			for name, text := range c.files {
				repo.Write(name, text)
			}
			repo.Commit("one")
			plan, err := Gate(Options{Asked: c.asked, Files: new(syntax.Files)}).Plan(context.Background(), gatestest.Target(t, repo, ""))
			if err != nil || !strings.Contains(plan.Skip, c.skip) || (c.skip == "") != (plan.Skip == "") {
				t.Errorf("%v %q", err, plan.Skip)
			}
		})
	}
}

func TestBrokenTsconfig(t *testing.T) {
	_, _, err := outcome(t, Options{}, map[string]string{"package.json": "{}", "tsconfig.json": "{ bad", "src/a.ts": "let a = 1;\n"}, nil)
	if err == nil || !strings.Contains(err.Error(), "tsconfig.json") {
		t.Error(err)
	}
}

func TestSettingsInTheChange(t *testing.T) {
	out, _, err := outcome(t, Options{}, map[string]string{"package.json": "{}", "tsconfig.json": "{}", "src/a.ts": "let a = 1;\n"},
		map[string]string{"tsconfig.json": `{"exclude": ["src/b.ts"]}`})
	if err != nil || count(out, "types-settings") != 1 {
		t.Errorf("%v %+v", err, out.Findings)
	}
}

func TestReportOfAnEarlierStep(t *testing.T) {
	files := map[string]string{".gitignore": "*.out\n", "pyproject.toml": "", "src/pkg/a.py": "def f(a): pass\n", "src/pkg/b.py": "b = 1\n"}
	for name, c := range map[string]struct{ report, wrong string }{
		"any-exprs":    {" Name   Anys   Exprs   Coverage\n-----\npkg.a      3      13     76.92%\npkg.b 0 1 100.00%\n----\nTotal      3      14     76.92%\n", ""},
		"linecount":    {"7 11 2 3 total\n 7 11 2 3 pkg.a\n 0 1 0 0 pkg.b\n", ""},
		"another tree": {"7 11 2 3 total\n 7 11 2 3 other.a\n", "another tree"},
		"half of it":   {"7 11 2 3 total\n 7 11 2 3 pkg.c\n 7 11 2 3 pkg.d\n 1 1 1 1 pkg.a\n", "another tree"},
		"cut off":      {" Name   Anys   Exprs   Coverage\npkg.a      3      13     76.92%\n", "cut off"},
		"empty":        {"", "empty"},
		"prose":        {"all is well\n", "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t)
			for name, text := range files {
				repo.Write(name, text)
			}
			repo.Commit("one")
			repo.Write("types.out", c.report)
			out, _, err := judgeRepo(t, Options{Report: "types.out", Asked: true}, repo, "")
			if c.wrong == "" {
				if err != nil || count(out, "types-total") != 1 || out.Examined.Results != 1 {
					t.Errorf("%v %+v", err, out)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("error %v, want %q", err, c.wrong)
			}
		})
	}
}

func TestReportIsDistrusted(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("pyproject.toml", "")
	repo.Write("a.py", "def f(a): pass\n")
	repo.Write("types.out", "1 1 1 1 total\n1 1 1 1 a\n")
	repo.Commit("one")
	_, _, err := judgeRepo(t, Options{Report: "types.out", Asked: true}, repo, "")
	if err == nil || !strings.Contains(err.Error(), "is committed") {
		t.Error(err)
	}
	_, _, err = judgeRepo(t, Options{Report: "none.out", Asked: true}, repo, "")
	if !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// The real mypy, where it is installed.
func TestMypy(t *testing.T) {
	if _, err := exec.LookPath("mypy"); err != nil {
		t.Skip("no mypy")
	}
	files := map[string]string{
		"pyproject.toml": "[tool.mypy]\nstrict = false\n", "pkg/__init__.py": "", "pkg/a.py": "def f(a, b):\n    return a + b\n\ndef g(a: int) -> int:\n    c = f(a, 1)\n    return a\n",
	}
	out, _, err := outcome(t, Options{}, files, nil)
	if err != nil || out.Metrics["estimated"] != 0 || count(out, "types-total") != 1 || count(out, "untyped") < 2 {
		t.Fatalf("%v %v %+v", err, out.Metrics, out.Findings)
	}
	if f := out.Findings[0]; f.Path != "pkg/a.py" || f.Line == 0 {
		t.Errorf("%+v", f)
	}
	files["pkg/b.py"] = "def (\n"
	if _, _, err := outcome(t, Options{}, files, nil); err == nil || !strings.Contains(err.Error(), "invalid syntax") {
		t.Errorf("syntax error: %v", err)
	}
}

// The real type-coverage: TYPE_COVERAGE names a node_modules that has it.
func TestRealTypeCoverage(t *testing.T) {
	modules := os.Getenv("TYPE_COVERAGE")
	if modules == "" {
		t.Skip("TYPE_COVERAGE names no node_modules")
	}
	repo := gittest.New(t)
	repo.Write(".gitignore", "node_modules\n")
	repo.Write("package.json", `{"typeCoverage": {"ignoreFiles": []}}`)
	repo.Write("tsconfig.json", `{"files": [], "references": [{"path": "./tsconfig.app.json"}]}`)
	repo.Write("tsconfig.app.json", `{"compilerOptions": {"strict": true, "composite": true}, "include": ["src"]}`)
	repo.Write("src/a.ts", "export function f(a: any, b: number) { const c = a.x; return c + b; }\nexport const k = JSON.parse(\"1\");\n")
	repo.Commit("one")
	if err := os.CopyFS(filepath.Join(repo.Dir, "node_modules"), os.DirFS(modules)); err != nil {
		t.Fatal(err)
	}
	out, _, err := judgeRepo(t, Options{}, repo, "")
	if err != nil || out.Metrics["types"] != 45.45 || out.Metrics["symbols"] != 11 || count(out, "untyped") != 6 {
		t.Errorf("%v %v %+v", err, out.Metrics, out.Findings)
	}
}
