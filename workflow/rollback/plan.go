package rollback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/state"
)

// Strategy is how something is taken back.
type Strategy string

const (
	Revert Strategy = "revert" // a commit that reverts, for each commit
	Files  Strategy = "files"  // one commit that brings files back
	Branch Strategy = "branch" // a new branch at the good commit, with some later commits picked
)

// Options are what the user asks for.
type Options struct {
	To        string   // revision to be as again; empty: the last good one, or the commits say it
	Commits   []string // revert these only
	Mainline  int      // parent that a merge among Commits goes back to; zero: the first
	Paths     []string // these files only, relative to where the user is
	Branch    string   // name of a new branch
	Keep      []string // commits to pick onto it
	Automatic bool     // no person decided: for the metrics
	Reason    string
}

// Step is a commit that is reverted, or picked.
type Step struct {
	Commit   string `json:"commit"`
	Subject  string `json:"subject"`
	Merge    bool   `json:"merge"`
	Mainline int    `json:"mainline,omitempty"` // of a merge: the parent that is gone back to

	from, to string // trees: what it brings is the way between them
	parent   string // of a merge: that parent
}

// Conflict is a commit that cannot be taken back, or picked, by itself.
type Conflict struct {
	Commit  string   `json:"commit"`
	Subject string   `json:"subject"`
	Files   []string `json:"files"`
}

// Plan is a rollback before it is done.
type Plan struct {
	ID        string       `json:"id"`
	At        time.Time    `json:"at"`
	Strategy  Strategy     `json:"strategy"`
	Top       string       `json:"worktree"`
	Ref       string       `json:"ref"` // that is checked out
	Head      string       `json:"head"`
	To        string       `json:"to,omitempty"` // commit
	ToName    string       `json:"to_name,omitempty"`
	Upstream  string       `json:"upstream,omitempty"`
	Seen      string       `json:"upstream_at,omitempty"`
	NewRef    string       `json:"new_ref,omitempty"`
	Paths     []string     `json:"paths,omitempty"`
	Commits   []Step       `json:"commits"`
	Files     []FileChange `json:"files"`
	Conflicts []Conflict   `json:"conflicts"`
	Dirty     []string     `json:"dirty"` // files with work that no commit has: saved first, given back
	Reasons   []Reason     `json:"reasons"`
	Notes     []string     `json:"notes"`
	Ready     bool         `json:"ready"`
	Tree      string       `json:"tree,omitempty"` // what comes out
	Automatic bool         `json:"automatic,omitempty"`
	Reason    string       `json:"reason,omitempty"`
}

// MakePlan computes a rollback. Nothing is changed, but that the plan is
// remembered for [Repo.Apply]; one that is not ready is not.
func (r *Repo) MakePlan(ctx context.Context, o Options) (*Plan, error) {
	p := &Plan{
		ID: journal.NewID(r.now()), At: r.now().UTC(), Top: r.Top, Commits: []Step{}, Files: []FileChange{}, Conflicts: []Conflict{},
		Dirty: []string{}, Reasons: []Reason{}, Notes: []string{}, Automatic: o.Automatic, Reason: o.Reason,
	}
	w, err := r.tracelessly()
	if err != nil {
		return nil, err
	}
	if err := r.where(ctx, p); err != nil {
		return nil, err
	}
	if err := r.what(ctx, p, o); err != nil {
		return nil, err
	}
	start, err := r.result(ctx, w, p)
	if err != nil {
		return nil, err
	}
	if len(p.Conflicts) == 0 {
		if err := r.effect(ctx, w, p, start); err != nil {
			return nil, err
		}
	}
	p.Ready = len(p.Reasons) == 0 && len(p.Conflicts) == 0
	return p, r.remember(p)
}

// where is what the plan is made for.
func (r *Repo) where(ctx context.Context, p *Plan) error {
	var err error
	if p.Ref, err = r.branch(ctx); err != nil {
		return err
	}
	if op := r.operation(); p.Ref == "" && op != "" {
		return usagef("%s is in progress: finish or abort it", op)
	}
	if p.Ref == "" {
		return usagef("no branch is checked out: switch to the one that is to be rolled back")
	}
	if p.Head, err = r.at(ctx, "HEAD^{commit}"); err != nil {
		return err
	}
	if p.Head == "" {
		return usagef("there is no commit yet: nothing to roll back")
	}
	p.Upstream, p.Seen, err = r.upstream(ctx, p.Ref)
	if err != nil {
		return err
	}
	p.Reasons, err = r.obstacles(ctx)
	return err
}

