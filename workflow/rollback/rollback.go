// Package rollback takes changes back: whole commits, some files, or on a branch
// of its own, and always with new commits. Nothing is ever pushed, and no
// history is rewritten.
//
// All of it is computed before anything is touched: a [Plan] holds the trees
// that would come out, and what stands in the way. [Repo.Apply] does what the
// plan says, on what the plan was made for, or nothing. What the user is at work
// on is kept under a ref first, carried over the change, and is there again when
// the change is taken back.
package rollback

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/internal/state"
)

// Place is what of the machine a repository sees.
type Place struct {
	Runner  *run.Runner      // Required.
	Dir     string           // where the user is; absolute. Required.
	Scratch string           // an empty directory that goes away after the command. Required.
	Now     func() time.Time // Required.
}

// Repo is one work tree of a repository.
type Repo struct {
	Top     string // of the work tree
	Admin   string // git's own directory of this work tree
	Common  string // the one that all work trees share
	Journal journal.Journal

	prefix  string // where the user is below Top; empty or with a slash at its end
	scratch string
	now     func() time.Time
	git     git.Work
	step    func(name string) error // tests stop here
}

// Open finds the work tree that a directory belongs to.
func Open(ctx context.Context, p Place) (*Repo, error) {
	r := &Repo{scratch: p.Scratch, now: p.Now, step: func(string) error { return nil }}
	w := git.Work{Runner: p.Runner, Dir: p.Dir}
	for _, q := range []struct {
		flag string
		to   *string
	}{{"--show-toplevel", &r.Top}, {"--absolute-git-dir", &r.Admin}, {"--git-common-dir", &r.Common}, {"--show-prefix", &r.prefix}} {
		out, err := w.Line(ctx, "rev-parse", "--path-format=absolute", q.flag)
		if err != nil {
			return nil, openError(p.Dir, err)
		}
		*q.to = out
	}
	r.Journal = journal.At(r.Common)
	r.git = w.In(r.Top)
	return r, nil
}

func openError(dir string, err error) error {
	if owner := git.OwnerErrorOf(dir, err.Error()); owner != nil {
		return owner
	}
	switch {
	case strings.Contains(err.Error(), "not a git repository"):
		return fmt.Errorf("%s is %w", dir, git.ErrNotRepository)
	case strings.Contains(err.Error(), "must be run in a work tree"):
		return fmt.Errorf("%s: %w", dir, git.ErrBare)
	}
	return err
}

// lock keeps all others out that change this repository in the same careful way
// (package worktree holds the same lock).
func (r *Repo) lock(ctx context.Context) (unlock func(), err error) {
	dir := filepath.Join(r.Common, "wf-ci")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return state.Lock(ctx, filepath.Join(dir, "worktrees"))
}

// begin locks, and refuses where an earlier command was killed.
func (r *Repo) begin(ctx context.Context) (unlock func(), err error) {
	unlock, err = r.lock(ctx)
	if err != nil {
		return nil, err
	}
	list, err := r.Journal.List()
	for _, e := range list {
		if e.State == journal.Begun {
			err = errors.Join(err, refusedf("interrupted", "wf-ci worktree doctor puts it right", "an earlier command was killed in the middle: %s", e.Summary))
			break
		}
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// Reason is one reason not to do something.
type Reason struct {
	Rule   string   `json:"rule"`
	Detail string   `json:"detail"`
	Hint   string   `json:"hint,omitempty"`
	Paths  []string `json:"paths,omitempty"`
}

// RefusedError says that nothing was changed, and why.
type RefusedError struct{ Why []Reason }

func (e *RefusedError) Error() string {
	var b strings.Builder
	b.WriteString("rollback: refused, nothing was changed")
	for _, r := range e.Why {
		fmt.Fprintf(&b, "\n  %s: %s", r.Rule, r.Detail)
		if r.Hint != "" {
			fmt.Fprintf(&b, " (%s)", r.Hint)
		}
	}
	return b.String()
}

func refusedf(rule, hint, format string, args ...any) error {
	return &RefusedError{[]Reason{{Rule: rule, Detail: fmt.Sprintf(format, args...), Hint: hint}}}
}

// UsageError is a mistake of the caller's; nothing was changed.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }

func usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// commit is the commit that a revision names.
func (r *Repo) commit(ctx context.Context, rev string) (string, error) {
	if rev == "" || strings.HasPrefix(rev, "-") || strings.ContainsAny(rev, "\x00\n") {
		return "", usagef("%q names no commit", rev)
	}
	id, err := r.git.Line(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if git.Exited(err, 1) || git.Exited(err, 128) {
		return "", usagef("%q names no commit here", rev)
	}
	return id, err
}

// at is what a ref names; empty: there is none.
func (r *Repo) at(ctx context.Context, ref string) (string, error) {
	id, err := r.git.Line(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", ref)
	if git.Exited(err, 1) {
		return "", nil
	}
	return id, err
}

// branch is the full name of the ref that is checked out; empty: none is.
func (r *Repo) branch(ctx context.Context) (string, error) {
	ref, err := r.git.Line(ctx, "symbolic-ref", "--quiet", "HEAD")
	if git.Exited(err, 1) {
		return "", nil
	}
	return ref, err
}

// ancestor says whether a is b, or in its history.
func (r *Repo) ancestor(ctx context.Context, a, b string) (bool, error) {
	_, err := r.git.Git(ctx, "merge-base", "--is-ancestor", a, b)
	if git.Exited(err, 1) {
		return false, nil
	}
	return err == nil, err
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return !errors.Is(err, fs.ErrNotExist)
}

// operation is what git is in the middle of here; empty: nothing.
func (r *Repo) operation() string {
	for _, o := range []struct{ file, what string }{
		{"rebase-merge", "a rebase"}, {"rebase-apply", "a rebase or am"}, {"MERGE_HEAD", "a merge"}, {"CHERRY_PICK_HEAD", "a cherry-pick"},
		{"REVERT_HEAD", "a revert"}, {"sequencer", "a cherry-pick or revert"}, {"BISECT_LOG", "a bisect"},
	} {
		if exists(r.Admin, o.file) {
			return o.what
		}
	}
	return ""
}
