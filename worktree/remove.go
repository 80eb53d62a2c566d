package worktree

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
)

// kindRemove is the kind of a removal in the journal.
const kindRemove = "worktree.remove"

// RemoveOptions are what the user gives up.
type RemoveOptions struct {
	Force      bool // files that no commit has
	Commits    bool // commits that nothing else has
	KeepBranch bool // the branch stays, whatever became of it

	// Reap, where it is set, is shown the programs at work inside, which are then
	// ended. Without it they are a reason to refuse.
	Reap func([]Process)
}

// removal is what the journal knows of a removal: all that it takes to bring the
// worktree back.
type removal struct {
	Name    string          `json:"name"`
	Path    string          `json:"path"`
	Admin   string          `json:"admin"` // name of git's own directory of it
	Head    string          `json:"head"`
	Branch  string          `json:"branch,omitempty"`
	Deletes bool            `json:"deletes_branch"`
	Missing bool            `json:"missing,omitempty"` // its directory was not there
	Caches  []string        `json:"caches,omitempty"`  // deleted for good, to be made again
	Row     json.RawMessage `json:"row,omitempty"`     // of the registry
}

func readRemoval(e journal.Entry) (removal, error) {
	var r removal
	if e.Kind != kindRemove {
		return r, fmt.Errorf("%s is a %s", e.ID, e.Kind)
	}
	err := json.Unmarshal(e.Before, &r)
	return r, err
}

// Removed is what became of a worktree.
type Removed struct {
	ID       string    `json:"id"` // restores it
	Name     string    `json:"name"`
	Path     string    `json:"path"`
	Branch   string    `json:"branch,omitempty"`
	Fate     string    `json:"branch_fate,omitempty"` // deleted, kept, retained_raced
	Arrival  Arrival   `json:"arrival"`
	Ports    []int     `json:"ports"` // free again
	Until    time.Time `json:"restorable_until"`
	Caches   []string  `json:"caches"`
	Notes    []string  `json:"notes"`
	finalise func() error
}

// Finish deletes what can be made again. It may take a while, and nothing
// depends on it.
func (r *Removed) Finish() error {
	if r.finalise == nil {
		return nil
	}
	return r.finalise()
}

// Remove takes a worktree away, if nothing is lost that the user has not given
// up; it comes back with [Project.Restore].
func (p *Project) Remove(ctx context.Context, name string, o RemoveOptions) (*Removed, error) {
	unlock, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	t, target, err := p.choose(ctx, name)
	if err != nil {
		return nil, err
	}
	in, err := p.inspect(ctx, t, target)
	if err != nil {
		return nil, err
	}
	if p.reap(ctx, in, o) {
		if in, err = p.inspect(ctx, t, target); err != nil {
			return nil, err
		}
	}
	if why := in.refuse(o); len(why) > 0 {
		return nil, &RefusedError{Name: name, Why: why}
	}
	return p.take(ctx, in, target, o)
}

// refuse are the reasons that the user's switches do not lift.
func (in *Inspection) refuse(o RemoveOptions) []Reason {
	var why []Reason
	for _, r := range in.Reasons {
		lifted := r.Lift == LiftFiles && o.Force || r.Lift == LiftCommits && (o.Commits || o.KeepBranch && r.Rule == "unpushed")
		if !lifted {
			why = append(why, r)
		}
	}
	return why
}

// take removes what was inspected.
func (p *Project) take(ctx context.Context, in *Inspection, target Target, o RemoveOptions) (*Removed, error) {
	t := in.Tree
	reg, _, err := p.registry.read()
	if err != nil {
		return nil, err
	}
	r := removal{Path: t.Path, Admin: baseName(t.Admin), Head: t.Head, Branch: t.Branch, Missing: t.Missing, Name: nameOf(t.Branch, t.Path)}
	r.Caches = caches(t.Path, in.Ignored)
	r.Deletes = in.deletes(target, o)
	out := &Removed{Path: t.Path, Branch: t.Branch, Arrival: in.Arrival, Ports: []int{}, Notes: []string{}, Caches: append([]string{}, r.Caches...)}
	if row := reg.at(t.Path); row != nil {
		if r.Row, err = json.Marshal(row.fields); err != nil {
			return nil, err
		}
		out.Ports = append(out.Ports, row.Ports...)
		if row.Name != "" {
			r.Name = row.Name
		}
	}
	out.Name = r.Name
	if in.Blind != "" {
		out.Notes = append(out.Notes, in.Blind)
	}
	p.step("plan")
	e, err := p.Journal.Begin("", kindRemove, "remove "+r.Name, p.now(), r)
	if err != nil {
		return nil, err
	}
	out.ID, out.Until = e.ID, p.until(e)
	p.step("journal")
	if err := p.carryAway(ctx, in, r, &e, out); err != nil {
		undo := p.takeBack(context.WithoutCancel(ctx), &e, r, new(Restored))
		if undo != nil {
			return nil, fmt.Errorf("%w; bringing it back: %w (wf-ci worktree doctor)", err, undo)
		}
		return nil, err
	}
	out.Notes = append(out.Notes, p.listening(out.Ports)...)
	out.finalise = func() error { return p.dropCaches(r, e.ID) }
	return out, nil
}

