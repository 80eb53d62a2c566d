package lint

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// install has npm install packages into a repository's node_modules.
func install(t *testing.T, r *gittest.Repo, packages ...string) {
	t.Helper()
	have(t, "npm", "--version")
	args := append([]string{"install", "--no-save", "--no-audit", "--no-fund", "--prefer-offline"}, packages...)
	if _, err := (&run.Runner{Env: os.Environ()}).Run(context.Background(), run.Command{Name: "npm", Args: args, Dir: r.Dir}); err != nil {
		t.Fatal(err)
	}
}

func TestESLint(t *testing.T) {
	r := newRepo(t, map[string]string{
		".gitignore": "node_modules\n", "package.json": `{"private":true}`,
		"eslint.config.js": "module.exports = [{ignores:['skipped.js']},{files:['src/**/*.js'],rules:{'no-unused-vars':'warn','no-undef':'error'}}];\n",
		"src/a.js":         "var a = 1;\nfoo();\n", "src/min.min.js": "foo();\n", "skipped.js": "foo();\n",
	})
	target := gatestest.Target(t, r, "")
	expect(t, target, Options{}, "error: eslint: eslint is not installed here: it is configured in the root; run `npm ci` before wf-ci")
	install(t, r, "eslint@10.15.0")
	out := expect(t, target, Options{}, "warning eslint/no-unused-vars src/a.js:1:5 'a' is assigned", "error eslint/no-undef src/a.js:2:1 'foo' is not defined.")
	if !strings.Contains(out.Engine.Version, "eslint 10.15.0") {
		t.Error(out.Engine)
	}
	r.Write("src/b.js", "let = ;\n")
	got, _ := judge(t, gatestest.Target(t, r, ""), Options{})
	if !strings.Contains(got, "error eslint/parse src/b.js:1:1 Parsing error") {
		t.Error(got)
	}
	// Status 2, and nothing looked at.
	r.Write("eslint.config.js", "module.exports = [{rules:{'no-such-rule':'error'}}];\n")
	if got, _ = judge(t, gatestest.Target(t, r, ""), Options{}); !strings.Contains(got, "error: eslint: no answer (exit status 2)") {
		t.Error(got)
	}
	r.Write("eslint.config.js", "module.exports = [{ignores:['**/*']}];\n")
	if got, _ = judge(t, gatestest.Target(t, r, ""), Options{}); !strings.Contains(got, "error: eslint: ") {
		t.Error(got)
	}
}

func TestOxlintAndBiome(t *testing.T) {
	r := newRepo(t, map[string]string{
		".gitignore": "node_modules\n", "package.json": `{"private":true}`, "web/.oxlintrc.json": `{"rules":{"no-debugger":"error"}}`,
		"web/src/a.js": "debugger;\n", "app/biome.json": `{"linter":{"rules":{"suspicious":{"noDebugger":"error"}}}}`, "app/b.js": "debugger;\n",
	})
	target := gatestest.Target(t, r, "")
	expect(t, target, Options{}, "error: biome in app: biome is not installed here: it is configured in app; run `npm ci`")
	install(t, r, "oxlint@1.94.0", "@biomejs/biome@2.6.8") // hoisted to the root
	expect(t, target, Options{}, "error biome/suspicious/noDebugger app/b.js:1:1", "error oxlint/eslint(no-debugger) web/src/a.js:1:1")
	// Status 1 without any answer: a broken configuration.
	r.Write("web/.oxlintrc.json", "{")
	r.Write("app/biome.json", "{")
	got, _ := judge(t, gatestest.Target(t, r, ""), Options{})
	if !strings.Contains(got, "oxlint in web: no answer (exit status 1)") || !strings.Contains(got, "biome in app: ") {
		t.Error(got)
	}
	// Nothing looked at.
	r.Write("web/.oxlintrc.json", `{"ignorePatterns":["**"]}`)
	r.Write("app/biome.json", `{"files":{"includes":["nothing/**"]}}`)
	got, _ = judge(t, gatestest.Target(t, r, ""), Options{})
	if !strings.Contains(got, "biome in app: it looked at no source") || !strings.Contains(got, "oxlint in web: it looked at no source") {
		t.Error(got)
	}
}

