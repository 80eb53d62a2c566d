package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Ending is what the end of a day is told, besides the desk.
type Ending struct {
	Team     bool        // commits of everybody count, not only those of the user
	Deserted bool        // nobody works in this work tree: what is not committed there is no work
	Given    Given       // decisions and plans from the command line
	Blockers []string    // become text of the person's
	Ticked   string      // who went through the checklist; empty: nobody now
	Coverage *float64    // measured by the sweep; nil: not known
	Cost     *costs.Nano // of the day; nil: not known
	Trees    []Worktree
}

// Collected is what the day came to, before anything is written.
type Collected struct {
	Context   Context
	Learnings []Learning
	Notes     []string

	saved    Context // what was there
	hasSaved bool
	record   record
}

// window is the stretch of history that is the day.
type window struct {
	base    string // commit; empty: all
	started time.Time
	same    bool // the session that was saved already
	note    string
}

// historyLimit bounds a day; the longest one that somebody forgot to end too.
const historyLimit = 5000

// Collect finds out what the day came to. It writes nothing.
func Collect(ctx context.Context, d Desk, e Ending) (*Collected, error) {
	c := &Collected{}
	c.saved, c.hasSaved = readSaved(d.Dir)
	status, err := d.Repo.Status(ctx)
	if err != nil {
		return nil, err
	}
	w, err := d.window(ctx, c, status.Head)
	if err != nil {
		return nil, err
	}
	if w.note != "" {
		c.Notes = append(c.Notes, w.note)
	}
	own, others, err := d.commits(ctx, w, status.Head, e.Team)
	if err != nil {
		return nil, err
	}
	last, err := d.lastOfPeople(ctx, status.Head)
	if err != nil {
		return nil, err
	}
	c.record = record{Started: w.started, Base: w.base, Unborn: w.base == ""}
	c.Context = Context{
		Schema: ContextSchema, Project: d.Project, Branch: status.Branch, Head: last, Base: w.base,
		Updated: d.Now.UTC().Truncate(time.Second), Started: w.started.UTC().Truncate(time.Second), Duration: duration(w.started, d.Now),
	}
	if err := d.fill(ctx, c, w, status, own, e); err != nil {
		return nil, err
	}
	c.Context.Metrics.Others = len(others)
	c.Learnings = learnings(own, d.Mask)
	for _, text := range c.Context.Given.Decisions {
		c.Learnings = append(c.Learnings, Learning{Kind: "decision", Text: text})
	}
	return c, nil
}

func duration(started, now time.Time) string {
	if started.IsZero() || now.Before(started) {
		return ""
	}
	d := now.Sub(started).Round(time.Minute)
	return fmt.Sprintf("%dh %02dm", int(d.Hours()), int(d.Minutes())%60)
}

// lastOfPeople is HEAD, past the commits with which we end days: they change
// nothing that the context speaks of.
func (d Desk) lastOfPeople(ctx context.Context, head string) (string, error) {
	for head != "" {
		list, err := d.Repo.History(ctx, 1, head)
		if err != nil {
			return "", err
		}
		if len(list) == 0 || list[0].ID != head || !isEnding(list[0]) {
			return head, nil
		}
		parents, err := d.Repo.Parents(ctx, head)
		if err != nil || len(parents) != 1 || !known(ctx, d.Repo, parents[0]) {
			return head, err
		}
		head = parents[0]
	}
	return head, nil
}

// window finds where the day begins: at its start, or where nobody started it,
// at the end of the one before.
func (d Desk) window(ctx context.Context, c *Collected, head string) (window, error) {
	r := readRecord(d.Repo.GitDir)
	switch {
	case r != nil && (r.Ended.IsZero() || sameDay(r.Ended, d.Now)) && d.here(ctx, r.Base):
		return window{base: r.Base, started: r.Started, same: c.hasSaved && c.saved.Base == r.Base}, nil
	case r != nil && !r.Ended.IsZero() && r.Head != "" && d.here(ctx, r.Head):
		return window{base: r.Head, note: "no start was recorded: the day counts from the end of the last one"}, nil
	case c.hasSaved && git.IsID(c.saved.Head) && known(ctx, d.Repo, c.saved.Head):
		return d.afterSaved(ctx, c, head)
	}
	base, err := d.beforeMidnight(ctx, head)
	note := "no start was recorded, and no context: the commits since midnight count (UTC)"
	if r != nil && !r.Unborn {
		note = "the commit at which the day began is not here any more: the commits since midnight count (UTC)"
	}
	return window{base: base, note: note}, err
}

