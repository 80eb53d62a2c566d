package pack

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
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

// Kind is what an object is, as packs number it.
type Kind int

const (
	Commit Kind = 1
	Tree   Kind = 2
	blob   Kind = 3
)

// loosePrefix begins a file that holds one object.
func (k Kind) loosePrefix() string {
	return [...]string{Commit: "commit ", Tree: "tree ", blob: "blob "}[k]
}

// Blob reads one blob; false: git has to. It reads none above limit bytes.
func (s *Store) Blob(name string, limit int) (string, bool) { return s.Object(name, blob, limit) }

// Object reads one object of a kind; false: git has to. It reads none above
// limit bytes.
func (s *Store) Object(name string, kind Kind, limit int) (string, bool) {
	id, ok := ParseID(name)
	if !ok {
		return "", false
	}
	b := s.take()
	defer s.put(b)
	for _, f := range s.packs {
		at := int64(0)
		if err := f.find([]ID{id}, func(_ int, offset int64) { at = offset }); err == nil && at > 0 {
			text, err := b.packed(f, at, kind, limit)
			return text, err == nil
		}
	}
	text, err := s.loose(b, id, kind, limit)
	return text, err == nil
}

// packed reads an object of a pack.
func (b *buffers) packed(f *file, offset int64, kind Kind, limit int) (string, error) {
	var chain []entry // from the object to its last base, or to one that is known
	var at kept
	known := false
	for {
		if at, known = b.bases[place{f, offset}]; known {
			break
		}
		e, err := b.entryAt(f, offset)
		if err != nil {
			return "", err
		}
		if e.size > limit || len(chain) > maxChain || e.kind != offsetDelta && e.kind != int(kind) {
			return "", errCorrupt
		}
		e.at = offset
		if chain = append(chain, e); e.kind != offsetDelta {
			at.kind = kind
			break
		}
		offset = e.base
	}
	if at.kind != kind {
		return "", errCorrupt
	}
	for i := len(chain) - 1; i >= 0; i-- {
		raw, err := b.inflated(f, chain[i].data, chain[i].size)
		if err != nil {
			return "", err
		}
		if chain[i].kind != offsetDelta {
			at.text = string(raw)
		} else if at.text, _, err = apply(at.text, raw, limit, nil); err != nil {
			return "", err
		}
		b.hold(place{f, chain[i].at}, at)
	}
	if len(at.text) > limit {
		return "", errCorrupt
	}
	return at.text, nil
}

// kept is an object that was read.
type kept struct {
	text string
	kind Kind
}

// place is where an object is.
type place struct {
	*file
	offset int64
}

// hold keeps a content for a while: who asks for one version of a file will ask
// for another.
func (b *buffers) hold(at place, k kept) {
	if len(k.text) > b.keep/4 {
		return
	}
	if b.kept += len(k.text); b.bases == nil || b.kept > b.keep {
		b.bases, b.kept = make(map[place]kept), len(k.text)
	}
	b.bases[at] = k
}

var errAbsent = errors.New("not here")

// loose reads an object that has a file of its own.
func (s *Store) loose(b *buffers, id ID, kind Kind, limit int) (string, error) {
	file, start, err := s.openLoose(id)
	if err != nil {
		return "", err
	}
	defer file.Close()
	header, size, err := b.looseHeader(start, kind)
	if err != nil || size > limit {
		return "", errCorrupt
	}
	data := start
	if len(start) == looseStart {
		// What cannot be compressed is stored: no file of ours is much longer.
		rest, err := io.ReadAll(io.LimitReader(file, int64(size+size/1000+looseStart)))
		if err != nil {
			return "", err
		}
		data = append(data, rest...)
	}
	out, err := b.inflate(data, b.out[:0], header+size)
	b.out = out[:0]
	if err != nil {
		return "", err
	}
	return string(out[header:]), nil
}

// looseStart is how much of an object's file is read to learn its size.
const looseStart = 1024

// openLoose opens the file of an object, and reads its start.
func (s *Store) openLoose(id ID) (*os.File, []byte, error) {
	name := hex.EncodeToString(id[:])
	for _, dir := range s.dirs {
		file, err := os.Open(filepath.Join(dir, name[:2], name[2:]))
		if err != nil {
			continue
		}
		start := make([]byte, looseStart)
		n, err := io.ReadFull(file, start)
		if err != nil && err != io.ErrUnexpectedEOF {
			file.Close()
			return nil, nil, errCorrupt
		}
		return file, start[:n], nil
	}
	return nil, nil, errAbsent
}

// looseHeader reads "<kind> <size>\0", which stands before the content: how long
// it is itself, and the content.
func (b *buffers) looseHeader(data []byte, kind Kind) (header, size int, err error) {
	prefix := kind.loosePrefix()
	text, ok := bytes.CutPrefix(b.start(data, len(prefix)+20+1), []byte(prefix))
	digits, _, ends := bytes.Cut(text, []byte{0})
	if !ok || !ends {
		return 0, 0, errCorrupt
	}
	size, err = strconv.Atoi(string(digits))
	if err != nil || size < 0 {
		return 0, 0, errCorrupt
	}
	return len(prefix) + len(digits) + 1, size, nil
}

// start is what a stream begins with, n bytes at most.
func (z *inflater) start(in []byte, n int) []byte {
	out := make([]byte, n)
	got, _ := z.inflate(in, out[:0:n], n) // it ends with an error: there is more
	return got
}
