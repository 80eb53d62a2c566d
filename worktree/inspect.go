package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Inspection is all that is known before a worktree is removed. It is made by
// reading only.
type Inspection struct {
	Tree      Tree
	Reasons   []Reason // why not
	Changes   Changes
	Arrival   Arrival
	Unique    int // commits that nothing else reaches
	Ignored   []string
	Processes []Process
	Blind     string // why processes could not be looked for; empty: they were

	marks string // of what was seen; see condition.marks
}

// inspect looks at a worktree. An error means that something could not be looked
// at: then nothing is removed.
func (p *Project) inspect(ctx context.Context, t Tree, target Target) (*Inspection, error) {
	in := &Inspection{Tree: t}
	in.place(p.place.Dir)
	if slices.ContainsFunc(in.Reasons, func(r Reason) bool { return r.Lift == LiftNever }) {
		return in, nil // there is nothing to look at, or it is not what it seems
	}
	c, err := p.condition(ctx, t, true)
	if err != nil {
		return nil, err
	}
	in.Changes, in.Ignored, in.marks = c.Changes, c.Ignored, c.marks()
	if !c.on(t) {
		return nil, changed(t)
	}
	if t.Head != "" {
		if in.Arrival, err = p.arrived(ctx, t, target); err != nil {
			return nil, err
		}
	}
	if in.Unique, err = p.unique(ctx, t, in.Arrival); err != nil {
		return nil, err
	}
	in.files(c)
	for _, look := range []func(context.Context, Tree) ([]Reason, error){p.hidden, p.submodules, p.drift(c.Ignored)} {
		why, err := look(ctx, t)
		if err != nil {
			return nil, err
		}
		in.Reasons = append(in.Reasons, why...)
	}
	in.commits()
	in.processes()
	return in, nil
}

// changed is why nothing is removed where somebody else is at work.
func changed(t Tree) error {
	return &RefusedError{Name: t.Path, Why: []Reason{{Rule: "changed", Detail: "it changed while it was looked at", Hint: "try again"}}}
}

// place are the reasons that no look inside is needed for. No switch lifts them.
func (in *Inspection) place(dir string) {
	t := in.Tree
	no := func(rule, detail, hint string) {
		in.Reasons = append(in.Reasons, Reason{Rule: rule, Detail: detail, Hint: hint})
	}
	if t.Main {
		no("main", "it is the main worktree", "")
		return
	}
	if t.Locked {
		no("locked", strings.TrimSuffix("it is locked: "+t.LockReason, ": "), "git worktree unlock")
	}
	if t.Missing {
		no("missing", "its directory is not there; the disk may be missing", "wf-ci worktree prune --missing NAME gives it up")
		return
	}
	if err := t.agrees(); err != nil {
		no("mismatch", err.Error(), "git worktree repair")
		return
	}
	if within(dir, t.Path) {
		no("current-directory", "you are in it", "cd elsewhere")
	}
	if exists(t.Admin, "index.lock") {
		no("git-at-work", "git is at work in it, or was killed (index.lock)", "wait, or delete "+filepath.Join(t.Admin, "index.lock"))
	}
	if op := t.operation(); op != "" {
		in.Reasons = append(in.Reasons, Reason{Rule: "operation", Detail: "a " + op + " is in progress", Hint: "finish or abort it", Lift: LiftFiles})
	}
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return !errors.Is(err, fs.ErrNotExist)
}

func baseName(path string) string { return filepath.Base(path) }

// inDir makes a path absolute.
func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// files are changes that no commit has.
func (in *Inspection) files(c condition) {
	if c.Changes.Any() {
		in.Reasons = append(in.Reasons, Reason{
			Rule: "uncommitted", Detail: c.Changes.String(), Hint: "commit or stash them, or --force", Lift: LiftFiles, Paths: first(c.Paths),
		})
	}
}

func first(paths []string) []string { return slices.Clone(paths[:min(len(paths), 20)]) }

// commits are commits that would have no name any more. A branch that keeps them
// is a name: see [Project.Remove].
func (in *Inspection) commits() {
	if in.Unique == 0 || in.Arrival.Standing == Merged {
		return
	}
	r := Reason{Rule: "unpushed", Lift: LiftCommits, Hint: "push or merge them, or --keep-branch, or --delete-branch=force"}
	r.Detail = fmt.Sprintf("%s that no remote and no other branch has", plural(in.Unique, "commit"))
	if in.Tree.Branch == "" {
		r.Rule, r.Hint = "detached", "git branch NAME "+in.Tree.Head[:12]+" keeps them, --delete-branch=force gives them up"
		r.Detail += " (detached HEAD)"
	}
	in.Reasons = append(in.Reasons, r)
}

// drift are env files that git ignores and that have something of their own.
func (p *Project) drift(ignored []string) func(context.Context, Tree) ([]Reason, error) {
	return func(_ context.Context, t Tree) ([]Reason, error) {
		if paths := p.drifted(t, ignored); len(paths) > 0 {
			return []Reason{{
				Rule: "env", Detail: fmt.Sprintf("%s changed since it was copied, and git does not have it", strings.Join(first(paths), ", ")),
				Hint: "copy what you need, or --force", Lift: LiftFiles, Paths: first(paths),
			}}, nil
		}
		return nil, nil
	}
}