const ruffJSON = `[{"code":"F401","filename":"DIR/a.py","location":{"row":1,"column":8},"end_location":{"row":1,"column":10},"message":"` + "`os` imported but unused" + `"},
{"code":null,"filename":"DIR/b.py","location":{"row":2,"column":1},"end_location":{"row":2,"column":2},"message":"SyntaxError: x"}]`

// What ruff and the others print is as their documentation has it: they are no
// npm packages, and not on every machine.
func TestPython(t *testing.T) {
	r := newRepo(t, map[string]string{"pyproject.toml": "[tool.ruff.lint]\nselect = ['F']\n", "a.py": "import os\n", "b.py": "x = (\n"})
	target := gatestest.Target(t, r, "")
	setPath(target, t.TempDir())
	expect(t, target, Options{}, "error: ruff: ruff is not installed here: it is configured in the root; install it (pip install ruff)")
	ruff := "case \"$*\" in *--version*) echo ruff 0.17.4;; *show-files*) printf '%s\\n' \"$PWD/a.py\" \"$PWD/b.py\";; *) sed \"s#DIR#$PWD#\" <<'X'\n" + ruffJSON + "\nX\nexit 1;; esac"
	fake(t, target, "ruff", ruff)
	expect(t, target, Options{}, "error ruff/F401 a.py:1:8", "error ruff/syntax b.py:2:1")
	for _, tt := range []struct{ script, want string }{
		{"case \"$*\" in *show-files*) ;; *) echo '[]';; esac", "it looked at no source"}, // ruff ends well
		{"exit 0", "ruff: no answer"},
		{"case \"$*\" in *show-files*) echo a.py;; *) exit 0;; esac", "ruff: no answer"},
		{"case \"$*\" in *show-files*) echo a.py;; *) echo '[]'; exit 1;; esac", "ruff: no answer"},
		{"echo 'error: bad config' >&2; exit 2", "no answer (exit status 2): error: bad config"},
		{"case \"$*\" in *show-files*) echo a.py;; *) kill -9 $$;; esac", "signal 9"},
	} {
		fake(t, target, "ruff", tt.script)
		if got, _ := judge(t, target, Options{}); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s", tt.script, got)
		}
	}
	r.Write("pyproject.toml", "")
	r.Write(".flake8", "[flake8]\n")
	target = gatestest.Target(t, r, "")
	fake(t, target, "flake8", "echo './a.py:1:1: F401 unused'; echo '2 total files processed'; exit 1")
	expect(t, target, Options{}, "error flake8/F401 a.py:1:1 unused")
	fake(t, target, "flake8", "exit 0")
	expect(t, target, Options{}, "error: flake8: no answer")
	if err := os.Remove(filepath.Join(r.Dir, ".flake8")); err != nil {
		t.Fatal(err)
	}
	r.Write(".pylintrc", "")
	target = gatestest.Target(t, r, "")
	fake(t, target, "pylint", `echo '[{"type":"error","symbol":"no-member","message":"m","path":"a.py","line":1,"column":0},{"type":"convention","symbol":"c","message":"m","path":"b.py","line":1,"column":0}]'; exit 18`)
	expect(t, target, Options{}, "error pylint/no-member a.py:1:1 m", "note pylint/c b.py:1:1 m")
	fake(t, target, "pylint", "echo '[]'; exit 32")
	expect(t, target, Options{}, "error: pylint: no answer (exit status 32)")
}

