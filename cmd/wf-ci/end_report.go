package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/session"
)

// endSchema names the form of an ended day as JSON.
const endSchema = "wf-ci/end/v1"

// ended is what the end of a day came to.
type ended struct {
	Schema    string             `json:"schema"`
	Project   string             `json:"project"`
	Sweep     sweep              `json:"sweep"`
	Steps     []endStep          `json:"steps"`
	Checklist []string           `json:"checklist"`
	Context   *session.Context   `json:"context"` // null: nothing was written
	Learnings []session.Learning `json:"learnings"`
	Worktrees []removal          `json:"worktrees"`
	CostToday *costs.Nano        `json:"cost_today"`
	Backup    string             `json:"backup"`
	Changed   []string           `json:"changed"` // files
	Commit    string             `json:"commit"`
	Pushed    bool               `json:"pushed"`
	Notes     []string           `json:"notes"`
}

// newEnded is a day of which nothing is known yet: no list is nil.
func newEnded(project string) *ended {
	return &ended{
		Schema: endSchema, Project: project, Steps: []endStep{}, Checklist: session.Checklist(), Learnings: []session.Learning{},
		Worktrees: []removal{}, Changed: []string{}, Notes: []string{},
	}
}

// sweep is the security sweep, in short; the whole verdict is in the reports.
type sweep struct {
	Verdict gates.Decision `json:"verdict"`
	Reasons []string       `json:"reasons"`
	Gates   []sweepGate    `json:"gates"`
}

type sweepGate struct {
	ID       string       `json:"id"`
	Status   gates.Status `json:"status"`
	Reason   string       `json:"reason"`
	Findings int          `json:"findings"`
}

// endStep is one step and its result.
type endStep struct {
	Name    string `json:"name"`
	Status  string `json:"status"` // ok, skipped, warning, failed
	Message string `json:"message"`
}

// removal is what became of a worktree.
type removal struct {
	Name   string `json:"name"`
	Action string `json:"action"`
	Reason string `json:"reason"`
}

func (e *evening) step(name, status, message string) {
	e.out.Steps = append(e.out.Steps, endStep{name, status, e.a.oneLine(message)})
}

// note says something that is no step.
func (e *evening) note(text string) { e.out.Notes = append(e.out.Notes, e.a.oneLine(text)) }

// do carries out a step and keeps its result. False: it failed; those after it
// that do not need it go on.
func (e *evening) do(name string, fn func() (string, error)) bool {
	message, err := fn()
	if err != nil {
		e.step(name, "failed", err.Error())
		return false
	}
	e.step(name, "ok", cmp.Or(message, "done"))
	return true
}

// show prints the end of the day.
func (e *evening) show() error {
	if e.JSON {
		return writeJSON(e.a.rawOut, e.out)
	}
	if e.verdict.Decision != gates.Pass {
		if err := e.a.showVerdict(e.verdict); err != nil {
			return err
		}
	}
	return e.summary(e.a.stdout)
}

// showVerdict prints a verdict for people.
func (a *app) showVerdict(v *gates.Verdict) error {
	style := a.style(a.outWidth)
	style.Brief = true
	return report.Text(style)(a.stdout, v)
}

func (e *evening) summary(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("End of day: %s · %s", e.out.Project, e.desk.Now.Format("2006-01-02 15:04"))
	for _, s := range e.out.Steps {
		line("  %-8s %s: %s", s.Status, s.Name, s.Message)
	}
	if c := e.out.Context; c != nil {
		line("  completed: %d · in progress: %d · blockers: %d · duration: %s", len(c.Completed), len(c.InProgress), len(c.AllBlockers()), cmp.Or(c.Duration, "not known"))
	}
	for _, n := range e.out.Notes {
		line("  note: %s", n)
	}
	if e.verdict.Decision != gates.Fail && !e.CI && (e.out.Context == nil || e.out.Context.Checklist == nil) {
		line("Before you go (--confirm records that you did):")
		for _, item := range e.out.Checklist {
			line("  [ ] %s", item)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
