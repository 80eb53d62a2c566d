package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
)

// trash is where what was removed is put aside: in the repository, where no
// tool looks and gc does not come.
func (p *Project) trash(id string) string { return filepath.Join(p.Common, "wf-ci", "trash", id) }

// trashBeside is where a tree goes whose disk is another one than the
// repository's: a rename does not cross disks, and a copy is no rename.
func trashBeside(path, id string) string {
	return filepath.Join(filepath.Dir(path), ".wf-ci-trash", id)
}

// keepRef keeps the commits and objects of what was removed from gc.
func keepRef(id string) string { return "refs/wf-ci/trash/" + id }

// putAside takes a worktree away from its place and from git, and keeps all of
// it: the files as they are, git's own directory of it (index, logs, an
// operation in progress), and a ref to every object that only these two named.
// Each step may find itself done already. seen is what was there when it was
// looked at, which has to be there right before it is moved; nil: nobody has.
func (p *Project) putAside(ctx context.Context, t Tree, id string, seen *Inspection) error {
	if err := os.MkdirAll(p.trash(id), 0o700); err != nil {
		return err
	}
	if err := p.keep(ctx, t, id, seen); err != nil {
		return fmt.Errorf("keep what %s has: %w", t.Path, err)
	}
	p.step("kept")
	if seen != nil {
		if err := p.unchanged(ctx, seen); err != nil {
			return err
		}
	}
	if !t.Missing {
		if err := p.moveTree(t.Path, id); err != nil {
			return err
		}
	}
	p.step("moved")
	if err := p.moveDir(t.Admin, filepath.Join(p.trash(id), "admin")); err != nil {
		return err
	}
	p.step("unregistered")
	return nil
}

// moveTree renames a worktree's directory into the trash.
func (p *Project) moveTree(path, id string) error {
	err := p.moveDir(path, filepath.Join(p.trash(id), "tree"))
	if errors.Is(err, syscall.EXDEV) {
		err = p.moveDir(path, filepath.Join(trashBeside(path, id), "tree"))
	}
	if err != nil {
		return fmt.Errorf("put %s aside: %w", path, err)
	}
	return nil
}

// moveDir renames a directory. What is at the new place is never replaced.
func (p *Project) moveDir(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return &fs.PathError{Op: "move to", Path: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}

// asideTree is where the files of something removed are; empty: nowhere.
func (p *Project) asideTree(path, id string) string {
	for _, dir := range []string{p.trash(id), trashBeside(path, id)} {
		if _, err := os.Lstat(filepath.Join(dir, "tree")); err == nil {
			return filepath.Join(dir, "tree")
		}
	}
	return ""
}

// purge deletes for good what was put aside.
func (p *Project) purge(id string) error {
	if err := removeAll(p.trash(id)); err != nil {
		return err
	}
	_, err := p.git.Git(context.Background(), "update-ref", "-d", keepRef(id))
	return err
}

// removeAll deletes a directory, also folders that may not be written to. Links
// are not followed.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// sweep deletes what was put aside longer ago than it is kept.
func (p *Project) sweep(ctx context.Context, list []journal.Entry) error {
	for _, e := range list {
		if p.now().Sub(e.At) < p.keepFor() || e.State == journal.Begun {
			continue
		}
		if err := p.forget(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// forget gives up an entry of the journal and what was put aside for it.
func (p *Project) forget(_ context.Context, e journal.Entry) error {
	if r, err := readRemoval(e); err == nil {
		if err := removeAll(trashBeside(r.Path, e.ID)); err != nil {
			return err
		}
		_ = os.Remove(filepath.Dir(trashBeside(r.Path, e.ID))) // where it was the last one
	}
	if err := p.purge(e.ID); err != nil {
		return err
	}
	return p.Journal.Drop(e.ID)
}

// cacheNames are folders that tools make again from what is tracked.
const cacheNames = " node_modules __pycache__ .next .nuxt .turbo .parcel-cache .gradle .tox .mypy_cache .pytest_cache .ruff_cache .venv venv "

// caches are the ignored folders that can be made again: by their names, or by
// the tag that caches have (https://bford.info/cachedir/).
func caches(tree string, ignored []string) []string {
	var out []string
	for _, path := range ignored {
		dir, isDir := strings.CutSuffix(path, "/")
		if !isDir {
			continue
		}
		name := dir[strings.LastIndexByte(dir, '/')+1:]
		tagged := exists(filepath.Join(tree, filepath.FromSlash(dir)), "CACHEDIR.TAG")
		if tagged || strings.Contains(cacheNames, " "+name+" ") {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return out
}

// dropCaches deletes from what was put aside what can be made again: it is what
// fills disks.
func (p *Project) dropCaches(r removal, id string) error {
	tree := p.asideTree(r.Path, id)
	if tree == "" {
		return nil
	}
	root, err := os.OpenRoot(tree) // a link in the tree leads nowhere
	if err != nil {
		return err
	}
	defer root.Close()
	for _, dir := range r.Caches {
		if err := root.RemoveAll(filepath.FromSlash(dir)); err != nil {
			_ = removeAllIn(root, filepath.FromSlash(dir))
		}
	}
	return nil
}

// removeAllIn tries again after it has made the folders writable.
func removeAllIn(root *os.Root, dir string) error {
	_ = fs.WalkDir(root.FS(), filepath.ToSlash(dir), func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = root.Chmod(filepath.FromSlash(path), 0o700)
		}
		return nil
	})
	return root.RemoveAll(dir)
}

// until is how long something removed can come back.
func (p *Project) until(e journal.Entry) time.Time { return e.At.Add(p.keepFor()) }
