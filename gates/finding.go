package gates

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// Severity is how bad a finding is, in SARIF's words.
type Severity string

const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNote    Severity = "note"
)

// Severities are all severities, the worst first.
func Severities() []Severity {
	return []Severity{SeverityError, SeverityWarning, SeverityNote}
}

// AtLeast says whether s is as bad as least, or worse.
func (s Severity) AtLeast(least Severity) bool {
	return s.rank() <= least.rank()
}

func (s Severity) rank() int {
	if i := slices.Index(Severities(), s); i >= 0 {
		return i
	}
	return 0 // an unknown severity counts as the worst
}

// Path is a file's path in the tree: slashes, relative to the root, and bytes
// as git has them. In JSON it is a string; a path that is not UTF-8, or that
// begins with a double quote, is written in git's C-style quotes, so that no
// two paths look the same.
type Path string

// Finding is one fault a gate found: a comparable value. Its message never
// holds a secret's text.
type Finding struct {
	Rule      string   `json:"rule"`
	Severity  Severity `json:"severity"`
	Path      Path     `json:"path"`                 // empty: about the tree as a whole
	Line      int      `json:"line,omitempty"`       // from 1; zero: the whole file
	Column    int      `json:"column,omitempty"`     // from 1, in characters; zero: the whole line
	EndLine   int      `json:"end_line,omitempty"`   // from 1
	EndColumn int      `json:"end_column,omitempty"` // from 1, behind the last character
	Commit    string   `json:"commit,omitempty"`     // where it is, for findings in history
	Message   string   `json:"message"`
	// Fingerprint names the finding across edits above it. Empty: Run fills it
	// in from the rule, the path and the line's text.
	Fingerprint string `json:"fingerprint"`
}

// Compare orders findings for reports: by place, then by rule. It is total on
// findings that differ.
func (f Finding) Compare(g Finding) int {
	return cmp.Or(
		strings.Compare(string(f.Path), string(g.Path)),
		cmp.Compare(f.Line, g.Line),
		cmp.Compare(f.Column, g.Column),
		strings.Compare(f.Rule, g.Rule),
		cmp.Compare(f.EndLine, g.EndLine),
		cmp.Compare(f.EndColumn, g.EndColumn),
		strings.Compare(f.Commit, g.Commit),
		cmp.Compare(f.Severity.rank(), g.Severity.rank()),
		strings.Compare(string(f.Severity), string(g.Severity)), // of those that are unknown
		strings.Compare(f.Message, g.Message),
		strings.Compare(f.Fingerprint, g.Fingerprint),
	)
}

// shortDigest tells texts apart without naming them. A line may hold a password:
// sixteen bits of its hash are too few to find that by trying.
func shortDigest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:2])
}

// Fingerprints makes fingerprints: equal parts give #1, #2, … so that the
// second of two equal findings has a name of its own. The zero value is ready.
// Not safe for concurrent use.
type Fingerprints struct {
	seen map[[sha256.Size]byte]int
}

// Of is the fingerprint of the next finding with these parts (a rule, a path,
// a normalised text, …): 32 hexadecimal digits.
func (p *Fingerprints) Of(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		// The length first: no two lists of parts share their bytes.
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	var key [sha256.Size]byte
	h.Sum(key[:0])
	if p.seen == nil {
		p.seen = make(map[[sha256.Size]byte]int)
	}
	p.seen[key]++
	if n := p.seen[key]; n > 1 {
		h.Write([]byte("#" + strconv.Itoa(n)))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
