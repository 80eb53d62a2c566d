package worktree

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Item is one worktree in a list.
type Item struct {
	Name       string    `json:"name"`
	Branch     string    `json:"branch,omitempty"` // empty: detached
	Path       string    `json:"path"`
	Head       string    `json:"head,omitempty"`
	Main       bool      `json:"main,omitempty"`
	Registered bool      `json:"registered"`       // in the registry; another tool made it, or git alone, where it is not
	Status     string    `json:"status"`           // active, missing, orphaned, locked
	Reason     string    `json:"reason,omitempty"` // why it is locked
	Ports      []int     `json:"ports"`
	Task       string    `json:"task,omitempty"`
	Created    time.Time `json:"created,omitzero"`
	Ahead      int       `json:"ahead"`  // commits that the target has not
	Behind     int       `json:"behind"` // commits of the target that it has not
	Unpushed   int       `json:"unpushed"`
	Changes    Changes   `json:"changes"`
	Operation  string    `json:"operation,omitempty"`
	LastCommit time.Time `json:"last_commit,omitzero"`
	AgeDays    int       `json:"age_days"` // since the last commit, or since it was made
	Todos      Progress  `json:"todos"`
	Stale      bool      `json:"stale"`
	Advice     string    `json:"advice,omitempty"`
	Cost       string    `json:"cost,omitempty"`  // US dollars; filled in by whoever has the ledger
	Error      string    `json:"error,omitempty"` // it could not be looked at

	Tests *Check `json:"tests,omitempty"` // what a command says in it; see [Project.CheckAll]
	bare  bool

	PR   *PullRequest `json:"pull_request,omitempty"` // as the server tells it; see [List.SetPulls]
	Hint string       `json:"hint,omitempty"`         // what follows from it
}

// List is all worktrees of a project.
type List struct {
	Project   string `json:"project"`
	Target    string `json:"target"`
	Active    int    `json:"active"`
	MaxActive int    `json:"max_active"`
	NextPorts []int  `json:"next_ports"`
	Items     []Item `json:"worktrees"`

	PullRequests Asked `json:"pull_requests"` // filled in by whoever may ask
}

// staleDays is after how many days without a commit advice is given; archiveDays
// after how many it is to give a worktree up.
const (
	staleDays   = 7
	archiveDays = 14
	sideBySide  = 8 // git status at a time
)

// List looks at all worktrees, side by side. Nothing is written. One that cannot
// be looked at says so in its item.
func (p *Project) List(ctx context.Context) (*List, error) { return p.list(ctx, false) }

// Brief is List where only those that nobody has worked in for days are asked for
// their changes: what the beginning of a day has to know.
func (p *Project) Brief(ctx context.Context) (*List, error) { return p.list(ctx, true) }

func (p *Project) list(ctx context.Context, brief bool) (*List, error) {
	trees, err := p.Trees(ctx)
	if err != nil {
		return nil, err
	}
	reg, _, err := p.registry.read()
	if err != nil {
		return nil, err
	}
	target, err := p.target(ctx)
	if err != nil {
		return nil, err
	}
	out := &List{Project: p.Name, Target: target.Name, Active: p.active(reg), MaxActive: p.Options.MaxActive, NextPorts: []int{}}
	if next, err := p.Options.Ports.pick(reg.taken(p.Main), p.free); err == nil {
		out.NextPorts = next
	}
	out.Items = p.items(trees, reg)
	if err := p.fillIn(ctx, trees, target, out.Items, brief); err != nil {
		return nil, err
	}
	for i := range out.Items {
		out.Items[i].advise(p.now())
	}
	return out, ctx.Err()
}

// fillIn says what is in the worktrees: commits and changes at the same time,
// or, in brief, the changes of those that the commits show to be old.
func (p *Project) fillIn(ctx context.Context, trees []Tree, target Target, items []Item, brief bool) error {
	if !brief {
		graph := make(chan error, 1)
		go func() { graph <- p.commits(ctx, trees, target, items) }()
		p.conditions(ctx, trees, items, func(int) bool { return true })
		return <-graph
	}
	if err := p.commits(ctx, trees, target, items); err != nil {
		return err
	}
	p.conditions(ctx, trees, items, func(i int) bool {
		it := items[i]
		it.advise(p.now())
		return it.Stale
	})
	for i, t := range trees {
		if !t.Main && !t.Missing && !t.Bare {
			items[i].Todos = progress(t.Path)
		}
	}
	return nil
}

