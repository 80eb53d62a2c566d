// Package debug is how something broken is understood before it is mended: what
// was seen, at least three explanations, a test of each that changes one thing,
// and why the one that is left is the cause.
//
// It is plain: no clock, no disk, no process. A [Session] is a file; commands add
// to it.
package debug

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Schema is the form of a session's file.
const Schema = "wf-ci/debug/v1"

// Session is one thing that is broken.
type Session struct {
	Schema     string       `json:"schema"`
	ID         string       `json:"id"`
	Title      string       `json:"title"`
	Severity   string       `json:"severity"` // low, medium, high, critical
	Started    time.Time    `json:"started"`
	Head       string       `json:"head,omitempty"` // commit that was checked out
	Evidence   Evidence     `json:"evidence"`
	Hypotheses []Hypothesis `json:"hypotheses"`
	Whys       []Why        `json:"whys"`
	Factors    []Factor     `json:"factors"` // of the fishbone
	Fix        *Fix         `json:"fix,omitempty"`
	Trail      []Event      `json:"trail"` // all that was done, in order
}

// Evidence is what was seen.
type Evidence struct {
	Issue       string   `json:"issue"` // the exact error
	Steps       []string `json:"steps"` // to reproduce it
	Expected    string   `json:"expected"`
	Actual      string   `json:"actual"`
	Environment []string `json:"environment"`
	Notes       []string `json:"notes,omitempty"`
}

// Why is one answer of the five whys.
type Why struct {
	Answer   string `json:"answer"`
	Evidence string `json:"evidence"`
}

// Factor is one bone of the fishbone.
type Factor struct {
	Category string `json:"category"`
	Text     string `json:"text"`
}

// Fix is what was done about it.
type Fix struct {
	What       string    `json:"what"`
	Commit     string    `json:"commit,omitempty"`
	Prevention string    `json:"prevention,omitempty"`
	Lesson     string    `json:"lesson,omitempty"`
	At         time.Time `json:"at"`
}

// Event is one line of the trail.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// Severities are those that a session may have.
var Severities = []string{"low", "medium", "high", "critical"}

// Limit is how large a session's file may be.
const Limit = 16 << 20

// New starts a session.
func New(id, title, severity, head string, now time.Time) *Session {
	s := &Session{Schema: Schema, ID: id, Title: title, Severity: severity, Started: now.UTC(), Head: head}
	s.note(now, "started: %s", title)
	return s
}

// note adds a line to the trail.
func (s *Session) note(now time.Time, format string, args ...any) {
	s.Trail = append(s.Trail, Event{At: now.UTC(), What: fmt.Sprintf(format, args...)})
}

// Decode reads a session's file.
func Decode(name string, data []byte) (*Session, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var s Session
	if err := d.Decode(&s); err != nil {
		if err == io.EOF {
			return nil, fmt.Errorf("%s:1: the file is empty", name)
		}
		return nil, fmt.Errorf("%s:%d: %w", name, 1+bytes.Count(data[:offset(d, err, len(data))], []byte("\n")), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: there is more after the session", name)
	}
	if s.Schema != Schema || s.ID == "" || s.Title == "" {
		return nil, fmt.Errorf("%s: it is no debug session (schema %q, want %q, with an id and a title)", name, s.Schema, Schema)
	}
	for i, h := range s.Hypotheses {
		if h.ID != hypothesisID(i) {
			return nil, fmt.Errorf("%s: hypothesis %d has the id %q, want %q", name, i+1, h.ID, hypothesisID(i))
		}
	}
	return &s, nil
}

// offset is where in the text an error is.
func offset(d *json.Decoder, err error, size int) int {
	at := d.InputOffset()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	return min(int(at), size)
}

// Encode is the session's file.
func (s *Session) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

// Add adds to what was seen: single things are replaced, lists grow.
func (s *Session) Add(e Evidence, now time.Time) {
	set := func(what string, dst *string, v string) {
		if v != "" {
			*dst = v
			s.note(now, "evidence: %s", what)
		}
	}
	set("the issue", &s.Evidence.Issue, e.Issue)
	set("what is expected", &s.Evidence.Expected, e.Expected)
	set("what happens", &s.Evidence.Actual, e.Actual)
	grow := func(what string, dst *[]string, more []string) {
		for _, v := range more {
			*dst = append(*dst, v)
			s.note(now, "evidence: %s", what)
		}
	}
	grow("a step of the reproduction", &s.Evidence.Steps, e.Steps)
	grow("the environment", &s.Evidence.Environment, e.Environment)
	grow("a note", &s.Evidence.Notes, e.Notes)
}

// Missing is what has to be known before a fix may be made; none: it may.
func (s *Session) Missing() []string {
	var out []string
	need := func(ok bool, what string) {
		if !ok {
			out = append(out, what)
		}
	}
	e := s.Evidence
	need(e.Issue != "", "evidence: the exact error (wf-ci debug evidence --issue TEXT)")
	need(len(e.Steps) > 0, "evidence: how to reproduce it (--step TEXT)")
	need(e.Expected != "" && e.Actual != "", "evidence: what is expected and what happens (--expected, --actual)")
	need(len(e.Environment) > 0, "evidence: the environment (--environment TEXT, or wf-ci debug collect --record)")
	need(len(s.Hypotheses) >= 3, fmt.Sprintf("hypotheses: %d of at least 3 (wf-ci debug hypothesis add)", len(s.Hypotheses)))
	confirmed := 0
	for _, h := range s.Hypotheses {
		if h.Status == Confirmed {
			confirmed++
		}
	}
	need(confirmed > 0, "no hypothesis is confirmed: why is it broken? (wf-ci debug hypothesis test, then confirm)")
	return out
}

// Mend records the fix. The error names all that is missing.
func (s *Session) Mend(f Fix, now time.Time) error {
	if missing := s.Missing(); len(missing) > 0 {
		return &NotYetError{missing}
	}
	f.At = now.UTC()
	s.Fix = &f
	s.note(now, "fixed: %s", f.What)
	return nil
}

// NotYetError says what has to be done before.
type NotYetError struct{ Missing []string }

func (e *NotYetError) Error() string { return "not yet: " + strings.Join(e.Missing, "; ") }

// Ask adds an answer to the whys.
func (s *Session) Ask(w Why, now time.Time) {
	s.Whys = append(s.Whys, w)
	s.note(now, "why %d: %s", len(s.Whys), w.Answer)
}

// AddFactor adds a bone to the fishbone.
func (s *Session) AddFactor(f Factor, now time.Time) {
	s.Factors = append(s.Factors, f)
	s.note(now, "factor, %s: %s", f.Category, f.Text)
}
