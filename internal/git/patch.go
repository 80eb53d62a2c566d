package git

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/run"
)

// Hunk is a run of lines that a commit adds to a file.
type Hunk struct {
	Commit string
	Path   string // of the new side
	Line   int    // of its first line in the new file, from 1
	Text   []byte // the added lines, each with its end; valid during the call only
}

// maxLine bounds one line of a patch: longer ones are an error, never memory.
const maxLine = 512 << 20

// Patches calls fn with every hunk that the commits add, in the commits' order.
// Merges, deletions, binary files (a NUL byte in the first 8,000) and
// submodules have none. The diff is git's plumbing: no configuration and no
// attribute of the checkout changes it.
func (r *Repo) Patches(ctx context.Context, commits []string, fn func(Hunk) error) error {
	return r.patches(ctx, commits, parsePatches, fn, "-M", "--root", "--diff-filter=tuxdb")
}

// maxPaths is how many paths a command line is given.
const maxPaths = 1000

// PathPatches is Patches for files that the commits change, at these paths at
// least. What they add may be shown as such, though they moved it.
func (r *Repo) PathPatches(ctx context.Context, commits, paths []string, fn func(Hunk) error) error {
	flags := []string{"--no-renames", "--root", "--diff-filter=tuxdb"}
	if len(paths) <= maxPaths {
		flags = append(append(flags, "--"), paths...)
	}
	return r.patches(ctx, commits, parsePatches, fn, flags...)
}

// patches asks for the patches of commits and parses them.
func (r *Repo) patches(ctx context.Context, commits []string, parse patchReader, fn func(Hunk) error, flags ...string) error {
	if len(commits) == 0 {
		return nil
	}
	args := []string{"diff-tree", "--stdin", "--always", "-r", "-p", "-U0", "--no-color", "--no-ext-diff",
		"--no-textconv", "--full-index", "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=all"}
	if r.localAttributes() {
		args = append(args, "--text")
	}
	c := r.asStore(append(args, flags...)...)
	c.Env = append(c.Env, "GIT_LITERAL_PATHSPECS=1")
	c.Stdin = strings.NewReader(strings.Join(commits, "\n") + "\n")
	return r.parsed(ctx, c, func(out *bufio.Reader) error {
		seen, err := parse(out, fn)
		if err == nil && seen != len(commits) {
			// git passes over an id that it does not know without a word.
			err = fmt.Errorf("git showed %d of %d commits", seen, len(commits))
		}
		return err
	})
}

// patchReader reads patches and gives the number of commits it saw.
type patchReader func(in *bufio.Reader, fn func(Hunk) error) (commits int, err error)

// parsed runs a command and hands its output to parse while it comes. An error
// of either is an error.
func (r *Repo) parsed(ctx context.Context, c run.Command, parse func(*bufio.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A pipe of the system's: git writes to it, and nobody copies.
	pr, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		err := r.stream(ctx, c, pw)
		pw.Close()
		done <- err
	}()
	in := &endReader{in: pr}
	parseErr := parse(bufio.NewReaderSize(in, 256<<10))
	if parseErr != nil && !in.ended {
		cancel()
	}
	pr.Close()
	// Where git ended by itself, its error is the reason for parse's.
	if err := <-done; parseErr == nil || in.ended && err != nil {
		return err
	}
	return parseErr
}

// endReader remembers that the end was reached.
type endReader struct {
	in    io.Reader
	ended bool
}

func (r *endReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.ended = r.ended || err == io.EOF
	return n, err
}

// parsePatches reads the patches of commits with one parent.
func parsePatches(in *bufio.Reader, fn func(Hunk) error) (commits int, err error) {
	return eachHunk(in, "@@ ", func(p *patchParser, header string, h Hunk) error {
		old, span, err := parseHunkHeader(header)
		if err != nil {
			return err
		}
		if h.Text, err = p.hunk(old, span.count); err != nil {
			return err
		}
		h.Line = span.from
		if span.count == 0 || h.Path == "" {
			return nil
		}
		return fn(h)
	})
}

