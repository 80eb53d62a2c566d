package report

import (
	"strings"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
)

// Style is how a reader's screen is. The caller finds out: this package reads
// no environment. The zero value is plain ASCII.
type Style struct {
	// Color: escape sequences for colours are understood, and wanted.
	Color bool
	// Width of the terminal, in columns; zero: no terminal. [Live] draws on a
	// terminal and writes lines elsewhere; [Text] never cuts a finding.
	Width int
	// Unicode: more than ASCII can be shown, as on a UTF-8 terminal and in the
	// log of a CI service. Without it, other characters appear as escapes.
	Unicode bool
	// Brief leaves out, in [Text], the gates that [Live] has shown for good:
	// those that were skipped, and those that passed without a finding.
	Brief bool
	// Repeat are the flags that a run needs to look at the same again, besides
	// the gates.
	Repeat []string
}

// Colours, as the parameters of an SGR sequence.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint is s in a colour, for readers that want one.
func (st Style) paint(color, s string) string {
	if !st.Color || s == "" || color == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

// clean is s as the reader's screen can show it: one line, and harmless.
func (st Style) clean(s string) string {
	if st.Unicode {
		return visible(s)
	}
	return visibleASCII(s)
}

// pick is the first text for readers of Unicode, the second for the others.
func (st Style) pick(unicode, ascii string) string {
	if st.Unicode {
		return unicode
	}
	return ascii
}

// join puts a list's parts on a line.
func (st Style) join(parts []string) string {
	return strings.Join(parts, st.pick(" · ", ", "))
}

// statusWord is a gate's status as it begins a line, of one width for all.
func (st Style) statusWord(word string) string {
	sign, color := st.pick("! ", ""), yellow
	switch word {
	case string(gates.StatusPass):
		sign, color = st.pick("✓ ", ""), green
	case string(gates.StatusFail):
		sign, color = st.pick("✗ ", ""), red
	case string(gates.StatusSkipped):
		sign, color = st.pick("- ", ""), dim
	}
	return st.paint(color, sign+pad(word, len("skipped")))
}

// pad fills s up to n columns.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s)))
}

// idWidth is the width of the column of gate ids.
func idWidth(ids []string) int {
	const widest = 24
	n := 0
	for _, id := range ids {
		n = max(n, utf8.RuneCountInString(id))
	}
	return min(n, widest)
}

// columns is a bound on the columns that a character takes. Too many only cuts
// a line early; too few would break the line, and with it the picture.
func columns(r rune) int {
	if r < 0x1100 || 0x2000 <= r && r < 0x2300 || 0x2500 <= r && r < 0x2600 || 0x2800 <= r && r < 0x2900 {
		return 1
	}
	return 2
}

// cutColumns is s in at most n columns. It is not for text with colours in it.
func cutColumns(s string, n int) string {
	used := 0
	for i, r := range s {
		if used += columns(r); used > n {
			return s[:i]
		}
	}
	return s
}
