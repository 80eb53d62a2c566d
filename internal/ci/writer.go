package ci

import (
	"bytes"
	"io"
	"sync"
	"unicode/utf8"
)

// maxLine is where a line without an end is cut, so that one cannot fill the
// memory. The pieces are lines of their own, each made harmless.
const maxLine = 64 << 10

// Writer is for everything that goes to the runner's log and is not a command
// of ours. The runner looks for commands in stdout and stderr alike; what it
// would take for one is changed so that it reads as before and does nothing:
//
//	"::"  at the start of a line       becomes  ": :"
//	"##[" anywhere                     becomes  "## ["
//	bytes that are no UTF-8            become   U+FFFD
//
// The start of a line is taken widely: the runner passes over white space
// first (Runner.Common/ActionCommand.cs, TryParseV2: TrimStart, of any Unicode
// white space, decoded as the machine's encoding says), so any run of control
// characters and bytes above ASCII still counts as the start, and so does what
// follows U+2028 and its like. "##[" is looked for in the whole line (TryParse:
// IndexOf). Bytes that are no UTF-8 would let a byte order mark at the start of
// the stream turn the decoder to UTF-16.
//
// Only whole lines are written, ended by LF or CR (both end a line for the
// runner), under a lock that the commands of [NewCommands] share: a command of
// ours always starts a line, and never cuts one. A line longer than 64 KiB is
// cut into several.
type Writer struct {
	out *stream
	buf []byte // the line that has not ended yet; guarded by out.mu
}

// stream is an output and the lock of all who write to it.
type stream struct {
	mu *sync.Mutex
	w  io.Writer
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// NewWriter makes the lines that go to w harmless. Call Flush at the end.
func NewWriter(w io.Writer) *Writer { return &Writer{out: &stream{mu: new(sync.Mutex), w: w}} }

// Beside is a Writer for another stream of the same log (stderr), under the
// same lock: the two may be one pipe, where what is written at once gets mixed.
func (w *Writer) Beside(other io.Writer) *Writer {
	return &Writer{out: &stream{mu: w.out.mu, w: other}}
}

// Write keeps what is after the last end of a line for later. All of p is
// taken, whatever the error.
func (w *Writer) Write(p []byte) (int, error) {
	w.out.mu.Lock()
	defer w.out.mu.Unlock()
	w.buf = append(w.buf, p...)
	var ready []byte
	for {
		n := nextLine(w.buf)
		if n == 0 {
			break
		}
		ready = appendHarmless(ready, w.buf[:n])
		w.buf = w.buf[n:]
	}
	if len(w.buf) == 0 {
		w.buf = nil // not a small rest of a large array
	}
	return len(p), w.write(ready)
}

// Flush writes what is left, and ends the line: a rest that a later write went
// on with could become a command in the middle.
func (w *Writer) Flush() error {
	w.out.mu.Lock()
	defer w.out.mu.Unlock()
	if len(w.buf) == 0 {
		return nil
	}
	line := appendHarmless(nil, w.buf)
	w.buf = nil
	return w.write(line)
}

func (w *Writer) write(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	_, err := w.out.w.Write(lines)
	return err
}

// nextLine is the length of the first line with its end; zero while there is
// none. A line that is too long counts as ended.
func nextLine(b []byte) int {
	i := bytes.IndexAny(b[:min(len(b), maxLine)], "\n\r")
	switch {
	case i >= 0 && b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
		return i + 2
	case i >= 0:
		return i + 1
	case len(b) < maxLine:
		return 0
	}
	return cutRune(b, maxLine)
}

// cutRune is the largest length, at most n, that does not cut a rune in two.
func cutRune[T []byte | string](s T, n int) int {
	if n >= len(s) {
		return len(s)
	}
	for back := 0; back < utf8.UTFMax && back < n; back++ {
		if utf8.RuneStart(s[n-back]) {
			return n - back
		}
	}
	return n
}

// appendHarmless appends a line, its end included, with nothing in it that the
// runner takes for a command. A line without an end gets one.
func appendHarmless(dst, line []byte) []byte {
	start := true // nothing was printed yet that the runner does not trim
	for i := 0; i < len(line); {
		rest := line[i:]
		switch {
		case start && bytes.HasPrefix(rest, []byte("::")):
			dst = append(dst, ": "...)
			i++
			start = false
			continue
		case bytes.HasPrefix(rest, []byte("##[")):
			dst = append(dst, "## ["...)
			i += 3
			start = false
			continue
		}
		r, size := utf8.DecodeRune(rest)
		dst = utf8.AppendRune(dst, r) // an invalid byte is U+FFFD
		i += size
		start = startsLine(r) || start && (r <= ' ' || r >= 0x7f)
	}
	if last := line[len(line)-1]; last != '\n' && last != '\r' {
		dst = append(dst, '\n')
	}
	return dst
}

// startsLine says whether some reader of a log goes to a new line here.
func startsLine(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// harmless is a text for the inside of one of our own commands: what the log's
// viewer would take for a legacy command is changed, and it is UTF-8.
func harmless(s string) string {
	var dst []byte
	for i := 0; i < len(s); {
		if len(s)-i >= 3 && s[i:i+3] == "##[" {
			dst = append(dst, "## ["...)
			i += 3
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		dst = utf8.AppendRune(dst, r)
		i += size
	}
	return string(dst)
}
