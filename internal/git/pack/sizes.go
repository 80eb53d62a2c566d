package pack

import "slices"

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
	e, err := b.entryAt(f, offset)
	if err != nil || e.kind == int(blob) {
		return int64(e.size), err
	}
	if e.kind != offsetDelta {
		return 0, errCorrupt
	}
	const head = 20 // two numbers of ten bytes
	raw, err := b.view(f, e.data, int(min(1024, f.size-e.data)))
	if err != nil {
		return 0, err
	}
	delta := b.start(raw, min(head, e.size))
	_, size, _, err := deltaSizes(delta)
	return int64(size), err
}

// looseSize is the size of a blob that has a file of its own.
func (s *Store) looseSize(b *buffers, id ID) (int64, bool) {
	file, start, err := s.openLoose(id)
	if err != nil {
		return 0, false
	}
	file.Close()
	_, size, err := b.looseHeader(start, blob)
	return int64(size), err == nil
}
