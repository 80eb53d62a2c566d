package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/checkpoints"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/agents"
	"github.com/wf-ci/wf-ci/workflow/feature"
	"github.com/wf-ci/wf-ci/worktree"
)

// featureFlags are those of every command about one feature.
type featureFlags struct {
	at
	planFlags
	Name string `arg:"" help:"Name of the feature, as for brief."`
	Plan string `placeholder:"FILE" help:"Its plan. Default: plan.yml or plan.md beside its brief."`
}

// openPlan reads the feature's plan, from below dir; nil: there is none.
func (c featureFlags) openPlan(a *app, dir string) (*feature.File, error) {
	if c.Plan != "" {
		return a.readTasks(inside(a.dir, c.Plan), c.Plan, c.Tag)
	}
	for _, name := range []string{"plan.yml", "plan.yaml", "plan.json", "plan.md"} {
		path, err := featureFile(c.Name, name)
		if err != nil {
			return nil, err
		}
		if _, err := os.Lstat(filepath.Join(dir, path)); err == nil {
			return a.readTasks(filepath.Join(dir, path), filepath.ToSlash(path), c.Tag)
		}
	}
	return nil, nil
}

// worktreeOf is the worktree of a task: its id where that tells enough, else
// with the feature's name before it.
func worktreeOf(name, id string) string {
	plain := !strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' })
	if plain && strings.ContainsFunc(id, unicode.IsLetter) && !strings.HasPrefix(id, "-") {
		return id
	}
	return feature.Slug(name) + "-" + feature.Slug(id)
}

// states puts the plan beside the worktrees.
func (c featureFlags) states(ctx context.Context, p *worktree.Project, f *feature.File) ([]worktree.TaskState, *worktree.List, error) {
	list, err := p.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	merged, err := p.MergedBranches(ctx)
	if err != nil {
		return nil, nil, err
	}
	var tasks []worktree.Task
	done := make(map[string]bool)
	for _, t := range f.Tasks {
		w := worktree.Task{ID: worktreeOf(c.Name, t.ID), Title: t.Title, Hours: t.Hours.Float(), Agent: t.Agent}
		for _, n := range t.Needs {
			w.Needs = append(w.Needs, worktreeOf(c.Name, n))
		}
		tasks = append(tasks, w)
		done["feature/"+w.ID] = t.Done
	}
	return worktree.TaskStates(tasks, list, func(b string) bool { return done[b] || merged(b) }), list, nil
}

type featureStartCmd struct {
	featureFlags
	From   string `placeholder:"REV" help:"Revision to start from. Default: the default branch."`
	Limit  int    `placeholder:"N" help:"Start so many at most. Default: as many as may be active."`
	DryRun bool   `help:"Only say what would be started."`
}

// startedTask is a task that has a worktree now.
type startedTask struct {
	Task  string             `json:"task"`
	Agent string             `json:"agent,omitempty"`
	Tree  *worktree.Spawned  `json:"worktree,omitempty"`
	sheet *worktree.Sheet    // what is to be done
	name  string             // of the worktree
	state worktree.TaskState // before
}

func (c *featureStartCmd) Run(ctx context.Context, a *app) error {
	if c.Limit < 0 {
		return usagef("--limit %d: want 1 or more", c.Limit)
	}
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		f, err := c.openPlan(a, p.Main)
		if err == nil && f == nil {
			err = usagef("the feature %q has no plan: write plan.yml beside its brief, or give --plan", c.Name)
		}
		if err != nil {
			return err
		}
		if _, err := feature.NewPlan("the plan", f.Tasks); err != nil {
			return usageError{visibleLines(err.Error())}
		}
		states, list, err := c.states(ctx, p, f)
		if err != nil {
			return err
		}
		room := max(0, list.MaxActive-list.Active)
		if c.Limit > 0 {
			room = min(room, c.Limit)
		}
		ready, waiting, err := c.ready(a, p, f, states)
		if err != nil {
			return err
		}
		left := len(ready) - min(room, len(ready))
		ready = ready[:len(ready)-left]
		spawned, err := c.spawn(ctx, p, ready)
		c.tell(a, spawned, left, waiting)
		return err
	})
}

