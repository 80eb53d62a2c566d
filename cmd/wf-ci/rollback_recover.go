package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/rollback"
)

// rollbackRecoverCmd brings a service back.
type rollbackRecoverCmd struct {
	Service  string        `arg:"" help:"The service."`
	Health   string        `placeholder:"CMD" help:"Shell command that says whether it is well, such as curl -fsS http://localhost:8080/health. Default: systemctl is-active."`
	Restart  string        `placeholder:"CMD" help:"Shell command that restarts it. Default: systemctl restart; stop and start the last time."`
	Action   []string      `sep:"none" placeholder:"CMD" help:"Shell command before the second restart, such as one that clears a cache; the next one before the third. Repeatable."`
	Attempts int           `default:"3" placeholder:"N" help:"How often it is tried."`
	Wait     time.Duration `default:"10s" placeholder:"D" help:"From the first restart to the health check; twice as long after each other."`
	Timeout  time.Duration `default:"2m" placeholder:"D" help:"How long a command may take."`
	Yes      bool          `help:"Do it. Without it, the commands are shown."`
	JSON     bool          `name:"json" help:"Write JSON to stdout."`
}

func (c *rollbackRecoverCmd) Run(ctx context.Context, a *app) error {
	v := rollback.Recovery{
		Service: c.Service, Health: c.Health, Restart: c.Restart, Actions: c.Action, Attempts: c.Attempts, Wait: c.Wait, Timeout: c.Timeout,
		Sleep: sleep, Each: func(o rollback.Op) {
			if !c.JSON {
				a.printOp(o)
			}
		},
	}
	if err := v.Valid(); err != nil {
		return a.toolError(ctx, err)
	}
	if !c.Yes {
		return c.show(a, v)
	}
	out, err := v.Run(ctx, a.tools(), a.dir, func(text string) {
		fmt.Fprint(a.stderr, visibleLines(a.mask(text)))
	})
	if c.JSON {
		for i := range out.Attempts {
			at := &out.Attempts[i]
			at.Failed, at.Detail = a.mask(at.Failed), a.mask(at.Detail)
		}
		err = errors.Join(err, writeJSON(a.rawOut, out))
	} else {
		c.print(a, out)
	}
	switch {
	case err != nil:
		return undecided{errors.New(a.mask(err.Error()))}
	case out.Verdict == rollback.Down:
		return refused{}
	}
	return nil
}

func (c *rollbackRecoverCmd) show(a *app, v rollback.Recovery) error {
	a.printOp(v.Check())
	for n := 1; n <= v.Attempts; n++ {
		fmt.Fprintf(a.stdout, "attempt %d of %d, where it is not well:\n", n, v.Attempts)
		ops, wait := v.Steps(n)
		for _, o := range ops {
			a.printOp(o)
		}
		fmt.Fprintf(a.stdout, "wait %s, and look again\n", wait)
	}
	return a.shown(false)
}

func (c *rollbackRecoverCmd) print(a *app, out rollback.Recovered) {
	for _, at := range out.Attempts {
		word := "it is well"
		if !at.Healthy {
			word = "it is not well: " + at.Detail
		}
		if at.Failed != "" {
			word = at.Failed + "; " + word
		}
		fmt.Fprintf(a.stdout, "attempt %d: %s\n", at.N, a.line(word))
	}
	name := report.Visible(out.Service)
	switch out.Verdict {
	case rollback.Healthy:
		fmt.Fprintf(a.stdout, "%s is well: nothing was done\n", name)
	case rollback.Back:
		fmt.Fprintf(a.stdout, "%s is well again, after %d of %d attempts\n", name, len(out.Attempts), c.Attempts)
	case rollback.Down:
		fmt.Fprintf(a.stdout, "%s is not well after %d attempts: wf-ci rollback playbook service-outage\n", name, len(out.Attempts))
	default:
		fmt.Fprintf(a.stdout, "whether %s is well is not known\n", name)
	}
}
