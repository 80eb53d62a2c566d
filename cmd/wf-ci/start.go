package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/session"
)

// startCmd begins the day.
type startCmd struct {
	Dir      string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	JSON     bool   `name:"json" xor:"form" help:"Write JSON to stdout."`
	Markdown bool   `xor:"form" help:"Write Markdown, for an agent to read."`
	NoChecks bool   `help:"Leave the quick checks of env files and dependencies out."`
	Todos    bool   `help:"Write the queue to .claude/todos.json as well."`
}

func (c *startCmd) Run(ctx context.Context, a *app) error {
	prefs, notes := a.preferences()
	desk, close, err := a.desk(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer close()
	if !c.NoChecks {
		desk.Checks = a.quickChecks(desk)
	}
	day, err := session.Start(ctx, desk.Desk)
	if err != nil {
		return err
	}
	day.Notes = append(day.Notes, notes...)
	if c.Todos || prefs.AutoCreateTodos {
		a.remember(desk, "todos", "the todos of a day")
		if err := desk.WriteTodos(day.Todos); err != nil {
			day.Notes = append(day.Notes, "todos not written: "+a.redactor.Redact(err.Error()))
		}
	}
	day.Notes = append(day.Notes, a.startScript(ctx, desk)...)
	if !prefs.showCosts() {
		day.Costs = nil
	}
	switch form := cmp.Or(prefs.StartDayFormat, "standard"); {
	case c.JSON || !c.Markdown && form == "json":
		return writeJSON(a.rawOut, day)
	default:
		view := session.View{Markdown: c.Markdown || form == "markdown", Brief: form == "brief", NoCosts: !prefs.showCosts()}
		return day.Write(a.stdout, view)
	}
}

// desk is a [session.Desk] and what else the commands of a day need.
type desk struct {
	session.Desk
	runner  *run.Runner
	scratch string
	trees   bool // there are worktrees, or a registry
}

// desk opens the project in a directory. What is no repository is one too.
func (a *app) desk(ctx context.Context, dir string) (*desk, func(), error) {
	p, done, err := a.place(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	d := &desk{scratch: p.scratch, runner: p.runner}
	d.Desk = session.Desk{
		Dir: p.dir, Project: session.ProjectName(p.dir), Repo: p.repo, Now: a.now(), Mask: a.prose, FreeMemory: meminfo("MemAvailable:"),
	}
	if d.Repo != nil {
		d.Worktrees = a.noWorktrees(ctx, d.Dir)
		if d.trees = a.hasWorktrees(d.Repo.GitDir); d.trees {
			d.Worktrees = a.dayWorktrees(d.Dir)
		}
	}
	d.Route = a.dayRoute(d.Dir)
	d.Costs = func(context.Context) (*session.Costs, error) { return a.costContext(d) }
	return d, done, nil
}

// costContext is where the budget stands.
func (a *app) costContext(d *desk) (*session.Costs, error) {
	b := &books{}
	if d.Repo != nil {
		b.gitDir = d.Repo.GitDir
	}
	if err := b.read(d.Dir); err != nil {
		return nil, err
	}
	all, err := b.ledger.Entries()
	if err != nil {
		return nil, err
	}
	standing := b.budget.Standing(all, b.zone, d.Now)
	month := standing[2]
	c := &session.Costs{
		Known: len(all) > 0, Today: standing[0].Spent, MTD: month.Spent, Budget: month.Soft, Percent: month.Percent, Remaining: month.Soft - month.Spent,
		PerTask: perTask(all),
	}
	c.Alerts = session.Alerts(c)
	return c, nil
}

// perTask is what the tasks that the ledger names have cost on average.
func perTask(all []costs.Entry) *costs.Nano {
	tasks := make(map[string]bool)
	var sum costs.Nano
	for _, e := range all {
		if e.Task != "" {
			tasks[e.Task] = true
			sum += e.USD
		}
	}
	if len(tasks) == 0 {
		return nil
	}
	average := sum / costs.Nano(len(tasks))
	return &average
}

// preferences are the user's, above the team's.
type preferences struct {
	StartDayFormat  string `json:"start_day_format"`
	ShowCosts       *bool  `json:"show_costs"`
	AutoCreateTodos bool   `json:"auto_create_todos"`
}

func (p preferences) showCosts() bool { return p.ShowCosts == nil || *p.ShowCosts }

// formats are what start_day_format may be.
var startFormats = []string{"standard", "brief", "markdown", "json"}

// preferences reads the team's file and the user's, as data: a key of the
// user's counts. One that cannot be read is a note.
func (a *app) preferences() (p preferences, notes []string) {
	paths := []string{cmp.Or(a.getenv("WF_CI_TEAM_CONFIG"), "/opt/claude/team-config.json")}
	if home := a.getenv("HOME"); filepath.IsAbs(home) {
		paths = append(paths, filepath.Join(home, ".claude", "preferences.json"))
	}
	for _, path := range paths {
		data, err := optional(path)
		next := p
		if err == nil && data != nil {
			err = json.Unmarshal(data, &next)
		}
		if err == nil && next.StartDayFormat != "" && !slices.Contains(startFormats, next.StartDayFormat) {
			err = fmt.Errorf("start_day_format %q: want one of %v", next.StartDayFormat, startFormats)
		}
		if err != nil {
			notes = append(notes, "preferences passed over: "+a.redactor.Redact(fmt.Sprintf("%s: %v", path, err)))
			continue
		}
		p = next
	}
	return p, notes
}
