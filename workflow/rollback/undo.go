package rollback

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
)

// Where is the work tree that an entry of the journal is about.
func Where(e journal.Entry) (string, error) {
	c, err := read(e)
	if err != nil {
		return "", err
	}
	return c.Plan.Top, nil
}

// Undo takes a rollback back: the branch is where it was, if nobody has moved it
// since, and the files and what was staged are as they were. Work that came after
// the rollback is carried along.
func (r *Repo) Undo(ctx context.Context, e journal.Entry) (string, error) {
	unlock, err := r.begin(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	c, err := read(e)
	if err != nil {
		return "", err
	}
	if c.Plan.Strategy == Branch {
		err = r.dropBranch(ctx, c)
	} else {
		err = r.retreat(ctx, &e, c)
	}
	if err != nil {
		return "", err
	}
	if err := r.Journal.Mark(&e, journal.Undone); err != nil {
		return "", err
	}
	notes := []string{}
	r.record(Event{ID: e.ID, At: r.now().UTC(), What: "undone"}, &notes)
	return strings.Join(append([]string{e.Summary + " is taken back"}, notes...), "; "), nil
}

// dropBranch deletes the branch that was made, while it is as it was made.
func (r *Repo) dropBranch(ctx context.Context, c *change) error {
	now, err := r.at(ctx, c.Plan.NewRef)
	if err != nil || now == "" {
		return err
	}
	if now != c.To.Head {
		return refusedf("moved", "git branch -d", "%s has other commits now", c.Plan.NewRef)
	}
	out, err := r.git.Git(ctx, "worktree", "list", "--porcelain")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		if strings.TrimSpace(line) == "branch "+c.Plan.NewRef {
			return refusedf("checked-out", "switch to another branch", "%s is checked out", c.Plan.NewRef)
		}
	}
	_, err = r.git.Git(ctx, "update-ref", "-m", "wf-ci undo", "-d", c.Plan.NewRef, now)
	return err
}

func (r *Repo) retreat(ctx context.Context, e *journal.Entry, c *change) error {
	here := &Plan{}
	if err := r.where(ctx, here); err != nil {
		return err
	}
	switch {
	case here.Ref != c.Plan.Ref:
		return refusedf("moved", "switch back to it", "it was done on %s, and %s is checked out", c.Plan.Ref, here.Ref)
	case here.Head != c.To.Head:
		return refusedf("moved", fmt.Sprintf("wf-ci rollback plan --to %.12s", c.From.Head), "%s has other commits now", here.Ref)
	case len(here.Reasons) > 0:
		return &RefusedError{here.Reasons}
	}
	if err := r.unpushed(ctx, here, c); err != nil {
		return err
	}
	now, err := r.capture(ctx, r.git, here.Head)
	if err != nil {
		return err
	}
	then, err := r.before(ctx, now, c)
	if err != nil {
		return err
	}
	if err := r.keep(ctx, e.ID, now, then); err != nil {
		return err
	}
	back := &change{Plan: c.Plan, From: now, To: then, Back: true}
	e.State = journal.Begun
	if err := r.Journal.Put(e, back); err != nil {
		return err
	}
	err = r.step("journal")
	if err == nil {
		err = r.move(ctx, c.Plan.Ref, now, then)
	}
	if err != nil {
		return r.giveUp(ctx, e, back, err)
	}
	return nil
}

// unpushed refuses where others have the rollback already: to go back behind it
// would want a forced push.
func (r *Repo) unpushed(ctx context.Context, here *Plan, c *change) error {
	out, err := r.git.Git(ctx, "for-each-ref", "--format=%(refname)", "--contains", c.To.Head, "refs/remotes")
	if err != nil {
		return err
	}
	if ref, _, _ := strings.Cut(out, "\n"); ref != "" {
		return refusedf("pushed", fmt.Sprintf("wf-ci rollback plan --to %.12s takes it back with new commits", c.From.Head), "%s has it already", ref)
	}
	return nil
}

