package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/state"
)

// RefusedError says why a hook is left as it is. Nothing was changed.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

func refuse(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// Kinds of entries in the journal.
const (
	kindInstall   = "hook.install"
	kindUninstall = "hook.uninstall"
)

// Kinds are the kinds of our entries in the journal.
func Kinds() []string { return []string{kindInstall, kindUninstall} }

// done is what an entry remembers.
type done struct {
	Dir     string `json:"dir"`
	Name    string `json:"name"`
	Program string `json:"program"`
}

// Worker changes the hooks of one place.
type Worker struct {
	Place   Place
	Journal journal.Journal
	Now     time.Time
	Program string // see [Script]
	silent  bool   // the journal is not told: an undo is no entry of its own
}

// Lock keeps others of us away from the hooks.
func (p Place) Lock(ctx context.Context) (unlock func(), err error) {
	dir := filepath.Join(p.Common, "wf-ci")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return state.Lock(ctx, filepath.Join(dir, "hooks.lock"))
}

// Install puts our hook into its place. False: it is there already. At every
// moment there is a hook, the old one or ours.
func (w Worker) Install(name string) (changed bool, err error) {
	s, err := w.Place.Status(name)
	if err != nil {
		return false, err
	}
	script := Script(name, w.Program)
	switch {
	case s.State == Odd:
		return false, refuse("%s is a directory: remove it first", s.Path)
	case s.State == Edited:
		return false, refuse("%s was made by wf-ci and edited since: move your lines to %s%s and remove it, then install again", s.Path, s.Path, KeptSuffix)
	case s.State == Foreign && s.Kept:
		return false, refuse("%s is not ours, and there is %s%s from before: remove the one that you do not want", s.Path, s.Path, KeptSuffix)
	case s.State == Ours:
		if data, err := os.ReadFile(s.Path); err != nil || string(data) == script {
			return false, err
		}
		return true, state.Write(s.Path, []byte(script), 0o755) // of another version
	}
	if err := os.MkdirAll(w.Place.Dir, 0o755); err != nil {
		return false, err
	}
	return true, w.journaled(kindInstall, name, "hook "+name+" was installed", func() error {
		if s.State == Foreign {
			if err := keep(s.Path, s.Path+KeptSuffix); err != nil {
				return fmt.Errorf("keep the hook that is there: %w", err)
			}
		}
		err := state.Write(s.Path, []byte(script), 0o755)
		if err != nil && s.State == Foreign {
			err = errors.Join(err, back(s.Path))
		}
		return err
	})
}

// Uninstall takes our hook away and brings the old one back. False: it is not
// there.
func (w Worker) Uninstall(name string) (changed bool, err error) {
	s, err := w.Place.Status(name)
	if err != nil {
		return false, err
	}
	switch {
	case s.State == Edited:
		return false, refuse("%s was made by wf-ci and edited since: take out what you need and remove it", s.Path)
	case s.State != Ours && s.Kept:
		return false, refuse("%s is not ours, and what was there before ours is %s%s: remove the one that you do not want", s.Path, s.Path, KeptSuffix)
	case s.State != Ours:
		return false, nil
	}
	return true, w.journaled(kindUninstall, name, "hook "+name+" was taken away", func() error {
		if s.Kept {
			return os.Rename(s.Path+KeptSuffix, s.Path)
		}
		return os.Remove(s.Path)
	})
}

// keep gives a hook a second name: a file as itself, so that its bytes, its mode
// and its times stay; a link as a link to the same place.
func keep(path, kept string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return os.Symlink(target, kept)
	}
	if err := os.Link(path, kept); err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(path, kept) // a file system without hard links
}

// back undoes keep.
func back(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(path+KeptSuffix, path)
	}
	return os.Remove(path + KeptSuffix)
}

// journaled does something that wf-ci undo can take back.
func (w Worker) journaled(kind, name, summary string, do func() error) error {
	if w.silent {
		return do()
	}
	e, err := w.Journal.Begin("", kind, summary, w.Now, done{w.Place.Dir, name, w.Program})
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := do(); err != nil {
		return errors.Join(err, w.Journal.Drop(e.ID))
	}
	return w.Journal.Mark(&e, journal.Done)
}

// Undo takes an entry back. False: it is of somebody else.
func (w Worker) Undo(e journal.Entry) (said string, ours bool, err error) {
	if e.Kind != kindInstall && e.Kind != kindUninstall {
		return "", false, nil
	}
	d, err := w.remembered(e)
	if err != nil {
		return "", true, err
	}
	w.Program = d.Program
	w.silent = true
	do, said := w.Install, "hook "+d.Name+" is there again"
	if e.Kind == kindInstall {
		do, said = w.Uninstall, "hook "+d.Name+" is as it was before"
	}
	if _, err := do(d.Name); err != nil {
		return "", true, err
	}
	return said, true, w.Journal.Mark(&e, journal.Undone)
}

// Mend puts right a command that was killed: at every moment of it there was a
// whole hook, the old one or ours, so that only what is beside it, and the
// journal, may be wrong.
func (w Worker) Mend(e journal.Entry) (said string, err error) {
	d, err := w.remembered(e)
	if err != nil {
		return "", err
	}
	s, err := w.Place.Status(d.Name)
	if err != nil {
		return "", err
	}
	ours := s.State == Ours || s.State == Edited
	switch {
	case ours == (e.Kind == kindInstall):
		return "finished: hook " + d.Name + " is " + string(s.State), w.Journal.Mark(&e, journal.Done)
	case !ours && s.Kept: // it was killed after the old one had its second name
		if s.State != None && !same(s.Path, s.Path+KeptSuffix) {
			return "", refuse("%s is not ours, and %s%s is another one: remove the one that you do not want", s.Path, s.Path, KeptSuffix)
		}
		if err := back(s.Path); err != nil {
			return "", err
		}
	}
	return "taken back: hook " + d.Name + " is as it was before", w.Journal.Mark(&e, journal.Undone)
}

// same says whether two names are one file, or links to the same place.
func same(a, b string) bool {
	one, err := os.Lstat(a)
	two, err2 := os.Lstat(b)
	if err != nil || err2 != nil {
		return false
	}
	if one.Mode()&two.Mode()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(a)
		also, err2 := os.Readlink(b)
		return err == nil && err2 == nil && to == also
	}
	return os.SameFile(one, two)
}

// remembered is what an entry of ours remembers; the hooks have to be where they
// were then.
func (w Worker) remembered(e journal.Entry) (d done, err error) {
	if err := json.Unmarshal(e.Before, &d); err != nil {
		return d, err
	}
	if d.Dir != w.Place.Dir || strings.ContainsAny(d.Name, `/\`) {
		return d, refuse("the hooks were in %s then, and are in %s now: nothing was changed", d.Dir, w.Place.Dir)
	}
	return d, nil
}
