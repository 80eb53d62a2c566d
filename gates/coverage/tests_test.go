package coverage

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/run"
)

// have skips a test where a tool is not installed, or does not work.
func have(t *testing.T, name string, args ...string) {
	t.Helper()
	if _, err := (&run.Runner{Env: os.Environ()}).Run(context.Background(), run.Command{Name: name, Args: args, Dir: t.TempDir()}); err != nil {
		t.Skipf("%v", err)
	}
}

func withFiles(base map[string]string, more ...string) map[string]string {
	out := make(map[string]string)
	for k, v := range base {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// expect judges the gate tests over a tree.
func expect(t *testing.T, files map[string]string, o TestOptions, want string) gates.GateVerdict {
	t.Helper()
	r := newRepo(t, files)
	r.Commit("one")
	o.Asked = true
	v := judge(t, r.target(), Tests(o))
	got := summary(v)
	if v.Error != "" {
		got += "\n" + v.Error
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	return v
}

var min100 = TestOptions{Min: 100, Asked: true}

func TestGoProject(t *testing.T) {
	v := expect(t, goFiles, min100, "pass")
	if v.Metrics["tests"] != 1 || v.Metrics["pass_rate"] != 100 || v.Examined.Results != 1 {
		t.Error(v.Metrics, v.Examined)
	}
	failing := withFiles(goFiles, "sub/sub.go", "package sub\n\nfunc Two() int { return 2 }\n",
		"sub/sub_test.go", "package sub\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tt.Run(\"a\", func(t *testing.T) {\n\t\tif got := Two(); got != 3 {\n\t\t\tt.Errorf(\"got %d, want 3\", got)\n\t\t}\n\t})\n}\n\nfunc TestLater(t *testing.T) { t.Skip() }\n")
	v = expect(t, failing, min100, "fail\nerror test-failed sub/sub_test.go:8-0 failed: example.com/calc/sub: TestTwo/a: got 2, want 3")
	if m := v.Metrics; m["tests"] != 3 || m["failed"] != 1 || m["skipped"] != 1 || m["pass_rate"] != 50 {
		t.Error(m)
	}
	expect(t, failing, TestOptions{Min: 50}, "pass\nwarning test-failed sub/sub_test.go:8-0 failed: example.com/calc/sub: TestTwo/a: got 2, want 3")
	expect(t, withFiles(goFiles, "calc.go", "package calc\n\nfunc Add(a, b int) int { return \"x\" }\n"), min100,
		"fail\nerror test-failed calc.go:3-0 failed: example.com/calc: (the package): "+
			`cannot use "x" (untyped string constant) as int value in return statement`)
	expect(t, withFiles(goFiles, "calc_test.go", "package calc\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) { panic(\"boom\") }\n"), min100,
		"fail\nerror test-failed calc_test.go:5-0 failed: example.com/calc: TestAdd: panic: boom")
	expect(t, withFiles(goFiles, "calc_test.go", "package calc\n"), min100, "error\n`go test ./...`: no test ran")
	expect(t, map[string]string{"go.mod": "module m\n", "m.go": calcGo}, min100,
		"error\nwarning no-tests go.mod:0-0 the project has sources and no tests\nno test ran: write one, or name the report of the step that runs them in gates.tests.reports")
}

func TestNodeProject(t *testing.T) {
	have(t, "npm", "--version")
	files := map[string]string{
		"package.json": `{"name":"calc","scripts":{"test":"node --test"}}`, "a.js": calcJS,
		"a.test.js": "const test = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('./a.js');\ntest('adds', () => { assert.equal(add(1, 2), 3); });\n",
	}
	v := expect(t, files, min100, "pass")
	if v.Metrics["tests"] != 1 {
		t.Error(v.Metrics)
	}
	expect(t, withFiles(files, "b.test.js", "require('node:test')('wrong', () => {\n  require('node:assert').equal(1, 2);\n});\n"), min100,
		"fail\nerror test-failed b.test.js:2-0 failed: test: wrong: 1 == 2")
	// A script that passes the request for a report over (trap 9).
	v = expect(t, withFiles(files, "package.json", `{"scripts":{"test":"node -e 0 jest --"}}`), min100,
		"error\n`npm test`: the tests ended with status 0 and left no report that says how many ran: have them write JUnit XML, and name it in gates.tests.reports")
	expect(t, withFiles(files, "package.json", `{"scripts":{"test":"no-such-runner-here"}}`), min100,
		"error\n`npm test`: a program that the tests need is not installed (exit status 127): run `npm install` first")
	// npm's own placeholder is no test.
	expect(t, withFiles(files, "package.json", `{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}`), min100,
		"error\nwarning no-tests package.json:0-0 the project has sources and no tests\nno test ran: write one, or name the report of the step that runs them in gates.tests.reports")
	// A manifest that cannot be read hides tests, also beside others that pass.
	broken := "package.json: unexpected end of JSON input: whether there are tests, and how they are run, cannot be told"
	expect(t, withFiles(files, "package.json", `{"name":`), min100, "error\n"+broken)
	expect(t, withFiles(files, "web/package.json", `{"name":`, "web/a.test.ts", "export {};\n"), min100, "error\nweb/"+broken)
	// All pass, and the script fails after them.
	expect(t, withFiles(files, "package.json", `{"scripts":{"test":"node --test && exit 7"}}`), min100,
		"error\n`npm test` ended with status 7, though 1 test passed: the run was not a whole one")
	// One fails, and the script hides it.
	expect(t, withFiles(files, "package.json", `{"scripts":{"test":"npm run unit || true","unit":"node --test"}}`, "b.test.js", "require('node:test')('wrong', () => { throw new Error('x'); });\n"), min100,
		"fail\nerror test-failed b.test.js:1-0 failed: test: wrong: x")
}

func TestPythonProject(t *testing.T) {
	have(t, "python3", "--version")
	files := map[string]string{
		"pyproject.toml": "[project]\nname = 'calc'\n", "calc.py": calcPy, "tests/__init__.py": "",
		"tests/test_calc.py": "import unittest\n\nfrom calc import add\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n",
	}
	expect(t, files, min100, "pass")
	expect(t, withFiles(files, "tests/test_calc.py", strings.Replace(files["tests/test_calc.py"], ", 3)", ", 4)", 1)), min100,
		"fail\nerror test-failed tests/test_calc.py:8-0 failed: "+failName(t)+": AssertionError: 3 != 4")
}

// failName is what pytest or unittest, whichever is here, calls the test.
func failName(t *testing.T) string {
	_, err := (&run.Runner{Env: os.Environ()}).Run(context.Background(), run.Command{Name: "python3", Args: []string{"-m", "pytest", "--version"}, Dir: t.TempDir()})
	if err == nil {
		return "tests.test_calc.T: test_add"
	}
	return "test_add (tests.test_calc.T.test_add)"
}

// A project that names pytest is not run by something else.
func TestPytestMissing(t *testing.T) {
	r := newRepo(t, map[string]string{"requirements.txt": "pytest\n", "a.py": "x=1\n", "test_a.py": "def test_a(): pass\n"})
	r.Commit("one")
	target := r.target()
	bin := t.TempDir()
	script := "#!/bin/sh\necho \"$0: No module named pytest\" >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	target.Runner.Env = append(target.Runner.Env, "PATH="+bin)
	v := judge(t, target, Tests(min100))
	if v.Status != gates.StatusError || !strings.Contains(v.Error, "pytest is not installed here") {
		t.Error(v.Status, v.Error)
	}
	for _, tt := range []struct{ body, want string }{
		{"exit 5", "no test ran"}, // trap 15
		{"exit 4", "pytest could not run (exit status 4)"},
		{"exit 0", "left no report"},
		{"exit 1", "left no report"},
		{"exit 127", "not installed"},
	} {
		if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\n"+tt.body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if v := judge(t, target, Tests(min100)); v.Status != gates.StatusError || !strings.Contains(v.Error, tt.want) {
			t.Errorf("%s: %s %s", tt.body, v.Status, v.Error)
		}
	}
}

// Without pytest, unittest would pass for a project whose other tests it passes
// over.
func TestBareTestsWithoutPytest(t *testing.T) {
	class := "import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
	script := "#!/bin/sh\ncase \"$*\" in *pytest*) echo \"$0: No module named pytest\" >&2; exit 1;; esac\n" +
		"printf 'test_a (test_a.T.test_a) ... ok\\n\\nRan 1 test in 0.000s\\n\\nOK\\n' >&2\n"
	for name, tt := range map[string]struct{ file, text, want string }{
		"unittest's":   {"test_a.py", class, ""},
		"both":         {"test_a.py", class + "\ndef test_b():\n    assert 1 == 2\n", "pytest is not installed here"},
		"asynchronous": {"tests/a_test.py", class + "\nasync def test_b(): pass\n", "pytest is not installed here"},
		"a helper":     {"helper.py", class + "\ndef test_b(): pass\n", ""},
	} {
		r := newRepo(t, map[string]string{"pyproject.toml": "[project]\nname='x'\n", "a.py": "x=1\n", "test_z.py": class, tt.file: tt.text})
		r.Commit("one")
		target := r.target()
		bin := t.TempDir()
		if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		target.Runner.Env = append(target.Runner.Env, "PATH="+bin+":/usr/bin:/bin")
		v := judge(t, target, Tests(min100))
		if tt.want == "" && v.Status != gates.StatusPass || tt.want != "" && (v.Status != gates.StatusError || !strings.Contains(v.Error, tt.want)) {
			t.Errorf("%s: %s %s", name, v.Status, v.Error)
		}
	}
}

func TestRustProject(t *testing.T) {
	have(t, "cargo", "--version")
	files := map[string]string{
		"Cargo.toml": "[package]\nname = \"r\"\nversion = \"0.1.0\"\nedition = \"2021\"\n", ".gitignore": "target\nCargo.lock\n",
		"src/lib.rs": "pub fn two() -> i32 {\n    2\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn fails() {\n        assert_eq!(super::two(), 3);\n    }\n}\n",
	}
	expect(t, files, min100, "fail\nerror test-failed src/lib.rs:9-0 failed: tests::fails: assertion `left == right` failed")
}

// Where the toolchain is missing, what an earlier step left is judged.
func TestToolMissing(t *testing.T) {
	r := newRepo(t, goFiles)
	r.Commit("one")
	target := r.target()
	target.Runner.Env = append(target.Runner.Env, "PATH="+t.TempDir())
	v := judge(t, target, Tests(min100))
	if v.Status != gates.StatusError || !strings.Contains(v.Error, "go is not installed here: install it, or let an earlier step") {
		t.Error(v.Status, v.Error)
	}
	r.Write("junit.xml", `<testsuite tests="1" failures="1"><testcase name="x"><failure message="m"/></testcase></testsuite>`)
	v = judge(t, target, Tests(min100))
	if got := summary(v); got != "fail\nerror test-failed :0-0 failed: x: m" {
		t.Error(got, v.Error)
	}
}

func TestReportsOfAnEarlierStep(t *testing.T) {
	passing := `<testsuite tests="1"><testcase name="x"/></testsuite>`
	failing := `<testsuite tests="1" failures="1"><testcase classname="tests.test_calc" name="x"><failure message="m">tests/test_calc.py:3: E</failure></testcase></testsuite>`
	tests := map[string]struct {
		prepare func(r *repo)
		options TestOptions
		want    string
	}{
		"passes":            {func(r *repo) { r.Write("out/a.xml", passing) }, TestOptions{Min: 100, Reports: []string{"out/*.xml"}}, "pass"},
		"fails":             {func(r *repo) { r.Write("out/a.xml", failing) }, TestOptions{Min: 100, Reports: []string{"**/*.xml"}}, "fail\nerror test-failed tests/test_calc.py:3-0 failed: tests.test_calc: x: m"},
		"not there":         {func(r *repo) {}, TestOptions{Reports: []string{"out/*.xml"}}, "error\nout/*.xml is not there: let an earlier step of the workflow run the tests and write it"},
		"one not there":     {func(r *repo) { r.Write("a.xml", passing) }, TestOptions{Reports: []string{"a.xml", "b.xml"}}, "error\nb.xml is not there: let an earlier step of the workflow run the tests and write it"},
		"no test":           {func(r *repo) { r.Write("a.xml", `<testsuites/>`) }, TestOptions{Reports: []string{"a.xml"}}, "error\nno test ran: write one, or name the report of the step that runs them in gates.tests.reports"},
		"all skipped":       {func(r *repo) { r.Write("a.xml", `<testsuite><testcase name="x"><skipped/></testcase></testsuite>`) }, TestOptions{Reports: []string{"a.xml"}}, "error\nno test ran: all 1 were skipped"},
		"old":               {func(r *repo) { r.Write("a.xml", passing); r.age("a.xml", 2*time.Hour) }, TestOptions{Reports: []string{"a.xml"}}, "error\na.xml is older than app/calc.py: run the tests again. (In a workflow, check out first, then test, then run wf-ci; a report out of a cache does not count.)"},
		"committed":         {func(r *repo) { r.Write("a.xml", passing); r.Commit("two") }, TestOptions{Reports: []string{"a.xml"}}, "error\na.xml is committed, so it says nothing of this tree: let a step of the workflow write it, and have git ignore it"},
		"cut":               {func(r *repo) { r.Write("a.xml", passing[:30]) }, TestOptions{Reports: []string{"a.xml"}}, "error\na.xml: not a whole JUnit report: XML syntax error on line 1: unexpected EOF"},
		"command":           {func(r *repo) {}, TestOptions{Min: 100, Reports: []string{"a.xml"}, Run: `echo '` + passing + `' >a.xml`}, "pass"},
		"command, old one":  {func(r *repo) { r.Write("a.xml", passing) }, TestOptions{Reports: []string{"a.xml"}, Run: "true"}, "error\nthe command did not write a.xml (exit status 0)"},
		"command fails":     {func(r *repo) {}, TestOptions{Reports: []string{"a.xml"}, Run: `echo '` + passing + `' >a.xml; exit 2`}, "error\nthe command ended with status 2, though 1 test passed: the run was not a whole one"},
		"command hides":     {func(r *repo) {}, TestOptions{Min: 100, Reports: []string{"a.xml"}, Run: `echo '` + failing + `' >a.xml; exit 0`}, "fail\nerror test-failed tests/test_calc.py:3-0 failed: tests.test_calc: x: m"},
		"command, left one": {func(r *repo) { r.Write("r/old.xml", failing) }, TestOptions{Min: 100, Reports: []string{"r/*.xml"}, Run: `echo '` + passing + `' >r/new.xml`}, "pass"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, pythonFiles)
			r.age("app/calc.py", 59*time.Minute) // the newest
			r.Commit("one")
			tt.prepare(r)
			tt.options.Asked = true
			v := judge(t, r.target(), Tests(tt.options))
			got := summary(v)
			if v.Error != "" {
				got += "\n" + v.Error
			}
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// A language whose runner we do not know: what its tool left is found.
func TestOtherLanguages(t *testing.T) {
	r := newRepo(t, map[string]string{"pom.xml": "<project/>", "app/src/main/java/A.java": "class A {}\n", "app/src/test/java/ATest.java": "class ATest {}\n"})
	r.Commit("one")
	if v := judge(t, r.target(), Tests(min100)); v.Status != gates.StatusError || !strings.Contains(v.Error, "no test ran") {
		t.Error(v.Status, v.Error)
	}
	r.Write("app/target/surefire-reports/TEST-A.xml", `<testsuite name="ATest" tests="1" errors="0" skipped="0" failures="0"><testcase name="adds" classname="ATest" time="0.01"/></testsuite>`)
	if v := judge(t, r.target(), Tests(min100)); v.Status != gates.StatusPass || v.Metrics["tests"] != 1 {
		t.Error(v.Status, v.Error)
	}
}

// Workspaces: a root that runs all, one that delegates, members on their own.
func TestWhatIsRun(t *testing.T) {
	member := `{"scripts":{"test":"jest"}}`
	tests := map[string]struct {
		files map[string]string
		want  string
	}{
		"root runs all":   {map[string]string{"package.json": `{"workspaces":["p/*"],"scripts":{"test":"vitest run"}}`, "p/a/package.json": member, "p/a/x.js": "x"}, "npm test in ."},
		"root delegates":  {map[string]string{"package.json": `{"workspaces":["p/*"],"scripts":{"test":"npm test --workspaces"}}`, "p/a/package.json": member, "p/b/package.json": member}, "npm test in p/a; npm test in p/b"},
		"members only":    {map[string]string{"package.json": `{"workspaces":["p/*"]}`, "p/a/package.json": member, "p/b/package.json": "{}", "p/b/x.js": "x"}, "npm test in p/a; without p/b"},
		"cargo workspace": {map[string]string{"Cargo.toml": "[workspace]\nmembers=['a']\n", "a/Cargo.toml": "[package]\nname='a'\n", "a/src/lib.rs": "fn f(){}\n"}, "cargo test in ."},
		"go modules":      {map[string]string{"go.work": "use ./a\nuse ./b\n", "a/go.mod": "module a\n", "a/a_test.go": "package a\n", "b/go.mod": "module b\n", "b/b.go": "package b\n"}, "go test ./... in a; without b"},
		"script beside":   {map[string]string{"go.mod": "module a\n", "a_test.go": "package a\n", "hack/x.py": "x=1\n"}, "go test ./... in ."},
		"pnpm, indirect":  {map[string]string{"package.json": `{"packageManager":"pnpm@9","scripts":{"test":"pnpm run unit","unit":"mocha"}}`}, "pnpm test in ."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, tt.files)
			target := r.target()
			projects, err := project.Detect(context.Background(), target.Tree)
			if err != nil {
				t.Fatal(err)
			}
			list, without := jobs(target, projects)
			var got []string
			for _, j := range list {
				got = append(got, j.shown+" in "+j.project.Dir)
			}
			for _, p := range without {
				got = append(got, "without "+p.Dir)
			}
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("got %s, want %s", strings.Join(got, "; "), tt.want)
			}
		})
	}
}
