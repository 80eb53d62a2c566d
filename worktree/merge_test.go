package worktree_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/worktree"
)

// ready is a worktree whose branch has a commit with a file.
func ready(k *kit, name, file, text string) string {
	path := k.spawn(name).Path
	k.in(path).Write(file, text)
	k.in(path).Git("add", "--force", file)
	k.in(path).Commit(name)
	return path
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	must(t, err)
	return string(data)
}

// What is in the way of a merge, or of its undo, stays as it is: also what git
// ignores.
func TestMergeWritesOverNothing(t *testing.T) {
	for name, tt := range map[string]struct{ file, mine string }{
		"ignored env file": {".env.local", "KEY=mine\n"},
		"ignored log":      {"run.log", "mine\n"},
		"untracked":        {"new.txt", "mine\n"},
		"tracked":          {"a.txt", "mine\n"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			k.Write(".gitignore", ".env*\n*.log\n")
			k.Commit("ignore more")
			ready(k, "task", tt.file, "theirs\n")
			k.Write(tt.file, tt.mine)
			before := k.Git("rev-parse", "main")

			plan, err := k.project().PlanMerge(ctx, nil)
			must(t, err)
			if got := rules(plan.Steps[0].Refused); got != "in-the-way" {
				t.Errorf("the plan: refused for %q", got)
			}
			_, err = k.project().Merge(ctx, worktree.MergeOptions{Names: []string{"task"}})
			if got := strings.Join(refusedFor(err), " "); got != "uncommitted" {
				t.Errorf("refused for %q: %v", got, err)
			}
			if got := read(t, k.Dir, tt.file); got != tt.mine {
				t.Errorf("%s has %q", tt.file, got)
			}
			if now := k.Git("rev-parse", "main"); now != before {
				t.Error("main has moved")
			}
			if list, err := k.project().Journal.List(); err != nil || slices.ContainsFunc(list, func(e journal.Entry) bool { return e.Kind == "worktree.merge" }) {
				t.Errorf("the journal: %v %+v", err, list)
			}
		})
	}
}

// The merge takes a file out of the commits; by the time it is undone, git ignores
// it and somebody has made another one there. What is staged stays staged.
func TestUndoOfAMergeWritesOverNothing(t *testing.T) {
	k := newKit(t)
	k.Write("old.log", "committed\n")
	k.Git("add", "--force", "old.log")
	k.Commit("a log")
	path := k.spawn("task").Path
	k.in(path).Git("rm", "--quiet", "old.log")
	k.in(path).Commit("no log")
	k.now = k.now.Add(time.Minute) // the journal's last entry is the merge
	_, err := k.project().Merge(ctx, worktree.MergeOptions{Names: []string{"task"}})
	must(t, err)
	merged := k.Git("rev-parse", "main")
	k.Write("old.log", "mine\n")
	k.Write("staged.txt", "staged\n")
	k.Git("add", "staged.txt")

	e, err := k.project().Journal.Last()
	must(t, err)
	_, _, err = k.project().Undo(ctx, e)
	if no := new(worktree.RefusedError); !errors.As(err, &no) {
		t.Fatalf("not refused: %v", err)
	}
	if got := read(t, k.Dir, "old.log"); got != "mine\n" || k.Git("rev-parse", "main") != merged {
		t.Errorf("old.log has %q", got)
	}
	must(t, os.Remove(filepath.Join(k.Dir, "old.log")))
	_, _, err = k.project().Undo(ctx, e)
	must(t, err)
	if got := k.Git("status", "--porcelain"); got != "A  staged.txt" {
		t.Errorf("after the undo: %q", got)
	}
	if got := k.Git("symbolic-ref", "HEAD"); got != "refs/heads/main" {
		t.Errorf("HEAD is at %s", got)
	}
}

// The plan refuses what the merge refuses, and nothing else.
func TestThePlanIsTheMerge(t *testing.T) {
	for name, tt := range map[string]struct {
		make func(k *kit, path string)
		want string
	}{
		"committed":      {func(*kit, string) {}, ""},
		"edited":         {func(k *kit, path string) { k.in(path).Write("a.txt", "edited\n") }, "uncommitted"},
		"untracked":      {func(k *kit, path string) { k.in(path).Write("b.txt", "new\n") }, "uncommitted"},
		"detached":       {func(k *kit, path string) { k.in(path).Git("checkout", "--quiet", "--detach") }, "branch"},
		"elsewhere":      {func(k *kit, path string) { k.Write("z.txt", "of the main one\n") }, ""},
		"ignored beside": {func(k *kit, path string) { k.Write("node_modules/x.js", "of the main one\n") }, ""},
		"bisecting":      {func(k *kit, path string) { k.in(path).Git("bisect", "start") }, "operation"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			path := ready(k, "task", "c.txt", "mine\n")
			tt.make(k, path)
			plan, err := k.project().PlanMerge(ctx, []string{path})
			must(t, err)
			if got := rules(plan.Steps[0].Refused); got != tt.want {
				t.Errorf("the plan: refused for %q, want %q", got, tt.want)
			}
			if _, err := k.project().Merge(ctx, worktree.MergeOptions{Names: []string{path}}); (err == nil) != (tt.want == "") {
				t.Errorf("the merge: %v", err)
			}
		})
	}
}

// The plan is about the branch that a merge goes to: the local one, also where the
// remote's is ahead.
func TestThePlanIsAboutTheLocalBranch(t *testing.T) {
	k := newKit(t)
	ready(k, "task", "c.txt", "mine\n")
	k.Git("checkout", "--quiet", "-b", "theirs")
	k.Write("c.txt", "theirs\n")
	k.Commit("theirs")
	k.Git("update-ref", "refs/remotes/origin/main", "theirs")
	k.Git("checkout", "--quiet", "main")
	k.Git("branch", "-D", "--quiet", "theirs")
	plan, err := k.project().PlanMerge(ctx, nil)
	must(t, err)
	if len(plan.Steps) != 1 || len(plan.Steps[0].Conflicts) != 0 {
		t.Errorf("%+v", plan)
	}
	_, err = k.project().Merge(ctx, worktree.MergeOptions{Names: []string{"task"}})
	must(t, err)
}

func rules(list []worktree.Reason) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Rule)
	}
	return strings.Join(out, " ")
}

// A worktree that a killed command has made for itself is taken away, one that is
// in use is not, and nobody is told to adopt it.
func TestDoctorSweepsScratch(t *testing.T) {
	k := newKit(t)
	dir := filepath.Join(t.TempDir(), worktree.ScratchPrefix+"123", "bisect")
	k.Git("worktree", "add", "--quiet", "--detach", dir, "HEAD")
	k.in(dir).Write("left.txt", "by the check\n")
	unlock, err := state.Lock(ctx, dir)
	must(t, err)
	for _, want := range []string{"[]", "left by a command that was killed", "taken away", "[]"} {
		list, err := k.project().Doctor(ctx, strings.HasPrefix(want, "left"))
		must(t, err)
		if got := fmt.Sprintf("%+v", list); !strings.Contains(got, want) || strings.Contains(got, "adopt") {
			t.Errorf("the doctor says %s, want %s", got, want)
		}
		unlock()
	}
	if out := k.Git("worktree", "list"); strings.Contains(out, "bisect") {
		t.Error(out)
	}
}
