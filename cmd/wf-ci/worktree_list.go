package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/worktree"
)

type worktreeListCmd struct {
	at
	lookups
	Names bool `help:"Names only, one a line, without looking at anything else (for completion)."`
}

func (c *worktreeListCmd) Run(ctx context.Context, a *app) error {
	if c.Names && !c.JSON {
		return c.names(ctx, a)
	}
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		list, err := p.List(ctx)
		if err != nil {
			return err
		}
		if err := a.lookUp(ctx, p, list, c.lookups); err != nil {
			return err
		}
		return a.showList(p, list, c.at)
	})
}

// names prints the names, from git's own files where that can be.
func (c *worktreeListCmd) names(ctx context.Context, a *app) error {
	names, ok := worktree.Names(inside(a.dir, c.Dir))
	if ok {
		return a.nameLines(names)
	}
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		names, err := p.Names(ctx)
		if err != nil {
			return err
		}
		return a.nameLines(names)
	})
}

func (a *app) nameLines(list []string) error {
	var b strings.Builder
	for _, line := range list {
		b.WriteString(report.Visible(line) + "\n")
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

type worktreeSyncCmd struct {
	at
	lookups
}

func (c *worktreeSyncCmd) Run(ctx context.Context, a *app) error {
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		list, err := p.Sync(ctx)
		if err != nil {
			return err
		}
		if err := a.lookUp(ctx, p, list, c.lookups); err != nil {
			return err
		}
		return a.showList(p, list, c.at)
	})
}

// showList adds what other parts of the program know, and prints. A worktree
// that could not be looked at makes the status inconclusive.
func (a *app) showList(p *worktree.Project, list *worktree.List, where at) error {
	if err := a.addCosts(p, list); err != nil {
		a.say(fmt.Sprintf("note: no costs: %v", err))
	}
	show := a.printList
	if where.JSON {
		show = func(list *worktree.List) error { return writeJSON(a.rawOut, list) }
	}
	err := show(list)
	if err == nil {
		err = listStatus(list)
	}
	return err
}

// listStatus is inconclusive where something could not be looked at or tested,
// and no where a test does not pass.
func listStatus(list *worktree.List) error {
	var no error
	for _, it := range list.Items {
		switch {
		case it.Error != "":
			return undecided{fmt.Errorf("%s could not be looked at: %s", report.Visible(it.Name), visibleLines(it.Error))}
		case it.Tests != nil && it.Tests.State == "error":
			return undecided{fmt.Errorf("%s: the test could not be run: status %d", report.Visible(it.Name), it.Tests.Exit)}
		case it.Tests != nil && it.Tests.State == "fail":
			no = refused{}
		}
	}
	return no
}

// addCosts sums what the ledgers of the main worktree and of the others say about
// each branch.
func (a *app) addCosts(p *worktree.Project, list *worktree.List) error {
	var all []costs.Entry
	for _, it := range list.Items {
		dir := filepath.Join(it.Path, "costs")
		if _, err := os.Stat(filepath.Join(dir, "entries")); err != nil {
			continue
		}
		entries, err := costs.Ledger{Dir: dir, Lock: filepath.Join(p.Common, ".wf-ci-costs")}.Entries()
		if err != nil {
			return err
		}
		all = append(all, entries...)
	}
	all, err := costs.Once(all)
	if err != nil {
		return err
	}
	sums := make(map[string]costs.Nano)
	for _, e := range all {
		sums[e.Branch] += e.USD
	}
	for i := range list.Items {
		if sum, ok := sums[list.Items[i].Branch]; ok && list.Items[i].Branch != "" {
			list.Items[i].Cost = sum.String()
		}
	}
	return nil
}

// column is one of the table.
type column struct {
	title string
	of    func(worktree.Item) string
}

// columns are those of a list: what nobody knows has none.
func columns(list *worktree.List) []column {
	name := func(it worktree.Item) string {
		if it.Main {
			return list.Project + " (main)"
		}
		return it.Name
	}
	all := []column{
		{"NAME", name}, {"BRANCH", branchOf}, {"PORTS", func(it worktree.Item) string { return ports(it.Ports) }},
		{"COMMITS", commitsOf}, {"CHANGES", changesOf}, {"AGE", ageOf}, {"TODO", todoOf}, {"COST", costOf},
	}
	if slices.ContainsFunc(list.Items, func(it worktree.Item) bool { return it.Tests != nil }) {
		all = append(all, column{"TESTS", testsOf})
	}
	if list.PullRequests.Known {
		all = append(all, column{"PULL REQUEST", pullOf})
	}
	return all
}

