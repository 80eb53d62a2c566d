package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
)

func TestMDCode(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {"  ", ""}, {"a", "`a`"}, {"a`b", "`` a`b ``"}, {"`", "`` ` ``"}, {"a```b`", "```` a```b` ````"},
		{" a ", "`  a  `"}, {" a", "` a`"}, {"a\nb", "`a\\nb`"}, {"<b>|@x", "`<b>|@x`"},
	} {
		if got := mdCode(tt.in); got != tt.want {
			t.Errorf("mdCode(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestMDText(t *testing.T) {
	for _, prose := range []string{"AWS access key", "3 errors"[2:], "a (b), c; d: \"e\" f's 1/2 + 3 = 5?", "Größe 日本", "see a.go:3"} {
		if got := mdText(prose); got != prose {
			t.Errorf("mdText(%q) = %s", prose, got)
		}
	}
	for _, risky := range []string{
		"@octocat", "a @octocat", "fixes #12", "GH-12 is", "see gh-7", "https://example.com", "go to www.example.com", "a_b_c", "*a*", "<b>", "a & b",
		"~a~", "[x](y)", "a|b", "a\\b", "- a", "1. a", "# a", "> a", "a\nb", "a `b`", "$x$", "commit 1f0c7d2b9a8e", "a!", "", "a.go::error::x",
	} {
		if got := mdText(risky); got != mdCode(risky) {
			t.Errorf("mdText(%q) = %s", risky, got)
		}
	}
}

var (
	mdSpan    = regexp.MustCompile("(?:^|[^`])(`+)") // where a code span begins
	mdElement = regexp.MustCompile(`<code>[^<]*</code>`)
)

// outside is a page without its code: of Markdown's spans and of HTML.
func outside(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "<details") {
			line = mdElement.ReplaceAllString(line, "")
		}
		for {
			at := mdSpan.FindStringSubmatchIndex(line)
			if at == nil {
				break
			}
			fence := line[at[2]:at[3]]
			end := regexp.MustCompile("[^`](" + fence + ")(?:[^`]|$)").FindStringSubmatchIndex(line[at[3]:])
			if end == nil {
				t.Fatalf("a span that does not end: %q", line)
			}
			b.WriteString(line[:at[2]])
			line = line[at[3]+end[3]:]
		}
		b.WriteString(line)
	}
	return b.String()
}

var mdTags = regexp.MustCompile(`</?(?:details|details open|summary|b)>`)

// checkInert looks for anything that GitHub would act on outside of code.
func checkInert(t *testing.T, page string) {
	t.Helper()
	rest := mdTags.ReplaceAllString(outside(t, page), "")
	rest = strings.TrimPrefix(rest, "## ") // our heading
	if i := strings.IndexAny(rest, "@#<>&[]\\_~$`"); i >= 0 {
		t.Errorf("outside of code: %q\nin %s", rest[max(0, i-20):min(len(rest), i+20)], page)
	}
}

func TestMarkdownInert(t *testing.T) {
	checkInert(t, render(t, Markdown, fixture()))
	checkInert(t, render(t, Markdown, hostileVerdict(hostile, hostile, hostile, hostile)))
}

func FuzzMarkdown(f *testing.F) {
	f.Add("a.go", "E1", "message", "reason", 500)
	f.Add("a`b", "```", "` `` `", hostile, 5)
	f.Fuzz(func(t *testing.T, path, rule, message, reason string, limit int) {
		v := hostileVerdict(path, rule, message, reason)
		checkInert(t, render(t, Markdown, v))
		page := render(t, MarkdownLimit(limit), v)
		if limit > 0 && len(page) > limit || !utf8.ValidString(page) {
			t.Errorf("limit %d: %d bytes", limit, len(page))
		}
	})
}

func TestMarkdownLimit(t *testing.T) {
	v := fixture()
	full := render(t, Markdown, v)
	for limit := 1; limit < len(full)+100; limit += 29 {
		page := render(t, MarkdownLimit(limit), v)
		switch {
		case len(page) > limit || !utf8.ValidString(page):
			t.Fatalf("limit %d: %d bytes", limit, len(page))
		case strings.Count(page, "<details") != strings.Count(page, "</details>"):
			t.Fatalf("limit %d: a section is cut through", limit)
		case limit >= len(full) && page != full:
			t.Fatalf("limit %d: cut, though there is room", limit)
		}
		if limit > 100 && !strings.HasPrefix(page, "## ❌ wf-ci: fail\n") {
			t.Fatalf("limit %d: no verdict: %s", limit, page)
		}
		checkLeftOut(t, v, page)
	}
}

// checkLeftOut: what is listed and what is said to be left out are all.
func checkLeftOut(t *testing.T, v *gates.Verdict, page string) {
	t.Helper()
	for _, part := range strings.Split(page, "<details")[1:] {
		id := regexp.MustCompile(`<b>([a-z-]+)</b>`).FindStringSubmatch(part)[1]
		left := 0
		if m := regexp.MustCompile(`… (\d+) more`).FindStringSubmatch(strings.Split(part, "</details>")[0]); m != nil {
			fmt.Sscan(m[1], &left)
		}
		shown := len(regexp.MustCompile("(?m)^- .*(?:error|warning|note) `").FindAllString(strings.Split(part, "</details>")[0], -1))
		for _, g := range v.Gates {
			if g.ID == id && shown+left != len(listed(g.Findings)) {
				t.Fatalf("%s: %d shown, %d left out, of %d", id, shown, left, len(listed(g.Findings)))
			}
		}
	}
}

// TestMarkdownFair: a gate with many findings does not hide one with few.
func TestMarkdownFair(t *testing.T) {
	v := fixture()
	lint := lintGate()
	for range 10 {
		lint.Findings = append(lint.Findings, lint.Findings...)
	}
	v.Gates = []gates.GateVerdict{lint, historyGate()}
	page := render(t, MarkdownLimit(60_000), v)
	if !strings.Contains(page, "old/config.yml:7:1") || len(page) < 59_000 || len(page) > 60_000 {
		t.Errorf("%d bytes, history shown: %v", len(page), strings.Contains(page, "old/config.yml"))
	}
}

func BenchmarkMarkdownLimit(b *testing.B) {
	v := fixture()
	lint := lintGate()
	for range 12 {
		lint.Findings = append(lint.Findings, lint.Findings...)
	}
	v.Gates = append(v.Gates, lint)
	for b.Loop() {
		if err := MarkdownLimit(1_000_000)(io.Discard, v); err != nil {
			b.Fatal(err)
		}
	}
}
