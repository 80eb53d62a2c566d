package session

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// metrics measures the day: what cannot be measured stays absent.
func (d Desk) metrics(ctx context.Context, x *Context, w window, own []git.Entry, head string, e Ending) error {
	commits := len(own)
	x.Metrics.Commits, x.Metrics.Coverage = &commits, e.Coverage
	if e.Cost != nil {
		x.Metrics.Cost = e.Cost.String()
	}
	if w.base == "" || head == "" {
		return nil
	}
	log, err := d.Repo.Log(ctx, w.base, head)
	if err != nil {
		return err
	}
	mine := make(map[string]bool, len(own))
	for _, c := range own {
		mine[c.ID] = true
	}
	paths := make(map[string]bool)
	for _, c := range log {
		if !mine[c.ID] {
			continue
		}
		for _, f := range c.Files {
			paths[f.Path] = true
		}
	}
	files := len(paths)
	x.Metrics.Files = &files
	added, err := d.testsAdded(ctx, w.base, head, paths)
	x.Metrics.TestsAdded = added
	return err
}

// testsAdded is how many more tests the changed files have than they had; nil:
// no file with tests was changed, or they have become fewer.
func (d Desk) testsAdded(ctx context.Context, base, head string, paths map[string]bool) (*int, error) {
	any := false
	for p := range paths {
		any = any || testPattern(p) != nil
	}
	if !any {
		return nil, nil
	}
	var counts [2]int
	for i, rev := range []string{base, head} {
		tree, err := d.Repo.TreeAt(ctx, rev)
		if err != nil {
			return nil, err
		}
		if counts[i], err = countTests(ctx, tree, paths); err != nil {
			return nil, err
		}
	}
	if counts == [2]int{} {
		return nil, nil
	}
	added := counts[1] - counts[0]
	return &added, nil
}

func countTests(ctx context.Context, tree *git.Tree, paths map[string]bool) (int, error) {
	var files []git.File
	for _, f := range tree.Files {
		if paths[f.Path] && f.Kind != git.Symlink && f.Size <= readLimit && testPattern(f.Path) != nil {
			files = append(files, f)
		}
	}
	total := 0
	var mu sync.Mutex
	err := tree.Each(ctx, files, 1, func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for line := range bytes.Lines(data) {
			if testPattern(f.Path).Match(line) {
				total++
			}
		}
		return nil
	})
	return total, err
}

// What a test begins with, by language.
var (
	goTest     = lazyregexp.New(`^func (?:Test|Fuzz)[A-Z_0-9]?\w*\(`)
	pythonTest = lazyregexp.New(`^\s*(?:async\s+)?def test\w*\(`)
	scriptTest = lazyregexp.New(`^\s*(?:it|test)(?:\.\w+)?\s*[(\x60]`)
	rustTest   = lazyregexp.New(`^\s*#\[(?:\w+::)?test\b`)
	javaTest   = lazyregexp.New(`^\s*@(?:Test|ParameterizedTest)\b`)
)

// testPattern tells the tests of a file; nil: it has none that we know.
func testPattern(name string) *lazyregexp.Regexp {
	base := path.Base(name)
	switch ext := path.Ext(base); {
	case strings.HasSuffix(base, "_test.go"):
		return goTest
	case ext == ".py" && (strings.HasPrefix(base, "test") || strings.HasSuffix(base, "_test.py")):
		return pythonTest
	case (ext == ".js" || ext == ".ts" || ext == ".jsx" || ext == ".tsx" || ext == ".mjs" || ext == ".cjs" || ext == ".mts") &&
		(strings.Contains(base, ".test.") || strings.Contains(base, ".spec.") || strings.Contains(name, "__tests__/") || strings.Contains("/"+name, "/test/")):
		return scriptTest
	case ext == ".rs":
		return rustTest
	case ext == ".java" || ext == ".kt":
		return javaTest
	}
	return nil
}
