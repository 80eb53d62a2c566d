package rollback_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/workflow/rollback"
)

func TestStatus(t *testing.T) {
	list := func(states ...string) (out []rollback.Result) {
		for _, s := range states {
			out = append(out, rollback.Result{State: s})
		}
		return out
	}
	const p, f, s, u = rollback.Passed, rollback.Failed, rollback.Skipped, rollback.Unknown
	for _, c := range []struct {
		list []rollback.Result
		want string
	}{
		{list(p, p, p, p, p, p), "success"}, {list(p, s, s, s, s, s), "success"}, {list(p, f, p, p, p, p), "partial"}, {list(p, f, f, s, p, p), "partial"},
		{list(p, f, f, f, p, p), "failed"}, {list(p, f, f, f, u, p), "failed"}, {list(p, f, f, u, p, p), "unknown"}, {list(p, p, p, p, p, u), "unknown"},
	} {
		if got := rollback.Status(c.list); got != c.want {
			t.Errorf("%v is %s, want %s", c.list, got, c.want)
		}
	}
}

func TestMetrics(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ev := func(id, what string, after time.Duration) rollback.Event {
		return rollback.Event{ID: id, What: what, At: at.Add(after)}
	}
	history := []rollback.Event{
		{ID: "a", What: "applied", At: at, Decided: at, Automatic: true},
		{ID: "a", What: "verified", At: at.Add(time.Minute), Status: "partial"},
		{ID: "a", What: "verified", At: at.Add(4 * time.Minute), Status: "success"},
		{ID: "a", What: "verified", At: at.Add(time.Hour), Status: "success"},
		{ID: "b", What: "applied", At: at, Decided: at},
		{ID: "b", What: "verified", At: at.Add(10 * time.Minute), Status: "success"},
		ev("b", "undone", time.Hour),
		{ID: "c", What: "applied", At: at, Decided: at}, // nobody looked
		ev("data", "lost", 0), ev("data", "lost", -5000*time.Hour), ev("ghost", "verified", 0),
	}
	want := []float64{420, 0.5, 1.0 / 3, 1}
	met := []bool{false, false, false, false}
	for i, m := range rollback.Metrics(history, at.AddDate(0, -3, 0)) {
		if m.Value == nil || *m.Value != want[i] || *m.Met != met[i] {
			t.Errorf("%s: %v", m.Name, m)
		}
	}
}

// What is wrong with a metrics file is said in its own words.
func TestWrongMetrics(t *testing.T) {
	for in, want := range map[string]string{
		`{"response_time": {"now": 1}}`: "line 1: response_time is an object: want a number",
		"{\n\"error_rate\": \"high\"}":  "line 2: error_rate is a string: want a number",
		`{"error_rate": true}`:          "line 1: error_rate is a bool: want a number",
		`[]`:                            "line 1: an array: want an object",
		`7`:                             "line 1: a number: want an object",
		"{\n":                           "line 1: it ends in the middle",
		`{"error_rate": 0.1} {}`:        "more than one JSON value",
		`{"response_time_baseline": 0}`: "response_time_baseline is 0: nothing can be compared with it",
		`{"test_pass_rate": 1.01}`:      "test_pass_rate is 1.01: out of range",
		`{"error_rates": 0.1}`:          `line 1: json: unknown field "error_rates"`,
		" ":                             "empty: want a JSON object, such as {\"error_rate\": 0.02, \"error_rate_baseline\": 0.01}",
	} {
		if _, err := rollback.ReadMetrics(strings.NewReader(in)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

func FuzzReadMetrics(f *testing.F) {
	for _, s := range []string{"", "{}", `{"error_rate": 1, "error_rate_baseline": 0}`, `{"test_pass_rate": 2}`, `{} {}`, `[]`, `null`, `{"response_time_baseline": 0}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := rollback.ReadMetrics(strings.NewReader(s))
		if err != nil {
			return
		}
		if got := rollback.Check(e); len(got) != 5 {
			t.Errorf("%d triggers", len(got))
		}
	})
}
