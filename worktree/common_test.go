package worktree_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/worktree"
)

// What is found without git is what git says, or nothing: then it is asked.
func TestCommonIsGits(t *testing.T) {
	k := newKit(t)
	s := k.spawn("task")
	base := t.TempDir()
	at := func(name string) string {
		dir := filepath.Join(base, filepath.FromSlash(name))
		must(t, os.MkdirAll(dir, 0o755))
		return dir
	}
	link := filepath.Join(base, "link")
	must(t, os.Symlink(filepath.Join(k.Dir, "src"), link))
	bare := at("bare.git")
	gittest.At(t, bare).Git("init", "--quiet", "--bare")
	nested := filepath.Join(k.Dir, "nested")
	must(t, os.Mkdir(nested, 0o755))
	gittest.At(t, nested).Git("init", "--quiet")
	broken := filepath.Join(k.Dir, "broken") // git goes on, to the repository around it
	must(t, os.MkdirAll(filepath.Join(broken, ".git", "objects"), 0o755))
	garbled := filepath.Join(k.Dir, "garbled")
	must(t, os.Mkdir(garbled, 0o755))
	gittest.At(t, garbled).Git("init", "--quiet")
	must(t, os.WriteFile(filepath.Join(garbled, ".git", "HEAD"), []byte("nothing\n"), 0o644))
	separate := at("separate")
	gittest.At(t, separate).Git("init", "--quiet", "--separate-git-dir="+filepath.Join(base, "elsewhere"))
	relative := filepath.Join(base, "relative")
	k.Git("worktree", "add", "--quiet", "--detach", relative)
	rel, err := filepath.Rel(relative, k.adminOf(relative))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(relative, ".git"), []byte("gitdir: "+rel+"\n"), 0o644))

	for dir, found := range map[string]bool{
		k.Dir: true, filepath.Join(k.Dir, "src"): true, s.Path: true, filepath.Join(s.Path, "src"): true, link: true, nested: true, relative: true,
		filepath.Join(k.Dir, ".git"): false, filepath.Join(k.Dir, ".git", "hooks"): false, k.adminOf(s.Path): false,
		bare: false, filepath.Join(bare, "refs"): false, broken: false, garbled: false, separate: false, at("none"): false, filepath.Join(base, "not there"): false,
	} {
		common, ok := worktree.Common(dir)
		if ok != found {
			t.Errorf("%s: found %v, want %v", dir, ok, found)
		}
		if !ok {
			continue
		}
		if want := gittest.At(t, dir).Git("rev-parse", "--path-format=absolute", "--git-common-dir"); common != want {
			t.Errorf("%s: %s, want %s", dir, common, want)
		}
	}
}

// What is read of git's own files is what `git worktree list` says.
func TestLayoutIsGits(t *testing.T) {
	k := newKit(t)
	same := func(what string) {
		t.Helper()
		trees, err := k.project().Trees(ctx)
		must(t, err)
		layout, ok := k.project().Layout()
		if !ok || len(layout) != len(trees) {
			t.Fatalf("%s: %v, %d worktrees, git has %d", what, ok, len(layout), len(trees))
		}
		for i, want := range trees {
			if want.Branch != "" {
				want.Head = "" // of a branch that is not looked up
			}
			if layout[i] != want {
				t.Errorf("%s:\n%+v, git says\n%+v", what, layout[i], want)
			}
		}
	}
	same("none")
	for _, name := range []string{"b", "team/a", "A", "gone", "held"} {
		k.spawn(name)
	}
	same("some")
	root := k.project().Root()
	must(t, os.RemoveAll(filepath.Join(root, "gone")))
	k.Git("worktree", "lock", "--reason", " on a\nstick ", filepath.Join(root, "held"))
	k.Git("worktree", "lock", filepath.Join(root, "A"))
	k.Git("worktree", "add", "--quiet", "--force", filepath.Join(k.home, "twice"), "feature/b")
	k.Git("worktree", "add", "--quiet", "--detach", filepath.Join(k.home, "a b\nc"))
	k.in(filepath.Join(root, "team-a")).Git("switch", "--quiet", "--orphan", "unborn")
	same("odd ones")
	k.Git("checkout", "--quiet", "--detach")
	same("the main one detached")
	k.Git("pack-refs", "--all")
	same("packed")
	must(t, os.WriteFile(filepath.Join(k.adminOf(filepath.Join(k.home, "twice")), "HEAD"), []byte("ref: refs/heads/.invalid\n"), 0o644))
	if _, ok := k.project().Layout(); ok {
		t.Error("refs that are no files, and git was not asked")
	}
}

// The refs that are read are those that git has, in all the ways it keeps them.
func TestRefsAreGits(t *testing.T) {
	k := newKit(t)
	names := []string{
		"refs/heads/main", "refs/heads/a/b", "refs/heads/a", "refs/heads/none", "refs/heads/packed", "refs/heads/in", "refs/heads/ain",
		"refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/other/HEAD",
	}
	same := func(what string) {
		t.Helper()
		want := make(map[string]string)
		for line := range strings.Lines(k.Git("for-each-ref", "--format=%(refname) %(objectname) %(symref)") + "\n") {
			name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if slices.Contains(names, name) {
				want[name] = rest
			}
		}
		have, ok := k.project().Refs(names...)
		if !ok || !maps.Equal(have, want) {
			t.Errorf("%s: %v\n%v, git says\n%v", what, ok, have, want)
		}
	}
	same("one branch")
	for _, b := range []string{"a/b", "packed", "ain"} {
		k.Git("branch", b)
	}
	k.Git("update-ref", "refs/remotes/origin/main", "HEAD")
	k.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	k.Git("symbolic-ref", "refs/remotes/other/HEAD", "refs/remotes/other/gone")
	same("files")
	k.Git("tag", "-a", "-m", "t", "t")
	k.Git("pack-refs", "--all")
	same("packed")
	k.Commit("second")
	k.Git("branch", "--force", "packed")
	k.Git("branch", "--delete", "--force", "ain")
	same("packed, and moved or deleted since")

	must(t, os.WriteFile(filepath.Join(k.Dir, ".git", "refs", "heads", "packed"), []byte("torn"), 0o644))
	if have, ok := k.project().Refs("refs/heads/packed"); ok {
		t.Errorf("a torn file: %v", have)
	}
}

// A removal that cannot read git's own files asks git, and refuses and removes as
// ever.
func TestWithoutTheLayout(t *testing.T) {
	k := newKit(t)
	bare := filepath.Join(t.TempDir(), "app.git")
	k.Git("clone", "--quiet", "--bare", k.Dir, bare)
	s, err := k.projectAt(bare).Spawn(ctx, worktree.SpawnOptions{Name: "task"})
	must(t, err)
	if _, ok := k.projectAt(bare).Layout(); ok {
		t.Fatal("the layout of a bare repository was read")
	}
	k.in(s.Path).Write("a.txt", "edited\n")
	if _, err := k.projectAt(bare).Remove(ctx, "task", worktree.RemoveOptions{}); strings.Join(refusedFor(err), " ") != "uncommitted" {
		t.Fatalf("%v", err)
	}
	r, err := k.projectAt(bare).Remove(ctx, "task", files)
	must(t, err)
	if _, err := k.projectAt(bare).Restore(ctx, r.ID); err != nil {
		t.Fatal(err)
	}
	if got := k.in(s.Path).Git("diff", "--name-only"); got != "a.txt" {
		t.Errorf("restored: %q", got)
	}
}
