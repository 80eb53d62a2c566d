package worktree_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/worktree"
)

// matrixCase is one way in which work can be in a worktree.
type matrixCase struct {
	name string
	make func(t *testing.T, k *kit, path string)
	rule string // why a removal is refused; empty: it is not
	// What lifts the refusal.
	lift worktree.RemoveOptions
	// firm: nothing does.
	firm bool
}

var files, commits, all = worktree.RemoveOptions{Force: true}, worktree.RemoveOptions{Commits: true}, worktree.RemoveOptions{Force: true, Commits: true}

// matrix is the table of what peers lose; see worktree/README.md.
var matrix = []matrixCase{
	{name: "nothing", make: func(*testing.T, *kit, string) {}},
	{name: "tracked edit", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("a.txt", "edited\n")
	}},
	{name: "staged", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("a.txt", "staged\n")
		k.in(path).Git("add", "a.txt")
	}},
	{name: "staged and edited again", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("a.txt", "staged once\n")
		k.in(path).Git("add", "a.txt")
		k.in(path).Write("a.txt", "and again\n")
	}},
	{name: "intent to add", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("new.txt", "new\n")
		k.in(path).Git("add", "--intent-to-add", "new.txt")
	}},
	{name: "untracked", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("notes.txt", "mine\n")
	}},
	{name: "names with spaces and newlines", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("a b/c\nd \"e\".txt", "mine\n")
		k.in(path).Write("-rf", "mine\n")
	}},
	{name: "deleted", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		must(t, os.Remove(filepath.Join(path, "a.txt")))
	}},
	{name: "mode", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		must(t, os.Chmod(filepath.Join(path, "a.txt"), 0o755))
	}},
	{name: "odd modes and links", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("private/key", "x\n")
		must(t, os.Chmod(filepath.Join(path, "private", "key"), 0o600))
		must(t, os.Chmod(filepath.Join(path, "private"), 0o500))
		t.Cleanup(func() { _ = filepath.WalkDir(k.home, writable) })
		must(t, os.Symlink("/etc/passwd", filepath.Join(path, "out")))
		must(t, os.Symlink("nowhere", filepath.Join(path, "dangling")))
		must(t, os.Symlink("src", filepath.Join(path, "dir")))
	}},
	{name: "ignored env file changed", rule: "env", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write(".env", "PORT=18100\nAPI_KEY=made-here\n")
	}},
	{name: "ignored env file of its own", rule: "env", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("src/.env", "API_KEY=made-here\n")
	}},
	{name: "ignored file", make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("run.log", "kept aside\n")
	}},
	{name: "line ends that git does not see", make: func(t *testing.T, k *kit, path string) {
		k.in(path).Git("config", "core.autocrlf", "input")
		k.in(path).Write("a.txt", "one\r\ntwo\r\nthree\r\n")
		k.in(path).Git("add", "a.txt") // nothing is staged: the blob is the same
	}},
	{name: "unpushed commit", rule: "unpushed", lift: commits, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("c.txt", "c\n")
		k.in(path).Commit("mine")
	}},
	{name: "unpushed commit, branch kept", rule: "unpushed", lift: worktree.RemoveOptions{KeepBranch: true}, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("c.txt", "c\n")
		k.in(path).Commit("mine")
	}},
	{name: "commit on a detached HEAD", rule: "detached", lift: commits, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Git("checkout", "--quiet", "--detach")
		k.in(path).Write("c.txt", "c\n")
		k.in(path).Commit("mine")
	}},
	{name: "commit that only the log knows", make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write("c.txt", "c\n")
		k.in(path).Commit("thrown away")
		k.in(path).Git("reset", "--quiet", "--hard", "HEAD~")
	}},
	{name: "merge in conflict", rule: "operation", lift: all, make: func(t *testing.T, k *kit, path string) {
		conflict(t, k, path, "merge", "--no-edit", "main")
	}},
	{name: "rebase in conflict", rule: "operation", lift: all, make: func(t *testing.T, k *kit, path string) {
		conflict(t, k, path, "rebase", "main")
	}},
	{name: "cherry-pick in conflict", rule: "operation", lift: all, make: func(t *testing.T, k *kit, path string) {
		conflict(t, k, path, "cherry-pick", "main")
	}},
	{name: "revert in conflict", rule: "operation", lift: all, make: func(t *testing.T, k *kit, path string) {
		r := k.in(path)
		for _, text := range []string{"x\n", "y\n"} {
			r.Write("a.txt", text)
			r.Commit(text)
		}
		fails(t, k, path, "revert", "--no-edit", "HEAD~")
	}},
	{name: "bisect", rule: "operation", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Git("bisect", "start")
	}},
	{name: "assume-unchanged edit", rule: "hidden", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Git("update-index", "--assume-unchanged", "a.txt")
		k.in(path).Write("a.txt", "hidden\n")
	}},
	{name: "skip-worktree edit", rule: "hidden", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Git("update-index", "--skip-worktree", "a.txt")
		k.in(path).Write("a.txt", "hidden\n")
	}},
	{name: "submodule with changes", rule: "uncommitted", lift: all, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Write(submodule(t, k, path)+"/f.txt", "edited\n")
	}},
	{name: "submodule with commits", rule: "submodule", lift: all, make: func(t *testing.T, k *kit, path string) {
		sub := submodule(t, k, path)
		k.in(filepath.Join(path, sub)).Write("f.txt", "committed\n")
		k.in(filepath.Join(path, sub)).Commit("in the submodule")
		k.in(path).Commit("the pointer")
	}},
	{name: "nested repository", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		nested := filepath.Join(path, "nested")
		must(t, os.Mkdir(nested, 0o755))
		k.in(nested).Git("init", "--quiet")
		k.in(nested).Write("f", "f\n")
		k.in(nested).Commit("nested")
	}},
	{name: "a branch without commits", rule: "uncommitted", lift: files, make: func(t *testing.T, k *kit, path string) {
		k.in(path).Git("switch", "--quiet", "--orphan", "fresh")
		k.in(path).Write("n.txt", "n\n")
		k.in(path).Git("add", "n.txt")
	}},
	{name: "locked", rule: "locked", firm: true, make: func(t *testing.T, k *kit, path string) {
		k.Git("worktree", "lock", "--reason", "on a stick", path)
	}},
	{name: "git at work", rule: "git-at-work", firm: true, make: func(t *testing.T, k *kit, path string) {
		must(t, os.WriteFile(filepath.Join(k.adminOf(path), "index.lock"), nil, 0o600))
	}},
	{name: "program inside", rule: "processes", firm: true, make: func(t *testing.T, k *kit, path string) {
		cmd := exec.Command("sleep", "60")
		cmd.Dir = path
		must(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}},
	{name: "clone at its path", rule: "mismatch", firm: true, make: func(t *testing.T, k *kit, path string) {
		must(t, os.Rename(path, path+"-moved"))
		k.Git("clone", "--quiet", k.Dir, path)
	}},
	{name: "missing", rule: "missing", firm: true, make: func(t *testing.T, k *kit, path string) {
		must(t, os.Rename(path, path+"-elsewhere"))
	}},
}

