package worktree_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/worktree"
)

// The rules of removals that are not about what is in a worktree; for those see
// TestMatrix.

// Looking and planning write nothing, in the repository or beside it.
func TestPlansWriteNothing(t *testing.T) {
	k := newKit(t)
	for _, name := range []string{"dirty", "done", "gone"} {
		work(k, k.spawn(name).Path)
	}
	k.Git("merge", "--quiet", "--no-edit", "feature/done")
	root := k.project().Root()
	k.in(filepath.Join(root, "dirty")).Write("a.txt", "edited\n")
	must(t, os.RemoveAll(filepath.Join(root, "gone")))
	before := digest(t, k.Dir) + digest(t, k.home)
	for what, do := range map[string]func(*worktree.Project) error{
		"list":  func(p *worktree.Project) error { _, err := p.List(ctx); return err },
		"brief": func(p *worktree.Project) error { _, err := p.Brief(ctx); return err },
		"clean --dry-run": func(p *worktree.Project) error {
			list, err := p.Clean(ctx, true)
			if !slices.ContainsFunc(list, func(o worktree.Outcome) bool { return o.Action == "would-remove" }) {
				t.Errorf("clean: %+v", list)
			}
			return err
		},
		"prune --dry-run": func(p *worktree.Project) error {
			list, err := p.Prune(ctx, nil, true)
			if len(list) != 1 || list[0].Action != "would-remove" {
				t.Errorf("prune: %+v", list)
			}
			return err
		},
		"merge --plan": func(p *worktree.Project) error { _, err := p.PlanMerge(ctx, nil); return err },
		"env":          func(p *worktree.Project) error { _, err := p.EnvDiffs(ctx, "dirty"); return err },
	} {
		p := k.project()
		k.now = k.now.Add(1000 * 24 * time.Hour) // what was put aside may be thrown away by now
		must(t, do(p))
		if after := digest(t, k.Dir) + digest(t, k.home); after != before {
			t.Errorf("%s wrote:\n%s", what, diff(before, after))
		}
	}
}

// Not where somebody is, and not the main worktree; not with any switch.
func TestPlacesThatStay(t *testing.T) {
	k := newKit(t)
	s := k.spawn("task")
	for _, dir := range []string{s.Path, filepath.Join(s.Path, "src")} {
		if _, err := k.projectAt(dir).Remove(ctx, "task", all); !slices.Contains(refusedFor(err), "current-directory") {
			t.Errorf("from %s: %v", dir, err)
		}
	}
	for _, from := range []string{k.Dir, s.Path} {
		if _, err := k.projectAt(from).Remove(ctx, k.Dir, all); !slices.Contains(refusedFor(err), "main") {
			t.Errorf("the main worktree from %s: %v", from, err)
		}
	}
}

// The switch for files does not give up commits, nor the other way.
func TestSwitchesAreTwo(t *testing.T) {
	k := newKit(t)
	s := k.spawn("task")
	work(k, s.Path)
	k.in(s.Path).Write("untracked", "x")
	for _, tt := range []struct {
		o    worktree.RemoveOptions
		want string
	}{{files, "unpushed"}, {commits, "uncommitted"}, {worktree.RemoveOptions{KeepBranch: true}, "uncommitted"}, {worktree.RemoveOptions{}, "uncommitted unpushed"}} {
		_, err := k.project().Remove(ctx, "task", tt.o)
		if got := strings.Join(refusedFor(err), " "); got != tt.want {
			t.Errorf("%+v: refused for %q, want %q", tt.o, got, tt.want)
		}
	}
}