// ready are the tasks that can begin, with their sheets.
func (c *featureStartCmd) ready(a *app, p *worktree.Project, f *feature.File, states []worktree.TaskState) (ready []startedTask, waiting int, err error) {
	h, err := a.agents(agentsOptions{Dir: p.Main})
	if err != nil {
		return nil, 0, err
	}
	for i, s := range states {
		if s.State == "waiting" {
			waiting++
		}
		if s.State != "ready" {
			continue
		}
		t := f.Tasks[i]
		agent := t.Agent
		if by := feature.PhaseAgents(t.Phase); agent == "" && len(by) > 0 {
			agent = by[0]
		}
		if agent == "" {
			agent = h.router.Route(agents.Request{Task: cmp.Or(t.Title, t.ID)}).Agent
		}
		one := startedTask{Task: t.ID, name: s.ID, state: s}
		if agent != "" {
			one.Agent = h.callNow(agent)
		}
		one.sheet = &worktree.Sheet{Title: strings.TrimSuffix(t.ID+": "+t.Title, ": "), Agent: one.Agent}
		one.sheet.Tasks = append(one.sheet.Tasks, worktree.Task{Title: cmp.Or(t.Title, t.ID), Hours: t.Hours.Float(), Needs: t.Needs})
		for _, step := range t.Steps {
			one.sheet.Tasks = append(one.sheet.Tasks, worktree.Task{Title: step})
		}
		ready = append(ready, one)
	}
	return ready, waiting, nil
}

// spawn makes the worktrees, in the plan's order. What was made before an error
// stays, and is told.
func (c *featureStartCmd) spawn(ctx context.Context, p *worktree.Project, ready []startedTask) ([]startedTask, error) {
	for i := range ready {
		if c.DryRun {
			continue
		}
		s, err := p.Spawn(ctx, worktree.SpawnOptions{Name: ready[i].name, From: c.From, Env: worktree.EnvCopy, Sheet: ready[i].sheet})
		if err != nil {
			return ready[:i], fmt.Errorf("task %q: %w", ready[i].Task, err)
		}
		ready[i].Tree = s
	}
	return ready, nil
}

func (c *featureStartCmd) tell(a *app, list []startedTask, left, waiting int) {
	if c.JSON {
		if list == nil {
			list = []startedTask{}
		}
		_ = writeJSON(a.rawOut, map[string]any{"started": list, "ready": left, "waiting": waiting, "dry_run": c.DryRun})
		return
	}
	for _, s := range list {
		line := s.Task + ": would be started"
		if s.Tree != nil {
			line = fmt.Sprintf("%s: %s on %s, ports %s", s.Task, s.Tree.Path, s.Tree.Branch, ports(s.Tree.Ports))
			a.notes(s.Tree.Notes)
		}
		if s.Agent != "" {
			line += ", " + s.Agent
		}
		fmt.Fprintln(a.stdout, report.Visible(line))
	}
	fmt.Fprintf(a.stdout, "%s started; %d more could begin, %d wait for others\n", gates.Plural(len(list), "task"), left, waiting)
}

type featureStatusCmd struct {
	featureFlags
	Gates bool `help:"Run the gates, and say what they say."`
}

// featureStanding is what feature status prints as JSON.
type featureStanding struct {
	Feature  string               `json:"feature"`
	Phase    string               `json:"phase"`
	Phases   []feature.PhaseState `json:"phases"`
	Tasks    []worktree.TaskState `json:"tasks"`
	Cost     costs.Nano           `json:"cost"`
	Estimate costs.Nano           `json:"estimate"`
	Over     bool                 `json:"over_estimate"`
	Reasons  []string             `json:"reasons"` // of the gates
}

func (c *featureStatusCmd) Run(ctx context.Context, a *app) error {
	return a.on(ctx, c.at, func(p *worktree.Project) error {
		s := featureStanding{Feature: c.Name, Tasks: []worktree.TaskState{}, Reasons: []string{}}
		facts := feature.Facts{}
		if err := c.documents(p.Main, &facts); err != nil {
			return err
		}
		f, err := c.openPlan(a, p.Main)
		var usage usageError
		switch {
		case errors.As(err, &usage):
			facts.Problem = usage.message
		case err != nil:
			return err
		case f != nil:
			if err := c.tasks(ctx, p, f, &facts, &s); err != nil {
				return err
			}
		}
		if err := c.gates(ctx, a, &facts, &s); err != nil {
			return err
		}
		if err := c.money(ctx, a, f, &s); err != nil {
			return err
		}
		s.Phase, s.Phases = feature.Stand(facts)
		if c.JSON {
			return writeJSON(a.rawOut, s)
		}
		printFeature(a, s)
		return nil
	})
}

// documents looks at what is written.
func (c *featureStatusCmd) documents(dir string, facts *feature.Facts) error {
	path, err := featureFile(c.Name, "BRIEF.md")
	if err != nil {
		return err
	}
	if data, err := readFile(filepath.Join(dir, path), path, feature.MaxFile); err == nil {
		facts.Brief, facts.Open = true, strings.Count(string(data), feature.Open)
	}
	_, err = os.Lstat(filepath.Join(dir, filepath.Dir(path), "CHECKLIST.md"))
	facts.Ship = err == nil
	return nil
}

