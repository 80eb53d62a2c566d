package worktree

import (
	"bytes"
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

// noEnvFiles keeps env files out of git's objects.
var noEnvFiles = []string{":(top,exclude,glob)**/.env", ":(top,exclude,glob)**/.env.*", ":(top,exclude,glob)**/*.env", ":(top,exclude,glob)**/.envrc", ":(top,exclude,glob)**/.dev.vars"}

// keep writes a commit that reaches all that only this worktree names: its HEAD,
// its changes and untracked files, what is staged, and the commits of its logs
// and of an operation in progress.
func (p *Project) keep(ctx context.Context, t Tree, id string) error {
	w := p.git.With(identity()...)
	if exists(p.Common, filepath.FromSlash(keepRef(id))) {
		return nil // an earlier try has written it
	}
	tree, dirty, err := p.snapshot(ctx, t)
	if err != nil {
		return err
	}
	parents, err := p.named(ctx, t)
	if err != nil {
		return err
	}
	staged := ""
	if dirty {
		if staged, err = p.staged(ctx, t); err != nil {
			return err
		}
	}
	if t.Head != "" {
		parents = append([]string{t.Head}, slices.DeleteFunc(parents, func(c string) bool { return c == t.Head })...)
	}
	if staged != "" {
		index, err := w.Line(ctx, "commit-tree", staged, "-m", "what was staged in "+nameOf(t.Branch, t.Path))
		if err != nil {
			return err
		}
		parents = append(parents, index)
	}
	args := []string{"commit-tree", tree, "-m", "what wf-ci put aside of " + nameOf(t.Branch, t.Path)}
	for _, c := range parents {
		args = append(args, "-p", c)
	}
	commit, err := w.Line(ctx, args...)
	if err != nil {
		return err
	}
	_, err = w.Git(ctx, "update-ref", keepRef(id), commit)
	return err
}

// snapshot is a tree with the worktree's files as they are, env files aside; dirty
// says whether it, or the index, may be another one than HEAD's.
func (p *Project) snapshot(ctx context.Context, t Tree) (tree string, dirty bool, err error) {
	if t.Missing {
		tree, err = p.headTree(ctx, t)
		return tree, true, err
	}
	c, err := p.condition(ctx, t, false)
	if err != nil {
		return "", false, err
	}
	if !c.Changes.Any() {
		tree, err = p.headTree(ctx, t)
		return tree, false, err
	}
	index, err := p.copyIndex(t)
	if err != nil {
		return "", false, err
	}
	w := p.workOf(t).With("GIT_INDEX_FILE=" + index)
	if err := w.Add(ctx, append([]string{"--all", "--", ":/"}, noEnvFiles...)...); err != nil {
		return "", false, err
	}
	tree, err = w.Line(ctx, "write-tree")
	return tree, true, err
}

func (p *Project) headTree(ctx context.Context, t Tree) (string, error) {
	if t.Head == "" {
		return p.git.Feed(ctx, strings.NewReader(""), "mktree")
	}
	return p.git.Line(ctx, "rev-parse", "--verify", t.Head+"^{tree}")
}

// named are the commits that git's own directory of the worktree names, in logs
// and elsewhere, and that no branch, remote or tag reaches. Of a line of them the
// last one is enough.
func (p *Project) named(ctx context.Context, t Tree) ([]string, error) {
	ids := idsIn(t.Admin)
	if t.Branch != "" {
		ids = append(ids, idsOf(p.reflog(t.Branch))...)
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == t.Head || strings.Trim(id, "0") == "" })
	commits, err := p.commitsOf(ctx, ids)
	if err != nil || len(commits) == 0 {
		return nil, err
	}
	refs, err := p.git.Git(ctx, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/remotes", "refs/tags")
	if err != nil {
		return nil, err
	}
	in := bytes.NewBufferString(strings.Join(commits, "\n") + "\n")
	for line := range strings.Lines(refs) {
		if id, ref, _ := strings.Cut(strings.TrimSpace(line), " "); ref != "refs/heads/"+t.Branch {
			fmt.Fprintf(in, "^%s\n", id)
		}
	}
	out, err := p.git.Feed(ctx, in, "rev-list", "--parents", "--stdin")
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

// commitsOf are those ids that are commits here.
func (p *Project) commitsOf(ctx context.Context, ids []string) ([]string, error) {
	return p.objectsOf(ctx, ids, "commit")
}

func (p *Project) objectsOf(ctx context.Context, ids []string, kind string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out, err := p.git.Feed(ctx, strings.NewReader(strings.Join(ids, "\n")+"\n"), "cat-file", "--batch-check=%(objectname) %(objecttype)")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(out) {
		if id, ok := strings.CutSuffix(strings.TrimSpace(line), " "+kind); ok {
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
	blobs, err := p.objectsOf(ctx, objectID.FindAllString(raw+unmerged, -1), "blob")
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
