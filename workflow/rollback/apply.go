package rollback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
)

// Kind is what the journal calls a rollback.
const Kind = "rollback.apply"

// change is what it takes to take a rollback back.
type change struct {
	Plan Plan `json:"plan"`
	From work `json:"from"`
	To   work `json:"to"`
	// Back says that the change is being taken back: an entry that has only begun
	// then goes the other way.
	Back bool `json:"back,omitempty"`
}

// Applied is what a rollback did.
type Applied struct {
	ID       string   `json:"id"` // of the journal; wf-ci undo takes it
	Strategy Strategy `json:"strategy"`
	Ref      string   `json:"ref"`
	Old      string   `json:"old"`
	New      string   `json:"new"`
	Commits  []string `json:"commits"` // made
	Files    int      `json:"files"`
	Kept     int      `json:"kept"`              // files with work that no commit has
	KeptAt   string   `json:"kept_at,omitempty"` // ref
	Notes    []string `json:"notes"`
}

// Apply does what was planned last, on what it was planned for.
func (r *Repo) Apply(ctx context.Context) (*Applied, error) {
	unlock, err := r.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	p, err := r.planned()
	if err != nil {
		return nil, err
	}
	if err := r.unmoved(ctx, p); err != nil {
		return nil, err
	}
	if err := r.redo(ctx, p); err != nil {
		return nil, err
	}
	var c *change
	if p.Strategy == Branch {
		c = &change{Plan: *p}
	} else if c, err = r.prepare(ctx, p); err != nil {
		return nil, err
	}
	out := &Applied{Strategy: p.Strategy, Ref: p.Ref, Old: p.Head, Files: len(p.Files), Kept: len(p.Dirty), Notes: p.Notes}
	if out.Commits, err = r.commits(ctx, p); err != nil {
		return nil, err
	}
	out.New = p.To
	if n := len(out.Commits); n > 0 {
		out.New = out.Commits[n-1]
	}
	c.To.Head = out.New
	out.ID = p.ID
	if p.Strategy == Branch {
		out.Ref, out.Old = p.NewRef, ""
	}
	return out, r.run(ctx, p, c, out)
}

// run writes the journal, and makes the change.
func (r *Repo) run(ctx context.Context, p *Plan, c *change, out *Applied) error {
	if p.Strategy != Branch {
		out.KeptAt = keepRef(p.ID)
		if err := r.keep(ctx, p.ID, c.From, c.To); err != nil {
			return err
		}
	}
	e, err := r.Journal.Begin(p.ID, Kind, summary(p), r.now(), c)
	if err != nil {
		return err
	}
	err = r.step("journal")
	if err == nil && p.Strategy == Branch {
		_, err = r.git.Git(ctx, "update-ref", "-m", "wf-ci rollback", p.NewRef, out.New, strings.Repeat("0", len(out.New)))
	} else if err == nil {
		err = r.move(ctx, p.Ref, c.From, c.To)
	}
	if err != nil {
		return r.giveUp(ctx, &e, c, err)
	}
	if err := r.Journal.Mark(&e, journal.Done); err != nil {
		return err
	}
	r.record(Event{ID: e.ID, At: r.now().UTC(), What: "applied", Decided: p.At, Automatic: p.Automatic, Strategy: p.Strategy}, &out.Notes)
	return r.forget()
}

func summary(p *Plan) string {
	switch p.Strategy {
	case Files:
		return fmt.Sprintf("roll back %s to %.12s", strings.Join(first(p.Paths), ", "), p.To)
	case Branch:
		return fmt.Sprintf("rollback branch %s at %.12s", strings.TrimPrefix(p.NewRef, "refs/heads/"), p.To)
	}
	return fmt.Sprintf("revert %d commit(s) of %s", len(p.Commits), strings.TrimPrefix(p.Ref, "refs/heads/"))
}

// unmoved says whether all is as it was when the plan was made.
func (r *Repo) unmoved(ctx context.Context, p *Plan) error {
	again := "wf-ci rollback plan, again"
	if p.Top != r.Top {
		return refusedf("moved", "work there, or plan again here", "it was planned in %s", p.Top)
	}
	now := &Plan{}
	if err := r.where(ctx, now); err != nil {
		return err
	}
	switch {
	case now.Ref != p.Ref:
		return refusedf("moved", again, "it was planned on %s, and %s is checked out", p.Ref, now.Ref)
	case now.Head != p.Head:
		return refusedf("moved", again, "%s was at %.12s when it was planned, and is at %.12s", p.Ref, p.Head, now.Head)
	case now.Upstream != p.Upstream || now.Seen != p.Seen:
		return refusedf("moved", again, "%s has moved since it was planned", now.Upstream)
	case len(now.Reasons) > 0:
		return &RefusedError{now.Reasons}
	}
	if p.ToName == "" {
		return nil
	}
	to, err := r.commit(ctx, p.ToName)
	var gone *UsageError
	if errors.As(err, &gone) || err == nil && to != p.To {
		return refusedf("moved", again, "%s was %.12s when it was planned, and is another commit now", p.ToName, p.To)
	}
	return err
}

// redo computes the plan again, and keeps the objects. What comes out is what was
// planned, or nothing is done.
func (r *Repo) redo(ctx context.Context, p *Plan) error {
	ids, mainline := []string{}, make(map[string]int)
	for _, s := range p.Commits {
		ids, mainline[s.Commit] = append(ids, s.Commit), s.Mainline
	}
	var err error
	if p.Strategy == Revert {
		p.Commits, err = r.reverts(ctx, ids, mainline)
	} else {
		p.Commits, err = r.steps(ctx, ids, mainline)
	}
	if err != nil {
		return err
	}
	planned := p.Tree
	if _, err := r.result(ctx, r.git, p); err != nil {
		return err
	}
	if len(p.Conflicts) > 0 || p.Tree != planned {
		return refusedf("moved", "wf-ci rollback plan, again", "something else comes out than was planned")
	}
	return nil
}

