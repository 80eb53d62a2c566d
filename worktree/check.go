package worktree

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/wf-ci/wf-ci/internal/run"
)

// Check is what a command of the user's says in a worktree.
type Check struct {
	State string `json:"state"` // pass; fail; error: it could not be run, or was killed
	Exit  int    `json:"exit"`
}

// noAnswer is where the statuses begin with which a shell says that a command
// could not be run, was not found, or was ended by a signal.
const noAnswer = 126

// check runs a shell command in a worktree. The error is the context's, or says
// that there is no shell.
func (p *Project) check(ctx context.Context, command, dir string, env ...string) (Check, error) {
	_, err := p.place.Runner.Run(ctx, run.Command{Name: "sh", Args: []string{"-c", command}, Dir: dir, Env: env, Contain: true})
	var exit *run.ExitError
	switch {
	case err == nil:
		return Check{State: "pass"}, nil
	case !errors.As(err, &exit):
		return Check{}, err
	case exit.Exit >= noAnswer:
		return Check{State: "error", Exit: exit.Exit}, nil
	}
	return Check{State: "fail", Exit: exit.Exit}, nil
}

// atWork is what a command in a worktree may want to know.
func atWork(path, branch string, ports []int) []string {
	env := []string{"WORKTREE_PATH=" + path, "WORKTREE_BRANCH=" + branch}
	if len(ports) > 0 {
		env = append(env, "PORT="+strconv.Itoa(ports[0]))
	}
	return env
}

// CheckAll runs a shell command in each worktree of a list, one after the other:
// they would share the machine, and a database perhaps.
func (p *Project) CheckAll(ctx context.Context, list *List, command string) error {
	for i := range list.Items {
		it := &list.Items[i]
		if it.Status == "missing" || it.Status == "orphaned" || it.bare {
			continue
		}
		c, err := p.check(ctx, command, it.Path, atWork(it.Path, it.Branch, it.Ports)...)
		if err != nil {
			return fmt.Errorf("test %s: %w", it.Name, err)
		}
		it.Tests = &c
	}
	return nil
}

// baseline runs the user's command in a new worktree: work that begins on a
// broken base is looked for in the wrong place.
func (p *Project) baseline(ctx context.Context, command string, s spawning, ports []int) error {
	if command == "" {
		return nil
	}
	c, err := p.check(ctx, command, s.Path, atWork(s.Path, s.Branch, ports)...)
	if err != nil {
		return err
	}
	p.step("tested")
	return c.refusal(s.Name, command, "the new worktree")
}

// refusal is what a check that did not pass refuses.
func (c Check) refusal(name, command, where string) error {
	switch c.State {
	case "pass":
		return nil
	case "error":
		return fmt.Errorf("%q could not be run on %s: status %d", command, where, c.Exit)
	}
	return &RefusedError{Name: name, Why: []Reason{{Rule: "verify", Detail: fmt.Sprintf("%q ends with status %d on %s", command, c.Exit, where)}}}
}
