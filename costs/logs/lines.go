package logs

import (
	"bytes"
	"errors"
	"io"
)

// lineLimit is the longest line that is read, in bytes. Longer ones are images
// and the output of tools; they are counted, and stepped over.
const lineLimit = 16 << 20

// lines reads a log line by line out of one buffer, which grows only for a
// line that needs it.
type lines struct {
	r     io.Reader
	buf   []byte
	start int // of what is not given yet
	end   int
	// done is how many bytes are done with: up to the last line that is whole.
	done   int64
	huge   int
	eof    bool
	skip   bool  // inside a line that is too long
	thrown int64 // bytes of it that are gone
	err    error
}

func newLines(r io.Reader, buf []byte, offset int64) *lines {
	return &lines{r: r, buf: buf, done: offset}
}

// next is a line without its end. whole is false for a last one without an end:
// it may be torn, or still being written. nil is the end.
func (l *lines) next() (line []byte, whole bool) {
	for searched := 0; ; {
		if n := bytes.IndexByte(l.buf[l.start+searched:l.end], '\n'); n >= 0 {
			line = l.buf[l.start : l.start+searched+n]
			l.start += searched + n + 1
			searched = 0
			l.done += l.thrown + int64(len(line)) + 1
			l.thrown = 0
			if l.skip {
				l.skip = false
				continue
			}
			if len(line) == 0 {
				continue
			}
			return line, true
		}
		searched = l.end - l.start
		if l.eof || l.err != nil {
			line, l.start = l.buf[l.start:l.end], l.end
			if l.skip || len(line) == 0 {
				return nil, false
			}
			return line, false
		}
		if l.fill() {
			searched = 0
		}
	}
}

// fill reads more, and says whether it threw away what was there.
func (l *lines) fill() (thrown bool) {
	if l.start > 0 {
		copy(l.buf, l.buf[l.start:l.end])
		l.start, l.end = 0, l.end-l.start
	}
	if l.end == len(l.buf) {
		if len(l.buf) < lineLimit {
			l.buf = append(l.buf, make([]byte, len(l.buf))...)
		} else {
			if !l.skip {
				l.huge++
			}
			l.skip, thrown = true, true
			l.thrown += int64(l.end)
			l.end = 0
		}
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	switch {
	case errors.Is(err, io.EOF):
		l.eof = true
	case err != nil:
		l.err = err
	}
	return thrown
}
