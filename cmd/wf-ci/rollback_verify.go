package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/rollback"
)

// rollbackVerifyCmd looks whether a rollback did what it was for.
type rollbackVerifyCmd struct {
	at
	ID           string        `arg:"" optional:"" name:"id" help:"The rollback, by its id in the journal. Default: the last one."`
	Smoke        string        `placeholder:"CMD" help:"Shell command that tests the critical paths. Default: the gate tests."`
	Data         string        `placeholder:"CMD" help:"Shell command that checks the data's integrity."`
	Integrations string        `placeholder:"CMD" help:"Shell command that tests what it works with."`
	Metrics      string        `placeholder:"PATH" help:"Metrics file: response time, error rate and memory are compared with their baselines."`
	Skip         []string      `placeholder:"C,C" help:"Leave these checks out: you know that there is nothing to check."`
	Timeout      time.Duration `default:"10m" placeholder:"D" help:"How long a command may take."`
}

func (c *rollbackVerifyCmd) Run(ctx context.Context, a *app) error {
	for _, name := range c.Skip {
		if !slices.Contains(rollback.CheckNames()[1:], name) {
			return usagef("--skip %s: want one of %s", name, strings.Join(rollback.CheckNames()[1:], ", "))
		}
	}
	if c.Timeout <= 0 {
		return usagef("--timeout %s: want more than zero", c.Timeout)
	}
	return a.onRollback(ctx, c.at, func(r *rollback.Repo) error {
		e, err := r.Target(c.ID)
		if errors.Is(err, journal.ErrNone) {
			return usagef("%v: wf-ci undo --list shows it", err)
		}
		if err != nil {
			return err
		}
		list, err := c.checks(ctx, a, r, e)
		if err != nil {
			return err
		}
		return c.show(a, r, e, list)
	})
}

func (c *rollbackVerifyCmd) checks(ctx context.Context, a *app, r *rollback.Repo, e journal.Entry) ([]rollback.Result, error) {
	version, err := r.Version(ctx, e)
	if err != nil {
		return nil, err
	}
	v, err := c.gates(ctx, a, r.Top)
	if err != nil {
		return nil, err
	}
	look := map[string]func() (rollback.Result, error){
		"version":     func() (rollback.Result, error) { return version, nil },
		"smoke":       func() (rollback.Result, error) { return c.smoke(ctx, a, r.Top, v) },
		"data":        func() (rollback.Result, error) { return c.command(ctx, a, r.Top, "--data", c.Data) },
		"performance": func() (rollback.Result, error) { return c.performance(a) },
		"security":    func() (rollback.Result, error) { return byGates(v, sweepGates), nil },
		"integrations": func() (rollback.Result, error) {
			return c.command(ctx, a, r.Top, "--integrations", c.Integrations)
		},
	}
	var list []rollback.Result
	for _, name := range rollback.CheckNames() {
		res := rollback.Result{State: rollback.Skipped, Detail: "left out by --skip"}
		if !slices.Contains(c.Skip, name) {
			if res, err = look[name](); err != nil {
				return nil, err
			}
		}
		res.Name = name
		list = append(list, res)
	}
	return list, nil
}

// gates runs the gates that the checks are about.
func (c *rollbackVerifyCmd) gates(ctx context.Context, a *app, top string) (*gates.Verdict, error) {
	var ids []string
	if !slices.Contains(c.Skip, "smoke") && c.Smoke == "" {
		ids = append(ids, "tests")
	}
	if !slices.Contains(c.Skip, "security") {
		ids = append(ids, sweepGates...)
	}
	if len(ids) == 0 {
		return &gates.Verdict{}, nil
	}
	v, _, _, err := a.judge(ctx, options{dir: top, sweep: ids})
	return v, err
}

func (c *rollbackVerifyCmd) smoke(ctx context.Context, a *app, top string, v *gates.Verdict) (rollback.Result, error) {
	if c.Smoke != "" {
		return c.command(ctx, a, top, "--smoke", c.Smoke)
	}
	res := byGates(v, []string{"tests"})
	if res.State == rollback.Unknown {
		res.Detail += "; name a command with --smoke"
	}
	return res, nil
}

