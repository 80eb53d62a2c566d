package main

import (
	"context"
	"fmt"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report/notify"
)

// tellDay tells how the day has ended. Whatever comes of it is a step, and turns
// no status: the day is what it is.
func (e *evening) tellDay(ctx context.Context) {
	if e.Offline {
		return
	}
	list, err := e.a.tell(ctx, e.message())
	if err != nil {
		e.step("notify", "warning", err.Error())
		return
	}
	for _, d := range list {
		if d.Err != nil {
			e.step("notify", "warning", fmt.Sprintf("%s was not told: %v", d.Kind, d.Err))
		} else {
			e.step("notify", "ok", string(d.Kind)+" was told")
		}
	}
}

// message is the day in short. What is not known is not in it.
func (e *evening) message() notify.Message {
	m := notify.Message{
		Title: "End of day: " + e.out.Project, Status: string(e.verdict.Decision), At: e.desk.Now,
		Facts: []notify.Fact{{Name: "Security", Value: securityWord(e.verdict.Decision)}},
	}
	add := func(name, value string) { m.Facts = append(m.Facts, notify.Fact{Name: name, Value: value}) }
	for _, g := range e.verdict.Gates {
		if total, ok := g.Metrics["tests"]; g.ID == "tests" && ok {
			add("Tests", fmt.Sprintf("%.0f of %.0f passed", total-g.Metrics["failed"]-g.Metrics["skipped"], total))
		}
	}
	if value := e.coverage(); value != nil {
		add("Coverage", fmt.Sprintf("%.2f %%", *value))
	}
	if e.out.CostToday != nil {
		add("Cost today", costs.Nano(*e.out.CostToday).Cents())
	}
	if c := e.out.Context; c != nil {
		add("Completed", gates.Plural(len(c.Completed), "task"))
		add("In progress", fmt.Sprint(len(c.InProgress)))
		add("Blockers", fmt.Sprint(len(c.AllBlockers())))
		add("Duration", c.Duration)
	}
	return m
}

// securityWord says what the sweep came to. Its reasons stay here: who reads the
// chat need not be who may read the code.
func securityWord(d gates.Decision) string {
	switch d {
	case gates.Pass:
		return "the sweep passed"
	case gates.Fail:
		return "the sweep failed, nothing was written"
	}
	return "not everything could be looked at"
}
