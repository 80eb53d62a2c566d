package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/workflow/debug"
)

// debugHypothesisCmd is about explanations.
type debugHypothesisCmd struct {
	Add     hypothesisAddCmd     `cmd:"" help:"Add an explanation, with what speaks for it."`
	List    hypothesisListCmd    `cmd:"" help:"Show the explanations, in the order in which to test them."`
	Test    hypothesisTestCmd    `cmd:"" help:"Test one: set-up, steps with what they should give, tear-down."`
	Confirm hypothesisConfirmCmd `cmd:"" help:"Say that it is the cause; it has to be tested."`
	Reject  hypothesisRejectCmd  `cmd:"" help:"Say that it is not the cause; it has to be tested."`
}

type hypothesisAddCmd struct {
	debugSession
	Text     string   `arg:"" help:"The explanation."`
	Evidence []string `sep:"none" placeholder:"TEXT" help:"What speaks for it. Repeatable: 10, 25 or 40 points."`
	Method   string   `placeholder:"TEXT" help:"How to test it."`
	Minutes  float64  `default:"15" placeholder:"N" help:"Minutes that the test takes: below 5, 30 points; below 15, 20; else 10."`
	Scope    string   `enum:"all,subset,one" default:"one" help:"Whom it would explain it for: all (30 points), subset (20) or one (10)."`
}

func (c *hypothesisAddCmd) Run(ctx context.Context, a *app) error {
	if !(c.Minutes >= 0 && c.Minutes <= 1e6) {
		return usagef("--minutes %g: want 0 or more", c.Minutes)
	}
	if strings.TrimSpace(c.Text) == "" || len(c.Evidence) == 0 {
		return usagef("an explanation needs what speaks for it: --evidence TEXT")
	}
	var points int
	var id string
	err := c.change(ctx, a, func(s *debug.Session) error {
		h, err := s.Suppose(debug.Hypothesis{Text: a.mask(c.Text), Evidence: a.masked(c.Evidence), Method: a.mask(c.Method), Minutes: c.Minutes, Scope: c.Scope}, a.now())
		if err != nil {
			return usageError{err.Error()}
		}
		id, points = h.ID, h.Points()
		return nil
	})
	if err != nil || c.JSON {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s, %d points\n", id, points)
	return err
}

type hypothesisListCmd struct{ debugSession }

func (c *hypothesisListCmd) Run(ctx context.Context, a *app) error {
	return (&debugShowCmd{c.debugSession}).Run(ctx, a)
}

type hypothesisTestCmd struct {
	debugSession
	ID       string        `arg:"" name:"id" help:"H1, H2, …"`
	Variable []string      `sep:"none" required:"" placeholder:"NAME" help:"The one thing that is changed."`
	Setup    []string      `sep:"none" placeholder:"CMD" help:"Shell command before. Repeatable."`
	Step     []string      `sep:"none" required:"" placeholder:"CMD" help:"Shell command. Repeatable; each has its --expect."`
	Expect   []string      `sep:"none" required:"" placeholder:"TEXT" help:"What the step prints if the explanation is true, or \"exit N\"."`
	Teardown []string      `sep:"none" placeholder:"CMD" help:"Shell command after, whatever happened. Repeatable."`
	Timeout  time.Duration `default:"10m" placeholder:"D" help:"For each command."`
	Env      []string      `placeholder:"NAME" help:"Give the commands this variable, though it looks like a credential. Repeatable."`
}

func (c *hypothesisTestCmd) check() error {
	switch {
	case len(c.Variable) != 1 || strings.TrimSpace(c.Variable[0]) == "":
		return usagef("one variable at a time: --variable names %d things", len(c.Variable))
	case len(c.Step) != len(c.Expect):
		return usagef("each --step has its --expect: there are %d and %d", len(c.Step), len(c.Expect))
	}
	return nil
}

func (c *hypothesisTestCmd) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	// It may take long: the session is not locked meanwhile, and is asked twice.
	one, err := c.read(a)
	if err != nil {
		return err
	}
	if err := mayTest(one, c.ID); err != nil {
		return a.notYet(err)
	}
	test, err := c.try(ctx, a)
	if err != nil {
		return err
	}
	pinned := c.debugSession
	pinned.Session = one.ID
	err = pinned.change(ctx, a, func(s *debug.Session) error {
		if err := mayTest(s, c.ID); err != nil {
			return err
		}
		h, err := s.Find(c.ID)
		if err != nil {
			return usageError{err.Error()}
		}
		return s.Tested(h, test, a.now())
	})
	if err == nil && !c.JSON {
		c.print(a, test)
	}
	return err
}

