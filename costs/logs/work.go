package logs

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// work is what one worker needs to read files, one after the other.
type work struct {
	inside func(dir string) bool // nil: every call counts
	since  time.Time
	calls  *calls
	buf    []byte
	key    []byte
	dirs   map[string]bool   // directories that were asked for already
	names  map[string]string // names that many calls share

	// Of the file that is being read:
	path   string
	offset int64 // where to begin; after it, where the next time begins
	notes  Notes
	codex  *codexFile // what later files have to know of it
}

func newWork(inside func(string) bool, since time.Time, into *calls) *work {
	return &work{
		inside: inside, since: since, calls: into,
		dirs: make(map[string]bool), names: make(map[string]string),
	}
}

// ours says whether calls made in a directory count.
func (w *work) ours(dir []byte) bool {
	if w.inside == nil {
		return true
	}
	yes, ok := w.dirs[string(dir)]
	if !ok {
		yes = len(dir) > 0 && w.inside(string(dir))
		w.dirs[string(dir)] = yes
	}
	return yes
}

// name shares one copy of a name.
func (w *work) name(text []byte) string {
	known, ok := w.names[string(text)]
	if !ok {
		known = name(string(text))
		w.names[string(text)] = known
	}
	return known
}

// spell makes a key of its parts, in the worker's own buffer.
func (w *work) spell(source string, parts ...[]byte) []byte {
	w.key = append(append(w.key[:0], costs.LogPrefix...), source...)
	for _, p := range parts {
		w.key = append(w.key, ':')
		w.key = append(w.key, p...)
	}
	return w.key
}

// put takes a call, if it is one that counts.
func (w *work) put(key []byte, c Call) {
	if c.Time.IsZero() {
		w.notes.Malformed++
		return
	}
	if c.Time.Before(w.since) || tokens(c.Usage) == 0 && c.Usage.WebSearches == 0 && c.Reported == 0 {
		return
	}
	w.calls.add(key, c)
}

// eachLine reads a log of lines. read says whether a line could be read.
func (w *work) eachLine(r io.Reader, read func(line []byte) bool) error {
	if w.buf == nil {
		w.buf = make([]byte, 128<<10)
	}
	l := newLines(r, w.buf, w.offset)
	for {
		line, whole := l.next()
		if line == nil {
			break
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '{' && line[len(line)-1] == '}' && read(line) {
			continue
		}
		if whole {
			w.notes.Malformed++
		} else {
			w.notes.Torn++
		}
	}
	w.buf, w.offset = l.buf, l.done
	w.notes.Huge += l.huge
	return l.err
}

// documentLimit is the largest log that is one JSON document, in bytes.
const documentLimit = 256 << 20

// document reads a log that is one JSON document.
func (w *work) document(r io.Reader, read func(s *scanner)) error {
	data, err := io.ReadAll(io.LimitReader(r, documentLimit+1))
	if err != nil {
		return err
	}
	if len(data) > documentLimit {
		w.notes.Huge++
		return nil
	}
	s := &scanner{data: data}
	if s.space() != '{' {
		s.fail()
	} else {
		read(s)
	}
	if s.bad || s.space() != 0 {
		w.notes.Malformed++
	}
	return nil
}

// segment is the part of the file's path that stands before a folder.
func (w *work) segment(folder string) string {
	parts := strings.Split(filepath.ToSlash(w.path), "/")
	for i := len(parts) - 1; i > 0; i-- {
		if parts[i] == folder {
			return parts[i-1]
		}
	}
	return ""
}
