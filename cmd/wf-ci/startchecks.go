package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/session"
)

// quickChecks are those of a start: the gates env-files and deps, the same as
// anywhere, without the network. They warn.
func (a *app) quickChecks(d *desk) func(context.Context) []session.Check {
	if d.Repo == nil {
		return nil
	}
	return func(ctx context.Context) []session.Check {
		v, _, _, err := a.judge(ctx, options{dir: d.Dir, only: []string{"env-files", "deps"}, offline: true})
		if err == nil && len(v.Gates) == 0 {
			err = errors.New(fmt.Sprint(v.Reasons))
		}
		if err != nil {
			return []session.Check{{Name: "env-files, deps", Status: "unknown", Message: session.Clean(a.redactor.Redact(err.Error()))}}
		}
		var checks []session.Check
		for _, g := range v.Gates {
			if g.ID == "env-files" || g.ID == "deps" {
				checks = append(checks, quickCheck(g))
			}
		}
		return checks
	}
}

// quickCheck is a gate's result as a warning.
func quickCheck(g gates.GateVerdict) session.Check {
	c := session.Check{Name: g.ID, Status: "ok", Message: g.Reason}
	critical := 0
	for _, f := range g.Findings {
		if f.Severity == gates.SeverityError && f.Waiver == nil {
			critical++
		}
	}
	switch {
	case g.Status == gates.StatusError:
		c.Status = "unknown"
	case critical > 0:
		c.Status, c.Message = "warning", fmt.Sprintf("%s; wf-ci local --only %s shows them", gates.Plural(critical, "finding"), g.ID)
	case c.Message == "":
		c.Message = "nothing found"
	}
	return c
}