func writable(path string, d os.DirEntry, err error) error {
	if err == nil && d.IsDir() {
		_ = os.Chmod(path, 0o700)
	}
	return nil
}

// conflict makes main and the worktree's branch differ in a line, and runs what
// then stops in the middle.
func conflict(t *testing.T, k *kit, path string, args ...string) {
	t.Helper()
	k.in(path).Write("a.txt", "theirs\n")
	k.in(path).Commit("in the tree")
	k.Write("a.txt", "ours\n")
	k.Commit("on main")
	fails(t, k, path, args...)
}

func fails(t *testing.T, k *kit, path string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = path, append(k.runner.Env, "GIT_EDITOR=true")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Fatalf("git %s went well: %s", strings.Join(args, " "), out)
	}
}

// submodule adds one and gives its path.
func submodule(t *testing.T, k *kit, path string) string {
	t.Helper()
	other := newKit(t)
	other.Write("f.txt", "f\n")
	other.Commit("f")
	r := k.in(path)
	r.Git("submodule", "--quiet", "add", other.Dir, "libs/sub")
	r.Commit("a submodule")
	return "libs/sub"
}

func refusedFor(err error) []string {
	var no *worktree.RefusedError
	if !errors.As(err, &no) {
		return nil
	}
	var rules []string
	for _, r := range no.Why {
		rules = append(rules, r.Rule)
	}
	return rules
}

