package rollback

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Evidence is what is known of a release. Nil: it is not known.
type Evidence struct {
	PassRate         *float64 `json:"test_pass_rate"`         // 0 to 1
	Criticals        *float64 `json:"critical_vulns"`         // how many
	ResponseTime     *float64 `json:"response_time"`          // in any unit, the same as
	ResponseBaseline *float64 `json:"response_time_baseline"` // this
	ErrorRate        *float64 `json:"error_rate"`
	ErrorBaseline    *float64 `json:"error_rate_baseline"`
	MemoryGrowth     *float64 `json:"memory_growth"` // an hour: 0.1 is 10 %

	// Why says why a number is not known, by its name here.
	Why map[string]string `json:"-"`
}

// metricsLimit bounds a metrics file.
const metricsLimit = 1 << 20

// ReadMetrics reads a metrics file: a JSON object with keys of [Evidence].
func ReadMetrics(in io.Reader) (*Evidence, error) {
	data, err := io.ReadAll(io.LimitReader(in, metricsLimit+1))
	if err != nil {
		return nil, err
	}
	if len(data) > metricsLimit {
		return nil, fmt.Errorf("larger than %d MB", metricsLimit>>20)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("empty: want a JSON object, such as {\"error_rate\": 0.02, \"error_rate_baseline\": 0.01}")
	}
	e := new(Evidence)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(e); err != nil {
		line := bytes.Count(data[:min(d.InputOffset(), int64(len(data)))], []byte("\n")) + 1
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &kind) && kind.Field != "":
			err = fmt.Errorf("%s is %s: want a number", kind.Field, article(kind.Value))
		case errors.As(err, &kind):
			err = fmt.Errorf("%s: want an object", article(kind.Value))
		case errors.Is(err, io.ErrUnexpectedEOF):
			err = errors.New("it ends in the middle")
		}
		return nil, fmt.Errorf("line %d: %w", line, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return e, e.valid()
}

// article is the name of a JSON type as people say it.
func article(kind string) string {
	kind, _, _ = strings.Cut(kind, " ") // "number 7"
	if strings.ContainsAny(kind[:1], "aeiou") {
		return "an " + kind
	}
	return "a " + kind
}

func (e *Evidence) valid() error {
	for _, n := range []struct {
		name  string
		value *float64
		max   float64
	}{
		{"test_pass_rate", e.PassRate, 1}, {"critical_vulns", e.Criticals, 0}, {"response_time", e.ResponseTime, 0},
		{"response_time_baseline", e.ResponseBaseline, 0}, {"error_rate", e.ErrorRate, 0}, {"error_rate_baseline", e.ErrorBaseline, 0},
	} {
		if n.value != nil && (*n.value < 0 || n.max > 0 && *n.value > n.max) {
			return fmt.Errorf("%s is %g: out of range", n.name, *n.value)
		}
	}
	if e.ResponseBaseline != nil && *e.ResponseBaseline == 0 {
		return errors.New("response_time_baseline is 0: nothing can be compared with it")
	}
	return nil
}

// Over takes what it knows, and for the rest what other says.
func (e *Evidence) Over(other *Evidence) *Evidence {
	out := *e
	for _, f := range []struct{ to, from **float64 }{
		{&out.PassRate, &other.PassRate}, {&out.Criticals, &other.Criticals}, {&out.ResponseTime, &other.ResponseTime},
		{&out.ResponseBaseline, &other.ResponseBaseline}, {&out.ErrorRate, &other.ErrorRate}, {&out.ErrorBaseline, &other.ErrorBaseline},
		{&out.MemoryGrowth, &other.MemoryGrowth},
	} {
		if *f.to == nil {
			*f.to = *f.from
		}
	}
	out.Why = other.Why
	return &out
}

// Trigger is a reason to roll back, and whether it holds.
type Trigger struct {
	ID       string `json:"id"`
	State    string `json:"state"` // fired, quiet, unknown
	Severity string `json:"severity"`
	Action   string `json:"action"`
	Detail   string `json:"detail"`
}

