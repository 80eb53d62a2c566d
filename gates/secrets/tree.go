package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/zricethezav/gitleaks/v8/sources"
	"golang.org/x/sync/errgroup"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// look is one look at a target. What it found is in no order.
type look struct {
	target *gates.Target
	rules  *rules
	jobs   int

	mu       sync.Mutex
	found    []found
	examined gates.Examined
	skipped  map[string]bool // paths of files that were not looked at
	binary   int             // those of them that were left after their first bytes
}

// tree looks at the files.
func (l *look) tree(ctx context.Context) error {
	files, err := l.files(ctx)
	if err != nil {
		return err
	}
	return l.target.Tree.Each(ctx, files, l.jobs, l.file)
}

// files are those worth reading: no symlinks, nothing empty, nothing that
// gitleaks passes over by name.
func (l *look) files(ctx context.Context) ([]git.File, error) {
	all := l.target.Tree.Files
	skip := make([]bool, len(all))
	names := pathFilter{rules: l.rules}
	g, gctx := errgroup.WithContext(ctx)
	for job := range l.jobs {
		g.Go(func() error {
			for i := job; i < len(all); i += l.jobs {
				if gctx.Err() != nil {
					return context.Cause(gctx)
				}
				skip[i] = hasContent(all[i]) && names.skips(gctx, all[i].Path)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	l.skipped = make(map[string]bool)
	var files []git.File
	for i, f := range all {
		switch {
		case skip[i]:
			l.skipped[f.Path] = true
		case hasContent(f):
			files = append(files, f)
		}
	}
	return files, nil
}

func hasContent(f git.File) bool { return f.Kind != git.Symlink && f.Size > 0 }

// anyFile says whether there is a file to read.
func anyFile(ctx context.Context, r *rules, files []git.File) bool {
	names := pathFilter{rules: r}
	for _, f := range files {
		if hasContent(f) && !names.skips(ctx, f.Path) {
			return true
		}
	}
	return false
}

// pathFilter says which paths `gitleaks dir` does not open. It is safe for
// concurrent use.
type pathFilter struct {
	rules *rules
	dirs  sync.Map // path -> allowed
}

func (p *pathFilter) skips(ctx context.Context, name string) bool {
	return p.allowed(name) || p.inAllowedDir(path.Dir(name)) || isArchive(ctx, name)
}

func (p *pathFilter) allowed(name string) bool {
	for _, a := range p.rules.Allowlists {
		if a.PathAllowed(name) {
			return true
		}
	}
	return false
}

// inAllowedDir: gitleaks walks into no directory that an allowlist matches.
func (p *pathFilter) inAllowedDir(dir string) bool {
	if dir == "." || dir == "/" {
		return false
	}
	if known, ok := p.dirs.Load(dir); ok {
		return known.(bool)
	}
	is := p.allowed(dir) || p.inAllowedDir(path.Dir(dir))
	p.dirs.Store(dir, is)
	return is
}

// isArchive says whether gitleaks takes a name for that of an archive or of a
// compressed file, and does not read it. It looks for ".gz", ".tar", ".br" and
// the like anywhere in the name.
func isArchive(ctx context.Context, name string) bool {
	in := &wholeReader{in: eof{}}
	file := sources.File{Path: name, Content: in, Buffer: make([]byte, 1)}
	err := file.Fragments(ctx, func(sources.Fragment, error) error { return nil })
	return err == nil && !in.asked
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// file looks at one file of the tree.
func (l *look) file(ctx context.Context, f git.File, in io.Reader) error {
	content := &wholeReader{in: in}
	looked := false
	err := fragments(ctx, f.Path, content, func(part fragment) error {
		looked = true
		return l.scan(ctx, part)
	})
	if err == nil {
		err = content.err
	}
	if err == nil && looked && content.size != f.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read %q: %w", f.Path, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.examined.Files++
	l.examined.Bytes += content.size
	if !looked {
		l.binary++
		l.skipped[f.Path] = true
	}
	return nil
}

// scan looks at a fragment and keeps what it finds.
func (l *look) scan(ctx context.Context, f fragment) error {
	hits, err := l.rules.scan(ctx, f)
	if err != nil {
		return err
	}
	for _, h := range hits {
		found := newFound(f, h)
		l.mu.Lock()
		l.found = append(l.found, found)
		l.mu.Unlock()
	}
	return nil
}

// chunk is how much gitleaks reads of a file before it looks for a blank line.
const chunk = 100_000

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// fragments cuts a file as `gitleaks dir` does. There are none in a file whose
// first bytes are those of a program, an archive or a document (a media type
// of application/…).
func fragments(ctx context.Context, name string, in io.Reader, yield func(fragment) error) error {
	buffer := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buffer)
	file := sources.File{Path: name, Content: in, Buffer: buffer[:]}
	column := 0
	return file.Fragments(ctx, func(f sources.Fragment, err error) error {
		if err != nil {
			return err
		}
		part := fragment{path: name, line: f.StartLine, column: column, text: f.Raw}
		if i := strings.LastIndexByte(f.Raw, '\n'); i >= 0 {
			column = utf8.RuneCountInString(f.Raw[i+1:])
		} else {
			column += utf8.RuneCountInString(f.Raw)
		}
		return yield(part)
	})
}

// wholeReader reads as much as is asked for, as a file does and a pipe does
// not: where gitleaks cuts depends on it. It remembers errors, which gitleaks
// passes over.
type wholeReader struct {
	in    io.Reader
	size  int64
	asked bool
	err   error
}

func (r *wholeReader) Read(p []byte) (int, error) {
	r.asked = true
	n, err := io.ReadFull(r.in, p)
	r.size += int64(n)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && n > 0:
		err = nil // the end comes next time
	case err != nil && err != io.EOF:
		r.err = err
	}
	return n, err
}