// Each case × each command that takes worktrees away. What is refused changes
// nothing; what is removed comes back byte for byte, also after git has thrown
// away all that it can.
func TestMatrix(t *testing.T) {
	for _, c := range matrix {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			s := k.spawn("task")
			admin := k.adminOf(s.Path)
			c.make(t, k, s.Path)
			before := k.state(s.Path, admin)
			same := func(what string) {
				t.Helper()
				if after := k.state(s.Path, admin); after != before {
					t.Fatalf("%s changed something:\n%s", what, diff(before, after))
				}
			}
			keptBy(t, k, c, "clean", s.Path, func() ([]worktree.Outcome, error) { return k.project().Clean(ctx, false) })
			same("clean")
			if c.name != "missing" {
				keptBy(t, k, c, "prune", s.Path, func() ([]worktree.Outcome, error) { return k.project().Prune(ctx, nil, false) })
				same("prune")
			}
			if c.rule != "" {
				if _, err := k.project().Remove(ctx, "task", worktree.RemoveOptions{}); !slices.Contains(refusedFor(err), c.rule) {
					t.Fatalf("remove: %v, want it refused for %s", err, c.rule)
				}
				same("remove")
			}
			if c.firm {
				if _, err := k.project().Remove(ctx, s.Path, all); !slices.Contains(refusedFor(err), c.rule) {
					t.Fatalf("remove with force: %v, want it refused for %s", err, c.rule)
				}
				same("remove with force")
				return
			}
			r, err := k.project().Remove(ctx, s.Path, c.lift)
			must(t, err)
			must(t, r.Finish())
			if _, err := os.Lstat(s.Path); !os.IsNotExist(err) {
				t.Fatalf("%s is there after its removal", s.Path)
			}
			if strings.Contains(k.registry(), s.Path) {
				t.Fatal("the registry has it after its removal")
			}
			k.Git("reflog", "expire", "--expire=now", "--all")
			k.Git("gc", "--quiet", "--prune=now")
			if _, err := k.project().Restore(ctx, r.ID); err != nil {
				t.Fatal(err)
			}
			same("remove and restore")
			k.Git("fsck", "--connectivity-only", "--no-dangling")
			if refs := k.Git("for-each-ref", "refs/wf-ci"); refs != "" {
				t.Fatalf("left behind: %s", refs)
			}
		})
	}
}

// keptBy runs a command over all worktrees, which has to leave this one alone.
func keptBy(t *testing.T, k *kit, c matrixCase, what, path string, do func() ([]worktree.Outcome, error)) {
	t.Helper()
	list, err := do()
	must(t, err)
	for _, o := range list {
		if o.Path == path && o.Action != "kept" {
			t.Fatalf("%s: %+v", what, o)
		}
	}
}

// diff is the lines that only one of two texts has.
func diff(a, b string) string {
	var out []string
	al, bl := strings.Split(a, "\n"), strings.Split(b, "\n")
	for _, l := range al {
		if !slices.Contains(bl, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range bl {
		if !slices.Contains(al, l) {
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out, "\n")
}
