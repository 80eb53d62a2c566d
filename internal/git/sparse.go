package git

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// Absent are the files of the tree that are not checked out, because git was
// told so (sparse-checkout, update-index --skip-worktree): how many, and the
// first. A tool that reads the disk does not see them, or something else in
// their place. Only a [Repo.Snapshot] has any.
func (t *Tree) Absent(ctx context.Context) (first string, n int, err error) {
	if t.indexFile == "" {
		return "", 0, nil
	}
	data, err := os.ReadFile(t.indexFile)
	if err != nil {
		return "", 0, fmt.Errorf("read the index: %w", err)
	}
	if paths, ok := flagged(data, func(e indexEntry) bool { return e.skipped }); ok {
		if len(paths) > 0 {
			first = paths[0]
		}
		return first, len(paths), nil
	}
	c := t.repo.command(t.repo.Dir, "ls-files", "-t", "-z", "--full-name", "--", ":/")
	c.Env = append(c.Env, "GIT_INDEX_FILE="+t.indexFile)
	out, err := t.repo.output(ctx, c)
	for entry := range strings.SplitSeq(out, "\x00") {
		if path, ok := strings.CutPrefix(entry, "S "); ok {
			if n++; n == 1 {
				first = path
			}
		}
	}
	return first, n, err
}
