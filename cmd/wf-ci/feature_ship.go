package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/feature"
	"github.com/wf-ci/wf-ci/workflow/feature/ship"
	"github.com/wf-ci/wf-ci/worktree"
)

type featureShipCmd struct {
	featureFlags
	Message string   `short:"m" placeholder:"TEXT" help:"What the commit says. Default: the feature's name."`
	Type    string   `default:"feat" placeholder:"T" help:"Type of the conventional commit; with ! it breaks something."`
	Scope   string   `placeholder:"S" help:"Scope of the conventional commit."`
	Learned []string `sep:"none" placeholder:"TEXT" help:"What was learned, for CLAUDE.md. Repeatable."`
	Users   int64    `placeholder:"N" help:"Users that it reaches, for the cost of each."`
	Revenue string   `placeholder:"USD" help:"What it brings, for the return."`
	NoPush  bool     `help:"Commit, and push nothing."`
	Base    string   `placeholder:"REV" help:"Compare with this revision. Default: the merge base with the default branch."`
	DryRun  bool     `help:"Run the gates, and change nothing."`
}

// shipment is a feature on its way out.
type shipment struct {
	*featureShipCmd
	a       *app
	b       *books
	dir     string
	work    git.Work
	file    *feature.File // nil: no plan
	subject string
	gain    feature.Return
	verdict *gates.Verdict
}

func (c *featureShipCmd) Run(ctx context.Context, a *app) error {
	subject, err := feature.Subject(c.Type, c.Scope, cmpMessage(c.Message, c.Name))
	if err != nil {
		return usageError{err.Error()}
	}
	if c.Users < 0 {
		return usagef("--users %d: want 1 or more", c.Users)
	}
	b, done, err := a.openBooks(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	if b.repo == nil {
		return usagef("%s is in no git repository", inside(a.dir, c.Dir))
	}
	b.at = a.now()
	s := &shipment{featureShipCmd: c, a: a, b: b, dir: filepath.Dir(b.ledger.Dir), subject: subject}
	s.work = git.Work{Runner: a.userGit(s.dir), Dir: s.dir}
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.gates(ctx); err != nil || c.DryRun {
		return err
	}
	return s.out(ctx)
}

func cmpMessage(message, name string) string {
	if message != "" {
		return message
	}
	return "add " + name
}

// ready refuses what cannot be shipped; nothing is changed yet.
func (s *shipment) ready(ctx context.Context) (err error) {
	if s.b.branch == "" {
		return usagef("HEAD is detached: switch to the feature's branch")
	}
	if _, name, err := s.b.repo.DefaultBranch(ctx); err == nil && name == s.b.branch {
		return usagef("%s is the default branch: ship from the feature's own", s.b.branch)
	}
	for _, f := range []string{"MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"} {
		if _, err := os.Lstat(filepath.Join(s.b.gitDir, f)); err == nil {
			return usagef("git is in the middle of something (%s): finish it first", f)
		}
	}
	if _, err := s.work.Git(ctx, "var", "GIT_AUTHOR_IDENT"); err != nil {
		return usagef("git does not know who you are: set user.name and user.email")
	}
	if s.file, err = s.openPlan(s.a, s.dir); err != nil {
		return err
	}
	if s.gain.Cost, err = s.spent(s.b, s.file); err != nil {
		return err
	}
	s.gain.Users = s.Users
	if s.Revenue != "" {
		s.gain.Revenue, err = amount("--revenue", s.Revenue)
	}
	return err
}

// gates shows the last diff, and runs all gates on it. Whatever is no pass ends
// here.
func (s *shipment) gates(ctx context.Context) error {
	v, _, notes, err := s.a.judge(ctx, options{dir: s.dir, base: s.Base})
	if err != nil {
		return err
	}
	s.verdict = v
	for _, n := range notes {
		fmt.Fprintf(s.a.stderr, "note: %s\n", n)
	}
	if v.Base != "" {
		stat, err := s.work.Git(ctx, "diff", "--stat", v.Base, "--")
		if err != nil {
			return undecided{err}
		}
		fmt.Fprint(s.a.stderr, s.a.redactor.Redact(visibleLines(stat)))
	}
	for _, r := range v.Reasons {
		s.a.say("because: " + r)
	}
	fmt.Fprintf(s.a.stderr, "verdict: %s\n", v.Decision)
	if v.Decision != gates.Pass {
		s.a.say("nothing was changed; wf-ci local says more")
		return verdictError{v.Decision}
	}
	return nil
}

// out writes the documents, commits and pushes.
func (s *shipment) out(ctx context.Context) error {
	docs, err := s.documents()
	if err != nil {
		return err
	}
	place, err := ship.Open(ctx, s.a.userGit(s.dir), s.dir, s.a.now)
	if err != nil {
		return undecided{err}
	}
	body := s.gain.Line()
	commit, id, err := place.Commit(ctx, s.subject, strings.ToUpper(body[:1])+body[1:], docs)
	if err != nil {
		return s.a.shipError(ctx, s.JSON, err)
	}
	pushed, err := s.push(ctx)
	s.tell(ctx, docs, commit, id, pushed)
	return err
}

// shipError gives an error of the package its exit status.
func (a *app) shipError(ctx context.Context, asJSON bool, err error) error {
	var no *ship.RefusedError
	if errors.As(err, &no) {
		err = &worktree.RefusedError{Name: "feature ship", Why: []worktree.Reason{{Rule: no.Rule, Detail: no.Detail, Hint: no.Hint}}}
	}
	return a.worktreeError(ctx, asJSON, err)
}

// shipAt is the work tree that an entry of the journal is about.
func (a *app) shipAt(ctx context.Context, e journal.Entry, do func(*ship.Place, context.Context, journal.Entry) (string, error)) (string, error) {
	top, err := ship.Where(e)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(top); err != nil || !info.IsDir() {
		return "", usagef("%s is not there any more", top)
	}
	p, err := ship.Open(ctx, a.userGit(top), top, a.now)
	if err != nil {
		return "", undecided{err}
	}
	return do(p, ctx, e)
}

// undoShip takes a shipment back.
func (a *app) undoShip(ctx context.Context, e journal.Entry, asJSON bool) (string, error) {
	done, err := a.shipAt(ctx, e, (*ship.Place).Undo)
	return done, a.shipError(ctx, asJSON, err)
}

// documents are the edits of TASK.md, PLANNING.md, CLAUDE.md, and the checklist.
func (s *shipment) documents() ([]ship.Document, error) {
	var docs []ship.Document
	day := s.b.zone.Date(s.b.at)
	edit := func(name string, make bool, with func(string) string) error {
		data, err := optionalRegular(s.dir, name)
		if err != nil || data == nil && !make {
			return err
		}
		if text := with(string(data)); text != string(data) {
			if data == nil {
				text = s.a.redactor.Redact(text)
			}
			docs = append(docs, ship.Document{Path: filepath.ToSlash(name), Old: data, New: []byte(text), Fresh: data == nil})
		}
		return nil
	}
	checklist, err := featureFile(s.Name, "CHECKLIST.md")
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		edit("TASK.md", false, func(text string) string {
			if s.file != nil {
				text, _ = feature.Tick(text, s.file.Tasks)
			}
			text, _ = feature.Tick(text, []feature.Task{{ID: feature.Slug(s.Name), Title: s.Name}})
			return text
		}),
		edit("PLANNING.md", false, func(text string) string {
			return feature.Under(text, "Completed", []string{s.Name + " (" + day + ")"})
		}),
		edit("CLAUDE.md", len(s.Learned) > 0, func(text string) string {
			return feature.Under(text, "Learnings", s.Learned)
		}),
		edit(checklist, true, func(string) string { return feature.Checklist(s.Name, s.shown(), s.gain.Line()) }),
	)
	return docs, err
}