func (c *featureStatusCmd) tasks(ctx context.Context, p *worktree.Project, f *feature.File, facts *feature.Facts, s *featureStanding) error {
	if _, err := feature.NewPlan("the plan", f.Tasks); err != nil {
		facts.Problem = err.Error()
		return nil
	}
	facts.Plan = true
	states, _, err := c.states(ctx, p, f)
	if err != nil {
		return err
	}
	s.Tasks = states
	for i, t := range states {
		facts.Tasks++
		facts.Percent += t.Percent
		database := f.Tasks[i].Phase == "database"
		if database {
			facts.Database++
		}
		switch t.State {
		case "merged":
			facts.Merged++
			if database {
				facts.DatabaseMerged++
			}
		case "in progress":
			facts.Working++
		case "waiting":
			facts.Waiting++
		}
	}
	facts.Percent /= max(1, facts.Tasks)
	return nil
}

// gates runs the gate for approvals, or all of them.
func (c *featureStatusCmd) gates(ctx context.Context, a *app, facts *feature.Facts, s *featureStanding) error {
	o := options{dir: c.Dir, only: []string{checkpoints.ID}}
	if c.Gates {
		o.only = nil
	}
	v, _, _, err := a.judge(ctx, o)
	if errors.As(err, new(usageError)) && !c.Gates {
		facts.Schema = "skipped" // the policy does not ask for this gate
		return nil
	}
	if err != nil {
		return err
	}
	facts.Schema = "skipped"
	for _, g := range v.Gates {
		if g.ID == checkpoints.ID {
			facts.Schema = string(schemaStatus(&g))
		}
	}
	if c.Gates {
		facts.Gates, s.Reasons = string(v.Decision), v.Reasons
	}
	return nil
}

// schemaStatus is what the gate says of schemas: that a fix has no report, or a
// decision no approval, is no matter of theirs.
func schemaStatus(g *gates.GateVerdict) gates.Status {
	if g.Status == gates.StatusFail && !slices.ContainsFunc(g.Findings, func(f gates.Judged) bool { return strings.HasPrefix(f.Rule, string(checkpoints.Schema)) }) {
		return gates.StatusPass
	}
	return g.Status
}

// money is what the feature has cost so far, against its estimate.
func (c *featureStatusCmd) money(ctx context.Context, a *app, f *feature.File, s *featureStanding) error {
	b, done, err := a.openBooks(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	b.at = a.now()
	if s.Cost, err = c.spent(b, f); err != nil || f == nil {
		return err
	}
	e, err := estimateOf(b, f, b.budget.Budgets.Daily.Soft)
	if err != nil {
		return err
	}
	s.Estimate, s.Over = e.Total, s.Cost > e.Total
	return nil
}

// spent is the sum of what the ledger has under the feature's name, and under
// those of its tasks' branches.
func (c featureFlags) spent(b *books, f *feature.File) (sum costs.Nano, err error) {
	names := map[string]bool{c.Name: true, feature.Slug(c.Name): true}
	if f != nil {
		for _, t := range f.Tasks {
			names[worktreeOf(c.Name, t.ID)] = true
		}
	}
	all, err := b.ledger.Entries()
	if err != nil {
		return 0, undecided{err}
	}
	for _, e := range all {
		if names[e.Feature] && e.Task != researchTask {
			sum += e.USD
		}
	}
	return sum, nil
}

func printFeature(a *app, s featureStanding) {
	fmt.Fprintln(a.stdout, report.Visible(fmt.Sprintf("%s is in the phase %s", s.Feature, s.Phase)))
	for _, p := range s.Phases {
		fmt.Fprintln(a.stdout, report.Visible(a.redactor.Redact(fmt.Sprintf("  %-9s %-8s %s", p.Phase, p.State, p.Says))))
	}
	for _, t := range s.Tasks {
		line := fmt.Sprintf("  task %s: %s, %d %%", t.ID, t.State, t.Percent)
		if len(t.Waits) > 0 {
			line += ", waits for " + strings.Join(t.Waits, ", ")
		}
		fmt.Fprintln(a.stdout, report.Visible(line))
	}
	for _, r := range s.Reasons {
		fmt.Fprintln(a.stdout, report.Visible(a.redactor.Redact("  because: "+r)))
	}
	over := ""
	if s.Over {
		over = ": above the estimate"
	}
	fmt.Fprintf(a.stdout, "cost $%s of $%s estimated%s\n", s.Cost, s.Estimate, over)
}
