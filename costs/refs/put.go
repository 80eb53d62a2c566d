package refs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Edit is a file that changes. Old is what its editor has read; nil: it was not
// there.
type Edit struct{ Old, New []byte }

// ErrEdited says that somebody has changed a file since its editor has read it.
var ErrEdited = errors.New("somebody has changed it in the meantime")

// editLimit is more than a file that is put may hold, in bytes.
const editLimit = 16 << 20

// Put changes files of a branch, and nothing else there. Where the branch moves
// in the meantime it is tried again; where one of the files did, the error is
// [ErrEdited] and nothing is changed.
func (s Store) Put(ctx context.Context, branch, message string, at time.Time, files map[string]Edit) error {
	return retry(ctx, func() error {
		all, err := s.refs().List(ctx, branch)
		if err != nil {
			return err
		}
		if err := s.refs().Bring(ctx, all); err != nil {
			return err
		}
		c := git.NewCommit{Parent: all[branch], Time: at, Message: message}
		if c.Files, err = s.edited(ctx, c.Parent, files); err != nil || len(c.Files) == 0 {
			return err
		}
		commit, err := s.Repo.MakeCommit(ctx, c)
		if err != nil {
			return err
		}
		_, err = s.advance(ctx, git.Update{Ref: branch, Old: c.Parent, New: commit})
		return err
	})
}

// File is a file at the tip of a branch; nil: it is not there.
func (s Store) File(ctx context.Context, branch, path string) ([]byte, error) {
	all, err := s.refs().List(ctx, branch)
	if err != nil || all[branch] == "" {
		return nil, err
	}
	if err := s.refs().Bring(ctx, all); err != nil {
		return nil, err
	}
	return s.Repo.ReadFile(ctx, all[branch], path, editLimit)
}

// edited stores what is not at the commit yet, and gives the paths with the ids.
func (s Store) edited(ctx context.Context, commit string, files map[string]Edit) (map[string]string, error) {
	var paths []string
	var contents [][]byte
	for _, path := range slices.Sorted(maps.Keys(files)) {
		var now []byte
		if commit != "" {
			var err error
			if now, err = s.Repo.ReadFile(ctx, commit, path, editLimit); err != nil {
				return nil, err
			}
		}
		switch e := files[path]; {
		case now != nil && bytes.Equal(now, e.New):
			continue
		case (now == nil) != (e.Old == nil) || !bytes.Equal(now, e.Old):
			return nil, fmt.Errorf("%s: %w", path, ErrEdited)
		default:
			paths, contents = append(paths, path), append(contents, e.New)
		}
	}
	ids, err := s.Repo.WriteBlobs(ctx, contents)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(paths))
	for i, path := range paths {
		out[path] = ids[i]
	}
	return out, nil
}
