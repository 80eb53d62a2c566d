package secrets

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates/secrets/scan"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// Of a long history, the patches of few commits are looked at. Nothing may be
// missed by that: all patches have to give the same.
func TestFewPatchesFindAsMuchAsAll(t *testing.T) {
	repo := gittest.New(t)
	r := rand.New(rand.NewPCG(1, 2))
	secrets := samples(t, 3, 1)
	files := make(map[string][]string)
	for i := range 45 {
		name := []string{"a.go", "dir/b.yaml", "c.tf", "key.p12", "d", "go.sum"}[r.IntN(6)]
		text := files[name]
		for range 1 + r.IntN(3) {
			at := r.IntN(len(text) + 1)
			line := fmt.Sprintf("line %d of %d", at, i)
			switch r.IntN(6) {
			case 0:
				line = secrets[r.IntN(len(secrets))]
			case 1:
				line = `v = "` + base64Of("it is "+secrets[r.IntN(len(secrets))]) + `"`
			case 2:
				line = "token:\n  " + awsKey(uint64(i)) + "\r"
			case 3:
				if len(text) > 0 {
					text = slices.Delete(text, min(at, len(text)-1), min(at, len(text)-1)+1)
				}
				at = 0
			}
			text = slices.Insert(slices.Clone(text), min(at, len(text)), line)
		}
		files[name] = text
		repo.Write(name, strings.Join(text, "\n"))
		if i%9 == 0 {
			repo.Write("binary", fmt.Sprint("x\x00", i, awsKey(uint64(i))))
			repo.Git("add", "binary")
			repo.Git("mv", "--force", "binary", fmt.Sprint("moved", i%2))
		}
		repo.Commit(fmt.Sprint(i))
	}
	repo.Git("repack", "-adq")
	own := *builtin()
	record := &recorder{scanner: own.scanner}
	own.scanner = record
	l := look{target: target(t, repo, ""), rules: &own, jobs: 2}
	commits, err := l.target.Repo.Commits(ctx, 0, l.target.Change.Head)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.commits(ctx, commits, l.target.Repo.Patches); err != nil {
		t.Fatal(err)
	}
	want := record.said
	record.said = nil
	few, err := l.candidates(ctx, commits, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(few.commits) + len(few.changed); n == 0 || n == len(commits) {
		t.Errorf("%d of %d commits", n, len(commits))
	}
	if err := l.patches(ctx, few); err != nil {
		t.Fatal(err)
	}
	compare(t, "history", want, record.said, 20)
}

// What a commit adds to a file that it changes is in the part that is looked at.
func TestAddedHoldsWhatGitShows(t *testing.T) {
	repo := gittest.New(t)
	r := rand.New(rand.NewPCG(3, 4))
	words := []string{"", "", "}", "a", "b", "c", "return nil"}
	old, now := make(map[string]string), make(map[string]string)
	for i := range 600 {
		name := fmt.Sprintf("f%d", i)
		var all []string
		for range r.IntN(30) {
			all = append(all, words[r.IntN(len(words))]+"\n")
		}
		old[name] = strings.Join(all, "")
		for range 1 + r.IntN(3) {
			at := r.IntN(len(all) + 1)
			switch n := r.IntN(len(all) - at + 1); r.IntN(3) {
			case 0:
				all = slices.Delete(all, at, at+min(n, 3))
			case 1:
				all = slices.Insert(all, at, slices.Clone(all[at:at+min(n, 4)])...)
			default:
				all = slices.Insert(all, at, words[r.IntN(len(words))]+"\n")
			}
		}
		now[name] = strings.Join(all, "")
		if r.IntN(3) == 0 {
			now[name] = strings.TrimSuffix(now[name], "\n")
		}
	}
	for name, text := range old {
		repo.Write(name, text)
	}
	repo.Commit("old")
	for name, text := range now {
		repo.Write(name, text)
	}
	commit := repo.Commit("now")
	hunks := 0
	err := repo.Open().Patches(ctx, []string{commit}, func(h git.Hunk) error {
		hunks++
		if part := scan.Added(old[h.Path], now[h.Path]); !strings.Contains(part, string(h.Text)) {
			t.Errorf("from\n%q\nto\n%q\ngit adds %q, which is not in %q", old[h.Path], now[h.Path], h.Text, part)
		}
		return nil
	})
	if err != nil || hunks < 500 {
		t.Errorf("%d hunks, error %v", hunks, err)
	}
}

func TestFewMergesFindAsMuchAsAll(t *testing.T) {
	repo := gittest.New(t)
	r := rand.New(rand.NewPCG(7, 8))
	secrets := samples(t, 2, 1)
	text := func() string {
		var out string
		for range 1 + r.IntN(4) {
			out += "x\n" + secrets[r.IntN(3)] + "\nline\n"
		}
		return out
	}
	var merges []string
	for i := range 12 {
		var parents []string
		shared := text()
		for side := range 2 + i%2 {
			repo.Write("a", fmt.Sprint("head\n", shared, "tail ", side, "\n"))
			if r.IntN(2) == 0 {
				repo.Write("b", text())
			}
			parents = append(parents, "-p", repo.Commit("side"))
		}
		repo.Write("a", "head\n"+shared+"tail\n")
		if i%3 == 0 {
			repo.Write("a", "head\n"+shared+text()+"tail\n")
			repo.Write("c", text())
		}
		repo.Git("add", "--all")
		tree := repo.Git("write-tree")
		merges = append(merges, repo.Git(append([]string{"commit-tree", tree, "-m", "merge"}, parents...)...))
	}
	own := *builtin()
	record := &recorder{scanner: own.scanner}
	own.scanner = record
	l := look{target: target(t, repo, ""), rules: &own, jobs: 2}
	if err := l.commits(ctx, merges, l.target.Repo.MergePatches); err != nil {
		t.Fatal(err)
	}
	want := record.said
	record.said = nil
	few, err := l.candidates(ctx, nil, merges)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(few.merges); n == 0 || n == len(merges) {
		t.Errorf("%d of %d merges", n, len(merges))
	}
	if err := l.patches(ctx, few); err != nil {
		t.Fatal(err)
	}
	compare(t, "merges", want, record.said, 4)
}

func TestLongHistoryThatCannotBeReadIsAnError(t *testing.T) {
	repo := gittest.New(t)
	for i := range 3 {
		repo.Write("a", fmt.Sprint(i))
		repo.Commit("x")
	}
	blob := repo.Git("rev-parse", "HEAD~:a")
	l := look{target: target(t, repo, ""), rules: builtin(), jobs: 2}
	commits, err := l.target.Repo.Commits(ctx, 0, l.target.Change.Head)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(repo.Dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	if _, err := l.candidates(ctx, commits, nil); err == nil || !strings.Contains(err.Error(), blob) {
		t.Errorf("error %v", err)
	}
}