// table writes a list's columns.
func (a *app) table(list *worktree.List) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	all := columns(list)
	row := make([]string, len(all))
	for i, c := range all {
		row[i] = c.title
	}
	fmt.Fprintln(w, strings.Join(row, "\t"))
	for _, it := range list.Items {
		for i, c := range all {
			row[i] = report.Visible(c.of(it))
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// printList is the list as a table, and what is worth a line of its own.
func (a *app) printList(list *worktree.List) error {
	if err := a.table(list); err != nil {
		return err
	}
	for _, it := range list.Items {
		for _, line := range remarks(it) {
			fmt.Fprintf(a.stdout, "%s: %s\n", report.Visible(it.Name), report.Visible(line))
		}
	}
	next := "none is free"
	if len(list.NextPorts) > 0 {
		next = ports(list.NextPorts)
	}
	_, err := fmt.Fprintf(a.stdout, "active %d of %d · next ports %s · compared with %s\n", list.Active, list.MaxActive, next, report.Visible(list.Target))
	return err
}

func branchOf(it worktree.Item) string {
	if it.Branch == "" {
		return "(detached)"
	}
	return it.Branch
}

func commitsOf(it worktree.Item) string {
	var parts []string
	for _, p := range []struct {
		n    int
		sign string
	}{{it.Ahead, "+"}, {it.Behind, "-"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%s%d", p.sign, p.n))
		}
	}
	if len(parts) == 0 {
		return "="
	}
	return strings.Join(parts, " ")
}

func changesOf(it worktree.Item) string {
	switch {
	case it.Error != "":
		return "?"
	case it.Status == "missing" || it.Status == "orphaned":
		return it.Status
	case it.Operation != "":
		return it.Operation + " in progress"
	case it.Changes.Any():
		return it.Changes.String()
	}
	return "-"
}

func testsOf(it worktree.Item) string {
	if it.Tests == nil {
		return "-"
	}
	return it.Tests.State
}

func ageOf(it worktree.Item) string {
	if it.LastCommit.IsZero() && it.Created.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%d d", it.AgeDays)
}

func todoOf(it worktree.Item) string {
	if it.Todos.Total == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", it.Todos.Done, it.Todos.Total)
}

func costOf(it worktree.Item) string {
	if it.Cost == "" {
		return "-"
	}
	return "$" + it.Cost
}

// remarks are what is worth a line of its own.
func remarks(it worktree.Item) []string {
	var lines []string
	if it.Stale {
		what := []string{fmt.Sprintf("idle %d d", it.AgeDays)}
		if it.Cost != "" {
			what = append(what, "$"+it.Cost+" spent")
		}
		if it.Unpushed > 0 {
			what = append(what, fmt.Sprintf("%d unpushed", it.Unpushed))
		}
		lines = append(lines, strings.Join(what, ", ")+": "+it.Advice)
	}
	if it.Hint != "" {
		lines = append(lines, it.Hint)
	}
	for _, b := range it.Todos.Blockers {
		lines = append(lines, "blocked: "+b)
	}
	if it.Status == "locked" {
		lines = append(lines, strings.TrimSuffix("locked: "+it.Reason, ": "))
	}
	switch {
	case it.Registered || it.Main:
	case worktree.Scratch(it.Path, it.Branch):
		lines = append(lines, "of a wf-ci command that is at work, or was killed; wf-ci worktree doctor takes it away then")
	default:
		lines = append(lines, "made by another tool; wf-ci worktree adopt takes it in")
	}
	return lines
}

type worktreeStatusCmd struct {
	at
	Plan string `arg:"" help:"Feature plan, as wf-ci feature plan reads it: tasks with id, title, needs, hours, agent."`
}

func (c *worktreeStatusCmd) Run(ctx context.Context, a *app) error {
	tasks, done, err := a.readPlan(c.Plan)
	if err != nil {
		return err
	}
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		list, err := p.List(ctx)
		if err != nil {
			return err
		}
		merged, err := p.MergedBranches(ctx)
		if err != nil {
			return err
		}
		states := worktree.TaskStates(tasks, list, func(b string) bool { return done[b] || merged(b) })
		if c.JSON {
			return writeJSON(a.rawOut, map[string]any{"tasks": states})
		}
		w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "TASK\tSTATE\tDONE\tWAITS FOR\tAGENT")
		for _, s := range states {
			fmt.Fprintf(w, "%s\t%s\t%d %%\t%s\t%s\n", report.Visible(s.ID), s.State, s.Percent, report.Visible(dash(strings.Join(s.Waits, ", "))), report.Visible(dash(s.Agent)))
		}
		return w.Flush()
	})
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// readPlan reads the tasks of a feature plan, and which of them it says are done.
func (a *app) readPlan(name string) (tasks []worktree.Task, done map[string]bool, err error) {
	f, err := a.readTasks(inside(a.dir, name), name, "")
	if err != nil {
		return nil, nil, err
	}
	done = make(map[string]bool)
	for _, t := range f.Tasks {
		tasks = append(tasks, worktree.Task{ID: t.ID, Title: t.Title, Needs: t.Needs, Hours: t.Hours.Float(), Agent: t.Agent})
		done["feature/"+t.ID] = t.Done
	}
	return tasks, done, nil
}

// sheet makes the task sheet from the flags; nil: none was asked for.
func (c *worktreeSpawnCmd) sheet(a *app) (*worktree.Sheet, error) {
	if len(c.Task) == 0 && c.Plan == "" && c.Agent == "" {
		return nil, nil
	}
	s := &worktree.Sheet{Title: c.Name, Agent: c.Agent}
	for _, text := range c.Task {
		s.Tasks = append(s.Tasks, worktree.Task{Title: text})
	}
	if c.Plan == "" {
		return s, nil
	}
	tasks, _, err := a.readPlan(c.Plan)
	if err != nil {
		return nil, err
	}
	// The task that the worktree is called after, else those of the agent.
	mine := slices.DeleteFunc(slices.Clone(tasks), func(t worktree.Task) bool { return t.ID != c.Name })
	if len(mine) == 0 {
		mine = slices.DeleteFunc(tasks, func(t worktree.Task) bool { return c.Agent == "" || t.Agent != c.Agent })
	}
	if len(mine) == 0 {
		return nil, usagef("%s has no task %q, and none of the agent %q", c.Plan, c.Name, c.Agent)
	}
	if s.Agent == "" {
		s.Agent = mine[0].Agent
	}
	s.Tasks = append(s.Tasks, mine...)
	if len(mine) == 1 && mine[0].Title != "" {
		s.Title = mine[0].Title
	}
	return s, nil
}
