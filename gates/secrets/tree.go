package secrets

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/h2non/filetype"
	"github.com/mholt/archives"
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
	memory *memory // nil: none
	since  Since
	scope  Part
	cut    bool // a shallow clone ends in what is listed

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
	return l.target.Tree.Each(ctx, l.unknown(files), l.jobs, l.file)
}

// unknown are the files that have to be looked at. Of the others it is
// remembered that there is nothing in them.
func (l *look) unknown(files []git.File) []git.File {
	if l.memory == nil {
		return files
	}
	known := l.memory.Clean
	l.memory.Clean = make(map[digest]bool, len(files))
	var out []git.File
	for _, f := range files {
		name := fileDigest(f)
		binary, ok := known[name]
		if !ok {
			out = append(out, f)
			continue
		}
		l.memory.Clean[name] = binary
		l.note(f, binary)
	}
	return out
}

// note counts a file that was looked at.
func (l *look) note(f git.File, binary bool) {
	l.examined.Files++
	l.examined.Bytes += f.Size
	if binary {
		l.binary++
		l.skipped[f.Path] = true
	}
}

// files are those worth reading: no symlinks, nothing empty, nothing that an
// allowlist of the rules leaves out.
func (l *look) files(ctx context.Context) ([]git.File, error) {
	all := l.scope.files(l.target)
	skip := make([]bool, len(all))
	names := pathFilter{rules: l.rules}
	g, gctx := errgroup.WithContext(ctx)
	for job := range l.jobs {
		g.Go(func() error {
			for i := job; i < len(all); i += l.jobs {
				if gctx.Err() != nil {
					return context.Cause(gctx)
				}
				skip[i] = hasContent(all[i]) && names.skips(all[i].Path)
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
func anyFile(r *rules, files []git.File) bool {
	names := pathFilter{rules: r}
	for _, f := range files {
		if hasContent(f) && !names.skips(f.Path) {
			return true
		}
	}
	return false
}

// pathFilter says which paths the allowlists leave out. It is safe for
// concurrent use.
type pathFilter struct {
	rules *rules
	dirs  sync.Map // path -> allowed
}

func (p *pathFilter) skips(name string) bool {
	return p.allowed(name) || p.inAllowedDir(path.Dir(name))
}

func (p *pathFilter) allowed(name string) bool {
	return p.rules.detector.AllowsPath(name)
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

// file looks at one file of the tree.
//
// gitleaks opens no file whose name has ".gz", ".tar", ".br" and the like
// anywhere in it (app.target.yml is one), and leaves one that begins like a
// document or a program ("%PDF"). Anybody can call a file so. What has no NUL
// byte at its start is text all the same, and is read: here we find more than
// gitleaks does, on purpose.
func (l *look) file(ctx context.Context, f git.File, in io.Reader) error {
	looked, found := false, false
	yield := func(part fragment) error {
		looked = true
		n, err := l.scan(ctx, part)
		found = found || n > 0
		return err
	}
	read := readLarge
	if f.Size < chunk {
		read = readSmall
	}
	if err := read(ctx, f, in, &looked, yield); err != nil {
		return fmt.Errorf("read %q: %w", f.Path, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(f, !looked)
	if l.memory != nil && !found {
		l.memory.Clean[fileDigest(f)] = !looked
	}
	return nil
}

// readSmall looks at a file that gitleaks takes as one piece.
func readSmall(ctx context.Context, f git.File, in io.Reader, _ *bool, yield func(fragment) error) error {
	text, err := wholeText(in, f.Size)
	if err != nil {
		return err
	}
	format, _, err := archives.Identify(ctx, f.Path, nil)
	isArchive := err == nil && format != nil
	buffer := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buffer)
	kind, err := filetype.Match(buffer[:copy(buffer[:], text)])
	switch {
	case err != nil:
		return err
	case !isArchive && kind.MIME.Type != "application":
		return yield(fragment{path: f.Path, line: 1, text: text})
	case isBinary(text):
		return nil
	}
	return textFragments(f.Path, bufio.NewReader(strings.NewReader(text)), yield)
}

// wholeText is all of a text, which has to be size bytes long.
func wholeText(in io.Reader, size int64) (string, error) {
	if t, ok := in.(interface{ Text() string }); ok {
		if text := t.Text(); int64(len(text)) == size {
			return text, nil
		}
		return "", io.ErrUnexpectedEOF
	}
	var text strings.Builder
	text.Grow(int(size))
	if _, err := io.CopyN(&text, in, size); err != nil {
		return "", unexpected(err)
	}
	return text.String(), nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readLarge looks at a file that gitleaks cuts.
func readLarge(ctx context.Context, f git.File, in io.Reader, looked *bool, yield func(fragment) error) error {
	content := &wholeReader{in: in}
	start := &rememberer{in: content, until: looked}
	err := fragments(ctx, f.Path, start, yield)
	if err == nil && !*looked {
		rest := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(start.read), content), chunk)
		if head, _ := rest.Peek(binaryHead); bytes.IndexByte(head, 0) < 0 {
			err = textFragments(f.Path, rest, yield)
		}
	}
	if err == nil {
		err = content.err
	}
	if err == nil && *looked && content.size != f.Size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// binaryHead is how much of a file git looks at for a NUL byte.
const binaryHead = 8000

// rememberer keeps what was read until it is told that there is no need.
type rememberer struct {
	in    io.Reader
	read  []byte
	until *bool
}

func (r *rememberer) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if !*r.until {
		r.read = append(r.read, p[:n]...)
	}
	return n, err
}

// textFragments cuts a text at line ends, into pieces of about a chunk.
func textFragments(name string, in *bufio.Reader, yield func(fragment) error) error {
	line, column := 1, 0
	var piece []byte
	for {
		part, err := in.ReadSlice('\n')
		piece = append(piece, part...)
		if err != nil && err != bufio.ErrBufferFull && err != io.EOF {
			return err
		}
		// A line is cut only where it is longer than any that a person wrote.
		full := len(piece) >= chunk && err == nil || len(piece) >= 8*chunk
		if full || err == io.EOF && len(piece) > 0 {
			text := string(piece)
			if err := yield(fragment{path: name, line: line, column: column, text: text}); err != nil {
				return err
			}
			line += strings.Count(text, "\n")
			if i := strings.LastIndexByte(text, '\n'); i >= 0 {
				column = 0
				text = text[i+1:]
			}
			column += utf8.RuneCountInString(text)
			piece = piece[:0]
		}
		if err == io.EOF {
			return nil
		}
	}
}

// scan looks at a fragment and keeps what it finds: so many.
func (l *look) scan(ctx context.Context, f fragment) (int, error) {
	hits, err := l.rules.scan(ctx, f)
	if err != nil {
		return 0, err
	}
	for _, h := range hits {
		found := newFound(f, h)
		l.mu.Lock()
		l.found = append(l.found, found)
		l.mu.Unlock()
	}
	return len(hits), nil
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
	in   io.Reader
	size int64
	err  error
}

func (r *wholeReader) Read(p []byte) (int, error) {
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
