package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
)

func TestVisible(t *testing.T) {
	for _, tt := range []struct{ in, want, ascii string }{
		{"plain text", "plain text", "plain text"},
		{"a\nb\tc\rd", `a\nb\tc\rd`, `a\nb\tc\rd`},
		{"\x1b[31mred\x07", `\x1b[31mred\a`, `\x1b[31mred\a`},
		{"\u009b31m", `\u009b31m`, `\u009b31m`},
		{"caf\xe9", `caf\xe9`, `caf\xe9`},
		{"ü 日", "ü 日", `\u00fc \u65e5`},
		{"a\u202eb\u200bc\u2028d\ufeff", `a\u202eb\u200bc\u2028d\ufeff`, `a\u202eb\u200bc\u2028d\ufeff`},
		{"\U000E0041", `\U000e0041`, `\U000e0041`},
		{"\ufffd", "\ufffd", `\ufffd`},
	} {
		if got := visible(tt.in); got != tt.want {
			t.Errorf("visible(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if got := visibleASCII(tt.in); got != tt.ascii {
			t.Errorf("visibleASCII(%q) = %q, want %q", tt.in, got, tt.ascii)
		}
	}
}

func TestPlace(t *testing.T) {
	for _, tt := range []struct {
		f    gates.Finding
		want string
	}{
		{gates.Finding{}, ""},
		{gates.Finding{Line: 3}, ""},
		{gates.Finding{Path: "a.go"}, "a.go"},
		{gates.Finding{Path: "a.go", Column: 3}, "a.go"},
		{gates.Finding{Path: "a b.go", Line: 3}, "a b.go:3"},
		{gates.Finding{Path: "a.go", Line: 3, Column: 7}, "a.go:3:7"},
		{gates.Finding{Path: `"a"`, Line: 3}, `"\"a\"":3`},
		{gates.Finding{Path: "a\n"}, `"a\n"`},
	} {
		if got := place(tt.f); got != tt.want {
			t.Errorf("place(%+v) = %s, want %s", tt.f, got, tt.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 1, ""}, {"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"äöü", 2, "ä…"}, {"ab", 1, "…"}, {"ab", 0, ""},
	} {
		if got := cut(tt.in, tt.n); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestCutBytes(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"aä", 2, "a"}, {"日", 2, ""}, {"abc", -1, ""},
	} {
		if got := cutBytes(tt.in, tt.n); got != tt.want {
			t.Errorf("cutBytes(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestCutUTF16(t *testing.T) {
	for _, in := range []string{"", "abcdef", "äöüäöü", "😀😀😀", "a😀b😀c", "日本語日本語"} {
		units := len(utf16.Encode([]rune(in)))
		for n := 1; n <= units+1; n++ {
			got := cutUTF16(in, n)
			switch size := len(utf16.Encode([]rune(got))); {
			case size > n || !utf8.ValidString(got):
				t.Errorf("cutUTF16(%q, %d) = %q", in, n, got)
			case n >= units && got != in, n < units && !strings.HasSuffix(got, "…"):
				t.Errorf("cutUTF16(%q, %d) = %q", in, n, got)
			}
		}
	}
}

func TestCutColumns(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"日本", 3, "日"}, {"日本", 4, "日本"}, {"é…", 2, "é…"}, {"⠋ x", 3, "⠋ x"}, {"abc", 0, ""},
	} {
		if got := cutColumns(tt.in, tt.n); got != tt.want {
			t.Errorf("cutColumns(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestWords(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{sizeWords(999), "999 B"}, {sizeWords(88_211), "88 kB"}, {sizeWords(1_250_000), "1.2 MB"}, {sizeWords(3_000_000_000), "3.0 GB"},
		{timeWords(0), "0 ms"}, {timeWords(999), "999 ms"}, {timeWords(1000), "1.0 s"}, {timeWords(125_000), "2 min 05 s"},
		{shortID(headID), "1f0c7d2b9a8e"}, {shortID("abc"), "abc"}, {shortID(headID + "-dirty-0123"), "1f0c7d2b9a8e-dirty"},
		{examinedWords(gates.Examined{}), "nothing examined"}, {examinedWords(gates.Examined{Files: 1, Commits: 2}), "1 file, 2 commits"},
		{othersWords(tally{total: 2, blocking: 2}), ""}, {othersWords(tally{total: 3, blocking: 2}), "1 finding does not block"},
		{repeatCommand(&gates.Verdict{Decision: gates.Pass}), ""}, {repeatCommand(&gates.Verdict{Decision: gates.Inconclusive}), "wf-ci local"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

// TestRank holds the order to what a sort needs, and to its meaning.
func TestRank(t *testing.T) {
	waived := &gates.WaiverUse{}
	ordered := []gates.Judged{
		{Finding: gates.Finding{Path: "b", Severity: gates.SeverityError}, New: true, Blocking: true},
		{Finding: gates.Finding{Path: "a", Severity: gates.SeverityError}, Blocking: true},
		{Finding: gates.Finding{Path: "a", Severity: gates.SeverityWarning}, New: true, Blocking: true},
		{Finding: gates.Finding{Path: "a", Line: 1, Severity: gates.SeverityError}},
		{Finding: gates.Finding{Path: "a", Line: 2, Severity: gates.SeverityError}},
		{Finding: gates.Finding{Path: "b", Severity: gates.SeverityWarning}, New: true},
		{Finding: gates.Finding{Path: "a", Severity: gates.SeverityWarning}},
		{Finding: gates.Finding{Path: "a", Severity: gates.SeverityNote}, New: true},
		{Finding: gates.Finding{Path: "a", Severity: gates.SeverityError}, New: true, Waiver: waived},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			got := Rank(a, b)
			if (i < j) != (got < 0) || (i == j) != (got == 0) {
				t.Errorf("%d, %d: %d", i, j, got)
			}
		}
	}
}

// What is listed for people, and what is cut, is in one order.
func TestEveryListIsRanked(t *testing.T) {
	var found []gates.Judged
	// By path, as a gate has them: what to look at first is last.
	for i, s := range []gates.Severity{gates.SeverityNote, gates.SeverityWarning, gates.SeverityError} {
		for _, blocking := range []bool{false, true} {
			for _, isNew := range []bool{false, true} {
				name := fmt.Sprintf("%d-%t-%t", i, blocking, isNew)
				found = append(found, gates.Judged{
					Finding: gates.Finding{Rule: "r", Severity: s, Path: gates.Path(name), Line: 1, Message: "at " + name}, New: isNew, Blocking: blocking,
				})
			}
		}
	}
	v := &gates.Verdict{Decision: gates.Fail, Gates: []gates.GateVerdict{{ID: "g", Status: gates.StatusFail, Findings: found}}}
	want := []string{
		"2-true-true", "2-true-false", "1-true-true", "1-true-false", "0-true-true", "0-true-false", // blocking
		"2-false-true", "2-false-false", "1-false-true", "1-false-false", "0-false-true", "0-false-false",
	}
	named := regexp.MustCompile(`at (\d-\w+-\w+)`)
	for name, format := range map[string]Format{
		"text": Text(Style{}), "markdown": Markdown, "cut": MarkdownLimit(900), "html": HTML, "junit": JUnit, "sarif": SARIF,
	} {
		var got []string
		for _, m := range named.FindAllStringSubmatch(render(t, format, v), -1) {
			if len(got) == 0 || got[len(got)-1] != m[1] {
				got = append(got, m[1])
			}
		}
		rest := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return !slices.Contains(got, s) })
		if len(got) < 4 || !slices.Equal(got, rest) || rest[0] != want[0] {
			t.Errorf("%s: %q", name, got)
		}
	}
	list := Annotations(v, 3) // of each level
	if list[0].Path != want[0] || list[2].Path != want[2] || list[4].Path != want[6] || list[5].Path != want[8] {
		t.Errorf("annotations: %+v", list)
	}
}

// FuzzHarmless holds every format for people to write no control character but
// its own newlines, whatever a file is called and a tool says.
func FuzzHarmless(f *testing.F) {
	f.Add("a.go", "E1", "message", "reason")
	f.Add("new\nline", "`", hostile, "\x1b]0;x\x07")
	f.Add("caf\xe9", "|", "\u202e\u2028\u0085\u009b", "</code></summary><script>")
	f.Fuzz(func(t *testing.T, path, rule, message, reason string) {
		v := hostileVerdict(path, rule, message, reason)
		for name, format := range map[string]Format{
			"text": Text(Style{Unicode: true}), "ascii": Text(Style{}), "markdown": Markdown,
			"cut": MarkdownLimit(400), "junit": JUnit, "html": HTML,
		} {
			got := render(t, format, v)
			if !utf8.ValidString(got) {
				t.Errorf("%s: not UTF-8: %q", name, got)
			}
			if rest := visible(strings.ReplaceAll(got, "\n", "")); rest != strings.ReplaceAll(got, "\n", "") {
				t.Errorf("%s: not harmless: %q", name, got)
			}
		}
		if ascii := render(t, Text(Style{}), v); strings.ContainsFunc(ascii, func(r rune) bool { return r >= utf8.RuneSelf }) {
			t.Errorf("not ASCII: %q", ascii)
		}
		lines := strings.Count(render(t, Text(Style{}), v), "\n")
		if plain := strings.Count(render(t, Text(Style{}), hostileVerdict("a", "b", "c", "d")), "\n"); path != "" && lines != plain {
			t.Errorf("%d lines, not %d: a text has a line of its own", lines, plain)
		}
	})
}

func hostileVerdict(path, rule, message, reason string) *gates.Verdict {
	g := gate("secrets", gates.StatusFail)
	g.Reason, g.Help, g.Doc = reason, "help", reason
	g.Engine = gates.Engine{Name: rule, Version: message}
	g.Rules = []gates.Rule{{ID: rule, Title: message, Help: message, URI: reason}}
	g.Findings = []gates.Judged{
		{Finding: gates.Finding{Rule: rule, Severity: gates.SeverityError, Path: gates.Path(path), Line: 1, Message: message, Fingerprint: reason}, New: true, Blocking: true},
		{Finding: gates.Finding{Rule: rule, Severity: gates.SeverityError, Path: gates.Path(path), Commit: message}, Blocking: true},
	}
	errored := erredGate("sast", true, reason)
	v := fixture()
	v.Gates = []gates.GateVerdict{g, errored}
	v.Gates = append(v.Gates, skippedGate("deps"))
	v.Gates[2].Reason = reason
	v.Reasons, v.Warnings = []string{reason}, []string{message}
	v.SuppressionsAdded = []gates.Suppression{{Path: gates.Path(path), Line: 1, Marker: message}}
	v.Policy.Source, v.Tree, v.Base = reason, message, path
	v.Policy.Weakened = []gates.Weakening{{Key: path, Base: message, Head: reason}}
	return v
}

// What is weakened counts where the change's own file judges, and nowhere else.
func TestWeakenedCounts(t *testing.T) {
	for source, want := range map[string]string{
		"file:.wf-ci.yml":             "it counts here; a pull request is judged by the one before it",
		"base:.wf-ci.yml@9c0217828c6": "judged by the one before it",
		"builtin":                     "judged by the one before it",
	} {
		if got := weakenedCounts(gates.PolicyInfo{Source: source}); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}
