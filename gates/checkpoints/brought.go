package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// reader reads files of a kind that a change brings: records, sessions.
type reader[T any] struct {
	is     func(path string) bool
	limit  int64  // in bytes; a larger one is not read
	refuse string // of one that is none, behind its path
	decode func(f git.File, data []byte) (T, error)
}

// brought are the files that the change brings or edits, in the order of their
// paths. Those that cannot be understood are an error, beside the others.
func (r reader[T]) brought(ctx context.Context, t *gates.Target) (list []T, read int64, err error) {
	files, wrong := r.files(t)
	good := make(map[string]T)
	var mu sync.Mutex
	err = t.Tree.Each(ctx, files, t.Jobs, func(_ context.Context, f git.File, in io.Reader) error {
		data, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		one, err := r.decode(f, data)
		mu.Lock()
		defer mu.Unlock()
		read += int64(len(data))
		if err != nil {
			wrong[f.Path] = err.Error()
		} else {
			good[f.Path] = one
		}
		return nil
	})
	for _, path := range slices.Sorted(maps.Keys(good)) {
		list = append(list, good[path])
	}
	if err == nil && len(wrong) > 0 {
		err = errors.New(describeWrong(wrong))
	}
	return list, read, err
}

// files are those to read, and why others are not, by path.
func (r reader[T]) files(t *gates.Target) (files []git.File, wrong map[string]string) {
	wrong = make(map[string]string)
	for _, path := range t.Change.Files() {
		if !r.is(path) {
			continue
		}
		switch f := t.Tree.File(path); {
		case f == nil || f.Kind == git.Symlink:
			wrong[path] = fmt.Sprintf("%s%s: it is no regular file", gates.Path(path), r.refuse)
		case f.Size > r.limit:
			wrong[path] = fmt.Sprintf("%s%s: it is %d bytes; the limit is %d", gates.Path(path), r.refuse, f.Size, r.limit)
		default:
			files = append(files, *f)
		}
	}
	return files, wrong
}

// wrongShown is how many files that cannot be read are named.
const wrongShown = 10

func describeWrong(wrong map[string]string) string {
	var texts []string
	for _, path := range slices.Sorted(maps.Keys(wrong)) {
		texts = append(texts, wrong[path])
	}
	if more := len(texts) - wrongShown; more > 0 {
		texts = append(texts[:wrongShown], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "; ")
}
