package session

import (
	"fmt"
	"io"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
)

// View is how a day is shown.
type View struct {
	Markdown bool // for an agent; else for a terminal
	NoCosts  bool
	Brief    bool // what needs attention, no more
}

// paper collects what is shown, in one of the two forms.
type paper struct {
	strings.Builder
	view View
}

// Write shows the day.
func (d *Day) Write(w io.Writer, v View) error {
	p := &paper{view: v}
	p.title(d)
	if d.Git != nil {
		p.git(d.Git)
	}
	p.list("Changed since the context was saved", d.Changed, "- ", "")
	if !v.Brief {
		p.list("Completed (Last Session)", d.Completed, "- [x] ", "nothing is recorded")
	}
	p.progress(d.InProgress)
	p.list("Blockers", d.Blockers, "- [ ] ", "none")
	p.queue(d.Queue)
	if !v.NoCosts {
		p.costs(d.Costs)
	}
	if !v.Brief {
		p.resources(d)
	}
	p.stale(d.Worktrees)
	p.checks(d.Checks)
	p.list("Notes", d.Notes, "- ", "")
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *paper) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *paper) head(title string) {
	if p.view.Markdown {
		p.line("\n### %s", title)
	} else {
		p.line("\n%s", title)
	}
}

// item is a line of a list.
func (p *paper) item(format string, args ...any) {
	lead := "  "
	if p.view.Markdown {
		lead = "- "
	}
	p.line(lead+format, args...)
}

func (p *paper) list(title string, items []string, mark, empty string) {
	if len(items) == 0 && empty == "" {
		return
	}
	p.head(title)
	if len(items) == 0 {
		p.item("%s", empty)
	}
	for _, text := range items {
		if p.view.Markdown {
			p.line("%s%s", mark, text)
		} else {
			p.line("  %s", text)
		}
	}
}

func (p *paper) title(d *Day) {
	branch := "no git"
	if d.Git != nil {
		branch = orNone(d.Git.Branch)
	}
	kind := orNone(strings.Join(d.Types, ", "))
	started := d.Session.Started.In(d.Now.Location()).Format("2006-01-02 15:04")
	if d.Session.Continued {
		started += ", goes on"
	}
	if p.view.Markdown {
		p.line("## Session Start: %s", d.Project)
		p.line("*Branch: %s | Type: %s | Started: %s*", branch, kind, started)
	} else {
		p.line("%s · branch %s · %s · started %s", d.Project, branch, kind, started)
	}
}

func (p *paper) git(g *GitState) {
	p.head("Git Status")
	where := orNone(g.Branch)
	switch {
	case g.Head == "":
		where += " (no commit yet)"
	case g.Against != "":
		where += fmt.Sprintf(" (%d ahead of %s, %d behind)", g.Ahead, g.Against, g.Behind)
	}
	p.item("Current: %s", where)
	p.item("Staged: %s · Unstaged: %s · Untracked: %s", plural(g.Staged, "file"), plural(g.Unstaged, "file"), plural(g.Untracked, "path"))
	if g.Conflicts > 0 {
		p.item("Conflicts: %s", plural(g.Conflicts, "file"))
	}
	for _, c := range g.Commits {
		p.item("%.7s %s (%s)", c.ID, c.Subject, c.Age)
	}
}

func (p *paper) progress(list []Work) {
	p.head("In Progress")
	if len(list) == 0 {
		p.item("nothing")
		return
	}
	if p.view.Markdown {
		for _, line := range workTable(list) {
			p.line("%s", line)
		}
		return
	}
	for _, w := range list {
		text := w.Task
		for _, more := range []string{w.Branch, w.Status} {
			if more != "" {
				text += " · " + more
			}
		}
		if w.Hold != "" {
			text += " · held up by " + w.Hold
		}
		p.item("%s", text)
	}
}

// workTable is the table of what is in progress.
func workTable(list []Work) []string {
	lines := []string{"| Task | Branch/Worktree | Status | Blockers |", "|------|-----------------|--------|----------|"}
	for _, w := range list {
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s |", cell(w.Task), cell(w.Branch), cell(w.Status), cell(orNoneWord(w.Hold))))
	}
	return lines
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func orNoneWord(s string) string {
	if s == "" {
		return "None"
	}
	return s
}

func (p *paper) queue(items []Item) {
	p.head("Today's Priority Queue")
	if len(items) == 0 {
		p.item("empty: TASK.md has no open task, and the context names none")
		return
	}
	for i, item := range items {
		agent := item.Agent
		if agent == "" {
			agent = "no confident match"
		}
		p.line("%d. [AGENT: %s] %s (%.1f)", i+1, agent, item.Task, item.Priority)
		if i < 3 {
			why := item.Why
			if item.Agent != "" && len(item.AgentWhy) > 0 {
				why = append(append([]string{}, why...), "agent: "+strings.Join(item.AgentWhy, ", "))
			}
			p.line("   why: %s", strings.Join(why, "; "))
		}
	}
}

func (p *paper) costs(c *Costs) {
	p.head("Cost Context")
	if c == nil {
		p.item("not known")
		return
	}
	p.item("Today: %s | MTD: %s / %s (%g%%)", c.Today.Cents(), c.MTD.Cents(), c.Budget.Cents(), c.Percent)
	p.item("Remaining budget: %s", c.Remaining.Cents())
	if c.PerTask != nil {
		p.item("Avg cost/task: %s", c.PerTask.Cents())
	}
	for _, a := range c.Alerts {
		p.item("%s: %s", strings.ToUpper(a.Level), a.Message)
	}
}

func (p *paper) resources(d *Day) {
	r := d.Resources
	p.head("Available Resources")
	if d.Git != nil && r.Max > 0 {
		p.item("Worktrees: %d/%d max", r.Active, r.Max)
	}
	if len(r.NextPorts) > 0 {
		p.item("Ports: %s next available", strings.Trim(strings.ReplaceAll(fmt.Sprint(r.NextPorts), " ", ", "), "[]"))
	}
	if r.FreeMemory > 0 {
		p.item("Memory: %.1f GB free", float64(r.FreeMemory)/(1<<30))
	}
}

func (p *paper) stale(list []Worktree) {
	var lines []string
	for _, w := range list {
		if w.Stale {
			lines = append(lines, Clean(w.Name)+": "+w.Advice)
		}
	}
	p.list("Stale Worktrees", lines, "- ", "")
}

func (p *paper) checks(list []Check) {
	var lines []string
	for _, c := range list {
		if c.Status != "ok" {
			lines = append(lines, strings.ToUpper(c.Status)+" "+c.Name+": "+c.Message)
		}
	}
	p.list("Quick Checks", lines, "- ", "")
}

// Alerts are those of a start: above 80 % of the month's budget, below $10.
func Alerts(c *Costs) []costs.Alert {
	alerts := []costs.Alert{}
	if c.Percent > 80 {
		alerts = append(alerts, costs.Alert{Level: "warning", Key: "start/80", Message: fmt.Sprintf("%g %% of the monthly budget is used", c.Percent)})
	}
	if c.Remaining < 10_000_000_000 {
		alerts = append(alerts, costs.Alert{Level: "critical", Key: "start/left", Message: fmt.Sprintf("only $%s of the budget is left", c.Remaining)})
	}
	return alerts
}
