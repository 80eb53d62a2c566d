// Package ship makes the commit with which a feature goes out, and takes it back
// as long as nobody else has it. What was there before is in the journal before
// anything is changed.
package ship

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/internal/state"
)

// Kind is what the journal calls a shipment.
const Kind = "feature.ship"

// Document is a file that shipping edits.
type Document struct {
	Path  string `json:"path"` // below the work tree, with slashes
	Old   []byte `json:"old"`
	New   []byte `json:"new"`
	Fresh bool   `json:"fresh"` // it was not there
}

// Place is one work tree of a repository.
type Place struct {
	Top     string
	Admin   string // git's own directory of this work tree
	Common  string // the one that all work trees share
	Journal journal.Journal

	git  git.Work
	now  func() time.Time
	step func(name string) error // tests stop here
}

// Open finds the work tree at its top.
func Open(ctx context.Context, runner *run.Runner, top string, now func() time.Time) (*Place, error) {
	p := &Place{git: git.Work{Runner: runner, Dir: top}, now: now, step: func(string) error { return nil }}
	for _, q := range []struct {
		flag string
		to   *string
	}{{"--show-toplevel", &p.Top}, {"--absolute-git-dir", &p.Admin}, {"--git-common-dir", &p.Common}} {
		out, err := p.git.Line(ctx, "rev-parse", "--path-format=absolute", q.flag)
		if err != nil {
			return nil, err
		}
		*q.to = out
	}
	p.git = p.git.In(p.Top)
	p.Journal = journal.At(p.Common)
	return p, nil
}

// shipment is what the journal keeps.
type shipment struct {
	Top   string     `json:"top"`
	Ref   string     `json:"ref"`
	Head  string     `json:"head"`
	Index string     `json:"index"` // tree of what was staged
	New   string     `json:"new"`   // the commit; empty: it was not made yet
	Docs  []Document `json:"docs"`
	Back  bool       `json:"back"` // it is being taken back
}

// RefusedError says why nothing was changed.
type RefusedError struct{ Rule, Detail, Hint string }

func (e *RefusedError) Error() string { return e.Detail + ": " + e.Hint }

// begin locks, and refuses where an earlier command was killed (package worktree
// holds the same lock).
func (p *Place) begin(ctx context.Context) (unlock func(), err error) {
	dir := filepath.Join(p.Common, "wf-ci")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if unlock, err = state.Lock(ctx, filepath.Join(dir, "worktrees")); err != nil {
		return nil, err
	}
	list, err := p.Journal.List()
	for _, e := range list {
		if e.State == journal.Begun {
			err = errors.Join(err, &RefusedError{"interrupted", "an earlier command was killed in the middle: " + e.Summary, "wf-ci worktree doctor puts it right"})
			break
		}
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// Commit writes the documents and commits them with all that git tracks and what
// is staged: never a file that nobody has added. Where it does not work all is as
// it was.
func (p *Place) Commit(ctx context.Context, subject, body string, docs []Document) (commit, id string, err error) {
	unlock, err := p.begin(ctx)
	if err != nil {
		return "", "", err
	}
	defer unlock()
	s, err := p.before(ctx, docs)
	if err != nil {
		return "", "", err
	}
	id = journal.NewID(p.now())
	if err := p.keep(ctx, id, s); err != nil {
		return "", "", fmt.Errorf("keep what is staged: %w", err)
	}
	e, err := p.Journal.Begin(id, Kind, "ship "+subject, p.now(), s)
	if err == nil {
		err = p.forth(ctx, &e, s, subject, body)
	}
	if err != nil {
		// What failed is taken back also when the user has had enough.
		_, again := p.mend(context.WithoutCancel(ctx), &e, s)
		return "", "", errors.Join(err, again)
	}
	return s.New, id, nil
}

func (p *Place) forth(ctx context.Context, e *journal.Entry, s *shipment, subject, body string) error {
	if err := p.step("begun"); err != nil {
		return err
	}
	if err := p.write(s.Docs, false); err != nil {
		return err
	}
	if err := p.step("written"); err != nil {
		return err
	}
	if err := p.commit(ctx, s, subject+"\n\n"+body+"\n"); err != nil {
		return err
	}
	if err := p.step("committed"); err != nil {
		return err
	}
	e.State = journal.Done
	return p.Journal.Put(e, s)
}

// before is what is there now.
func (p *Place) before(ctx context.Context, docs []Document) (*shipment, error) {
	s := &shipment{Top: p.Top, Docs: docs}
	for _, q := range []struct {
		to   *string
		args []string
	}{
		{&s.Ref, []string{"symbolic-ref", "HEAD"}},
		{&s.Head, []string{"rev-parse", "--verify", "HEAD^{commit}"}},
		{&s.Index, []string{"write-tree"}},
	} {
		var err error
		if *q.to, err = p.git.Line(ctx, q.args...); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ours is who keeps things in git.
var ours = []string{"GIT_AUTHOR_NAME=wf-ci", "GIT_AUTHOR_EMAIL=wf-ci@localhost", "GIT_COMMITTER_NAME=wf-ci", "GIT_COMMITTER_EMAIL=wf-ci@localhost"}

// keep holds what is staged under a ref, as long as the journal's entry.
func (p *Place) keep(ctx context.Context, id string, s *shipment) error {
	c, err := p.git.With(ours...).Line(ctx, "commit-tree", s.Index, "-p", s.Head, "-m", "what wf-ci feature ship found")
	if err == nil {
		_, err = p.git.Git(ctx, "update-ref", "refs/wf-ci/trash/"+id, c)
	}
	return err
}

func (p *Place) commit(ctx context.Context, s *shipment, message string) error {
	if err := p.git.Add(ctx, "--update", "--", ":/"); err != nil {
		return fmt.Errorf("stage what is tracked: %w", err)
	}
	if len(s.Docs) > 0 {
		args := []string{"--"}
		for _, d := range s.Docs {
			args = append(args, ":(top,literal)"+d.Path)
		}
		if err := p.git.Add(ctx, args...); err != nil {
			return fmt.Errorf("stage the documents: %w", err)
		}
	}
	if _, err := p.git.Feed(ctx, strings.NewReader(message), "commit", "--quiet", "--file=-", "--cleanup=whitespace"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	var err error
	s.New, err = p.git.Line(ctx, "rev-parse", "--verify", "HEAD^{commit}")
	return err
}

// write makes the documents new, or old again.
func (p *Place) write(docs []Document, old bool) error {
	root, err := os.OpenRoot(p.Top)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, d := range docs {
		name := filepath.FromSlash(d.Path)
		text := d.New
		if old {
			text = d.Old
		}
		switch {
		case d.Fresh && old:
			if err = root.Remove(name); errors.Is(err, os.ErrNotExist) {
				err = nil
			}
		case d.Fresh:
			err = writeNew(root, name, text)
		default:
			err = state.Write(filepath.Join(p.Top, name), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeNew writes a file that is not there yet, and never through a link that
// leads out of the tree.
func writeNew(root *os.Root, name string, text []byte) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
