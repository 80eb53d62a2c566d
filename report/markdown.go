package report

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Markdown writes what a person wants to know first, for comments and step
// summaries: the verdict and its reasons, what to do, a table of the gates, and
// the findings of each gate that block or are new. Older findings are counted.
func Markdown(w io.Writer, v *gates.Verdict) error {
	return MarkdownLimit(0)(w, v)
}

// MarkdownLimit is [Markdown] in at most limit bytes; zero: as long as it is.
// What is cut are the last findings of the longest gates, and their number is
// said; then the notes, the table and the reasons, in this order.
func MarkdownLimit(limit int) Format { return MarkdownWith(limit, Surroundings{}) }

// Surroundings are what a page says besides the verdict.
type Surroundings struct {
	Name  string   // of this run among others of the commit; empty: "wf-ci"
	Lines []string // of plain text, behind the table of the gates
}

// MarkdownWith is [MarkdownLimit] for a page among others.
func MarkdownWith(limit int, around Surroundings) Format {
	return func(w io.Writer, v *gates.Verdict) error {
		page := newMarkdown(v, cmp.Or(around.Name, "wf-ci"))
		for _, line := range around.Lines {
			page.lines += "\n" + mdText(line) + "\n"
		}
		_, err := io.WriteString(w, page.fit(limit))
		return err
	}
}

// mdPage is a page in parts, so that it can be cut between them.
type mdPage struct {
	head, reasons, table, lines, notes, foot string
	sections                                 []mdSection
}

// mdSection is one gate's findings, a line each.
type mdSection struct {
	open  string
	lines []string
	close string
}

const (
	mdMessage = 1000 // characters of a message
	mdList    = 20   // lines of reasons and of each kind of note
	mdLeftOut = "- … %d more left out\n"
)

func newMarkdown(v *gates.Verdict, name string) mdPage {
	return mdPage{
		head:     fmt.Sprintf("## %s %s: %s\n\n%s.\n%s", decisionSign(v.Decision), mdText(name), v.Decision, strings.Join(verdictWords(v), ", "), newWords(v)),
		reasons:  mdReasons(v) + mdNext(v),
		table:    mdTable(v),
		sections: mdSections(v),
		notes:    mdNotes(v),
		foot:     mdFoot(v),
	}
}

// fit is the page in at most limit bytes.
func (p mdPage) fit(limit int) string {
	if full := p.render(p.keep(math.MaxInt)); limit <= 0 || len(full) <= limit {
		return full
	}
	for _, drop := range []func(){
		func() {}, func() { p.notes = "" }, func() { p.sections, p.lines = nil, "" },
		func() { p.table = "" }, func() { p.reasons, p.foot = "", "" },
	} {
		drop()
		if room := limit - len(p.render(make([]int, len(p.sections)))); room >= 0 {
			return p.render(p.keep(room))
		}
	}
	return cutBytes(p.head, limit)
}

// keep says how many lines of each section fit into room bytes. Sections take
// turns: a gate with 10,000 findings does not hide one with three.
func (p mdPage) keep(room int) []int {
	keep := make([]int, len(p.sections))
	for turn, fits := 0, true; fits; turn++ {
		fits = false
		for i, s := range p.sections {
			if keep[i] == turn && turn < len(s.lines) && len(s.lines[turn]) <= room {
				room -= len(s.lines[turn])
				keep[i]++
				fits = true
			}
		}
	}
	return keep
}

// render is the page with the first keep[i] lines of each section. The line
// that counts the others is longest when there is none: a page never grows by
// more than the lines that are kept.
func (p mdPage) render(keep []int) string {
	var b strings.Builder
	b.WriteString(p.head + p.reasons + p.table + p.lines)
	for i, s := range p.sections {
		b.WriteString(s.open)
		b.WriteString(strings.Join(s.lines[:keep[i]], ""))
		if rest := len(s.lines) - keep[i]; rest > 0 {
			fmt.Fprintf(&b, mdLeftOut, rest)
		}
		b.WriteString(s.close)
	}
	b.WriteString(p.notes + p.foot)
	return b.String()
}

