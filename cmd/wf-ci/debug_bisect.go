package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/debug/bisect"
)

// debugBisectCmd finds the commit that broke a check.
type debugBisectCmd struct {
	at
	Good    string        `required:"" placeholder:"REV" help:"A revision where the check passes."`
	Bad     string        `required:"" placeholder:"REV" help:"A later one where it fails."`
	Repeat  int           `default:"1" placeholder:"N" help:"Run the check N times a visit, for one that is right only most of the time. 1: it always tells the truth."`
	Error   float64       `default:"0.001" placeholder:"P" help:"With --repeat: how likely a wrong answer may be."`
	Timeout time.Duration `placeholder:"D" help:"A run that takes longer has failed."`
	Keep    []string      `sep:"none" placeholder:"PATTERN" help:"Ignored files that stay from commit to commit (node_modules). Repeatable."`
	Env     []string      `placeholder:"NAME" help:"Give the check this variable, though it looks like a credential. Repeatable."`
	Command []string      `arg:"" name:"command" passthrough:"partial" help:"The check: 0 passes, 125 skips the commit, other statuses below 128 fail."`
}

// bisected is what debug bisect prints as JSON.
type bisected struct {
	Commit     *string  `json:"commit"`
	Subject    string   `json:"subject,omitempty"`
	Steps      int      `json:"steps"`
	Repeats    int      `json:"repeats"`
	Runs       int      `json:"runs"`
	ErrorBound float64  `json:"error_bound"` // zero: the check was taken to tell the truth
	Skipped    []string `json:"skipped"`
	Candidates []string `json:"candidates,omitempty"`
	Reason     string   `json:"reason,omitempty"` // why there is no commit
}

func (c *debugBisectCmd) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	w, scratch, done, err := a.gitIn(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	graph, err := bisect.History(ctx, w, c.Good, c.Bad)
	if err != nil {
		return bisectError(ctx, err)
	}
	room := &bisect.Room{
		Git: w, Runner: &run.Runner{Env: a.ownEnv(c.Env)}, Dir: filepath.Join(scratch, "bisect"), Command: c.Command, Keep: c.Keep, Timeout: c.Timeout,
	}
	unlock, err := state.Lock(ctx, room.Dir) // so that nobody takes it for one that was left
	if err != nil {
		return undecided{err}
	}
	defer unlock()
	leave, err := room.Open(ctx, graph.Good)
	if err != nil {
		return undecided{err}
	}
	search := bisect.Search{Graph: graph, Check: room.Check, Repeat: c.Repeat, Error: c.Error, Note: a.bisectStep}
	a.say(fmt.Sprintf("%s between good and bad", plural(len(graph.Commits), "commit")))
	result, err := search.Run(ctx)
	if gone := leave(); gone != nil {
		a.say("warning: the scratch worktree is not all gone: " + gone.Error())
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out := bisected{Steps: result.Steps, Repeats: c.Repeat, Runs: result.Runs, ErrorBound: result.Error, Skipped: result.Skipped, Candidates: result.Candidates}
	if out.Skipped == nil {
		out.Skipped = []string{}
	}
	if err != nil {
		if !errors.As(err, new(*bisect.UndecidedError)) {
			return bisectError(ctx, err)
		}
		out.Reason = err.Error()
		return errors.Join(c.print(a, out), undecided{err})
	}
	out.Commit = &result.Commit
	if out.Subject, err = bisect.Subject(ctx, w, result.Commit); err != nil {
		return undecided{err}
	}
	out.Subject = a.redactor.Redact(out.Subject)
	return c.print(a, out)
}

func (c *debugBisectCmd) check() error {
	switch {
	case c.Repeat < 1 || c.Repeat > 10000:
		return usagef("--repeat %d: want 1 to 10000", c.Repeat)
	case !(c.Error >= 1e-9 && c.Error < 0.5):
		return usagef("--error %g: want a probability above 0 and below 0.5", c.Error)
	case c.Timeout < 0:
		return usagef("--timeout %s: want more than 0", c.Timeout)
	}
	if len(c.Command) > 0 && c.Command[0] == "--" {
		c.Command = c.Command[1:]
	}
	if len(c.Command) == 0 {
		return usagef("name the check after --: wf-ci debug bisect --good REV --bad REV -- make test")
	}
	return nil
}

// bisectError gives an error its status: an end that is not what it is said to
// be is a mistake of the caller's.
func bisectError(ctx context.Context, err error) error {
	var usage *bisect.UsageError
	var end *bisect.EndError
	switch {
	case ctx.Err() != nil:
		return err
	case errors.As(err, &usage), errors.As(err, &end):
		return usageError{report.Visible(err.Error())}
	}
	return undecided{err}
}

// bisectStep is a line of progress on stderr.
func (a *app) bisectStep(s bisect.Step) {
	switch {
	case s.Skipped:
		a.say(s.Commit[:12] + ": skipped")
	case s.Runs == 1 && s.Fails == 0:
		a.say(fmt.Sprintf("%s: passes, %s left", s.Commit[:12], plural(s.Left, "commit")))
	case s.Runs == 1:
		a.say(fmt.Sprintf("%s: fails, %s left", s.Commit[:12], plural(s.Left, "commit")))
	default:
		a.say(fmt.Sprintf("%s: fails %d of %d times, %s left", s.Commit[:12], s.Fails, s.Runs, plural(s.Left, "commit")))
	}
}

func (c *debugBisectCmd) print(a *app, out bisected) error {
	if c.JSON {
		return writeJSON(a.rawOut, out)
	}
	if out.Commit == nil {
		for _, id := range out.Candidates {
			fmt.Fprintln(a.stdout, id)
		}
		return nil
	}
	fmt.Fprintf(a.stdout, "%s broke it: %s\n", *out.Commit, report.Visible(out.Subject))
	fmt.Fprintf(a.stdout, "%s, %s of the check", plural(out.Steps, "step"), plural(out.Runs, "run"))
	if out.Repeats > 1 {
		fmt.Fprintf(a.stdout, "; wrong with a probability of at most %.2g, if its runs do not depend on each other", out.ErrorBound)
	} else {
		fmt.Fprint(a.stdout, "; right if the check always tells the truth (--repeat N if not)")
	}
	_, err := fmt.Fprintln(a.stdout)
	return err
}