// flagged are the paths that git was told not to look at.
func (p *Project) flagged(ctx context.Context, t Tree) ([]string, error) {
	if len(t.Head) == sha1Digits {
		data, err := os.ReadFile(filepath.Join(t.Admin, "index"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if paths, ok := git.Hidden(data); err == nil && ok {
			return paths, nil
		}
	}
	out, err := p.workOf(t).Git(ctx, "ls-files", "-v", "-z")
	if err != nil {
		return nil, err
	}
	var flagged []string
	for entry := range strings.SplitSeq(out, "\x00") {
		tag, path, ok := strings.Cut(entry, " ")
		if ok && tag != "H" && tag != "M" && tag != "R" && tag != "C" && tag != "K" && tag != "?" {
			flagged = append(flagged, path)
		}
	}
	return flagged, nil
}

// sha1Digits is how long the names of commits are where an index is read here.
const sha1Digits = 40

// hidden are edits of files that git was told not to look at.
func (p *Project) hidden(ctx context.Context, t Tree) ([]Reason, error) {
	flagged, err := p.flagged(ctx, t)
	if err != nil {
		return nil, err
	}
	flagged = slices.DeleteFunc(flagged, func(path string) bool {
		_, err := os.Lstat(filepath.Join(t.Path, filepath.FromSlash(path)))
		return err != nil
	})
	if len(flagged) == 0 {
		return nil, nil
	}
	index, err := p.copyIndex(t)
	if err != nil {
		return nil, err
	}
	w := p.workOf(t).With("GIT_INDEX_FILE=" + index)
	list := strings.Join(flagged, "\x00") + "\x00"
	for _, clear := range []string{"--no-skip-worktree", "--no-assume-unchanged"} {
		if _, err := w.Feed(ctx, strings.NewReader(list), "update-index", clear, "-z", "--stdin"); err != nil {
			return nil, err
		}
	}
	changed, err := w.Git(ctx, "diff-files", "--name-only", "-z")
	if err != nil || changed == "" {
		return nil, err
	}
	paths := first(strings.Split(strings.TrimSuffix(changed, "\x00"), "\x00"))
	return []Reason{{
		Rule: "hidden", Detail: strings.Join(paths, ", ") + " changed, and git was told not to look (assume-unchanged, skip-worktree)",
		Hint: "git update-index --no-assume-unchanged --no-skip-worktree, or --force", Lift: LiftFiles, Paths: paths,
	}}, nil
}

// copyIndex is a copy of a worktree's index that may be changed.
func (p *Project) copyIndex(t Tree) (string, error) {
	to := filepath.Join(p.place.Scratch, "index-"+filepath.Base(t.Admin))
	return to, git.CopyIndex(filepath.Join(t.Admin, "index"), to)
}

// submodules are submodules whose repositories are in git's own directory of the
// worktree, and would go with it.
func (p *Project) submodules(ctx context.Context, t Tree) ([]Reason, error) {
	var why []Reason
	err := filepath.WalkDir(filepath.Join(t.Admin, "modules"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.IsDir() || !exists(path, "HEAD") || !exists(path, "objects") {
			return err
		}
		detail, err := p.submodule(ctx, path)
		if err != nil {
			return err
		}
		if detail != "" {
			why = append(why, Reason{Rule: "submodule", Detail: detail, Hint: "commit and push there, or --force", Lift: LiftFiles})
		}
		return filepath.SkipDir
	})
	return why, err
}

// submodule says what a submodule's repository has that nobody else has.
func (p *Project) submodule(ctx context.Context, dir string) (string, error) {
	w := p.git.In(dir)
	name := filepath.Base(dir)
	tree, err := w.Line(ctx, "--git-dir="+dir, "config", "--get", "core.worktree")
	if err != nil {
		return "", fmt.Errorf("look at the submodule %s: %w", name, err)
	}
	tree = inDir(dir, tree)
	out, err := w.In(tree).Git(ctx, "--git-dir="+dir, "--work-tree="+tree, "status", "--porcelain", "-z", "--untracked-files=normal")
	if err != nil {
		return "", fmt.Errorf("look at the submodule %s: %w", name, err)
	}
	if out != "" {
		return "the submodule " + name + " has changes", nil
	}
	n, err := w.Line(ctx, "--git-dir="+dir, "rev-list", "--count", "HEAD", "--branches", "--not", "--remotes", "--tags")
	if err != nil {
		return "", fmt.Errorf("look at the submodule %s: %w", name, err)
	}
	if n != "0" {
		return "the submodule " + name + " has commits that its remote has not", nil
	}
	return "", nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// days between two times.
func days(from, to time.Time) int {
	if from.IsZero() || to.Before(from) {
		return 0
	}
	return int(to.Sub(from) / (24 * time.Hour))
}
