package git_test

import (
	"slices"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func TestLogSaysWhoBroughtWhat(t *testing.T) {
	r := gittest.New(t)
	r.Write("a", "1\n")
	base := r.Commit("base")
	r.Git("switch", "-q", "-c", "f")
	r.Write("b", "2\n")
	r.Write("d/q\tr\n", "x\n")
	first := r.Commit("first\n\nCo-Authored-By: Ana <ana@example.com>")
	r.Git("switch", "-q", "main")
	r.Write("c", "3\n")
	r.Git("add", "--all")
	r.Git("-c", "user.name=x", "commit", "-qm", "second", "--author=Bob <bob@example.com>")
	second := r.Git("rev-parse", "HEAD")
	r.Git("merge", "-q", "--no-ff", "--no-commit", "f")
	r.Write("made-in-the-merge", "4\n")
	r.Git("rm", "-q", "--cached", "a")
	r.Git("add", "made-in-the-merge")
	r.Git("commit", "-qm", "merge")
	merge := r.Git("rev-parse", "HEAD")
	log := must(r.Open().Log(ctx, base, "HEAD"))(t)
	got := make(map[string]git.Commit)
	for _, c := range log {
		got[c.ID] = c
	}
	if len(log) != 3 || log[0].ID != merge {
		t.Fatalf("got %+v", log)
	}
	paths := func(id string) (out []string) {
		for _, f := range got[id].Files {
			out = append(out, f.Path+" "+f.OID)
		}
		return out
	}
	if want := []string{"b " + r.Git("rev-parse", "f:b"), "d/q\tr\n " + r.Git("rev-parse", "f:d/q\tr\n")}; !slices.Equal(paths(first), want) {
		t.Errorf("first: %q", paths(first))
	}
	if want := []string{"a ", "made-in-the-merge " + r.Git("rev-parse", "HEAD:made-in-the-merge")}; !slices.Equal(paths(merge), want) {
		t.Errorf("merge: %q, want %q", paths(merge), want)
	}
	if a := got[second].Author; a != (git.Person{Name: "Bob", Email: "bob@example.com"}) {
		t.Errorf("author %v", a)
	}
	if all := got[first].Authors; len(all) != 2 || all[1].String() != "Ana <ana@example.com>" {
		t.Errorf("authors %v", all)
	}
	if log := must(r.Open().Log(ctx, merge, "HEAD"))(t); len(log) != 0 {
		t.Errorf("no commits, and got %v", log)
	}
}

func TestTreeAtNeedsNoCheckout(t *testing.T) {
	r := gittest.New(t)
	r.Write("a", "old\n")
	base := r.Commit("base")
	r.Write("a", "new\n")
	repo := r.Open()
	tree := must(repo.TreeAt(ctx, base))(t)
	if data := must(tree.Read(ctx, *tree.File("a"), 100))(t); string(data) != "old\n" || tree.Dirty {
		t.Errorf("got %q", data)
	}
	if _, err := repo.TreeAt(ctx, "nowhere"); err == nil {
		t.Error("no error")
	}
}

func TestChangeKnowsWhatIsGone(t *testing.T) {
	r := gittest.New(t)
	r.Write("moved", "one\ntwo\nthree\nfour\n")
	r.Write("deleted", "x\n")
	r.Write("kept", "y\n")
	base := r.Commit("base")
	r.Git("mv", "moved", "to")
	r.Git("rm", "-q", "deleted")
	repo := r.Open()
	tree, _ := snapshot(t, repo)
	change := must(repo.Diff(ctx, base, base, tree))(t)
	if got := change.Gone(); !slices.Equal(got, []string{"deleted", "moved"}) {
		t.Errorf("gone %q", got)
	}
	if from := change.RenamedFrom("to"); from != "moved" || change.RenamedFrom("kept") != "" {
		t.Errorf("renamed from %q", from)
	}
}

func TestIdentity(t *testing.T) {
	r := gittest.New(t)
	if p, ok, err := r.Open().Identity(ctx); err != nil || !ok || p.Email != "author@example.com" {
		t.Errorf("got %v %v %v", p, ok, err)
	}
}
