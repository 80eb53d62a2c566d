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
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// job is one run of a project's tests.
type job struct {
	project project.Project
	shown   string // the command, as a person would type it
	start   func(ctx context.Context, r *session) (results, int, error)
}

// session is what the jobs share.
type session struct {
	target  *gates.Target
	scratch string // a directory of ours
	log     []byte
}

// missingTool says that a project's tests cannot be run here.
type missingTool struct{ tool, remedy string }

func (e missingTool) Error() string {
	return fmt.Sprintf("%s is not installed here: %s", e.tool, e.remedy)
}

// child runs one command of a project in its directory.
func (r *session) child(ctx context.Context, p project.Project, c run.Command) (run.Result, error) {
	c.Dir = filepath.Join(r.target.Dir, filepath.FromSlash(p.Dir))
	c.Contain = true
	if c.Keep == 0 {
		c.Keep = 256 << 10
	}
	c.Env = append([]string{"NO_COLOR=1", "CI=true"}, c.Env...)
	res, err := r.target.Runner.Run(ctx, c)
	if c.Stdout == nil || err != nil {
		log := printed(res)
		r.log = append(r.log, log[max(0, len(log)-64<<10):]...)
	}
	var missing *run.NotStartedError
	if errors.As(err, &missing) && missing.Missing {
		return res, missingTool{tool: c.Name, remedy: "install it, or let an earlier step run the tests and name its report in gates.tests.reports"}
	}
	return res, answered(res.Exit, err)
}

// jobs are the runs that the tree's projects ask for. The second result names
// projects that hold sources and no tests at all.
func jobs(t *gates.Target, projects []project.Project) (list []job, without []project.Project) {
	declared := slices.ContainsFunc(projects, func(p project.Project) bool { return p.Manifest != "" })
	covered := make(map[string]bool) // node workspaces whose root runs all
	for _, p := range projects {
		sources, tests := counted(t.Tree, projects, p)
		switch {
		case p.Manifest == "" && declared && tests == 0:
			continue // a script beside
		case p.Kind == project.Node:
			if p.Workspace != "" && covered[p.Workspace] {
				continue
			}
			script, ok := testScript(p)
			delegates := ok && delegating.MatchString(script)
			if ok && !delegates {
				covered[p.Dir] = true
				list = append(list, nodeJob(p, script))
			} else if !delegates && sources > 0 {
				without = append(without, p)
			}
		case p.Kind == project.Rust && p.Workspace != "":
			// The workspace's root runs it.
		case p.Kind == project.Rust && p.Manifest != "":
			if sources > 0 || tests > 0 {
				list = append(list, cargoJob(p))
			}
		case p.Kind == project.Go && p.Manifest != "" && tests > 0:
			list = append(list, goJob(p))
		case p.Kind == project.Python && tests > 0:
			list = append(list, pythonJob(t, p))
		case sources > 0:
			without = append(without, p)
		}
	}
	return list, without
}

// counted is how many sources and tests of a project's kind are its own.
func counted(tree *git.Tree, projects []project.Project, p project.Project) (sources, tests int) {
	for _, f := range tree.Files {
		kind := project.KindOf(project.Language(f.Path, nil))
		if kind != p.Kind || !p.Holds(f.Path) || f.Kind == git.Symlink {
			continue
		}
		if own := project.Of(projects, kind, f.Path); own == nil || own.Dir != p.Dir && (p.Kind != project.Rust || own.Workspace != p.Dir) {
			continue
		}
		switch project.Classify(f.Path, nil) {
		case project.Source:
			if project.Executable(f.Path) {
				sources++
			}
		case project.Test:
			if path.Base(f.Path) != "conftest.py" {
				tests++
			}
		}
	}
	return sources, tests
}

