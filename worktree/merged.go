package worktree

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Standing is whether the work of a branch has arrived in the target.
type Standing string

const (
	Merged   Standing = "merged"
	Empty    Standing = "empty" // no commit of its own yet: nothing that could be merged
	Unmerged Standing = "unmerged"
)

// Arrival is the answer, and which test gave it.
type Arrival struct {
	Standing Standing `json:"standing"`
	Proof    string   `json:"proof,omitempty"` // ancestor, no-change, same-tree, merge-tree, patches, squash
	In       string   `json:"in,omitempty"`    // where it arrived

	reached string // ref that reaches the commit itself; empty: none that was asked
}

// walkLimit bounds the commits that patches are compared of.
const walkLimit = 500

// arrived says whether a commit's work is in the target. The answer is yes where
// any test says so: each sees a way of merging that another one misses. What is
// computed for it goes to the scratch directory.
func (p *Project) arrived(ctx context.Context, t Tree, target Target) (Arrival, error) {
	w, err := p.computing()
	if err != nil {
		return Arrival{}, err
	}
	for _, ref := range target.refs() {
		own, err := target.own(ctx, w, t.Head, ref)
		if err != nil {
			return Arrival{}, err
		}
		if own == 0 {
			a, err := p.ancestor(ctx, t, ref)
			a.reached = ref
			return a, err
		}
		proof, err := content(ctx, w, t.Head, ref, own)
		if err != nil {
			return Arrival{}, err
		}
		if proof != "" {
			return Arrival{Standing: Merged, Proof: proof, In: ref}, nil
		}
	}
	return Arrival{Standing: Unmerged}, nil
}

// own counts the commits that one of the target's refs does not reach.
func (t Target) own(ctx context.Context, w git.Work, head, ref string) (int, error) {
	if t.tips[ref] == head {
		return 0, nil
	}
	out, err := w.Line(ctx, "rev-list", "--count", head, "--not", ref)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out)
}

// computing is git in the main worktree whose new objects leave no trace.
func (p *Project) computing() (git.Work, error) {
	objects := filepath.Join(p.place.Scratch, "computed")
	if err := os.MkdirAll(objects, 0o700); err != nil {
		return git.Work{}, err
	}
	return p.git.With(append(identity(), git.Objects(objects, filepath.Join(p.Common, "objects"))...)...), nil
}

// identity is the author of commits of ours that nobody is to see.
func identity() []string {
	return []string{
		"GIT_AUTHOR_NAME=wf-ci", "GIT_AUTHOR_EMAIL=wf-ci@localhost", "GIT_COMMITTER_NAME=wf-ci", "GIT_COMMITTER_EMAIL=wf-ci@localhost",
	}
}

// ancestor tells a branch that was merged from one that has not begun: both
// have no commit that the target has not.
func (p *Project) ancestor(ctx context.Context, t Tree, ref string) (Arrival, error) {
	base := t.record().Base
	if t.Branch == "" || t.Head == base {
		return Arrival{Standing: Empty}, nil
	}
	log, err := p.git.Git(ctx, "log", "--walk-reflogs", "--format=%gs", "--max-count="+strconv.Itoa(walkLimit), "refs/heads/"+t.Branch, "--")
	if err != nil {
		return Arrival{}, err
	}
	if log == "" && base != "" {
		return Arrival{Standing: Merged, Proof: "ancestor", In: ref}, nil // it has moved, and there is no log of how
	}
	for line := range strings.Lines(log) {
		for _, made := range []string{"commit", "cherry-pick", "am", "revert", "pull", "rebase"} {
			if strings.HasPrefix(line, made) {
				return Arrival{Standing: Merged, Proof: "ancestor", In: ref}, nil
			}
		}
	}
	return Arrival{Standing: Empty}, nil
}

// content looks for the work of a branch in the content of the target; own is
// how many commits of its own it has.
func content(ctx context.Context, w git.Work, head, ref string, own int) (proof string, err error) {
	base, err := w.Line(ctx, "merge-base", head, ref)
	if git.Exited(err, 1) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	out, err := w.Git(ctx, "rev-parse", head+"^{tree}", base+"^{tree}", ref+"^{tree}")
	trees := strings.Fields(out)
	if err != nil || len(trees) != 3 {
		return "", err
	}
	switch trees[0] {
	case trees[1]:
		return "no-change", nil
	case trees[2]:
		return "same-tree", nil
	}
	merged, err := w.Git(ctx, "merge-tree", "--write-tree", ref, head)
	switch {
	case err == nil:
		if strings.TrimSpace(merged) == trees[2] {
			return "merge-tree", nil
		}
	case !git.Exited(err, 1) && !git.Exited(err, 129): // conflicts; git before 2.38
		return "", err
	}
	return patches(ctx, w, head, ref, base, trees[0], own)
}

// patches looks for the branch's commits, each or all as one, among those that
// the target has since.
func patches(ctx context.Context, w git.Work, head, ref, base, tree string, own int) (proof string, err error) {
	if own > walkLimit {
		return "", nil
	}
	merges, err := w.Line(ctx, "rev-list", "--count", "--merges", head, "--not", ref)
	if err != nil {
		return "", err
	}
	if merges == "0" { // git cherry passes over merges
		if all, err := cherry(ctx, w, ref, head); err != nil || all {
			return "patches", err
		}
	}
	one, err := w.Line(ctx, "commit-tree", tree, "-p", base, "-m", "all in one")
	if err != nil {
		return "", err
	}
	if all, err := cherry(ctx, w, ref, one); err != nil || all {
		return "squash", err
	}
	return "", nil
}

// cherry says whether the target has a commit like each of a branch's.
func cherry(ctx context.Context, w git.Work, ref, head string) (bool, error) {
	out, err := w.Git(ctx, "cherry", ref, head)
	if err != nil || out == "" {
		return false, err
	}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "- ") {
			return false, nil
		}
	}
	return true, nil
}

// unique counts the commits that only this worktree has: no other branch, no
// remote and no tag reaches them. a says where its work has arrived.
func (p *Project) unique(ctx context.Context, t Tree, a Arrival) (int, error) {
	if t.Head == "" || a.reached != "" && a.reached != "HEAD" && a.reached != "refs/heads/"+t.Branch {
		return 0, nil
	}
	args := []string{"rev-list", "--count", t.Head, "--not"}
	if t.Branch != "" {
		args = append(args, "--exclude="+t.Branch)
	}
	out, err := p.git.Line(ctx, append(args, "--branches", "--remotes", "--tags")...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out)
}
