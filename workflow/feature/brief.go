package feature

import (
	"fmt"
	"strings"
	"unicode"
)

// Brief is what is to be built, and why.
type Brief struct {
	Name, Issue, Priority, Effort string
	Problem, Approach             string
	Criteria, In, Out             []string // success criteria, scope
	External, Internal, Risks     []string // a risk: what, and what is done about it
}

// Open stands where a brief says nothing yet. A feature whose brief has one is
// not planned.
const Open = "_to be written_"

// Render is the brief as Markdown. call gives the name that an agent is called
// by here.
func (b Brief) Render(call func(id string) string) string {
	var w strings.Builder
	fmt.Fprintf(&w, "# Feature: %s\n\n", oneLine(b.Name))
	fmt.Fprintf(&w, "**Issue:** %s  \n**Priority:** %s  \n**Estimated effort:** %s\n", or(b.Issue), or(b.Priority), or(b.Effort))
	fmt.Fprintf(&w, "\n## Problem\n\n%s\n\n## Success criteria\n\n%s", or(b.Problem), boxes(b.Criteria))
	fmt.Fprintf(&w, "\n## Scope\n\n### In scope\n\n%s\n### Out of scope\n\n%s", points(b.In), points(b.Out))
	fmt.Fprintf(&w, "\n## Technical approach\n\n%s\n", or(b.Approach))
	fmt.Fprintf(&w, "\n## Dependencies\n\n### External\n\n%s\n### Internal\n\n%s", points(b.External), points(b.Internal))
	fmt.Fprintf(&w, "\n## Risks\n\n%s", points(b.Risks))
	w.WriteString("\n## Agents by phase\n\n| phase | what | agents |\n|---|---|---|\n")
	for _, p := range phases {
		var names []string
		for _, a := range p.agents {
			names = append(names, "`"+call(a)+"`")
		}
		fmt.Fprintf(&w, "| %s | %s | %s |\n", p.name, p.says, strings.Join(names, ", "))
	}
	return w.String()
}

func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

func or(s string) string {
	if s = oneLine(s); s == "" {
		return Open
	}
	return s
}

func points(list []string) string { return listed("- ", list) }

func boxes(list []string) string { return listed("- [ ] ", list) }

func listed(mark string, list []string) string {
	if len(list) == 0 {
		list = []string{Open}
	}
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%s%s\n", mark, or(s))
	}
	return b.String()
}

// Slug is a feature's name as a folder; empty: it has no letter or digit.
func Slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimPrefix(name, "feature/")) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() > 80 {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}
