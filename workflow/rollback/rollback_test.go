package rollback_test

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
	"github.com/wf-ci/wf-ci/workflow/rollback"
)

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func open(t testing.TB, repo *gittest.Repo) *rollback.Repo {
	t.Helper()
	return must(rollback.Open(context.Background(), rollback.Place{Runner: gittest.Runner(t), Dir: repo.Dir, Scratch: t.TempDir(), Now: time.Now}))(t)
}

func commit(repo *gittest.Repo, message string) {
	repo.Git("add", "--all")
	repo.Git("commit", "--quiet", "--message", message)
}

// busy is a repository with something to roll back, and somebody at work in it.
func busy(t testing.TB) *gittest.Repo {
	repo := gittest.New(t)
	repo.Write("f.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")
	repo.Write("gone/deep/file.txt", "gone\n")
	repo.Write("other.txt", "other\n")
	commit(repo, "good")
	repo.Git("tag", "stable-1")
	repo.Write("f.txt", "1\n2\n3\n4\n5\n6\n7\n8\nnine\n")
	repo.Write("new/deep/file.txt", "new\n")
	repo.Git("rm", "--quiet", "gone/deep/file.txt")
	commit(repo, "bad")
	repo.Write("f.txt", "one\n2\n3\n4\n5\n6\n7\n8\nnine\n") // the same file, other lines
	repo.Git("add", "f.txt")
	repo.Write("other.txt", "unstaged\n")
	repo.Write("new/note \"x\"\n.txt", "untracked\n")
	return repo
}