// shown are the boxes of the checklist that the gates have shown.
func (s *shipment) shown() (keys []string) {
	passed := func(ids ...string) bool {
		for _, id := range ids {
			if !slices.ContainsFunc(s.verdict.Gates, func(g gates.GateVerdict) bool { return g.ID == id && g.Status == gates.StatusPass }) {
				return false
			}
		}
		return true
	}
	if passed("tests") {
		keys = append(keys, "tests")
	}
	if passed("secrets", "history", "env-files", "sast") {
		keys = append(keys, "security")
	}
	return append(keys, "docs")
}

// optionalRegular reads a regular file below a directory; nil: it is not there.
func optionalRegular(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usagef("%v", err)
	}
	defer root.Close()
	info, err := root.Lstat(name) // an error where a folder leads out of the tree
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, usagef("%v", err)
	case !info.Mode().IsRegular():
		return nil, usagef("%s is not a regular file: it is left as it is, and nothing was shipped", name)
	}
	return readFile(filepath.Join(dir, name), name, feature.MaxFile)
}

// push sends the branch to its remote, and never by force.
func (s *shipment) push(ctx context.Context) (string, error) {
	if s.NoPush {
		return "", nil
	}
	remote, err := s.work.Line(ctx, "config", "--get", "branch."+s.b.branch+".remote")
	if err != nil || remote == "" {
		names, err := s.work.Git(ctx, "remote")
		if err != nil {
			return "", undecided{err}
		}
		list := strings.Fields(names)
		if remote = "origin"; !slices.Contains(list, remote) {
			s.a.say("there is no remote: nothing was pushed")
			return "", nil
		}
	}
	ref := "refs/heads/" + s.b.branch
	if _, err := s.work.Git(ctx, "push", "--quiet", "--set-upstream", remote, ref+":"+ref); err != nil {
		s.a.say("the commit is made; the push was refused, and nothing is forced: " + err.Error())
		return "", refused{}
	}
	return remote, nil
}

func (s *shipment) tell(ctx context.Context, docs []ship.Document, commit, id, remote string) {
	var names []string
	for _, d := range docs {
		names = append(names, d.Path)
	}
	if s.JSON {
		_ = writeJSON(s.a.rawOut, map[string]any{
			"commit": commit, "id": id, "subject": s.subject, "pushed": remote != "", "remote": remote, "documents": names,
			"cost": s.gain.Cost, "roi": s.gain.Line(), "verdict": s.verdict.Decision,
		})
		return
	}
	fmt.Fprintln(s.a.stdout, report.Visible(fmt.Sprintf("%.12s %s", commit, s.subject)))
	fmt.Fprintln(s.a.stdout, report.Visible("documents: "+strings.Join(names, ", ")))
	if remote != "" {
		fmt.Fprintln(s.a.stdout, report.Visible("pushed to "+remote))
	}
	if remote == "" {
		fmt.Fprintf(s.a.stdout, "nothing was pushed; wf-ci undo %s takes it back\n", id)
	}
	fmt.Fprintln(s.a.stdout, s.gain.Line())
	if out, err := s.work.Git(ctx, "ls-files", "-z", "--others", "--exclude-standard"); err == nil && out != "" {
		s.a.say("not in the commit, for nobody has added them: " + firstOf(strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"), 10))
	}
	fmt.Fprintln(s.a.stdout, "what is left to do before the deployment is in the checklist")
}
