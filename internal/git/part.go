package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Staged is what `git commit` would take: the tree of the index. index is the
// file that git told a hook to look at; empty: the repository's own. The second
// result is HEAD's tree; empty before the first commit. Like [Repo.Snapshot] it
// writes nothing in the repository.
func (r *Repo) Staged(ctx context.Context, index string) (*Tree, string, error) {
	headTree, err := r.headTree(ctx)
	if err != nil {
		return nil, "", err
	}
	return r.staged(ctx, headTree, index)
}

func (r *Repo) staged(ctx context.Context, headTree, index string) (*Tree, string, error) {
	if err := r.useScratchObjects(ctx); err != nil {
		return nil, "", err
	}
	if index == "" {
		var err error
		if index, err = r.indexPath(ctx); err != nil {
			return nil, "", err
		}
	} else if _, err := os.Stat(index); err != nil {
		return nil, "", fmt.Errorf("read the index: %w", err)
	}
	own := filepath.Join(r.scratch, "staged")
	if err := CopyIndex(index, own); err != nil {
		return nil, "", fmt.Errorf("read the index: %w", err)
	}
	c := r.command(r.Dir, "write-tree")
	c.Env = append(c.Env, "GIT_INDEX_FILE="+own)
	id, err := r.indexTree(ctx, own, headTree, c)
	if err != nil {
		return nil, "", fmt.Errorf("read what is staged: %w", err)
	}
	t, err := r.treeAt(ctx, id)
	if err != nil {
		return nil, "", err
	}
	t.Dirty = t.ID != headTree
	return t, headTree, nil
}

// Unpushed is what a push of head would publish: tree, head's own, against the
// last commit before the first one that no remote has. Its commits are all that
// no remote has; what was merged from a remote is not among them.
func (r *Repo) Unpushed(ctx context.Context, head string, tree *Tree) (*Change, error) {
	line, err := r.revList(ctx, []string{"rev-list", "--first-parent"}, []string{head, "--not", "--remotes"})
	if err != nil {
		return nil, fmt.Errorf("list what no remote has: %w", err)
	}
	base := head
	if len(line) > 0 {
		parents, err := r.Parents(ctx, line[len(line)-1])
		if err != nil {
			return nil, err
		}
		base = ""
		if len(parents) > 0 && !r.Boundary[line[len(line)-1]] {
			base = parents[0]
		}
	}
	c, err := r.Diff(ctx, base, head, tree)
	if err != nil || base == "" {
		return c, err
	}
	commits, merges, err := r.Split(ctx, head, "--not", "--remotes")
	if err != nil {
		return nil, fmt.Errorf("list what no remote has: %w", err)
	}
	c.hold(commits, merges)
	return c, nil
}

// SplitSince is [Repo.Split] of the commits that were made at a time or later:
// of those that are older, also where a newer one is behind them, none.
func (r *Repo) SplitSince(ctx context.Context, since time.Time, revs ...string) (commits, merges []string, err error) {
	out, err := r.output(ctx, r.asStore(append(append([]string{"rev-list", "--parents", "--timestamp"}, revs...), "--")...))
	if err != nil {
		return nil, nil, err
	}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 2 {
			return nil, nil, fmt.Errorf("git rev-list said %q", line)
		}
		made, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil {
			return nil, nil, fmt.Errorf("git rev-list said %q", line)
		}
		switch {
		case made < since.Unix():
		case len(f) > 3:
			merges = append(merges, f[1])
		default:
			commits = append(commits, f[1])
		}
	}
	return commits, merges, nil
}

// Signature is who wrote a commit, and when.
type Signature struct {
	Author Person
	Date   time.Time // the author's, in their time zone
}

