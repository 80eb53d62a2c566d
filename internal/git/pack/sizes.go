package pack

import (
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Sizes are the lengths of blobs, in bytes, without reading them; false: git has
// to say.
func (s *Store) Sizes(names []string) ([]int64, bool) {
	ids := make([]ID, len(names))
	order := make([]int, len(names))
	for i, name := range names {
		id, ok := ParseID(name)
		if !ok {
			return nil, false
		}
		ids[i], order[i] = id, i
	}
	slices.SortFunc(order, func(a, b int) int { return slices.Compare(ids[a][:], ids[b][:]) })
	b := s.take()
	defer s.put(b)
	sizes := make([]int64, len(names))
	for _, f := range s.packs {
		var err error
		if order, err = b.sizesIn(f, ids, order, sizes); err != nil {
			return nil, false
		}
	}
	for _, i := range order {
		size, ok := s.looseSize(b, ids[i])
		if !ok {
			return nil, false
		}
		sizes[i] = size
	}
	return sizes, true
}

// sizesIn fills in the sizes of what is in one pack, and gives what is not.
func (b *buffers) sizesIn(f *file, ids []ID, order []int, sizes []int64) ([]int, error) {
	sorted := make([]ID, len(order))
	for i, k := range order {
		sorted[i] = ids[k]
	}
	type at struct {
		offset int64
		index  int
	}
	var found []at
	here := make([]bool, len(order))
	err := f.find(sorted, func(i int, offset int64) {
		here[i] = true
		found = append(found, at{offset, order[i]})
	})
	if err != nil {
		return nil, err
	}
	for _, o := range found {
		size, err := b.sizeAt(f, o.offset)
		if err != nil {
			return nil, err
		}
		sizes[o.index] = size
	}
	var rest []int
	for i, is := range here {
		if !is {
			rest = append(rest, order[i])
		}
	}
	return rest, nil
}

// sizeAt is the size of the blob at an offset. That of a delta's result stands
// at the delta's beginning; its kind is its base's.
func (b *buffers) sizeAt(f *file, offset int64) (int64, error) {
	e, err := f.entryAt(offset)
	if err != nil || e.kind == int(blob) {
		return int64(e.size), err
	}
	if e.kind != offsetDelta {
		return 0, errCorrupt
	}
	const head = 20 // two numbers of ten bytes
	if cap(b.raw) < 1024 {
		b.raw = make([]byte, 1024)
	}
	raw := b.raw[:min(1024, f.size-e.data)]
	if _, err := f.pack.ReadAt(raw, e.data); err != nil {
		return 0, err
	}
	delta := b.start(raw, min(head, e.size))
	_, size, _, err := deltaSizes(delta)
	return int64(size), err
}

// looseSize is the size of a blob that has a file of its own.
func (s *Store) looseSize(b *buffers, id ID) (int64, bool) {
	name := hex.EncodeToString(id[:])
	for _, dir := range s.dirs {
		file, err := os.Open(filepath.Join(dir, name[:2], name[2:]))
		if err != nil {
			continue
		}
		var start [1024]byte
		n, err := io.ReadFull(file, start[:])
		file.Close()
		if err != nil && err != io.ErrUnexpectedEOF {
			return 0, false
		}
		_, size, err := b.looseHeader(start[:n], blob)
		return int64(size), err == nil
	}
	return 0, false
}
