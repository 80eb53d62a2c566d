package worktree_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/worktree"
)

// The ways in which work arrives, and which test sees it.
func TestArrival(t *testing.T) {
	squash := func(k *kit) { k.Git("merge", "--quiet", "--squash", "feature/task"); k.Commit("squashed") }
	for _, c := range []struct {
		name  string
		make  func(k *kit, path string)
		want  worktree.Standing
		proof string
	}{
		{"nothing of its own", func(*kit, string) {}, worktree.Empty, ""},
		{"nothing of its own, and main moved on", func(k *kit, _ string) { k.Write("z", "z"); k.Commit("z") }, worktree.Empty, ""},
		{"nothing of its own, brought up to date", func(k *kit, path string) {
			k.Write("z", "z")
			k.Commit("z")
			k.in(path).Git("merge", "--quiet", "--ff-only", "main")
		}, worktree.Empty, ""},
		{"unmerged", work, worktree.Unmerged, ""},
		{"merged", func(k *kit, path string) {
			work(k, path)
			k.Git("merge", "--quiet", "--no-ff", "--no-edit", "feature/task")
		}, worktree.Merged, "ancestor"},
		{"fast forward", func(k *kit, path string) { work(k, path); k.Git("merge", "--quiet", "--ff-only", "feature/task") }, worktree.Merged, "ancestor"},
		{"squashed", func(k *kit, path string) { work(k, path); squash(k) }, worktree.Merged, "same-tree"},
		{"squashed, and main moved on", func(k *kit, path string) { work(k, path); squash(k); k.Write("z", "z"); k.Commit("z") }, worktree.Merged, "merge-tree"},
		{"squashed, and the same lines changed again", func(k *kit, path string) {
			work(k, path)
			squash(k)
			k.Write("a.txt", "changed again\n")
			k.Commit("again")
		}, worktree.Merged, "squash"},
		{"picked one by one, and changed again", func(k *kit, path string) {
			work(k, path)
			k.Write("z", "z")
			k.Commit("z")
			k.Git("cherry-pick", "main..feature/task")
			k.Write("a.txt", "changed again\n")
			k.Commit("again")
		}, worktree.Merged, "patches"},
		{"half of it picked", func(k *kit, path string) { work(k, path); k.Git("cherry-pick", "feature/task~") }, worktree.Unmerged, ""},
		{"nothing left of it", func(k *kit, path string) {
			work(k, path)
			k.in(path).Git("revert", "--no-edit", "HEAD", "HEAD~")
		}, worktree.Merged, "no-change"},
		{"merged, and work since", func(k *kit, path string) {
			work(k, path)
			k.Git("merge", "--quiet", "--no-edit", "feature/task")
			k.in(path).Write("more.txt", "more\n")
			k.in(path).Commit("more")
		}, worktree.Unmerged, ""},
		{"a branch whose name begins like a merged one", func(k *kit, path string) {
			work(k, path)
			k.Git("branch", "feature/task-v2", "main") // merged, by name a substring
		}, worktree.Unmerged, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			s := k.spawn("task")
			c.make(k, s.Path)
			objects := k.Git("count-objects")
			list, err := k.project().Clean(ctx, true)
			must(t, err)
			if len(list) != 1 || list[0].Arrival.Standing != c.want || list[0].Arrival.Proof != c.proof {
				t.Errorf("%+v, want %s by %q", list, c.want, c.proof)
			}
			if now := k.Git("count-objects"); now != objects {
				t.Errorf("planning wrote objects: %s, %s before", now, objects)
			}
			if want := map[bool]string{true: "would-remove", false: "kept"}[c.want == worktree.Merged]; list[0].Action != want {
				t.Errorf("%s, want %s: %v", list[0].Action, want, list[0].Reasons)
			}
		})
	}
}

// work is two commits.
func work(k *kit, path string) {
	r := k.in(path)
	r.Write("a.txt", "one\nTWO\nthree\n")
	r.Commit("work 1")
	r.Write("w.txt", "w\n")
	r.Git("add", "--all")
	r.Git("commit", "--quiet", "--message", "work 2")
}

