package worktree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wf-ci/wf-ci/internal/journal"
)

// Outcome is what clean or prune did with one worktree, or would do.
type Outcome struct {
	Name    string   `json:"name"`
	Path    string   `json:"path"`
	Branch  string   `json:"branch,omitempty"`
	Action  string   `json:"action"` // removed, kept, error; would-remove
	Arrival Arrival  `json:"arrival"`
	Reasons []Reason `json:"reasons"` // why it was kept
	Removed *Removed `json:"removed,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// Clean removes the worktrees whose work has arrived, and none that has anything
// else. dry: the same plan, carried out by nobody.
func (p *Project) Clean(ctx context.Context, dry bool) ([]Outcome, error) {
	if dry {
		return p.clean(ctx, nil)
	}
	unlock, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return p.clean(ctx, p.take)
}

// taker removes what was inspected; nil: nobody does.
type taker func(context.Context, *Inspection, Target, RemoveOptions) (*Removed, error)

func (p *Project) clean(ctx context.Context, take taker) ([]Outcome, error) {
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
	list := []Outcome{}
	for _, t := range trees {
		row := reg.at(t.Path)
		if t.Main || row == nil {
			continue // not ours: adopt makes it so
		}
		o := p.cleanOne(ctx, t, target, take)
		if row.Name != "" {
			o.Name = row.Name
		}
		if ctx.Err() != nil {
			return list, ctx.Err()
		}
		list = append(list, o)
	}
	return list, nil
}

// cleanOne decides about one worktree.
func (p *Project) cleanOne(ctx context.Context, t Tree, target Target, take taker) Outcome {
	o := Outcome{Name: nameOf(t.Branch, t.Path), Path: t.Path, Branch: t.Branch, Action: "kept", Reasons: []Reason{}}
	in, err := p.inspect(ctx, t, target)
	if err != nil {
		o.Action, o.Error = "error", err.Error()
		return o
	}
	o.Arrival, o.Reasons = in.Arrival, append(o.Reasons, in.Reasons...)
	if len(o.Reasons) == 0 && in.Arrival.Standing != Merged {
		o.Reasons = append(o.Reasons, notArrived(in.Arrival, target))
	}
	switch {
	case len(o.Reasons) > 0:
	case take == nil:
		o.Action = "would-remove"
	default:
		if o.Removed, err = take(ctx, in, target, RemoveOptions{}); err != nil {
			o.Action, o.Error = "error", err.Error()
			return o
		}
		o.Action = "removed"
	}
	return o
}

func notArrived(a Arrival, target Target) Reason {
	if a.Standing == Empty {
		return Reason{Rule: "empty", Detail: "its branch has no commit of its own yet", Hint: "wf-ci worktree remove takes it away"}
	}
	return Reason{Rule: "unmerged", Detail: "its work is not in " + target.Name}
}

// Prune gives up rows of the registry that stand for nothing, and worktrees whose
// directory was deleted. One whose folder is not there at all may be on a disk
// that is missing: it stays unless it is named.
func (p *Project) Prune(ctx context.Context, missing []string, dry bool) ([]Outcome, error) {
	if !dry {
		unlock, err := p.begin(ctx)
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	trees, err := p.Trees(ctx)
	if err != nil {
		return nil, err
	}
	reg, _, err := p.registry.read()
	if err != nil {
		return nil, err
	}
	named := make(map[string]bool)
	for _, name := range missing {
		t, err := p.pick(trees, reg, name)
		if err != nil {
			return nil, err
		}
		if !t.Missing {
			return nil, usagef("%s is not missing: wf-ci worktree remove takes it away", t.Path)
		}
		named[t.Path] = true
	}
	list := []Outcome{}
	known := make(map[string]bool)
	for _, t := range trees {
		known[resolve(t.Path)] = true
		if !t.Missing {
			continue
		}
		list = append(list, p.pruneOne(ctx, t, named[t.Path], dry))
	}
	rows, err := p.pruneRows(ctx, reg, known, dry)
	return append(list, rows...), err
}

// pruneOne gives up a worktree without a directory.
func (p *Project) pruneOne(ctx context.Context, t Tree, named, dry bool) Outcome {
	o := Outcome{Name: nameOf(t.Branch, t.Path), Path: t.Path, Branch: t.Branch, Action: "kept", Reasons: []Reason{}}
	_, err := os.Stat(filepath.Dir(t.Path))
	deleted := err == nil && within(filepath.Dir(t.Path), p.Root())
	switch {
	case t.Locked:
		o.Reasons = append(o.Reasons, Reason{Rule: "locked", Detail: "it is locked: " + t.LockReason, Hint: "git worktree unlock"})
	case t.Admin == "":
		o.Reasons = append(o.Reasons, Reason{Rule: "mismatch", Detail: "git has no entry of its own for it"})
	case !named && !deleted:
		o.Reasons = append(o.Reasons, Reason{Rule: "missing", Detail: "its directory is not there; the disk may be missing", Hint: "--missing " + o.Name + " gives it up"})
	case dry:
		o.Action = "would-remove"
	default:
		r, err := p.take(ctx, &Inspection{Tree: t}, Target{}, RemoveOptions{KeepBranch: true})
		if err != nil {
			o.Action, o.Error = "error", err.Error()
			break
		}
		o.Action, o.Removed = "removed", r
	}
	return o
}

// kindPrune is the kind of a pruning of rows in the journal.
const kindPrune = "worktree.prune"

// pruneRows takes rows of this project out of the registry that neither git nor
// the disk knows.
func (p *Project) pruneRows(ctx context.Context, reg *Registry, known map[string]bool, dry bool) ([]Outcome, error) {
	var gone []*Row
	list := []Outcome{}
	for _, row := range reg.Rows {
		if !p.mine(row) || row.Path == "" || known[resolve(row.Path)] {
			continue
		}
		o := Outcome{Name: row.Name, Path: row.Path, Branch: row.Branch, Action: "removed", Reasons: []Reason{}}
		if _, err := os.Lstat(row.Path); err == nil {
			o.Action = "kept"
			o.Reasons = append(o.Reasons, Reason{Rule: "mismatch", Detail: "something is at its path that git does not know", Hint: "look at it, and move it away"})
		} else if dry {
			o.Action = "would-remove"
		} else {
			gone = append(gone, row)
		}
		list = append(list, o)
	}
	if len(gone) == 0 {
		return list, nil
	}
	rows := make([]*object, len(gone))
	for i, row := range gone {
		rows[i] = row.fields
	}
	e, err := p.Journal.Begin("", kindPrune, fmt.Sprintf("prune %s", plural(len(gone), "row")), p.now(), rows)
	if err != nil {
		return list, err
	}
	err = p.registry.update(ctx, p.Options.Ports, func(r *Registry) error {
		for _, row := range gone {
			r.remove(row.Path)
		}
		return nil
	})
	if err != nil {
		return list, errors.Join(err, p.Journal.Drop(e.ID))
	}
	return list, p.Journal.Mark(&e, journal.Done)
}
