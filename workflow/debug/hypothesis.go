package debug

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status is what became of a hypothesis.
type Status string

const (
	Open      Status = "open"
	Confirmed Status = "confirmed"
	Rejected  Status = "rejected"
)

// Scopes are whom a hypothesis would explain it for.
var Scopes = []string{"all", "subset", "one"}

// Hypothesis is one explanation.
type Hypothesis struct {
	ID       string   `json:"id"` // H1, H2, …
	Text     string   `json:"text"`
	Evidence []string `json:"evidence"` // that speaks for it
	Method   string   `json:"method"`   // how to test it
	Minutes  float64  `json:"minutes"`  // that the test takes
	Scope    string   `json:"scope"`
	Status   Status   `json:"status"`
	Tests    []Test   `json:"tests"`
	Because  string   `json:"because,omitempty"` // of the verdict
}

// Test is one try of a hypothesis: one thing changed, steps with what they should
// give.
type Test struct {
	Variable string    `json:"variable"` // the one thing that was changed
	Setup    []Step    `json:"setup"`
	Steps    []Step    `json:"steps"`
	Teardown []Step    `json:"teardown"`
	Passed   bool      `json:"passed"` // all set-up done, all steps as expected
	At       time.Time `json:"at"`
}

// Step is one command of a test.
type Step struct {
	Command  string `json:"command"`
	Expected string `json:"expected,omitempty"` // output, or "exit N"
	Got      string `json:"got"`
	Exit     int    `json:"exit"`
	OK       bool   `json:"ok"`
}

func hypothesisID(i int) string { return fmt.Sprintf("H%d", i+1) }

// Points are the reference's: evidence 10, 25, 40; time of the test 30, 20, 10;
// scope 30, 20, 10.
func (h *Hypothesis) Points() int {
	points := 0
	switch n := len(h.Evidence); {
	case n >= 3:
		points += 40
	case n == 2:
		points += 25
	default:
		points += 10
	}
	switch {
	case h.Minutes < 5:
		points += 30
	case h.Minutes < 15:
		points += 20
	default:
		points += 10
	}
	switch h.Scope {
	case "all":
		return points + 30
	case "subset":
		return points + 20
	}
	return points + 10
}

// Ranked is the hypotheses, those to be tested first in front.
func (s *Session) Ranked() []Hypothesis {
	out := slices.Clone(s.Hypotheses)
	slices.SortStableFunc(out, func(a, b Hypothesis) int { return cmp.Compare(b.Points(), a.Points()) })
	return out
}

// Suppose adds a hypothesis.
func (s *Session) Suppose(h Hypothesis, now time.Time) (*Hypothesis, error) {
	for _, old := range s.Hypotheses {
		if strings.EqualFold(strings.TrimSpace(old.Text), strings.TrimSpace(h.Text)) {
			return nil, fmt.Errorf("%s says the same already", old.ID)
		}
	}
	h.ID, h.Status = hypothesisID(len(s.Hypotheses)), Open
	s.Hypotheses = append(s.Hypotheses, h)
	s.note(now, "%s: %s", h.ID, h.Text)
	return &s.Hypotheses[len(s.Hypotheses)-1], nil
}

// Find is the hypothesis with an id.
func (s *Session) Find(id string) (*Hypothesis, error) {
	for i := range s.Hypotheses {
		if strings.EqualFold(s.Hypotheses[i].ID, id) {
			return &s.Hypotheses[i], nil
		}
	}
	return nil, fmt.Errorf("there is no hypothesis %q", id)
}

// MayTest says whether a hypothesis may be tested now: one at a time, so that
// what is changed for one does not change another's result.
func (s *Session) MayTest(h *Hypothesis) error {
	if h.Status != Open {
		return &NotYetError{[]string{fmt.Sprintf("%s is %s already", h.ID, h.Status)}}
	}
	for _, other := range s.Hypotheses {
		if other.ID != h.ID && other.Status == Open && len(other.Tests) > 0 {
			return &NotYetError{[]string{fmt.Sprintf("one variable at a time: %s is tested and has no verdict (wf-ci debug hypothesis confirm or reject %s)", other.ID, other.ID)}}
		}
	}
	return nil
}

// Tested adds a test. All tests of a hypothesis are about one variable.
func (s *Session) Tested(h *Hypothesis, t Test, now time.Time) error {
	for _, old := range h.Tests {
		if old.Variable != t.Variable {
			return &NotYetError{[]string{fmt.Sprintf("one variable at a time: %s was tested by changing %q; %q is a hypothesis of its own", h.ID, old.Variable, t.Variable)}}
		}
	}
	t.At = now.UTC()
	h.Tests = append(h.Tests, t)
	result := "not as expected"
	if t.Passed {
		result = "as expected"
	}
	s.note(now, "%s tested (%s): %s", h.ID, t.Variable, result)
	return nil
}

// Judge gives a hypothesis its verdict: only what was tested has one, and what is
// confirmed was confirmed by its last test.
func (s *Session) Judge(h *Hypothesis, verdict Status, because string, now time.Time) error {
	switch {
	case h.Status != Open:
		return &NotYetError{[]string{fmt.Sprintf("%s is %s already", h.ID, h.Status)}}
	case len(h.Tests) == 0:
		return &NotYetError{[]string{fmt.Sprintf("%s was not tested (wf-ci debug hypothesis test %s)", h.ID, h.ID)}}
	case verdict == Confirmed && !h.Tests[len(h.Tests)-1].Passed:
		return &NotYetError{[]string{fmt.Sprintf("the last test of %s did not give what it would if it were true", h.ID)}}
	}
	h.Status, h.Because = verdict, because
	s.note(now, "%s %s: %s", h.ID, verdict, because)
	return nil
}
