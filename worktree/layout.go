package worktree

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// layout lists the worktrees as `git worktree list` does, the main one first, from
// git's own files and without asking it; Head is known of a detached one only.
// false: something is laid out in another way than most repositories have it
// (reftable, a bare repository), and git has to be asked.
func (p *Project) layout() ([]Tree, bool) {
	if filepath.Base(p.Common) != ".git" {
		return nil, false
	}
	trees := []Tree{{Path: p.Main, Main: true}}
	if !trees[0].readHead(p.Common) {
		return nil, false
	}
	dir := filepath.Join(p.Common, "worktrees")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	for _, e := range entries {
		t, ok := readAdmin(filepath.Join(dir, e.Name()))
		if !ok {
			return nil, false
		}
		trees = append(trees, t)
	}
	slices.SortStableFunc(trees[1:], func(a, b Tree) int { return cmp.Compare(a.Path, b.Path) })
	shareBranches(trees)
	return trees, true
}

// readAdmin reads git's own directory of a worktree.
func readAdmin(admin string) (Tree, bool) {
	path, err := adminTarget(admin)
	t := Tree{Path: path, Admin: admin}
	if err != nil || !t.readHead(admin) {
		return t, false
	}
	reason, err := readRegular(filepath.Join(admin, "locked"), 1<<16)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t, false
	}
	t.Locked, t.LockReason = err == nil, strings.TrimSpace(string(reason))
	_, err = os.Lstat(path)
	t.Missing = errors.Is(err, fs.ErrNotExist)
	return t, true
}

// readHead reads what a worktree is on from its HEAD; false: git has to say.
func (t *Tree) readHead(admin string) bool {
	data, err := readRegular(filepath.Join(admin, "HEAD"), 1<<16)
	head := strings.TrimSuffix(string(data), "\n")
	branch, on := strings.CutPrefix(head, "ref: refs/heads/")
	switch {
	case err != nil:
		return false
	case on:
		t.Branch = branch
		return validBranch(branch) // ".invalid" is where HEAD is no file
	}
	t.Head = head
	return git.IsID(head) && strings.Trim(head, "0") != ""
}

// shareBranches marks the worktrees whose branch another one is on, too.
func shareBranches(trees []Tree) {
	on := make(map[string]int)
	for _, t := range trees {
		on[t.Branch]++
	}
	for i := range trees {
		t := &trees[i]
		t.shared = !t.Main && t.Branch != "" && on[t.Branch] > 1
	}
}

// placed is the worktree of a directory; false: git has none there. Its Head may
// not be known.
func (p *Project) placed(ctx context.Context, path string) (Tree, bool, error) {
	trees, ok := p.layout()
	if !ok {
		return p.treeAt(ctx, path)
	}
	t, found := among(trees, path)
	return t, found, nil
}

func among(trees []Tree, path string) (Tree, bool) {
	for _, t := range trees {
		if samePath(t.Path, path) {
			return t, true
		}
	}
	return Tree{}, false
}

// choose is the worktree that a name means, with the branch that work goes to: one
// question to git, where its files are as most repositories have them.
func (p *Project) choose(ctx context.Context, name string) (Tree, Target, error) {
	trees, ok := p.layout()
	if !ok {
		t, err := p.find(ctx, name)
		if err != nil {
			return t, Target{}, err
		}
		target, err := p.target(ctx)
		return t, target, err
	}
	reg, _, err := p.registry.read()
	if err != nil {
		return Tree{}, Target{}, err
	}
	t, err := p.pick(trees, reg, name)
	if err != nil {
		return t, Target{}, err
	}
	var refs []string
	if t.Branch != "" {
		refs = []string{"refs/heads/" + t.Branch}
	}
	have, err := p.tips(ctx, refs...)
	if err != nil {
		return t, Target{}, err
	}
	if t.Branch != "" {
		t.Head = have[refs[0]].commit // empty: it has no commit yet
	}
	target, err := p.targetOf(ctx, have)
	return t, target, err
}
