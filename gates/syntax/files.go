package syntax

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Files gives the syntax of a git tree's files. Several gates share one, so
// that a content is read and parsed once in a run, whoever asks first. It is
// safe for concurrent use; the zero value is ready.
//
// What no longer fits into Memory is parsed again when it is asked for again.
// Nothing is thrown out to make room: gates read the files in one order, and
// what was used longest ago would be needed next.
type Files struct {
	// Limits bound each file.
	Limits Limits
	// Memory is how many bytes of trees are kept. Zero means 128 MiB.
	Memory int64

	mu    sync.Mutex
	known map[content]*parsed
	used  int64
	count int
}

// Parsed is how many contents were read and parsed so far.
func (s *Files) Parsed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// content is what a tree depends on.
type content struct {
	oid      string
	language Language
}

// parsed is a content that is being parsed, until done is closed.
type parsed struct {
	done chan struct{}
	tree *Tree
	err  error
}

// Tree is the syntax of one file. The language is that of its name.
func (s *Files) Tree(ctx context.Context, tree *git.Tree, f git.File) (*Tree, error) {
	var result *Tree
	err := s.Each(ctx, tree, []git.File{f}, 1, func(_ git.File, t *Tree, err error) error {
		result = t
		return err
	})
	return result, err
}

// Each calls fn with the syntax of every file, or with the reason why there is
// none, from jobs goroutines at once; the order is not fixed. It ends at the
// first error of fn. A file that cannot be parsed does not end it; git that
// cannot be read, and the context, do.
func (s *Files) Each(ctx context.Context, tree *git.Tree, files []git.File, jobs int, fn func(f git.File, t *Tree, err error) error) error {
	var ready []func() error // what needs no reading
	var toRead []git.File
	for _, f := range files {
		language, ok := LanguageOf(f.Path, nil)
		var t *Tree
		var err error
		switch p := s.finished(content{f.OID, language}); {
		case !ok || f.Kind == git.Symlink:
			err = ErrLanguage
		case !Available():
			err = ErrUnavailable
		case f.Size > s.Limits.size():
			err = fmt.Errorf("%w: %d bytes; the limit is %d", ErrTooLarge, f.Size, s.Limits.size())
		case p != nil:
			t, err = p.tree, p.err
		default:
			toRead = append(toRead, f)
			continue
		}
		ready = append(ready, func() error { return guard(fn, f, t, err) })
	}
	if err := together(ctx, ready, jobs); err != nil {
		return err
	}
	return tree.Each(ctx, toRead, jobs, func(ctx context.Context, f git.File, r io.Reader) error {
		language, _ := LanguageOf(f.Path, nil)
		t, err := s.parse(ctx, content{f.OID, language}, f.Size, r)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var read readError
		if errors.As(err, &read) {
			return fmt.Errorf("read %q: %w", f.Path, read.error)
		}
		return guard(fn, f, t, err)
	})
}

// together does the work from jobs goroutines, up to the first error.
func together(parent context.Context, work []func() error, jobs int) error {
	g, ctx := errgroup.WithContext(parent)
	g.SetLimit(max(1, jobs))
	for _, do := range work {
		if ctx.Err() != nil {
			break
		}
		g.Go(do)
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(parent)
}

// readError is git's fault, not the file's.
type readError struct{ error }

// guard turns a crash into an error: it happens in a goroutine that nobody
// else watches.
func guard(fn func(git.File, *Tree, error) error, f git.File, t *Tree, err error) (failed error) {
	defer func() {
		if p := recover(); p != nil {
			failed = fmt.Errorf("crashed on %q: %v", f.Path, p)
		}
	}()
	return fn(f, t, err)
}

// finished is a content that was parsed and kept; nil when there is none.
func (s *Files) finished(c content) *parsed {
	s.mu.Lock()
	p := s.known[c]
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	select {
	case <-p.done:
		return p
	default:
		return nil
	}
}

// parse parses a content, or waits for the one who does. One whose context
// ended leaves the work to those who still want it.
func (s *Files) parse(ctx context.Context, c content, size int64, r io.Reader) (*Tree, error) {
	for {
		s.mu.Lock()
		p, busy := s.known[c]
		if !busy {
			p = &parsed{done: make(chan struct{})}
			if s.known == nil {
				s.known = make(map[content]*parsed)
			}
			s.known[c] = p
		}
		s.mu.Unlock()
		if !busy {
			s.work(ctx, c, p, size, r)
			return p.tree, p.err
		}
		select {
		case <-p.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if !gaveUp(p.err) {
			return p.tree, p.err
		}
	}
}

// gaveUp says whether an error is about the one who parsed, not about the file.
func gaveUp(err error) bool {
	var read readError
	return err != nil && !errors.Is(err, ErrTooHard) && !errors.Is(err, ErrTooLarge) && !errors.As(err, &read)
}

func (s *Files) work(ctx context.Context, c content, p *parsed, size int64, r io.Reader) {
	defer func() {
		if crash := recover(); crash != nil { // nobody else watches this goroutine
			p.tree, p.err = nil, fmt.Errorf("the parser crashed: %v", crash)
		}
		s.mu.Lock()
		s.count++
		memory := int64(256)
		if p.tree != nil {
			memory += p.tree.memory()
		}
		limit := s.Memory
		if limit <= 0 {
			limit = 128 << 20
		}
		if p.tree == nil && !errors.Is(p.err, ErrTooHard) || s.used+memory > limit {
			delete(s.known, c)
		} else {
			s.used += memory
		}
		s.mu.Unlock()
		close(p.done)
	}()
	src := make([]byte, size)
	if _, err := io.ReadFull(r, src); err != nil {
		p.err = readError{err}
		return
	}
	p.tree, p.err = ParseWithin(ctx, c.language, src, s.Limits)
	if p.err != nil {
		p.tree = nil
	}
}