// prepare is the way from what the work tree holds now to what it will hold.
func (r *Repo) prepare(ctx context.Context, p *Plan) (*change, error) {
	now, err := r.capture(ctx, r.git, p.Head)
	if err != nil {
		return nil, err
	}
	next, why, err := r.carry(ctx, r.git, now, p.Tree)
	if err == nil && len(why) == 0 {
		why, err = r.inTheWay(ctx, r.git, now, next)
	}
	if err == nil && len(why) > 0 {
		err = &RefusedError{why}
	}
	if err != nil {
		return nil, err
	}
	base, err := treeOf(ctx, r.git, p.Head)
	if err != nil {
		return nil, err
	}
	dirty, err := changes(ctx, r.git, base, now.Work)
	p.Dirty = nil
	for _, f := range dirty {
		p.Dirty = append(p.Dirty, f.Path)
	}
	return &change{Plan: *p, From: now, To: next}, err
}

// commits makes the commits; no ref names them yet.
func (r *Repo) commits(ctx context.Context, p *Plan) ([]string, error) {
	tip := p.Head
	if p.Strategy == Branch {
		tip = p.To
	}
	if p.Strategy == Files {
		c, err := r.newCommit(ctx, p.Tree, tip, filesMessage(p), nil)
		return []string{c}, err
	}
	start, err := treeOf(ctx, r.git, tip)
	if err != nil {
		return nil, err
	}
	trees, _, err := walk(ctx, r.git, start, p.Commits)
	if err != nil {
		return nil, err
	}
	made := []string{}
	for i, tree := range trees {
		message, env := revertMessage(p.Commits[i], p.Reason), []string(nil)
		if p.Strategy == Branch {
			if message, env, err = r.original(ctx, p.Commits[i]); err != nil {
				return nil, err
			}
		}
		if tip, err = r.newCommit(ctx, tree, tip, message, env); err != nil {
			return nil, err
		}
		made = append(made, tip)
	}
	return made, nil
}

func (r *Repo) newCommit(ctx context.Context, tree, parent, message string, env []string) (string, error) {
	args := []string{"commit-tree", tree, "-p", parent}
	if sign, err := r.git.Line(ctx, "config", "--type=bool", "--get", "commit.gpgSign"); err == nil && sign == "true" {
		args = append(args, "-S")
	}
	id, err := r.git.With(env...).Feed(ctx, strings.NewReader(message), args...)
	if err != nil {
		return "", fmt.Errorf("make the commit: %w", err)
	}
	return strings.TrimSpace(id), nil
}

func revertMessage(s Step, reason string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Revert %q\n\nThis reverts commit %s", s.Subject, s.Commit)
	if s.Merge {
		fmt.Fprintf(&b, ", reversing\nchanges made to %s", s.parent)
	}
	b.WriteString(".\n")
	if reason != "" {
		fmt.Fprintf(&b, "\n%s\n", reason)
	}
	return b.String()
}

func filesMessage(p *Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Roll back %d file(s) to %.12s\n\n", len(p.Files), p.To)
	if p.Reason != "" {
		fmt.Fprintf(&b, "%s\n\n", p.Reason)
	}
	for _, f := range p.Files {
		fmt.Fprintf(&b, "%s %q\n", f.Status, f.Path)
	}
	return b.String()
}

// original is a commit's own message and author.
func (r *Repo) original(ctx context.Context, s Step) (message string, env []string, err error) {
	out, err := r.git.Git(ctx, "log", "-1", "--no-show-signature", "--date=raw", "--format=%an%x00%ae%x00%ad%x00%B", s.Commit, "--")
	f := strings.SplitN(out, "\x00", 4)
	if err == nil && len(f) != 4 {
		err = fmt.Errorf("git log said %.80q", out)
	}
	if err != nil {
		return "", nil, err
	}
	message = strings.TrimRight(f[3], "\n") + "\n\n(cherry picked from commit " + s.Commit + ")\n"
	return message, []string{"GIT_AUTHOR_NAME=" + f[0], "GIT_AUTHOR_EMAIL=" + f[1], "GIT_AUTHOR_DATE=" + f[2]}, nil
}

// move makes a work tree go from one state to another: the files, the branch,
// what is staged. Until the branch has moved it can go back, and after that only
// the index is left to do.
func (r *Repo) move(ctx context.Context, ref string, from, to work) error {
	if err := r.files(ctx, from, to); err != nil {
		return err
	}
	if err := r.step("files"); err != nil {
		return err
	}
	if _, err := r.git.Git(ctx, "update-ref", "-m", "wf-ci rollback", ref, to.Head, from.Head); err != nil {
		return err
	}
	if err := r.step("branch"); err != nil {
		return err
	}
	return r.stage(ctx, from, to)
}

// giveUp puts all back as it was, when something went wrong on the way.
func (r *Repo) giveUp(ctx context.Context, e *journal.Entry, c *change, cause error) error {
	if errors.As(cause, new(stopped)) {
		return cause // a test that ends the program here
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if _, err := r.mend(late, e, c, false); err != nil {
		return errors.Join(cause, fmt.Errorf("put back what was there: %w (wf-ci worktree doctor tries again)", err))
	}
	return cause
}

// stopped is the end of the program, in tests.
type stopped struct{}

func (stopped) Error() string { return "stopped" }

func read(e journal.Entry) (*change, error) {
	c := new(change)
	if err := json.Unmarshal(e.Before, c); err != nil {
		return nil, fmt.Errorf("journal entry %s: %w", e.ID, err)
	}
	return c, nil
}
