package ship

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
)

func read(e journal.Entry) (*shipment, error) {
	s := new(shipment)
	if err := json.Unmarshal(e.Before, s); err != nil || s.Top == "" || s.Ref == "" || s.Head == "" || s.Index == "" {
		return nil, fmt.Errorf("journal entry %s: it is no shipment", e.ID)
	}
	return s, nil
}

// Where is the work tree that an entry of the journal is about.
func Where(e journal.Entry) (string, error) {
	s, err := read(e)
	if err != nil {
		return "", err
	}
	return s.Top, nil
}

// Undo takes the commit back: the branch is where it was, what was staged is
// staged again, and the documents are as they were. All other files stay as they
// are. It refuses where somebody else has the commit, or something came after it.
func (p *Place) Undo(ctx context.Context, e journal.Entry) (string, error) {
	unlock, err := p.begin(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	s, err := read(e)
	if err != nil {
		return "", err
	}
	if err := p.mayGoBack(ctx, s); err != nil {
		return "", err
	}
	s.Back, e.State = true, journal.Begun
	if err := p.Journal.Put(&e, s); err != nil {
		return "", err
	}
	err = p.step("going back")
	if err == nil {
		_, err = p.git.Git(ctx, "update-ref", "-m", "wf-ci undo", s.Ref, s.Head, s.New)
	}
	if err == nil {
		err = p.step("moved")
	}
	if err == nil {
		err = p.reset(ctx, s)
	}
	if err != nil {
		_, again := p.mend(context.WithoutCancel(ctx), &e, s)
		return "", errors.Join(err, again)
	}
	return e.Summary + " is taken back", p.Journal.Mark(&e, journal.Undone)
}

// mayGoBack says why not.
func (p *Place) mayGoBack(ctx context.Context, s *shipment) error {
	at, err := p.git.Line(ctx, "rev-parse", "--verify", "HEAD^{commit}")
	if err != nil {
		return err
	}
	on, err := p.git.Line(ctx, "symbolic-ref", "--quiet", "HEAD")
	if err != nil && !git.Exited(err, 1) {
		return err
	}
	refs, err := p.git.Git(ctx, "for-each-ref", "--format=%(refname)", "--contains", s.New, "refs/remotes")
	if err != nil {
		return err
	}
	remote, _, _ := strings.Cut(refs, "\n")
	again := fmt.Sprintf("wf-ci rollback plan --commit %.12s takes it back with a new commit", s.New)
	switch {
	case on != s.Ref:
		return &RefusedError{"moved", s.Ref + " is not checked out", "switch back to it"}
	case remote != "":
		return &RefusedError{"pushed", remote + " has it already", again}
	case at != s.New:
		return &RefusedError{"moved", s.Ref + " has other commits now", again}
	}
	for _, f := range []string{"MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "index.lock"} {
		if _, err := os.Lstat(filepath.Join(p.Admin, f)); err == nil {
			return &RefusedError{"operation", "git is in the middle of something (" + f + ")", "finish it first"}
		}
	}
	staged, err := p.git.Line(ctx, "write-tree")
	if err != nil {
		return err
	}
	tree, err := p.git.Line(ctx, "rev-parse", "--verify", s.New+"^{tree}")
	if err != nil {
		return err
	}
	if staged != tree {
		return &RefusedError{"staged", "something was staged since", "git restore --staged . first"}
	}
	return p.untouched(s.Docs)
}

// untouched says whether the documents are as shipping left them.
func (p *Place) untouched(docs []Document) error {
	for _, d := range docs {
		now, err := p.document(d)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, d.New) {
			return &RefusedError{"edited", d.Path + " was edited since", "commit or stash it, or wf-ci rollback plan"}
		}
	}
	return nil
}

// document is what a document holds now; nil: it is not there.
func (p *Place) document(d Document) ([]byte, error) {
	root, err := os.OpenRoot(p.Top)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name := filepath.FromSlash(d.Path)
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &RefusedError{"edited", d.Path + " is no regular file any more", "put it back first"}
	}
	return root.ReadFile(name)
}

// reset stages again what was staged, and makes the documents old. A document that
// somebody has edited meanwhile stays as it is.
func (p *Place) reset(ctx context.Context, s *shipment) error {
	if _, err := p.git.Git(ctx, "read-tree", "-m", s.Index); err != nil {
		return fmt.Errorf("stage what was staged: %w", err)
	}
	var docs []Document
	for _, d := range s.Docs {
		now, err := p.document(d)
		if err != nil {
			return err
		}
		if now != nil && bytes.Equal(now, d.New) {
			docs = append(docs, d)
		}
	}
	if err := p.write(docs, true); err != nil {
		return err
	}
	if _, err := p.git.Git(ctx, "update-index", "-q", "--refresh"); err != nil && !git.Exited(err, 1) {
		return err
	}
	return nil
}

// Mend puts a shipment right that was killed in the middle. The caller holds the
// lock.
func (p *Place) Mend(ctx context.Context, e journal.Entry) (string, error) {
	s, err := read(e)
	if err != nil {
		return "", err
	}
	return p.mend(ctx, &e, s)
}

// mend looks where the branch is: it has moved as a whole, or not at all.
func (p *Place) mend(ctx context.Context, e *journal.Entry, s *shipment) (string, error) {
	at, err := p.git.Line(ctx, "rev-parse", "--verify", "--quiet", s.Ref+"^{commit}")
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(filepath.Join(p.Admin, "index.lock")); err == nil {
		return "", fmt.Errorf("git was killed: delete %s/index.lock", p.Admin)
	}
	made := s.New
	if made == "" && at != s.Head {
		if parents, err := p.git.Line(ctx, "rev-list", "--parents", "--max-count=1", at); err == nil && parents == at+" "+s.Head {
			made = at
		}
	}
	switch {
	case at == s.Head:
		if err := p.reset(ctx, s); err != nil {
			return "", err
		}
		return "taken back: all is as it was", p.Journal.Mark(e, journal.Undone)
	case at == made:
		s.New, s.Back, e.State = made, false, journal.Done
		return "the commit is made; wf-ci undo takes it back", p.Journal.Put(e, s)
	}
	return "", fmt.Errorf("%s has been moved since: refs/wf-ci/trash/%s keeps what was staged; then delete %s.json in %s", s.Ref, e.ID, e.ID, p.Journal.Dir)
}