// state is all that can be seen of a work tree.
func state(repo *gittest.Repo, t testing.TB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(repo.Git("rev-parse", "HEAD") + repo.Git("symbolic-ref", "HEAD") + repo.Git("status", "--porcelain", "-z") + repo.Git("ls-files", "-s"))
	err := filepath.WalkDir(repo.Dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if err == nil && d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			b.WriteString(path + "\n" + string(data))
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func apply(t testing.TB, repo *gittest.Repo) *rollback.Applied {
	t.Helper()
	p := must(open(t, repo).MakePlan(context.Background(), rollback.Options{}))(t)
	if !p.Ready || p.ToName != "refs/tags/stable-1" {
		t.Fatalf("the plan: %+v", p)
	}
	return must(open(t, repo).Apply(context.Background()))(t)
}

func TestWorkOnTheSameFileIsCarried(t *testing.T) {
	repo := busy(t)
	before := state(repo, t)
	done := apply(t, repo)
	if got := must(os.ReadFile(filepath.Join(repo.Dir, "f.txt")))(t); string(got) != "one\n2\n3\n4\n5\n6\n7\n8\n9\n" {
		t.Errorf("f.txt is %q", got)
	}
	if got := repo.Git("show", ":f.txt"); got != "one\n2\n3\n4\n5\n6\n7\n8\n9" {
		t.Errorf("staged is %q", got)
	}
	if repo.Git("diff", "stable-1", "HEAD") != "" {
		t.Error("the commit is not as the good one")
	}
	r := open(t, repo)
	must(r.Undo(context.Background(), must(r.Journal.Get(done.ID))(t)))(t)
	if after := state(repo, t); after != before {
		t.Errorf("taken back it is\n%s\nand was\n%s", after, before)
	}
}

// Work that comes after the rollback is there when that is taken back.
func TestUndoKeepsWhatCameAfter(t *testing.T) {
	repo := busy(t)
	done := apply(t, repo)
	repo.Write("later.txt", "later\n")
	r := open(t, repo)
	must(r.Undo(context.Background(), must(r.Journal.Get(done.ID))(t)))(t)
	for path, want := range map[string]string{"later.txt": "later\n", "f.txt": "one\n2\n3\n4\n5\n6\n7\n8\nnine\n", "other.txt": "unstaged\n", "new/deep/file.txt": "new\n"} {
		if got := must(os.ReadFile(filepath.Join(repo.Dir, path)))(t); string(got) != want {
			t.Errorf("%s is %q", path, got)
		}
	}
}

// A program that is killed at any step leaves what can be put right; one that
// fails at any step leaves all as it was, or is finished.
func TestKilledAnywhere(t *testing.T) {
	for _, step := range []string{"journal", "files", "branch"} {
		for _, back := range []bool{false, true} {
			t.Run(step, func(t *testing.T) {
				repo := busy(t)
				before := state(repo, t)
				ctx := context.Background()
				must(open(t, repo).MakePlan(ctx, rollback.Options{}))(t)
				r := open(t, repo)
				if back {
					must(open(t, repo).Apply(ctx))(t)
					after := state(repo, t)
					r.StopAt(step)
					if _, err := r.Undo(ctx, must(r.Journal.Last())(t)); err == nil {
						t.Fatal("it was not stopped")
					}
					before, after = after, before
					check(t, repo, step == "branch", before, after)
					return
				}
				r.StopAt(step)
				if _, err := r.Apply(ctx); err == nil {
					t.Fatal("it was not stopped")
				}
				check(t, repo, step == "branch", before, "")
			})
		}
	}
}

func check(t *testing.T, repo *gittest.Repo, finished bool, before, after string) {
	t.Helper()
	ctx := context.Background()
	r := open(t, repo)
	list := must(r.Journal.List())(t)
	if len(list) != 1 || list[0].State != journal.Begun {
		t.Fatalf("the journal: %+v", list)
	}
	if _, err := r.Apply(ctx); !errors.As(err, new(*rollback.RefusedError)) {
		t.Errorf("with something to put right: %v", err)
	}
	must(r.Mend(ctx, list[0]))(t)
	if finished {
		if now := state(repo, t); after != "" && now != after {
			t.Errorf("finished it is\n%s\nwant\n%s", now, after)
		}
		if repo.Git("diff", "--name-only", "HEAD", "--", "new", "gone") != "" {
			t.Error("the files are not the commit's")
		}
	} else if now := state(repo, t); now != before {
		t.Errorf("put right it is\n%s\nand was\n%s", now, before)
	}
	if e := must(r.Journal.Get(list[0].ID))(t); e.State == journal.Begun {
		t.Error("it is still to be put right")
	}
}

func TestFailingAnywhere(t *testing.T) {
	boom := errors.New("disk full")
	for _, step := range []string{"journal", "files"} {
		repo := busy(t)
		before := state(repo, t)
		must(open(t, repo).MakePlan(context.Background(), rollback.Options{}))(t)
		r := open(t, repo)
		r.FailAt(step, boom)
		if _, err := r.Apply(context.Background()); !errors.Is(err, boom) {
			t.Fatalf("%s: %v", step, err)
		}
		if now := state(repo, t); now != before {
			t.Errorf("%s: it is\n%s\nand was\n%s", step, now, before)
		}
		// The plan is still good.
		must(open(t, repo).Apply(context.Background()))(t)
	}
}

// A file that somebody changed between the look and the change is not overwritten,
// and what was changed before it is put back.
func TestChangedInTheMiddle(t *testing.T) {
	repo := busy(t)
	must(open(t, repo).MakePlan(context.Background(), rollback.Options{}))(t)
	r := open(t, repo)
	r.RaceAt("journal", func() { repo.Write("new/deep/file.txt", "somebody else's\n") })
	if _, err := r.Apply(context.Background()); err == nil {
		t.Fatal("a file that changed in the middle is overwritten")
	}
	if got := must(os.ReadFile(filepath.Join(repo.Dir, "new/deep/file.txt")))(t); string(got) != "somebody else's\n" {
		t.Errorf("it is %q", got)
	}
	if got := must(os.ReadFile(filepath.Join(repo.Dir, "f.txt")))(t); !strings.Contains(string(got), "nine") {
		t.Errorf("f.txt is %q", got)
	}
}

func TestNoPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root may write everywhere: the folder is a file of its own here")
	}
	repo := busy(t)
	must(open(t, repo).MakePlan(context.Background(), rollback.Options{}))(t)
	before := state(repo, t)
	dir := filepath.Join(repo.Dir, ".git", "refs", "heads")
	if err := os.WriteFile(filepath.Join(dir, "main.lock"), nil, 0o600); err != nil { // the ref cannot be written
		t.Fatal(err)
	}
	if _, err := open(t, repo).Apply(context.Background()); err == nil {
		t.Fatal("it was applied")
	}
	if now := state(repo, t); now != before {
		t.Errorf("it is\n%s\nand was\n%s", now, before)
	}
}

func TestPlanFileIsRead(t *testing.T) {
	repo := busy(t)
	for _, text := range []string{"", "{", "[]", `{"strategy":"revert"}`, `{"strategy":"x","head":"` + strings.Repeat("a", 40) + `"}`} {
		if err := os.WriteFile(filepath.Join(repo.Dir, ".git", "wf-ci-rollback.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, repo).Apply(context.Background()); err == nil {
			t.Errorf("%q is a plan", text)
		}
	}
}

// A rebase has no branch checked out: it is the rebase that is said.
func TestPlanInARebase(t *testing.T) {
	repo := busy(t)
	repo.Git("stash", "--quiet", "--include-untracked")
	repo.Git("checkout", "--quiet", "-b", "task", "stable-1")
	repo.Write("f.txt", "other\n")
	commit(repo, "other")
	work := git.Work{Runner: gittest.Runner(t), Dir: repo.Dir}
	if out, err := work.Git(context.Background(), "rebase", "--quiet", "main"); err == nil {
		t.Fatalf("no conflict: %s", out)
	}
	_, err := open(t, repo).MakePlan(context.Background(), rollback.Options{To: "stable-1"})
	if err == nil || !strings.Contains(err.Error(), "a rebase is in progress") {
		t.Errorf("%v", err)
	}
}
