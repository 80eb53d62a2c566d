package reports

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/wf-ci/wf-ci/report"
)

// Markdown writes a page for a repository or a comment.
func Markdown(w io.Writer, p Page) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", md(p.Title))
	for _, text := range p.Lead {
		fmt.Fprintf(&b, "\n%s\n", md(text))
	}
	if len(p.Figures) > 0 {
		b.WriteByte('\n')
	}
	for _, f := range p.Figures {
		fmt.Fprintf(&b, "- **%s**: %s (%s)\n", md(f.Label), md(f.Value), md(f.Note))
	}
	for _, s := range p.Sections {
		fmt.Fprintf(&b, "\n## %s\n\n", md(s.Title))
		b.WriteString(s.markdown())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Section) markdown() string {
	var blocks []string
	for _, text := range s.Text {
		blocks = append(blocks, md(text)+"\n")
	}
	if s.Chart != nil && s.Table == nil {
		blocks = append(blocks, "`"+sparks(s.Chart.Bars)+"`\n")
	}
	if s.Table != nil {
		blocks = append(blocks, s.Table.markdown())
	}
	var items strings.Builder
	for _, text := range s.Items {
		items.WriteString("- " + md(text) + "\n")
	}
	if items.Len() > 0 {
		blocks = append(blocks, items.String())
	}
	if len(blocks) == 0 {
		blocks = append(blocks, md(s.Empty)+"\n")
	}
	return strings.Join(blocks, "\n")
}

func (t Table) markdown() string {
	var b strings.Builder
	row := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + strings.ReplaceAll(md(c), "|", `\|`) + " ")
		}
		b.WriteString("|\n")
	}
	row(t.Head)
	for i := range t.Head {
		if i < t.Left {
			b.WriteString("| --- ")
		} else {
			b.WriteString("| ---: ")
		}
	}
	b.WriteString("|\n")
	for _, r := range t.Rows {
		row(r)
	}
	return b.String()
}

// md is a text in which only its own words have a meaning: names of others are
// code spans, where neither a tag nor a link nor @somebody is one.
func md(text string) string {
	var b strings.Builder
	for _, p := range parts(text) {
		if p.Name {
			b.WriteString(codeSpan(report.Visible(p.Text)))
		} else {
			b.WriteString(html.EscapeString(p.Text))
		}
	}
	return strings.ReplaceAll(b.String(), "&#39;", "'")
}

// codeSpan is s as a code span, whatever is in it.
func codeSpan(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 || strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") {
		s = " " + s + " "
	}
	return fence + s + fence
}
