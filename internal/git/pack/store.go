package pack

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Store is the objects in directories of git's kind. It is safe for concurrent
// use.
type Store struct {
	// Keep is how many bytes of contents each goroutine may keep for the next
	// blobs that are made of them. Zero: none.
	Keep int

	dirs  []string
	packs []*file

	mu   sync.Mutex
	free []*buffers
}

// maxAlternates bounds how many directories lead to each other.
const maxAlternates = 16

// Open opens directories of objects, and those that they name as alternates.
// What cannot be opened is left out: its objects are not found, then.
func Open(dirs ...string) *Store {
	s := &Store{}
	for ; len(dirs) > 0 && len(s.dirs) < maxAlternates; dirs = dirs[1:] {
		dir := dirs[0]
		s.dirs = append(s.dirs, dir)
		s.openPacks(filepath.Join(dir, "pack"))
		data, err := os.ReadFile(filepath.Join(dir, "info", "alternates"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSuffix(line, "\n")
			if line == "" || line[0] == '#' || line[0] == '"' {
				continue // quoted: git reads it
			}
			if !filepath.IsAbs(line) {
				line = filepath.Join(dir, line)
			}
			dirs = append(dirs, line)
		}
	}
	return s
}

func (s *Store) openPacks(dir string) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, name := range names {
		stem, ok := strings.CutSuffix(name.Name(), ".idx")
		if !ok {
			continue
		}
		f, err := openFile(filepath.Join(dir, name.Name()), filepath.Join(dir, stem+".pack"))
		if err == nil {
			s.packs = append(s.packs, f)
		}
	}
}

// Close closes the files.
func (s *Store) Close() {
	for _, f := range s.packs {
		f.close()
	}
	s.packs = nil
}

func (s *Store) take() *buffers {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		return b
	}
	return &buffers{keep: s.Keep}
}

func (s *Store) put(b *buffers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, b)
}

// ParseID reads an object's name.
func ParseID(name string) (ID, bool) {
	var id ID
	if len(name) != 2*idSize {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(name))
	return id, err == nil
}

// maxChain bounds how many deltas one object is made of: git's own limit.
const maxChain = 4095

// Blob reads one blob; false: git has to. It reads none above limit bytes.
func (s *Store) Blob(name string, limit int) (string, bool) {
	id, ok := ParseID(name)
	if !ok {
		return "", false
	}
	b := s.take()
	defer s.put(b)
	for _, f := range s.packs {
		at := int64(0)
		if err := f.find([]ID{id}, func(_ int, offset int64) { at = offset }); err == nil && at > 0 {
			text, err := b.packed(f, at, limit)
			return text, err == nil
		}
	}
	text, err := s.loose(b, id, limit)
	return text, err == nil
}

// packed reads a blob of a pack.
func (b *buffers) packed(f *file, offset int64, limit int) (string, error) {
	var chain []entry // from the blob to its last base, or to one that is known
	text, known := "", false
	for {
		if text, known = b.bases[place{f, offset}]; known {
			break
		}
		e, err := f.entryAt(offset)
		if err != nil {
			return "", err
		}
		if e.size > limit || len(chain) > maxChain || e.kind != offsetDelta && e.kind != blobKind {
			return "", errCorrupt
		}
		e.at = offset
		if chain = append(chain, e); e.kind == blobKind {
			break
		}
		offset = e.base
	}
	for i := len(chain) - 1; i >= 0; i-- {
		raw, err := b.inflated(f, chain[i].data, chain[i].size)
		if err != nil {
			return "", err
		}
		if chain[i].kind == blobKind {
			text = string(raw)
		} else if text, _, err = apply(text, raw, limit, nil); err != nil {
			return "", err
		}
		b.hold(place{f, chain[i].at}, text)
	}
	if len(text) > limit {
		return "", errCorrupt
	}
	return text, nil
}

// place is where an object is.
type place struct {
	*file
	offset int64
}

// hold keeps a content for a while: who asks for one version of a file will ask
// for another.
func (b *buffers) hold(at place, text string) {
	if len(text) > b.keep/4 {
		return
	}
	if b.kept += len(text); b.bases == nil || b.kept > b.keep {
		b.bases, b.kept = make(map[place]string), len(text)
	}
	b.bases[at] = text
}

var errAbsent = errors.New("not here")

// loose reads a blob that has a file of its own.
func (s *Store) loose(b *buffers, id ID, limit int) (string, error) {
	name := hex.EncodeToString(id[:])
	for _, dir := range s.dirs {
		data, err := os.ReadFile(filepath.Join(dir, name[:2], name[2:]))
		if err != nil {
			continue
		}
		return b.looseBlob(data, limit)
	}
	return "", errAbsent
}

// looseBlob inflates "blob <size>\0<content>". The length is known only when
// its start is read.
func (b *buffers) looseBlob(data []byte, limit int) (string, error) {
	const most = len("blob ") + 20 + 1
	head := b.start(data, most)
	text, ok := bytes.CutPrefix(head, []byte("blob "))
	digits, _, ends := bytes.Cut(text, []byte{0})
	if !ok || !ends {
		return "", errCorrupt
	}
	size, err := strconv.Atoi(string(digits))
	if err != nil || size < 0 || size > limit {
		return "", errCorrupt
	}
	header := len("blob ") + len(digits) + 1
	out, err := b.inflate(data, b.out[:0], header+size)
	b.out = out[:0]
	if err != nil {
		return "", err
	}
	return string(out[header:]), nil
}

// start is what a stream begins with, n bytes at most.
func (z *inflater) start(in []byte, n int) []byte {
	out := make([]byte, n)
	got, _ := z.inflate(in, out[:0:n], n) // it ends with an error: there is more
	return got
}
