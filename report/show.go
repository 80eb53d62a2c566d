package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
)

// visible is s on one line, with nothing in it that a terminal, a log, a
// parser or a reader's eye would obey: control characters (newlines and escape
// sequences among them), bidirectional overrides, invisible characters and
// bytes that are not UTF-8 appear as Go's escapes (\n, \x1b, \u202e, \xff).
func visible(s string) string { return escape(s, strconv.IsPrint) }

// Visible makes a text of a checkout or of a child process fit to be shown: on
// one line, and harmless to a terminal, a log and a reader's eye.
func Visible(s string) string { return visible(s) }

// visibleASCII is visible for readers that know no more than ASCII.
func visibleASCII(s string) string {
	return escape(s, func(r rune) bool { return ' ' <= r && r <= '~' })
}

func escape(s string, keep func(rune) bool) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !keep(r) }) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case keep(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[n:]
	}
	return b.String()
}

// showPath is a path as people see it: itself, or, where it holds what is not
// printable, in Go's quotes, so that no two paths look the same.
func showPath(p gates.Path) string {
	s := string(p)
	if visible(s) == s && !strings.HasPrefix(s, `"`) {
		return s
	}
	return strconv.Quote(s)
}

// place is path:line:column, as terminals and editors understand it. Empty for
// a finding about the tree as a whole.
func place(f gates.Finding) string { return placeAs(showPath(f.Path), f) }

func placeAs(path string, f gates.Finding) string {
	switch {
	case f.Path == "":
		return ""
	case f.Line == 0:
		return path
	case f.Column == 0:
		return path + ":" + strconv.Itoa(f.Line)
	}
	return fmt.Sprintf("%s:%d:%d", path, f.Line, f.Column)
}

// message is a finding's message on one line, never empty.
func message(f gates.Finding) string {
	if s := visible(strings.TrimSpace(f.Message)); s != "" {
		return s
	}
	return "no message"
}

// shortID is as much of a commit's or a tree's id as people use. Of the hash
// behind -dirty, nothing.
func shortID(id string) string {
	hex, dirty, _ := strings.Cut(visible(id), "-")
	hex = cutBytes(hex, 12)
	if dirty != "" {
		return hex + "-dirty"
	}
	return hex
}

// cut is s in at most n characters, the last of which says that there is more.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n == 1 {
			return s[:i] + "…"
		}
		n--
	}
	return ""
}

// cutBytes is as much of s as fits into n bytes without tearing a character.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n = max(n, 0); n > 0 && !utf8.RuneStart(s[n]); {
		n--
	}
	return s[:n]
}

// foundWords says how many findings there are: "3 findings (2 new)".
func foundWords(t tally) string {
	if t.total == 0 {
		return "no findings"
	}
	return fmt.Sprintf("%s (%d new)", gates.Plural(t.total, "finding"), t.fresh)
}

// examinedWords says what was looked at: "120 files, 30 commits, 88 kB".
func examinedWords(e gates.Examined) string {
	var parts []string
	for _, p := range []struct {
		n    int64
		noun string
	}{{e.Files, "file"}, {e.Commits, "commit"}, {e.Results, "result"}} {
		if p.n != 0 {
			parts = append(parts, gates.Plural(p.n, p.noun))
		}
	}
	if e.Bytes != 0 {
		parts = append(parts, sizeWords(e.Bytes))
	}
	if parts == nil {
		return "nothing examined"
	}
	return strings.Join(parts, ", ")
}

// sizeWords is a size in bytes, in decimal units.
func sizeWords(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// timeWords is a duration in milliseconds, as precise as people care.
func timeWords(ms int64) string {
	switch {
	case ms < 1000:
		return fmt.Sprintf("%d ms", ms)
	case ms < 60_000:
		return fmt.Sprintf("%.1f s", float64(ms)/1000)
	}
	return fmt.Sprintf("%d min %02d s", ms/60_000, ms/1000%60)
}

// timeAndCache is how long a gate took, and whether that was now.
func timeAndCache(g *gates.GateVerdict) string {
	if g.Cached {
		return timeWords(g.Duration) + ", cached"
	}
	return timeWords(g.Duration)
}

// verdictWords counts the gates of a run: "1 failed, 4 passed, 1 skipped".
func verdictWords(v *gates.Verdict) []string {
	n := statuses(v)
	var parts []string
	for _, p := range []struct {
		status gates.Status
		word   string
	}{
		{gates.StatusFail, "failed"}, {gates.StatusError, "could not decide"},
		{gates.StatusPass, "passed"}, {gates.StatusSkipped, "skipped"},
	} {
		if n[p.status] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[p.status], p.word))
		}
	}
	if parts == nil {
		return []string{"no gates"}
	}
	return parts
}

// weakenedCounts says whether what the change weakens has counted in this run:
// on a laptop its own file judges, so that it can be tried.
func weakenedCounts(p gates.PolicyInfo) string {
	if strings.HasPrefix(p.Source, "file:") {
		return "it counts here; a pull request is judged by the one before it"
	}
	return "judged by the one before it"
}

// whyBlocks says why a failed gate's findings block: "2 errors; findings count
// wherever they are (scope all)".
func whyBlocks(g *gates.GateVerdict) string {
	n := make(map[gates.Severity]int)
	for _, f := range g.Findings {
		if f.Blocking {
			n[f.Severity]++
		}
	}
	var parts []string
	for _, s := range gates.Severities() {
		if n[s] > 0 {
			parts = append(parts, gates.Plural(n[s], string(s)))
		}
	}
	where := "findings count wherever they are (scope all)"
	if g.Scope == gates.ScopeChange {
		where = "findings in the change count (scope change)"
	}
	return strings.Join(parts, ", ") + "; " + where
}

// othersWords says how many findings do not block, and how many of them are
// waived. Empty: none.
func othersWords(t tally) string {
	n := t.total - t.blocking
	if n == 0 {
		return ""
	}
	verb := "do"
	if n == 1 {
		verb = "does"
	}
	s := fmt.Sprintf("%s %s not block", gates.Plural(n, "finding"), verb)
	if t.waived > 0 {
		s += fmt.Sprintf(" (%d waived)", t.waived)
	}
	return s
}

// shellWord is an argument as a shell takes it.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./:=@~^,+", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// repeatCommand is the command that runs again what stopped this run, on the
// reader's own machine. Empty: nothing did.
func repeatCommand(v *gates.Verdict) string {
	var ids []string
	for i := range v.Gates {
		if g := &v.Gates[i]; g.Status == gates.StatusFail || undecided(g) {
			ids = append(ids, g.ID)
		}
	}
	switch {
	case ids != nil:
		return "wf-ci local --only " + strings.Join(ids, ",")
	case v.Decision != gates.Pass:
		return "wf-ci local"
	}
	return ""
}
