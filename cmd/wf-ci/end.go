package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/session"
	"github.com/wf-ci/wf-ci/worktree"
)

// endCmd ends the day.
type endCmd struct {
	Dir       string   `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Yes       bool     `short:"y" help:"Ask nothing; the worktrees whose work has arrived are removed."`
	Push      bool     `help:"Commit what the day has written, and push the branch. Never by force."`
	CI        bool     `name:"ci" help:"For a scheduled workflow: nothing is asked, the commits of everybody count, and what is written is committed and pushed."`
	JSON      bool     `name:"json" help:"Write JSON to stdout."`
	AllGates  bool     `help:"Run all gates, not only those of security: also gives the coverage."`
	Offline   bool     `help:"Use no network."`
	Confirm   bool     `help:"Record that you went through the manual checklist."`
	ReportDir string   `default:".security" placeholder:"DIR" help:"Where the sweep's reports for machines are kept; git is told to ignore it."`
	Blocker   []string `sep:"none" placeholder:"TEXT" help:"Something that holds up the work; it stays in the context until you take it out. Repeatable."`
	Decision  []string `sep:"none" placeholder:"TEXT" help:"A decision of today. Repeatable."`
	Next      []string `sep:"none" placeholder:"TEXT" help:"What to do first tomorrow. Repeatable."`
	Learned   []string `sep:"none" placeholder:"TEXT" help:"Something learned: TEXT, or mistake: TEXT, tool: TEXT, optimization: TEXT. Repeatable."`
}

// sweepGates are the gates G1 to G6.
var sweepGates = []string{"secrets", "history", "env-files", "permissions", "sast", "deps"}

// endSchema names the form of an ended day as JSON.
const endSchema = "wf-ci/end/v1"

// ended is what the end of a day came to.
type ended struct {
	Schema    string             `json:"schema"`
	Project   string             `json:"project"`
	Sweep     sweep              `json:"sweep"`
	Steps     []endStep          `json:"steps"`
	Checklist []string           `json:"checklist"`
	Context   *session.Context   `json:"context"` // null: nothing was written
	Learnings []session.Learning `json:"learnings"`
	Worktrees []removal          `json:"worktrees"`
	CostToday *costs.Nano        `json:"cost_today"`
	Backup    string             `json:"backup"`
	Changed   []string           `json:"changed"` // files
	Commit    string             `json:"commit"`
	Pushed    bool               `json:"pushed"`
	Notes     []string           `json:"notes"`
}

// sweep is the security sweep, in short; the whole verdict is in the reports.
type sweep struct {
	Verdict gates.Decision `json:"verdict"`
	Reasons []string       `json:"reasons"`
	Gates   []sweepGate    `json:"gates"`
}

type sweepGate struct {
	ID       string       `json:"id"`
	Status   gates.Status `json:"status"`
	Reason   string       `json:"reason"`
	Findings int          `json:"findings"`
}

// endStep is one step and its result.
type endStep struct {
	Name    string `json:"name"`
	Status  string `json:"status"` // ok, skipped, warning, failed
	Message string `json:"message"`
}

// removal is what became of a worktree.
type removal struct {
	Name   string `json:"name"`
	Action string `json:"action"`
	Reason string `json:"reason"`
}

// evening is an end in the making.
type evening struct {
	*endCmd
	a       *app
	desk    *desk
	out     *ended
	verdict *gates.Verdict
	ending  session.Ending
	base    string // what the day's commit comes on, where that is not what was swept
}

func (c *endCmd) Run(ctx context.Context, a *app) error {
	d, done, err := a.desk(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	if d.Repo == nil {
		return usagef("%s is not in a git repository: there is nothing to sweep (git init makes one)", d.Dir)
	}
	unlock, err := d.Lock(ctx)
	if err != nil {
		return undecided{err}
	}
	defer unlock()
	e := &evening{endCmd: c, a: a, desk: d, out: &ended{
		Schema: endSchema, Project: session.Clean(d.Mask(d.Project)), Steps: []endStep{}, Checklist: session.Checklist(), Learnings: []session.Learning{},
		Worktrees: []removal{}, Changed: []string{}, Notes: []string{},
	}}
	if err := e.sweep(ctx); err != nil {
		return err
	}
	if e.verdict.Decision != gates.Fail {
		if err := e.write(ctx); err != nil {
			return err
		}
	}
	e.tellDay(ctx)
	if err := e.show(); err != nil {
		return err
	}
	return e.status()
}

// sweep runs the gates: the same as in CI.
func (e *evening) sweep(ctx context.Context) error {
	o := options{dir: e.Dir, offline: e.Offline, sweep: sweepGates}
	if e.AllGates {
		o.sweep = nil
	}
	v, err := e.a.judgeLive(ctx, o)
	if err != nil {
		return err
	}
	e.verdict = v
	s := sweep{Verdict: v.Decision, Reasons: v.Reasons, Gates: []sweepGate{}}
	for _, g := range v.Gates {
		if o.sweep == nil || slices.Contains(o.sweep, g.ID) {
			s.Gates = append(s.Gates, sweepGate{g.ID, g.Status, g.Reason, len(g.Findings)})
		}
	}
	e.out.Sweep = s
	switch v.Decision {
	case gates.Pass:
		e.step("security", "ok", "the sweep passed")
	case gates.Fail:
		e.step("security", "failed", "the sweep failed: nothing was written")
	default:
		e.step("security", "warning", "the sweep could not look at everything: "+strings.Join(v.Reasons, "; "))
	}
	if v.Decision != gates.Fail || e.ReportDir != ".security" {
		e.do("reports", func() (string, error) { return e.reports() })
	}
	return nil
}

// reports keeps the verdict for machines, out of git's sight.
func (e *evening) reports() (string, error) {
	dir := inside(e.desk.Dir, e.ReportDir)
	if err := session.ReportDir(e.desk.Dir, dir); err != nil {
		return "", err
	}
	day := e.desk.Now.Format("20060102")
	for name, format := range map[string]report.Format{"wf-ci-" + day + ".json": report.JSON, "wf-ci-" + day + ".sarif": report.SARIF} {
		if err := e.a.write(output{format: format, path: filepath.Join(dir, name)}, e.verdict); err != nil {
			return "", err
		}
	}
	return "kept in " + e.ReportDir, nil
}

func (e *evening) step(name, status, message string) {
	e.out.Steps = append(e.out.Steps, endStep{name, status, session.Clean(e.a.redactor.Redact(message))})
}

// do carries out a step and keeps its result. False: it failed; those after it
// that do not need it go on.
func (e *evening) do(name string, fn func() (string, error)) bool {
	message, err := fn()
	if err != nil {
		e.step(name, "failed", err.Error())
		return false
	}
	e.step(name, "ok", cmp.Or(message, "done"))
	return true
}

// write writes down the day, in the order of the protocol: context, costs,
// worktrees, learnings, backup.
func (e *evening) write(ctx context.Context) error {
	home := e.a.home()
	spent, err := e.spent(ctx)
	if err != nil {
		e.out.Notes = append(e.out.Notes, "costs not looked at: "+session.Clean(e.a.redactor.Redact(err.Error())))
	}
	e.out.CostToday = spent
	plan := e.plan(ctx)
	e.ending = session.Ending{
		Team: e.CI, Given: session.Given{Decisions: e.Decision, Next: e.Next}, Ticked: e.ticked(ctx),
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
	all, err := b.ledger.Entries()
	if err != nil {
		return "", err
	}
	if len(all) > 0 {
		if all, err = b.ledger.Rebuild(ctx, b.budget, b.zone); err != nil {
			return "", err
		}
	}
	e.a.warn(b, all, e.desk.Now)
	today := b.budget.Standing(all, b.zone, e.desk.Now)[0]
	return fmt.Sprintf("today %s of %s", today.Spent.Cents(), today.Soft.Cents()), nil
}

// plan is what would become of the worktrees: a pure read.
func (e *evening) plan(ctx context.Context) []worktree.Outcome {
	if !e.desk.trees {
		return nil
	}
	p, done, err := e.a.openProject(ctx, e.desk.Dir)
	if err == nil {
		defer done()
		var list []worktree.Outcome
		if list, err = p.Clean(ctx, true); err == nil {
			return list
		}
	}
	e.out.Notes = append(e.out.Notes, "worktrees not looked at: "+session.Clean(e.a.redactor.Redact(err.Error())))
	return nil
}

// trees are the worktrees in which work goes on: not those whose work has
// arrived.
func (e *evening) trees(ctx context.Context, plan []worktree.Outcome) []session.Worktree {
	if !e.desk.trees {
		return nil
	}
	list, _, err := e.desk.Worktrees(ctx)
	if err != nil {
		return nil // plan has said so
	}
	var going []session.Worktree
	for _, w := range list {
		if w.Stale {
			e.out.Notes = append(e.out.Notes, "stale: "+session.Clean(e.a.redactor.Redact(w.Name+": "+w.Advice)))
		}
		if !slices.ContainsFunc(plan, func(o worktree.Outcome) bool { return o.Path == w.Path && o.Action == "would-remove" }) {
			going = append(going, w)
		}
	}
	return going
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

// coverage is what the sweep has measured; nil: it did not.
func (e *evening) coverage() *float64 {
	for _, g := range e.verdict.Gates {
		if value, ok := g.Metrics["coverage"]; g.ID == "coverage" && ok {
			return &value
		}
	}
	return nil
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

// save writes the context. What a person had is backed up before anything of it
// is touched.
func (e *evening) save(home string, found *session.Collected) (string, error) {
	if _, err := e.backup(home); err != nil {
		return "", fmt.Errorf("back up what is there: %w", err)
	}
	var blockers []string
	for _, text := range e.Blocker {
		if text = session.Clean(e.a.redactor.Redact(text)); text != "" {
			blockers = append(blockers, text)
		}
	}
	changed, err := e.desk.Save(found, blockers)
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

// clean removes the worktrees whose work has arrived, where that was agreed to
// and everything could be looked at.
func (e *evening) clean(ctx context.Context, plan []worktree.Outcome) (string, error) {
	arrived := 0
	for _, o := range plan {
		if o.Action == "would-remove" {
			arrived++
		}
	}
	agreed := arrived > 0 && e.verdict.Decision == gates.Pass
	if agreed && !e.Yes && !e.CI {
		agreed = e.a.ask(fmt.Sprintf("%s whose work has arrived: remove?", gates.Plural(arrived, "worktree")))
	}
	if !agreed {
		return e.cleaned(plan)
	}
	p, done, err := e.a.openProject(ctx, e.desk.Dir)
	if err != nil {
		return "", err
	}
	defer done()
	list, err := p.Clean(ctx, false)
	if err != nil {
		return "", err
	}
	return e.cleaned(list)
}

func (e *evening) cleaned(list []worktree.Outcome) (string, error) {
	if len(list) == 0 {
		return "there are none", nil
	}
	removed, waiting := 0, 0
	var failed []string
	for _, o := range list {
		r := removal{Name: session.Clean(e.a.redactor.Redact(o.Name)), Action: o.Action, Reason: session.Clean(e.a.redactor.Redact(o.Error))}
		if len(o.Reasons) > 0 {
			r.Reason = session.Clean(e.a.redactor.Redact(o.Reasons[0].Detail))
		}
		e.out.Worktrees = append(e.out.Worktrees, r)
		switch o.Action {
		case "removed":
			removed++
			e.a.finish(o.Removed)
		case "would-remove":
			waiting++
		case "error":
			failed = append(failed, r.Name+": "+r.Reason)
		}
	}
	if len(failed) > 0 {
		return "", errors.New(strings.Join(failed, "; "))
	}
	text := fmt.Sprintf("%d removed, %d kept", removed, len(list)-removed)
	if waiting > 0 {
		text += fmt.Sprintf("; %d could go: wf-ci worktree clean", waiting)
	}
	return text, nil
}

// ask asks a person; where nobody is there to answer, the answer is no.
func (a *app) ask(question string) bool {
	if a.errWidth == 0 || a.stdin == nil {
		return false
	}
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	var answer [64]byte
	n, _ := a.stdin.Read(answer[:])
	return n > 0 && (answer[0] == 'y' || answer[0] == 'Y')
}

// show prints the end of the day.
func (e *evening) show() error {
	if e.JSON {
		return writeJSON(e.a.rawOut, e.out)
	}
	if e.verdict.Decision != gates.Pass {
		if err := e.a.showVerdict(e.verdict); err != nil {
			return err
		}
	}
	return e.summary(e.a.stdout)
}

// showVerdict prints a verdict for people.
func (a *app) showVerdict(v *gates.Verdict) error {
	style := a.style(a.outWidth)
	style.Brief = true
	return report.Text(style)(a.stdout, v)
}

func (e *evening) summary(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("End of day: %s · %s", e.out.Project, e.desk.Now.Format("2006-01-02 15:04"))
	for _, s := range e.out.Steps {
		line("  %-8s %s: %s", s.Status, s.Name, s.Message)
	}
	if c := e.out.Context; c != nil {
		line("  completed: %d · in progress: %d · blockers: %d · duration: %s", len(c.Completed), len(c.InProgress), len(c.Blockers), cmp.Or(c.Duration, "not known"))
	}
	for _, n := range e.out.Notes {
		line("  note: %s", n)
	}
	if e.verdict.Decision != gates.Fail && !e.CI && (e.out.Context == nil || e.out.Context.Checklist == nil) {
		line("Before you go (--confirm records that you did):")
		for _, item := range e.out.Checklist {
			line("  [ ] %s", item)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// status is the exit status: the sweep's first, then what could not be done.
func (e *evening) status() error {
	if e.verdict.Decision != gates.Pass {
		return verdictError{e.verdict.Decision}
	}
	for _, s := range e.out.Steps {
		if s.Status == "failed" {
			return undecided{fmt.Errorf("the day could not be ended: %s: %s", s.Name, s.Message)}
		}
	}
	return nil
}
