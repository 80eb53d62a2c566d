package worktree

import (
	"context"
	"time"
)

// Sync lists, and writes into the registry what has become of this project's
// rows: their branch, and whether they are active, merged or orphaned.
func (p *Project) Sync(ctx context.Context) (*List, error) {
	unlock, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	list, err := p.List(ctx)
	if err != nil {
		return nil, err
	}
	trees, err := p.Trees(ctx)
	if err != nil {
		return nil, err
	}
	target, err := p.target(ctx)
	if err != nil {
		return nil, err
	}
	stored := make(map[string]string) // path → status
	for _, t := range trees {
		if t.Main || t.Head == "" {
			continue
		}
		a, err := p.arrived(ctx, t, target)
		if err != nil {
			return nil, err
		}
		stored[t.Path] = "active"
		if a.Standing == Merged {
			stored[t.Path] = "merged"
		}
	}
	err = p.registry.update(ctx, p.Options.Ports, func(r *Registry) error {
		for _, it := range list.Items {
			if row := r.at(it.Path); row != nil && !it.Main {
				row.refresh(it, stored[it.Path], p.now())
			}
		}
		list.Active = p.active(r)
		return nil
	})
	return list, err
}

// refresh writes what is known of a worktree into its row; the fields of others
// stay.
func (row *Row) refresh(it Item, status string, now time.Time) {
	switch {
	case it.Status == "orphaned":
		status = "orphaned"
	case status == "":
		return
	}
	row.Status = status
	row.fields.set("status", status)
	if it.Branch != "" && it.Branch != row.Branch {
		row.Branch = it.Branch
		row.fields.set("branch", it.Branch)
		row.fields.set("branchSlug", slug(it.Branch))
	}
	row.fields.set("validatedAt", now.UTC().Format(time.RFC3339))
}

// TaskState is where a task of a plan stands.
type TaskState struct {
	Task
	State    string   `json:"state"` // waiting, ready, in progress, merged
	Waits    []string `json:"waits"` // tasks it needs that are not merged
	Worktree string   `json:"worktree,omitempty"`
	Percent  int      `json:"percent"`
}

// TaskStates puts a plan beside the list: a task's worktree is called like its
// id.
func TaskStates(tasks []Task, list *List, merged func(branch string) bool) []TaskState {
	byName := make(map[string]Item)
	for _, it := range list.Items {
		byName[it.Name] = it
	}
	done := make(map[string]bool)
	for _, t := range tasks {
		done[t.ID] = merged(branchPrefix + t.ID)
	}
	out := make([]TaskState, 0, len(tasks))
	for _, t := range tasks {
		s := TaskState{Task: t, State: "ready", Waits: []string{}}
		for _, need := range t.Needs {
			if !done[need] {
				s.Waits = append(s.Waits, need)
			}
		}
		it, open := byName[t.ID]
		if open {
			s.Worktree, s.Percent = it.Path, it.Todos.Percent
		}
		switch {
		case done[t.ID]:
			s.State, s.Percent = "merged", 100
		case open:
			s.State = "in progress"
		case len(s.Waits) > 0:
			s.State = "waiting"
		}
		out = append(out, s)
	}
	return out
}

// MergedBranches are the branches that merge commits of the target name, also
// those that are deleted by now.
func (p *Project) MergedBranches(ctx context.Context) (func(branch string) bool, error) {
	target, err := p.target(ctx)
	if err != nil {
		return nil, err
	}
	list, err := p.Journal.List()
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool)
	for _, e := range list {
		if r, err := readRemoval(e); err == nil && r.Branch != "" && r.Deletes {
			if a, err := p.arrived(ctx, Tree{Head: r.Head, Branch: r.Branch}, target); err == nil && a.Standing == Merged {
				names[r.Branch] = true
			}
		}
	}
	trees, err := p.Trees(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range trees {
		if t.Main || t.Branch == "" || t.Head == "" {
			continue
		}
		a, err := p.arrived(ctx, t, target)
		if err != nil {
			return nil, err
		}
		if a.Standing == Merged {
			names[t.Branch] = true
		}
	}
	if err := p.mergedInLog(ctx, target, names); err != nil {
		return nil, err
	}
	return func(b string) bool { return names[b] }, nil
}
