package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/workflow/feature"
)

// featureCmd is about a feature, from its plan until it is shipped.
type featureCmd struct {
	Brief    featureBriefCmd    `cmd:"" help:"Write down what is to be built, and why: BRIEF.md."`
	Agents   featureAgentsCmd   `cmd:"" help:"Show the agents for each phase of the work."`
	Estimate featureEstimateCmd `cmd:"" help:"Reckon what the tasks of a file will cost, at the ledger's rates where it has any."`
	Plan     featurePlanCmd     `cmd:"" help:"Order the tasks of a file: what can be done side by side, the critical path, worktrees, hours."`

	Start  featureStartCmd  `cmd:"" help:"Make worktrees with task sheets for the tasks that can begin."`
	Status featureStatusCmd `cmd:"" help:"Show where a feature stands: phase, tasks, gates, cost against the estimate."`
	Ship   featureShipCmd   `cmd:"" help:"Gates, documents, a conventional commit, push, cost: the feature goes out."`
	Init   featureInitCmd   `cmd:"" help:"Write workflows for GitHub Actions: gates, end of day, deploy after merge."`
}

// planFlags are those of every command that reads a file of tasks.
type planFlags struct {
	Tag string `placeholder:"TAG" help:"Of a tasks.json with several lists this one. Default: master."`
}

// readTasks reads a file of tasks, and says what it left out.
func (a *app) readTasks(path, shown, tag string) (*feature.File, error) {
	data, err := readFile(path, shown, feature.MaxFile)
	if err != nil {
		return nil, err
	}
	f, err := feature.Read(shown, data, tag)
	if err != nil {
		return nil, usageError{visibleLines(err.Error())}
	}
	a.notes(f.Notes)
	return f, nil
}

// readFile reads a regular file of the user's that is not too large.
func readFile(path, shown string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, usagef("%s: there is no such file", shown)
	case err != nil:
		return nil, usagef("%v", err)
	case !info.Mode().IsRegular():
		return nil, usagef("%s is not a regular file", shown)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("%v", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = usagef("%s: above %d MiB", shown, most>>20)
	}
	return data, err
}

type featurePlanCmd struct {
	planFlags
	File    string `arg:"" help:"Tasks with id, title, needs, hours, agent: YAML, Markdown, or task-master's tasks.json."`
	Mermaid bool   `xor:"as" help:"Draw it as a Mermaid flowchart."`
	JSON    bool   `xor:"as" name:"json" help:"Write JSON to stdout."`
}

func (c *featurePlanCmd) Run(a *app) error {
	f, err := a.readTasks(inside(a.dir, c.File), c.File, c.Tag)
	if err != nil {
		return err
	}
	plan, err := feature.NewPlan(c.File, f.Tasks)
	switch {
	case err != nil:
		return usageError{visibleLines(err.Error())}
	case c.JSON:
		return writeJSON(a.rawOut, plan)
	case c.Mermaid:
		var b bytes.Buffer
		if err := plan.Mermaid(&b, f.Tasks); err != nil {
			return usageError{err.Error()}
		}
		_, err := a.stdout.Write(b.Bytes())
		return err
	}
	_, err = io.WriteString(a.stdout, visibleLines(planText(f, plan)))
	return err
}

// planText is a plan for people.
func planText(f *feature.File, p *feature.Plan) string {
	var b strings.Builder
	byID := make(map[string]feature.Task, len(f.Tasks))
	for _, t := range f.Tasks {
		byID[t.ID] = t
	}
	for i, group := range p.Groups {
		fmt.Fprintf(&b, "group %d: %s, %s\n", i+1, gates.Plural(len(group), "worktree"), hoursOf(p.GroupHours[i]))
		for _, id := range group {
			fmt.Fprintf(&b, "  %s\n", taskLine(byID[id]))
		}
	}
	fmt.Fprintf(&b, "critical path: %s (%s)\n", strings.Join(p.Critical, " → "), hoursOf(p.Hours))
	fmt.Fprintf(&b, "%s, %s at once; %s on the critical path, %s group by group, %s of work\n",
		gates.Plural(len(f.Tasks), "task"), gates.Plural(p.Worktrees, "worktree"), hoursOf(p.Hours), hoursOf(p.InGroups()), hoursOf(p.Work))
	if n := len(p.Unestimated); n > 0 {
		fmt.Fprintf(&b, "%s without hours, which count as none: %s\n", gates.Plural(n, "task"), firstOf(p.Unestimated, 10))
	}
	return b.String()
}

func hoursOf(h feature.Hours) string { return h.String() + " h" }

func taskLine(t feature.Task) string {
	line := t.ID
	if t.Title != "" {
		line += ": " + t.Title
	}
	if t.Hours > 0 {
		line += ", " + hoursOf(t.Hours)
	}
	if len(t.Needs) > 0 {
		line += ", needs " + strings.Join(t.Needs, ", ")
	}
	if t.Agent != "" {
		line += ", " + t.Agent
	}
	if t.Done {
		line += ", done"
	}
	return line
}

// firstOf names some of a list.
func firstOf(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}
