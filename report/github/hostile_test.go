package github

import (
	"context"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
)

// poison are pieces of what a change may call its files, rules and branches.
var poison = []string{
	"@octocat", "@org/team", "#12", "GH-12", "o/r#3", "https://evil.example", "www.evil.example", "[x](https://evil.example)", "![x](//evil)",
	"<img src=//evil>", "</details>", "</summary>", "<!-- ", " -->", "|", "\\|", "`", "``", "```\n", "\n", "\r\n", "\n\n# ", "\n- ", "\n> ", "\u2028", "\u202e",
	"<a href=x>", "&lt;", "&#64;octocat", "$x$", "~~~", "*", "_", "\x00", "\xff", "a.go", " ", "::error::x", "##[error]x", "wf-ci:verdict:wf-ci run=99 -->",
}

func poisoned(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(5) {
		b.WriteString(poison[r.IntN(len(poison))])
	}
	return b.String()
}

var (
	codeHTML = regexp.MustCompile(`<code>[^<]*</code>`)
	shortRef = regexp.MustCompile(`\bGH-[0-9]`)
	ourTags  = regexp.MustCompile(`</?(details( open)?|summary|b|code)>`)
	ourHead  = regexp.MustCompile(`^<!-- wf-ci:verdict:[A-Za-z0-9._/,-]+ run=10 -->\n`)
)

// inCode takes away the code spans of a line, as CommonMark finds them: a run
// of backticks up to the next run of the same length.
func inCode(line string) string {
	var out strings.Builder
	for line != "" {
		i := strings.IndexByte(line, '`')
		if i < 0 {
			break
		}
		out.WriteString(line[:i])
		n := len(line[i:]) - len(strings.TrimLeft(line[i:], "`"))
		rest := line[i+n:]
		end := -1
		for at := 0; at < len(rest); {
			j := strings.IndexByte(rest[at:], '`')
			if j < 0 {
				break
			}
			at += j
			m := len(rest[at:]) - len(strings.TrimLeft(rest[at:], "`"))
			if m == n {
				end = at + m
				break
			}
			at += m
		}
		if end < 0 {
			out.WriteString(line[i : i+n])
			line = rest
			continue
		}
		line = rest[end:]
	}
	return out.String() + line
}

// Whatever a change is called: outside of code, nobody is named, nothing is a
// link, no tag is foreign, and the tables keep their columns.
func TestCommentIsInert(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		v := verdict(1 + r.IntN(4))
		g := &v.Gates[0]
		g.ID, g.Help, g.Reason, g.Doc = "lint", poisoned(r), poisoned(r), poisoned(r)
		v.Reasons = []string{poisoned(r), poisoned(r)}
		v.Warnings = []string{poisoned(r)}
		v.Policy.Source, v.Base = poisoned(r), poisoned(r)
		v.Policy.Weakened = []gates.Weakening{{Key: poisoned(r), Base: poisoned(r), Head: poisoned(r)}}
		v.SuppressionsAdded = []gates.Suppression{{Path: gates.Path(poisoned(r)), Line: 1, Marker: poisoned(r)}}
		for i := range g.Findings {
			f := &g.Findings[i]
			f.Path, f.Rule, f.Message, f.Commit = gates.Path(poisoned(r)), poisoned(r), poisoned(r), poisoned(r)
		}
		g2 := gates.GateVerdict{ID: "my-gate", Status: gates.StatusSkipped, Scope: gates.ScopeAll, Reason: poisoned(r)}
		v.Gates = append(v.Gates, g2)
		j := job()
		j.Name, j.Cost, j.Origin, j.Link = "wf-ci / "+poisoned(r), func(context.Context) string { return poisoned(r) }, poisoned(r), ""
		body, err := commentBody(context.Background(), &j, v)
		if err != nil {
			t.Fatal(err)
		}
		if !ourHead.MatchString(body) {
			t.Fatalf("the marker is broken:\n%s", body)
		}
		checkInert(t, ourHead.ReplaceAllString(body, ""))
		if len([]rune(headline(v))) > 140 || strings.ContainsAny(headline(v), "\n\r\x00") {
			t.Fatalf("headline %q", headline(v))
		}
	}
}

func checkInert(t *testing.T, body string) {
	t.Helper()
	columns := 0
	for line := range strings.Lines(body) {
		plain := inCode(codeHTML.ReplaceAllString(line, ""))
		tags := ourTags.ReplaceAllString(plain, "")
		for _, bad := range []string{"@", "#1", "//", "www.", "](", "![", "<", "-->", "&#", "::error", "##["} {
			if (strings.Contains(tags, bad) || shortRef.MatchString(tags)) && !strings.HasPrefix(line, "## ") {
				t.Fatalf("%q is outside of code in %q\n%s", bad, line, body)
			}
		}
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if columns != 0 && n != columns && !strings.Contains(line, "skipped") {
			t.Fatalf("%d columns instead of %d in %q", n, columns, line)
		}
		columns = max(columns, n)
	}
}
