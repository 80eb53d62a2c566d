package git_test

import (
	"slices"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// What somebody writes while merging is in no parent: a conflict's resolution,
// a line slipped in, a whole new file; with two and with three parents.
func TestMergePatches(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("both", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")
	repo.Write("same", "x\n")
	repo.Commit("base")
	repo.Git("switch", "-q", "-c", "side")
	repo.Write("both", "1\nside\n3\n4\n5\n6\n7\n8\nside end\n")
	repo.Write("of side", "of side\n")
	repo.Commit("side")
	repo.Git("switch", "-q", "main")
	repo.Write("both", "1\nmain\n3\n4\n5\n6\n7\n8\n9\n")
	repo.Commit("main")
	repo.Git("merge", "-q", "--no-commit", "--no-ff", "-s", "ours", "side")
	repo.Write("both", "1\nresolved\nand more\n3\n4\n5\n6\n7\n8\nside end\n")
	repo.Write("of side", "of side\n")
	repo.Write("new \"file\" \xff", "slipped in\nno end")
	merge := repo.Commit("merge")

	r := repo.Open()
	merges := must(r.Merges(ctx, 0, "HEAD"))(t)
	if !slices.Equal(merges, []string{merge}) {
		t.Fatalf("merges %v", merges)
	}
	var got []string
	err := r.MergePatches(ctx, merges, func(h git.Hunk) error {
		if h.Commit != merge {
			t.Errorf("commit %s", h.Commit)
		}
		got = append(got, h.Path+":"+string(rune('0'+h.Line))+":"+string(h.Text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{"both:2:resolved\nand more\n", "new \"file\" \xff:1:slipped in\nno end\n"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	// An octopus, clean: nothing of its own.
	for _, b := range []string{"a", "b"} {
		repo.Git("switch", "-q", "-c", b, "main")
		repo.Write(b, b+"\n")
		repo.Commit(b)
	}
	repo.Git("switch", "-q", "main")
	repo.Git("merge", "-q", "a", "b", "-m", "octopus")
	octopus := repo.Git("rev-parse", "HEAD")
	if err := repo.Open().MergePatches(ctx, []string{octopus}, func(h git.Hunk) error {
		t.Errorf("a clean merge has %q", h.Text)
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// A merge that empties a file, which both sides had edited.
func TestMergePatchesOfAnEmptiedFile(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("f", "1\n2\n3\n")
	repo.Commit("base")
	repo.Git("switch", "-q", "-c", "side")
	repo.Write("f", "1\nside\n3\n")
	repo.Commit("side")
	repo.Git("switch", "-q", "main")
	repo.Write("f", "1\nmain\n3\nmore\n")
	repo.Commit("main")
	repo.Git("merge", "-q", "--no-commit", "--no-ff", "-s", "ours", "side")
	repo.Write("f", "")
	repo.Write("g", "slipped in\n")
	merge := repo.Commit("merge")
	var got []string
	err := repo.Open().MergePatches(ctx, []string{merge}, func(h git.Hunk) error {
		got = append(got, h.Path+":"+string(h.Text))
		return nil
	})
	if err != nil || !slices.Equal(got, []string{"g:slipped in\n"}) {
		t.Errorf("got %q, %v", got, err)
	}
}
