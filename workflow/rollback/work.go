package rollback

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// work is all that a work tree can hold: a commit, what is staged, and the files
// as they are. Staged and files are trees.
type work struct {
	Head  string `json:"head"`
	Index string `json:"index"`
	Work  string `json:"work"`

	index string // a copy of the index, whose entries are the files as they are
}

// capture reads what the work tree holds, untracked files too. Those that git
// ignores stay where they are.
func (r *Repo) capture(ctx context.Context, w git.Work, head string) (work, error) {
	s := work{Head: head}
	var err error
	if s.index, err = r.copyIndex(); err != nil {
		return s, err
	}
	w = w.With("GIT_INDEX_FILE=" + s.index)
	if s.Index, err = w.Line(ctx, "write-tree"); err != nil {
		return s, err
	}
	if err = w.AddWork(ctx); err != nil {
		return s, err
	}
	s.Work, err = w.Line(ctx, "write-tree")
	return s, err
}

// copyIndex is a copy of the index that may be changed.
func (r *Repo) copyIndex() (string, error) {
	to := filepath.Join(r.scratch, "index-work")
	return to, git.CopyIndex(filepath.Join(r.Admin, "index"), to)
}

// carry is the same work on another tree than its commit's. Where the two change
// the same lines there is no such thing.
func (r *Repo) carry(ctx context.Context, w git.Work, now work, tree string) (work, []Reason, error) {
	base, err := treeOf(ctx, w, now.Head)
	if err != nil {
		return work{}, nil, err
	}
	var next work
	for _, part := range []struct {
		theirs string
		to     *string
	}{{now.Work, &next.Work}, {now.Index, &next.Index}} {
		merged, files, err := threeWay(ctx, w, base, tree, part.theirs)
		if err != nil {
			return work{}, nil, err
		}
		if len(files) > 0 {
			return work{}, []Reason{{
				Rule: "uncommitted", Detail: "work that no commit has changes the same lines: " + strings.Join(first(files), ", "),
				Hint: "commit or stash it", Paths: files,
			}}, nil
		}
		*part.to = merged
	}
	return next, nil, nil
}

// first are so many that they can be read.
func first(list []string) []string {
	if len(list) > 10 {
		return append(slices.Clone(list[:10]), "…")
	}
	return list
}

// inTheWay are files that git does not know (it ignores them) where another file
// would be written: git would take them for nothing worth.
func (r *Repo) inTheWay(ctx context.Context, w git.Work, now, next work) ([]Reason, error) {
	list, err := changes(ctx, w, now.Work, next.Work)
	if err != nil {
		return nil, err
	}
	out, err := w.With("GIT_INDEX_FILE="+now.index).Git(ctx, "ls-files", "-z")
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool)
	for name := range strings.SplitSeq(out, "\x00") {
		known[name] = true
	}
	root, err := os.OpenRoot(r.Top)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []string
	for _, f := range list {
		if f.Status != "A" {
			continue
		}
		name, err := blocker(root, f.Path, known)
		if err != nil {
			return nil, err
		}
		if name != "" {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	return []Reason{{Rule: "in-the-way", Detail: "files that git ignores are where others come back: " + strings.Join(first(files), ", "), Hint: "move them away", Paths: files}}, nil
}

// blocker is a file that git does not know at a path, above it or below it.
func blocker(root *os.Root, name string, known map[string]bool) (string, error) {
	parts := strings.Split(name, "/")
	for i := range parts {
		at := strings.Join(parts[:i+1], "/")
		info, err := root.Lstat(filepath.FromSlash(at))
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if info.IsDir() {
			continue
		}
		if known[at] {
			return "", nil
		}
		return at, nil
	}
	found := ""
	err := fs.WalkDir(root.FS(), name, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !known[p] {
			found = p
			return fs.SkipAll
		}
		return err
	})
	return found, err
}