// Merged into origin/main, while the local main is behind.
func TestArrivalAtTheRemote(t *testing.T) {
	k := newKit(t)
	origin := filepath.Join(t.TempDir(), "origin.git")
	k.Git("clone", "--quiet", "--bare", k.Dir, origin)
	k.Git("remote", "add", "origin", origin)
	k.Git("fetch", "--quiet", "origin")
	s := k.spawn("task")
	work(k, s.Path)
	k.in(s.Path).Git("push", "--quiet", "origin", "feature/task:main")
	list, err := k.project().Clean(ctx, false)
	must(t, err)
	if list[0].Action != "removed" || list[0].Arrival.In != "refs/remotes/origin/main" {
		t.Errorf("%+v", list[0])
	}
	// Pushed, and merged nowhere: nothing is lost with the worktree, the branch stays.
	s = k.spawn("other")
	k.in(s.Path).Write("a.txt", "other\n")
	k.in(s.Path).Commit("other")
	k.in(s.Path).Git("push", "--quiet", "origin", "feature/other")
	r, err := k.project().Remove(ctx, "other", worktree.RemoveOptions{})
	must(t, err)
	if r.Fate != "kept" || !strings.Contains(k.Git("branch", "--list", "feature/other"), "other") {
		t.Errorf("%+v", r)
	}
}

func TestList(t *testing.T) {
	k := newKit(t)
	a, b := k.spawn("a"), k.spawn("b")
	work(k, a.Path)
	k.Write("z", "z")
	k.Commit("on main")
	k.in(b.Path).Write("untracked", "x")
	k.in(b.Path).Write("WORKTREE_TASK.md", "- [x] one\n- [ ] two\n")
	k.now = k.now.AddDate(0, 0, 9)
	list, err := k.project().List(ctx)
	must(t, err)
	got := ""
	for _, it := range list.Items {
		got += fmt.Sprintf("%s +%d -%d u%d %v %d%% %t %s\n", it.Name, it.Ahead, it.Behind, it.Changes.Untracked, it.Ports, it.Todos.Percent, it.Stale, it.Advice)
	}
	want := "main +0 -0 u0 [] 0% false \na +2 -1 u0 [18100 18101] 0% true Rebase on latest main\nb +0 -1 u2 [18102 18103] 50% true Commit or stash changes\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	k.now = k.now.Add(7 * 24 * time.Hour)
	list, err = k.project().List(ctx)
	must(t, err)
	if list.Items[1].Advice != "Consider archiving or removing" {
		t.Errorf("after 16 days: %q", list.Items[1].Advice)
	}
	names, ok := worktree.Names(b.Path)
	if !ok || strings.Join(names, " ") != "a b" {
		t.Errorf("names: %v %t", names, ok)
	}
}

