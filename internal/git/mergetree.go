package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// MergeTree merges two commits without a work tree: the tree, or the files in
// conflict, sorted.
func (w Work) MergeTree(ctx context.Context, ours, theirs string) (tree string, conflicts []string, err error) {
	out, err := w.Git(ctx, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
	if Exited(err, 129) {
		return "", nil, errors.New("merging needs git 2.38 or newer")
	}
	conflict := Exited(err, 1)
	if err != nil && !conflict {
		return "", nil, fmt.Errorf("merge %s and %s: %w", ours, theirs, err)
	}
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	if !conflict {
		return strings.TrimSpace(fields[0]), nil, nil
	}
	files := slices.DeleteFunc(fields[1:], func(s string) bool { return s == "" })
	slices.Sort(files)
	if files = slices.Compact(files); len(files) == 0 {
		files = []string{"(git names no file)"}
	}
	return "", files, nil
}

// CopyIndex makes a copy of an index that may be changed. Without an index
// there is no copy either.
func CopyIndex(from, to string) error {
	data, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Remove(to); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return err
	}
	// The index's own time decides which entries git looks at again.
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
