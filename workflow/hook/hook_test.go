package hook

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/run"
)

func TestScriptsAreOurs(t *testing.T) {
	for _, name := range Names() {
		text := Script(name, "/opt/it's here/wf-ci")
		if got := stateOf(text); got != Ours {
			t.Errorf("%s: %s", name, got)
		}
		for _, other := range []string{text + "\n", text[:len(text)-1], strings.Replace(text, "exit 1", "exit 0", 1)} {
			if got := stateOf(other); got != Edited {
				t.Errorf("%s, edited: %s", name, got)
			}
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		runner := run.Runner{Env: run.CleanEnv(os.Environ())}
		if _, err := runner.Run(t.Context(), run.Command{Name: "sh", Args: []string{"-n", path}, Dir: t.TempDir()}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// Without the program nothing passes.
		res, err := runner.Run(t.Context(), run.Command{Name: "/bin/sh", Args: []string{path}, Dir: t.TempDir(), Env: []string{"PATH=/nowhere"}})
		if err == nil || res.Exit != 1 || !strings.Contains(err.Error(), "nothing was looked at") {
			t.Errorf("%s without wf-ci: %d, %v", name, res.Exit, err)
		}
	}
	for _, text := range []string{"", "#!/bin/sh\n", "#!/bin/sh\necho\n# wf-ci hook x\n"} {
		if got := stateOf(text); got != Foreign {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func worker(t *testing.T) Worker {
	t.Helper()
	repo := gittest.New(t)
	work := git.Work{Runner: gittest.Runner(t), Dir: repo.Dir}
	p, err := Find(context.Background(), work, repo.Dir, filepath.Join(repo.Dir, ".git"))
	if err != nil || p.Outside != "" || p.Shared {
		t.Fatalf("%+v %v", p, err)
	}
	return Worker{Place: p, Journal: journal.At(p.Common), Now: time.Unix(1e9, 0)}
}

// What was there comes back byte for byte, with its mode, whatever it is.
func TestKeptHooksComeBack(t *testing.T) {
	for _, text := range []string{"", "#!/bin/sh\nexit 0", "\x7fELF\x00\xff", "#!/bin/sh\r\n"} {
		w := worker(t)
		path := filepath.Join(w.Place.Dir, "pre-commit")
		if err := os.MkdirAll(w.Place.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		before, _ := os.Stat(path)
		if changed, err := w.Install("pre-commit"); err != nil || !changed {
			t.Fatal(changed, err)
		}
		if changed, err := w.Uninstall("pre-commit"); err != nil || !changed {
			t.Fatal(changed, err)
		}
		data, err := os.ReadFile(path)
		after, _ := os.Stat(path)
		if err != nil || string(data) != text || after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
			t.Errorf("%q came back as %q, %v", text, data, after)
		}
	}
}

// What cannot be written is an error, leaves what is there, and is no entry of
// the journal.
func TestInstallLeavesNoHalf(t *testing.T) {
	w := worker(t)
	if err := os.RemoveAll(w.Place.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.Place.Dir, []byte("no directory"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Install("pre-commit"); err == nil {
		t.Error("it was installed")
	}
	data, _ := os.ReadFile(w.Place.Dir)
	if list, _ := w.Journal.List(); string(data) != "no directory" || len(list) != 0 {
		t.Errorf("%q, %v", data, list)
	}
}

// A hook that was kept goes back when ours could not be written, also where it
// had to be moved.
func TestBack(t *testing.T) {
	for _, move := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "pre-commit")
		_ = os.WriteFile(path, []byte("mine"), 0o755)
		if err := keep(path, path+KeptSuffix); err != nil {
			t.Fatal(err)
		}
		if move {
			_ = os.Remove(path)
		}
		if err := back(path); err != nil {
			t.Error(err)
		}
		data, _ := os.ReadFile(path)
		if _, err := os.Lstat(path + KeptSuffix); string(data) != "mine" || err == nil {
			t.Errorf("moved %t: %q", move, data)
		}
	}
}

func TestRefusals(t *testing.T) {
	w := worker(t)
	path := filepath.Join(w.Place.Dir, "pre-commit")
	_ = os.MkdirAll(w.Place.Dir, 0o755)
	_ = os.WriteFile(path, []byte("new"), 0o755)
	_ = os.WriteFile(path+KeptSuffix, []byte("old"), 0o755)
	var no *RefusedError
	if _, err := w.Install("pre-commit"); !errors.As(err, &no) {
		t.Errorf("two of others: %v", err)
	}
	if _, err := w.Uninstall("pre-commit"); !errors.As(err, &no) {
		t.Errorf("ours was replaced: %v", err)
	}
}

func TestEveryManagerHasLines(t *testing.T) {
	for _, m := range Managers() {
		for _, name := range Names() {
			if !strings.Contains(Lines(m), name) {
				t.Errorf("%s has no line for %s", m, name)
			}
		}
	}
}

// Wherever a command is killed, the doctor brings back one hook and a journal
// that is at peace.
func TestMend(t *testing.T) {
	const mine = "#!/bin/sh\necho mine\n"
	for _, c := range []struct {
		name, kind string
		before     func(t *testing.T, path string) // what was killed had done this
		want       State
		kept       bool
		state      journal.State
	}{
		{"before anything", kindInstall, func(t *testing.T, path string) { put(t, path, mine) }, Foreign, false, journal.Undone},
		{"after the second name", kindInstall, func(t *testing.T, path string) {
			put(t, path, mine)
			if err := os.Link(path, path+KeptSuffix); err != nil {
				t.Fatal(err)
			}
		}, Foreign, false, journal.Undone},
		{"after a rename, without links", kindInstall, func(t *testing.T, path string) { put(t, path+KeptSuffix, mine) }, Foreign, false, journal.Undone},
		{"after ours was written", kindInstall, func(t *testing.T, path string) {
			put(t, path+KeptSuffix, mine)
			put(t, path, Script("pre-commit", ""))
		}, Ours, true, journal.Done},
		{"before it went", kindUninstall, func(t *testing.T, path string) { put(t, path, Script("pre-commit", "")) }, Ours, false, journal.Undone},
		{"after it went", kindUninstall, func(t *testing.T, path string) { put(t, path, mine) }, Foreign, false, journal.Done},
		{"two that are not the same", kindInstall, func(t *testing.T, path string) {
			put(t, path, mine)
			put(t, path+KeptSuffix, "#!/bin/sh\necho other\n")
		}, Foreign, true, journal.Begun},
	} {
		w := worker(t)
		e, err := w.Journal.Begin("", c.kind, "x", w.Now, done{w.Place.Dir, "pre-commit", ""})
		if err != nil {
			t.Fatal(err)
		}
		c.before(t, filepath.Join(w.Place.Dir, "pre-commit"))
		said, err := w.Mend(e)
		if (err != nil) != (c.state == journal.Begun) {
			t.Errorf("%s: %q, %v", c.name, said, err)
		}
		s, err := w.Place.Status("pre-commit")
		if err != nil || s.State != c.want || s.Kept != c.kept {
			t.Errorf("%s: %+v, %v", c.name, s, err)
		}
		if e, err = w.Journal.Get(e.ID); err != nil || e.State != c.state {
			t.Errorf("%s: the journal says %s, %v", c.name, e.State, err)
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
		t.Fatal(err)
	}
}
