package scan

import "strings"

// Added is a part of a text, in whole lines, that holds every run of lines that
// git can show as added to a version before.
//
// Git leaves out the lines at the start and at the end that are the same in
// both, and finds the runs in between. Then it slides them: up by a line, where
// the line above is the same as the run's last, or down by one. The lines of a
// run stay the same lines by that. So a run can only be slid over lines that
// have equals in between, and the part goes as far as these do.
func Added(old, text string) string {
	from := lineStart(text, commonPrefix(old, text))
	to := len(text) - commonLines(old[from:], text[from:])
	if from == to {
		return ""
	}
	in := make(map[string]bool)
	for line := range strings.Lines(text[from:to]) {
		in[line] = true
	}
	for from > 0 {
		start := lineStart(text, from-1)
		if !in[text[start:from]] {
			break
		}
		from = start
	}
	for to < len(text) {
		end := lineEnd(text, to)
		if !in[text[to:end]] {
			break
		}
		to = end
	}
	return text[from:to]
}

// lineStart is where the line begins that a place is in, or behind a newline.
func lineStart(text string, at int) int { return strings.LastIndexByte(text[:at], '\n') + 1 }

// lineEnd is where the line ends that a place is in, its newline with it.
func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// commonLines is how many bytes whole lines at the end take that are the same.
// Both texts begin with a line.
func commonLines(a, b string) int {
	n := commonSuffix(a, b)
	whole := func(s string) bool { return len(s) == n || s[len(s)-n-1] == '\n' }
	if whole(a) && whole(b) {
		return n
	}
	i := strings.IndexByte(b[len(b)-n:], '\n')
	if i < 0 {
		return 0
	}
	return n - i - 1
}
