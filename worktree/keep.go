package worktree

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// objectID is a full id in git's own files.
var objectID = lazyregexp.New(`\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b`)

// adminFileLimit bounds what is read of git's own files.
const adminFileLimit = 8 << 20

// keep makes a ref to all that only this worktree names: its HEAD, its changes and
// untracked files, what is staged, and the commits of its logs and of an
// operation in progress. seen: as for [Project.putAside].
func (p *Project) keep(ctx context.Context, t Tree, id string, seen *Inspection) error {
	if exists(p.Common, filepath.FromSlash(keepRef(id))) {
		return nil // an earlier try has written it
	}
	dirty, err := p.dirty(ctx, t, seen)
	if err != nil {
		return err
	}
	parents, err := p.named(ctx, t)
	if err != nil {
		return err
	}
	commit := t.Head
	if dirty || len(parents) > 0 || t.Head == "" {
		if commit, err = p.keepCommit(ctx, t, dirty, parents); err != nil {
			return err
		}
	}
	_, err = p.git.Git(ctx, "update-ref", keepRef(id), commit)
	return err
}

// dirty says whether a worktree, or its index, may hold something else than its
// HEAD.
func (p *Project) dirty(ctx context.Context, t Tree, seen *Inspection) (bool, error) {
	if t.Missing {
		return true, nil // nobody can look
	}
	if seen != nil {
		return seen.Changes.Any(), nil
	}
	c, err := p.condition(ctx, t, false)
	return c.Changes.Any(), err
}

// keepCommit writes a commit that reaches the worktree's HEAD, the parents, and
// its files and its index where these are dirty.
func (p *Project) keepCommit(ctx context.Context, t Tree, dirty bool, parents []string) (string, error) {
	w := p.git.With(identity()...)
	tree, err := p.snapshot(ctx, t, dirty)
	if err != nil {
		return "", err
	}
	if t.Head != "" {
		parents = append([]string{t.Head}, parents...)
	}
	if dirty {
		staged, err := p.staged(ctx, t)
		if err != nil {
			return "", err
		}
		if staged != "" {
			index, err := w.Line(ctx, "commit-tree", staged, "-m", "what was staged in "+nameOf(t.Branch, t.Path))
			if err != nil {
				return "", err
			}
			parents = append(parents, index)
		}
	}
	args := []string{"commit-tree", tree, "-m", "what wf-ci put aside of " + nameOf(t.Branch, t.Path)}
	for _, c := range parents {
		args = append(args, "-p", c)
	}
	return w.Line(ctx, args...)
}

// snapshot is a tree with the worktree's files as they are, env files aside.
func (p *Project) snapshot(ctx context.Context, t Tree, dirty bool) (string, error) {
	if t.Missing || !dirty {
		return p.headTree(ctx, t)
	}
	index, err := p.copyIndex(t)
	if err != nil {
		return "", err
	}
	w := p.workOf(t).With("GIT_INDEX_FILE=" + index)
	if err := w.AddWork(ctx); err != nil {
		return "", err
	}
	return w.Line(ctx, "write-tree")
}

func (p *Project) headTree(ctx context.Context, t Tree) (string, error) {
	if t.Head == "" {
		empty, err := p.git.Feed(ctx, strings.NewReader(""), "mktree")
		return strings.TrimSpace(empty), err
	}
	return t.Head + "^{tree}", nil
}

