package lint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

// outputLimit is the most that a linter may print, in bytes.
const outputLimit = 64 << 20

// sourceLimit is the size, in bytes, of the largest source that is read.
const sourceLimit = 8 << 20

// session is what the units of one run share.
type session struct {
	target   *gates.Target
	projects []project.Project
	scratch  string // a directory of ours
	real     string // Target.Dir with its links resolved

	mu     sync.Mutex
	taken  map[project.Kind][]string // directories whose files a linter has, by kind
	source map[string][]byte         // contents that were read
}

func newSession(t *gates.Target, scratch string) (*session, error) {
	real, err := filepath.EvalSymlinks(t.Dir)
	return &session{target: t, scratch: scratch, real: real, source: make(map[string][]byte)}, err
}

// take says that a linter has the files of a kind below a directory.
func (s *session) take(kind project.Kind, dir string) {
	if s.taken == nil {
		s.taken = make(map[project.Kind][]string)
	}
	s.taken[kind] = append(s.taken[kind], dir)
}

func (s *session) isTaken(kind project.Kind, name string) bool {
	return slices.ContainsFunc(s.taken[kind], func(dir string) bool { return below(dir, name) })
}

// disk is the place of a directory of the tree on disk.
func (s *session) disk(dir string) string {
	return filepath.Join(s.target.Dir, filepath.FromSlash(dir))
}

// missingTool says that a linter is not installed here.
type missingTool struct{ tool, remedy string }

func (e missingTool) Error() string {
	return fmt.Sprintf("%s is not installed here: %s", e.tool, e.remedy)
}

// otherwise ends a remedy: what helps where the tool cannot be had.
const otherwise = ", or let an earlier step write SARIF (lint-LINTER.sarif, or what gates.lint.reports names)"

// printed is what a linter wrote, and its exit status.
type printed struct {
	stdout, stderr []byte
	exit           int
}

// start runs a linter in a directory of the tree. A status other than zero is
// the linter's word, unless it says that the linter did not run.
func (s *session) start(ctx context.Context, dir, remedy string, c run.Command) (printed, error) {
	out := &capped{}
	c.Dir, c.Contain, c.Stdout, c.Keep = s.disk(dir), true, out, 4<<20
	c.Env = append([]string{"NO_COLOR=1", "CI=true", "FORCE_COLOR=0"}, c.Env...)
	res, err := s.target.Runner.Run(ctx, c)
	p := printed{stdout: out.data.Bytes(), stderr: res.Stderr.Bytes, exit: res.Exit}
	var missing *run.NotStartedError
	var exited *run.ExitError
	switch {
	case errors.As(err, &missing) && missing.Missing:
		return p, missingTool{filepath.Base(c.Name), remedy}
	case out.over:
		return p, fmt.Errorf("it printed more than %d MiB", outputLimit>>20)
	case err == nil:
		return p, nil
	case !errors.As(err, &exited):
		return p, err
	case res.Exit == 126 || res.Exit == 127:
		return p, missingTool{filepath.Base(c.Name), remedy}
	case res.Exit > 128 && res.Exit <= 128+64:
		return p, fmt.Errorf("it was ended by signal %d", res.Exit-128)
	}
	return p, nil
}

// unexplained is the error of a linter that ended with a status of failure and
// names nothing that it found: it has looked at files, and did not say at which
// it broke off.
func (p printed) unexplained(r result) error {
	if p.exit != 0 && len(r.findings) == 0 && r.files > 0 {
		return p.failure()
	}
	return nil
}

// failure is the error of a linter that ended without an answer.
func (p printed) failure() error {
	why := firstLine(p.stderr)
	for line := range bytes.Lines(p.stderr) { // cargo says first what it does
		if bytes.HasPrefix(line, []byte("error")) {
			why = firstLine(line)
			break
		}
	}
	if why == "" {
		why = firstLine(p.stdout)
	}
	if why == "" {
		why = "it said nothing"
	}
	return fmt.Errorf("no answer (exit status %d): %s", p.exit, why)
}

// capped keeps what a child prints, up to outputLimit.
type capped struct {
	data bytes.Buffer
	over bool
}