// States of a trigger.
const (
	Fired   = "fired"
	Quiet   = "quiet"
	Unknown = "unknown"
)

// rule is a trigger before anything is known.
type rule struct {
	id, severity, action string
	needs                []string
	values               func(*Evidence) []*float64
	fires                func(v []float64) bool
	detail               string
}

func rules() []rule {
	return []rule{
		{"test_failures", "high", "immediate_rollback", []string{"test_pass_rate"},
			func(e *Evidence) []*float64 { return []*float64{e.PassRate} },
			func(v []float64) bool { return v[0] < 0.95 }, "%.4g of the tests pass; the least is 0.95"},
		{"security_issues", "critical", "immediate_rollback", []string{"critical_vulns"},
			func(e *Evidence) []*float64 { return []*float64{e.Criticals} },
			func(v []float64) bool { return v[0] > 0 }, "%g critical vulnerabilities; the most is 0"},
		{"performance_degradation", "high", "gradual_rollback", []string{"response_time", "response_time_baseline"},
			func(e *Evidence) []*float64 { return []*float64{e.ResponseTime, e.ResponseBaseline} },
			func(v []float64) bool { return v[0] > v[1]*1.5 }, "a response takes %g, and took %g; the most is 1.5 times that"},
		{"error_rate_spike", "high", "immediate_rollback", []string{"error_rate", "error_rate_baseline"},
			func(e *Evidence) []*float64 { return []*float64{e.ErrorRate, e.ErrorBaseline} },
			func(v []float64) bool { return v[0] > v[1]*3 }, "the error rate is %g, and was %g; the most is 3 times that"},
		{"memory_leak", "medium", "scheduled_rollback", []string{"memory_growth"},
			func(e *Evidence) []*float64 { return []*float64{e.MemoryGrowth} },
			func(v []float64) bool { return v[0] > 0.1 }, "memory grows by %g an hour; the most is 0.1"},
	}
}

// TriggerIDs are the names of all triggers.
func TriggerIDs() []string {
	var ids []string
	for _, r := range rules() {
		ids = append(ids, r.id)
	}
	return ids
}

// Check holds what is known against the triggers.
func Check(e *Evidence) []Trigger {
	var list []Trigger
	for _, r := range rules() {
		list = append(list, r.check(e))
	}
	return list
}

func (r rule) check(e *Evidence) Trigger {
	t := Trigger{ID: r.id, Severity: r.severity, Action: r.action, State: Quiet}
	var values []float64
	var shown []any
	var missing []string
	for i, v := range r.values(e) {
		if v == nil {
			why := r.needs[i] + " is not known"
			if more := e.Why[r.needs[i]]; more != "" {
				why += ": " + more
			}
			missing = append(missing, why)
			continue
		}
		values, shown = append(values, *v), append(shown, *v)
	}
	if len(missing) > 0 {
		t.State, t.Detail = Unknown, strings.Join(missing, "; ")
		return t
	}
	t.Detail = fmt.Sprintf(r.detail, shown...)
	if r.fires(values) {
		t.State = Fired
	}
	return t
}

// Advice is a row of the decision matrix.
type Advice struct {
	ID          string `json:"id"`
	Symptom     string `json:"symptom"`
	Investigate string `json:"investigate"`
	Rollback    string `json:"rollback"` // yes, maybe
	Alternative string `json:"alternative"`
}

// Matrix is what to do at which symptom.
func Matrix() []Advice {
	return []Advice{
		{"tests", "tests fail after a fix", "does the fix meet the root cause?", "yes", "debug it properly"},
		{"security", "new security warnings", "are they real vulnerabilities?", "yes", "patch at once"},
		{"slow", "it became slower", "profile, and measure the impact", "maybe", "optimize first"},
		{"behavior", "it behaves in another way", "compare with the requirements", "maybe", "turn the feature flag off"},
		{"complaints", "users complain", "how many, and how bad?", "maybe", "a hotfix if it is minor"},
		{"data", "data may be corrupted", "assess the integrity of the data", "yes", "none: act at once"},
	}
}