// goJob is `go test -json ./...`: its events are read as they come.
func goJob(p project.Project) job {
	return job{project: p, shown: "go test ./...", start: func(ctx context.Context, r *session) (results, int, error) {
		var events goEvents
		res, err := r.child(ctx, p, run.Command{Name: "go", Args: []string{"test", "-json", "./..."}, Stdout: &events})
		if err != nil {
			return results{}, res.Exit, err
		}
		out, err := events.results()
		if err != nil && len(res.Stderr.Bytes) > 0 {
			err = fmt.Errorf("%w: %s", err, firstLine(res.Stderr.Bytes))
		}
		return out, res.Exit, err
	}}
}

// cargoJob is `cargo test`.
func cargoJob(p project.Project) job {
	args := []string{"test", "--no-fail-fast"}
	return job{project: p, shown: "cargo test", start: func(ctx context.Context, r *session) (results, int, error) {
		stdout := &capped{}
		res, err := r.child(ctx, p, run.Command{Name: "cargo", Args: args, Stdout: stdout, Env: []string{"CARGO_TERM_COLOR=never", "RUST_BACKTRACE=0"}})
		if err != nil {
			return results{}, res.Exit, err
		}
		if stdout.over {
			return results{}, res.Exit, errTooMuch
		}
		out, err := readCargo(stdout.data.Bytes(), res.Stderr.Bytes)
		return out, res.Exit, err
	}}
}

var errTooMuch = fmt.Errorf("the tests print more than %d MiB", reportLimit>>20)

// capped keeps what a child prints, up to the limit of a report.
type capped struct {
	data bytes.Buffer
	over bool
}

func (c *capped) Write(p []byte) (int, error) {
	if c.data.Len()+len(p) > reportLimit {
		c.over = true
		return len(p), nil
	}
	return c.data.Write(p)
}

// placeholder is what `npm init` writes.
const placeholder = "no test specified"

var (
	// delegating are scripts that run the tests of the workspace's members,
	// each with a report of its own: those are run one by one instead.
	delegating = lazyregexp.New(`--workspaces\b|\s-ws\b|\b(turbo|lerna|nx|wsrun|ultra)\b|\bpnpm\b.*\s(-r|--recursive)\b|\byarn workspaces\b|--filter\b`)
	indirect   = lazyregexp.New(`\b(?:npm|pnpm|yarn|bun)(?: run)?(?: -s| --silent)? ([\w:.-]+)`)
	nodeTest   = lazyregexp.New(`\bnode\b.*\s--test\b`)
)

// testScript is the command behind a project's `test` script.
func testScript(p project.Project) (string, bool) {
	script := p.Scripts["test"]
	if script == "" || strings.Contains(script, placeholder) {
		return "", false
	}
	for range 3 {
		m := indirect.FindStringSubmatch(script)
		if m == nil || p.Scripts[m[1]] == "" || m[1] == "test" {
			break
		}
		script = strings.Replace(script, m[0], p.Scripts[m[1]], 1)
	}
	return script, true
}

// nodeJob runs the project's `test` script through its package manager, and
// asks the runner behind it for a report. A script that passes the request
// over leaves none, and then nothing is known.
func nodeJob(p project.Project, script string) job {
	manager := p.Manager
	shown := manager + " test"
	if manager == "bun" {
		shown = "bun run test"
	}
	return job{project: p, shown: shown, start: func(ctx context.Context, r *session) (results, int, error) {
		report := filepath.Join(r.scratch, "node-report")
		_ = os.Remove(report) // an earlier project's
		var extra, env []string
		switch {
		case nodeTest.MatchString(script):
			to := "--test-reporter-destination=" + report
			if strings.Contains(to, " ") {
				to = strconv.Quote(to)
			}
			env = []string{"NODE_OPTIONS=--test-reporter=junit " + to}
		case strings.Contains(script, "vitest"):
			extra = []string{"--reporter=junit", "--outputFile=" + report}
		case strings.Contains(script, "jest") || strings.Contains(script, "react-scripts test"):
			extra = []string{"--json", "--outputFile=" + report, "--testLocationInResults"}
		case strings.Contains(script, "mocha"):
			extra = []string{"--reporter", "xunit", "--reporter-option", "output=" + report}
		}
		args := []string{"run", "test"}
		if len(extra) > 0 && (manager == "npm" || manager == "bun") {
			args = append(args, "--")
		}
		res, err := r.child(ctx, p, run.Command{Name: manager, Args: append(args, extra...), Env: env})
		if err != nil {
			if res.Exit == 127 {
				err = fmt.Errorf("%w: run `%s install` first", err, manager)
			}
			return results{}, res.Exit, err
		}
		return readOwn(report, res)
	}}
}

