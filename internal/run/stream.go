package run

import (
	"cmp"
	"errors"
	"io"
	"os"
	"time"
)

// drain is how long the end of a child's output is waited for when the child
// and its group are gone. The pipe holds little by then, but on a machine with
// far more to do than processors reading it may not have its turn for seconds.
const drain = 10 * time.Second

// errHeld says that an output has no end: some of it may be missing, so what
// was read is not given out as the whole.
var errHeld = errors.New("its output stayed open after it ended: a process that it left behind holds it")

// stream is an output of a child on its way to a writer. The pipe is ours and
// not os/exec's, whose Wait cuts an output that was not read in time and tells
// nobody when the child ended well.
type stream struct {
	write *os.File
	read  *os.File
	done  chan error // the copy's end
}

func newStream(to io.Writer) (*stream, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s := &stream{write: w, read: r, done: make(chan error, 1)}
	go func() {
		_, err := io.Copy(to, r)
		_ = r.Close() // a child that goes on writing to a writer that failed is ended by that
		s.done <- err
	}()
	return s, nil
}

// started is for when the child has its own end of the pipe, or will not have it.
func (s *stream) started() { _ = s.write.Close() }

// wait gives the stream's end, and whether it has come to one in time.
func (s *stream) wait(timer <-chan time.Time) (bool, error) {
	select {
	case err := <-s.done:
		s.done <- err // for who asks again
		return true, err
	case <-timer:
		return false, nil
	}
}

// finish waits for the end of all streams.
func finish(streams []*stream, limit time.Duration) (bool, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var first error
	for _, s := range streams {
		ended, err := s.wait(timer.C)
		if !ended {
			return false, nil
		}
		first = cmp.Or(first, err)
	}
	return true, first
}
