package worktree

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
)

// Finding is something that is not as it should be.
type Finding struct {
	What  string `json:"what"`
	Done  string `json:"done,omitempty"` // what was done about it
	Hint  string `json:"hint,omitempty"` // what to do about it
	Error string `json:"error,omitempty"`
}

// Mender puts an interrupted command of another package right, under the lock, and
// says what it did.
type Mender func(ctx context.Context, e journal.Entry) (done string, err error)

// Doctor puts right what a killed command has left, and says what else is not in
// order. dry: it only says.
func (p *Project) Doctor(ctx context.Context, dry bool) ([]Finding, error) {
	unlock, err := p.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	entries, err := p.Journal.List()
	if err != nil {
		return nil, err
	}
	list := []Finding{}
	for _, e := range interrupted(entries) {
		f := Finding{What: fmt.Sprintf("%s (%s) was killed in the middle", e.Summary, e.ID)}
		if dry {
			f.Hint = "wf-ci worktree doctor puts it right"
		} else if f.Done, err = p.mend(ctx, e); err != nil {
			f.Error = err.Error()
		}
		list = append(list, f)
	}
	more, err := p.look(ctx, dry)
	return append(list, more...), err
}

// mend puts one interrupted command right.
func (p *Project) mend(ctx context.Context, e journal.Entry) (string, error) {
	switch e.Kind {
	case kindSpawn:
		return p.mendSpawn(ctx, e)
	case kindRemove:
		r, err := readRemoval(e)
		if err != nil {
			return "", err
		}
		return "taken back: " + r.Path + " is as it was", p.takeBack(ctx, &e, r, new(Restored))
	case kindMerge:
		return p.mendMerge(ctx, e)
	case kindPrune:
		return "taken back", p.undoPrune(ctx, &e)
	case kindAdopt:
		return "taken back", p.undoAdopt(ctx, &e)
	}
	if mend := p.Menders[e.Kind]; mend != nil {
		return mend(ctx, e)
	}
	return "", fmt.Errorf("a newer version wrote it: %s", e.Kind)
}

// checkoutWait is how long git may still be at work after the command that
// started it was killed.
const checkoutWait = 3 * time.Second

// mendSpawn finishes a spawn whose worktree is whole: the user may work in it
// already. Anything less is taken back.
func (p *Project) mendSpawn(ctx context.Context, e journal.Entry) (string, error) {
	var s spawning
	if err := json.Unmarshal(e.Before, &s); err != nil {
		return "", err
	}
	t, found, err := p.treeAt(ctx, s.Path)
	if err != nil {
		return "", err
	}
	if found && !t.Missing && t.agrees() == nil {
		waitFor(func() bool { return !exists(t.Admin, "index.lock") }, checkoutWait)
		reg, _, err := p.registry.read()
		if err != nil {
			return "", err
		}
		// The record is the last thing that is written; the index is written when
		// all files are.
		if exists(t.Admin, recordName) && exists(t.Admin, "index") && !exists(t.Admin, "index.lock") && reg.at(s.Path) != nil {
			done := "finished: " + s.Path + " is whole"
			if hooks, err := p.hooksText(ctx, s.Base); err != nil || hooks != "" {
				done += ", but what " + hooksFile + " asks for may not all have been run"
			}
			return done, p.Journal.Mark(&e, journal.Done)
		}
	}
	if err := p.unspawn(ctx, s, e.ID); err != nil {
		return "", err
	}
	// What was there of it stays aside as long as what was removed.
	return "taken back", p.Journal.Mark(&e, journal.Undone)
}

func waitFor(done func() bool, limit time.Duration) {
	for end := time.Now().Add(limit); !done() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
}

// look finds what no command was killed for.
func (p *Project) look(ctx context.Context, dry bool) ([]Finding, error) {
	reg, _, err := p.registry.read()
	if err != nil {
		return nil, err
	}
	trees, err := p.Trees(ctx)
	if err != nil {
		return nil, err
	}
	list := sharedPorts(reg)
	for _, it := range p.items(trees, reg) {
		switch it.Status {
		case "orphaned":
			list = append(list, Finding{What: it.Path + " is in the registry, and git does not know it", Hint: "wf-ci worktree prune"})
		case "missing":
			list = append(list, Finding{What: it.Path + " is not there", Hint: "bring its disk back, or wf-ci worktree prune"})
		}
	}
	for _, t := range trees[1:] {
		switch {
		case t.Missing:
		case reg.at(t.Path) == nil && Scratch(t.Path, t.Branch) && t.agrees() == nil:
			list = append(list, p.sweepScratch(ctx, t, dry)...)
		default:
			list = append(list, examine(t, reg)...)
		}
	}
	left, err := p.leftovers()
	return append(list, left...), err
}

// examine is what is wrong with a worktree whose directory is there.
func examine(t Tree, reg *Registry) []Finding {
	var list []Finding
	if err := t.agrees(); err != nil {
		list = append(list, Finding{What: err.Error(), Hint: "git worktree repair"})
	}
	if reg.at(t.Path) == nil {
		list = append(list, Finding{What: t.Path + " is not in the registry", Hint: "wf-ci worktree adopt " + nameOf(t.Branch, t.Path)})
	}
	return list
}

// sharedPorts are ports that two rows hold.
func sharedPorts(reg *Registry) []Finding {
	var list []Finding
	holder := make(map[int]string)
	for _, row := range reg.Rows {
		for _, port := range row.Ports {
			if other, ok := holder[port]; ok {
				list = append(list, Finding{What: fmt.Sprintf("port %d is held by %s and by %s", port, other, row.Path), Hint: "remove or adopt one of them anew"})
			}
			holder[port] = row.Path
		}
	}
	return list
}

// leftovers are things put aside that no entry of the journal knows.
func (p *Project) leftovers() ([]Finding, error) {
	entries, err := os.ReadDir(filepath.Join(p.Common, "wf-ci", "trash"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	known, err := p.Journal.List()
	if err != nil {
		return nil, err
	}
	var list []Finding
	for _, e := range entries {
		if !slices.ContainsFunc(known, func(j journal.Entry) bool { return j.ID == e.Name() }) {
			list = append(list, Finding{What: p.trash(e.Name()) + " was put aside, and nobody knows what for", Hint: "look at it, and delete it"})
		}
	}
	return list, nil
}
