// Package logs reads the calls out of the logs that coding agents leave behind:
// one reader for each tool's form, and one rule for all that a call counts once.
//
//	[Places]       where the tools keep their logs
//	[Import.Run]   logs → [Call]s, each once, and [Notes] on what was unreadable
//	[State]        what was read already: unchanged files are not opened again
//
// It prices nothing and books nothing. Its page is README.md beside it.
package logs

import (
	"cmp"
	"strings"
	"time"
	"unicode"

	"github.com/wf-ci/wf-ci/costs"
)

// Call is one request to a model.
type Call struct {
	// Key names the call by ids of its own, the same in every log that tells of it;
	// it is the key of the entry.
	Key    string
	Source string // the tool: claude, codex, …
	Time   time.Time
	Usage  costs.Usage
	// Reported is what the log says it cost. Zero: it says nothing.
	Reported costs.Nano
	// Fast is a call in the provider's faster, dearer mode.
	Fast bool
	// Guessed says that the model is not in the log, and was taken from the age of it.
	Guessed bool
	Branch  string
	Commit  string
	Task    string // subagent, or empty
}

// Subagent is the task of calls that an agent's agents made.
const Subagent = "subagent"

// tokens is all that a call used.
func tokens(u costs.Usage) int64 {
	return u.Input + u.Output + u.CacheRead + u.CacheWrite + u.CacheWrite1h
}

// merge makes one of two tellings of a call, in any order: the usage that is
// furthest (logs tell of a call while it still runs), the place where it came
// first (later ones are copies: resumed, forked).
func merge(a, b Call) Call {
	first, usage := a, a
	if compareOrigin(b, a) < 0 {
		first = b
	}
	if compareUsage(b, a) > 0 {
		usage = b
	}
	first.Usage, first.Fast = usage.Usage, usage.Fast
	first.Reported = max(a.Reported, b.Reported)
	if a.Task == "" || b.Task == "" {
		first.Task = "" // a replay of the parent's call
	}
	return first
}

func compareOrigin(a, b Call) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Branch, b.Branch), cmp.Compare(a.Commit, b.Commit))
}

func compareUsage(a, b Call) int {
	u, v := a.Usage, b.Usage
	return cmp.Or(cmp.Compare(u.Output, v.Output), cmp.Compare(tokens(u), tokens(v)), cmp.Compare(u.WebSearches, v.WebSearches),
		cmp.Compare(u.CacheWrite1h, v.CacheWrite1h), cmp.Compare(u.CacheRead, v.CacheRead), cmp.Compare(u.Input, v.Input),
		cmp.Compare(u.Model, v.Model), cmp.Compare(flagged(a.Fast), flagged(b.Fast)))
}

func flagged(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Notes count what could not be read, or not be known.
type Notes struct {
	Malformed      int `json:"malformed"`       // lines that are no JSON, or whose counts are none
	Huge           int `json:"huge"`            // lines that are too long to be read
	Torn           int `json:"torn"`            // last lines that are not whole
	Unreadable     int `json:"unreadable"`      // files
	MissingParents int `json:"missing_parents"` // forks of a session whose log is not there
	Guessed        int `json:"guessed"`         // calls without a model
	Searches       int `json:"searches"`        // web searches whose own calls are in no log
}

// Add adds other notes.
func (n *Notes) Add(m Notes) {
	n.Malformed += m.Malformed
	n.Huge += m.Huge
	n.Torn += m.Torn
	n.Unreadable += m.Unreadable
	n.MissingParents += m.MissingParents
	n.Guessed += m.Guessed
	n.Searches += m.Searches
}

// name makes a text fit to be the name of something in the ledger.
func name(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	const limit = 256
	for len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return text
}
