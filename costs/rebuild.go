package costs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/wf-ci/wf-ci/internal/state"
)

// Rebuild folds the entries and writes the books that changed. What stands in
// their place and is not ours (the reference's scripts write such files) is
// kept in costs/before.
func (l Ledger) Rebuild(ctx context.Context, b Budget, z Zone) ([]Entry, error) {
	unlock, err := l.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	entries, err := l.Entries() // those that others have added by now, too
	if err != nil {
		return nil, err
	}
	return entries, l.fold(make(folding), slices.Values(entries), b, z)
}

// fold adds entries to what is folded already, and writes the books that changed.
func (l Ledger) fold(f folding, entries iter.Seq[Entry], b Budget, z Zone) error {
	books, err := f.fold(entries, b, z)
	if err != nil {
		return err
	}
	return l.replace(books)
}

// replace writes the books that changed, and removes those that are none any more.
func (l Ledger) replace(books Books) error {
	for _, name := range slices.Sorted(maps.Keys(books)) {
		if err := l.book(name, books[name]); err != nil {
			return fmt.Errorf("write costs/%s: %w", name, err)
		}
	}
	return l.sweep(books)
}

// sweep removes books of ours for days and months that have no entries any more:
// another time zone has moved them.
func (l Ledger) sweep(books Books) error {
	stale, err := l.strays(books)
	for _, name := range stale {
		if err := os.Remove(filepath.Join(l.Dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return err
}

// strays are the books on the disk that are ours, and that the entries do not
// give.
func (l Ledger) strays(books Books) ([]string, error) {
	var stray []string
	for _, pattern := range []string{"daily-*.json", "months/*.json"} {
		names, err := fs.Glob(os.DirFS(l.Dir), pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			data, err := readFile(filepath.Join(l.Dir, filepath.FromSlash(name)), bookLimit)
			if errors.Is(err, errNoFile) {
				continue // whatever it is, it is not ours
			}
			if err != nil {
				return nil, err
			}
			if books[name] == nil && ours(data) {
				stray = append(stray, name)
			}
		}
	}
	return stray, nil
}

func (l Ledger) book(name string, data []byte) error {
	path := filepath.Join(l.Dir, filepath.FromSlash(name))
	old, err := readFile(path, bookLimit)
	switch {
	case err == nil && bytes.Equal(old, data):
		return nil
	case errors.Is(err, errNoFile): // the book takes the place of a link
	case err == nil && !ours(old):
		if err := l.keep(name, old); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return state.Write(path, data, 0o644)
}

// ours says whether a book was written by Rebuild, or by two, and merged.
func ours(data []byte) bool {
	data = mine(data)
	first, _, _ := bytes.Cut(bytes.TrimSpace(data), []byte("}\n"))
	if !bytes.HasSuffix(first, []byte("}")) {
		first = append(bytes.Clone(first), '}')
	}
	var probe struct {
		Entries *int `json:"entries"`
	}
	if len(bytes.TrimSpace(data)) == 0 || json.Unmarshal(data, &probe) == nil && probe.Entries != nil {
		return true
	}
	return json.Unmarshal(first, &probe) == nil && probe.Entries != nil // a line of by-feature.jsonl
}

// mine is one side of a file that git could not merge, and any other file as it
// is.
func mine(data []byte) []byte {
	if !bytes.Contains(data, []byte("<<<<<<< ")) {
		return data
	}
	var side []byte
	theirs := false
	for line := range bytes.Lines(data) {
		switch {
		case bytes.HasPrefix(line, []byte("<<<<<<< ")):
		case bytes.HasPrefix(line, []byte("=======")), bytes.HasPrefix(line, []byte("||||||| ")):
			theirs = true
		case bytes.HasPrefix(line, []byte(">>>>>>> ")):
			theirs = false
		case !theirs:
			side = append(side, line...)
		}
	}
	return side
}

// keep puts a file aside, under a name that nothing has.
func (l Ledger) keep(name string, data []byte) error {
	dir := filepath.Join(l.Dir, "before")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	base := filepath.Base(name)
	for n := 0; ; n++ {
		path := filepath.Join(dir, base)
		if n > 0 {
			path = filepath.Join(dir, fmt.Sprintf("%s.%d", base, n))
		}
		old, err := readFile(path, bookLimit)
		switch {
		case err == nil && bytes.Equal(old, data):
			return nil
		case err == nil, errors.Is(err, errNoFile):
			continue
		}
		return state.Write(path, data, 0o644)
	}
}
