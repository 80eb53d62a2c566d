package worktree

import (
	"context"
	"encoding/json"

	"github.com/wf-ci/wf-ci/internal/journal"
)

// kindAdopt is the kind of an adoption in the journal.
const kindAdopt = "worktree.adopt"

// adoption is what the journal knows of one.
type adoption struct {
	Path string `json:"path"`
}

// Adopt puts a worktree that another tool has made into the registry, with ports
// of its own. Its files are left as they are.
func (p *Project) Adopt(ctx context.Context, name string) (*Spawned, error) {
	unlock, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	t, err := p.find(ctx, name)
	if err != nil {
		return nil, err
	}
	reg, _, err := p.registry.read()
	if err != nil {
		return nil, err
	}
	switch {
	case t.Main:
		return nil, usagef("%s is the main worktree", t.Path)
	case t.Missing:
		return nil, usagef("%s is not there", t.Path)
	case reg.at(t.Path) != nil:
		return nil, usagef("%s is in the registry already", t.Path)
	}
	e, err := p.Journal.Begin("", kindAdopt, "adopt "+nameOf(t.Branch, t.Path), p.now(), adoption{t.Path})
	if err != nil {
		return nil, err
	}
	out := &Spawned{ID: e.ID, Name: nameOf(t.Branch, t.Path), Project: p.Name, Branch: t.Branch, Path: t.Path, Base: t.Head, Env: []string{}, Notes: []string{}}
	err = p.registry.update(ctx, p.Options.Ports, func(r *Registry) error {
		var err error
		if out.Ports, err = p.Options.Ports.pick(r.taken(p.Main), p.free); err != nil {
			return err
		}
		r.Rows = append(r.Rows, newRow(Row{
			ID: newUUID(), Name: out.Name, Project: p.Name, Repo: p.Main, Branch: t.Branch, Path: t.Path, Ports: out.Ports, Created: p.now(), Status: "active",
		}))
		return nil
	})
	if err != nil {
		_ = p.Journal.Drop(e.ID) // nothing was changed
		return nil, err
	}
	return out, p.Journal.Mark(&e, journal.Done)
}

func (p *Project) undoAdopt(ctx context.Context, e *journal.Entry) error {
	var a adoption
	if err := json.Unmarshal(e.Before, &a); err != nil {
		return err
	}
	err := p.registry.update(ctx, p.Options.Ports, func(r *Registry) error {
		r.remove(a.Path)
		return nil
	})
	if err != nil {
		return err
	}
	return p.Journal.Mark(e, journal.Undone)
}

func (p *Project) undoPrune(ctx context.Context, e *journal.Entry) error {
	var rows []*object
	if err := json.Unmarshal(e.Before, &rows); err != nil {
		return err
	}
	err := p.registry.update(ctx, p.Options.Ports, func(r *Registry) error {
		for _, o := range rows {
			if row := readRow(o, p.place.Home); r.at(row.Path) == nil {
				r.Rows = append(r.Rows, row)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return p.Journal.Mark(e, journal.Undone)
}

// Undo takes back an entry of the journal that is about worktrees; false: it is
// about something else.
func (p *Project) Undo(ctx context.Context, e journal.Entry) (string, bool, error) {
	switch e.Kind {
	case kindRemove:
		r, err := p.Restore(ctx, e.ID)
		if err != nil {
			return "", true, err
		}
		return r.Path + " is back", true, nil
	case kindSpawn:
		var s spawning
		if err := json.Unmarshal(e.Before, &s); err != nil {
			return "", true, err
		}
		r, err := p.Remove(ctx, s.Path, RemoveOptions{})
		if err != nil {
			return "", true, err
		}
		return s.Path + " is removed; wf-ci worktree restore " + r.ID + " brings it back", true, p.Journal.Mark(&e, journal.Undone)
	}
	known := map[string]func(context.Context, *journal.Entry) error{kindAdopt: p.undoAdopt, kindPrune: p.undoPrune, kindMerge: p.undoMerge}
	undo, ok := known[e.Kind]
	if !ok {
		return "", false, nil
	}
	unlock, err := p.begin(ctx)
	if err != nil {
		return "", true, err
	}
	defer unlock()
	if err := undo(ctx, &e); err != nil {
		return "", true, err
	}
	return e.Summary + " is taken back", true, nil
}
