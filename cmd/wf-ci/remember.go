package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/session"
)

// journalOf is the journal of a repository.
func journalOf(repo *git.Repo) journal.Journal {
	return journal.At(repo.CommonDir())
}

// files remembers the files that a command is about to write, for wf-ci undo.
func (a *app) files(repo *git.Repo, command, summary string) *journal.Files {
	return &journal.Files{Journal: journalOf(repo), Kind: journal.FilesKind + command, Summary: summary, Now: a.now()}
}

// remember lets a desk tell the journal of each file that it writes. Without a
// repository there is no journal.
func (a *app) remember(d *desk, command, summary string) *journal.Files {
	if d.Repo == nil {
		return nil
	}
	f := a.files(d.Repo, command, summary)
	d.Remember = f.Before
	return f
}

// undoFiles brings files back. An end of a day that goes on is waited for.
func (a *app) undoFiles(ctx context.Context, dir string, e journal.Entry) (string, error) {
	d, done, err := a.desk(ctx, dir)
	if err != nil {
		return "", err
	}
	defer done()
	if d.Repo == nil {
		return "", usagef("%s is in no work tree", d.Dir)
	}
	unlock, err := d.Lock(ctx)
	if err != nil {
		return "", undecided{err}
	}
	defer unlock()
	back, err := journalOf(d.Repo).UndoFiles(e)
	var no *journal.RefusedError
	if errors.As(err, &no) {
		return "", usagef("%s: %s", e.ID, no.Why)
	}
	if err != nil {
		return "", undecided{err}
	}
	return e.Summary + " is taken back: " + gates.Plural(len(back), "file"), nil
}

// trustKind is what the journal calls a change of what is trusted.
const trustKind = "trust"

// trusting is such a change: the digests of a script.
type trusting struct {
	Path string `json:"path"`
	Old  string `json:"old"` // empty: it was not trusted
	New  string `json:"new"`
}

// noteTrust writes a change of what is trusted down, in the journal of the
// script's repository; outside of one there is none.
func (a *app) noteTrust(ctx context.Context, change trusting) error {
	p, done, err := a.place(ctx, filepath.Dir(change.Path))
	if err != nil {
		return err
	}
	defer done()
	if p.repo == nil {
		return nil
	}
	word := "trust"
	if change.New == "" {
		word = "trust no more"
	}
	_, err = journalOf(p.repo).Note(trustKind, word+" "+filepath.Base(change.Path), a.now(), change)
	return err
}

// undoTrust makes what is trusted of a script what it was, where nobody has
// changed it since.
func (a *app) undoTrust(ctx context.Context, j journal.Journal, e journal.Entry) (string, error) {
	var change trusting
	if err := json.Unmarshal(e.Before, &change); err != nil {
		return "", undecided{err}
	}
	ok, err := session.TrustOf(a.home()).Swap(ctx, change.Path, change.New, change.Old)
	switch {
	case err != nil:
		return "", undecided{err}
	case !ok:
		return "", usagef("%s: what is trusted of %s was changed since", e.ID, session.Clean(change.Path))
	}
	return e.Summary + " is taken back", j.Mark(&e, journal.Undone)
}
