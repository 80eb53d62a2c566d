package coverage

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
)

// listing is what is in a work tree, ignored files too, without git's own.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == ".git" {
			return filepath.SkipDir
		}
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, "\n")
}

// measuredRun judges coverage without any report, and demands that nothing is
// left behind.
func measuredRun(t *testing.T, files map[string]string, o Options) gates.GateVerdict {
	t.Helper()
	r := newRepo(t, files)
	r.Commit("one")
	before := listing(t, r.Dir)
	o.Asked = true
	v := judge(t, r.target(), Gate(o))
	if after := listing(t, r.Dir); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
	if strings.Contains(v.Reason, r.Dir) || strings.Contains(v.Reason, os.TempDir()) {
		t.Errorf("the reason names a path of this machine: %s", v.Reason)
	}
	return v
}

func TestGoIsMeasured(t *testing.T) {
	v := measuredRun(t, goFiles, Options{Min: 80})
	if v.Status != gates.StatusFail || v.Metrics["coverage"] != 50 || v.Metrics["executable_lines"] != 4 || v.Examined.Results != 1 {
		t.Error(summary(v), v.Reason, v.Metrics)
	}
	v = measuredRun(t, withFiles(goFiles, "sub/sub.go", "package sub\n\nfunc Two() int {\n\treturn 2\n}\n"), Options{})
	if v.Metrics["executable_lines"] != 5 || v.Metrics["covered_lines"] != 2 {
		t.Error("a package without tests is not in the figures", v.Metrics, v.Reason)
	}
	broken := strings.Replace(goFiles["calc_test.go"], "!= 3", "!= 4", 1)
	v = measuredRun(t, withFiles(goFiles, "calc_test.go", broken), Options{MinPass: 100})
	if v.Status != gates.StatusError || !strings.Contains(v.Reason, "go.mod: 1 test failed, so that the lines that ran are not those of a whole run") {
		t.Error(v.Status, v.Reason)
	}
	if v = measuredRun(t, withFiles(goFiles, "calc_test.go", broken), Options{}); v.Status != gates.StatusPass || v.Metrics["coverage"] != 50 {
		t.Error("failing tests are tolerated", v.Status, v.Reason)
	}
}

var nodeTestFiles = map[string]string{
	"package.json": `{"name":"calc","scripts":{"test":"node --test"}}`, "a.js": calcJS,
	"a.test.js": "const test = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('./a.js');\ntest('adds', () => { assert.equal(add(1, 2), 3); });\n",
}

// The flags that a script passes over (trap 9) are not needed: V8 measures what
// node runs, wherever it is started. Tests are left out (trap 10).
func TestNodeIsMeasured(t *testing.T) {
	have(t, "npm", "--version")
	for _, script := range []string{"node --test", "node --test *.test.js", "npm run unit -- --reporter=x || exit 1"} {
		files := withFiles(nodeTestFiles, "package.json", `{"name":"calc","scripts":{"test":"`+script+`","unit":"node --test"}}`)
		if strings.HasPrefix(script, "npm") {
			files["package.json"] = `{"name":"calc","scripts":{"test":"npm run unit","unit":"node --test"}}`
		}
		v := measuredRun(t, files, Options{Min: 80})
		if v.Status != gates.StatusFail || v.Metrics["covered_lines"] != 3 || v.Metrics["executable_lines"] != 4 {
			t.Errorf("%s: %s %s %v", script, summary(v), v.Reason, v.Metrics)
		}
	}
}

