package coverage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
)

// written is a file that a tool wrote into the work tree.
type written struct {
	path string
	data []byte
	time time.Time
}

// readWritten reads a file of the work tree, without leaving it. A file that is
// committed as it is now was written by nobody since the checkout, and says
// nothing of the tree: it is refused.
func readWritten(ctx context.Context, root *os.Root, t *gates.Target, name string) (written, error) {
	w := written{path: name}
	if err := gates.PlainFile(root, t, name); err != nil {
		return w, err
	}
	f, err := root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return w, fmt.Errorf("%s is not there: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return w, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return w, err
	}
	switch {
	case !info.Mode().IsRegular():
		return w, fmt.Errorf("%s is not a file", name)
	case info.Size() > reportLimit:
		return w, fmt.Errorf("%s is larger than %d MiB", name, reportLimit>>20)
	}
	w.time = info.ModTime()
	if w.data, err = io.ReadAll(io.LimitReader(f, reportLimit+1)); err != nil {
		return w, fmt.Errorf("read %s: %w", name, err)
	}
	return w, w.committed(ctx, t)
}

// committed is an error when the file is in HEAD as it is now.
func (w written) committed(ctx context.Context, t *gates.Target) error {
	same, err := gates.IsCommitted(ctx, t, w.path, w.data)
	if same {
		return fmt.Errorf("%s is committed, so it says nothing of this tree: let a step of the workflow write it, and have git ignore it", w.path)
	}
	return err
}

// stat is a file of the work tree as it is now; nil when it is not there.
func stat(root *os.Root, name string) os.FileInfo {
	info, err := root.Stat(filepath.FromSlash(name))
	if err != nil {
		return nil
	}
	return info
}

// rewritten says whether a file was written between two looks at it.
func rewritten(before, after os.FileInfo) bool {
	if before == nil || after == nil {
		return after != nil
	}
	return !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) || after.Size() != before.Size()
}

// walkLimit is how many entries of a work tree are looked at for reports.
const walkLimit = 200_000

// globbed are the files of the work tree that match one of the patterns,
// sorted. Directories of dependencies are passed over.
func globbed(root *os.Root, patterns []string) ([]string, error) {
	var found []string
	n := 0
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // not readable: not a report
		}
		if n++; n > walkLimit {
			return fmt.Errorf("more than %d files: name the reports", walkLimit)
		}
		if d.IsDir() {
			if base := d.Name(); base == ".git" || base == "node_modules" || base == ".venv" || base == "site-packages" {
				return fs.SkipDir
			}
			return nil
		}
		if slices.ContainsFunc(patterns, func(p string) bool { return project.Match(path.Clean(p), name) }) {
			found = append(found, name)
		}
		return nil
	})
	slices.Sort(found)
	return found, err
}
