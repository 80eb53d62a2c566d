package main

import (
	"context"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// A rebase onto what others have pushed would write over a file that git ignores.
func TestNotOver(t *testing.T) {
	repo := gittest.New(t)
	repo.Write(".gitignore", "*.local\n")
	repo.Commit("one")
	one := repo.Git("rev-parse", "HEAD")
	repo.Write("a b.local", "theirs\n")
	repo.Write("c.txt", "theirs\n")
	repo.Git("add", "--force", "a b.local", "c.txt")
	repo.Commit("theirs")
	theirs := repo.Git("rev-parse", "HEAD")
	repo.Git("reset", "--quiet", "--hard", one)

	work := git.Work{Runner: gittest.Runner(t), Dir: repo.Dir}
	if err := notOver(context.Background(), work, repo.Dir, theirs); err != nil {
		t.Errorf("nothing is in the way: %v", err)
	}
	repo.Write("c.txt", "staged: git keeps it, or gives up\n")
	repo.Git("add", "c.txt")
	if err := notOver(context.Background(), work, repo.Dir, theirs); err != nil {
		t.Errorf("what is staged is no matter of ours: %v", err)
	}
	repo.Write("a b.local", "mine\n")
	if err := notOver(context.Background(), work, repo.Dir, theirs); err == nil || !strings.Contains(err.Error(), `"a b.local"`) {
		t.Errorf("a file that git ignores is in the way: %v", err)
	}
}
