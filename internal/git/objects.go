package git

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// NewCommit is a commit to be made, from contents: no work tree and no index of
// the user's is touched. Its author is wf-ci; the same NewCommit has the same id
// on every machine.
type NewCommit struct {
	Parent  string            // a commit whose other files stay as they are. Empty: a first commit.
	Files   map[string]string // path → id of the content; empty: the file is gone
	Message string            // Required.
	Time    time.Time         // Required.
}

// WriteBlobs stores contents and gives their ids, in their order.
func (r *Repo) WriteBlobs(ctx context.Context, contents [][]byte) (ids []string, err error) {
	if len(contents) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp(r.scratch, "blobs-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var names strings.Builder
	for i, data := range contents {
		name := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(name, data, 0o600); err != nil {
			return nil, err
		}
		names.WriteString(name + "\n")
	}
	c := r.asStore("hash-object", "-w", "--no-filters", "--stdin-paths")
	c.Stdin = strings.NewReader(names.String())
	out, err := r.output(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("store contents: %w", err)
	}
	if ids = strings.Fields(out); len(ids) != len(contents) {
		return nil, fmt.Errorf("store contents: git gave %d ids for %d", len(ids), len(contents))
	}
	return ids, nil
}

// MakeCommit stores a commit and gives its id. No ref names it yet.
func (r *Repo) MakeCommit(ctx context.Context, c NewCommit) (string, error) {
	index := filepath.Join(r.scratch, "index-"+rand.Text())
	defer func() { _ = os.Remove(index) }()
	git := func(stdin string, args ...string) (string, error) {
		cmd := r.asStore(args...)
		cmd.Env = append(cmd.Env, "GIT_INDEX_FILE="+index)
		cmd.Env = append(cmd.Env, identity(c.Time)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := r.output(ctx, cmd)
		return strings.TrimSpace(out), err
	}
	if c.Parent != "" {
		if _, err := git("", "read-tree", c.Parent); err != nil {
			return "", fmt.Errorf("read the tree of %s: %w", c.Parent, err)
		}
	}
	var lines strings.Builder
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		id, mode := c.Files[path], "100644"
		if strings.ContainsRune(path, 0) {
			return "", fmt.Errorf("path %q: has a NUL byte", path)
		}
		if id == "" {
			id, mode = emptyTree, "0"
		}
		fmt.Fprintf(&lines, "%s %s\t%s\x00", mode, id, path)
	}
	if _, err := git(lines.String(), "update-index", "-z", "--index-info"); err != nil {
		return "", fmt.Errorf("make a tree: %w", err)
	}
	tree, err := git("", "write-tree")
	if err != nil {
		return "", fmt.Errorf("make a tree: %w", err)
	}
	args := []string{"commit-tree", tree}
	if c.Parent != "" {
		args = append(args, "-p", c.Parent)
	}
	id, err := git(c.Message+"\n", args...)
	if err != nil {
		return "", fmt.Errorf("make a commit: %w", err)
	}
	return id, nil
}

// identity is who commits, and when.
func identity(at time.Time) []string {
	date := fmt.Sprintf("@%d +0000", at.Unix())
	return []string{
		"GIT_AUTHOR_NAME=wf-ci", "GIT_AUTHOR_EMAIL=wf-ci@localhost", "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=wf-ci", "GIT_COMMITTER_EMAIL=wf-ci@localhost", "GIT_COMMITTER_DATE=" + date,
	}
}

// FilesAt are the files below a folder at a revision, symlinks and submodules
// left out.
func (r *Repo) FilesAt(ctx context.Context, rev, under string) ([]File, error) {
	out, err := r.output(ctx, r.asStore("ls-tree", "-r", "-z", "-l", "--full-tree", rev, "--", under+"/"))
	if err != nil {
		return nil, err
	}
	files, err := parseTree([]byte(out))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(files, func(f File) bool { return f.Kind == Symlink }), nil
}

// TreeID is the id of a commit's tree.
func (r *Repo) TreeID(ctx context.Context, commit string) (string, error) {
	if !IsID(commit) {
		return "", fmt.Errorf("commit %q: want an id", commit)
	}
	out, err := r.output(ctx, r.asStore("rev-parse", "--verify", "--quiet", commit+"^{tree}"))
	if err != nil {
		return "", fmt.Errorf("find the tree of %s: %w", commit, err)
	}
	return strings.TrimSpace(out), nil
}