// items are the worktrees of git in its order, then rows that git does not know.
func (p *Project) items(trees []Tree, reg *Registry) []Item {
	var out []Item
	known := make(map[string]bool)
	for _, t := range trees {
		known[resolve(t.Path)] = true
		it := Item{Name: nameOf(t.Branch, t.Path), Branch: t.Branch, Path: t.Path, Head: t.Head, Main: t.Main, bare: t.Bare, Status: "active", Ports: []int{}, Reason: t.LockReason}
		switch {
		case t.Missing:
			it.Status = "missing"
		case t.Locked:
			it.Status = "locked"
		}
		if row := reg.at(t.Path); row != nil {
			it.take(row)
		}
		out = append(out, it)
	}
	for _, row := range reg.Rows {
		if p.mine(row) && row.Path != "" && !known[resolve(row.Path)] {
			it := Item{Name: nameOf(row.Branch, row.Path), Branch: row.Branch, Path: row.Path, Status: "orphaned", Ports: []int{}}
			it.take(row)
			out = append(out, it)
		}
	}
	for i := range out {
		out[i].Todos.Blockers = []string{}
	}
	return out
}

func (it *Item) take(row *Row) {
	it.Registered, it.Task, it.Created = true, row.Task, row.Created
	it.Ports = append(it.Ports, row.Ports...)
	if row.Name != "" {
		it.Name = row.Name
	}
}

// conditions asks git about each worktree, some at a time; each has its own
// place in the list.
func (p *Project) conditions(ctx context.Context, trees []Tree, items []Item, which func(i int) bool) {
	var wg sync.WaitGroup
	turn := make(chan struct{}, sideBySide)
	var config []string
	if len(trees) > sideBySide/2 {
		// Each has its processor; threads of its own would only cost.
		config = []string{"-c", "core.preloadIndex=false"}
	}
	for i, t := range trees {
		if t.Missing || t.Bare || !which(i) {
			continue
		}
		wg.Add(1)
		turn <- struct{}{}
		go func() {
			defer func() { <-turn; wg.Done() }()
			c, err := p.ask(ctx, t, false, config)
			if err != nil {
				items[i].Error = err.Error()
				return
			}
			items[i].Changes = c.Changes
			if !t.Main {
				items[i].Operation = t.operation()
				items[i].Todos = progress(t.Path)
			}
		}()
	}
	wg.Wait()
}

// commits fills in what the commits say, for all worktrees at once.
func (p *Project) commits(ctx context.Context, trees []Tree, target Target, items []Item) error {
	var tips []string
	for _, t := range trees {
		if t.Head != "" {
			tips = append(tips, t.Head)
		}
	}
	if len(tips) == 0 {
		return nil
	}
	g, err := p.graph(ctx, tips, target.Ref)
	if err != nil {
		return err
	}
	for i, t := range trees {
		if t.Head == "" {
			continue
		}
		items[i].Ahead, items[i].Behind = g.ahead[t.Head], g.behind[t.Head]
		items[i].Unpushed, items[i].LastCommit = g.unpushed[t.Head], g.when[t.Head]
	}
	return nil
}

// advise says how old a worktree is, and what to do with one that nobody has
// worked in for days: what could be lost comes first.
func (it *Item) advise(now time.Time) {
	last := it.LastCommit
	if it.Created.After(last) {
		last = it.Created
	}
	it.AgeDays = days(last, now)
	if it.Main || it.Status == "missing" || it.Status == "orphaned" || it.AgeDays <= staleDays {
		return
	}
	it.Stale = true
	switch {
	case it.Changes.Any():
		it.Advice = "Commit or stash changes"
	case it.Unpushed > 0:
		it.Advice = "Push commits to remote"
	case it.AgeDays > archiveDays:
		it.Advice = "Consider archiving or removing"
	case it.Behind > 0:
		it.Advice = "Rebase on latest main"
	default:
		it.Advice = "Review and merge if ready"
	}
}

// Names are the names of the worktrees that a directory's repository has, for
// completion: nothing is started, and nothing but their names is read. false: the
// layout is another one, and git has to be asked.
func Names(dir string) ([]string, bool) {
	common, _, ok := commonDir(dir)
	if !ok {
		return nil, false
	}
	admins, err := os.ReadDir(filepath.Join(common, "worktrees"))
	if err != nil {
		return []string{}, errors.Is(err, fs.ErrNotExist)
	}
	names := []string{}
	for _, e := range admins {
		admin := filepath.Join(common, "worktrees", e.Name())
		path, err := adminTarget(admin)
		if err != nil {
			continue
		}
		var t Tree
		if !t.readHead(admin) { // refs are not files here
			return nil, false
		}
		names = append(names, nameOf(t.Branch, path))
	}
	slices.Sort(names)
	return names, true
}

// Names are the names of the worktrees, as git lists them: one question, where
// the function of this name cannot tell.
func (p *Project) Names(ctx context.Context) ([]string, error) {
	trees, err := p.Trees(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, t := range trees {
		if !t.Main {
			names = append(names, nameOf(t.Branch, t.Path))
		}
	}
	slices.Sort(names)
	return names, nil
}
