package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/session"
)

// sweepGates are the gates G1 to G6.
var sweepGates = []string{"secrets", "history", "env-files", "permissions", "sast", "deps"}

// sweep runs the gates: the same as in CI.
func (e *evening) sweep(ctx context.Context) error {
	o := options{dir: e.Dir, offline: e.Offline, sweep: sweepGates}
	if e.AllGates {
		o.sweep = nil
	}
	v, err := e.a.judgeLive(ctx, o)
	if err != nil {
		return err
	}
	e.verdict = v
	s := sweep{Verdict: v.Decision, Reasons: v.Reasons, Gates: []sweepGate{}}
	for _, g := range v.Gates {
		if o.sweep == nil || slices.Contains(o.sweep, g.ID) {
			s.Gates = append(s.Gates, sweepGate{g.ID, g.Status, g.Reason, len(g.Findings)})
		}
	}
	e.out.Sweep = s
	switch v.Decision {
	case gates.Pass:
		e.step("security", "ok", "the sweep passed")
	case gates.Fail:
		e.step("security", "failed", "the sweep failed: nothing was written")
	default:
		e.step("security", "warning", "the sweep could not look at everything: "+strings.Join(v.Reasons, "; "))
	}
	if v.Decision != gates.Fail || e.ReportDir != ".security" {
		e.do("reports", func() (string, error) { return e.reports() })
	}
	return nil
}

// reports keeps the verdict for machines, out of git's sight.
func (e *evening) reports() (string, error) {
	dir := inside(e.desk.Dir, e.ReportDir)
	if err := session.ReportDir(e.desk.Dir, dir); err != nil {
		return "", err
	}
	day := e.desk.Now.Format("20060102")
	for name, format := range map[string]report.Format{"wf-ci-" + day + ".json": report.JSON, "wf-ci-" + day + ".sarif": report.SARIF} {
		if err := e.a.write(output{format: format, path: filepath.Join(dir, name)}, e.verdict); err != nil {
			return "", err
		}
	}
	return "kept in " + e.ReportDir, nil
}

// coverage is what the sweep has measured; nil: it did not.
func (e *evening) coverage() *float64 {
	for _, g := range e.verdict.Gates {
		if value, ok := g.Metrics["coverage"]; g.ID == "coverage" && ok {
			return &value
		}
	}
	return nil
}