// What is at a worktree's place has to be that worktree, and no link to
// one.
func TestAnotherAtItsPlace(t *testing.T) {
	for name, swap := range map[string]func(k *kit, path string){
		"another worktree": func(k *kit, path string) {
			other := k.spawn("other")
			must(k.t, os.Rename(path, path+"-moved"))
			must(k.t, os.Rename(other.Path, path))
		},
		"a link to it": func(k *kit, path string) {
			must(k.t, os.Rename(path, path+"-moved"))
			must(k.t, os.Symlink(path+"-moved", path))
		},
		"a file": func(k *kit, path string) {
			must(k.t, os.Rename(path, path+"-moved"))
			must(k.t, os.WriteFile(path, []byte("mine"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			s := k.spawn("task")
			swap(k, s.Path)
			before := digest(t, k.project().Root()) + k.registry()
			if _, err := k.project().Remove(ctx, s.Path, all); !slices.Contains(refusedFor(err), "mismatch") {
				t.Errorf("%v", err)
			}
			for _, o := range mustList(t)(k.project().Clean(ctx, false)) {
				if o.Path == s.Path && o.Action != "kept" {
					t.Errorf("clean: %+v", o)
				}
			}
			if after := digest(t, k.project().Root()) + k.registry(); after != before {
				t.Errorf("it changed something:\n%s", diff(before, after))
			}
		})
	}
}

func mustList(t *testing.T) func([]worktree.Outcome, error) []worktree.Outcome {
	return func(list []worktree.Outcome, err error) []worktree.Outcome {
		t.Helper()
		must(t, err)
		return list
	}
}

// Nothing is written through a link that the commit has.
func TestLinksOfTheCommit(t *testing.T) {
	k := newKit(t)
	outside := filepath.Join(t.TempDir(), "outside")
	for _, name := range []string{"env", "sheet"} {
		must(t, os.MkdirAll(outside, 0o755))
		must(t, os.WriteFile(filepath.Join(outside, name), []byte("theirs\n"), 0o644))
	}
	k.Git("switch", "--quiet", "--create", "hostile")
	must(t, os.Remove(filepath.Join(k.Dir, ".env")))
	must(t, os.Symlink(filepath.Join(outside, "env"), filepath.Join(k.Dir, ".env")))
	must(t, os.Symlink(filepath.Join(outside, "sheet"), filepath.Join(k.Dir, worktree.SheetName)))
	k.Git("add", "--force", ".env", worktree.SheetName)
	k.Commit("links")
	k.Git("switch", "--quiet", "main")
	k.Write(".env", "PORT=3000\nKEY=secret\n")
	s, err := k.project().Spawn(ctx, worktree.SpawnOptions{Name: "task", From: "hostile", Sheet: &worktree.Sheet{Title: "t"}})
	must(t, err)
	for _, name := range []string{"env", "sheet"} {
		if data, err := os.ReadFile(filepath.Join(outside, name)); err != nil || string(data) != "theirs\n" {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	if len(s.Notes) != 2 || len(s.Env) != 0 {
		t.Errorf("notes %q, env %q", s.Notes, s.Env)
	}
}

// What changes between the look and the removal is seen; a branch that
// was moved stays.
func TestRaces(t *testing.T) {
	for name, change := range map[string]func(k *kit, path string){
		"a file":   func(k *kit, path string) { k.in(path).Write("late", "x") },
		"a commit": func(k *kit, path string) { work(k, path) },
		"a lock":   func(k *kit, path string) { k.Git("worktree", "lock", path) },
		"a switch": func(k *kit, path string) { k.in(path).Git("switch", "--quiet", "--detach") },
	} {
		for _, at := range []string{"journal", "kept"} { // the last look is after all that takes time
			t.Run(name+" at "+at, func(t *testing.T) {
				t.Parallel()
				k := newKit(t)
				s := k.spawn("task")
				p := k.project()
				p.SetStep(func(step string) {
					if step == at {
						change(k, s.Path)
					}
				})
				if _, err := p.Remove(ctx, "task", worktree.RemoveOptions{}); !slices.Contains(refusedFor(err), "changed") {
					t.Fatalf("%v", err)
				}
				if st := k.Git("worktree", "list"); !strings.Contains(st, s.Path) || !strings.Contains(k.registry(), s.Path) {
					t.Errorf("it is gone: %s", st)
				}
				found, err := k.project().Doctor(ctx, true)
				must(t, err)
				if refs := k.Git("for-each-ref", "refs/wf-ci"); len(found) > 0 || refs != "" {
					t.Errorf("not in order: %+v %s", found, refs)
				}
			})
		}
	}
	t.Run("the branch", func(t *testing.T) {
		k := newKit(t)
		k.spawn("task")
		k.Write("b", "b")
		k.Commit("later")
		p := k.project()
		p.SetStep(func(step string) {
			if step == "unregistered" {
				k.Git("update-ref", "refs/heads/feature/task", "main")
			}
		})
		r, err := p.Remove(ctx, "task", worktree.RemoveOptions{})
		must(t, err)
		if r.Fate != "retained_raced" || k.Git("rev-parse", "feature/task") != k.Git("rev-parse", "main") {
			t.Errorf("%+v", r)
		}
	})
}

// A branch that is checked out in a second worktree stays, and so do the
// remote's.
func TestSharedBranchStays(t *testing.T) {
	k := newKit(t)
	s := k.spawn("task")
	k.Git("worktree", "add", "--quiet", "--force", filepath.Join(t.TempDir(), "second"), "feature/task")
	k.Git("update-ref", "refs/remotes/origin/feature/task", "main")
	r, err := k.project().Remove(ctx, s.Path, worktree.RemoveOptions{Commits: true})
	must(t, err)
	if refs := k.Git("for-each-ref", "--format=%(refname)"); r.Fate != "kept" || !strings.Contains(refs, "refs/heads/feature/task") || !strings.Contains(refs, "refs/remotes/origin/feature/task") {
		t.Errorf("%+v: %s", r, refs)
	}
}

// A path with a newline and spaces, and a branch with slashes.
func TestOddPlaces(t *testing.T) {
	k := newKit(t)
	path := filepath.Join(k.home, "a\nb 'c'", "x\ny")
	k.Git("worktree", "add", "--quiet", "--no-track", "-b", "team/a/b", path)
	_, err := k.project().Adopt(ctx, path)
	must(t, err)
	k.in(path).Write("src/new\nline.txt", "mine\n")
	admin := k.adminOf(path)
	before := k.state(path, admin)
	if names, ok := worktree.Names(k.Dir); !ok || !slices.Equal(names, []string{"team/a/b"}) {
		t.Errorf("names %q", names)
	}
	if names, err := k.project().Names(ctx); err != nil || !slices.Equal(names, []string{"team/a/b"}) {
		t.Errorf("names from git %q, %v", names, err)
	}
	list, err := k.project().List(ctx)
	must(t, err)
	if it := list.Items[1]; it.Path != path || it.Error != "" || it.Changes.Untracked != 1 {
		t.Errorf("%+v", it)
	}
	r, err := k.project().Remove(ctx, "team/a/b", files)
	must(t, err)
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("it is there: %v", err)
	}
	_, err = k.project().Restore(ctx, r.ID)
	must(t, err)
	if after := k.state(path, admin); after != before {
		t.Errorf("not as it was:\n%s", diff(before, after))
	}
}

// The worktrees are on another disk than the repository: a rename does not cross
// it, and nothing is copied.
func TestAnotherDisk(t *testing.T) {
	home, err := os.MkdirTemp("/dev/shm", "wf-ci-")
	if err != nil {
		t.Skipf("there is no second disk: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	k := newKit(t)
	probe := filepath.Join(k.Dir, "probe")
	must(t, os.WriteFile(probe, nil, 0o600))
	if os.Rename(probe, filepath.Join(home, "probe")) == nil {
		t.Skip("/dev/shm is no disk of its own")
	}
	must(t, os.Remove(probe))
	k.home = home
	s := k.spawn("task")
	work(k, s.Path)
	k.in(s.Path).Write("untracked", "x")
	admin := k.adminOf(s.Path)
	before := k.state(s.Path, admin)
	r, err := k.project().Remove(ctx, "task", all)
	must(t, err)
	_, err = k.project().Restore(ctx, r.ID)
	must(t, err)
	if after := k.state(s.Path, admin); after != before {
		t.Errorf("not as it was:\n%s", diff(before, after))
	}
	_, err = k.project().Remove(ctx, "task", all)
	must(t, err)
	k.now = k.now.Add(8 * 24 * time.Hour)
	k.spawn("other")
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(s.Path), ".wf-ci-trash", "*")); len(left) > 0 {
		t.Errorf("left after its time: %q", left)
	}
}