func (c *capped) Write(p []byte) (int, error) {
	if c.data.Len()+len(p) > outputLimit {
		c.over = true
		return len(p), nil
	}
	return c.data.Write(p)
}

// firstLine is the first line that says something, cut to what an error can hold.
func firstLine(text []byte) string {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && !bytes.HasPrefix(line, []byte("Oops!")) && !bytes.HasPrefix(line, []byte("ESLint: ")) {
			return strings.ToValidUTF8(string(line[:min(len(line), 300)]), "\ufffd")
		}
	}
	return ""
}

// path is the file of the tree that a linter names from a directory; empty:
// none of this tree.
func (s *session) path(dir, name string) string {
	name = filepath.ToSlash(name)
	if filepath.IsAbs(filepath.FromSlash(name)) {
		for _, top := range []string{s.real, s.target.Dir} {
			if rel, err := filepath.Rel(top, filepath.FromSlash(name)); err == nil && filepath.IsLocal(rel) {
				return filepath.ToSlash(rel)
			}
		}
		return ""
	}
	name = path.Join(dir, name)
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return ""
	}
	return name
}

// text is the content of a file of the tree; nil: there is none to read.
func (s *session) text(ctx context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	data, ok := s.source[name]
	s.mu.Unlock()
	if ok {
		return data, nil
	}
	f := s.target.Tree.File(name)
	if f == nil || f.Kind == git.Symlink || f.Size > sourceLimit {
		return nil, nil
	}
	data, err := s.target.Tree.Read(ctx, *f, sourceLimit)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source[name] = data
	return data, nil
}

// maintained says whether a person of this repository wrote a file.
func maintained(name string, content []byte) bool {
	switch project.Classify(name, content) {
	case project.Vendored, project.Generated, project.Minified:
		return false
	}
	return true
}

// wanted are the findings in files of the tree that somebody maintains. Linters
// look at the disk, where ignored and generated files are too.
func (s *session) wanted(ctx context.Context, all []gates.Finding) ([]gates.Finding, error) {
	var list []gates.Finding
	for _, f := range all {
		name := string(f.Path)
		if name == "" {
			list = append(list, f)
			continue
		}
		file := s.target.Tree.File(name)
		if file == nil || file.Kind == git.Symlink {
			continue
		}
		data, err := s.text(ctx, name)
		if err != nil {
			return list, err
		}
		if maintained(name, data) {
			list = append(list, f)
		}
	}
	return list, nil
}

// countOwn is how many of these files are in the tree and maintained.
func (s *session) countOwn(dir string, names []string) int {
	seen := make(map[string]bool)
	for _, name := range names {
		if name = s.path(dir, name); name != "" && s.target.Tree.File(name) != nil && maintained(name, nil) {
			seen[name] = true
		}
	}
	return len(seen)
}

// characters turns a column in bytes into one in characters.
func (s *session) characters(ctx context.Context, name string, line, column int) int {
	data, err := s.text(ctx, name)
	if err != nil || line < 1 || column < 1 {
		return max(column, 0)
	}
	n := 0
	for l := range bytes.Lines(data) {
		if n++; n == line {
			return utf8.RuneCount(l[:min(column-1, len(l))]) + 1
		}
	}
	return column
}

// below says whether a path is in a directory, or in one below it.
func below(dir, name string) bool { return dir == "." || strings.HasPrefix(name, dir+"/") }

// relative is a path below a directory as seen from it, no option whatever its name.
func relative(dir, name string) string {
	if dir != "." {
		name = strings.TrimPrefix(name, dir+"/")
	}
	return "./" + name
}

// aside are directories whose files are material of tests, broken on purpose.
var aside = []string{"testdata", "fixtures", "__fixtures__", "test-fixtures"}

func inAside(name string) bool {
	for part := range strings.SplitSeq(path.Dir(name), "/") {
		if slices.Contains(aside, part) {
			return true
		}
	}
	return false
}

// ups are a directory and those above it, up to the tree's root.
func ups(dir string) []string {
	list := []string{dir}
	for dir != "." {
		dir = path.Dir(dir)
		list = append(list, dir)
	}
	return list
}
