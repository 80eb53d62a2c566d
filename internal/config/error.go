package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error is one mistake in the configuration. Its texts are safe to print:
// control characters are escaped, and what looks like a secret is starred out.
type Error struct {
	File    string // the file's name, or where a value came from ("flag --timeout")
	Line    int    // from 1; zero: the mistake is not in a file
	Col     int    // from 1, in characters
	Message string // one line: what is wrong
	Hint    string // one line: what would be right; may be empty
	Source  string // the line of the file and, under it, a line with a caret; empty behind the first mistakes
}

// Error is the place and the message, the source with its caret, and the hint.
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Col)
	}
	b.WriteString(": " + e.Message)
	if e.Source != "" {
		b.WriteString("\n  " + strings.ReplaceAll(e.Source, "\n", "\n  "))
	}
	if e.Hint != "" {
		b.WriteString("\n  " + e.Hint)
	}
	return b.String()
}

// Errors are all mistakes that were found, in the order of the file.
type Errors []Error

// shown is how many mistakes are printed; more of them help nobody.
const shown = 20

// Error is every mistake after the other, up to a limit.
func (e Errors) Error() string {
	var b strings.Builder
	for i, err := range e {
		if i == shown {
			fmt.Fprintf(&b, "\n... and %d more mistakes", len(e)-shown)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

// Unwrap gives the mistakes to errors.As.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, err := range e {
		errs[i] = err
	}
	return errs
}

// source is the text that errors point into.
type source struct {
	file   string
	lines  []string
	widths map[int]int // in characters, of the lines that were asked for
}

func newSource(file, text string) *source {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return &source{file: escape(file), lines: lines, widths: make(map[int]int)}
}

// errorAt makes an error. The place is moved into the file if it is outside:
// a YAML parser may point behind the end.
func (s *source) errorAt(line, col int, f *fault) Error {
	line = min(max(line, 1), len(s.lines))
	if _, ok := s.widths[line]; !ok {
		s.widths[line] = utf8.RuneCountInString(s.lines[line-1])
	}
	col = min(max(col, 1), s.widths[line]+1)
	return Error{File: s.file, Line: line, Col: col, Message: f.message, Hint: f.hint}
}

// finish puts errors in the order of the file and adds the source to those
// that are printed: with thousands of them on one long line, all would take
// minutes. A place that is reached through several aliases is reported once.
func (s *source) finish(errs Errors) Errors {
	slices.SortFunc(errs, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Message, b.Message))
	})
	errs = slices.Compact(errs)
	for i := range min(len(errs), shown) {
		errs[i].Source = excerpt(s.lines[errs[i].Line-1], errs[i].Col)
	}
	return errs
}