// before is what the work tree has to hold again. Where nothing happened since, it
// is what it held, to the byte.
func (r *Repo) before(ctx context.Context, now work, c *change) (work, error) {
	if now.Work == c.To.Work && now.Index == c.To.Index {
		why, err := r.inTheWay(ctx, r.git, now, c.From)
		if err == nil && len(why) > 0 {
			err = &RefusedError{why}
		}
		return c.From, err
	}
	tree, err := treeOf(ctx, r.git, c.From.Head)
	if err != nil {
		return work{}, err
	}
	then, why, err := r.carry(ctx, r.git, now, tree)
	if err == nil && len(why) == 0 {
		why, err = r.inTheWay(ctx, r.git, now, then)
	}
	if err == nil && len(why) > 0 {
		err = &RefusedError{why}
	}
	then.Head = c.From.Head
	return then, err
}

// Mend puts a rollback right that was killed in the middle. The caller holds the
// lock.
func (r *Repo) Mend(ctx context.Context, e journal.Entry) (string, error) {
	c, err := read(e)
	if err != nil {
		return "", err
	}
	return r.mend(ctx, &e, c, true)
}

// mend is Mend; killed: git may have been, in the middle of a file.
func (r *Repo) mend(ctx context.Context, e *journal.Entry, c *change, killed bool) (string, error) {
	ref := c.Plan.Ref
	if c.Plan.Strategy == Branch {
		ref = c.Plan.NewRef
	}
	at, err := r.at(ctx, ref)
	if err != nil {
		return "", err
	}
	switch {
	case c.Plan.Strategy == Branch && at == c.To.Head:
		return "the branch is there; wf-ci undo takes it back", r.Journal.Mark(e, journal.Done)
	case c.Plan.Strategy == Branch:
		return "nothing had been changed", r.Journal.Drop(e.ID)
	}
	if on, err := r.branch(ctx); err != nil || on != ref || at != c.From.Head && at != c.To.Head {
		return "", errors.Join(err, fmt.Errorf("%s has been moved since: %s keeps what was there; then delete %s.json in %s", ref, keepRef(e.ID), e.ID, r.Journal.Dir))
	}
	if exists(r.Admin, "index.lock") {
		return "", fmt.Errorf("git was killed: delete %s/index.lock", r.Admin)
	}
	if at == c.To.Head {
		return r.finish(ctx, e, c)
	}
	return r.reset(ctx, e, c, killed)
}

// finish does what is left when the branch has moved: the index.
func (r *Repo) finish(ctx context.Context, e *journal.Entry, c *change) (string, error) {
	staged, err := r.git.Line(ctx, "write-tree")
	if err == nil && staged == c.From.Index {
		err = r.stage(ctx, c.From, c.To)
	}
	if err != nil {
		return "", err
	}
	if c.Back {
		return "finished: the rollback is taken back", r.Journal.Mark(e, journal.Undone)
	}
	return "finished; wf-ci undo takes it back", r.Journal.Mark(e, journal.Done)
}

// reset puts the files back when the branch has not moved.
func (r *Repo) reset(ctx context.Context, e *journal.Entry, c *change, killed bool) (string, error) {
	now, err := r.capture(ctx, r.git, c.From.Head)
	if err != nil {
		return "", err
	}
	if now.Work != c.From.Work && now.Work != c.To.Work {
		if err := r.keep(ctx, e.ID, now); err != nil {
			return "", err
		}
	}
	if err := r.putBack(ctx, now, c.From, c.To, killed); err != nil {
		return "", err
	}
	if _, err := r.git.Git(ctx, "update-index", "-q", "--refresh"); err != nil && !git.Exited(err, 1) {
		return "", err
	}
	if !c.Back {
		return "taken back: all is as it was", r.Journal.Mark(e, journal.Undone)
	}
	// The rollback stands: the entry is again what it was before the undo.
	forth := &change{Plan: c.Plan, From: c.To, To: c.From}
	e.State = journal.Done
	return "the rollback stands; wf-ci undo takes it back", r.Journal.Put(e, forth)
}
