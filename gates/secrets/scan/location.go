package scan

import "sort"

// newlines are where the lines of a text end.
func newlines(text string) []int {
	var out []int
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			out = append(out, i)
		}
	}
	return out
}

// location is where a match is, as gitleaks counts.
type location struct {
	startLine, endLine, startColumn, endColumn int
	from, to                                   int // of the lines
}

// locate does what gitleaks' loop over all lines does, by halving.
func locate(ends []int, text string, start, end int) location {
	if len(ends) == 0 {
		ends = []int{len(text)}
	}
	lineOf := func(k int) int {
		if k == 0 {
			return 0
		}
		return ends[k-1]
	}
	first := sort.SearchInts(ends, start+1)
	if first == len(ends) {
		return lastLine(ends, text, start, end)
	}
	var l location
	setStart := func() {
		l.startLine, l.endLine = first, first
		l.startColumn = start - lineOf(first) + 1
		l.from, l.to = lineOf(first), ends[first]
	}
	last := sort.SearchInts(ends, end)
	if last < first {
		if end > lineOf(last) {
			l.endColumn = end - lineOf(last)
		}
		setStart()
		return l
	}
	setStart()
	if last < len(ends) && end > lineOf(last) {
		l.endLine, l.endColumn, l.to = last, end-lineOf(last), ends[last]
	}
	return l
}

// lastLine is for a match on a last line without an end.
func lastLine(ends []int, text string, start, end int) location {
	from := ends[len(ends)-1]
	l := location{startLine: len(ends), endLine: len(ends), startColumn: start - from + 1, endColumn: end - from}
	for l.to = end; l.to < len(text) && text[l.to] != '\n' && text[l.to] != '\r'; l.to++ {
	}
	return l
}
