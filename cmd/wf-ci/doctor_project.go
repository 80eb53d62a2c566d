package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/deps"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/session"
	"github.com/wf-ci/wf-ci/workflow/hook"
	setup "github.com/wf-ci/wf-ci/workflow/project"
)

// doctorSchema names the form of what doctor says as JSON.
const doctorSchema = "wf-ci/doctor/v1"

// examination is what doctor says.
type examination struct {
	Schema  string    `json:"schema"`
	Healthy bool      `json:"healthy"` // no problem, and nothing unknown
	Checks  []checkup `json:"checks"`
}

// checkup is one thing that was looked at.
type checkup struct {
	ID     string `json:"id"`
	Status string `json:"status"` // ok, hint (it would be better), problem, unknown (it could not be looked at), skipped
	Text   string `json:"text"`
	Fix    string `json:"fix"` // the command, or what else to do; empty: nothing
}

// doctor is an examination in the making.
type doctor struct {
	a      *app
	dir    string // as it was named
	repo   *git.Repo
	work   git.Work
	config *config.Config // nil: it is not valid
	checks []checkup
}

func (d *doctor) say(id, status, text, fix string) {
	text, fix = d.a.redactor.Redact(text), d.a.redactor.Redact(fix)
	d.checks = append(d.checks, checkup{id, status, report.Visible(strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")), report.Visible(fix)})
}

// unknown says that something could not be looked at.
func (d *doctor) unknown(id string, err error) { d.say(id, "unknown", err.Error(), "") }

// project looks at this machine and this repository, at each thing in turn.
func (c *doctorCmd) project(ctx context.Context, a *app) error {
	p, done, err := a.repository(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	d := &doctor{a: a, dir: c.Dir, repo: p.repo, work: p.work()}
	for _, look := range []func(context.Context){d.git, d.settings, d.tools, d.structure, d.hook, d.workflow, d.worktrees, d.ledger, d.saved} {
		if look(ctx); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := c.showChecks(a, d.checks); err != nil {
		return err
	}
	return d.status()
}

// has says whether a check came to this.
func (d *doctor) has(status string) bool {
	return slices.ContainsFunc(d.checks, func(k checkup) bool { return k.Status == status })
}

// status is 2 where the configuration is not valid, as everywhere; else a
// problem outranks what could not be looked at.
func (d *doctor) status() error {
	switch {
	case d.config == nil:
		return usagef("the configuration is not valid")
	case d.has("problem"):
		return refused{}
	case d.has("unknown"):
		return undecided{errors.New("not everything could be looked at")}
	}
	return nil
}

func (c *doctorCmd) showChecks(a *app, checks []checkup) error {
	bad := slices.ContainsFunc(checks, func(k checkup) bool { return k.Status == "problem" || k.Status == "unknown" })
	if c.JSON {
		return writeJSON(a.rawOut, examination{doctorSchema, !bad, checks})
	}
	for _, k := range checks {
		fmt.Fprintf(a.stdout, "%-8s %s: %s\n", k.Status, k.ID, k.Text)
		if k.Fix != "" {
			fmt.Fprintf(a.stdout, "         %s\n", k.Fix)
		}
	}
	return nil
}

// gitLeast is the git that merges without a work tree.
var gitLeast = [2]int{2, 38}

func (d *doctor) git(ctx context.Context) {
	version, err := d.repo.Version(ctx)
	if err != nil {
		d.unknown("git", err)
		return
	}
	if v := numbers(version); slices.Compare(v[:], gitLeast[:]) < 0 {
		d.say("git", "problem", fmt.Sprintf("git %s is too old to merge and to roll back: %d.%d or newer", version, gitLeast[0], gitLeast[1]), "install a newer git (https://git-scm.com/downloads)")
		return
	}
	d.say("git", "ok", "git "+version, "")
}

// numbers are the first two of a version.
func numbers(version string) (v [2]int) {
	for i, part := range strings.SplitN(version, ".", 3)[:min(2, strings.Count(version, ".")+1)] {
		v[i], _ = strconv.Atoi(part)
	}
	return v
}

func (d *doctor) settings(ctx context.Context) {
	cfg, name, err := loadConfig(ctx, fromDisk(d.repo.Dir, configLimit), "", "")
	switch {
	case err != nil:
		d.say("config", "problem", err.Error(), "wf-ci config check")
		return
	case name == "":
		d.say("config", "hint", "there is none; every gate runs with its defaults", "wf-ci init")
	default:
		d.say("config", "ok", name+" is valid", "")
	}
	d.config = cfg
}

// tools asks the gates that apply what they would start, and what of it is not
// here.
func (d *doctor) tools(ctx context.Context) {
	if d.config == nil {
		d.say("tools", "skipped", "without a valid configuration nobody knows which gates apply", "")
		return
	}
	j, err := d.a.prepare(ctx, options{dir: d.dir})
	if err != nil {
		d.unknown("tools", err)
		return
	}
	defer j.close()
	apply, before := 0, len(d.checks)
	var missing lacking
	for _, f := range gates.PlanAll(ctx, j.target, j.list, j.leftOut) {
		if f.Err == nil && f.Plan.Skip != "" {
			continue
		}
		lacks, err := gates.LacksOf(ctx, f.Gate, j.target)
		if err = errors.Join(f.Err, err); err != nil {
			d.unknown("tools", fmt.Errorf("%s: %w", f.Gate.ID, err))
			continue
		}
		apply++
		for _, l := range lacks {
			g := j.policy.config.Gates.Get(f.Gate.ID)
			missing.add(f.Gate.ID, l, g == nil || g.Required)
		}
		if f.Gate.ID == "deps" {
			defer d.databases(j.policy.config)
		}
	}
	missing.tell(d)
	if len(d.checks) == before {
		d.say("tools", "ok", gates.Plural(apply, "gate")+" apply here, and what they start is installed", "")
	}
}

// lacking are tools that are not here, each with the gates that want it.
type lacking []struct {
	gates.Lack
	gates    []string
	required bool
}

func (l *lacking) add(gate string, lack gates.Lack, required bool) {
	for i := range *l {
		if x := &(*l)[i]; x.Tool == lack.Tool {
			x.gates = append(x.gates, gate)
			x.required = x.required || required
			return
		}
	}
	*l = append(*l, struct {
		gates.Lack
		gates    []string
		required bool
	}{lack, []string{gate}, required})
}

func (l lacking) tell(d *doctor) {
	for _, x := range l {
		status, then := "problem", "inconclusive without it"
		if !x.required {
			status, then = "hint", "not required"
		}
		d.say("tools", status, fmt.Sprintf("%s is not installed (%s: %s)", x.Tool, strings.Join(x.gates, ", "), then), x.Remedy)
	}
}

// databases are only read where osv.dev cannot be asked.
func (d *doctor) databases(cfg *config.Config) {
	dir := d.a.dataDir()
	if dir == "" {
		d.say("databases", "hint", "there is nowhere to keep a database: without the network the gate deps is inconclusive", "set HOME or XDG_CACHE_HOME")
		return
	}
	var old []string
	oldest := int64(0)
	for _, s := range deps.ReadStatus(dir, d.a.now()) {
		switch {
		case s.Problem != "":
			old = append(old, string(s.Ecosystem)+" cannot be read: "+s.Problem)
		case !s.Present:
			old = append(old, string(s.Ecosystem)+" is not there")
		case s.AgeHours > int64(cfg.Gates.Deps.MaxAge.Hours()):
			old = append(old, string(s.Ecosystem)+" is "+age(s.AgeHours)+" old")
		default:
			oldest = max(oldest, s.AgeHours)
		}
	}
	if len(old) > 0 {
		d.say("databases", "hint", "without the network the gate deps cannot use them: "+strings.Join(old, ", "), "wf-ci db update")
		return
	}
	d.say("databases", "ok", "the oldest is of "+age(oldest)+" ago", "")
}

// structure is what init would write, the agents' files and the workflows apart.
func (d *doctor) structure(context.Context) {
	files, err := setup.Plan(setup.Input{Name: "x", Branch: "main", Schema: config.SchemaID, NoWorkflows: true})
	var list []setup.Written
	if err == nil {
		list, err = setup.Write(d.repo.Dir, files, true)
	}
	if err != nil {
		d.unknown("structure", err)
		return
	}
	var missing []string
	for _, w := range list {
		if w.State == setup.Would {
			missing = append(missing, w.Path)
		}
	}
	if len(missing) > 0 {
		d.say("structure", "hint", "not there: "+strings.Join(missing, ", "), "wf-ci init")
		return
	}
	d.say("structure", "ok", "the documents of the project are there", "")
}

func (d *doctor) hook(ctx context.Context) {
	place, err := hook.Find(ctx, d.work, d.repo.Dir, d.repo.CommonDir())
	var s hook.Status
	if err == nil {
		s, err = place.Status(hook.Names()[0])
	}
	switch {
	case err != nil:
		d.unknown("hook", err)
	case s.State == hook.Ours:
		d.say("hook", "ok", "commits are looked at before they are made", "")
	case place.Manager != "":
		d.say("hook", "hint", string(place.Manager)+" keeps the hooks; it has to call wf-ci", "wf-ci hook print "+string(place.Manager))
	case place.Outside != "":
		d.say("hook", "hint", place.Outside+", outside this repository; it has to call wf-ci", "wf-ci hook print husky")
	case s.State == hook.Edited:
		d.say("hook", "hint", s.Path+" was made by wf-ci and edited since", "")
	default:
		d.say("hook", "hint", "nothing looks at a commit before it is made", "wf-ci hook install")
	}
}

func (d *doctor) workflow(context.Context) {
	list, err := readWorkflows(d.repo.Dir)
	if err != nil {
		d.unknown("workflow", err)
		return
	}
	found := ""
	for _, w := range list {
		if len(w.Jobs) > 0 && w.Pull {
			d.say("workflow", "ok", w.Path+" runs the gates on pull requests; is its check required? (wf-ci doctor --github)", "")
			return
		}
		if len(w.Jobs) > 0 {
			found = w.Path
		}
	}
	if found != "" {
		d.say("workflow", "hint", found+" runs wf-ci, and none does on pull requests", "wf-ci feature init gates")
		return
	}
	d.say("workflow", "hint", "no workflow of GitHub Actions runs the gates", "wf-ci feature init gates")
}

// worktrees is whether the registry can be read, and what stands in it.
func (d *doctor) worktrees(ctx context.Context) {
	if !d.a.hasWorktrees(d.repo.GitDir) {
		d.say("worktrees", "ok", "there are none, and no registry", "")
		return
	}
	if d.config == nil {
		d.say("worktrees", "skipped", "without a valid configuration they cannot be opened", "")
		return
	}
	p, done, err := d.a.openProject(ctx, d.repo.Dir)
	if err != nil {
		d.unknown("worktrees", err)
		return
	}
	defer done()
	list, err := p.Doctor(ctx, true)
	if err != nil {
		d.say("worktrees", "problem", err.Error(), "")
		return
	}
	for _, f := range list {
		d.say("worktrees", "problem", f.What, f.Hint)
	}
	if len(list) == 0 {
		d.say("worktrees", "ok", "the registry can be read, and all in it is in order", "")
	}
}

// ledger is whether every entry, link and book is what it was.
func (d *doctor) ledger(ctx context.Context) {
	b, done, err := d.a.findBooks(ctx, d.dir)
	if err != nil {
		if d.config != nil { // else it has been said
			d.say("ledger", "problem", err.Error(), "correct that file")
		}
		return
	}
	defer done()
	v, err := b.ledger.Verify(b.budget, b.zone)
	switch {
	case err != nil:
		d.say("ledger", "problem", err.Error(), "wf-ci costs verify names the first that is wrong; wf-ci costs rebuild folds the books anew")
	case v.Entries == 0:
		d.say("ledger", "ok", "no entry yet (wf-ci costs import reads the logs of agents)", "")
	default:
		d.say("ledger", "ok", "whole: "+entriesOf(int(v.Entries))+" in "+gates.Plural(v.Files, "file"), "")
	}
}

// saved is the context of the last day.
func (d *doctor) saved(context.Context) {
	c, err := session.ReadContext(d.repo.Dir)
	if err != nil {
		d.say("context", "hint", "no day has been ended here", "wf-ci local end")
		return
	}
	if since := int64(d.a.now().Sub(c.Updated).Hours()); since > 24*7 {
		d.say("context", "hint", filepath.ToSlash(session.ContextPath(d.repo.Dir))+" is "+age(since)+" old", "wf-ci local end")
		return
	}
	d.say("context", "ok", "of "+c.Updated.Format("2006-01-02 15:04"), "")
}
