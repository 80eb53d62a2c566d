package git

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// recordedTree is the tree that an index says its entries make: git keeps it
// there for as long as it is true, and writes no tree again. ok is false where
// none is recorded, or where the file is of a kind that is not read here; then
// git has to say. Format: gitformat-index(5).
func recordedTree(index []byte) (id string, ok bool) {
	rest, ok := eachEntry(index, func(indexEntry) {})
	if !ok {
		return "", false
	}
	for len(rest) >= 8 {
		var name string
		var body []byte
		if name, body, rest, ok = extension(rest); !ok {
			return "", false
		}
		if name == "TREE" {
			return rootOf(body)
		}
	}
	return "", false
}

// Hidden are the paths of an index that git was told not to look at
// (assume-unchanged, skip-worktree). ok is false where it cannot be said here:
// then git has to be asked. The index is one of a repository with SHA-1 names.
func Hidden(index []byte) (paths []string, ok bool) {
	return flagged(index, func(e indexEntry) bool { return e.assumed || e.skipped })
}

// flagged are the paths of the entries that are asked for. ok is false for a kind
// of index that is not read here, and where it does not hold all entries itself.
func flagged(index []byte, is func(indexEntry) bool) (paths []string, ok bool) {
	rest, ok := eachEntry(index, func(e indexEntry) {
		if is(e) {
			paths = append(paths, string(e.name))
		}
	})
	for ok && len(rest) > 0 {
		_, _, rest, ok = extension(rest)
	}
	if !ok {
		return nil, false
	}
	return paths, true
}

// eachEntry shows the entries of an index, and gives what follows them.
func eachEntry(index []byte, show func(indexEntry)) (rest []byte, ok bool) {
	const header, hash = 12, 20
	if len(index) < header+hash || string(index[:4]) != "DIRC" {
		return nil, false
	}
	version, entries := binary.BigEndian.Uint32(index[4:]), binary.BigEndian.Uint32(index[8:])
	if version != 2 && version != 3 {
		return nil, false // 4 shortens its names
	}
	rest = index[header : len(index)-hash]
	for range entries {
		var e indexEntry
		if e, rest, ok = nextEntry(rest); !ok {
			return nil, false
		}
		show(e)
	}
	return rest, true
}

// extension is the first of those that follow the entries.
func extension(data []byte) (name string, body, rest []byte, ok bool) {
	if len(data) < 8 {
		return "", nil, nil, false
	}
	name, size := string(data[:4]), int64(binary.BigEndian.Uint32(data[4:]))
	if data = data[8:]; int64(len(data)) < size || name[0] < 'A' || name[0] > 'Z' {
		return "", nil, nil, false // in small letters: the entries are not all there are
	}
	return name, data[:size], data[size:], true
}

// indexEntry is what is read of an entry.
type indexEntry struct {
	name    []byte
	assumed bool // git was told that it does not change
	skipped bool // git was told that it is not checked out
}

// nextEntry reads one entry of versions 2 and 3.
func nextEntry(data []byte) (e indexEntry, rest []byte, ok bool) {
	const fixed, assumeValid, extended, skipWorktree = 62, 0x8000, 0x4000, 0x4000
	if len(data) < fixed {
		return e, nil, false
	}
	size, flags := fixed, binary.BigEndian.Uint16(data[fixed-2:])
	e.assumed = flags&assumeValid != 0
	if flags&extended != 0 {
		size += 2
		e.skipped = len(data) >= size && binary.BigEndian.Uint16(data[fixed:])&skipWorktree != 0
	}
	if len(data) < size {
		return e, nil, false
	}
	end := bytes.IndexByte(data[size:], 0)
	if end < 0 {
		return e, nil, false
	}
	e.name = data[size : size+end]
	size = (size + end + 8) &^ 7 // one NUL or more
	if len(data) < size {
		return e, nil, false
	}
	return e, data[size:], true
}

// rootOf is the first tree of the extension "TREE": "", entries, subtrees, id.
func rootOf(data []byte) (string, bool) {
	rest, ok := bytes.CutPrefix(data, []byte{0})
	if !ok {
		return "", false
	}
	line, rest, ok := bytes.Cut(rest, []byte{'\n'})
	if !ok || len(rest) < 20 {
		return "", false
	}
	count, _, _ := bytes.Cut(line, []byte{' '})
	if n, err := strconv.Atoi(string(count)); err != nil || n < 0 {
		return "", false // it is not true any more
	}
	return hex.EncodeToString(rest[:20]), true
}
