package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Tree is a worktree as git knows it.
type Tree struct {
	Path       string
	Head       string // commit; empty before the first one
	Branch     string // short; empty: detached
	Main       bool
	Bare       bool
	Locked     bool
	LockReason string
	Missing    bool   // its directory is not there
	Admin      string // git's own directory of it; empty for the main worktree

	shared bool // another worktree is on the same branch
}

// Trees lists the worktrees, the main one first.
func (p *Project) Trees(ctx context.Context) ([]Tree, error) {
	out, err := p.git.Git(ctx, "worktree", "list", "--porcelain", "-z")
	end := "\x00"
	if git.Exited(err, 129) { // git before 2.36
		out, err = p.git.Git(ctx, "worktree", "list", "--porcelain")
		end = "\n"
	}
	if err != nil {
		return nil, fmt.Errorf("list the worktrees: %w", err)
	}
	trees, err := parseTrees(out, end)
	if err != nil {
		return nil, err
	}
	admins, err := p.admins()
	if err != nil {
		return nil, err
	}
	trees[0].Main = true
	shareBranches(trees)
	for i := range trees[1:] {
		t := &trees[i+1]
		t.Admin = admins[t.Path]
		if _, err := os.Lstat(t.Path); errors.Is(err, fs.ErrNotExist) {
			t.Missing = true
		}
	}
	return trees, nil
}

// treeAt is the worktree of a directory; false: git has none there.
func (p *Project) treeAt(ctx context.Context, path string) (Tree, bool, error) {
	trees, err := p.Trees(ctx)
	t, found := among(trees, path)
	return t, found, err
}

// parseTrees reads `worktree list --porcelain`: attributes that end with end,
// worktrees that end with an empty one.
func parseTrees(out, end string) ([]Tree, error) {
	var trees []Tree
	var t *Tree
	for _, attr := range strings.Split(out, end) {
		key, value, _ := strings.Cut(attr, " ")
		if attr == "" {
			t = nil
			continue
		}
		if key == "worktree" && t == nil {
			trees = append(trees, Tree{Path: filepath.Clean(value)})
			t = &trees[len(trees)-1]
			continue
		}
		if t == nil {
			return nil, fmt.Errorf("git worktree list said %.80q", attr)
		}
		t.set(key, value)
	}
	if len(trees) == 0 {
		return nil, errors.New("git worktree list named no worktree")
	}
	return trees, nil
}

func (t *Tree) set(key, value string) {
	switch key {
	case "HEAD":
		if strings.Trim(value, "0") != "" {
			t.Head = value
		}
	case "branch":
		t.Branch = strings.TrimPrefix(value, "refs/heads/")
	case "bare":
		t.Bare = true
	case "locked":
		t.Locked, t.LockReason = true, value
	}
}

// admins maps the directory of each linked worktree to git's own directory of
// it, as git has written it down.
func (p *Project) admins() (map[string]string, error) {
	dir := filepath.Join(p.Common, "worktrees")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make(map[string]string)
	for _, e := range entries {
		admin := filepath.Join(dir, e.Name())
		if path, err := adminTarget(admin); err == nil {
			out[path] = admin
		}
	}
	return out, nil
}

// adminTarget is the directory that git's own directory of a worktree names.
func adminTarget(admin string) (string, error) {
	data, err := readRegular(filepath.Join(admin, "gitdir"), 1<<16)
	if err != nil {
		return "", err
	}
	file := strings.TrimSuffix(string(data), "\n")
	if !filepath.IsAbs(file) { // worktree.useRelativePaths
		file = filepath.Join(admin, file)
	}
	if filepath.Base(file) != ".git" {
		return "", fmt.Errorf("%s names no worktree", filepath.Join(admin, "gitdir"))
	}
	return filepath.Dir(filepath.Clean(file)), nil
}

// agrees says whether a worktree's directory names the registration that names
// it. Anything else at its place (a clone, another worktree, a file) is not what
// git means.
func (t Tree) agrees() error {
	if t.Admin == "" {
		return fmt.Errorf("git has no entry of its own for %s", t.Path)
	}
	if info, err := os.Lstat(t.Path); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no directory, but a link or a file", t.Path)
	}
	data, err := readRegular(filepath.Join(t.Path, ".git"), 1<<16)
	if err != nil {
		return fmt.Errorf("%s is not the worktree that git means: %w", t.Path, err)
	}
	named, ok := strings.CutPrefix(strings.TrimSuffix(string(data), "\n"), "gitdir: ")
	if !filepath.IsAbs(named) {
		named = filepath.Join(t.Path, named)
	}
	if !ok || resolve(named) != resolve(t.Admin) {
		return fmt.Errorf("%s belongs to another entry of git than %s", t.Path, filepath.Base(t.Admin))
	}
	return nil
}

// workOf is git in a worktree.
func (p *Project) workOf(t Tree) git.Work { return p.git.In(t.Path) }
