package flag

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/workflow/rollback"
)

// Kind is what the journal calls a change of a flag.
const Kind = "rollback.flag"

// Record is what it takes to take a change back. It names the variables that hold
// the address and the token, never what is in them.
type Record struct {
	Flag     string `json:"flag"`
	URLEnv   string `json:"url_env"`
	TokenEnv string `json:"token_env"`
	Method   string `json:"method"`
	Field    string `json:"field"`
	Service  string `json:"service"` // [Client.Digest]
	From     int    `json:"from"`    // percent, before the first change
	Left     []int  `json:"left"`    // percent, where the flag may have been left
}

// Log writes a flag's changes into the journal, each before it is made.
type Log struct {
	Journal journal.Journal
	Now     func() time.Time
	Reason  string // why; empty: nobody said
	Record  Record

	entry *journal.Entry
}

// ID is the entry's; empty: nothing was changed.
func (l *Log) ID() string {
	if l.entry == nil {
		return ""
	}
	return l.entry.ID
}

// Moving notes a change that is about to be made.
func (l *Log) Moving(from, to int) error {
	l.Record.Left = []int{from, to}
	if l.entry != nil {
		l.entry.Summary = l.summary(to)
		return l.Journal.Put(l.entry, l.Record)
	}
	l.Record.From = from
	e, err := l.Journal.Note(Kind, l.summary(to), l.Now(), l.Record)
	if err == nil {
		l.entry = &e
	}
	return err
}

// Close writes down where a flag was left. Where it is where it was, there is
// nothing to take back.
func (l *Log) Close(out Outcome) error {
	switch {
	case l.entry == nil || out.State == Unknown || out.State == Moved:
		return nil // what was noted before the last change holds
	case out.At == l.Record.From:
		l.entry.State = journal.Undone
	case slices.Contains(l.Record.Left, out.At):
		l.Record.Left = []int{out.At}
	}
	l.entry.Summary = l.summary(out.At)
	return l.Journal.Put(l.entry, l.Record)
}

func (l *Log) summary(to int) string {
	text := fmt.Sprintf("feature flag %s: %d %% -> %d %%", l.Record.Flag, l.Record.From, to)
	if l.Reason != "" {
		text += " (" + l.Reason + ")"
	}
	return text
}

// Read is the record of an entry.
func Read(e journal.Entry) (Record, error) {
	var r Record
	if err := json.Unmarshal(e.Before, &r); err != nil || r.Flag == "" || len(r.Left) == 0 {
		return r, fmt.Errorf("journal entry %s: it is no feature flag's", e.ID)
	}
	return r, nil
}

// Undo puts a flag back to where it was before the change, where it still is
// where the change left it.
func Undo(ctx context.Context, j journal.Journal, e journal.Entry, c *Client) (string, error) {
	r, err := Read(e)
	if err != nil {
		return "", err
	}
	if r.Service != c.Digest() {
		return "", refused("other-service", "set the variable to what it was", r.URLEnv+" names another address than when the flag was changed")
	}
	at, err := c.Get(ctx)
	if err != nil {
		return "", err
	}
	if at != r.From && !slices.Contains(r.Left, at) {
		return "", refused("moved", "", fmt.Sprintf("somebody has moved the flag to %d %% since", at))
	}
	if at != r.From {
		if err := c.Set(ctx, r.From); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("feature flag %s is at %d %% again", r.Flag, r.From), j.Mark(&e, journal.Undone)
}

func refused(rule, hint, detail string) error {
	return &rollback.RefusedError{Why: []rollback.Reason{{Rule: rule, Detail: detail, Hint: hint}}}
}