func mayTest(s *debug.Session, id string) error {
	h, err := s.Find(id)
	if err != nil {
		return usageError{err.Error()}
	}
	return s.MayTest(h)
}

// try runs a test; the tear-down comes after it, whatever happened.
func (c *hypothesisTestCmd) try(ctx context.Context, a *app) (debug.Test, error) {
	dir := projectDir(inside(a.dir, c.Dir))
	r := &run.Runner{Env: a.ownEnv(c.Env)}
	t := debug.Test{Variable: a.mask(c.Variable[0]), Passed: true}
	err := c.steps(&t, func(command, expected string) (debug.Step, error) {
		return c.step(ctx, a, r, dir, command, expected)
	})
	for _, command := range c.Teardown {
		s, err := c.step(context.WithoutCancel(ctx), a, r, dir, command, "exit 0")
		t.Teardown = append(t.Teardown, s)
		if err != nil || !s.OK {
			a.say("warning: tear-down: " + s.Command + ": " + s.Got)
		}
	}
	return t, err
}

// steps sets up and tests. A set-up that does not work is no answer.
func (c *hypothesisTestCmd) steps(t *debug.Test, one func(command, expected string) (debug.Step, error)) error {
	for _, command := range c.Setup {
		s, err := one(command, "exit 0")
		t.Setup = append(t.Setup, s)
		if err == nil && !s.OK {
			err = undecided{fmt.Errorf("the set-up %q ended with status %d: nothing was tested", s.Command, s.Exit)}
		}
		if err != nil {
			return err
		}
	}
	for i, command := range c.Step {
		s, err := one(command, c.Expect[i])
		if err != nil {
			return err
		}
		t.Steps = append(t.Steps, s)
		t.Passed = t.Passed && s.OK
	}
	return nil
}

// step runs one command.
func (c *hypothesisTestCmd) step(ctx context.Context, a *app, r *run.Runner, dir, command, expected string) (debug.Step, error) {
	inner, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("longer than %s", c.Timeout))
	defer cancel()
	res, err := r.Run(inner, run.Command{Name: "sh", Args: []string{"-c", command}, Dir: dir, Contain: true, Keep: 64 << 10})
	got := strings.TrimRight(string(res.Stdout.Bytes), "\r\n")
	s := debug.Step{Command: a.mask(command), Expected: a.mask(expected), Exit: res.Exit}
	if status, ok := strings.CutPrefix(expected, "exit "); ok {
		n, bad := strconv.Atoi(status)
		if bad != nil {
			return s, usagef("--expect %q: want exit and a number", expected)
		}
		s.OK = res.Exit == n
	} else {
		s.OK = got == expected
	}
	s.Got = strings.ToValidUTF8(a.mask(got), "?")
	if len(s.Got) > 2000 {
		s.Got = strings.ToValidUTF8(s.Got[:2000], "") + " …"
	}
	var exit *run.ExitError
	switch {
	case ctx.Err() != nil:
		return s, ctx.Err()
	case err != nil && !errors.As(err, &exit):
		return s, undecided{fmt.Errorf("%s: %w", s.Command, err)}
	}
	return s, nil
}

func (c *hypothesisTestCmd) print(a *app, t debug.Test) {
	for _, s := range t.Steps {
		if s.OK {
			fmt.Fprintf(a.stdout, "as expected: %s\n", a.line(s.Command))
		} else {
			fmt.Fprintf(a.stdout, "not as expected: %s: got %q (status %d), want %q\n", a.line(s.Command), s.Got, s.Exit, s.Expected)
		}
	}
	next := "reject"
	if t.Passed {
		next = "confirm"
	}
	fmt.Fprintf(a.stdout, "next: wf-ci debug hypothesis %s %s --because TEXT\n", next, strings.ToUpper(c.ID))
}

// verdict is what both verdicts take.
type verdict struct {
	debugSession
	ID      string `arg:"" name:"id" help:"H1, H2, …"`
	Because string `required:"" placeholder:"TEXT" help:"What the test has shown."`
}

func (c *verdict) judge(ctx context.Context, a *app, status debug.Status) error {
	return c.change(ctx, a, func(s *debug.Session) error {
		h, err := s.Find(c.ID)
		if err != nil {
			return usageError{err.Error()}
		}
		return s.Judge(h, status, a.mask(c.Because), a.now())
	})
}

type hypothesisConfirmCmd struct{ verdict }

func (c *hypothesisConfirmCmd) Run(ctx context.Context, a *app) error {
	return c.judge(ctx, a, debug.Confirmed)
}

type hypothesisRejectCmd struct{ verdict }

func (c *hypothesisRejectCmd) Run(ctx context.Context, a *app) error {
	return c.judge(ctx, a, debug.Rejected)
}