// beforeMidnight is the newest commit of an earlier day; empty: there is none.
func (d Desk) beforeMidnight(ctx context.Context, head string) (string, error) {
	if head == "" {
		return "", nil
	}
	list, err := d.Repo.History(ctx, historyLimit, head)
	if err != nil {
		return "", err
	}
	midnight := d.Now.UTC().Truncate(24 * time.Hour)
	for _, e := range list {
		if e.Time.Before(midnight) {
			return e.ID, nil
		}
	}
	return "", nil
}

// afterSaved is the day after the one that a context in the tree tells of; in a
// clone that is all there is. Where nothing came since, it is that day again.
func (d Desk) afterSaved(ctx context.Context, c *Collected, head string) (window, error) {
	list, err := d.Repo.History(ctx, historyLimit, c.saved.Head+".."+head)
	if err != nil {
		return window{}, err
	}
	fresh := slices.ContainsFunc(list, func(e git.Entry) bool { return !isEnding(e) })
	if !fresh && d.here(ctx, c.saved.Base) {
		return window{base: c.saved.Base, started: c.saved.Started, same: true}, nil
	}
	return window{base: c.saved.Head, note: "no start was recorded: the day counts from the saved context"}, nil
}

// here says whether a commit is in the repository; none is.
func (d Desk) here(ctx context.Context, id string) bool {
	return id == "" || git.IsID(id) && known(ctx, d.Repo, id)
}

func sameDay(a, b time.Time) bool {
	b = b.In(a.Location())
	return a.Format(time.DateOnly) == b.Format(time.DateOnly)
}

// isEnding knows the commits with which a day ends.
func isEnding(e git.Entry) bool { return strings.HasPrefix(e.Subject, CommitSubject) }

// commits are those of the day, newest first: the user's own, and of others
// those that came in between. What a rebase made anew of older commits is not
// the day's.
func (d Desk) commits(ctx context.Context, w window, head string, team bool) (own, others []git.Entry, err error) {
	if head == "" {
		return nil, nil, nil
	}
	revs := []string{head}
	if w.base != "" {
		revs = []string{w.base + "..." + head}
	}
	list, err := d.Repo.History(ctx, historyLimit, revs...)
	if err != nil {
		return nil, nil, err
	}
	me, knownMe, err := d.Repo.Identity(ctx)
	if err != nil {
		return nil, nil, err
	}
	before := make(map[string]bool)
	for _, e := range list {
		if e.Left {
			before[origin(e)] = true
		}
	}
	for _, e := range list {
		if e.Left || isEnding(e) || before[origin(e)] {
			continue
		}
		if team || !knownMe || isBy(e, me.Email) {
			own = append(own, e)
		} else {
			others = append(others, e)
		}
	}
	return own, others, nil
}

// origin names a commit whatever rewrites it: a rebase keeps these.
func origin(e git.Entry) string {
	return fmt.Sprintf("%s\x00%d\x00%s", e.Author.Email, e.Authored.Unix(), e.Subject)
}

// isBy says whether somebody wrote a commit, alone or with others.
func isBy(e git.Entry, email string) bool {
	if strings.EqualFold(e.Author.Email, email) {
		return true
	}
	for line := range strings.Lines(strings.ToLower(e.Body)) {
		if strings.HasPrefix(line, "co-authored-by:") && strings.Contains(line, "<"+strings.ToLower(email)+">") {
			return true
		}
	}
	return false
}

// fill puts the lists and the figures into the context.
func (d Desk) fill(ctx context.Context, c *Collected, w window, status git.Status, own []git.Entry, e Ending) error {
	x := &c.Context
	clean := func(text string) string { return Clean(d.Mask(text)) }
	_, text := readContext(d.Dir)
	tasks := Tasks(maskLines(text["TASK.md"], d.Mask))
	for i := len(own) - 1; i >= 0; i-- { // oldest first, as they were made
		x.Completed = append(x.Completed, Achievement{Source: "git", Text: clean(own[i].Subject), Commit: own[i].ID, Completed: true})
	}
	ticked, err := d.ticked(ctx, w, tasks)
	if err != nil {
		return err
	}
	for _, t := range ticked {
		x.Completed = append(x.Completed, Achievement{Source: "task", Text: t, Completed: true})
	}
	d.todos(c, w)
	if e.Deserted {
		status.Dirty = nil
	}
	x.InProgress = d.progress(tasks, status, e.Trees)
	x.Blockers = []string{}
	for _, t := range tasks {
		if t.State == Blocked {
			x.Blockers = append(x.Blockers, t.Text)
		}
	}
	for _, tree := range e.Trees {
		for _, b := range tree.Blockers {
			x.Blockers = append(x.Blockers, clean(tree.Name+": "+b))
		}
	}
	written := ReadSections(maskLines(text["PROJECT_CONTEXT.md"], d.Mask)).Blockers
	x.ByHand = slices.DeleteFunc(union(union([]string{}, written, clean), e.Blockers, clean), func(b string) bool {
		return slices.Contains(x.Blockers, b) || slices.Contains(c.saved.Blockers, b)
	})
	if w.same {
		x.Given, x.Checklist = c.saved.Given, c.saved.Checklist
	}
	x.Given.Decisions = union(x.Given.Decisions, e.Given.Decisions, clean)
	x.Given.Next = union(x.Given.Next, e.Given.Next, clean)
	if e.Ticked != "" && x.Checklist == nil {
		x.Checklist = &Ticked{By: clean(e.Ticked), At: x.Updated}
	}
	x.Decisions = []string{}
	for _, l := range learnings(own, d.Mask) {
		if l.Kind == "decision" {
			x.Decisions = union(x.Decisions, []string{l.Text}, clean)
		}
	}
	x.Decisions = union(x.Decisions, x.Given.Decisions, clean)
	x.Tomorrow = union([]string{}, x.Given.Next, clean)
	for _, item := range buildQueue(queueInput{tasks: tasks}, func(string) Assignment { return Assignment{} }) {
		if len(x.Tomorrow) < tomorrowLimit && item.State != Blocked {
			x.Tomorrow = union(x.Tomorrow, []string{item.Task}, clean)
		}
	}
	return d.metrics(ctx, x, w, own, status.Head, e)
}