func TestClippy(t *testing.T) {
	r := newRepo(t, map[string]string{
		".gitignore": "target\n", "Cargo.toml": "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n",
		"src/lib.rs": "pub fn f(v: &Vec<u8>) -> bool {\n    v.len() == 0\n}\n",
	})
	target := gatestest.Target(t, r, "")
	setPath(target, t.TempDir())
	expect(t, target, Options{}, "error: clippy: cargo is not installed here: install Rust with clippy")
	have(t, "cargo", "clippy", "--version")
	target = gatestest.Target(t, r, "")
	home, _ := os.UserHomeDir()
	target.Runner.Env = append(target.Runner.Env, "CARGO_HOME="+filepath.Join(home, ".cargo"), "RUSTUP_HOME="+filepath.Join(home, ".rustup"))
	target.Offline = true
	expect(t, target, Options{}, "warning clippy::ptr_arg src/lib.rs:1:13", "warning clippy::len_zero src/lib.rs:2:5")
	r.Write("src/lib.rs", "pub fn f() -> u8 { \"x\" }\n")
	got, _ := judge(t, target, Options{})
	if !strings.HasPrefix(got, "error rustc/E0308 src/lib.rs:1:20 mismatched types") {
		t.Error(got)
	}
	r.Write("Cargo.toml", "[package]\nname = 1\n")
	env := target.Runner.Env
	target = gatestest.Target(t, r, "")
	target.Runner.Env = env
	if got, _ := judge(t, target, Options{}); !strings.Contains(got, "error: clippy: no answer (exit status 101)") {
		t.Error(got)
	}
}

func TestReports(t *testing.T) {
	const sarif = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"golangci-lint","version":"2.15.0"}},"results":[{"ruleId":"errcheck","level":"error","message":{"text":"unchecked"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":5,"startColumn":2}}}]}]}]}`
	r := newRepo(t, map[string]string{"go.mod": "module m\n", "a.go": printfGo, ".gitignore": "*.sarif\n"})
	target := gatestest.Target(t, r, "")
	setPath(target, t.TempDir()) // nothing is run
	o := Options{Reports: []string{"out.sarif"}}
	expect(t, target, o, "error: report in out.sarif: out.sarif is not there")
	r.Write("out.sarif", sarif)
	expect(t, target, o, "error errcheck a.go:5:2 unchecked")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(r.Dir, "out.sarif"), old, old); err != nil {
		t.Fatal(err)
	}
	expect(t, target, o, "error: report in out.sarif: out.sarif is older than a.go")
	r.Git("add", "-f", "out.sarif")
	r.Commit("a report")
	expect(t, gatestest.Target(t, r, ""), o, "error: report in out.sarif: out.sarif is committed")
}

func FuzzReaders(f *testing.F) {
	for _, seed := range []string{"", "{\n}", "[{}]", `{"number_of_files":1,"diagnostics":[{"labels":[{}]}]}`, `{"summary":{},"diagnostics":[{"location":{"span":[1,2]}}]}`, `{"reason":"build-finished","success":true}`, "a:1:1: F1 x\n1 total files processed", ruffJSON, `{"number_of_files":1}`} {
		f.Add([]byte(seed), 1)
		f.Add([]byte(seed), 42)
	}
	r := gittest.New(f)
	r.Write("a.py", "x = 1\n")
	r.Commit("one")
	target := gatestest.Target(f, r, "")
	f.Fuzz(func(t *testing.T, data []byte, exit int) {
		s, err := newSession(target, "")
		if err != nil {
			t.Fatal(err)
		}
		p := printed{stdout: data, exit: exit}
		for _, read := range []func(*session, string, printed) (result, error){readESLint, readBiome, readOxlint, readFlake8, readClippy} {
			res, err := read(s, ".", p)
			if err == nil && exit != 0 && res.files > 0 && len(res.findings) == 0 {
				t.Errorf("status %d and no fault", exit)
			}
		}
		_, _ = readRuff(s, ".", p)
		_, _ = readPylint(s, ".", p)
		_, _, _ = readVet(data, data)
		_, _ = readGoList(data)
	})
}