// Signatures are those of commits, in their order, asked for with one command.
func (r *Repo) Signatures(ctx context.Context, commits []string) ([]Signature, error) {
	if len(commits) == 0 {
		return nil, nil
	}
	c := r.asStore("log", "--no-walk=unsorted", "--stdin", "-z", "--no-show-signature", "--no-color", "--encoding=UTF-8", "--format=%an%x01%ae%x01%aI")
	c.Stdin = strings.NewReader(strings.Join(commits, "\n") + "\n")
	out, err := r.output(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("read who wrote commits: %w", err)
	}
	entries := splitNUL(out)
	if len(entries) != len(commits) {
		return nil, fmt.Errorf("read who wrote commits: git showed %d of %d", len(entries), len(commits))
	}
	var all []Signature
	for _, entry := range entries {
		f := strings.Split(strings.TrimSuffix(entry, "\n"), "\x01")
		if len(f) < 3 {
			return nil, fmt.Errorf("read who wrote commits: git says %.80q", entry)
		}
		date, _ := time.Parse(time.RFC3339, f[len(f)-1]) // a commit can hold any date, or none
		all = append(all, Signature{Person{Name: f[0], Email: f[1]}, date})
	}
	return all, nil
}

// RemotesWith are the branches of remotes that have a commit: up to limit of
// their names, sorted.
func (r *Repo) RemotesWith(ctx context.Context, commit string, limit int) ([]string, error) {
	if !IsID(commit) {
		return nil, fmt.Errorf("commit %q: not an id", commit)
	}
	out, err := r.output(ctx, r.asStore("for-each-ref", "--contains="+commit, "--format=%(refname:lstrip=2)%00%(symref)", "refs/remotes"))
	if err != nil {
		return nil, fmt.Errorf("list the remotes that have %s: %w", commit, err)
	}
	var names []string
	for line := range strings.Lines(out) {
		name, symref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\x00")
		if symref == "" && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), limit)], nil
}

// LineOrigins are the commits that brought lines of a file to the tree of head,
// by line. There are none where the content is not the one that head has at
// this path.
func (r *Repo) LineOrigins(ctx context.Context, head string, f File, lines []int) (map[int]string, error) {
	there, err := r.output(ctx, r.asStore("ls-tree", "-z", "-l", "--full-tree", head, "--", f.Path))
	if err != nil {
		return nil, fmt.Errorf("look for %q: %w", f.Path, err)
	}
	entries, err := parseTree([]byte(there))
	if err != nil || len(entries) != 1 || entries[0].Path != f.Path || entries[0].OID != f.OID {
		return nil, err
	}
	args := []string{"blame", "--porcelain"}
	for _, line := range lines {
		args = append(args, fmt.Sprintf("-L%d,%d", line, line))
	}
	out, err := r.output(ctx, r.asStore(append(args, head, "--", f.Path)...))
	if err != nil {
		return nil, fmt.Errorf("find who brought lines of %q: %w", f.Path, err)
	}
	return blamed(out)
}

// blamed reads `git blame --porcelain`: "<id> <line before> <line> …" before
// each line, which begins with a tab.
func blamed(out string) (map[int]string, error) {
	origin := make(map[int]string)
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if strings.HasPrefix(line, "\t") || len(f) < 3 || !IsID(f[0]) {
			continue // the line itself, or what is said of its commit
		}
		n, err := strconv.Atoi(f[2])
		if err != nil {
			return nil, fmt.Errorf("git blame says %.80q", line)
		}
		origin[n] = f[0]
	}
	return origin, nil
}

// localAttributes says whether the repository has attributes of its own, in no
// commit (info/attributes). Nothing makes git pass over them, and they can call
// every file binary: then all are read as text, the binary ones too.
func (r *Repo) localAttributes() bool {
	info, err := os.Stat(filepath.Join(r.CommonDir(), "info", "attributes"))
	return err == nil && info.Size() > 0
}

// CommonDir is git's directory that all work trees of the repository share.
func (r *Repo) CommonDir() string {
	common, err := os.ReadFile(filepath.Join(r.GitDir, "commondir"))
	if err != nil {
		return r.GitDir
	}
	dir := strings.TrimSpace(string(common))
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(r.GitDir, dir)
	}
	return dir
}
