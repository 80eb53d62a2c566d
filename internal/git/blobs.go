package git

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git/pack"
)

// Changed is a file that a commit changes; empty OID: deleted.
type Changed struct {
	File
	Status byte // git's letter: A, M, D, T; zero in a merge
	// Old are the contents before, in each parent; empty where it had none. A
	// commit without parents has one.
	Old []string
}

// Changes calls fn with the files that each of the commits changes, in the
// commits' order: of a merge, those that differ from every parent. A rename is
// a new file. Submodules are left out.
func (r *Repo) Changes(ctx context.Context, commits []string, fn func(commit string, files []Changed) error) error {
	if len(commits) <= fewCommits {
		done, err := r.readChanges(ctx, commits, fn)
		if err != nil || done == len(commits) {
			return err
		}
		commits = commits[done:]
	}
	c := r.asStore("diff-tree", "--stdin", "--always", "-r", "-c", "--root", "--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=all")
	c.Stdin = strings.NewReader(strings.Join(commits, "\n") + "\n")
	return r.parsed(ctx, c, func(in *bufio.Reader) error {
		at := -1
		var files []Changed
		err := eachRaw(in, func(commit string) error {
			if at >= 0 {
				if err := fn(commits[at], files); err != nil {
					return err
				}
			}
			files = files[:0]
			if at++; at >= len(commits) || commits[at] != commit {
				return fmt.Errorf("entry %.80q is not the commit that was asked for", commit)
			}
			return nil
		}, func(f Changed) error {
			files = append(files, f)
			return nil
		})
		if err == nil && at+1 != len(commits) {
			err = fmt.Errorf("git showed %d of %d commits", at+1, len(commits))
		}
		if err == nil {
			err = fn(commits[at], files)
		}
		return err
	})
}

// fewCommits is up to how many commits it takes longer to start git than to
// read their trees here; for more of them git is the faster.
const fewCommits = 256

// readChanges is [Repo.Changes] without git, up to the first commit that is a
// merge or cannot be read. It gives how many it is done with.
func (r *Repo) readChanges(ctx context.Context, commits []string, fn func(commit string, files []Changed) error) (int, error) {
	store, err := r.Store(ctx)
	if err != nil {
		return 0, err
	}
	defer store.Close()
	store.Keep = maxHeld
	o := objects{store: store}
	var files []Changed
	for i, commit := range commits {
		if err := ctx.Err(); err != nil {
			return i, err
		}
		before, now, ok := r.sides(&o, commit)
		files = files[:0]
		if !ok || !o.diff(before, now, func(c Changed) { files = append(files, c) }) {
			return i, nil
		}
		if err := fn(commit, files); err != nil {
			return i, err
		}
	}
	return len(commits), nil
}

// sides are the trees before and after a commit that is no merge. Before the
// first one, and where a shallow clone ends, there is none.
func (r *Repo) sides(o *objects, commit string) (before, now string, ok bool) {
	now, parents, ok := o.commit(commit)
	if !ok || len(parents) > 1 {
		return "", "", false
	}
	if len(parents) == 0 || r.Boundary[commit] {
		return "", now, true
	}
	before, _, ok = o.commit(parents[0])
	return before, now, ok
}

// Blobs calls fn with the content of each object, in their order. fn need not
// read all of it.
func (r *Repo) Blobs(ctx context.Context, oids []string, fn func(i int, size int64, content io.Reader) error) error {
	if len(oids) == 0 {
		return nil
	}
	c := r.asStore("-c", "core.deltaBaseCacheLimit=128m", "cat-file", "--batch", "--buffer")
	c.Stdin = strings.NewReader(strings.Join(oids, "\n") + "\n")
	return r.parsed(ctx, c, func(in *bufio.Reader) error {
		for i, oid := range oids {
			header, err := in.ReadString('\n')
			if err != nil {
				return fmt.Errorf("read object %s: %w", oid, unexpected(err))
			}
			f := strings.Fields(header)
			if len(f) != 3 || f[0] != oid || f[1] != "blob" {
				return fmt.Errorf("read object %s: git says %q", oid, strings.TrimSpace(header))
			}
			size, err := strconv.ParseInt(f[2], 10, 64)
			if err != nil || size < 0 {
				return fmt.Errorf("read object %s: git says %q", oid, strings.TrimSpace(header))
			}
			body := &io.LimitedReader{R: in, N: size}
			if err := fn(i, size, body); err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, body); err != nil {
				return fmt.Errorf("read object %s: %w", oid, err)
			}
			if body.N > 0 {
				return fmt.Errorf("read object %s: %w", oid, io.ErrUnexpectedEOF)
			}
			if _, err := in.Discard(1); err != nil {
				return fmt.Errorf("read object %s: %w", oid, unexpected(err))
			}
		}
		return nil
	})
}

// Store opens the objects, to be read without git as far as that goes. It has
// to be closed.
func (r *Repo) Store(ctx context.Context) (*pack.Store, error) {
	objects := r.objects
	if objects == "" { // there is no snapshot, so nothing in scratch
		var err error
		if objects, err = r.gitPath(ctx, "objects"); err != nil {
			return nil, err
		}
	}
	return pack.Open(filepath.Join(r.scratch, "objects"), objects), nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
