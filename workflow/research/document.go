package research

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// TimeBox is how long a first research may take.
const TimeBox = 2 * time.Hour

// Document is a RESEARCH.md that is begun.
type Document struct {
	Topic    string
	Started  time.Time
	Box      time.Duration
	Local    Scan
	Cookbook *Scan  // nil: there is none
	Earlier  string // what was found out before; empty: nothing
	Where    string // where that is from
}

// started is the line that the time box is read from.
var started = lazyregexp.New(`(?m)^\*\*Started:\*\* (\S+) +\*\*Time box:\*\* (\S+)`)

// Started reads when a document was begun, and its time box.
func Started(text string) (time.Time, time.Duration, error) {
	m := started.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, 0, fmt.Errorf("no line **Started:** … **Time box:** …")
	}
	at, err := time.Parse(time.RFC3339, m[1])
	if err != nil {
		return at, 0, fmt.Errorf("started at %.40q: want a time such as 2026-11-27T10:00:00Z", m[1])
	}
	box, err := time.ParseDuration(m[2])
	if err != nil || box <= 0 {
		return at, 0, fmt.Errorf("a time box of %.40q: want one such as 2h0m0s", m[2])
	}
	return at, box, nil
}

// Render is the document as Markdown. It decides nothing yet.
func (d Document) Render() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Research: %s\n\n**Started:** %s **Time box:** %s\n", cell(d.Topic), d.Started.UTC().Format(time.RFC3339), d.Box)
	b.WriteString("\n## Summary\n\n**One-liner:** _to be written_  \n**Recommendation:** GO/NO-GO  \n**Confidence (1–10):** _to be written_\n")
	b.WriteString("\n## What is there already\n\n### Repositories\n\n" + d.Local.Markdown())
	b.WriteString("\n### Cookbook\n\n")
	if d.Cookbook == nil {
		b.WriteString("No cookbook is configured.\n")
	} else {
		b.WriteString(d.Cookbook.Markdown())
	}
	b.WriteString("\n### Earlier research\n\n")
	if d.Earlier == "" {
		b.WriteString("None on this topic.\n")
	} else {
		fmt.Fprintf(&b, "From %s:\n\n", cell(d.Where))
		for line := range strings.Lines(d.Earlier) {
			b.WriteString("> " + quoted(strings.TrimRight(line, "\r\n")) + "\n")
		}
	}
	b.WriteString(rest)
	return b.String()
}

const rest = `
## Options

1. **Option A**: _to be written_
   - for:
   - against:
   - cost:

## What decides

1. **Critical:** _to be written_
2. **Important:**
3. **Nice to have:**

## Costs

` + "`wf-ci research project-costs FILE` reckons them." + `

| option | a month | a year | × 10 |
|---|---|---|---|

## Risks

- technical:
- business:
- what is done about them:

## Effort

- to a first version:
- to production:

## Open questions

1. _to be written_
`

// Markdown lists what was found, and what was looked at.
func (s Scan) Markdown() string {
	var b strings.Builder
	for _, h := range s.Hits {
		fmt.Fprintf(&b, "- `%s:%d` %s\n", code(filepath.ToSlash(filepath.Join(filepath.Base(h.Repo), h.Path))), h.Line, inline(h.Text))
	}
	if len(s.Hits) > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%d of %d hits shown; %d files in %d places looked at.\n", len(s.Hits), s.Found, s.Files, s.Repos)
	for _, why := range s.Stopped {
		fmt.Fprintf(&b, "Not all was looked at: %s.\n", cell(why))
	}
	return b.String()
}

func code(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '`' || unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
}

// inline is a line of a file as text: it makes no markup, and decides nothing.
func inline(s string) string { return "`" + code(quoted(s)) + "`" }

// decided is what the gate checkpoints takes for a decision: the word in
// capitals, or behind what announces one.
var decided = lazyregexp.New(`\b(NO[-_ \x{2010}-\x{2013}]?GO|GO)\b|(?i:\b(?:decision|verdict|recommendation|outcome)\b[\s*_:=|]*\b(?:no[-_ \x{2010}-\x{2013}]?go|go)\b)`)

// verdictWord is the word itself at the end of such a match.
var verdictWord = lazyregexp.New(`(?i)(no[-_ \x{2010}-\x{2013}]?)?go$`)

// quoted is what others have written: their decision is none of this document.
func quoted(s string) string {
	return decided.ReplaceAllStringFunc(s, func(m string) string {
		at := verdictWord.FindStringIndex(m)[0]
		return m[:at] + "(" + strings.ToLower(m[at:]) + ")"
	})
}

// Findings is what a research has found out.
type Findings struct {
	Input  *Input
	Result Result
	At     time.Time
	Spent  string // US dollars; empty: nobody has said
	Took   time.Duration
}

// Check says what a summary lacks: it has to say something.
func (f Findings) Check() error {
	switch {
	case strings.TrimSpace(f.Input.Topic) == "":
		return fmt.Errorf("the decision names no topic: topic: …")
	case len(strings.Fields(f.Input.Summary)) < 3:
		return fmt.Errorf("the decision has no summary that says something: summary: one sentence")
	}
	return nil
}

// Render is FINDINGS.md. Its line with the recommendation is what needs an
// approval.
func (f Findings) Render() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Findings: %s\n\n%s\n\n", cell(f.Input.Topic), cell(f.Input.Summary))
	fmt.Fprintf(&b, "**Recommendation:** %s  \n**Confidence:** %d of 10  \n**Score:** %s of 10  \n**Date:** %s\n",
		f.Result.Decision, max(1, f.Result.Confidence), f.Result.Score, f.At.UTC().Format("2006-01-02"))
	if f.Took > 0 {
		fmt.Fprintf(&b, "**Time:** %s\n", f.Took.Round(time.Minute))
	}
	if f.Spent != "" {
		fmt.Fprintf(&b, "**Cost:** $%s\n", f.Spent)
	}
	b.WriteString("\n## Reasons\n\n" + bullets(f.Result.Reasons))
	b.WriteString("\n## Dependencies\n\n" + bullets(f.Input.Dependencies))
	b.WriteString("\n## Open questions\n\n" + bullets(f.Input.Questions))
	if f.Result.Review != "" {
		fmt.Fprintf(&b, "\n## After the first implementation\n\n%s\n", f.Result.Review)
	}
	return b.String()
}

func bullets(list []string) string {
	if len(list) == 0 {
		return "None.\n"
	}
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "- %s\n", cell(s))
	}
	return b.String()
}
