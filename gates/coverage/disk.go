package coverage

import (
	"context"
	"fmt"
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

// readWritten reads a report of the work tree.
func readWritten(ctx context.Context, root *os.Root, t *gates.Target, name string) (written, error) {
	w, err := gates.ReadWritten(ctx, root, t, name, reportLimit)
	return written{path: name, data: w.Data, time: w.Time}, err
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
