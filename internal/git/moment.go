package git

import (
	"context"
	"strings"
)

// Moment is a repository as it was when it was opened: where HEAD is and what
// it holds was asked in the same question, and is not asked again. A command
// that judges one state of the files wants one answer to that, and each
// question to git costs it as much as reading a hundred objects itself.
type Moment struct {
	*Repo
	known        bool // else every answer is git's
	head, tree   string
	branch       string
	rev, name    string // the default branch, once asked for
	tip          string // where it is
	askedDefault bool
}

// AtOpen is the moment at which the repository was opened.
func (r *Repo) AtOpen() *Moment {
	m := r.opened
	m.Repo = r
	return &m
}

// Head is [Repo.Head].
func (m *Moment) Head(ctx context.Context) (string, error) {
	if m.known {
		return m.head, nil
	}
	return m.Repo.Head(ctx)
}

// Branch is [Repo.Branch].
func (m *Moment) Branch(ctx context.Context) (string, error) {
	if m.known {
		return m.branch, nil
	}
	return m.Repo.Branch(ctx)
}

// DefaultBranch is [Repo.DefaultBranch].
func (m *Moment) DefaultBranch(ctx context.Context) (rev, name string, err error) {
	if !m.askedDefault {
		m.rev, m.name, m.tip, err = m.Repo.defaultBranch(ctx)
		m.askedDefault = err == nil
	}
	return m.rev, m.name, err
}

// Commit is [Repo.Commit].
func (m *Moment) Commit(ctx context.Context, rev string) (string, error) {
	switch {
	case m.known && rev == "HEAD":
		return m.head, nil
	case m.tip != "" && rev == m.rev:
		return m.tip, nil
	}
	return m.Repo.Commit(ctx, rev)
}

// Snapshot is [Repo.Snapshot].
func (m *Moment) Snapshot(ctx context.Context, except ...string) (*Tree, string, error) {
	if m.known {
		return m.snapshot(ctx, m.tree, except)
	}
	return m.Repo.Snapshot(ctx, except...)
}

// Staged is [Repo.Staged].
func (m *Moment) Staged(ctx context.Context, index string) (*Tree, string, error) {
	if m.known {
		return m.staged(ctx, m.tree, index)
	}
	return m.Repo.Staged(ctx, index)
}

// headQuestions are the last part of what [Open] asks.
var headQuestions = [...]string{"HEAD^{commit}", "HEAD^{tree}", "--symbolic-full-name", "HEAD"}

// momentOf reads the answers to headQuestions.
func momentOf(lines []string) Moment {
	m := Moment{known: true, head: lines[0], tree: lines[1]}
	m.branch, _ = strings.CutPrefix(lines[2], "refs/heads/")
	if m.branch == lines[2] { // detached, or no branch
		m.branch = ""
	}
	return m
}
