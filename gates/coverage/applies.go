package coverage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// untested is why a gate that nobody asked for is skipped: there are no tests,
// no script that runs some, and no report. Empty: it applies.
func untested(ctx context.Context, t *gates.Target, id string) (string, error) {
	if slices.ContainsFunc(t.Tree.Files, isTest) {
		return "", nil
	}
	projects, err := project.Detect(ctx, t.Tree)
	if err != nil {
		return "", err
	}
	for _, p := range projects {
		if _, ok := testScript(p); ok && p.Kind == project.Node {
			return "", nil
		}
	}
	if found, err := inlineTests(ctx, t); found || err != nil {
		return "", err
	}
	if found, err := anyReport(t, projects); found || err != nil {
		return "", err
	}
	return fmt.Sprintf("no tests in this repository; name gates.%s in .wf-ci.yml to demand some", id), nil
}

// aside are folders of what tests use. (project.Classify calls it tests: for
// everything else it is of the same kind.)
var aside = []string{"testdata", "fixtures", "__fixtures__", "__mocks__", "test-fixtures"}

// isTest says whether a file is a test that a runner would find.
func isTest(f git.File) bool {
	if f.Kind == git.Symlink || project.Classify(f.Path, nil) != project.Test {
		return false
	}
	for part := range strings.SplitSeq(path.Dir(f.Path), "/") {
		if slices.Contains(aside, part) {
			return false
		}
	}
	base := path.Base(f.Path)
	if project.Language(f.Path, nil) == "python" {
		return strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_test.py") || base == "tests.py" || base == "test.py"
	}
	return true
}

var errFound = errors.New("found")

// inlineTests says whether a Rust source has tests in it.
func inlineTests(ctx context.Context, t *gates.Target) (bool, error) {
	var files []git.File
	for _, f := range t.Tree.Files {
		if path.Ext(f.Path) == ".rs" && f.Kind != git.Symlink && f.Size <= sourceLimit && project.Classify(f.Path, nil) == project.Source {
			files = append(files, f)
		}
	}
	var found atomic.Bool
	err := t.Tree.Each(ctx, files, t.Jobs, func(_ context.Context, _ git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err == nil && (bytes.Contains(data, []byte("#[test]")) || bytes.Contains(data, []byte("::test]")) || bytes.Contains(data, []byte("cfg(test)"))) {
			found.Store(true)
			return errFound
		}
		return err
	})
	if found.Load() {
		return true, nil
	}
	return false, err
}

// anyReport says whether an earlier step left results or coverage in one of the
// usual places.
func anyReport(t *gates.Target, projects []project.Project) (bool, error) {
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return false, err
	}
	defer root.Close()
	m := &measurement{target: t, root: root, projects: projects}
	if len(m.usual()) > 0 {
		return true, nil
	}
	dirs := []string{"."}
	for _, p := range projects {
		dirs = append(dirs, p.Dir)
	}
	var patterns []string
	for _, dir := range dirs {
		for _, u := range usualResults {
			patterns = append(patterns, path.Join(dir, u))
		}
	}
	names, err := globbed(root, patterns)
	return len(names) > 0, err
}