// eachHunk reads patches with commit ids on lines of their own between them,
// and calls hunk at every line that begins with mark; it has to read the hunk's
// lines. Content can never be taken for a header: hunk headers say how many
// lines follow. The result is the number of commits.
func eachHunk(in *bufio.Reader, mark string, hunk func(p *patchParser, header string, h Hunk) error) (commits int, err error) {
	p := patchParser{in: in}
	var h Hunk
	for {
		line, err := p.next()
		if err == io.EOF {
			return commits, nil
		}
		if err != nil {
			return commits, err
		}
		switch {
		case IsID(string(line)):
			h.Commit = string(line)
			commits++
		case bytes.HasPrefix(line, []byte("diff --")):
			h.Path = ""
		case bytes.HasPrefix(line, []byte("+++ ")):
			h.Path, err = newSide(string(line[4:]))
		case bytes.HasPrefix(line, []byte(mark)):
			err = hunk(&p, string(line), h)
		}
		if err != nil {
			return commits, err
		}
	}
}

type patchParser struct {
	in   *bufio.Reader
	line []byte
	text []byte
}

// next is a line without its end; valid until the next call.
func (p *patchParser) next() ([]byte, error) {
	p.line = p.line[:0]
	for {
		part, err := p.in.ReadSlice('\n')
		p.line = append(p.line, part...)
		if len(p.line) > maxLine {
			return nil, fmt.Errorf("a line of more than %d bytes", maxLine)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(p.line) > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		return p.line[:len(p.line)-1], nil
	}
}

// hunk reads a hunk's lines and gives the added ones.
func (p *patchParser) hunk(removed, added int) ([]byte, error) {
	p.text = p.text[:0]
	for removed > 0 || added > 0 {
		line, err := p.next()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		switch {
		case len(line) > 0 && line[0] == '+' && added > 0:
			added--
			p.text = append(append(p.text, line[1:]...), '\n')
		case len(line) > 0 && line[0] == '-' && removed > 0:
			removed--
		case len(line) > 0 && line[0] == '\\': // "\ No newline at end of file"
		default:
			return nil, fmt.Errorf("patch line %.80q inside a hunk", line)
		}
	}
	// A last line without its end is followed by a note of that.
	if next, err := p.in.Peek(1); err == nil && next[0] == '\\' {
		if _, err := p.next(); err != nil {
			return nil, err
		}
		p.text = bytes.TrimSuffix(p.text, []byte("\n"))
	}
	return p.text, nil
}

type hunkSpan struct{ from, count int }

// parseHunkHeader reads "@@ -a[,b] +c[,d] @@": the removed count and the new span.
func parseHunkHeader(line string) (removed int, added hunkSpan, err error) {
	f := strings.SplitN(line, " ", 4)
	if len(f) < 4 || !strings.HasPrefix(f[1], "-") || !strings.HasPrefix(f[2], "+") {
		return 0, hunkSpan{}, fmt.Errorf("hunk header %.80q", line)
	}
	old, err1 := parseSpan(f[1][1:])
	span, err2 := parseSpan(f[2][1:])
	if err1 != nil || err2 != nil {
		return 0, hunkSpan{}, fmt.Errorf("hunk header %.80q", line)
	}
	return old.count, span, nil
}

func parseSpan(s string) (hunkSpan, error) {
	from, count, ok := strings.Cut(s, ",")
	if !ok {
		count = "1"
	}
	a, err1 := strconv.ParseUint(from, 10, 31)
	b, err2 := strconv.ParseUint(count, 10, 31)
	if err1 != nil || err2 != nil {
		return hunkSpan{}, fmt.Errorf("span %q", s)
	}
	return hunkSpan{int(a), int(b)}, nil
}

// newSide is the path of a "+++ " line: "b/path", C-quoted where it has
// special characters, with a tab behind it where it has blanks.
func newSide(s string) (string, error) {
	if strings.HasPrefix(s, `"`) {
		raw, err := Unquote(strings.TrimSuffix(s, "\t"))
		if err != nil {
			return "", err
		}
		s = raw
	} else {
		s = strings.TrimSuffix(s, "\t")
	}
	if s == "/dev/null" {
		return "", nil
	}
	path, ok := strings.CutPrefix(s, "b/")
	if !ok {
		return "", fmt.Errorf("patch path %.80q", s)
	}
	return path, nil
}
