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
	rest, entries, ok := indexEntries(index)
	if !ok {
		return "", false
	}
	for range entries {
		if rest, ok = afterEntry(rest); !ok {
			return "", false
		}
	}
	for len(rest) >= 8 {
		name, size := string(rest[:4]), int64(binary.BigEndian.Uint32(rest[4:]))
		if rest = rest[8:]; int64(len(rest)) < size || name[0] < 'A' || name[0] > 'Z' {
			return "", false // in small letters: the entries are not all there are
		}
		if name == "TREE" {
			return rootOf(rest[:size])
		}
		rest = rest[size:]
	}
	return "", false
}

// indexEntries is an index from its first entry on, and how many there are.
func indexEntries(index []byte) (rest []byte, entries uint32, ok bool) {
	const header, hash = 12, 20
	if len(index) < header+hash || string(index[:4]) != "DIRC" {
		return nil, 0, false
	}
	version, entries := binary.BigEndian.Uint32(index[4:]), binary.BigEndian.Uint32(index[8:])
	if version != 2 && version != 3 {
		return nil, 0, false // 4 shortens its names
	}
	return index[header : len(index)-hash], entries, true
}

// afterEntry leaves out one entry of versions 2 and 3.
func afterEntry(data []byte) ([]byte, bool) {
	const fixed, extended = 62, 0x4000
	if len(data) < fixed {
		return nil, false
	}
	size := fixed
	if binary.BigEndian.Uint16(data[fixed-2:])&extended != 0 {
		size += 2
	}
	if len(data) < size {
		return nil, false
	}
	end := bytes.IndexByte(data[size:], 0)
	if end < 0 {
		return nil, false
	}
	size = (size + end + 8) &^ 7 // one NUL or more
	if len(data) < size {
		return nil, false
	}
	return data[size:], true
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
