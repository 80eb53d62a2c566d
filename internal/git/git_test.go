package git_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

var ctx = context.Background()

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func snapshot(t testing.TB, r *git.Repo) (*git.Tree, string) {
	t.Helper()
	tree, head, err := r.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return tree, head
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	runner := gittest.Runner(t)
	bare := t.TempDir()
	gittest.At(t, bare).Git("init", "--quiet", "--bare")
	repo := gittest.New(t)
	for _, tt := range []struct {
		name, dir string
		want      error
	}{
		{"no repository", t.TempDir(), git.ErrNotRepository},
		{"bare", bare, git.ErrBare},
		{"inside .git", filepath.Join(repo.Dir, ".git"), git.ErrNotRepository},
		{"no such directory", filepath.Join(repo.Dir, "none"), os.ErrNotExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := git.Open(ctx, runner, tt.dir, t.TempDir()); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestOpenFromASubdirectoryWithANewlineInItsName(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a\nb/file", "x\n")
	r := must(git.Open(ctx, gittest.Runner(t), filepath.Join(repo.Dir, "a\nb"), t.TempDir()))(t)
	if want := must(filepath.EvalSymlinks(repo.Dir))(t); r.Dir != want {
		t.Errorf("top is %q, want %q", r.Dir, want)
	}
}

func TestSnapshotIsWhatGitWouldCommit(t *testing.T) {
	repo := gittest.New(t)
	repo.Write(".gitignore", "ignored\n")
	repo.Write("kept", "1\n")
	repo.Write("gone", "1\n")
	repo.Commit("one")
	r := repo.Open()
	clean, head := snapshot(t, r)
	if clean.Dirty || clean.ID != head || clean.Name(head) != head {
		t.Fatalf("a clean tree: %+v, HEAD %s", clean, head)
	}

	names := []string{"new", "with space", "new\nline", "caf\xe9", `"quoted"`, "-dash", "日本"}
	for _, n := range names {
		repo.Write(n, "content of "+n)
	}
	repo.Write("ignored", "not seen\n")
	repo.Write("kept", "2\n")
	if err := os.Remove(filepath.Join(repo.Dir, "gone")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(repo.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	before := repo.Git("status", "--porcelain", "-z") + repo.Git("count-objects")
	r = repo.Open()
	tree, head := snapshot(t, r)
	if after := repo.Git("status", "--porcelain", "-z") + repo.Git("count-objects"); after != before {
		t.Errorf("the repository was written to: %q, then %q", before, after)
	}
	if !tree.Dirty || tree.Name(head) != head+"-dirty-"+tree.ID[:12] {
		t.Errorf("name %s of a dirty tree", tree.Name(head))
	}
	got := make(map[string]string)
	var mu sync.Mutex
	err := tree.Each(ctx, tree.Files, 4, func(_ context.Context, f git.File, in io.Reader) error {
		data, err := io.ReadAll(in)
		mu.Lock()
		defer mu.Unlock()
		got[f.Path] = string(data)
		if int64(len(data)) != f.Size {
			t.Errorf("%q: %d bytes, listed with %d", f.Path, len(data), f.Size)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{".gitignore": "ignored\n", "kept": "2\n", "link": "/etc/passwd"}
	for _, n := range names {
		want[n] = "content of " + n
	}
	for n, content := range want {
		if got[n] != content {
			t.Errorf("%q is %q, want %q", n, got[n], content)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d: %q", len(got), len(want), got)
	}
	if tree.File("link").Kind != git.Symlink || tree.File("nothing") != nil {
		t.Error("File does not know a link, or knows a file that is not there")
	}
}

// What a sparse checkout leaves out is in the tree; what lies there all the same
// is taken as git status shows it.
func TestSnapshotOfASparseCheckout(t *testing.T) {
	for name, c := range map[string]struct{ cone, change []string }{
		"nothing is checked out": {cone: []string{"--no-cone", "/nothing"}},
		"a directory":            {cone: []string{"in"}, change: []string{"in/a"}},
		"files outside of it":    {cone: []string{"in"}, change: []string{"in/a", "out/b", "out/new"}},
	} {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t)
			repo.Write("in/a", "1\n")
			repo.Write("out/b", "1\n")
			repo.Commit("one")
			repo.Git(append([]string{"sparse-checkout", "set"}, c.cone...)...)
			want := map[string]bool{"in/a": true, "out/b": true}
			for _, path := range c.change {
				repo.Write(path, "2\n")
				want[path] = true
			}
			tree, _ := snapshot(t, repo.Open())
			for _, f := range tree.Files {
				text := string(must(tree.Read(ctx, f, 100))(t))
				if changed := slices.Contains(c.change, f.Path); !want[f.Path] || (text == "2\n") != changed {
					t.Errorf("%s has %q", f.Path, text)
				}
				delete(want, f.Path)
			}
			if len(want) > 0 || tree.Dirty != (c.change != nil) {
				t.Errorf("missing: %v, dirty: %t", want, tree.Dirty)
			}
		})
	}
}

// Whether objects are loose or packed, a submodule is named and is no file.
func TestSubmodules(t *testing.T) {
	other := gittest.New(t)
	other.Write("x", "x\n")
	other.Commit("one")
	repo := gittest.New(t)
	repo.Write("a", "1\n")
	repo.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.Dir, "lib/other")
	repo.Write("z", "1\n")
	repo.Commit("one")
	want := []string{"lib/other"}
	for _, packed := range []bool{false, true} {
		if packed {
			repo.Git("gc", "--quiet")
		}
		tree, _ := snapshot(t, repo.Open())
		if !slices.Equal(tree.Submodules, want) || len(tree.Files) != 3 || tree.File("lib/other") != nil || tree.File("z") == nil {
			t.Errorf("packed %t: submodules %q, files %v", packed, tree.Submodules, tree.Files)
		}
	}
}

func TestSnapshotBeforeTheFirstCommit(t *testing.T) {
	repo := gittest.New(t)
	r := repo.Open()
	tree, head := snapshot(t, r)
	if len(tree.Files) != 0 || head != "" || must(r.Head(ctx))(t) != "" {
		t.Errorf("an empty repository: %d files, HEAD tree %q", len(tree.Files), head)
	}
	repo.Write("a", "1")
	if tree, head := snapshot(t, repo.Open()); len(tree.Files) != 1 || !strings.HasPrefix(tree.Name(head), "4b825dc642cb6eb9a060e54bf8d69288fbee4904-dirty-") {
		t.Errorf("untracked only: %v, %s", tree.Files, tree.Name(head))
	}
}

func TestEachEndsAtTheFirstError(t *testing.T) {
	repo := gittest.New(t)
	for _, n := range []string{"a", "b", "c", "d"} {
		repo.Write(n, strings.Repeat(n, 100_000))
	}
	repo.Commit("one")
	tree, _ := snapshot(t, repo.Open())
	boom := errors.New("boom")
	err := tree.Each(ctx, tree.Files, 2, func(_ context.Context, f git.File, in io.Reader) error {
		if f.Path == "b" {
			return boom
		}
		return nil // nothing read: the rest has to be skipped over
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	err = tree.Each(ctx, tree.Files, 2, func(context.Context, git.File, io.Reader) error { panic("boom") })
	if err == nil || !strings.Contains(err.Error(), "crashed while reading: boom") {
		t.Errorf("got %v", err)
	}
	missing := git.File{Path: "x", OID: strings.Repeat("1", 40)}
	err = tree.Each(ctx, []git.File{missing}, 1, func(context.Context, git.File, io.Reader) error { return nil })
	if err == nil {
		t.Error("a missing object was read")
	}
}

func TestChange(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("edit", "1\n2\n3\n4\n5\n")
	repo.Write("move me", "a\nb\nc\nd\ne\nf\n")
	repo.Write("delete", "x\n")
	repo.Write("type", "x\n")
	repo.Write("bin", "a\x00b")
	repo.Write("untouched", "x\n")
	base := repo.Commit("base")
	repo.Write("edit", "1\ntwo\n3\n4\n5\nsix\nseven")
	repo.Write("add\nnewline", "x\ny\n")
	repo.Write("bin", "a\x00c")
	repo.Git("mv", "move me", "moved caf\xe9")
	repo.Write("moved caf\xe9", "a\nb\nC\nd\ne\nf\n")
	repo.Git("rm", "--quiet", "delete")
	repo.Git("rm", "--quiet", "type")
	if err := os.Symlink("edit", filepath.Join(repo.Dir, "type")); err != nil {
		t.Fatal(err)
	}
	one := repo.Commit("one")
	repo.Write("not yet committed", "y\n")
	r := repo.Open()
	tree, _ := snapshot(t, r)
	c := must(r.Diff(ctx, base, one, tree))(t)

	want := []string{"add\nnewline", "bin", "edit", "moved caf\xe9", "not yet committed", "type"}
	if got := c.Files(); !slices.Equal(got, want) {
		t.Errorf("changed files %q, want %q", got, want)
	}
	for _, tt := range []struct {
		path     string
		from, to int
		want     bool
	}{
		{"edit", 1, 1, false}, {"edit", 2, 2, true}, {"edit", 3, 5, false}, {"edit", 1, 5, true},
		{"edit", 6, 6, true}, {"edit", 7, 7, true}, {"edit", 8, 9, false},
		{"add\nnewline", 2, 2, true}, {"bin", 1, 1, true}, {"type", 1, 1, true},
		{"moved caf\xe9", 1, 2, false}, {"moved caf\xe9", 3, 3, true}, {"moved caf\xe9", 4, 6, false},
		{"not yet committed", 1, 1, true}, {"untouched", 1, 1, false}, {"delete", 1, 1, false},
	} {
		if got := c.HasLines(tt.path, tt.from, tt.to); got != tt.want {
			t.Errorf("%q lines %d-%d: in the change %v, want %v", tt.path, tt.from, tt.to, got, tt.want)
		}
	}
	if !c.HasCommit(one) || c.HasCommit(base) || c.Commits() != 1 {
		t.Error("the commits of the change are wrong")
	}
	all := must(r.Diff(ctx, "", one, tree))(t)
	if !all.Everything() || !all.HasFile("untouched") || !all.HasLines("x", 1, 1) || !all.HasCommit(base) {
		t.Error("without a base everything is new")
	}
}

// A .gitattributes of the checkout must not hide lines from the diff.
func TestAttributesOfTheCheckoutHaveNoSay(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a.py", "x = 1\n")
	base := repo.Commit("base")
	repo.Write(".gitattributes", "*.py binary\n*.py -diff\n*.py export-ignore\n")
	repo.Write("a.py", "x = 1\ny = 2\n")
	head := repo.Commit("hide")
	r := repo.Open()
	tree, _ := snapshot(t, r)
	c := must(r.Diff(ctx, base, head, tree))(t)
	if c.HasLines("a.py", 1, 1) || !c.HasLines("a.py", 2, 2) {
		t.Error("the changed lines of a.py are wrong")
	}
	var text []string
	err := r.Patches(ctx, []string{head}, func(h git.Hunk) error {
		text = append(text, h.Path+":"+string(h.Text))
		return nil
	})
	if err != nil || !slices.Contains(text, "a.py:y = 2\n") {
		t.Errorf("patches %q, %v", text, err)
	}
}

func TestPatches(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a b", "diff --git a/x b/x\n+++ b/evil\n@@ -1 +1 @@\n"+strings.Repeat("0", 40)+"\n")
	first := repo.Commit("looks like a patch")
	repo.Write("new\nline \"q\" \xff", "one\ntwo")
	second := repo.Commit("odd name, no newline at the end")
	repo.Write("new\nline \"q\" \xff", "one\ntwo\nthree\n")
	third := repo.Commit("a newline at the end")
	repo.Git("rm", "-q", "a b")
	repo.Commit("deleted")
	r := repo.Open()
	commits := must(r.Commits(ctx, 0, "HEAD"))(t)
	if len(commits) != 4 {
		t.Fatalf("%d commits", len(commits))
	}
	var got []git.Hunk
	err := r.Patches(ctx, commits, func(h git.Hunk) error {
		h.Text = bytes.Clone(h.Text)
		got = append(got, h)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []git.Hunk{
		{third, "new\nline \"q\" \xff", 2, []byte("two\nthree\n")},
		{second, "new\nline \"q\" \xff", 1, []byte("one\ntwo")},
		{first, "a b", 1, []byte("diff --git a/x b/x\n+++ b/evil\n@@ -1 +1 @@\n" + strings.Repeat("0", 40) + "\n")},
	}
	if len(got) != len(want) {
		t.Fatalf("%d hunks, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i].Commit != want[i].Commit || got[i].Path != want[i].Path || got[i].Line != want[i].Line || !bytes.Equal(got[i].Text, want[i].Text) {
			t.Errorf("hunk %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	if got := must(r.Commits(ctx, 2, "HEAD"))(t); !slices.Equal(got, commits[:2]) {
		t.Errorf("a limit of two: %v", got)
	}
}

func TestGitFailingIsAnError(t *testing.T) {
	repo := gittest.New(t)
	repo.Commit("one")
	r := repo.Open()
	nobody := strings.Repeat("1", 40)
	if err := r.Patches(ctx, []string{nobody}, func(git.Hunk) error { return nil }); err == nil {
		t.Error("the patches of an unknown commit were read")
	}
	if _, err := r.Commits(ctx, 0, nobody); err == nil {
		t.Error("the history of an unknown commit was listed")
	}
	if _, err := r.Commit(ctx, "no-such-branch"); !errors.Is(err, git.ErrUnknownRevision) {
		t.Errorf("got %v", err)
	}
	if _, err := r.Commit(ctx, "--output=x"); !errors.Is(err, git.ErrUnknownRevision) {
		t.Errorf("got %v", err)
	}
}

func TestBranchesAndMergeBases(t *testing.T) {
	repo := gittest.New(t)
	base := repo.Commit("base")
	repo.Git("switch", "-q", "-c", "feature/x")
	side := repo.Commit("side")
	repo.Git("switch", "-q", "main")
	main := repo.Commit("main")
	r := repo.Open()
	if got := must(r.MergeBase(ctx, side, main))(t); got != base {
		t.Errorf("merge base %s, want %s", got, base)
	}
	if rev, name, err := r.DefaultBranch(ctx); rev != "refs/heads/main" || name != "main" || err != nil {
		t.Errorf("default branch %s %s %v", rev, name, err)
	}
	repo.Git("switch", "-q", "--orphan", "other")
	orphan := repo.Commit("orphan")
	if got := must(r.MergeBase(ctx, orphan, main))(t); got != "" {
		t.Errorf("merge base of strangers: %s", got)
	}
	repo.Git("switch", "-q", "--detach", "main")
	if got := must(r.Branch(ctx))(t); got != "" {
		t.Errorf("a detached HEAD is on branch %q", got)
	}
	repo.Git("merge", "-q", "--no-ff", "-m", "merge", side)
	merge := repo.Git("rev-parse", "HEAD")
	repo.Git("switch", "-q", "-C", "main")
	clone := t.TempDir()
	gittest.At(t, clone).Git("clone", "-q", "--depth=1", "file://"+repo.Dir, ".")
	shallow := gittest.At(t, clone).Open()
	if !shallow.Shallow {
		t.Error("a shallow clone is not seen as one")
	}
	head := must(shallow.Head(ctx))(t)
	if head != merge {
		t.Fatalf("cloned %s, not the merge", head)
	}
	if got := must(shallow.Parents(ctx, head))(t); !slices.Equal(got, []string{main, side}) {
		t.Errorf("parents %v", got)
	}
}

func TestReadFile(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("dir/file", "one\n")
	if err := os.Symlink("dir/file", filepath.Join(repo.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	commit := repo.Commit("one")
	repo.Write("dir/file", "two\n")
	r := repo.Open()
	for path, want := range map[string]string{"dir/file": "one\n", "link": "", "none": "", "dir": ""} {
		if got := must(r.ReadFile(ctx, commit, path, 100))(t); string(got) != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if _, err := r.ReadFile(ctx, commit, "dir/file", 3); err == nil {
		t.Error("the limit was not kept")
	}
}

func TestIgnoredFiles(t *testing.T) {
	repo := gittest.New(t)
	repo.Write(".gitignore", "*.env\nnode_modules/\n")
	repo.Write("a/prod.env", "x\n")
	repo.Write("node_modules/p/.env.local", "x\n")
	repo.Write("seen.env.txt", "x\n")
	got := must(repo.Open().IgnoredFiles(ctx, "*.env*"))(t)
	if want := []string{"a/prod.env", "node_modules/p/.env.local"}; !slices.Equal(got, want) {
		t.Errorf("ignored %q, want %q", got, want)
	}
}
