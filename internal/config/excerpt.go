package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Widths, in characters, of what is shown of the user's text.
const (
	maxSource = 200
	maxQuoted = 60
)

// excerpt returns a line of the file and, under it, a caret at the column.
// Long lines are cut around it. Tabs are repeated before the caret, so that it
// stands right however wide they are drawn.
func excerpt(line string, col int) string {
	line, at := around(line, max(col-1, 0))
	text := []rune(mask(line))
	at = min(at, len(text))
	if len(text) > maxSource {
		start := min(max(at-maxSource/2, 0), len(text)-maxSource)
		text, at = cut(text, start, start+maxSource), at-start
	}
	var shown, pad strings.Builder
	for i, r := range text {
		s := visible(r)
		shown.WriteString(s)
		if i >= at {
			continue
		}
		if r == '\t' {
			pad.WriteByte('\t')
			continue
		}
		for _, r := range s {
			pad.WriteString(strings.Repeat(" ", width(r)))
		}
	}
	return shown.String() + "\n" + pad.String() + "^"
}

// around cuts a very long line to what is needed to mask the part that is
// shown, and returns the place in what is left.
func around(line string, at int) (string, int) {
	const margin = 2 * maxSource
	text := []rune(line)
	from := min(max(at-margin, 0), len(text))
	to := min(at+margin, len(text))
	return string(text[from:to]), at - from
}

// cut returns text[from:to], with an ellipsis in place of the first and the
// last character if something is missing there.
func cut(text []rune, from, to int) []rune {
	part := append([]rune(nil), text[from:to]...)
	if from > 0 {
		part[0] = '…'
	}
	if to < len(text) {
		part[len(part)-1] = '…'
	}
	return part
}

// quote shows a value of the user's in a message: short, on one line, and
// without a secret.
func quote(text string) string {
	runes := []rune(text)
	runes = []rune(mask(string(runes[:min(len(runes), 2*maxSource)])))
	if len(runes) > maxQuoted {
		runes = cut(runes, 0, maxQuoted)
	}
	return strconv.Quote(string(runes))
}

// escape makes a text harmless for a terminal.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteString(visible(r))
	}
	return b.String()
}

// visible writes one character so that it can be seen; a tab stays.
func visible(r rune) string {
	switch {
	case r == '\t' || unicode.IsPrint(r):
		return string(r)
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// invisible says whether a character hides itself or turns the text around it:
// what a reviewer reads has to be what is in force.
func invisible(r rune) bool {
	switch {
	case r == 0x85, r == 0x2028, r == 0x2029, r == 0xFEFF:
		return true // line ends to some, nothing to others
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
		return true // direction overrides
	}
	return false
}

// wide are the blocks whose characters take two columns of a terminal.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115F, Stride: 1}, {Lo: 0x2E80, Hi: 0xA4CF, Stride: 1},
		{Lo: 0xAC00, Hi: 0xD7A3, Stride: 1}, {Lo: 0xF900, Hi: 0xFAFF, Stride: 1},
		{Lo: 0xFE30, Hi: 0xFE6F, Stride: 1}, {Lo: 0xFF00, Hi: 0xFF60, Stride: 1},
		{Lo: 0xFFE0, Hi: 0xFFE6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1F300, Hi: 0x1FAFF, Stride: 1}, {Lo: 0x20000, Hi: 0x3FFFD, Stride: 1},
	},
}

// width is the number of columns that a character takes.
func width(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// What looks like a secret. The first group of each is what is starred out.
// The gate named secrets is none.
// A configuration has no place for secrets, but people put them there, and an
// error message ends in a public log.
var secretShapes = []*lazyregexp.Regexp{
	lazyregexp.New(`(?i)(?:(?:token|passw(?:or)?d|pwd|api[_-]?key|private[_-]?key|credential|secret[_-])[a-z0-9_-]*|secret|[_-]secrets)["']?\s*[:=]\s*["']?([^\s"',{}\[\]]{4,})`),
	lazyregexp.New(`\b[A-Za-z_][A-Za-z0-9_]*=["']?([^\s"',]{4,})`),
	lazyregexp.New(`://[^/\s:@]*:([^@\s]+)@`),
	lazyregexp.New(`((?:AKIA|ASIA|gh[opsur]_|github_pat_|glpat-|xox[abeprs]-|sk-|rk_|AIza|npm_|eyJ)[A-Za-z0-9_.-]{8,})`),
	lazyregexp.New(`([A-Za-z0-9_+=-]*[A-Za-z0-9_+/=-]{24,})`),
}

// mask stars out what looks like a secret. It keeps the number of characters.
func mask(text string) string {
	for i, shape := range secretShapes {
		text = maskShape(shape, text, i == len(secretShapes)-1)
	}
	return text
}

func maskShape(shape *lazyregexp.Regexp, text string, mixed bool) string {
	var b strings.Builder
	done := 0
	for _, m := range shape.FindAllStringSubmatchIndex(text, -1) {
		found := text[m[2]:m[3]]
		if mixed && !random(found) {
			continue
		}
		b.WriteString(text[done:m[2]])
		b.WriteString(strings.Repeat("*", len([]rune(found))))
		done = m[3]
	}
	return b.String() + text[done:]
}

// random tells a key from a long word or a path: it has digits and letters,
// and many of both.
func random(text string) bool {
	letters, digits := 0, 0
	for _, r := range text {
		switch {
		case unicode.IsLetter(r):
			letters++
		case unicode.IsDigit(r):
			digits++
		}
	}
	return letters >= 4 && digits >= 4
}
