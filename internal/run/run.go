// Package run starts child processes: the only package that may import
// os/exec. Every child has a bounded output, a clean environment and a process
// group of its own, and none of its descendants outlives the call.
package run

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// cookieKey marks every descendant of a contained child, so that one which
// left the process group is still found.
const cookieKey = "WF_CI_CHILD"

// Runner starts commands in one environment.
type Runner struct {
	// Env is the whole environment of the children, "KEY=value". A child never
	// inherits ours. Required (see [CleanEnv]).
	Env []string
	// Watch is told of each child that is to be started; what it returns is called
	// at its end. Optional.
	Watch func(Command) (end func())
}

// Command is one child process.
type Command struct {
	Name string   // looked up in PATH of the environment when it has no slash. Required.
	Args []string // without the name
	Dir  string   // working directory. Required.
	Env  []string // "KEY=value", added to the runner's; later ones win

	// Stdin is what the child may read; nil: nothing. The call does not wait
	// for it: a child that has ended leaves the rest unread.
	Stdin io.Reader
	// Stdout gets the standard output as it comes. Nil: it is kept in Result.
	Stdout io.Writer

	// Keep is how many bytes of each kept stream are remembered, half from the
	// start and half from the end. Zero means 1 MiB. What is above is counted
	// and thrown away: a child is never blocked, and never fills the memory.
	Keep int

	// Contain also ends the descendants that left the child's process group
	// (setsid, a daemon). For commands that are not ours.
	Contain bool

	// Grace is how long a child may take to end after it was asked to
	// (SIGTERM), before its group is killed. Zero means 2 s.
	Grace time.Duration
}

// Result is how a child ended. It is filled in as far as it is known, also
// beside an error.
type Result struct {
	Stdout, Stderr Output
	// Exit is the exit status; 128 + the signal's number when a signal ended it.
	Exit    int
	Elapsed time.Duration
}

// Output is what was kept of a stream.
type Output struct {
	Bytes   []byte // with a line that says how much is missing, where some is
	Dropped int64  // bytes left out in the middle
}

// ExitError says that a child ended with a status other than zero, and how.
type ExitError struct {
	Name   string
	Exit   int
	Stderr string // its last lines
}

func (e *ExitError) Error() string {
	msg := fmt.Sprintf("%s: exit status %d", e.Name, e.Exit)
	if e.Stderr != "" {
		msg += ": " + e.Stderr
	}
	return msg
}

// NotStartedError says that a child could not be started at all.
type NotStartedError struct {
	Name    string
	Missing bool // there is no such program
	Err     error
}

func (e *NotStartedError) Error() string {
	if e.Missing {
		return fmt.Sprintf("%s: not found in PATH", e.Name)
	}
	return fmt.Sprintf("start %s: %v", e.Name, e.Err)
}

func (e *NotStartedError) Unwrap() error { return e.Err }

// Run runs a command to its end. The error is a [*NotStartedError], an
// [*ExitError], or the context's error when that ended the child.
func (r *Runner) Run(ctx context.Context, c Command) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	env := mergeEnv(r.Env, c.Env)
	path, err := lookPath(c.Name, c.Dir, env)
	if err != nil {
		return Result{}, err
	}
	if r.Watch != nil {
		defer r.Watch(c)()
	}
	keep := c.Keep
	if keep <= 0 {
		keep = 1 << 20
	}
	grace := c.Grace
	if grace <= 0 {
		grace = 2 * time.Second
	}
	stdout, stderr := newTail(keep), newTail(keep)
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Args[0] = c.Name
	cmd.Dir = c.Dir
	cmd.Env = env
	setGroup(cmd)
	var cookie string
	if c.Contain {
		cookie = cookieKey + "=" + rand.Text()
		cmd.Env = append(cmd.Env, cookie)
	}
	cmd.Cancel = func() error { return endGroup(cmd.Process.Pid) }
	cmd.WaitDelay = grace
	feed, err := feeder(cmd, c.Stdin)
	if err != nil {
		return Result{}, err
	}
	var to io.Writer = stdout
	if c.Stdout != nil {
		to = c.Stdout
	}
	outs, err := connect(cmd, to, stderr)
	if err != nil {
		return Result{}, err
	}
	start := time.Now()
	err = cmd.Start()
	for _, s := range outs {
		s.started()
	}
	if err != nil {
		return Result{}, &NotStartedError{Name: c.Name, Missing: errors.Is(err, os.ErrNotExist), Err: err}
	}
	go feed()
	err = cmd.Wait()
	// What it left in the background may finish its line; then it is ended.
	whole, readErr := finish(outs, grace)
	killGroup(cmd.Process.Pid)
	if c.Contain {
		killStragglers(cookie)
	}
	if !whole && ctx.Err() == nil {
		whole, readErr = finish(outs, drain)
	}
	res := Result{Exit: exitStatus(cmd), Elapsed: time.Since(start)}
	if whole {
		res.Stdout, res.Stderr = stdout.output(), stderr.output()
	} else {
		readErr = errHeld // somebody may still be writing to them
		for _, s := range outs {
			_ = s.read.Close()
		}
	}
	return res, ended(ctx, c.Name, res, cmp.Or(err, readErr))
}

// connect gives a child its outputs.
func connect(cmd *exec.Cmd, stdout, stderr io.Writer) ([]*stream, error) {
	out, err := newStream(stdout)
	if err != nil {
		return nil, err
	}
	errs, err := newStream(stderr)
	if err != nil {
		out.started()
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out.write, errs.write
	return []*stream{out, errs}, nil
}

// ended is what the end of a child means.
func ended(ctx context.Context, name string, res Result, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", name, cause)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) || res.Exit != 0 {
		return &ExitError{Name: name, Exit: res.Exit, Stderr: lastLines(res.Stderr.Bytes, 5, 500)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// feeder gives the function that fills a child's standard input. os/exec would
// wait for a reader of its own making, also one that blocks for ever.
func feeder(cmd *exec.Cmd, stdin io.Reader) (func(), error) {
	if stdin == nil {
		return func() {}, nil
	}
	w, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return func() {
		_, _ = io.Copy(w, stdin) // a child need not read all
		_ = w.Close()
	}, nil
}

// lastLines is the end of a child's stderr on one line, for an error.
func lastLines(b []byte, lines, limit int) string {
	b = bytes.TrimSpace(b)
	all := strings.Split(string(b), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	s := strings.Join(all, "; ")
	if len(s) > limit {
		s = "…" + strings.ToValidUTF8(s[len(s)-limit:], "")
	}
	return s
}