// byGates is what gates say together. Where all were skipped nobody has looked.
func byGates(v *gates.Verdict, ids []string) rollback.Result {
	res := rollback.Result{State: rollback.Unknown, Detail: strings.Join(v.Reasons, "; ")}
	passed, failed, open := 0, []string{}, []string{}
	for i := range v.Gates {
		g := &v.Gates[i]
		switch {
		case !slices.Contains(ids, g.ID):
		case g.Status == gates.StatusPass:
			passed++
		case g.Status == gates.StatusFail:
			failed = append(failed, whyNot(g))
		case g.Status == gates.StatusError:
			open = append(open, whyNot(g))
		case len(ids) == 1:
			open = append(open, whyNot(g))
		}
	}
	switch {
	case len(failed) > 0:
		res.State, res.Detail = rollback.Failed, strings.Join(failed, "; ")
	case len(open) > 0:
		res.Detail = strings.Join(open, "; ")
	case passed > 0:
		res.State, res.Detail = rollback.Passed, fmt.Sprintf("%d gate(s) pass", passed)
	case res.Detail == "":
		res.Detail = "no gate looked"
	}
	return res
}

// command is what a command of the user's says.
func (c *rollbackVerifyCmd) command(ctx context.Context, a *app, dir, flag, command string) (rollback.Result, error) {
	if command == "" {
		return rollback.Result{State: rollback.Unknown, Detail: "nobody looked: name a command with " + flag + ", or leave it out with --skip"}, nil
	}
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	runner := &run.Runner{Env: run.CleanEnv(a.environ)}
	_, err := runner.Run(limited, run.Command{Name: "sh", Args: []string{"-c", command}, Dir: dir, Contain: true})
	var exit *run.ExitError
	switch {
	case err == nil:
		return rollback.Result{State: rollback.Passed}, nil
	case errors.As(err, &exit):
		return rollback.Result{State: rollback.Failed, Detail: a.redactor.Redact(strings.TrimPrefix(exit.Error(), "sh: "))}, nil
	case ctx.Err() != nil:
		return rollback.Result{}, err
	}
	return rollback.Result{State: rollback.Unknown, Detail: a.redactor.Redact(err.Error())}, nil
}

// performance compares with the baselines, by the triggers' own measures.
func (c *rollbackVerifyCmd) performance(a *app) (rollback.Result, error) {
	if c.Metrics == "" {
		return rollback.Result{State: rollback.Unknown, Detail: "nobody looked: give --metrics FILE, or leave it out with --skip"}, nil
	}
	e, err := evidenceFlags{Metrics: c.Metrics}.evidence(a)
	if err != nil {
		return rollback.Result{}, err
	}
	res := rollback.Result{State: rollback.Unknown, Detail: "the file has neither a response time nor an error rate with its baseline"}
	var fired, quiet []string
	for _, t := range rollback.Check(e)[2:] {
		switch t.State {
		case rollback.Fired:
			fired = append(fired, t.Detail)
		case rollback.Quiet:
			quiet = append(quiet, t.Detail)
		}
	}
	if len(fired) > 0 {
		return rollback.Result{State: rollback.Failed, Detail: strings.Join(fired, "; ")}, nil
	}
	if len(quiet) > 0 {
		res = rollback.Result{State: rollback.Passed, Detail: strings.Join(quiet, "; ")}
	}
	return res, nil
}

// show says it, and writes it into the history.
func (c *rollbackVerifyCmd) show(a *app, r *rollback.Repo, e journal.Entry, list []rollback.Result) error {
	status := rollback.Status(list)
	err := r.Record(rollback.Event{ID: e.ID, At: a.now().UTC(), What: "verified", Status: status})
	if c.JSON {
		err = errors.Join(err, writeJSON(a.rawOut, map[string]any{"id": e.ID, "status": status, "checks": list}))
	} else {
		for _, res := range list {
			fmt.Fprintf(a.stdout, "%-7s  %-12s  %s\n", res.State, res.Name, report.Visible(a.redactor.Redact(res.Detail)))
		}
		fmt.Fprintf(a.stdout, "rollback %s: %s\n", e.ID, status)
	}
	switch {
	case err != nil:
		return err
	case status == rollback.Unknown:
		return verdictError{gates.Inconclusive}
	case status != "success":
		return refused{}
	}
	return nil
}
