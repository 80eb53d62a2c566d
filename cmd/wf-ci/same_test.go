package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// invoke runs the program in this process.
func invoke(t testing.TB, dir string, extra []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_GLOBAL=" + os.DevNull, "LANG=C.UTF-8"}, extra...)
	getenv := func(key string) string {
		for i := len(env) - 1; i >= 0; i-- {
			if v, ok := strings.CutPrefix(env[i], key+"="); ok {
				return v
			}
		}
		return ""
	}
	var out, errs bytes.Buffer
	status = program(context.Background(), environment{
		args: args, dir: dir, environ: env, getenv: getenv, stdin: strings.NewReader(""),
		stdout: &out, stderr: &errs, now: time.Now,
	})
	return status, out.String(), errs.String()
}

// timing is the part of a verdict that is not a function of the tree and the
// policy.
var timing = regexp.MustCompile(`(?m)^\s*"(started|duration_ms|cached)": .*\n`)

// messy is a repository with something for every gate: many files, a history,
// secrets in both, suppressions, a waiver, a gate of the user's.
func messy(t testing.TB) *gittest.Repo {
	repo := gittest.New(t)
	for i := range 60 {
		repo.Write(fmt.Sprintf("src/f%02d.py", i), fmt.Sprintf("x = %d\n", i))
	}
	repo.Write(".env", "API_TOKEN="+plantedPassword()+"\n")
	for _, name := range []string{"src/one.py", "src/two.py", "src/broken.py"} {
		repo.Write(name, "def f(a):\n"+strings.Repeat("    if a:\n        return f(a + 1)\n", 20)+strings.Repeat(")", len(name)-10))
	}
	repo.Write(".wf-ci.yml", "gates:\n  complexity: {max: 3, scope: all}\n  duplication: {max: 1, scope: all}\n  lines: {run: 'test -f none'}\n  gone: {run: exit 127, required: false}\nwaivers:\n  - {gate: secrets, fingerprint: '00', reason: r, owner: o, expires: 2020-01-01}\n")
	repo.Commit("base")
	repo.Git("switch", "-q", "-c", "feature")
	for i := range 12 {
		repo.Write(fmt.Sprintf("src/f%02d.py", i), fmt.Sprintf("x = %d  # noqa\nkey%d = \"%s\"\npass"+"word = \"%s%d\"\n", i, i, planted(), plantedPassword(), i))
		repo.Commit(fmt.Sprintf("change %d", i))
	}
	repo.Git("rm", "-q", "src/f03.py", "src/f04.py")
	repo.Commit("hide")
	repo.Write("untracked caf\xe9.py", "key = \""+planted()+"\"\n")
	return repo
}

// The same tree and the same policy give the same bytes: with one core and
// with many, again and again, and with the cache.
func TestTheSameVerdictEveryTime(t *testing.T) {
	repo := messy(t)
	cache := "XDG_CACHE_HOME=" + t.TempDir()
	var want string
	for i := range 20 {
		args := []string{"run", "--json", "--no-cache", "-j", "1"}
		switch i % 4 {
		case 1:
			args = []string{"run", "--json", "--no-cache", "-j", "8"}
		case 2:
			args = []string{"run", "--json", "-j", "8"} // fills the cache, then uses it
		case 3:
			args = []string{"local", "--json", "-j", "3"}
		}
		status, out, errs := invoke(t, repo.Dir, []string{cache}, args...)
		if status != exitFail {
			t.Fatalf("%v: status %d\n%s", args, status, errs)
		}
		if i >= 6 && i%4 == 2 && !strings.Contains(out, `"cached": true`) {
			t.Error("the cache was not used")
		}
		got := timing.ReplaceAllString(out, "")
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("run %d (%v) differs:\n%s", i, args, firstDifference(want, got))
		}
	}
	for _, id := range []string{"secrets", "history", "env-files", "suppressions", "complexity", "duplication", "lines"} {
		if !strings.Contains(want, `"id": "`+id+`"`) {
			t.Errorf("no gate %s in the verdict", id)
		}
	}
	if strings.Contains(want, planted()) || strings.Contains(want, plantedPassword()) {
		t.Error("a secret is in the verdict")
	}
}

func firstDifference(a, b string) string {
	al, bl := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range al {
		if i >= len(bl) || al[i] != bl[i] {
			return fmt.Sprintf("line %d: %s\n     now: %s", i+1, al[i], append(bl, "")[min(i, len(bl))])
		}
	}
	return "longer"
}

// A clone of the same commit gives the same verdict as the original: what CI
// checks out and what the laptop holds.
func TestACloneGivesTheSameVerdict(t *testing.T) {
	repo := messy(t)
	repo.Commit("all of it")
	clone := filepath.Join(t.TempDir(), "clone")
	repo.Git("clone", "-q", "--no-local", repo.Dir, clone)
	at := gittest.At(t, clone)
	at.Git("branch", "-q", "main", "origin/main")
	_, here, _ := invoke(t, repo.Dir, nil, "local", "--json", "--base", "main")
	_, there, _ := invoke(t, clone, nil, "run", "--json", "--base", "main")
	if a, b := timing.ReplaceAllString(here, ""), timing.ReplaceAllString(there, ""); a != b {
		t.Errorf("the clone's verdict differs:\n%s", firstDifference(a, b))
	}
}

// An interrupt ends the run with status 130, and no verdict is given.
func TestInterrupt(t *testing.T) {
	repo := gittest.New(t)
	repo.Write(".wf-ci.yml", "gates: {slow: {run: 'touch started; sleep 60'}}\n")
	repo.Write(".gitignore", "started\n")
	repo.Commit("one")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for {
			if _, err := os.Stat(filepath.Join(repo.Dir, "started")); err == nil {
				cancel()
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	var out, errs bytes.Buffer
	getenv := func(key string) string { return map[string]string{"PATH": os.Getenv("PATH")}[key] }
	status := program(ctx, environment{
		args: []string{"run", "--json"}, dir: repo.Dir, environ: []string{"PATH=" + os.Getenv("PATH")}, getenv: getenv,
		stdout: &out, stderr: &errs, now: time.Now,
	})
	if status != exitInterrupted || out.Len() != 0 || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out.String(), errs.String())
	}
}

// BenchmarkLocal is a whole run on a small clean repository: it should take
// little more than its slowest gate.
func BenchmarkLocal(b *testing.B) {
	repo := gittest.New(b)
	for i := range 50 {
		repo.Write(fmt.Sprintf("f%d.go", i), strings.Repeat("package a // nothing to see\n", 40))
	}
	repo.Commit("one")
	for _, only := range []string{"", "secrets", "history", "env-files", "permissions"} {
		name, args := "all gates", []string{"local", "--json", "--no-cache"}
		if only != "" {
			name, args = "only "+only, append(args, "--only", only)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if status, _, errs := invoke(b, repo.Dir, nil, args...); status != exitPass {
					b.Fatal(status, errs)
				}
			}
		})
	}
}
