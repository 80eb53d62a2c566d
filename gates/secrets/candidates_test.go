package secrets

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
	few, err := l.candidates(ctx, commits)
	if err != nil {
		t.Fatal(err)
	}
	if len(few) == 0 || len(few) == len(commits) {
		t.Errorf("%d of %d commits", len(few), len(commits))
	}
	if err := l.commits(ctx, few, l.target.Repo.Patches); err != nil {
		t.Fatal(err)
	}
	compare(t, "history", want, record.said, 20)
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
	if _, err := l.candidates(ctx, commits); err == nil || !strings.Contains(err.Error(), blob) {
		t.Errorf("error %v", err)
	}
}
