package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/rollback"
)

// evidenceFlags are where numbers come from.
type evidenceFlags struct {
	From    string `placeholder:"PATH" help:"Verdict to read, written by wf-ci run --output json=PATH: the tests' pass rate and the critical vulnerabilities."`
	Metrics string `placeholder:"PATH" help:"JSON file with response_time, response_time_baseline, error_rate, error_rate_baseline, memory_growth (an hour), and what the verdict does not say."`
}

// rollbackCheckCmd says whether to roll back.
type rollbackCheckCmd struct {
	evidenceFlags
	Only []string `placeholder:"T,T" help:"These triggers only: test_failures, security_issues, performance_degradation, error_rate_spike, memory_leak."`
	JSON bool     `name:"json" help:"Write JSON to stdout."`
}

func (c *rollbackCheckCmd) Run(ctx context.Context, a *app) error {
	for _, id := range c.Only {
		if !slices.Contains(rollback.TriggerIDs(), id) {
			return usagef("--only %s: want one of %s", id, strings.Join(rollback.TriggerIDs(), ", "))
		}
	}
	if c.From == "" && c.Metrics == "" {
		return usagef("nothing to look at: give --from VERDICT or --metrics FILE, or both")
	}
	e, err := c.evidence(a)
	if err != nil {
		return err
	}
	list := rollback.Check(e)
	if len(c.Only) > 0 {
		list = slices.DeleteFunc(list, func(t rollback.Trigger) bool { return !slices.Contains(c.Only, t.ID) })
	}
	decision := decide(list)
	if c.JSON {
		err = writeJSON(a.rawOut, map[string]any{"rollback": decision, "triggers": list})
	} else {
		a.printTriggers(list, decision)
	}
	switch {
	case err != nil:
		return err
	case decision == "yes":
		return refused{}
	case decision == rollback.Unknown:
		return verdictError{gates.Inconclusive}
	}
	return nil
}

// decide is yes where a trigger fired, no where all were looked at and did not.
func decide(list []rollback.Trigger) string {
	has := func(state string) bool {
		return slices.ContainsFunc(list, func(t rollback.Trigger) bool { return t.State == state })
	}
	switch {
	case has(rollback.Fired):
		return "yes"
	case has(rollback.Unknown):
		return rollback.Unknown
	}
	return "no"
}

func (a *app) printTriggers(list []rollback.Trigger, decision string) {
	for _, t := range list {
		action := ""
		if t.State == rollback.Fired {
			action = fmt.Sprintf(" [%s: %s]", t.Severity, strings.ReplaceAll(t.Action, "_", " "))
		}
		fmt.Fprintf(a.stdout, "%-7s  %-23s  %s%s\n", t.State, t.ID, report.Visible(a.redactor.Redact(t.Detail)), action)
	}
	fmt.Fprintf(a.stdout, "rollback: %s\n", decision)
}

// evidence reads the files. The metrics file says what the verdict does not.
func (f evidenceFlags) evidence(a *app) (*rollback.Evidence, error) {
	e := &rollback.Evidence{Why: map[string]string{}}
	if f.From != "" {
		v, err := readVerdict(inside(a.dir, f.From))
		if err != nil {
			return nil, undecided{fmt.Errorf("%s: %w", f.From, err)}
		}
		e = fromVerdict(v)
	}
	if f.Metrics == "" {
		return e, nil
	}
	in, err := os.Open(inside(a.dir, f.Metrics))
	if err != nil {
		return nil, undecided{err}
	}
	defer in.Close()
	m, err := rollback.ReadMetrics(in)
	if err != nil {
		return nil, undecided{fmt.Errorf("%s: %w", f.Metrics, err)}
	}
	return e.Over(&rollback.Evidence{
		PassRate: m.PassRate, Criticals: m.Criticals, ResponseTime: m.ResponseTime, ResponseBaseline: m.ResponseBaseline,
		ErrorRate: m.ErrorRate, ErrorBaseline: m.ErrorBaseline, MemoryGrowth: m.MemoryGrowth, Why: e.Why,
	}), nil
}