func mdReasons(v *gates.Verdict) string {
	if len(v.Reasons) == 0 {
		return ""
	}
	return "\n" + mdBullets(v.Reasons)
}

// mdNext is what to do about a run that is no pass.
func mdNext(v *gates.Verdict) string {
	what := ""
	switch v.Decision {
	case gates.Pass:
		return ""
	case gates.Fail:
		what = "mend what is listed below, and push again."
	default:
		what = "something that had to be looked at could not be, so this is no pass. Take the cause away, and run it again."
	}
	return "\n**What to do:** " + what + " The same on your machine: " + mdCode(repeatCommand(v)) + "\n"
}

// newWords says what a change adds; nothing where there is no base.
func newWords(v *gates.Verdict) string {
	if v.Base == "" {
		return ""
	}
	var t tally
	for _, g := range v.Gates {
		n := count(g.Findings)
		t.total, t.fresh = t.total+n.total, t.fresh+n.fresh
	}
	return fmt.Sprintf("\nNew against the base: %s. There before: %d.\n", gates.Plural(t.fresh, "finding"), t.total-t.fresh)
}

// mdBullets is a list of short texts, cut with a count.
func mdBullets(texts []string) string {
	var b strings.Builder
	for i, s := range texts {
		if i == mdList {
			fmt.Fprintf(&b, mdLeftOut, len(texts)-i)
			break
		}
		b.WriteString("- " + mdText(s) + "\n")
	}
	return b.String()
}

func mdTable(v *gates.Verdict) string {
	if len(v.Gates) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n| | Gate | Findings | New | Examined | Time |\n|---|---|---:|---:|---|---:|\n")
	for _, g := range byStatus(v) {
		fmt.Fprintf(&b, "| %s %s | %s | %s |\n", statusSign(g.Status), g.Status, mdCell(mdCode(g.ID)), mdRow(g))
	}
	return b.String()
}

// byStatus are the gates, those first that somebody has to do something about.
func byStatus(v *gates.Verdict) (list []*gates.GateVerdict) {
	for _, status := range []gates.Status{gates.StatusFail, gates.StatusError, gates.StatusPass, gates.StatusSkipped} {
		for i := range v.Gates {
			if v.Gates[i].Status == status {
				list = append(list, &v.Gates[i])
			}
		}
	}
	return list
}

// mdRow is the rest of a gate's row: counts, what was examined, time; of a gate
// that was skipped, the reason.
func mdRow(g *gates.GateVerdict) string {
	if g.Status == gates.StatusSkipped {
		return "| | " + mdCell(mdText(g.Reason)) + " |"
	}
	t := count(g.Findings)
	return fmt.Sprintf("%d | %d | %s | %s", t.total, t.fresh, examinedWords(g.Examined), timeAndCache(g))
}

// mdSections are the gates with something to see: those that failed first, and
// open. Why a gate could not decide is among the reasons or the warnings.
func mdSections(v *gates.Verdict) []mdSection {
	var failed, others []mdSection
	for i := range v.Gates {
		g := &v.Gates[i]
		list := listed(g.Findings)
		switch {
		case g.Status == gates.StatusFail:
			failed = append(failed, newMDSection(g, list, " open"))
		case len(list) > 0:
			others = append(others, newMDSection(g, list, ""))
		}
	}
	return append(failed, others...)
}

func newMDSection(g *gates.GateVerdict, list []gates.Judged, open string) mdSection {
	var s mdSection
	what := g.Reason
	if what == "" {
		what = foundWords(count(g.Findings))
	}
	// A summary is HTML. Within code, nobody's name is called.
	s.open = fmt.Sprintf("\n<details%s><summary>%s <b>%s</b>: <code>%s</code></summary>\n\n",
		open, statusSign(g.Status), html.EscapeString(g.ID), html.EscapeString(cut(visible(what), mdMessage)))
	if g.Status == gates.StatusFail {
		s.open += "Blocks: " + whyBlocks(g) + ".\n\n"
	}
	for _, f := range list {
		s.lines = append(s.lines, mdFinding(f))
	}
	if rest := len(g.Findings) - len(list); rest > 0 {
		s.close = fmt.Sprintf("\n%s not listed: older than the change, or waived.\n", gates.Plural(rest, "finding"))
	}
	if g.Help != "" {
		s.close += "\nWhat to do: " + mdText(g.Help) + "\n"
	}
	s.close += "\n</details>\n"
	return s
}