// upstream is the branch that a ref follows, and what is known of it.
func (r *Repo) upstream(ctx context.Context, ref string) (name, id string, err error) {
	out, err := r.git.Line(ctx, "for-each-ref", "--format=%(refname) %(upstream)", ref)
	for line := range strings.Lines(out) {
		if have, up, _ := strings.Cut(strings.TrimSpace(line), " "); have == ref {
			name = up
		}
	}
	if err != nil || name == "" {
		return "", "", err
	}
	id, err = r.at(ctx, name)
	return name, id, err
}

// obstacles are what keeps anybody from changing something here now.
func (r *Repo) obstacles(ctx context.Context) ([]Reason, error) {
	why := []Reason{}
	if op := r.operation(); op != "" {
		why = append(why, Reason{Rule: "operation", Detail: op + " is in progress", Hint: "finish or abort it"})
	}
	unmerged, err := r.git.Git(ctx, "ls-files", "--unmerged", "-z")
	if err != nil {
		return nil, err
	}
	if unmerged != "" && len(why) == 0 {
		why = append(why, Reason{Rule: "unmerged", Detail: "there are conflicts to resolve", Hint: "git status"})
	}
	if exists(r.Admin, "index.lock") {
		why = append(why, Reason{Rule: "locked", Detail: "another git is at work here, or was killed", Hint: "wait for it, or delete " + filepath.Join(r.Admin, "index.lock")})
	}
	if _, err := r.git.Git(ctx, "var", "GIT_COMMITTER_IDENT"); err != nil {
		why = append(why, Reason{Rule: "identity", Detail: "git does not know who makes the commit", Hint: "git config user.name, user.email"})
	}
	return why, nil
}

// what is taken back, and how.
func (r *Repo) what(ctx context.Context, p *Plan, o Options) error {
	if err := consistent(o); err != nil {
		return err
	}
	if len(o.Commits) == 0 {
		if err := r.target(ctx, p, o); err != nil {
			return err
		}
	}
	var err error
	switch {
	case len(o.Paths) > 0:
		p.Strategy = Files
		p.Paths, err = r.topPaths(o.Paths)
	case o.Branch != "":
		p.Strategy = Branch
		if err = r.freeBranch(ctx, p, o.Branch); err == nil {
			p.Commits, err = r.picks(ctx, o.Keep, p)
		}
	case len(o.Commits) > 0:
		p.Strategy = Revert
		p.Commits, err = r.chosen(ctx, p.Head, o.Commits, o.Mainline)
	default:
		p.Strategy = Revert
		p.Commits, err = r.back(ctx, p)
	}
	return err
}

func consistent(o Options) error {
	switch {
	case len(o.Commits) > 0 && (o.To != "" || len(o.Paths) > 0 || o.Branch != ""):
		return usagef("--commit reverts these commits: it takes no --to, --paths or --branch")
	case len(o.Paths) > 0 && o.Branch != "":
		return usagef("--paths and --branch: one of them")
	case len(o.Keep) > 0 && o.Branch == "":
		return usagef("--keep picks commits onto a new branch: name it with --branch")
	case o.Mainline != 0 && len(o.Commits) == 0:
		return usagef("--mainline is for --commit: with --to the right parent is known")
	case o.Mainline < 0:
		return usagef("--mainline %d: want 1 or more", o.Mainline)
	}
	return nil
}

// target finds the commit to be as again.
func (r *Repo) target(ctx context.Context, p *Plan, o Options) error {
	var err error
	if p.ToName = o.To; o.To == "" {
		if p.ToName, p.To, err = r.lastGood(ctx, p.Head); err != nil {
			return err
		}
	} else if p.To, err = r.commit(ctx, o.To); err != nil {
		return err
	}
	if len(o.Paths) > 0 {
		return nil // files may come from anywhere
	}
	in, err := r.ancestor(ctx, p.To, p.Head)
	if err == nil && !in {
		hint := "--paths takes files from any commit"
		if exists(r.Common, "shallow") {
			hint = "the clone is shallow: git fetch --unshallow"
		}
		err = usagef("%s is not in the history of %s (%s)", p.ToName, p.Ref, hint)
	}
	if err == nil && p.To == p.Head && o.Branch == "" {
		err = usagef("nothing to roll back: %s is what is checked out", p.ToName)
	}
	return err
}

