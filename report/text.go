package report

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

const (
	textFindings = 20 // findings that are listed for a gate
	textNotes    = 20 // notes of a kind
)

// Text is the report for people. What matters is at the end, where the eye and
// the scroll-back are: gates that passed come first, then those that were
// skipped, that could not decide, and that failed, with their findings; then
// why, how to see it again, and the verdict as the last line.
func Text(style Style) Format {
	return func(w io.Writer, v *gates.Verdict) error {
		p := printer{Style: style, idWidth: idWidth(gateIDs(v))}
		for _, status := range []gates.Status{gates.StatusPass, gates.StatusSkipped, gates.StatusError, gates.StatusFail} {
			for i := range v.Gates {
				if v.Gates[i].Status == status {
					p.gate(&v.Gates[i])
				}
			}
		}
		p.notes(v)
		p.end(v)
		_, err := w.Write(p.buf.Bytes())
		return err
	}
}

func gateIDs(v *gates.Verdict) []string {
	ids := make([]string, len(v.Gates))
	for i, g := range v.Gates {
		ids[i] = g.ID
	}
	return ids
}

// printer collects lines. Whatever comes from the tree goes through clean.
type printer struct {
	Style
	buf     bytes.Buffer
	idWidth int
}

func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(&p.buf, format+"\n", args...)
}

func (p *printer) gate(g *gates.GateVerdict) {
	if p.Brief && (g.Status == gates.StatusSkipped || g.Status == gates.StatusPass && len(g.Findings) == 0) {
		return
	}
	what := p.what(g)
	if g.Status == gates.StatusError && !g.Required {
		what += " (not required)"
	}
	p.line("%s %s  %s", p.statusWord(string(g.Status)), p.paint(bold, pad(p.clean(g.ID), p.idWidth)), what)
	p.findings(g)
}

// what is the rest of a gate's line.
func (p *printer) what(g *gates.GateVerdict) string {
	switch g.Status {
	case gates.StatusSkipped:
		return p.clean(g.Reason)
	case gates.StatusError:
		return p.join([]string{"could not decide: " + p.clean(g.Reason), timeAndCache(g)})
	}
	return p.join([]string{foundWords(count(g.Findings)), examinedWords(g.Examined), timeAndCache(g)})
}

// findings lists what blocks and what is new, and says why it blocks.
func (p *printer) findings(g *gates.GateVerdict) {
	list := listed(g.Findings)
	for _, f := range list[:min(len(list), textFindings)] {
		p.finding(f, g.Scope)
	}
	if rest := len(list) - textFindings; rest > 0 {
		p.line("  %s %d more: --output json=verdict.json", p.pick("…", "..."), rest)
	}
	if g.Status != gates.StatusFail {
		return
	}
	p.line("  %s %s", p.paint(dim, "blocks:"), whyBlocks(g))
	if others := othersWords(count(g.Findings)); others != "" {
		p.line("  %s %s", p.paint(dim, "besides:"), others)
	}
	if g.Help != "" {
		p.line("  %s %s", p.paint(dim, "to do:"), p.clean(g.Help))
	}
}

// finding is one line that terminals and editors make clickable. Where only the
// change counts, all that is listed is new.
func (p *printer) finding(f gates.Judged, scope gates.Scope) {
	var b strings.Builder
	b.WriteString("  ")
	if at := p.place(f.Finding); at != "" {
		b.WriteString(at + ": ")
	}
	b.WriteString(p.severity(f.Severity) + " ")
	if f.Rule != "" {
		b.WriteString(p.paint(bold, p.clean(f.Rule)) + " ")
	}
	b.WriteString(p.clean(message(f.Finding)))
	if f.Commit != "" {
		b.WriteString(" [commit " + p.clean(shortID(f.Commit)) + "]")
	}
	if f.New && scope == gates.ScopeAll {
		b.WriteString(" [new]")
	}
	if !f.Blocking {
		b.WriteString(" [does not block]")
	}
	p.line("%s", b.String())
}

// place is the finding's place. A path that the screen cannot show is quoted.
func (p *printer) place(f gates.Finding) string {
	path := showPath(f.Path)
	if p.clean(path) != path {
		path = strconv.QuoteToASCII(string(f.Path))
	}
	return placeAs(path, f)
}

func (p *printer) severity(s gates.Severity) string {
	colors := map[gates.Severity]string{gates.SeverityError: red, gates.SeverityWarning: yellow, gates.SeverityNote: cyan}
	return p.paint(colors[s], p.clean(string(s)))
}

// notes are the warnings, and what the change does to its own judging.
func (p *printer) notes(v *gates.Verdict) {
	var texts []string
	for _, w := range v.Policy.Weakened {
		texts = append(texts, fmt.Sprintf("the change weakens the policy: %s from %s to %s (%s)", w.Key, w.Base, w.Head, weakenedCounts(v.Policy)))
	}
	p.list("warning: ", yellow, texts)
	texts = nil
	for _, s := range v.SuppressionsAdded {
		texts = append(texts, fmt.Sprintf("%s:%d: the change adds %s, which makes tools look away", showPath(s.Path), s.Line, s.Marker))
	}
	p.list("warning: ", yellow, texts)
	p.list("warning: ", yellow, v.Warnings)
}

func (p *printer) list(word, color string, texts []string) {
	for i, s := range texts {
		if i == textNotes {
			p.line("%s%d more: --output json=verdict.json", p.paint(color, word), len(texts)-i)
			return
		}
		p.line("%s%s", p.paint(color, word), p.clean(s))
	}
}

// end is why, how to see it again, and the verdict.
func (p *printer) end(v *gates.Verdict) {
	p.list("because: ", bold, v.Reasons)
	if c := repeatCommand(v); c != "" {
		for _, arg := range p.Repeat {
			c += " " + shellWord(arg)
		}
		p.line("%s%s", p.paint(bold, "repeat: "), p.clean(c))
	}
	color := map[gates.Decision]string{gates.Pass: green, gates.Fail: red}[v.Decision]
	if color == "" {
		color = yellow
	}
	words := append(verdictWords(v), timeWords(v.DurationMS))
	p.line("%s %s", p.paint(bold, "verdict:"), p.join(append([]string{p.paint(bold+";"+color, p.clean(string(v.Decision)))}, words...)))
}
