package pack

import "math"

// Kinds of entries in a pack.
const (
	blobKind     = 3
	offsetDelta  = 6
	refDelta     = 7
	entryHeader  = 10 + idSize // the most that an entry's header takes
	maxHeaderInt = 1 << 40
)

// entry is the header of an object in a pack.
type entry struct {
	kind int
	size int   // of what is inflated: the object, or the delta
	base int64 // offset of a delta's base
	ref  ID    // or its name
	data int64 // where the compressed bytes begin
	at   int64 // where it is itself; where that is of use
}

// parseEntry reads the header at an offset. Bytes are from there on.
func parseEntry(b []byte, offset int64) (entry, error) {
	if len(b) == 0 {
		return entry{}, errCorrupt
	}
	e := entry{kind: int(b[0]>>4) & 7}
	size, n, shift := uint64(b[0]&15), 1, 4
	for b[n-1] >= 0x80 {
		if n == len(b) || shift > 36 {
			return entry{}, errCorrupt
		}
		size |= uint64(b[n]&0x7f) << shift
		shift += 7
		n++
	}
	if size > maxHeaderInt {
		return entry{}, errCorrupt
	}
	e.size = int(size)
	switch e.kind {
	case offsetDelta:
		back, used := parseOffset(b[n:])
		if used == 0 || back <= 0 || back >= offset {
			return entry{}, errCorrupt
		}
		e.base = offset - back
		n += used
	case refDelta:
		if len(b) < n+idSize {
			return entry{}, errCorrupt
		}
		n += copy(e.ref[:], b[n:])
	case 1, 2, blobKind, 4:
	default:
		return entry{}, errCorrupt
	}
	e.data = offset + int64(n)
	return e, nil
}

// parseOffset reads how far back a base is, and how many bytes say so; none: it
// is no number.
func parseOffset(b []byte) (back int64, used int) {
	for i, c := range b {
		if i > 7 {
			break
		}
		if i > 0 {
			back++
		}
		back = back<<7 | int64(c&0x7f)
		if c < 0x80 {
			return back, i + 1
		}
	}
	return 0, 0
}

// entryAt reads the header at an offset.
func (b *buffers) entryAt(f *file, offset int64) (entry, error) {
	raw, err := b.view(f, offset, int(min(entryHeader, f.size-packTrailer-offset)))
	if err != nil {
		return entry{}, err
	}
	return f.named(parseEntry(raw, offset))
}

// named finds the base of a delta that names it: it is in the same pack.
func (f *file) named(e entry, err error) (entry, error) {
	if err != nil || e.kind != refDelta {
		return e, err
	}
	err = f.find([]ID{e.ref}, func(_ int, offset int64) { e.base = offset })
	if err == nil && e.base == 0 {
		err = errCorrupt
	}
	e.kind = offsetDelta
	return e, err
}

// buffers are what reading needs, kept for the next object. They are for one
// goroutine.
type buffers struct {
	inflater
	raw, out []byte
	window   []byte // what was read of a pack last
	windowOf place
	bases    map[place]kept // some that were read
	kept     int            // bytes of them
	keep     int            // bytes of them that are allowed
}

// inflated is the content of an entry whose compressed bytes begin at a place;
// valid until the next call.
func (b *buffers) inflated(f *file, at int64, size int) ([]byte, error) {
	// Most are a third of their length. No stream is longer than most, as what
	// cannot be compressed is stored.
	most := size + size/1000 + 64
	for _, n := range [...]int{size/2 + 512, most} {
		raw, err := b.view(f, at, int(min(int64(min(n, most)), f.size-at, math.MaxInt32)))
		if err != nil {
			return nil, err
		}
		out, err := b.inflate(raw, b.out[:0], size)
		if b.out = out[:0]; err == nil {
			return out, nil
		}
	}
	return nil, errCorrupt
}

// windowSize is how much of a pack is read at once: most objects that are asked
// for one after the other lie beside each other, and are small.
const windowSize = 8 << 10

// view is n bytes of a pack; valid until the next call.
func (b *buffers) view(f *file, at int64, n int) ([]byte, error) {
	if n <= 0 {
		return nil, errCorrupt
	}
	if from := at - b.windowOf.offset; b.windowOf.file == f && from >= 0 && from+int64(n) <= int64(len(b.window)) {
		return b.window[from : from+int64(n)], nil
	}
	if n > windowSize {
		if cap(b.raw) < n {
			b.raw = make([]byte, n+n/4)
		}
		_, err := f.pack.ReadAt(b.raw[:n], at)
		return b.raw[:n], err
	}
	if b.window == nil {
		b.window = make([]byte, windowSize)
	}
	b.window, b.windowOf = b.window[:min(windowSize, f.size-at)], place{f, at}
	if _, err := f.pack.ReadAt(b.window, at); err != nil {
		b.windowOf.file = nil
		return nil, err
	}
	return b.window[:n], nil
}
