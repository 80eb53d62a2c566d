package git_test

import (
	"os"
	"path/filepath"
	"strings"
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

// What is not checked out is counted as git counts it, whatever form its index has.
func TestAbsent(t *testing.T) {
	for name, c := range map[string]struct {
		setup [][]string
		first string
		n     int
	}{
		"a full checkout":        {},
		"a sparse checkout":      {setup: [][]string{{"sparse-checkout", "set", "in"}}, first: "out/b", n: 2},
		"version 4":              {setup: [][]string{{"sparse-checkout", "set", "in"}, {"update-index", "--index-version", "4"}}, first: "out/b", n: 2},
		"a split index":          {setup: [][]string{{"sparse-checkout", "set", "in"}, {"update-index", "--split-index"}}, first: "out/b", n: 2},
		"version 4, full":        {setup: [][]string{{"update-index", "--index-version", "4"}}},
		"a sparse index":         {setup: [][]string{{"sparse-checkout", "set", "--sparse-index", "in"}}, first: "out/b", n: 2},
		"one file, by its name":  {setup: [][]string{{"update-index", "--skip-worktree", "in/a"}}, first: "in/a", n: 1},
		"added, not yet written": {setup: [][]string{{"update-index", "--add", "--cacheinfo", "100644," + blobOfOne + ",new"}, {"update-index", "--skip-worktree", "new"}}, first: "new", n: 1},
	} {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t)
			for _, f := range []string{"in/a", "out/b", "out/c", "top"} {
				repo.Write(f, "1\n")
			}
			repo.Commit("one")
			for _, args := range c.setup {
				repo.Git(args...)
			}
			tree, _ := snapshot(t, repo.Open())
			if first, n, err := tree.Absent(ctx); first != c.first || n != c.n || err != nil {
				t.Errorf("%d absent, %q the first, %v; want %d, %q", n, first, err, c.n, c.first)
			}
			if tree.File("out/c") == nil {
				t.Error("what is not checked out is not in the tree")
			}
		})
	}
}

// blobOfOne is the id of the content "1\n".
const blobOfOne = "d00491fd7e5bb6fa28c517a0bb32b8b506539d4d"

// What git was told not to look at is what `git ls-files -v` says.
func TestHidden(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.txt", "one\n")
	r.Write("b c\nd.txt", "two\n")
	r.Write("dir/c.txt", "three\n")
	r.Write("dir/d.txt", "four\n")
	r.Git("add", "-A")
	hidden := func(want string, known bool) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(r.Dir, ".git", "index"))
		if err != nil {
			t.Fatal(err)
		}
		paths, ok := git.Hidden(data)
		if got := strings.Join(paths, "|"); ok != known || got != want {
			t.Errorf("%q, %v; want %q, %v", got, ok, want, known)
		}
	}
	hidden("", true)
	r.Git("commit", "-q", "-m", "first")
	hidden("", true)
	r.Git("update-index", "--assume-unchanged", "b c\nd.txt")
	hidden("b c\nd.txt", true)
	r.Git("update-index", "--skip-worktree", "dir/c.txt")
	hidden("b c\nd.txt|dir/c.txt", true)
	r.Write("new.txt", "new\n")
	r.Git("add", "--intent-to-add", "new.txt")
	hidden("b c\nd.txt|dir/c.txt", true)
	r.Git("update-index", "--index-version", "4")
	hidden("", false)
	r.Git("update-index", "--index-version", "2")
	r.Git("update-index", "--split-index")
	hidden("", false)
}

// A file of a commit is what git says, in packs and out of them.
func TestFileOf(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.txt", "one\n")
	r.Write("dir/b.txt", "two\n")
	head := r.Commit("first")
	objects := filepath.Join(r.Dir, ".git", "objects")
	for range 2 {
		for path, want := range map[string]string{"dir/b.txt": "two\n", "a.txt": "one\n", "none": "", "dir": "", "a.txt/x": ""} {
			if data, ok := git.FileOf(objects, head, path, 100); !ok || string(data) != want {
				t.Errorf("%s: %q, %v", path, data, ok)
			}
		}
		for _, unknown := range []string{"", "HEAD", strings.Repeat("1", 40)} {
			if data, ok := git.FileOf(objects, unknown, "a.txt", 100); ok || data != nil {
				t.Errorf("%q: %q, %v", unknown, data, ok)
			}
		}
		if _, ok := git.FileOf(objects, head, "a.txt", 2); ok {
			t.Error("larger than the limit, and read")
		}
		r.Git("gc", "--quiet")
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
		git.Hidden(data)
		git.Hidden(data)
		if id, ok := git.RecordedTree(data); ok && !git.IsID(id) {
			t.Errorf("recorded %q", id)
		}
	})
}