func readVerdict(path string) (*gates.Verdict, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return report.ReadJSON(io.Reader(in))
}

// fromVerdict is what the gates know. A gate that could not decide knows nothing.
func fromVerdict(v *gates.Verdict) *rollback.Evidence {
	e := &rollback.Evidence{Why: map[string]string{
		"test_pass_rate": "the gate tests is not in the verdict", "critical_vulns": "the gate deps is not in the verdict",
	}}
	for i := range v.Gates {
		g := &v.Gates[i]
		switch g.ID {
		case "tests":
			e.Why["test_pass_rate"] = whyNot(g)
			if ran := g.Metrics["tests"] - g.Metrics["skipped"]; looked(g) && ran > 0 {
				rate := (ran - g.Metrics["failed"]) / ran
				e.PassRate = &rate
			}
		case "deps":
			e.Why["critical_vulns"] = whyNot(g)
			if n, ok := g.Metrics["critical"]; ok && looked(g) {
				e.Criticals = &n
			}
		}
	}
	return e
}

func looked(g *gates.GateVerdict) bool {
	return g.Error == "" && (g.Status == gates.StatusPass || g.Status == gates.StatusFail)
}

func whyNot(g *gates.GateVerdict) string {
	for _, why := range []string{g.Error, g.Reason} {
		if why != "" {
			return "gate " + g.ID + ": " + why
		}
	}
	return "gate " + g.ID + " says " + string(g.Status)
}

// rollbackMatrixCmd shows what to do at which symptom.
type rollbackMatrixCmd struct {
	Symptom string `arg:"" optional:"" help:"One symptom: tests, security, slow, behavior, complaints, data."`
	JSON    bool   `name:"json" help:"Write JSON to stdout."`
}

func (c *rollbackMatrixCmd) Run(_ context.Context, a *app) error {
	list := rollback.Matrix()
	if c.Symptom != "" {
		list = slices.DeleteFunc(list, func(r rollback.Advice) bool { return r.ID != c.Symptom })
	}
	if len(list) == 0 {
		return usagef("%q is no symptom of the matrix: wf-ci rollback matrix", c.Symptom)
	}
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"matrix": list})
	}
	for _, r := range list {
		fmt.Fprintf(a.stdout, "%s: %s\n  look: %s\n  roll back: %s\n  or: %s\n", r.ID, r.Symptom, r.Investigate, r.Rollback, r.Alternative)
	}
	return nil
}

// rollbackMetricsCmd counts the rollbacks so far.
type rollbackMetricsCmd struct{ at }

func (c *rollbackMetricsCmd) Run(ctx context.Context, a *app) error {
	return a.onRollback(ctx, c.at, func(r *rollback.Repo) error {
		history, err := r.History()
		if err != nil {
			return err
		}
		list := rollback.Metrics(history, a.now().AddDate(0, -3, 0))
		if c.JSON {
			return writeJSON(a.rawOut, map[string]any{"metrics": list})
		}
		for _, m := range list {
			fmt.Fprintln(a.stdout, measure(m))
		}
		return nil
	})
}

func measure(m rollback.Measure) string {
	if m.Value == nil {
		return fmt.Sprintf("%-20s  not known yet (target %g)", m.Name, m.Target)
	}
	word := "missed"
	if *m.Met {
		word = "met"
	}
	return fmt.Sprintf("%-20s  %.4g, target %g: %s (of %d)", m.Name, *m.Value, m.Target, word, m.Of)
}

// rollbackLostCmd records that data was lost.
type rollbackLostCmd struct {
	at
	Note string `arg:"" help:"What was lost."`
}

func (c *rollbackLostCmd) Run(ctx context.Context, a *app) error {
	if strings.TrimSpace(c.Note) == "" {
		return usagef("say what was lost")
	}
	return a.onRollback(ctx, c.at, func(r *rollback.Repo) error {
		err := r.Record(rollback.Event{ID: "data", At: a.now().UTC(), What: "lost", Note: a.redactor.Redact(c.Note)})
		if err == nil && !c.JSON {
			_, err = fmt.Fprintln(a.stdout, "recorded")
		}
		return err
	})
}