// After the time that it is kept, what was removed is gone for good, and not
// before.
func TestSweep(t *testing.T) {
	k := newKit(t)
	s := k.spawn("task")
	k.in(s.Path).Write("x", "x")
	r, err := k.project().Remove(ctx, "task", files)
	must(t, err)
	k.now = k.now.Add(7*24*time.Hour - time.Minute)
	k.spawn("other")
	if _, err := k.project().Restore(ctx, r.ID); err != nil {
		t.Fatal(err)
	}
	r, err = k.project().Remove(ctx, "task", files)
	must(t, err)
	k.now = k.now.Add(7 * 24 * time.Hour)
	k.spawn("third")
	if _, err := k.project().Restore(ctx, r.ID); err == nil {
		t.Error("it came back")
	}
	if left, _ := os.ReadDir(filepath.Join(k.Dir, ".git", "wf-ci", "trash")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if refs := k.Git("for-each-ref", "refs/wf-ci"); refs != "" {
		t.Errorf("left: %s", refs)
	}
}

// Caches go for good, everything else that git ignores is kept aside.
func TestCaches(t *testing.T) {
	k := newKit(t)
	s := k.spawn("task")
	r := k.in(s.Path)
	r.Write("node_modules/x/index.js", "x")
	r.Write("run.log", "mine")
	must(t, os.Symlink(k.Dir, filepath.Join(s.Path, "node_modules", "out")))
	must(t, os.Chmod(filepath.Join(s.Path, "node_modules", "x"), 0o500))
	removed, err := k.project().Remove(ctx, "task", worktree.RemoveOptions{})
	must(t, err)
	must(t, removed.Finish())
	if strings.Join(removed.Caches, " ") != "node_modules" {
		t.Errorf("caches: %v", removed.Caches)
	}
	if _, err := os.Stat(filepath.Join(k.Dir, "a.txt")); err != nil {
		t.Fatal("it followed a link out of the tree")
	}
	_, err = k.project().Restore(ctx, removed.ID)
	must(t, err)
	if _, err := os.Stat(filepath.Join(s.Path, "run.log")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(s.Path, "node_modules")); !os.IsNotExist(err) {
		t.Errorf("node_modules: %v", err)
	}
}

// Somebody has deleted what was put aside: the files come from git.
func TestRestoreWithoutTheFiles(t *testing.T) {
	k := newKit(t)
	s := k.spawn("task")
	work(k, s.Path)
	k.in(s.Path).Write("untracked", "x")
	before := k.in(s.Path).Git("status", "--porcelain")
	r, err := k.project().Remove(ctx, "task", all)
	must(t, err)
	must(t, os.RemoveAll(filepath.Join(k.Dir, ".git", "wf-ci", "trash", r.ID, "tree")))
	back, err := k.project().Restore(ctx, r.ID)
	must(t, err)
	if after := k.in(s.Path).Git("status", "--porcelain"); after != before || len(back.Notes) == 0 {
		t.Errorf("%q, want %q; %v", after, before, back.Notes)
	}
}

// Its ports, its branch or its place may be somebody else's by now.
func TestRestoreWhereOthersAre(t *testing.T) {
	k := newKit(t)
	s := k.spawn("task")
	work(k, s.Path)
	r, err := k.project().Remove(ctx, "task", commits)
	must(t, err)
	again := k.spawn("task")
	if again.Ports[0] != s.Ports[0] {
		t.Fatalf("the freed ports were not used again: %v", again.Ports)
	}
	if _, err := k.project().Restore(ctx, r.ID); refusedFor(err) == nil {
		t.Fatalf("its place is taken: %v", err)
	}
	_, err = k.project().Remove(ctx, again.Path, worktree.RemoveOptions{})
	must(t, err)
	k.spawn("third")
	k.Git("branch", "feature/task", "main")
	back, err := k.project().Restore(ctx, r.ID)
	must(t, err)
	if back.Branch != "" || back.Ports[0] == s.Ports[0] || len(back.Notes) != 2 {
		t.Errorf("%+v", back)
	}
	if st := k.in(s.Path).Git("status", "--porcelain"); st != "" {
		t.Errorf("not clean: %s", st)
	}
	k.Git("fsck", "--connectivity-only", "--no-dangling")
}

// A missing worktree that is given up comes back when its disk does.
func TestPruneMissing(t *testing.T) {
	k := newKit(t)
	disk := filepath.Join(t.TempDir(), "disk")
	k.Git("worktree", "add", "--quiet", "-b", "feature/far", filepath.Join(disk, "trees", "far"))
	_, err := k.project().Adopt(ctx, "far")
	must(t, err)
	k.in(filepath.Join(disk, "trees", "far")).Write("staged", "x")
	k.in(filepath.Join(disk, "trees", "far")).Git("add", "staged")
	must(t, os.Rename(disk, disk+"-out"))
	list, err := k.project().Prune(ctx, nil, false)
	must(t, err)
	if len(list) != 1 || list[0].Action != "kept" {
		t.Fatalf("%+v", list)
	}
	list, err = k.project().Prune(ctx, []string{"far"}, false)
	must(t, err)
	if list[0].Action != "removed" || strings.Contains(k.Git("worktree", "list"), "far") {
		t.Fatalf("%+v", list)
	}
	must(t, os.Rename(disk+"-out", disk))
	k.Git("gc", "--quiet", "--prune=now")
	_, err = k.project().Restore(ctx, list[0].Removed.ID)
	must(t, err)
	if st := k.in(filepath.Join(disk, "trees", "far")).Git("status", "--porcelain"); st != "A  staged" {
		t.Errorf("status %q", st)
	}
}