// mdFinding is one finding on one line.
func mdFinding(f gates.Judged) string {
	var b strings.Builder
	b.WriteString("- ")
	if p := place(f.Finding); p != "" {
		b.WriteString(mdCode(p) + " ")
	}
	if f.Commit != "" {
		b.WriteString("in commit " + mdCode(shortID(f.Commit)) + " ")
	}
	b.WriteString(string(f.Severity) + " " + mdCode(f.Rule) + ": " + mdText(message(f.Finding)))
	if !f.Blocking {
		b.WriteString(" (does not block)")
	}
	return b.String() + "\n"
}

// mdNotes are the warnings, what the change does to the policy, and the markers
// it adds.
func mdNotes(v *gates.Verdict) string {
	var weakened, added []string
	for _, w := range v.Policy.Weakened {
		weakened = append(weakened, fmt.Sprintf("%s: %s → %s", w.Key, w.Base, w.Head))
	}
	for _, s := range v.SuppressionsAdded {
		added = append(added, fmt.Sprintf("%s:%d %s", showPath(s.Path), s.Line, s.Marker))
	}
	var b strings.Builder
	for _, n := range []struct {
		title string
		texts []string
	}{
		{"The change weakens the policy (" + weakenedCounts(v.Policy) + ")", weakened},
		{"The change adds markers that make tools look away", added},
		{"Warnings", v.Warnings},
	} {
		if len(n.texts) > 0 {
			b.WriteString("\n**" + n.title + "**\n\n" + mdBullets(n.texts))
		}
	}
	return b.String()
}

// mdFoot says what was judged, and by what.
func mdFoot(v *gates.Verdict) string {
	var parts []string
	for _, p := range []struct{ word, text string }{
		{"tree", shortID(v.Tree)}, {"compared with", shortID(v.Base)}, {"policy", v.Policy.Source},
	} {
		if p.text != "" {
			parts = append(parts, p.word+" "+mdCode(cut(p.text, mdMessage)))
		}
	}
	return "\n" + strings.Join(append(parts, timeWords(v.DurationMS)), " · ") + "\n"
}

func decisionSign(d gates.Decision) string {
	switch d {
	case gates.Pass:
		return "✅"
	case gates.Fail:
		return "❌"
	}
	return "⚠️"
}

func statusSign(s gates.Status) string {
	switch s {
	case gates.StatusPass:
		return "✅"
	case gates.StatusFail:
		return "❌"
	case gates.StatusSkipped:
		return "➖"
	}
	return "⚠️"
}

// mdCode is s as a code span: the only place in Markdown where nothing has a
// meaning, neither a tag nor @somebody nor #123 nor a link.
func mdCode(s string) string {
	s = visible(s)
	if strings.TrimSpace(s) == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 || s[0] == ' ' && s[len(s)-1] == ' ' {
		s = " " + s + " "
	}
	return fence + s + fence
}

// mdCell is a code span in a table, where a pipe ends the cell even in code.
func mdCell(code string) string { return strings.ReplaceAll(code, "|", `\|`) }

var (
	// mdProse is text in which no character has a meaning in Markdown or HTML.
	mdProse = lazyregexp.New(`^\p{L}[\p{L}\p{N} .,;:'"()/%+=?-]*$`)
	// mdLinked is what GitHub makes a link of, all the same, and what a runner may take for a command.
	mdLinked = lazyregexp.New(`//|::|(?i:www\.)|(?i:\bgh-[0-9])|(?i:\b[0-9a-f]{7,}\b)`)
)

// mdText is s as prose where that is safe, and as a code span where it is not.
func mdText(s string) string {
	s = cut(visible(s), mdMessage)
	if mdProse.MatchString(s) && !mdLinked.MatchString(s) {
		return s
	}
	return mdCode(s)
}
