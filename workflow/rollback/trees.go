package rollback

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// ours is who makes the commits that nobody sees.
var ours = []string{
	"GIT_AUTHOR_NAME=wf-ci", "GIT_AUTHOR_EMAIL=wf-ci@localhost", "GIT_COMMITTER_NAME=wf-ci", "GIT_COMMITTER_EMAIL=wf-ci@localhost",
}

// tracelessly is git whose new objects go away with the scratch directory.
func (r *Repo) tracelessly() (git.Work, error) {
	dir := filepath.Join(r.scratch, "objects")
	err := os.MkdirAll(dir, 0o700)
	return r.git.With(git.Objects(dir, filepath.Join(r.Common, "objects"))...), err
}

// threeWay brings to a tree what another one changed since a base, without a
// work tree: the result, or the files in conflict.
func threeWay(ctx context.Context, w git.Work, base, mine, theirs string) (tree string, conflicts []string, err error) {
	switch {
	case mine == base, mine == theirs:
		return theirs, nil, nil
	case theirs == base:
		return mine, nil, nil
	}
	// merge-tree finds its base in the history (--merge-base is of git 2.40): it
	// gets a history that says so.
	hidden := w.With(ours...)
	b, err := hidden.Line(ctx, "commit-tree", base, "-m", "base")
	if err != nil {
		return "", nil, err
	}
	var sides []string
	for _, t := range []string{mine, theirs} {
		side, err := hidden.Line(ctx, "commit-tree", t, "-p", b, "-m", "side")
		if err != nil {
			return "", nil, err
		}
		sides = append(sides, side)
	}
	return w.MergeTree(ctx, sides[0], sides[1])
}

// treeOf is the tree of a commit; of none, the empty one.
func treeOf(ctx context.Context, w git.Work, commit string) (string, error) {
	if commit == "" {
		out, err := w.Feed(ctx, strings.NewReader(""), "mktree")
		return strings.TrimSpace(out), err
	}
	return w.Line(ctx, "rev-parse", "--verify", commit+"^{tree}")
}

// FileChange is what becomes of a file.
type FileChange struct {
	Path   string `json:"path"`
	Status string `json:"status"` // A comes back, D goes, M and T change
	module bool
}

// changes are the files that differ between two trees.
func changes(ctx context.Context, w git.Work, from, to string) ([]FileChange, error) {
	out, err := w.Git(ctx, "diff-tree", "-r", "--raw", "--no-renames", "-z", from, to)
	if err != nil {
		return nil, err
	}
	list := []FileChange{}
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		meta := strings.Fields(fields[i])
		if len(meta) != 5 {
			return nil, fmt.Errorf("git diff-tree said %.80q", fields[i])
		}
		list = append(list, FileChange{Path: fields[i+1], Status: meta[4], module: meta[0] == ":160000" || meta[1] == "160000"})
	}
	return list, nil
}

// topPaths are paths as the user gives them, from the top of the tree.
func (r *Repo) topPaths(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		full := path.Clean(path.Join("/", r.prefix, filepath.ToSlash(p)))
		if p == "" || strings.ContainsRune(p, 0) || path.IsAbs(filepath.ToSlash(p)) || strings.HasPrefix(path.Join(r.prefix, filepath.ToSlash(p)), "..") {
			return nil, usagef("--paths %q: want a path inside the repository", p)
		}
		if full == "/" {
			return nil, usagef("--paths %q is everything: leave --paths out", p)
		}
		out = append(out, full[1:])
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// withFiles is a tree with some paths as another commit has them.
func (r *Repo) withFiles(ctx context.Context, w git.Work, tree, from string, paths []string) (string, error) {
	w = w.With("GIT_INDEX_FILE=" + filepath.Join(r.scratch, "index-files"))
	if _, err := w.Git(ctx, "read-tree", tree); err != nil {
		return "", err
	}
	var feed strings.Builder
	for _, p := range paths {
		gone, err := w.Git(ctx, "ls-files", "-z", "--", ":(top,literal)"+p)
		if err != nil {
			return "", err
		}
		back, err := w.Git(ctx, "ls-tree", "-r", "-z", "--full-tree", from, "--", p)
		if err != nil {
			return "", err
		}
		if gone == "" && back == "" {
			return "", usagef("--paths %q: neither this state nor %.12s has it", p, from)
		}
		for name := range strings.SplitSeq(strings.TrimSuffix(gone, "\x00"), "\x00") {
			if name != "" {
				fmt.Fprintf(&feed, "0 %s\t%s\x00", strings.Repeat("0", len(from)), name)
			}
		}
		feed.WriteString(back)
	}
	if _, err := w.Feed(ctx, strings.NewReader(feed.String()), "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	return w.Line(ctx, "write-tree")
}
