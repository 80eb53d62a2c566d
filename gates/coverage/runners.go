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
