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

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

// job is one run of a project's tests.
type job struct {
	project project.Project
	program string // that it begins with
	shown   string // the command, as a person would type it
	start   func(ctx context.Context, r *session) (results, int, error)
}

// session is one run of a job.
type session struct {
	target  *gates.Target
	root    *os.Root // the work tree
	scratch string   // a directory of ours
	measure bool     // the lines that run are wanted as well
	log     []byte

	measured   []measured
	unmeasured error
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
		return res, missingTool{tool: c.Name, remedy: toolRemedy}
	}
	return res, answered(res.Exit, err)
}

// jobs are the runs that the tree's projects ask for. The second result names
// projects that hold sources and no tests at all, and those of which a broken
// manifest hides how they are tested.
func jobs(t *gates.Target, projects []project.Project) (list []job, without []project.Project) {
	declared := slices.ContainsFunc(projects, func(p project.Project) bool { return p.Manifest != "" })
	covered := make(map[string]bool) // node workspaces whose root runs all
	for _, p := range projects {
		sources, tests := counted(t.Tree, projects, p)
		if p.Manifest == "" && declared && tests == 0 || elsewhere(p, covered) {
			continue // a script beside, or what the workspace's root runs
		}
		switch j, runs := jobOf(t, p, sources, tests); {
		case runs:
			list = append(list, j)
			if p.Kind == project.Node {
				covered[p.Dir] = true
			}
		case sources > 0 && !delegates(p), p.Problem != "" && tests > 0:
			without = append(without, p)
		}
	}
	return list, without
}

// elsewhere says whether a project's tests are run by its workspace's root.
func elsewhere(p project.Project, covered map[string]bool) bool {
	switch p.Kind {
	case project.Node:
		return p.Workspace != "" && covered[p.Workspace]
	case project.Rust:
		return p.Workspace != ""
	}
	return false
}

// delegates says whether a project's script runs those of its workspaces, which
// are projects of their own.
func delegates(p project.Project) bool {
	script, ok := testScript(p)
	return p.Kind == project.Node && ok && delegating.MatchString(script)
}

// jobOf is a project's run of its tests; false: it has none.
func jobOf(t *gates.Target, p project.Project, sources, tests int) (job, bool) {
	switch p.Kind {
	case project.Node:
		if script, ok := testScript(p); ok && !delegates(p) {
			return nodeJob(p, script), true
		}
	case project.Rust:
		if p.Manifest != "" && sources+tests > 0 {
			return cargoJob(p), true
		}
	case project.Go:
		if p.Manifest != "" && tests > 0 {
			return goJob(p), true
		}
	case project.Python:
		if tests > 0 {
			return pythonJob(t, p), true
		}
	}
	return job{}, false
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
