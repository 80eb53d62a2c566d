package github

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
)

// markdown is the report in at most limit bytes.
func markdown(v *gates.Verdict, limit int, around report.Surroundings) (string, error) {
	var b bytes.Buffer
	if err := report.MarkdownWith(limit, around)(&b, v); err != nil {
		return "", err
	}
	return b.String(), nil
}

// headline is the verdict in one line of plain text.
func headline(v *gates.Verdict) string {
	s := string(v.Decision)
	if len(v.Reasons) > 0 {
		s += ": " + v.Reasons[0]
		if more := len(v.Reasons) - 1; more > 0 {
			s += " (and " + gates.Plural(more, "reason") + " more)"
		}
	}
	return cut(report.Visible(s), 140)
}

// cut is s in at most n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	return string(runes[:n-1]) + "…"
}

// runeStart is the largest length, at most n, that cuts no rune in two.
func runeStart(s string, n int) int {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return min(n, len(s))
}

// plainPath says whether a path can be in JSON as it is, and in an address.
func plainPath(p string) bool {
	return utf8.ValidString(p) && !strings.ContainsFunc(p, unicode.IsControl) && !strings.HasPrefix(p, "/")
}
