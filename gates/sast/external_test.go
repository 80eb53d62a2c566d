package sast

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// fake puts a program in the target's PATH that answers --version, and prints
// what is recorded.
func fake(t *testing.T, tg *gates.Target, name, version, stdout, stderr string, status int) {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string]string{"out": stdout, "err": stderr} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = --version ]; then echo %s %s; exit 0; fi\npwd >%[3]s/pwd; ls -aR >%[3]s/ls; cat %[3]s/out; cat %[3]s/err >&2; exit %d\n", name, version, dir, status)
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	inPath(tg, dir)
}

// inPath puts a directory before the others of a target's PATH.
func inPath(tg *gates.Target, dir string) {
	path := os.Getenv("PATH")
	runner := *tg.Runner
	runner.Env = append(append([]string{}, runner.Env...), "PATH="+dir+string(filepath.ListSeparator)+path)
	tg.Runner = &runner
}

const banditCanary = `{"test_id":"B307","issue_severity":"MEDIUM","issue_confidence":"HIGH","filename":"./wfci_canary_7b1f.py","line_number":2,"line_range":[2],"issue_text":"eval"}`

func banditOut(errs, metrics, results string) string {
	return `{"errors":[` + errs + `],"generated_at":"2026-11-22T00:00:00Z","metrics":{` + metrics + `},"results":[` + results + `]}`
}

const banditMetrics = `"./a.py":{"loc":2},"./wfci_canary_7b1f.py":{"loc":3},"_totals":{"loc":5}`