// What a run of ours must never be taken for.
func TestRunsThatMeasureNothing(t *testing.T) {
	have(t, "npm", "--version")
	jest := `#!/bin/sh
for a; do case $a in --outputFile=*) out=${a#*=};; --coverageDirectory=*) dir=${a#*=};; esac; done
echo '{"success":true,"testResults":[{"name":"a","status":"passed","assertionResults":[{"status":"passed","fullName":"x"}]}]}' >"$out"
`
	report := `mkdir -p "$dir"
echo '{"'$PWD'/a.js":{"path":"'$PWD'/a.js","statementMap":{"0":{"start":{"line":1,"column":0},"end":{"line":1,"column":5}}},"s":{"0":1},"fnMap":{},"f":{},"branchMap":{},"b":{}}}' >"$dir/coverage-final.json"
`
	tests := map[string]struct{ script, tool, want string }{
		"flags passed over":              {"node -e 0 jest --", "", "package.json: the tests ended with status 0 and left no report"}, // trap 9
		"--coverage passed over":         {"./jest.sh", jest, "package.json: jest --coverage left no report: the flags were passed over, or the run broke off"},
		"writes its report, then fails":  {"./jest.sh", jest + report + "exit 3\n", "package.json: it ended with status 3, though 1 test passed: the run was not a whole one"},
		"fails, and ends well":           {"./jest.sh", strings.NewReplacer(`"success":true`, `"success":false`, `"status":"passed","fullName"`, `"status":"failed","fullName"`).Replace(jest) + report, "package.json: 1 test failed"},
		"success that names no failure":  {"./jest.sh", strings.Replace(jest, `"success":true`, `"success":false`, 1) + report, "did not succeed"},
		"a report that is cut off":       {"./jest.sh", jest + report + "truncate -s 40 \"$dir/coverage-final.json\"\n", "jest --coverage: not a whole json report"},
		"results that are cut off":       {"./jest.sh", jest + report + "truncate -s 40 \"$out\"\n", "not a whole report"},
		"of files that are gone":         {"./jest.sh", jest + strings.ReplaceAll(report, "a.js", "gone.js"), "package.json"},
		"of lines that are not there":    {"./jest.sh", jest + strings.ReplaceAll(report, `"line":1`, `"line":99`), "jest --coverage was not made of this tree: a.js"},
		"no test":                        {"./jest.sh", strings.Replace(jest, `[{"status":"passed","fullName":"x"}]`, "[]", 1) + report, "package.json: no test ran"},
		"a runner that is not installed": {"no-such-runner-here", "", "not installed (exit status 127): run `npm install` first"},
		"vitest without its plug-in":     {"./jest.sh vitest", "#!/bin/sh\nfor a; do case $a in --outputFile=*) echo '<testsuite><testcase name=\"x\"/></testsuite>' >${a#*=};; esac; done\n", "@vitest/coverage-v8 is not installed here: `npm install -D @vitest/coverage-v8`"},
		"a process that is killed":       {"./jest.sh", jest + report + "kill -9 $$\n", "signal"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, withFiles(nodeTestFiles, "package.json", `{"scripts":{"test":"`+tt.script+`"}}`, "jest.sh", tt.tool))
			if err := os.Chmod(filepath.Join(r.Dir, "jest.sh"), 0o755); err != nil {
				t.Fatal(err)
			}
			r.Commit("one")
			v := judge(t, r.target(), Gate(Options{Asked: true, Min: 80, MinPass: 100}))
			if v.Status != gates.StatusError || !strings.Contains(v.Reason, tt.want) {
				t.Errorf("%s: %s\nwant %s", v.Status, v.Reason, tt.want)
			}
		})
	}
}

// A report of an earlier step that is not believed is replaced by a run of ours;
// where there is no tool, both reasons are given.
func TestOldReportIsReplaced(t *testing.T) {
	r := newRepo(t, goFiles)
	r.Commit("one")
	r.Write("coverage.out", captured(t, "go.out")[:30])
	v := judge(t, r.target(), Gate(Options{Asked: true}))
	if v.Status != gates.StatusPass || v.Metrics["coverage"] != 50 {
		t.Error(v.Status, v.Reason)
	}
	target := r.target()
	target.Runner.Env = append(target.Runner.Env, "PATH="+t.TempDir())
	v = judge(t, target, Gate(Options{Asked: true}))
	if v.Status != gates.StatusError || !strings.Contains(v.Reason, "go.mod: go is not installed here") || !strings.Contains(v.Reason, "coverage.out: not a whole coverprofile") {
		t.Error(v.Status, v.Reason)
	}
	// The report of an earlier step that is believed is taken, and nothing runs.
	r.Write("coverage.out", captured(t, "go.out"))
	if v = judge(t, target, Gate(Options{Asked: true})); v.Status != gates.StatusPass {
		t.Error(v.Status, v.Reason)
	}
}

// fakePython is a python3 that answers as one with these modules does.
func fakePython(t *testing.T, target *gates.Target, body string) {
	t.Helper()
	bin := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in '-c import pytest_cov') exit 0;; esac\nfor a; do case $a in --junitxml=*) junit=${a#*=};; --cov-report=xml:*) xml=${a#*:};; esac; done\n" + body
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	target.Runner.Env = append(target.Runner.Env, "PATH="+bin+":/usr/bin:/bin")
}

