package debug

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// text makes what a user wrote harmless within a line of Markdown.
func text(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer("<", "&lt;", "|", "\\|", "`", "'").Replace(s)
}

// WhyText is the chain of whys.
func (s *Session) WhyText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Five whys: %s\n\n", text(s.Title))
	what := s.Title
	for i, w := range s.Whys {
		fmt.Fprintf(&b, "%d. Why: %s?\n   %s\n   Evidence: %s\n", i+1, text(strings.TrimRight(what, ".?!")), text(w.Answer), text(w.Evidence))
		what = w.Answer
	}
	if len(s.Whys) >= 5 {
		fmt.Fprintf(&b, "\n**Root cause:** %s\n", text(s.Whys[len(s.Whys)-1].Answer))
	} else {
		fmt.Fprintf(&b, "\n%d of 5 whys are answered.\n", len(s.Whys))
	}
	return b.String()
}

// Bones are the fishbone's usual categories, in order.
var Bones = []string{"Environment", "People", "Methods", "Materials", "Technology"}

// bones are the categories that have factors, the usual ones first.
func (s *Session) bones() []string {
	out := slices.Clone(Bones)
	for _, f := range s.Factors {
		if !slices.Contains(out, f.Category) {
			out = append(out, f.Category)
		}
	}
	return slices.DeleteFunc(out, func(c string) bool {
		return !slices.ContainsFunc(s.Factors, func(f Factor) bool { return f.Category == c })
	})
}

// FishboneText is the fishbone as an indented list.
func (s *Session) FishboneText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", text(s.Title))
	for _, bone := range s.bones() {
		fmt.Fprintf(&b, "├─ %s\n", text(bone))
		for _, f := range s.Factors {
			if f.Category == bone {
				fmt.Fprintf(&b, "│   └─ %s\n", text(f.Text))
			}
		}
	}
	return b.String()
}

// Fishbone is the fishbone as a Mermaid diagram.
func (s *Session) Fishbone() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	fmt.Fprintf(&b, "  problem[\"%s\"]\n", label(s.Title))
	for i, bone := range s.bones() {
		fmt.Fprintf(&b, "  c%d[\"%s\"] --> problem\n", i, label(bone))
		for j, f := range s.Factors {
			if f.Category == bone {
				fmt.Fprintf(&b, "  f%d[\"%s\"] --> c%d\n", j, label(f.Text), i)
			}
		}
	}
	return b.String()
}

// label is a text between quotes in Mermaid.
func label(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer("#", "#35;", "\"", "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;").Replace(s)
}

// Report is the debug report in Markdown.
func (s *Session) Report() string {
	var b strings.Builder
	section := func(title string) { fmt.Fprintf(&b, "\n## %s\n\n", title) }
	list := func(items []string, empty string) {
		if len(items) == 0 {
			fmt.Fprintf(&b, "%s\n", empty)
		}
		for i, item := range items {
			fmt.Fprintf(&b, "%d. %s\n", i+1, text(item))
		}
	}
	or := func(s, empty string) string {
		if s == "" {
			return empty
		}
		return text(s)
	}
	fmt.Fprintf(&b, "# Debug report: %s\n\n", text(s.Title))
	fmt.Fprintf(&b, "- Session: %s\n- Severity: %s\n- Started: %s\n", text(s.ID), text(s.Severity), stamp(s.Started))
	if s.Head != "" {
		fmt.Fprintf(&b, "- At commit: %s\n", text(s.Head))
	}
	if s.Fix != nil {
		fmt.Fprintf(&b, "- Resolved: %s, after %s\n", stamp(s.Fix.At), s.Fix.At.Sub(s.Started).Round(time.Minute))
	} else {
		b.WriteString("- Resolved: not yet\n")
	}
	section("Issue")
	fmt.Fprintf(&b, "%s\n\n- Expected: %s\n- Actual: %s\n", or(s.Evidence.Issue, "Not recorded."), or(s.Evidence.Expected, "not recorded"), or(s.Evidence.Actual, "not recorded"))
	section("Reproduction")
	list(s.Evidence.Steps, "Not recorded.")
	section("Environment")
	list(s.Evidence.Environment, "Not recorded.")
	if len(s.Evidence.Notes) > 0 {
		section("Observations")
		list(s.Evidence.Notes, "")
	}
	section("Hypotheses")
	s.hypotheses(&b)
	section("Root cause")
	fmt.Fprintf(&b, "%s\n", s.cause())
	if len(s.Whys) > 0 {
		b.WriteString("\n#" + s.WhyText())
	}
	if len(s.Factors) > 0 {
		section("Contributing factors")
		fmt.Fprintf(&b, "```mermaid\n%s```\n", s.Fishbone())
	}
	section("Solution")
	fix := s.Fix
	if fix == nil {
		fix = &Fix{}
	}
	fmt.Fprintf(&b, "%s\n", or(fix.What, "None yet."))
	if fix.Commit != "" {
		fmt.Fprintf(&b, "\nCommit: %s\n", text(fix.Commit))
	}
	section("Prevention")
	fmt.Fprintf(&b, "%s\n", or(fix.Prevention, "Not recorded."))
	section("Lessons learned")
	fmt.Fprintf(&b, "%s\n", or(fix.Lesson, "Not recorded."))
	section("Evidence trail")
	for _, e := range s.Trail {
		fmt.Fprintf(&b, "- %s: %s\n", stamp(e.At), text(e.What))
	}
	return b.String()
}

func (s *Session) hypotheses(b *strings.Builder) {
	if len(s.Hypotheses) == 0 {
		b.WriteString("None.\n")
		return
	}
	b.WriteString("| | hypothesis | points | evidence | test | verdict |\n|---|---|---|---|---|---|\n")
	for _, h := range s.Ranked() {
		verdict := strings.ToUpper(string(h.Status))
		if h.Because != "" {
			verdict += ": " + text(h.Because)
		}
		fmt.Fprintf(b, "| %s | %s | %d | %s | %s | %s |\n", h.ID, text(h.Text), h.Points(), text(strings.Join(h.Evidence, "; ")), text(h.Method), verdict)
	}
}

// cause is what is known of the cause.
func (s *Session) cause() string {
	var out []string
	for _, h := range s.Hypotheses {
		if h.Status == Confirmed {
			out = append(out, fmt.Sprintf("%s (%s): %s", text(h.Text), h.ID, text(h.Because)))
		}
	}
	if len(out) == 0 {
		return "Not found yet."
	}
	return strings.Join(out, "\n\n")
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
