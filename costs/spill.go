package costs

import (
	"errors"
	"io"
	"os"

	"github.com/wf-ci/wf-ci/internal/state"
)

// spill is bytes that are written once and read back: in memory while they are
// few, the rest in a file.
type spill struct {
	dir  string // where the file is made
	size int64
	tail []byte // what is not in the file
	file *os.File
	done int64 // bytes that are in the file
}

// spillLimit is how much is kept in memory.
const spillLimit = 256 << 10

// Write never writes a part.
func (s *spill) Write(data []byte) (int, error) {
	if len(s.tail)+len(data) > spillLimit {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	s.tail = append(s.tail, data...)
	s.size += int64(len(data))
	return len(data), nil
}

func (s *spill) flush() error {
	if s.file == nil {
		f, err := state.Temp(s.dir)
		if err != nil {
			return err
		}
		s.file = f
	}
	if _, err := s.file.WriteAt(s.tail, s.done); err != nil {
		return err
	}
	s.done, s.tail = s.size, s.tail[:0]
	return nil
}

// ReadAt reads what was written.
func (s *spill) ReadAt(data []byte, at int64) (int, error) {
	n := 0
	if at < s.done {
		part := data[:min(int64(len(data)), s.done-at)]
		read, err := s.file.ReadAt(part, at)
		if n = read; n < len(part) {
			return n, err
		}
	}
	if from := at + int64(n) - s.done; n < len(data) && from >= 0 && from < int64(len(s.tail)) {
		n += copy(data[n:], s.tail[from:])
	}
	if n < len(data) {
		return n, io.EOF
	}
	return n, nil
}

func (s *spill) close() error {
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.file.Close(), os.Remove(s.file.Name()))
	s.file = nil
	return err
}
