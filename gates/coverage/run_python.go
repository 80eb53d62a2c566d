package coverage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// pythonJob is pytest, or unittest for a project that does not know pytest.
func pythonJob(t *gates.Target, p project.Project) job {
	name, before := interpreter(t, p)
	shown := strings.Join(append(append([]string{name}, before...), "-m", "pytest"), " ")
	return job{project: p, program: name, shown: shown, start: func(ctx context.Context, r *session) (results, int, error) {
		y := &python{session: r, project: p, name: name, before: before, report: filepath.Join(r.scratch, "coverage.xml")}
		return y.run(ctx)
	}}
}

// python is one run of a Python project's tests.
type python struct {
	*session
	project project.Project
	name    string
	before  []string
	report  string // of coverage
	how     measuring
}

// measuring is what can measure.
type measuring int

const (
	byNothing measuring = iota
	byPlugin            // pytest-cov
	byTool              // coverage.py
)

// child runs the project's Python with these arguments.
func (y *python) child(ctx context.Context, args ...string) (run.Result, error) {
	return y.session.child(ctx, y.project, run.Command{
		Name: y.name, Args: append(slices.Clone(y.before), args...),
		Env: []string{"PYTHONDONTWRITEBYTECODE=1", "COVERAGE_FILE=" + filepath.Join(y.scratch, "data")},
	})
}

func (y *python) run(ctx context.Context) (results, int, error) {
	if y.measure {
		if err := y.chooseTool(ctx); err != nil {
			return results{}, 0, err
		}
	}
	if y.how == byTool && !y.probe(ctx, "pytest") {
		return y.unittest(ctx)
	}
	junit := filepath.Join(y.scratch, "pytest.xml")
	pytest := []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=" + junit}
	switch y.how {
	case byPlugin:
		pytest = append(pytest, "--cov=.", "--cov-report=xml:"+y.report, "--cov-fail-under=0")
	case byTool:
		pytest = append([]string{"-m", "coverage", "run", "--source=."}, pytest...)
	}
	res, err := y.child(ctx, pytest...)
	var missing missingTool
	if errors.As(err, &missing) && y.name == "python3" {
		y.name = "python"
		res, err = y.child(ctx, pytest...)
	}
	if err != nil {
		return results{}, res.Exit, err
	}
	if !bytes.Contains(res.Stderr.Bytes, []byte("No module named pytest")) {
		out, exit, err := pytestResults(junit, res)
		y.takeReport(ctx)
		return out, exit, err
	}
	return y.unittest(ctx)
}

// unittest runs where there is no pytest, unless the project wants that.
func (y *python) unittest(ctx context.Context) (results, int, error) {
	if wantsPytest(ctx, y.target, y.project) {
		return results{}, 1, missingTool{tool: "pytest", remedy: "install the project's development requirements (pip install pytest), or name the report of an earlier step in gates.tests.reports"}
	}
	args := []string{"-m", "unittest", "discover"}
	if y.how == byTool {
		args = append([]string{"-m", "coverage", "run", "--source=."}, args...)
	}
	if tests := path.Join(y.project.Dir, "tests"); hasBelow(y.target.Tree, tests) && y.target.Tree.File(tests+"/__init__.py") == nil {
		args = append(args, "-s", "tests") // no package: discover does not look into it
	}
	res, err := y.child(ctx, args...)
	if err != nil {
		return results{}, res.Exit, err
	}
	out, err := readUnittest(res.Stderr.Bytes)
	if res.Exit == 5 {
		err = nil // no tests: said by the counts
	}
	y.takeReport(ctx)
	return out, res.Exit, err
}

// chooseTool finds what can measure here: pytest-cov, or coverage.py.
func (y *python) chooseTool(ctx context.Context) error {
	for _, tool := range []struct {
		module string
		how    measuring
	}{{"pytest_cov", byPlugin}, {"coverage", byTool}} {
		found := y.probe(ctx, tool.module)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if found {
			y.how = tool.how
			return nil
		}
	}
	y.unmeasured = missingTool{tool: "pytest-cov", remedy: "`pip install pytest-cov`, or let an earlier step run `" + commandOf(project.Python) + "`"}
	return nil
}