// The traps of the engines: each is a program that prints what the real one
// prints: eslint and ast-grep as they were seen to, bandit, ruff, semgrep and
// opengrep as they document it.
func TestTraps(t *testing.T) {
	needParsers(t)
	files := map[string]string{
		"a.py": "import os\nx = 1\nos.popen('ls ' + x)\n", "b.js": "let a = 1;\n", "rules.yml": "id: x\n", "venv/c.py": "x = 1\n", ".gitignore": "",
	}
	semgrepOut := func(result, errs string) string {
		return `{"version":"1.100.0","results":[` + result + `],"errors":[` + errs + `],"paths":{"scanned":["a.py","b.js"]}}`
	}
	semgrepResult := `{"check_id":"my.shell","path":"a.py","start":{"line":3,"col":1},"end":{"line":3,"col":20},"extra":{"message":"a shell","severity":"%s","metadata":{"cwe":["CWE-78: Improper"]},"is_ignored":%s}}`
	eslintCanary := `{"filePath":"%DIR%/wfci_canary_7b1f.js","messages":[{"ruleId":"no-eval","severity":2,"line":1,"column":1,"message":"eval can be harmful."}]}`
	for _, tt := range []struct {
		name, engine, version, stdout, stderr string
		status                                int
		want                                  string // an error, or findings
	}{
		{"bandit too old", "bandit", "1.6.2", "", "", 0, "error: bandit 1.6.2 is too old"},
		{"bandit, nothing there", "bandit", "1.7.10", banditOut("", `"_totals":{"loc":0}`, ""), "", 0, "error: it looked at no line of code"},
		{"bandit is blind", "bandit", "1.7.10", banditOut("", banditMetrics, ""), "", 0, "error: bandit does not find the fault that is put there"},
		{"bandit, syntax error", "bandit", "1.7.10", banditOut(`{"filename":"./a.py","reason":"syntax error while parsing AST from file"}`, banditMetrics, banditCanary), "", 1, "error: bandit looked at no file: syntax error"},
		{"bandit, a file is missing", "bandit", "1.7.10", banditOut("", `"./wfci_canary_7b1f.py":{"loc":3},"_totals":{"loc":3}`, banditCanary), "", 1, "error: bandit looked at no file"},
		{"bandit, medium blocks", "bandit", "1.7.10", banditOut("", banditMetrics, banditCanary+`,{"test_id":"B608","issue_severity":"MEDIUM","issue_confidence":"MEDIUM","filename":"./a.py","line_number":3,"line_range":[3,4],"issue_text":"sql","issue_cwe":{"id":89}}`), "", 1, "a.py:3:1-4:0 error bandit/B608"},
		{"bandit, low confidence does not", "bandit", "1.7.10", banditOut("", banditMetrics, banditCanary+`,{"test_id":"B608","issue_severity":"MEDIUM","issue_confidence":"LOW","filename":"./a.py","line_number":3,"issue_text":"sql"}`), "", 1, "a.py:3:1-3:0 warning bandit/B608"},
		{"bandit, outside", "bandit", "1.7.10", banditOut("", banditMetrics, banditCanary+`,{"test_id":"B608","filename":"../../x.py","line_number":3}`), "", 1, "error: outside the tree"},
		{"bandit, usage", "bandit", "1.7.10", "", "usage: bandit", 2, "error: bandit broke off (exit status 2): usage: bandit"},
		{"bandit, no output", "bandit", "1.7.10", "", "", 0, "error: its answer is no JSON"},

		{"ruff severities", "ruff", "0.17.4", `[{"code":"S307","message":"eval","filename":"wfci_canary_7b1f.py","location":{"row":2,"column":1},"end_location":{"row":2,"column":3}},{"code":"S101","message":"assert","filename":"a.py","location":{"row":1,"column":1},"end_location":{"row":1,"column":2}},{"code":"S608","message":"sql","filename":"a.py","location":{"row":2,"column":1},"end_location":{"row":2,"column":2}},{"code":"S104","message":"bind","filename":"a.py","location":{"row":3,"column":1},"end_location":{"row":3,"column":2}}]`, "", 1,
			"a.py:1:1-1:2 note ruff/S101\na.py:2:1-2:2 error ruff/S608\na.py:3:1-3:2 warning ruff/S104"},
		{"ruff, syntax error", "ruff", "0.17.4", `[{"code":"S307","message":"eval","filename":"wfci_canary_7b1f.py","location":{"row":2,"column":1}},{"code":null,"message":"SyntaxError: x","filename":"a.py","location":{"row":1,"column":1}}]`, "", 1, "error: ruff looked at no file: SyntaxError: x"},
		{"ruff, nothing there", "ruff", "0.17.4", "[]", "warning: No Python files found under the given path(s)", 0, "error: it looked at no file"},
		{"ruff broke off", "ruff", "0.17.4", "", "error: no", 2, "error: ruff broke off (exit status 2)"},

		{"eslint, no configuration", "eslint", "v10.15.0", "", "Oops! Something went wrong!", 2, "error: eslint broke off (exit status 2): Oops"},
		{"eslint, fatal", "eslint", "v10.15.0", `[` + eslintCanary + `,{"filePath":"%DIR%/b.js","messages":[{"ruleId":null,"fatal":true,"severity":2,"message":"Parsing error: x","line":1}]}]`, "", 1, "error: eslint looked at no file: Parsing error: x"},
		{"eslint, a file is missing", "eslint", "v10.15.0", `[` + eslintCanary + `]`, "", 1, "error: eslint looked at no file"},
		{"eslint", "eslint", "v10.15.0", `[` + eslintCanary + `,{"filePath":"%DIR%/b.js","messages":[{"ruleId":"security/detect-unsafe-regex","severity":1,"message":"Unsafe","line":1,"column":2,"endLine":1,"endColumn":4}]}]`, "", 1, "b.js:1:2-1:4 warning eslint/security/detect-unsafe-regex"},

		{"ast-grep, nothing there", "ast-grep", "0.51.1", "[]", "sg: summary|file: scannedFileCount=0,skippedFileCount=0", 0, "error: it looked at no file"},
		{"ast-grep says nothing", "ast-grep", "0.51.1", "[]", "", 0, "error: it does not say how many files"},
		{"ast-grep, bad rule", "ast-grep", "0.51.1", "", "Error: Cannot parse rule", 8, "error: ast-grep broke off (exit status 8): Error: Cannot parse rule"},
		{"ast-grep", "ast-grep", "0.51.1", `[{"file":"b.js","ruleId":"my","severity":"warning","message":"m","range":{"start":{"line":0,"column":4},"end":{"line":0,"column":5}}}]`, "sg: summary|file: scannedFileCount=1,skippedFileCount=0", 0, "b.js:1:5-1:6 warning ast-grep/my"},

		{"semgrep", "semgrep", "1.100.0", semgrepOut(fmt.Sprintf(semgrepResult, "WARNING", "false"), ""), "", 0, "a.py:3:1-3:20 warning semgrep/my.shell"},
		{"semgrep, ignored", "semgrep", "1.100.0", semgrepOut(fmt.Sprintf(semgrepResult, "ERROR", "true"), ""), "", 0, ""},
		{"semgrep, unknown severity", "semgrep", "1.100.0", semgrepOut(fmt.Sprintf(semgrepResult, "WORSE", "false"), ""), "", 0, "a.py:3:1-3:20 error semgrep/my.shell"},
		{"semgrep, an error", "semgrep", "1.100.0", semgrepOut("", `{"level":"error","message":"rule is broken"}`), "", 0, "error: rule is broken"},
		{"semgrep does not say what it saw", "semgrep", "1.100.0", `{"results":[],"errors":[]}`, "", 0, "error: which files"},
		{"semgrep saw a part", "semgrep", "1.100.0", `{"results":[],"errors":[],"paths":{"scanned":["a.py"]}}`, "", 0, "error: semgrep could not look at b.js"},
		{"opengrep, bad configuration", "opengrep", "1.30.0", "", "invalid configuration", 7, "error: opengrep broke off (exit status 7)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tg := target(t, files)
			fake(t, tg, tt.engine, tt.version, strings.ReplaceAll(tt.stdout, "%DIR%/", ""), tt.stderr, tt.status)
			o := Options{Engines: []string{tt.engine}}
			if x := byName(tt.engine); x.settings.needed {
				o.Configs = map[string]string{tt.engine: "rules.yml"}
			}
			res := runGate(t, tg, o)
			if want, ok := strings.CutPrefix(tt.want, "error: "); ok {
				if res.Err == nil || !strings.Contains(res.Err.Error(), want) {
					t.Errorf("error %v, want %q; findings %s", res.Err, want, show(res.Outcome.Findings))
				}
				return
			}
			if got := show(res.Outcome.Findings); res.Err != nil || got != tt.want {
				t.Errorf("error %v, findings\n%s\nwant\n%s", res.Err, got, tt.want)
			}
			if e := res.Outcome.Engine; e.Name != tt.engine || e.Version != strings.TrimPrefix(tt.version, "v") {
				t.Errorf("engine %+v", e)
			}
		})
	}
}

