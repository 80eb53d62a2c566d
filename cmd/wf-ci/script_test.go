package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wf-ci/wf-ci/gates/lint"
	"github.com/wf-ci/wf-ci/gates/syntax"
)

func TestMain(m *testing.M) {
	program := func() { os.Exit(start()) }
	testscript.Main(m, map[string]func(){"wf-ci": program, "wf-ci-post": program, lint.VetToolName: lint.VetTool})
}

// planted is a key that gitleaks knows. It is put together here, so that our
// own repository does not hold one.
func planted() string { return "AKIA" + "Z7QXK2MNB4VTR5WC" }

// plantedPassword is a secret that only the gate history knows.
func plantedPassword() string { return "hunter" + "2-really" }

// TestScripts runs the scripts of testdata against real git repositories.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup:               setupScript,
		Condition: func(name string) (bool, error) {
			if name != "parsers" {
				return false, fmt.Errorf("no condition %q", name)
			}
			return syntax.Available(), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": cmdStatus,
			"fill":   cmdFill,
			"json":   cmdJSON,
			"expand": cmdExpand,
			"rename": cmdRename,
			"osv":    cmdOSV(t),
			"flags":  cmdFlags(),
		},
	})
}

// setupScript gives a script frozen authors and dates, no configuration of the
// machine, and a home of its own.
func setupScript(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	cache, err := os.UserCacheDir() // what Go has compiled before, for the gate tests
	if err != nil {
		return err
	}
	for _, kv := range []string{
		"GOCACHE=" + cmp.Or(os.Getenv("GOCACHE"), filepath.Join(cache, "go-build")),
		"HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + filepath.Join(home, "gitconfig"),
		"GIT_AUTHOR_NAME=A U Thor", "GIT_AUTHOR_EMAIL=author@example.com",
		"GIT_COMMITTER_NAME=C O Mitter", "GIT_COMMITTER_EMAIL=committer@example.com",
		"GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z",
		"LANG=C.UTF-8", "CI=", "GITHUB_ACTIONS=",
		"KEY=" + planted(), "PASSWORD=" + plantedPassword(),
		"ZERO=" + strings.Repeat("0", 40), "NL=\n", "BAD=caf\xe9",
	} {
		key, value, _ := strings.Cut(kv, "=")
		env.Setenv(key, value)
	}
	if ours, err := filepath.Abs("../.."); err == nil { // this repository's work tree
		env.Setenv("OURS", ours)
	}
	if own, err := os.UserHomeDir(); err == nil { // a toolchain of rustup's is found through it
		env.Setenv("RUSTUP_HOME", cmp.Or(os.Getenv("RUSTUP_HOME"), filepath.Join(own, ".rustup")))
	}
	gitconfig := "[init]\n\tdefaultBranch = main\n[protocol \"file\"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n"
	return os.WriteFile(filepath.Join(home, "gitconfig"), []byte(gitconfig), 0o644)
}

// cmdStatus is `status N wf-ci args…`: the command ends with this status, and
// nothing it prints holds the planted secrets.
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command [args…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit interface{ ExitCode() int }
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with status %d, want %d", strings.Join(args[1:], " "), got, want)
	}
	for _, stream := range []string{"stdout", "stderr"} {
		text := ts.ReadFile(stream)
		for _, secret := range []string{planted(), plantedPassword()} {
			if strings.Contains(text, secret) {
				ts.Fatalf("a secret is on %s", stream)
			}
		}
	}
}

// cmdFill is `fill FILE SIZE [TEXT]`: a file of this size, sparse, with a text
// at its start.
func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fill FILE SIZE [TEXT]")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	name := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(name, []byte(strings.Join(args[2:], " ")), 0o644))
	ts.Check(os.Truncate(name, size))
}

// cmdExpand is `expand FILE…`: $KEY, $PASSWORD and the script's other variables
// in the files get their values.
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	for _, a := range args {
		name := ts.MkAbs(a)
		data, err := os.ReadFile(name)
		ts.Check(err)
		text := os.Expand(string(data), func(key string) string {
			if v := ts.Getenv(key); v != "" {
				return v
			}
			return "$" + key
		})
		ts.Check(os.WriteFile(name, []byte(text), 0o644))
	}
}

// cmdRename is `rename OLD NEW`, where NEW may hold any byte.
func cmdRename(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: rename OLD NEW")
	}
	ts.Check(os.Rename(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

// cmdJSON is `json FILE path value`: a value of a JSON document, named by keys
// and indices joined with dots; len is a list's length.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE path value")
	}
	var doc any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &doc); err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	got := fmt.Sprint(lookup(doc, strings.Split(args[1], ".")))
	if (got == args[2]) == neg {
		ts.Fatalf("%s of %s is %q, want %q", args[1], args[0], got, args[2])
	}
}

func lookup(doc any, path []string) any {
	for i, key := range path {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[key]
		case []any:
			if key == "len" {
				return len(v)
			}
			if n, err := strconv.Atoi(key); err == nil {
				if n >= len(v) {
					return nil
				}
				doc = v[n]
				continue
			}
			// [id=x]: the element with this id
			want := strings.TrimSuffix(strings.TrimPrefix(key, "[id="), "]")
			doc = nil
			for _, e := range v {
				if m, ok := e.(map[string]any); ok && m["id"] == want {
					doc = m
				}
			}
		default:
			return fmt.Sprintf("(no %s)", strings.Join(path[i:], "."))
		}
	}
	return doc
}