// lastGood is the newest commit in the history that a tag stable-* names, or whose
// subject begins with "stable:".
func (r *Repo) lastGood(ctx context.Context, head string) (name, id string, err error) {
	tagged := make(map[string]string)
	out, err := r.git.Git(ctx, "for-each-ref", "--sort=version:refname", "--format=%(objectname) %(*objectname) %(refname)", "refs/tags/stable-*")
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		tagged[f[len(f)-2]] = f[len(f)-1] // of an annotated tag, the commit
	}
	out, err = r.git.Git(ctx, "log", "--topo-order", "--no-show-signature", "--format=%H %s", head, "--")
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(out) {
		id, subject, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if tag := tagged[id]; tag != "" {
			return tag, id, nil
		}
		if strings.HasPrefix(subject, "stable:") {
			return id, id, nil
		}
	}
	return "", "", usagef("no tag stable-* and no commit \"stable: …\" is in the history: say --to REV")
}

func (r *Repo) freeBranch(ctx context.Context, p *Plan, name string) error {
	p.NewRef = "refs/heads/" + name
	if _, err := r.git.Git(ctx, "check-ref-format", p.NewRef); err != nil || strings.HasPrefix(name, "-") {
		return usagef("%q cannot be the name of a branch", name)
	}
	id, err := r.at(ctx, p.NewRef)
	if err == nil && id != "" {
		err = usagef("the branch %s is there already", name)
	}
	return err
}

// result computes the trees: start is where the steps begin.
func (r *Repo) result(ctx context.Context, w git.Work, p *Plan) (start string, err error) {
	from := p.Head
	if p.Strategy == Branch {
		from = p.To
	}
	if start, err = treeOf(ctx, w, from); err != nil {
		return "", err
	}
	if p.Strategy == Files {
		p.Tree, err = r.withFiles(ctx, w, start, p.To, p.Paths)
		return start, err
	}
	trees, conflict, err := walk(ctx, w, start, p.Commits)
	if err != nil {
		return "", err
	}
	if conflict != nil {
		p.Conflicts = append(p.Conflicts, *conflict)
		return start, nil
	}
	p.Tree = start
	if n := len(trees); n > 0 {
		p.Tree = trees[n-1]
	}
	return start, nil
}

// walk takes the steps, one on top of the other, up to the first conflict.
func walk(ctx context.Context, w git.Work, tree string, steps []Step) (trees []string, c *Conflict, err error) {
	for _, s := range steps {
		next, files, err := threeWay(ctx, w, s.from, tree, s.to)
		if err != nil {
			return nil, nil, err
		}
		if len(files) > 0 {
			return trees, &Conflict{Commit: s.Commit, Subject: s.Subject, Files: files}, nil
		}
		tree = next
		trees = append(trees, tree)
	}
	return trees, nil, nil
}

// effect is what becomes of the files, and of the work in them.
func (r *Repo) effect(ctx context.Context, w git.Work, p *Plan, start string) error {
	var err error
	if p.Files, err = changes(ctx, w, start, p.Tree); err != nil {
		return err
	}
	if p.Strategy == Branch {
		return nil
	}
	if len(p.Files) == 0 {
		return usagef("nothing to roll back: the files are the same")
	}
	for _, f := range p.Files {
		if f.module {
			p.Notes = append(p.Notes, f.Path+" is a submodule: git submodule update afterwards")
		}
	}
	if len(p.Reasons) > 0 {
		return nil
	}
	now, err := r.capture(ctx, w, p.Head)
	if err != nil {
		return err
	}
	dirty, err := changes(ctx, w, start, now.Work)
	if err != nil {
		return err
	}
	for _, f := range dirty {
		p.Dirty = append(p.Dirty, f.Path)
	}
	next, why, err := r.carry(ctx, w, now, p.Tree)
	if err == nil && len(why) == 0 {
		why, err = r.inTheWay(ctx, w, now, next)
	}
	p.Reasons = append(p.Reasons, why...)
	return err
}

func (r *Repo) planFile() string { return filepath.Join(r.Admin, "wf-ci-rollback.json") }

// remember keeps the plan for apply. An older one is never left beside one that
// is not ready.
func (r *Repo) remember(p *Plan) error {
	if !p.Ready {
		return r.forget()
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return state.Write(r.planFile(), data, 0o600)
}

func (r *Repo) forget() error {
	if err := os.Remove(r.planFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// planned is the plan that was made last.
func (r *Repo) planned() (*Plan, error) {
	data, err := os.ReadFile(r.planFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("nothing is planned: wf-ci rollback plan --to REV")
	}
	if err != nil {
		return nil, err
	}
	p := new(Plan)
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("read the plan: %w (make it again: wf-ci rollback plan)", err)
	}
	if !slices.Contains([]Strategy{Revert, Files, Branch}, p.Strategy) || !git.IsID(p.Head) || !git.IsID(p.Tree) || p.To != "" && !git.IsID(p.To) {
		return nil, errors.New("read the plan: it is none (make it again: wf-ci rollback plan)")
	}
	return p, nil
}