// named are the commits that git's own directory of the worktree names, in logs
// and elsewhere, and that neither its HEAD nor another branch, a remote or a tag
// reaches. Of a line of them the last one is enough.
func (p *Project) named(ctx context.Context, t Tree) ([]string, error) {
	ids := idsIn(t.Admin)
	if t.Branch != "" {
		ids = append(ids, idsOf(p.reflog(t.Branch))...)
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool {
		return id == t.Head || strings.Trim(id, "0") == "" || t.Head != "" && len(id) != len(t.Head)
	})
	if len(ids) == 0 {
		return nil, nil
	}
	args := []string{"rev-list", "--parents", "--ignore-missing", "--stdin", "--not"} // what is no commit is passed over
	if t.Branch != "" {
		args = append(args, "--exclude="+t.Branch)
	}
	args = append(args, "--branches", "--remotes", "--tags")
	if t.Head != "" {
		ids = append(ids, "^"+t.Head)
	}
	out, err := p.git.Feed(ctx, strings.NewReader(strings.Join(ids, "\n")+"\n"), args...)
	if err != nil {
		return nil, err
	}
	return heads(out), nil
}

// heads are the commits of `rev-list --parents` that are nobody's parent.
func heads(out string) []string {
	parents := make(map[string]bool)
	for line := range strings.Lines(out) {
		for _, id := range strings.Fields(line)[1:] {
			parents[id] = true
		}
	}
	var tips []string
	for line := range strings.Lines(out) {
		if id := strings.Fields(line)[0]; !parents[id] {
			tips = append(tips, id)
		}
	}
	return tips
}

// blobsOf are those ids that are blobs here.
func (p *Project) blobsOf(ctx context.Context, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out, err := p.git.Feed(ctx, strings.NewReader(strings.Join(ids, "\n")+"\n"), "cat-file", "--batch-check=%(objectname) %(objecttype)")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(out) {
		if id, ok := strings.CutSuffix(strings.TrimSpace(line), " blob"); ok {
			found = append(found, id)
		}
	}
	return found, nil
}

// idsIn are the ids in the files of git's own directory of a worktree.
func idsIn(admin string) []string {
	var ids []string
	_ = filepath.WalkDir(admin, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what is not there names nothing
		}
		if d.IsDir() && d.Name() == "modules" && filepath.Dir(path) == admin {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() && d.Name() != "index" {
			ids = append(ids, idsOf(path)...)
		}
		return nil
	})
	return ids
}

func idsOf(path string) []string {
	data, err := readRegular(path, adminFileLimit)
	if err != nil {
		return nil
	}
	return objectID.FindAllString(string(data), -1)
}

// reflog is the log of a branch, where refs are files.
func (p *Project) reflog(branch string) string {
	return filepath.Join(p.Common, "logs", "refs", "heads", filepath.FromSlash(branch))
}

// staged is a tree with the blobs that only the index names; empty: there are
// none.
func (p *Project) staged(ctx context.Context, t Tree) (string, error) {
	if !exists(t.Admin, "index") {
		return "", nil
	}
	w := p.git.With("GIT_INDEX_FILE=" + filepath.Join(t.Admin, "index"))
	against := t.Head
	if against == "" {
		empty, err := p.git.Feed(ctx, strings.NewReader(""), "mktree")
		if err != nil {
			return "", err
		}
		against = strings.TrimSpace(empty)
	}
	raw, err := w.Git(ctx, "diff-index", "--cached", "--raw", "--no-abbrev", "--no-renames", "-z", against, "--")
	if err != nil {
		return "", err
	}
	unmerged, err := w.Git(ctx, "ls-files", "--unmerged", "-z")
	if err != nil {
		return "", err
	}
	blobs, err := p.blobsOf(ctx, objectID.FindAllString(raw+unmerged, -1))
	if err != nil || len(blobs) == 0 {
		return "", err
	}
	slices.Sort(blobs)
	var b strings.Builder
	for i, id := range slices.Compact(blobs) {
		fmt.Fprintf(&b, "100644 blob %s\t%d\x00", id, i)
	}
	out, err := p.git.Feed(ctx, strings.NewReader(b.String()), "mktree", "-z")
	return strings.TrimSpace(out), err
}

// saveReflog puts the log of a branch aside: it goes when the branch goes.
func (p *Project) saveReflog(branch, id string) error {
	data, err := os.ReadFile(p.reflog(branch))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p.trash(id), "branch-log"), data, 0o600)
}