// probe says whether a module can be imported.
func (y *python) probe(ctx context.Context, module string) bool {
	log := y.log
	res, err := y.child(ctx, "-c", "import "+module)
	var missing missingTool
	if errors.As(err, &missing) && y.name == "python3" {
		y.name = "python"
		res, err = y.child(ctx, "-c", "import "+module)
	}
	y.log = log // what is not there is no news
	return err == nil && res.Exit == 0
}

// takeReport keeps what was measured; coverage.py is asked for it afterwards.
func (y *python) takeReport(ctx context.Context) {
	if y.how == byTool {
		if parts, _ := filepath.Glob(filepath.Join(y.scratch, "data.*")); len(parts) > 0 { // parallel = true
			if res, err := y.child(ctx, "-m", "coverage", "combine"); err != nil || res.Exit != 0 {
				y.unmeasured = fmt.Errorf("coverage combine ended with status %d: %s", res.Exit, firstLine(res.Stdout.Bytes))
				return
			}
		}
		if res, err := y.child(ctx, "-m", "coverage", "xml", "--fail-under=0", "-o", y.report); err != nil || res.Exit != 0 {
			y.unmeasured = fmt.Errorf("coverage xml ended with status %d: %s", res.Exit, firstLine(res.Stdout.Bytes))
			return
		}
	}
	switch y.how {
	case byPlugin:
		y.take("pytest --cov", y.report)
	case byTool:
		y.take("coverage run", y.report)
	}
}

func hasBelow(tree *git.Tree, dir string) bool {
	return slices.ContainsFunc(tree.Files, func(f git.File) bool { return strings.HasPrefix(f.Path, dir+"/") })
}

// pytestResults: 0 passed, 1 some failed, 2 broken off or not collected, 5 no
// tests; what else there is are faults of the run.
func pytestResults(report string, res run.Result) (results, int, error) {
	switch res.Exit {
	case 5:
		return results{format: "pytest"}, res.Exit, nil
	case 0, 1, 2:
		out, exit, err := readOwn(report, res)
		return out, exit, err
	}
	return results{}, res.Exit, fmt.Errorf("pytest could not run (exit status %d): %s", res.Exit, firstLine(lastPart(append(res.Stdout.Bytes, res.Stderr.Bytes...))))
}

// interpreter is the Python of a project: its virtual environment's, that of
// its manager, else the first in PATH.
func interpreter(t *gates.Target, p project.Project) (name string, before []string) {
	for _, venv := range []string{".venv", "venv"} {
		if t.Tree.File(path.Join(p.Dir, venv, "bin", "python")) != nil {
			continue // committed: not an environment of this machine
		}
		python := filepath.Join(t.Dir, filepath.FromSlash(p.Dir), venv, "bin", "python")
		if info, err := os.Stat(python); err == nil && !info.IsDir() {
			return python, nil
		}
	}
	switch p.Manager {
	case "poetry", "pipenv", "uv":
		if p.Manifest != "" {
			return p.Manager, []string{"run", "python"}
		}
	}
	return "python3", nil
}

// bareTest is a test that only pytest knows: unittest passes over it.
var bareTest = lazyregexp.New(`(?m)^(async )?def test_`)

// wantsPytest says whether a project's files name pytest, or hold tests that
// nothing else runs.
func wantsPytest(ctx context.Context, t *gates.Target, p project.Project) bool {
	return slices.ContainsFunc(t.Tree.Files, func(f git.File) bool {
		return p.Holds(f.Path) && f.Size <= 1<<20 && f.Kind != git.Symlink && forPytest(ctx, t, f)
	})
}

func forPytest(ctx context.Context, t *gates.Target, f git.File) bool {
	base := path.Base(f.Path)
	test := strings.HasSuffix(base, ".py") && (strings.HasPrefix(base, "test") || strings.HasSuffix(base, "_test.py"))
	switch {
	case base == "pytest.ini" || base == "conftest.py":
		return true
	case !test && !strings.HasPrefix(base, "requirements") && !slices.Contains([]string{"pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "Pipfile"}, base):
		return false
	}
	data, err := t.Tree.Read(ctx, f, 1<<20)
	return err == nil && (bytes.Contains(data, []byte("pytest")) || test && bareTest.Match(data))
}
