package sast

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// orders are the words in a comment that make an engine look away.
var orders = lazyregexp.New(`(?i)\b(nosec|nosem|noqa|eslint|gosec:disable|ast-grep-ignore)`)

// disarm takes the orders out of work on the lines of a file that are in the
// change: what a change says of itself does not count. Places stay as they are.
func disarm(change *git.Change, name string, data []byte) (disarmed []byte, changed bool) {
	if change.Everything() || !orders.Match(data) {
		return data, false
	}
	data = slices.Clone(data)
	start := 0
	for line := 1; start < len(data); line++ {
		end := start + 1
		for end < len(data) && data[end-1] != '\n' {
			end++
		}
		if change.HasLines(name, line, line) {
			for _, at := range orders.FindAllIndex(data[start:end], -1) {
				data[start+at[0]], changed = 'x', true
			}
		}
		start = end
	}
	return data, changed
}

// disarmedBelow are the Go files below a directory that disarm changes, relative
// to it.
func disarmedBelow(ctx context.Context, t *gates.Target, dir string) (map[string]string, error) {
	all := make(map[string]string)
	if t.Change.Everything() {
		return all, nil
	}
	for _, name := range t.Change.Files() {
		f := t.Tree.File(name)
		rel := strings.TrimPrefix(name, dir+"/")
		if f == nil || f.Kind == git.Symlink || f.Size > readLimit || path.Ext(name) != ".go" || dir != "." && rel == name {
			continue
		}
		data, err := t.Tree.Read(ctx, *f, readLimit)
		if err != nil {
			return nil, err
		}
		if data, changed := disarm(t.Change, name, data); changed {
			all[rel] = string(data)
		}
	}
	return all, nil
}
