package worktree

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

// ScratchPrefix begins the name of the directory that each run of the program has
// for itself, among the temporary files.
const ScratchPrefix = "wf-ci-run-"

// scratches are the worktrees that commands make in there for a moment: to look
// for the commit that broke a check, and to verify a merge. Whoever makes one
// holds its lock.
var scratches = []string{"bisect", "verify"}

// Scratch says whether a worktree is one of a command of ours.
func Scratch(path, branch string) bool {
	return branch == "" && slices.Contains(scratches, filepath.Base(path)) && strings.HasPrefix(filepath.Base(filepath.Dir(path)), ScratchPrefix)
}

// heldFor is how long it takes to know that somebody holds a lock.
const heldFor = 50 * time.Millisecond

// sweepScratch takes away a worktree that a killed command has left. There is
// nothing of the user's in it. One that is in use is no finding.
func (p *Project) sweepScratch(ctx context.Context, t Tree, dry bool) []Finding {
	short, cancel := context.WithTimeout(ctx, heldFor)
	defer cancel()
	unlock, err := state.Lock(short, t.Path)
	if err != nil {
		return nil
	}
	defer unlock()
	f := Finding{What: t.Path + " was left by a command that was killed"}
	if dry {
		f.Hint = "wf-ci worktree doctor takes it away"
	} else if _, err := p.git.Git(ctx, "worktree", "remove", "--force", "--force", "--", t.Path); err != nil {
		f.Error = err.Error()
	} else {
		f.Done = "taken away"
	}
	return []Finding{f}
}
