package session

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Desk is where the day happens, and what it asks others. A nil function is
// something that is not asked for.
type Desk struct {
	Dir     string    // top of the project, absolute. Required.
	Project string    // its name. Required.
	Repo    *git.Repo // nil: no repository
	Now     time.Time // Required.
	// Mask takes the secrets out of a text. Required.
	Mask func(string) string
	// Costs is where the budget stands.
	Costs func(context.Context) (*Costs, error)
	// Worktrees lists those of the repository.
	Worktrees func(context.Context) ([]Worktree, Resources, error)
	// Checks looks at env files and dependencies, to warn.
	Checks func(context.Context) []Check
	// Route names an agent for a task.
	Route      func(task string) Assignment
	FreeMemory int64 // bytes; zero: not known
	// Remember is told of each file that is about to be written, and of what it
	// will hold: an error keeps it from being written. Optional.
	Remember func(path string, data []byte) error
}

// recentCommits is how many commits the queue is held against.
const recentCommits = 30

// found is what a start finds out, each part by its own goroutine.
type found struct {
	status    git.Status
	history   []git.Entry
	refs      []git.Ref
	files     []File
	text      map[string]string
	saved     Context
	hasSaved  bool
	costs     *Costs
	worktrees []Worktree
	resources Resources
	checks    []Check
	types     []string
	ahead     [2]int
	against   string
	errs      [6]error // by part
}

// Start gathers the day. It fails for nothing that is missing: what could not
// be looked at is a note.
func Start(ctx context.Context, d Desk) (*Day, error) {
	f := d.gather(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	day := &Day{
		Schema: DaySchema, Project: Clean(d.Mask(d.Project)), Root: d.Dir, Types: f.types, Now: d.Now, Files: f.files, Costs: f.costs,
		Worktrees: f.worktrees, Resources: f.resources, Checks: f.checks, Changed: []string{}, Notes: []string{},
	}
	day.Resources.FreeMemory = d.FreeMemory
	if day.Resources.NextPorts == nil {
		day.Resources.NextPorts = []int{}
	}
	if day.Worktrees == nil {
		day.Worktrees = []Worktree{}
	}
	if day.Checks == nil {
		day.Checks = []Check{}
	}
	for i := range f.history {
		f.history[i].Subject = Clean(d.Mask(f.history[i].Subject))
	}
	d.git(day, f)
	d.session(day, f)
	d.work(day, f)
	d.changed(ctx, day, f)
	d.notes(day, f)
	return day, nil
}

// gather asks everything side by side.
func (d Desk) gather(ctx context.Context) *found {
	f := &found{types: []string{}}
	parts := []func(){
		func() { f.types = Detect(d.Dir) },
		func() { f.files, f.text = readContext(d.Dir) },
		func() { f.saved, f.hasSaved = readSaved(d.Dir) },
	}
	if d.Costs != nil {
		parts = append(parts, func() { f.costs, f.errs[3] = d.Costs(ctx) })
	}
	if d.Worktrees != nil {
		parts = append(parts, func() { f.worktrees, f.resources, f.errs[4] = d.Worktrees(ctx) })
	}
	if d.Checks != nil {
		parts = append(parts, func() { f.checks = d.Checks(ctx) })
	}
	if d.Repo != nil {
		parts = append(parts,
			func() { f.status, f.errs[0] = d.Repo.Status(ctx) },
			func() { f.history, f.errs[1] = d.recentHistory(ctx) },
			func() { f.refs, f.errs[2] = d.Repo.Branches(ctx) },
		)
	}
	each(len(parts), func(i int) { parts[i]() })
	if d.Repo != nil {
		d.compare(ctx, f)
	}
	return f
}

func (d Desk) recentHistory(ctx context.Context) ([]git.Entry, error) {
	list, err := d.Repo.History(ctx, recentCommits, "HEAD")
	if err != nil {
		if head, headErr := d.Repo.Head(ctx); headErr == nil && head == "" {
			return nil, nil // before the first commit
		}
	}
	return list, err
}

// compare counts what the branch is ahead of the upstream, which git's status
// has told, or of the default branch.
func (d Desk) compare(ctx context.Context, f *found) {
	rev, name := git.Default(f.refs)
	switch {
	case f.status.Tracked:
		f.ahead, f.against = [2]int{f.status.Ahead, f.status.Behind}, f.status.Upstream
	case f.status.Head != "" && rev != "" && rev != "refs/heads/"+f.status.Branch:
		f.ahead[0], f.ahead[1], f.errs[5] = d.Repo.AheadBehind(ctx, "HEAD", rev)
		f.against = name
	}
}

// each calls fn with every number below n, side by side.
func each(n int, fn func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { fn(i) })
	}
	group.Wait()
}

// git fills in where the repository stands.
func (d Desk) git(day *Day, f *found) {
	if d.Repo == nil {
		return
	}
	_, name := git.Default(f.refs)
	s := f.status
	g := &GitState{
		Branch: s.Branch, Head: s.Head, DefaultBranch: name, Upstream: s.Upstream, Ahead: f.ahead[0], Behind: f.ahead[1], Against: f.against,
		Staged: s.Staged, Unstaged: s.Unstaged, Untracked: s.Untracked, Conflicts: s.Conflicts, Commits: []Commit{},
	}
	for _, e := range f.history[:min(5, len(f.history))] {
		g.Commits = append(g.Commits, Commit{ID: e.ID, Subject: e.Subject, Time: e.Time, Age: Age(d.Now.Sub(e.Time))})
	}
	day.Git = g
}