// tomorrowLimit is how many priorities the next day gets by itself.
const tomorrowLimit = 5

// union adds what is not there yet.
func union(list, more []string, clean func(string) string) []string {
	for _, text := range more {
		if text = clean(text); text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// ticked are the tasks that are done now, and were not when the day began.
func (d Desk) ticked(ctx context.Context, w window, tasks []Task) ([]string, error) {
	if w.base == "" {
		return nil, nil // nobody knows what was ticked before
	}
	old, err := d.Repo.ReadFile(ctx, w.base, "TASK.md", readLimit)
	if err != nil {
		return nil, err
	}
	before := make(map[string]bool)
	for _, t := range Tasks(maskLines(string(old), d.Mask)) {
		if t.State == Done {
			before[t.Text] = true
		}
	}
	var list []string
	for _, t := range tasks {
		if t.State == Done && !before[t.Text] {
			before[t.Text] = true
			list = append(list, t.Text)
		}
	}
	return list, nil
}

// todos adds the todos that were done in this session.
func (d Desk) todos(c *Collected, w window) {
	x := &c.Context
	x.TodosDone = []string{}
	earlier := make(map[string]bool)
	for _, t := range c.saved.TodosDone {
		earlier[t] = true
	}
	if w.same {
		for _, a := range c.saved.Completed {
			if a.Source == "todo" {
				earlier[a.Text] = false
			}
		}
	}
	for _, content := range completedTodos(d.Dir) {
		content = Clean(d.Mask(content))
		if slices.Contains(x.TodosDone, content) {
			continue
		}
		x.TodosDone = append(x.TodosDone, content)
		if !earlier[content] {
			x.Completed = append(x.Completed, Achievement{Source: "todo", Text: content, Completed: true})
		}
	}
	if x.Completed == nil {
		x.Completed = []Achievement{}
	}
}

// progress is what is being worked on: tasks, worktrees, and what is not
// committed.
func (d Desk) progress(tasks []Task, status git.Status, trees []Worktree) []Work {
	list := []Work{}
	for _, t := range tasks {
		if t.State == InProgress {
			list = append(list, Work{Task: t.Text, Status: "in progress"})
		}
	}
	for _, tree := range trees {
		if tree.Main || !tree.Active {
			continue
		}
		list = append(list, d.treeWork(tree))
	}
	dirty := 0
	for _, path := range status.Dirty {
		if !isOwned(path) {
			dirty++
		}
	}
	if dirty > 0 {
		list = append(list, Work{Task: "Uncommitted changes", Branch: Clean(d.Mask(status.Branch)), Status: plural(dirty, "file")})
	}
	return list
}

// treeWork is the work that goes on in a worktree.
func (d Desk) treeWork(tree Worktree) Work {
	w := Work{Task: Clean(d.Mask(tree.Name)), Branch: Clean(d.Mask(tree.Branch)), Status: tree.Progress}
	if len(tree.Ports) > 0 {
		w.Branch += fmt.Sprintf(" @ %d", tree.Ports[0])
	}
	if len(tree.Blockers) > 0 {
		w.Hold = Clean(d.Mask(tree.Blockers[0]))
	}
	return w
}

// isOwned says whether the end of a day writes a path.
func isOwned(path string) bool {
	return slices.Contains([]string{contextName, savedName, todosName, "CLAUDE.md"}, path) ||
		strings.HasPrefix(path, "docs/learnings/") || strings.HasPrefix(path, "costs/")
}