func byName(name string) external {
	for _, x := range externals() {
		if x.name == name {
			return x
		}
	}
	panic(name)
}

// What is asked for by name and is not there is an error that says how to have
// it; so is one without rules.
func TestMissingEngines(t *testing.T) {
	needParsers(t)
	tg := target(t, map[string]string{"a.py": "x = 1\n", "a.js": "x = 1\n"})
	runner := *tg.Runner
	runner.Env = append(append([]string{}, runner.Env...), "PATH="+t.TempDir())
	tg.Runner = &runner
	for _, x := range externals() {
		res := runGate(t, tg, Options{Engines: []string{engineName, x.name}})
		if res.Err == nil || !strings.Contains(res.Err.Error(), x.install) {
			t.Errorf("%s: error %v", x.name, res.Err)
		}
	}
	fake(t, tg, "semgrep", "1.1.1", "", "", 0)
	if res := runGate(t, tg, Options{Engines: []string{"semgrep"}}); res.Err == nil || !strings.Contains(res.Err.Error(), "gates.sast.semgrep_rules") {
		t.Errorf("error %v", res.Err)
	}
}

// A file that an engine cannot parse is a note where our own rules looked at it.
func TestUnreadIsANote(t *testing.T) {
	needParsers(t)
	tg := target(t, map[string]string{"a.py": "x = 1\n"})
	fake(t, tg, "bandit", "1.7.10", banditOut(`{"filename":"./a.py","reason":"syntax error"}`, banditMetrics+`,"./b.py":{"loc":1}`, banditCanary), "", 1)
	repoTwo := target(t, map[string]string{"a.py": "x = 1\n", "b.py": "x = 1\n"})
	repoTwo.Runner = tg.Runner
	res := runGate(t, repoTwo, Options{Engines: []string{engineName, "bandit"}})
	if got := show(res.Outcome.Findings); res.Err != nil || got != "a.py:0:0-0:0 note sast-unread" || res.Outcome.Engine.Name != "wf-ci + bandit 1.7.10" {
		t.Errorf("error %v, engine %+v, findings %s", res.Err, res.Outcome.Engine, got)
	}
}

