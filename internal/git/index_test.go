package git_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func TestRecordedTree(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.txt", "one\n")
	r.Write("dir/b.txt", "two\n")
	r.Git("add", "-A")
	read := func() []byte {
		data, err := os.ReadFile(filepath.Join(r.Dir, ".git", "index"))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if id, ok := git.RecordedTree(read()); ok {
		t.Errorf("before a commit the index records %q", id)
	}
	r.Git("commit", "-q", "-m", "first")
	want := r.Git("rev-parse", "HEAD^{tree}")
	if id, ok := git.RecordedTree(read()); !ok || id != want {
		t.Errorf("recorded %q, %v; want %q", id, ok, want)
	}
	r.Write("dir/b.txt", "three\n")
	r.Git("add", "-A")
	if id, ok := git.RecordedTree(read()); ok {
		t.Errorf("with a staged change the index still records %q", id)
	}
	r.Git("reset", "-q", "--hard")
	r.Git("read-tree", "HEAD")
	r.Git("update-index", "--index-version", "4")
	if id, ok := git.RecordedTree(read()); ok {
		t.Errorf("version 4 is not read here, and gave %q", id)
	}
}

// What is cut or changed anywhere is refused or read, and never a panic.
func FuzzRecordedTree(f *testing.F) {
	r := gittest.New(f)
	r.Write("a.txt", "one\n")
	r.Write("dir/b.txt", "two\n")
	r.Git("add", "-A")
	r.Git("commit", "-q", "-m", "first")
	data, err := os.ReadFile(filepath.Join(r.Dir, ".git", "index"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		if id, ok := git.RecordedTree(data); ok && !git.IsID(id) {
			t.Errorf("recorded %q", id)
		}
	})
}