func TestPytestIsMeasured(t *testing.T) {
	files := withFiles(pythonFiles, "requirements-dev.txt", "pytest-cov\n")
	passing := `echo '<testsuite tests="1"><testcase name="x"/></testsuite>' >"$junit"` + "\n"
	report := "cp report.xml \"$xml\"\n"
	for _, tt := range []struct{ body, want string }{
		{passing + report, ""},
		{"exit 5", "pyproject.toml: no test ran"}, // trap 15
		{report + "exit 5", "pyproject.toml: no test ran"},
		{passing, "pyproject.toml: pytest --cov left no report"},
		{passing + report + "exit 1", "it ended with status 1, though 1 test passed"},
		{passing + "head -c 700 report.xml >\"$xml\"", "pytest --cov: not a"},
		{passing + "echo '<!DOCTYPE c [<!ENTITY a \"b\">]><coverage/>' >\"$xml\"", "pytest --cov: not a"},
	} {
		r := newRepo(t, files)
		r.Write("report.xml", captured(t, "coveragepy-cobertura.xml"))
		r.Commit("one")
		target := r.target()
		fakePython(t, target, tt.body)
		v := judge(t, target, Gate(Options{Asked: true}))
		if tt.want == "" && (v.Status != gates.StatusPass || v.Metrics["executable_lines"] != 6) || tt.want != "" && (v.Status != gates.StatusError || !strings.Contains(v.Reason, tt.want)) {
			t.Errorf("%q: %s %s %v", tt.body, v.Status, v.Reason, v.Metrics)
		}
	}
}

// One project's tool is missing: it is named, and what is known of the others is
// kept.
func TestMonorepoWithAToolMissing(t *testing.T) {
	r := newRepo(t, map[string]string{
		"api/go.mod": "module example.com/calc\n\ngo 1.26\n", "api/calc.go": calcGo, "api/calc_test.go": goFiles["calc_test.go"],
		"app/pyproject.toml": "[project]\nname='x'\n", "app/calc.py": calcPy, "app/test_calc.py": "import pytest\n",
	})
	r.Commit("one")
	target := r.target()
	fakePython(t, target, "echo \"No module named pytest\" >&2; exit 1\n")
	for i, kv := range target.Runner.Env {
		if strings.HasPrefix(kv, "PATH=") && strings.HasSuffix(kv, ":/usr/bin:/bin") {
			target.Runner.Env[i] = kv + ":" + os.Getenv("PATH")
		}
	}
	v := judge(t, target, Gate(Options{Asked: true, Min: 80, All: true}))
	if got := summary(v); got != "fail\nerror coverage-total :0-0 the tests run 50 % (2 of 4 lines), less than 80 %\nnote not-in-report :0-0 1 source is in no coverage report, and not in the figures" || !strings.Contains(v.Error, "app/pyproject.toml: pytest is not installed here") {
		t.Error(got, v.Error)
	}
	if v.Metrics["coverage"] != 50 {
		t.Error(v.Metrics)
	}
	v = judge(t, target, Tests(min100))
	if v.Status != gates.StatusError || v.Metrics["tests"] != 1 || !strings.Contains(v.Error, "in app: pytest is not installed here") {
		t.Error(v.Status, v.Error, v.Metrics)
	}
}

// Both gates, one run of each project's tests.
func TestOneRunForBoth(t *testing.T) {
	count := "package calc\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestAdd(t *testing.T) {\n\tAdd(1, 2)\n\tf, err := os.OpenFile(\"COUNT\", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tf.WriteString(\"x\")\n\tf.Close()\n}\n"
	for _, jobs := range []int{1, 2} {
		r := newRepo(t, goFiles)
		file := filepath.Join(t.TempDir(), "count")
		r.files(map[string]string{"calc_test.go": strings.Replace(count, "COUNT", file, 1)})
		r.Commit("one")
		suites := &Suites{Measure: true}
		list := []gates.Gate{Tests(TestOptions{Min: 100, Asked: true, Suites: suites}), Gate(Options{Asked: true, Suites: suites})}
		results, err := gates.Run(context.Background(), r.target(), list, gates.Options{Jobs: jobs, Timeout: 2 * 60e9})
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil || string(data) != "x" {
			t.Errorf("the tests ran %d times: %v", len(data), err)
		}
		if results[0].Err != nil || results[1].Err != nil || results[0].Outcome.Metrics["tests"] != 1 || results[1].Outcome.Metrics["coverage"] != 50 {
			t.Error(results[0].Err, results[1].Err, results[0].Outcome.Metrics, results[1].Outcome.Metrics)
		}
	}
}