// The copy holds sources only, and orders that the change adds do not work.
func TestCopy(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a.py", "x = 1  # nosec\n")
	repo.Commit("one")
	repo.Git("branch", "base")
	repo.Write("a.py", "x = 1  # nosec\ny = 2  # nosec\n")
	repo.Write("sub/ü b.py", "z = 1  # noqa: S101\n")
	repo.Write("pyproject.toml", "[tool.ruff]\nexclude = ['*']\n")
	repo.Commit("two")
	tg := gatestest.Target(t, repo, "base")
	g := &gate{options: Options{Classify: Classify}}
	dir := filepath.Join(t.TempDir(), "tree")
	if err := copyFiles(context.Background(), tg, dir, g.filesFor(tg, bandit())); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.py": "x = 1  # nosec\ny = 2  # xosec\n", "sub/ü b.py": "z = 1  # xoqa: S101\n", "pyproject.toml": ""} {
		if got, _ := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// The real programs, where npm has brought them.
func TestRealEngines(t *testing.T) {
	needParsers(t)
	tg := target(t, map[string]string{
		"src/a.js":      "import {exec} from 'child_process';\nexport function f(x) {\n  exec('ls ' + x);\n  document.body.innerHTML = x;\n}\n",
		"src/a.test.js": "eval(x);\n", "bad.js": "let = = 1;\n", "a.py": "eval(x)\n",
		"rules.yml": "id: no-eval\nlanguage: javascript\nseverity: error\nmessage: no eval\nmetadata: {cwe: CWE-95}\nrule: {pattern: eval($X)}\n",
	})
	if dir := os.Getenv("WF_CI_TEST_NPM"); dir != "" {
		inPath(tg, dir)
	}
	for engine, want := range map[string]string{
		"eslint":   "bad.js:0:0-0:0 note sast-unread\nbad.js:1:7-0:0 note sast-unparsed\nsrc/a.js:3:3-3:18 error js-exec-dynamic-command\nsrc/a.js:4:3-4:30 error js-html-unescaped\nsrc/a.test.js:1:1-1:8 note js-eval-dynamic",
		"ast-grep": "src/a.test.js:1:1-1:8 note js-eval-dynamic",
	} {
		t.Run(engine, func(t *testing.T) {
			x := byName(engine)
			if _, err := x.version(ctx, tg); err != nil {
				t.Skip(err)
			}
			res := runGate(t, tg, Options{Engines: []string{engineName, engine}, Configs: map[string]string{"ast-grep": "rules.yml"}})
			if got := show(res.Outcome.Findings); res.Err != nil || !strings.Contains(got, want) {
				t.Errorf("error %v, findings\n%s\n%s\nwant\n%s", res.Err, got, messages(res.Outcome.Findings), want)
			}
		})
	}
}
