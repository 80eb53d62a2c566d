package agents

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// taught are outcomes with a truth to find: the one agent is good at parsers and
// bad at invoices, the other the other way round.
func taught(n int) []Outcome {
	var list []Outcome
	add := func(agent, task string, good bool) {
		list = append(list, Outcome{ID: fmt.Sprint(len(list)), At: time.Unix(int64(len(list)), 0), Agent: agent, Task: task, Type: "debugging", Success: good})
	}
	for i := range n {
		add("debugging-toolkit:debugger", fmt.Sprint("fix the crash in parser ", i), false)
		add("error-debugging:debugger", fmt.Sprint("fix the crash in parser ", i), true)
		add("debugging-toolkit:debugger", fmt.Sprint("investigate wrong totals of invoice ", i), true)
		add("error-debugging:debugger", fmt.Sprint("investigate wrong totals of invoice ", i), false)
	}
	return list
}

func TestRecommend(t *testing.T) {
	r := NewRouter(builtin(t), Installed{})
	best := func(outcomes []Outcome, task string) (string, Recommendation) {
		out := Recommend(r, Train(outcomes), Request{Task: task, Records: Records(outcomes)}, 3)
		return out.Ranked[0].Agent, out
	}
	for task, want := range map[string]string{
		"fix a crash in the date parser":        "error-debugging:debugger",
		"investigate wrong totals on invoice 7": "debugging-toolkit:debugger",
		"deploy the latest release":             "deployment-strategies:deployment-engineer",
	} {
		if got, out := best(taught(6), task); got != want || !out.Learned || out.Trial.Brier >= out.Trial.Baseline {
			t.Errorf("%s: %s, %+v", task, got, out)
		}
	}
	if _, out := best(taught(4), "fix a crash"); out.Learned || !strings.Contains(out.Why, "16 of 20: rules alone") {
		t.Errorf("%+v", out)
	}
	// What has no pattern teaches nothing, and that is said.
	noise := taught(10)
	for i := range noise {
		noise[i].Success, noise[i].Task = i/4%2 == 0, "fix it"
	}
	if _, out := best(noise, "fix a crash"); out.Learned || !strings.Contains(out.Why, "does not tell more than the average") {
		t.Errorf("%+v", out)
	}
	_, a := best(taught(8), "fix the crash")
	_, b := best(taught(8), "fix the crash")
	if !reflect.DeepEqual(a, b) {
		t.Error("not the same twice")
	}
}

func TestSummarise(t *testing.T) {
	if got := Summarise(nil); len(got) != 0 {
		t.Error(got)
	}
	list := Summarise([]Outcome{{Agent: "a", Success: true}, {Agent: "b"}, {Agent: "b", Satisfaction: 5, Duration: time.Second}})
	if list[0].Agent != "b" || *list[0].Seconds != 1 || *list[0].Satisfaction != 5 || list[1].Seconds != nil || list[1].Cost != nil || list[1].SuccessRate != 1 {
		t.Errorf("%+v", list)
	}
}
