package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/session"
)

// write writes down the day, in the order of the protocol: context, costs,
// worktrees, learnings, backup.
func (e *evening) write(ctx context.Context) error {
	home := e.a.home()
	spent, err := e.spent(ctx)
	if err != nil {
		e.note("costs not looked at: " + err.Error())
	}
	e.out.CostToday = spent
	plan := e.plan(ctx)
	e.ending = session.Ending{
		Team: e.CI, Given: session.Given{Decisions: e.Decision, Next: e.Next}, Blockers: e.blockers(), Ticked: e.ticked(ctx),
		Coverage: e.coverage(), Cost: spent, Trees: e.trees(ctx, plan),
	}
	found, err := e.collect(ctx)
	if err != nil {
		return undecided{err}
	}
	e.out.Notes = append(e.out.Notes, found.Notes...)
	saved := e.do("context", func() (string, error) { return e.save(home, found) })
	booked := e.do("costs", func() (string, error) { return e.books(ctx) })
	e.do("worktrees", func() (string, error) { return e.clean(ctx, plan) })
	learned := e.do("learnings", func() (string, error) { return e.learn(ctx, home, found) })
	e.do("backup", func() (string, error) { return e.backup(home) })
	if saved {
		e.out.Context = &found.Context
	}
	e.send(ctx, found, saved && booked && learned)
	return nil
}

// collect finds out what the day came to, with what was said on the command line.
func (e *evening) collect(ctx context.Context) (*session.Collected, error) {
	found, err := session.Collect(ctx, e.desk.Desk, e.ending)
	if err != nil {
		return nil, err
	}
	for _, text := range e.Learned {
		found.Learnings = append(found.Learnings, session.ParseLearning(e.desk.Mask(text)))
	}
	return found, nil
}

// spent is what today has cost; nil: nobody keeps a ledger.
func (e *evening) spent(context.Context) (*costs.Nano, error) {
	c, err := e.a.costContext(e.desk)
	if err != nil {
		return nil, err
	}
	if !c.Known {
		return nil, nil
	}
	return &c.Today, nil
}

// books rebuilds the books, and says what today has cost.
func (e *evening) books(ctx context.Context) (string, error) {
	b := &books{gitDir: e.desk.Repo.GitDir}
	if err := b.read(e.desk.Dir); err != nil {
		return "", err
	}
	all, err := b.refold(ctx)
	if err != nil {
		return "", err
	}
	e.a.warn(b, all, e.desk.Now)
	today := b.budget.Standing(all, b.zone, e.desk.Now)[0]
	return fmt.Sprintf("today %s of %s", today.Spent.Cents(), today.Soft.Cents()), nil
}

// blockers are those of the command line.
func (e *evening) blockers() []string {
	var list []string
	for _, text := range e.Blocker {
		if text = e.a.oneLine(text); text != "" {
			list = append(list, text)
		}
	}
	return list
}

// ticked is who goes through the checklist; empty: nobody said so.
func (e *evening) ticked(ctx context.Context) string {
	if !e.Confirm {
		return ""
	}
	if p, ok, err := e.desk.Repo.Identity(ctx); err == nil && ok {
		return p.Name
	}
	return cmp.Or(e.a.getenv("USER"), "somebody whom git does not know")
}

// save writes the context. What a person had is backed up before anything of it
// is touched.
func (e *evening) save(home string, found *session.Collected) (string, error) {
	if _, err := e.backup(home); err != nil {
		return "", fmt.Errorf("back up what is there: %w", err)
	}
	changed, err := e.desk.Save(found, e.ending.Blockers)
	e.out.Changed = append(e.out.Changed, changed...)
	if err == nil && len(changed) == 0 {
		return "nothing has changed", nil
	}
	return "wrote " + strings.Join(changed, ", "), err
}

func (e *evening) learn(ctx context.Context, home string, found *session.Collected) (string, error) {
	l, err := e.desk.Learn(ctx, home, found.Learnings, found.Context.Duration, session.ClaudeLimit)
	e.out.Learnings = l.Added
	if l.Note != "" {
		e.out.Notes = append(e.out.Notes, l.Note)
	}
	if err != nil {
		return "", err
	}
	if len(l.Added) == 0 {
		return "nothing new", nil
	}
	e.out.Changed = append(append(e.out.Changed, "CLAUDE.md"), l.Rotated...)
	return gates.Plural(len(l.Added), "learning") + " in CLAUDE.md", nil
}

func (e *evening) backup(home string) (string, error) {
	b, err := e.desk.Backup(home)
	if err != nil {
		return "", err
	}
	if b == nil {
		return "nothing new to keep", nil
	}
	e.out.Backup = b.Path
	return "kept as " + b.ID, nil
}
