package pack

import "strings"

// deltaSizes reads the header of a delta: how long its base is, and its result.
func deltaSizes(delta []byte) (base, result int, rest []byte, err error) {
	base, delta, err = deltaSize(delta)
	if err == nil {
		result, delta, err = deltaSize(delta)
	}
	return base, result, delta, err
}

func deltaSize(delta []byte) (int, []byte, error) {
	n := 0
	for i, b := range delta {
		if i > 6 {
			break
		}
		n |= int(b&0x7f) << (7 * i)
		if b < 0x80 {
			return n, delta[i+1:], nil
		}
	}
	return 0, nil, errCorrupt
}

// Edits are where a content is not as what it was made from: parts of it, in
// ascending order, that were put in; an empty part is a seam, where something
// was left out. All between them stands in the other content in one piece; and
// without an edit at its start or at its end, so do these.
type Edits [][2]int

// insert notes a part that was put in.
func (e Edits) insert(from, to int) Edits {
	if n := len(e); n > 0 && e[n-1][1] == from {
		e[n-1][1] = to
		return e
	}
	return append(e, [2]int{from, to})
}

// apply makes the content that a delta describes, no longer than limit, and
// appends its edits.
func apply(base string, delta []byte, limit int, edits Edits) (string, Edits, error) {
	from, size, delta, err := deltaSizes(delta)
	if err != nil || from != len(base) || size > limit {
		return "", nil, errCorrupt
	}
	var out strings.Builder
	out.Grow(size)
	next := 0 // what follows in the base what was copied last
	for len(delta) > 0 {
		op := delta[0]
		delta = delta[1:]
		if op < 0x80 {
			n := int(op)
			if n == 0 || n > len(delta) || out.Len()+n > size {
				return "", nil, errCorrupt
			}
			edits = edits.insert(out.Len(), out.Len()+n)
			out.Write(delta[:n])
			delta = delta[n:]
			continue
		}
		var offset, length int
		if offset, length, delta, err = copied(op, delta); err != nil || offset+length > len(base) || out.Len()+length > size {
			return "", nil, errCorrupt
		}
		if offset != next {
			edits = edits.insert(out.Len(), out.Len())
		}
		next = offset + length
		out.WriteString(base[offset:next])
	}
	if out.Len() != size {
		return "", nil, errCorrupt
	}
	if next != len(base) {
		edits = edits.insert(size, size)
	}
	return out.String(), edits, nil
}

// copied reads where in the base a part is that the result has, too.
func copied(op byte, delta []byte) (offset, length int, rest []byte, err error) {
	for i := range 7 {
		if op&(1<<i) == 0 {
			continue
		}
		if len(delta) == 0 {
			return 0, 0, nil, errCorrupt
		}
		if i < 4 {
			offset |= int(delta[0]) << (8 * i)
		} else {
			length |= int(delta[0]) << (8 * (i - 4))
		}
		delta = delta[1:]
	}
	if length == 0 {
		length = 0x10000
	}
	return offset, length, delta, nil
}
