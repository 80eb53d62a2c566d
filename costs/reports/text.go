package reports

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/report"
)

// Text writes a page for a terminal.
func Text(w io.Writer, p Page) error {
	var b strings.Builder
	for _, text := range p.Lead {
		b.WriteString(plain(text) + "\n")
	}
	for _, f := range p.Figures {
		fmt.Fprintf(&b, "%-24s %10s  %s%s\n", f.Label, f.Value, meter(f.Used), f.Note)
	}
	for _, s := range p.Sections {
		b.WriteString("\n" + plain(s.Title) + "\n")
		s.text(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// meter draws how much of a limit is used.
func meter(percent int) string {
	if percent < 0 {
		return ""
	}
	full := (percent + 5) / 10
	return strings.Repeat("█", full) + strings.Repeat("░", 10-full) + " "
}

func (s Section) text(b *strings.Builder) {
	before := b.Len()
	for _, text := range s.Text {
		b.WriteString("  " + plain(text) + "\n")
	}
	if s.Chart != nil && s.Table == nil || s.Chart != nil && len(s.Chart.Bars) == 24 {
		b.WriteString("  " + sparks(s.Chart.Bars) + "\n")
	}
	if s.Table != nil {
		s.Table.text(b)
	}
	for _, text := range s.Items {
		b.WriteString("  - " + plain(text) + "\n")
	}
	if b.Len() == before {
		b.WriteString("  " + plain(s.Empty) + "\n")
	}
}

// cellLimit is how wide a column of names may be.
const cellLimit = 40

func (t Table) text(b *strings.Builder) {
	rows := make([][]string, 0, len(t.Rows)+1)
	width := make([]int, len(t.Head))
	for _, r := range append([][]string{t.Head}, t.Rows...) {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = fit(plain(c))
			width[i] = max(width[i], utf8.RuneCountInString(cells[i]))
		}
		rows = append(rows, cells)
	}
	for _, r := range rows {
		var line strings.Builder
		for i, c := range r {
			room := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i < t.Left {
				line.WriteString("  " + c + room)
			} else {
				line.WriteString("  " + room + c)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// fit cuts a text to the width of a column.
func fit(s string) string {
	if utf8.RuneCountInString(s) <= cellLimit {
		return s
	}
	return string([]rune(s)[:cellLimit-1]) + "…"
}

// plain is a text on one line that a terminal does not obey.
func plain(text string) string {
	var b strings.Builder
	for _, p := range parts(text) {
		b.WriteString(report.Visible(p.Text))
	}
	return b.String()
}
