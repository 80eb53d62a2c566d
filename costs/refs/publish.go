package refs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// runName is what may name a run in a ref.
var runName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Publish puts entries into a ref of their own,
// refs/wf-ci/ledger/<run>/<hash of the content>, and gives its name. When it
// returns, they are on the remote. Published again, they are the same ref.
//
// The commit has no parent and holds costs/entries/… only: it starts no
// workflow, and needs no more than the right to push.
func (s Store) Publish(ctx context.Context, run string, entries []costs.Entry) (ref string, err error) {
	if !runName.MatchString(run) || !git.ValidRef("refs/"+run) {
		return "", fmt.Errorf("run %q: want letters, digits, dots and dashes", run)
	}
	if len(entries) == 0 {
		return "", errors.New("no entries to publish")
	}
	files, err := costs.Files(entries)
	if err != nil {
		return "", err
	}
	c := git.NewCommit{Message: fmt.Sprintf("costs: %d of %s", len(entries), run), Time: newest(entries)}
	if c.Files, err = s.blobs(ctx, files); err != nil {
		return "", err
	}
	commit, err := s.Repo.MakeCommit(ctx, c)
	if err != nil {
		return "", err
	}
	ref = s.name("ledger", run, digest(files))
	return ref, retry(ctx, func() error {
		err := s.refs().Set(ctx, git.Update{Ref: ref, New: commit})
		if errors.Is(err, git.ErrMoved) && s.has(ctx, ref) {
			return nil // the same content, by another version of us
		}
		return err
	})
}

// has says whether a ref whose name is that of its content is there.
func (s Store) has(ctx context.Context, ref string) bool {
	there, err := s.refs().List(ctx, ref)
	return err == nil && there[ref] != ""
}

// blobs stores files below costs and gives the paths with their ids.
func (s Store) blobs(ctx context.Context, files map[string][]byte) (map[string]string, error) {
	names := slices.Sorted(maps.Keys(files))
	var contents [][]byte
	for _, n := range names {
		contents = append(contents, files[n])
	}
	ids, err := s.Repo.WriteBlobs(ctx, contents)
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string, len(names))
	for i, n := range names {
		paths["costs/"+n] = ids[i]
	}
	return paths, nil
}

// digest names files by their names, which name their contents.
func digest(files map[string][]byte) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(maps.Keys(files)), "\n")))
	return hex.EncodeToString(sum[:10])
}

func newest(entries []costs.Entry) time.Time {
	var t time.Time
	for _, e := range entries {
		if e.Time.After(t) {
			t = e.Time
		}
	}
	return t
}