// readOwn reads a report that a run was asked to write into our scratch.
func readOwn(report string, res run.Result) (results, int, error) {
	info, err := os.Stat(report)
	if err != nil {
		return results{}, res.Exit, fmt.Errorf("the tests ended with status %d and left no report that says how many ran: have them write JUnit XML, and name it in gates.tests.reports", res.Exit)
	}
	if info.Size() > reportLimit {
		return results{}, res.Exit, fmt.Errorf("the report of the tests is larger than %d MiB", reportLimit>>20)
	}
	data, err := os.ReadFile(report)
	if err != nil {
		return results{}, res.Exit, err
	}
	out, err := readResults(data)
	return out, res.Exit, err
}

// pythonJob is pytest, or unittest for a project that does not know pytest.
func pythonJob(t *gates.Target, p project.Project) job {
	name, before := interpreter(t, p)
	shown := strings.Join(append(append([]string{name}, before...), "-m", "pytest"), " ")
	return job{project: p, shown: shown, start: func(ctx context.Context, r *session) (results, int, error) {
		report := filepath.Join(r.scratch, "pytest.xml")
		_ = os.Remove(report)
		env := []string{"PYTHONDONTWRITEBYTECODE=1"}
		pytest := run.Command{Name: name, Args: append(slices.Clone(before), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml="+report), Env: env}
		res, err := r.child(ctx, p, pytest)
		var missing missingTool
		if errors.As(err, &missing) && name == "python3" {
			name, pytest.Name = "python", "python"
			res, err = r.child(ctx, p, pytest)
		}
		if err != nil {
			return results{}, res.Exit, err
		}
		if !bytes.Contains(res.Stderr.Bytes, []byte("No module named pytest")) {
			return pytestResults(report, res)
		}
		if wantsPytest(ctx, t, p) {
			return results{}, res.Exit, missingTool{tool: "pytest", remedy: "install the project's development requirements (pip install pytest), or name the report of an earlier step in gates.tests.reports"}
		}
		unittest := run.Command{Name: name, Args: append(slices.Clone(before), "-m", "unittest", "discover"), Env: env}
		if tests := path.Join(p.Dir, "tests"); hasBelow(t.Tree, tests) && t.Tree.File(tests+"/__init__.py") == nil {
			unittest.Args = append(unittest.Args, "-s", "tests") // no package: discover does not look into it
		}
		res, err = r.child(ctx, p, unittest)
		if err != nil {
			return results{}, res.Exit, err
		}
		out, err := readUnittest(res.Stderr.Bytes)
		if res.Exit == 5 {
			err = nil // no tests: said by the counts
		}
		return out, res.Exit, err
	}}
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

// wantsPytest says whether a project's files name pytest.
func wantsPytest(ctx context.Context, t *gates.Target, p project.Project) bool {
	for _, f := range t.Tree.Files {
		if !p.Holds(f.Path) || f.Size > 1<<20 || f.Kind == git.Symlink {
			continue
		}
		base := path.Base(f.Path)
		config := slices.Contains([]string{"pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "Pipfile", "conftest.py"}, base) || strings.HasPrefix(base, "requirements") || strings.HasPrefix(base, "test") && strings.HasSuffix(base, ".py")
		if !config {
			continue
		}
		if base == "pytest.ini" || base == "conftest.py" {
			return true
		}
		if data, err := t.Tree.Read(ctx, f, 1<<20); err == nil && bytes.Contains(data, []byte("pytest")) {
			return true
		}
	}
	return false
}
