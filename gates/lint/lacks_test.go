package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// What is configured and not here is named, each tool once; what is here is not.
func TestLacks(t *testing.T) {
	r := newRepo(t, map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n", "a.go": "package m\n", "b/go.mod": "module example.com/b\n\ngo 1.26\n", "b/b.go": "package b\n",
		"package.json": `{"private":true}`, "eslint.config.js": "module.exports = [];\n", "c.js": "f();\n",
		"ruff.toml": "", "d.py": "x = 1\n", "e/Cargo.toml": "[package]\nname = \"e\"\nversion = \"0.1.0\"\n", "e/src/lib.rs": "fn f() {}\n",
	})
	target := gatestest.Target(t, r, "")
	bin := t.TempDir()
	target.Runner = &run.Runner{Env: []string{"PATH=" + bin}}
	lacks := func(o Options) string {
		t.Helper()
		g := Gate(o)
		list, err := gates.LacksOf(t.Context(), &g, target)
		var names []string
		for _, l := range list {
			names = append(names, l.Tool)
			if l.Remedy == "" {
				t.Errorf("%s: no remedy", l.Tool)
			}
		}
		return fmt.Sprint(names, err)
	}
	if got := lacks(Options{}); got != "[go eslint ruff cargo clippy] <nil>" {
		t.Error(got)
	}
	for _, name := range []string{filepath.Join(bin, "go"), filepath.Join(r.Dir, "node_modules/.bin/eslint"), filepath.Join(r.Dir, ".venv/bin/ruff")} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got := lacks(Options{}); got != "[cargo clippy] <nil>" {
		t.Error(got)
	}
	for _, o := range []Options{{Reports: []string{"lint.sarif"}}, {Linters: []string{"syntax"}}} {
		if got := lacks(o); got != "[] <nil>" {
			t.Error(o, got)
		}
	}
}
