package state_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, want := range []string{"one", "", "three, longer than before"} {
		if err := state.Write(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	onlyFile(t, path)
}

func TestWriteMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes here")
	}
	path := filepath.Join(t.TempDir(), "file")
	for _, perm := range []os.FileMode{0o600, 0o666, 0o755} {
		if err := state.Write(path, nil, perm); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != perm {
			t.Errorf("mode %v (%v), want %v", info.Mode(), err, perm)
		}
	}
}

// A link is replaced: what it points to is not ours to change.
func TestWriteSymlink(t *testing.T) {
	dir := t.TempDir()
	target, path := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Skip(err)
	}
	if err := state.Write(path, []byte("ours"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := read(t, target); got != "precious" {
		t.Errorf("the link was followed: target holds %q", got)
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		t.Errorf("path is %v (%v), want a regular file", info.Mode(), err)
	}
}

func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		sub:                                   "it is a directory",
		filepath.Join(dir, "missing", "file"): "no such file or directory",
		filepath.Join(dir, "nul\x00byte"):     "invalid argument",
	} {
		err := state.Write(path, []byte("x"), 0o644)
		if err == nil || !strings.HasPrefix(err.Error(), "write "+path+": ") {
			t.Errorf("Write(%q) = %v, want an error that names it", path, err)
		} else if runtime.GOOS == "linux" && !strings.Contains(err.Error(), want) {
			t.Errorf("Write(%q) = %v, want %q in it", path, err, want)
		}
		if strings.Contains(err.Error(), ".tmp") {
			t.Errorf("the error shows a temporary name: %v", err)
		}
	}
	onlyFile(t, sub)
}

// A disk that is full halfway leaves the old content, and nothing beside it.
func TestWriteFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("no file size limits here")
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := state.Write(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	status, err := start(t, "short", path).Wait()
	if err != nil || !status.Success() {
		t.Fatalf("the helper saw no error: %v %v", status, err)
	}
	if got := read(t, path); got != "old" {
		t.Errorf("got %.10q, want the old content", got)
	}
	onlyFile(t, path)
}

// Whenever a writer is killed, the file is one of its contents, whole.
func TestWriteKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	c := contents()
	if err := state.Write(path, c[0], 0o644); err != nil {
		t.Fatal(err)
	}
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	for i := range rounds {
		p := start(t, "write", path)
		time.Sleep(time.Duration(8+i*7%23) * time.Millisecond)
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		got := read(t, path)
		if got != string(c[0]) && got != string(c[1]) {
			t.Fatalf("round %d: %d bytes, neither old nor new", i, len(got))
		}
	}
}

// What killed writers leave is removed later, and nothing else is.
func TestWriteSweeps(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	stale := filepath.Join(dir, ".wf-ci-123.tmp")
	for _, name := range []string{stale, filepath.Join(dir, ".wf-ci-456.tmp"), filepath.Join(dir, ".wf-ci-notes.tmp")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{stale, filepath.Join(dir, ".wf-ci-notes.tmp")} {
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := state.Write(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), ".wf-ci-456.tmp .wf-ci-notes.tmp file"; got != want {
		t.Errorf("left: %s, want %s", got, want)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// onlyFile checks that nothing is left beside path.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(path) {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	data := bytes.Repeat([]byte("x"), 4096)
	for b.Loop() {
		if err := state.Write(path, data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
}