// session begins the day, or goes on with it.
func (d Desk) session(day *Day, f *found) {
	day.Session.Started = d.Now
	if d.Repo == nil {
		return
	}
	r, continued, note := begin(readRecord(d.Repo.GitDir), f.status.Head, d.Now)
	day.Session = Session{Started: r.Started, Continued: continued, Base: r.Base}
	if note != "" {
		day.Notes = append(day.Notes, note)
	}
	if continued || f.errs[0] != nil {
		return
	}
	if err := r.write(d.Repo.GitDir); err != nil {
		day.Notes = append(day.Notes, "the beginning of the day could not be written down, and `end` will count from the last context: "+err.Error())
	}
}

// work fills in what there is to do.
func (d Desk) work(day *Day, f *found) {
	for name, text := range f.text {
		f.text[name] = maskLines(text, d.Mask)
	}
	sections := ReadSections(f.text[contextName])
	tasks := Tasks(f.text["TASK.md"])
	day.Completed = orEmpty(sections.Completed)
	day.InProgress = orEmpty(sections.InProgress)
	for _, t := range tasks {
		if t.State == InProgress && !hasWork(day.InProgress, t.Text) {
			day.InProgress = append(day.InProgress, Work{Task: t.Text, Status: "TASK.md"})
		}
	}
	day.Blockers = orEmpty(sections.Blockers)
	for _, t := range tasks {
		if t.State == Blocked {
			day.Blockers = append(day.Blockers, t.Text)
		}
	}
	for _, w := range day.Worktrees {
		if work := d.treeWork(w); !w.Main && w.Active && !hasWork(day.InProgress, work.Task) {
			day.InProgress = append(day.InProgress, work)
		}
		for _, b := range w.Blockers {
			day.Blockers = append(day.Blockers, Clean(d.Mask(w.Name+": "+b)))
		}
	}
	route := d.Route
	if route == nil {
		route = func(string) Assignment { return Assignment{} }
	}
	day.Queue = buildQueue(queueInput{tasks: tasks, sections: sections, commits: f.history}, route)
	day.Todos = Todos(day.Queue)
}

func hasWork(list []Work, task string) bool {
	for _, w := range list {
		if strings.EqualFold(w.Task, task) {
			return true
		}
	}
	return false
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// maskLines masks a text line by line: the mask is made for short texts. Lines
// that are not for people are passed over.
func maskLines(text string, mask func(string) string) string {
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.Lines(text) {
		if len(line) > 16<<10 {
			line = line[:16<<10] + "\n"
		}
		b.WriteString(mask(line))
	}
	return b.String()
}

// changed says what is other than when the context was saved.
func (d Desk) changed(ctx context.Context, day *Day, f *found) {
	say := func(format string, args ...any) { day.Changed = append(day.Changed, fmt.Sprintf(format, args...)) }
	if !f.hasSaved {
		if f.text[contextName] == "" {
			say("no saved context: this is a fresh start (`wf-ci local end` saves one)")
		}
		return
	}
	s := f.saved
	if s.Project != "" && s.Project != d.Project {
		say("the context was saved for the project %q, and this is %q", Clean(s.Project), Clean(d.Project))
	}
	if day.Git == nil || f.errs[0] != nil {
		return
	}
	if s.Branch != day.Git.Branch {
		say("branch: %s when it was saved, %s now", orNone(Clean(s.Branch)), orNone(day.Git.Branch))
	}
	if s.Head == day.Git.Head || s.Head == "" {
		return
	}
	if !git.IsID(s.Head) || !known(ctx, d.Repo, s.Head) {
		say("the commit at which it was saved (%.7s) is not here any more", Clean(s.Head))
		return
	}
	if ahead, behind, err := d.Repo.AheadBehind(ctx, "HEAD", s.Head); err == nil {
		switch {
		case behind > 0:
			say("commits: %d new, and %d of then are not on this branch", ahead, behind)
		case ahead > 0 && !onlyOurs(f.history, ahead):
			say("commits: %d new", ahead)
		}
	}
}

// onlyOurs says whether the newest commits are the one that ended the day.
func onlyOurs(history []git.Entry, n int) bool {
	return n == 1 && len(history) > 0 && strings.HasPrefix(history[0].Subject, CommitSubject)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// parts are the names of what found.errs are about.
var parts = [...]string{"git's status", "the history", "the branches", "the costs", "the worktrees", "the default branch"}

func (d Desk) notes(day *Day, f *found) {
	if d.Repo == nil {
		day.Notes = append(day.Notes, "not a git repository: files only")
	}
	for i, err := range f.errs {
		if err != nil {
			day.Notes = append(day.Notes, fmt.Sprintf("not looked at: %s: %s", parts[i], Clean(d.Mask(err.Error()))))
		}
	}
	for _, file := range f.files {
		if file.Note != "" {
			day.Notes = append(day.Notes, file.Path+": "+file.Note)
		}
	}
}

// Age is a duration for people: the largest unit that fits.
func Age(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{365 * 24 * time.Hour, "year"}, {30 * 24 * time.Hour, "month"}, {7 * 24 * time.Hour, "week"}, {24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / unit.of); n > 0 {
			return plural(n, unit.name) + " ago"
		}
	}
	return "now"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// ProjectName is the name of the project in a directory.
func ProjectName(dir string) string { return filepath.Base(dir) }
