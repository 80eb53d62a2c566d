package coverage

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// The programs that would run the tests are named where they are not here, unless
// a report is there or asked for.
func TestLacks(t *testing.T) {
	r := gittest.New(t)
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n", "a.go": "package m\n\nfunc F() {}\n", "a_test.go": "package m\n",
		"web/package.json": `{"scripts":{"test":"node --test"}}`, "web/pnpm-lock.yaml": "", "web/a.js": "f();\n",
		"py/pyproject.toml": "[project]\nname = \"p\"\n", "py/test_a.py": "def test_a(): pass\n",
		"rs/Cargo.toml": "[package]\nname = \"e\"\nversion = \"0.1.0\"\n", "rs/src/lib.rs": "#[test]\nfn f() {}\n",
	} {
		r.Write(name, text)
	}
	r.Commit("one")
	target := gatestest.Target(t, r, "")
	bin := t.TempDir()
	target.Runner = &run.Runner{Env: []string{"PATH=" + bin}}
	lacks := func(g gates.Gate) string {
		t.Helper()
		list, err := gates.LacksOf(t.Context(), &g, target)
		var names []string
		for _, l := range list {
			names = append(names, l.Tool)
		}
		return fmt.Sprint(names, err)
	}
	if got := lacks(Tests(TestOptions{})); got != "[go python3 cargo pnpm] <nil>" {
		t.Error(got)
	}
	for _, name := range []string{"go", "python3", "cargo", "pnpm"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got := lacks(Tests(TestOptions{})) + lacks(Gate(Options{})); got != "[] <nil>[cargo-llvm-cov] <nil>" {
		t.Error(got)
	}
	target.Runner = &run.Runner{Env: []string{"PATH="}}
	if got := lacks(Tests(TestOptions{Reports: []string{"x.xml"}})) + lacks(Gate(Options{Report: "x.xml"})); got != "[] <nil>[] <nil>" {
		t.Error(got)
	}
	r.Write("junit.xml", `<testsuites><testsuite name="a"><testcase name="b"/></testsuite></testsuites>`)
	if got := lacks(Tests(TestOptions{})); got != "[] <nil>" {
		t.Error("an earlier step has left a report:", got)
	}
}
