package logs

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// State is what was read already, by the path of the log.
type State struct {
	// Scope is what the state holds for: with another scope, everything is read.
	Scope string
	// Ledger names the ledger's files: where one is not there any more, what was
	// read is not all booked, and everything is read again.
	Ledger []string
	// Roots are the directories whose calls counted: a work tree may be gone by
	// the time its log is read.
	Roots []string
	files map[string]Read
}

// Read is how far a log was read.
type Read struct {
	Size, Mtime int64
	Offset      int64  // up to which lines are done with
	Head        string // hash of the beginning: it is the same log still
	Source      string
	Notes       Notes
}

// stateHeader is the first line; a change of the form is a new name here.
const stateHeader = "wf-ci/imported/v1"

// Notes are those of all logs.
func (s *State) Notes() Notes {
	var n Notes
	for _, f := range s.files {
		n.Add(f.Notes)
	}
	return n
}

// Len is how many logs there were.
func (s *State) Len() int { return len(s.files) }

// Encode writes the state: a line for each log.
func (s *State) Encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nscope %q\n", stateHeader, s.Scope)
	for _, name := range s.Ledger {
		fmt.Fprintf(&b, "ledger %q\n", name)
	}
	for _, dir := range s.Roots {
		fmt.Fprintf(&b, "root %q\n", dir)
	}
	paths := make([]string, 0, len(s.files))
	for path := range s.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	line := make([]byte, 0, 512)
	for _, path := range paths {
		f := s.files[path]
		line = line[:0]
		for _, n := range []int64{
			f.Size, f.Mtime, f.Offset, int64(f.Notes.Malformed), int64(f.Notes.Huge), int64(f.Notes.Torn), int64(f.Notes.Unreadable),
			int64(f.Notes.MissingParents), int64(f.Notes.Guessed), int64(f.Notes.Searches),
		} {
			line = append(strconv.AppendInt(line, n, 10), ' ')
		}
		line = append(append(append(line, f.Source...), ' '), f.Head...)
		line = append(strconv.AppendQuote(append(line, ' '), path), '\n')
		b.Write(line)
	}
	sum := sha256.Sum256(b.Bytes())
	fmt.Fprintf(&b, "sum %s\n", hex.EncodeToString(sum[:]))
	return b.Bytes()
}

// DecodeState reads a state. What is no state, or was cut or edited, is an empty
// one: everything is read again, and counts once nevertheless.
func DecodeState(data []byte) *State {
	s := &State{files: make(map[string]Read)}
	at := bytes.LastIndex(data, []byte("sum "))
	if at < 0 || !bytes.HasPrefix(data, []byte(stateHeader+"\n")) {
		return s
	}
	sum := sha256.Sum256(data[:at])
	if string(data[at:]) != "sum "+hex.EncodeToString(sum[:])+"\n" {
		return s
	}
	lines := bufio.NewScanner(bytes.NewReader(data[:at]))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !s.decode(lines.Text()) {
			return &State{files: make(map[string]Read)}
		}
	}
	return s
}

func (s *State) decode(line string) bool {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case stateHeader:
		return true
	case "scope", "ledger", "root":
		text, err := strconv.Unquote(rest)
		switch kind {
		case "scope":
			s.Scope = text
		case "ledger":
			s.Ledger = append(s.Ledger, text)
		default:
			s.Roots = append(s.Roots, text)
		}
		return err == nil
	}
	var n [10]int64
	for i := range n {
		word, rest, ok := strings.Cut(line, " ")
		v, err := strconv.ParseInt(word, 10, 64)
		if err != nil || !ok {
			return false
		}
		n[i], line = v, rest
	}
	source, line, _ := strings.Cut(line, " ")
	head, quoted, _ := strings.Cut(line, " ")
	path, err := strconv.Unquote(quoted)
	s.files[path] = Read{Size: n[0], Mtime: n[1], Offset: n[2], Source: source, Head: head, Notes: Notes{
		Malformed: int(n[3]), Huge: int(n[4]), Torn: int(n[5]), Unreadable: int(n[6]), MissingParents: int(n[7]), Guessed: int(n[8]), Searches: int(n[9]),
	}}
	return err == nil
}

// headSize is how much of a log its head is.
const headSize = 1 << 10

// headOf is the hash of a log's beginning, or of all of it where it is shorter;
// size is how much of it counts.
func headOf(r io.ReaderAt, size int64) string {
	head := make([]byte, min(size, headSize))
	n, _ := r.ReadAt(head, 0)
	sum := sha256.Sum256(head[:n])
	return hex.EncodeToString(sum[:8])
}