// keep writes a commit that reaches all of two states, under a ref, so that
// nothing of them is lost whatever happens.
func (r *Repo) keep(ctx context.Context, id string, states ...work) error {
	w := r.git.With(ours...)
	args := []string{"commit-tree", states[0].Work, "-m", "what wf-ci rollback found"}
	seen := make(map[string]bool)
	add := func(commit string) {
		if !seen[commit] {
			seen[commit] = true
			args = append(args, "-p", commit)
		}
	}
	if old, err := r.at(ctx, keepRef(id)); err != nil {
		return err
	} else if old != "" {
		add(old)
	}
	for _, s := range states {
		if s.Head != "" {
			add(s.Head)
		}
		for _, tree := range []string{s.Index, s.Work} {
			c, err := w.Line(ctx, "commit-tree", tree, "-m", "part of it")
			if err != nil {
				return err
			}
			add(c)
		}
	}
	commit, err := w.Line(ctx, args...)
	if err != nil {
		return err
	}
	_, err = w.Git(ctx, "update-ref", keepRef(id), commit)
	return err
}

// keepRef is where package worktree keeps what it has put aside: it goes when the
// entry of the journal goes.
func keepRef(id string) string { return "refs/wf-ci/trash/" + id }

// files makes the work tree as another state has it. git gives up where a file is
// not what the first state says; then some may be changed already.
func (r *Repo) files(ctx context.Context, from, to work) error {
	if from.Work == to.Work {
		return nil
	}
	_, err := r.git.With("GIT_INDEX_FILE="+from.index).Git(ctx, "read-tree", "-m", "-u", from.Work, to.Work)
	return err
}

// stage makes the index as another state has it. What else it says of its files
// stays.
func (r *Repo) stage(ctx context.Context, from, to work) error {
	if from.Index != to.Index {
		if _, err := r.git.Git(ctx, "read-tree", "-m", "-i", from.Index, to.Index); err != nil {
			return err
		}
	}
	_, err := r.git.Git(ctx, "update-index", "-q", "--refresh")
	if git.Exited(err, 1) {
		return nil // some files differ from what is staged: that is no fault
	}
	return err
}

// putBack makes the files as a state has them again, of those on the way to
// another. now is what is there. What is neither the one's nor the other's somebody
// has written, or git was killed while it wrote: only all says to replace it.
func (r *Repo) putBack(ctx context.Context, now, from, to work, all bool) error {
	moved, err := changes(ctx, r.git, from.Work, to.Work)
	if err != nil {
		return err
	}
	wrong, err := changes(ctx, r.git, now.Work, from.Work)
	if err != nil {
		return err
	}
	unlike, err := changes(ctx, r.git, now.Work, to.Work)
	if err != nil {
		return err
	}
	mine := make(map[string]bool)
	for _, f := range moved {
		mine[f.Path] = true
	}
	for _, f := range unlike {
		if f.Status != "A" && !all {
			mine[f.Path] = false
		}
	}
	root, err := os.OpenRoot(r.Top)
	if err != nil {
		return err
	}
	defer root.Close()
	var back strings.Builder
	for _, f := range wrong {
		if !mine[f.Path] {
			continue
		}
		if f.Status == "D" {
			if err := remove(root, f.Path); err != nil {
				return err
			}
			continue
		}
		back.WriteString(f.Path + "\x00")
	}
	w := r.git.With("GIT_INDEX_FILE=" + filepath.Join(r.scratch, "index-back"))
	if _, err := w.Git(ctx, "read-tree", from.Work); err != nil {
		return err
	}
	_, err = w.Feed(ctx, strings.NewReader(back.String()), "checkout-index", "--force", "-z", "--stdin")
	return err
}

// remove deletes a file, and the folders that it leaves empty.
func remove(root *os.Root, name string) error {
	if err := root.Remove(filepath.FromSlash(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if root.Remove(filepath.FromSlash(dir)) != nil {
			break
		}
	}
	return nil
}