// deletes decides whether the branch goes with its worktree: only one whose work
// has arrived, that never had any, or that the user gives up.
func (in *Inspection) deletes(target Target, o RemoveOptions) bool {
	t := in.Tree
	if t.Branch == "" || o.KeepBranch || t.Branch == target.Name || t.Missing || t.Head == "" || t.shared {
		return false
	}
	return in.Arrival.Standing != Unmerged || o.Commits
}

// carryAway is the removal itself.
func (p *Project) carryAway(ctx context.Context, in *Inspection, r removal, e *journal.Entry, out *Removed) error {
	if err := p.putAside(ctx, in.Tree, e.ID, in); err != nil {
		return err
	}
	out.Fate = "kept"
	if r.Branch == "" {
		out.Fate = ""
	}
	if r.Deletes {
		fate, err := p.dropBranch(ctx, r, e.ID)
		if err != nil {
			return err
		}
		out.Fate = fate
	}
	p.step("branch")
	err := p.registry.update(ctx, p.Options.Ports, func(reg *Registry) error {
		reg.remove(r.Path)
		return nil
	})
	if err != nil {
		return err
	}
	p.step("registry")
	return p.Journal.Mark(e, journal.Done)
}

// dropBranch deletes the branch if nobody has moved it since it was looked at.
func (p *Project) dropBranch(ctx context.Context, r removal, id string) (fate string, err error) {
	if err := p.saveReflog(r.Branch, id); err != nil {
		return "", err
	}
	if _, err := p.git.Git(ctx, "update-ref", "--no-deref", "-d", "refs/heads/"+r.Branch, r.Head); err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		return "retained_raced", nil //nolint:nilerr // it has moved since; the branch is there
	}
	return "deleted", nil
}

// unchanged looks again, right before: what was seen has to be what is there.
func (p *Project) unchanged(ctx context.Context, in *Inspection) error {
	if in.Tree.Missing {
		return nil
	}
	t, _, err := p.placed(ctx, in.Tree.Path)
	if err != nil {
		return err
	}
	if err := t.agrees(); err != nil {
		return err
	}
	c, err := p.condition(ctx, t, true)
	if err != nil {
		return err
	}
	if c.marks() != in.marks || t.Locked {
		return changed(t)
	}
	return nil
}

// Restored is a worktree that came back.
type Restored struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Path   string   `json:"path"`
	Branch string   `json:"branch,omitempty"`
	Ports  []int    `json:"ports"`
	Notes  []string `json:"notes"`
}

// Restore brings back what was removed: id is that of the removal, or the name
// that the worktree had (the last one of it).
func (p *Project) Restore(ctx context.Context, id string) (*Restored, error) {
	unlock, err := p.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	e, err := p.removalOf(id)
	if err != nil {
		return nil, err
	}
	r, err := readRemoval(e)
	if err != nil {
		return nil, usagef("%v: wf-ci undo takes that back", err)
	}
	if e.State == journal.Undone {
		return nil, usagef("%s is back already", r.Path)
	}
	out := &Restored{ID: e.ID, Name: r.Name, Path: r.Path, Branch: r.Branch, Ports: []int{}, Notes: []string{}}
	if err := p.restorable(r, e.ID); err != nil {
		return nil, err
	}
	// From here on a crash leaves an entry that has begun: doctor goes on.
	if err := p.Journal.Mark(&e, journal.Begun); err != nil {
		return nil, err
	}
	return out, p.takeBack(ctx, &e, r, out)
}

// Removals are those that can come back, the newest first.
func (p *Project) Removals() ([]journal.Entry, error) {
	list, err := p.Journal.List()
	if err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(list, func(e journal.Entry) bool { return e.Kind != kindRemove || e.State != journal.Done })
	slices.Reverse(out)
	return out, nil
}

func (p *Project) removalOf(id string) (journal.Entry, error) {
	e, err := p.Journal.Get(id)
	if err == nil || !errors.Is(err, journal.ErrNone) {
		return e, err
	}
	list, listErr := p.Removals()
	if listErr != nil {
		return e, listErr
	}
	for _, e := range list {
		if r, err := readRemoval(e); err == nil && (r.Name == id || r.Branch == id || r.Path == id) {
			return e, nil
		}
	}
	return e, usagef("%q: no such removal; wf-ci worktree restore without an id lists them", id)
}
