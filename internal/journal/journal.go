// Package journal remembers what a command is about to change and what was
// there before, so that a command which was killed can be put right, and one
// which ended well can be taken back.
//
// A journal is a directory with a file for each entry. An entry is written
// before anything is changed (Begun) and again when all is done (Done): each
// time as a whole, or not at all. What was there before is the business of
// whoever made the entry; the journal keeps it as it is.
package journal

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

// State is how far an entry has come.
type State string

const (
	Begun  State = "begun"  // something may have been changed; nobody said that all was
	Done   State = "done"   // all was changed
	Undone State = "undone" // all is as it was before
)

// Entry is one command that changed something.
type Entry struct {
	ID      string          `json:"id"`
	Kind    string          `json:"kind"` // who can take it back: "worktree.remove"
	Summary string          `json:"summary"`
	At      time.Time       `json:"at"`
	State   State           `json:"state"`
	Before  json.RawMessage `json:"before,omitempty"` // what it takes to take it back
}

// ErrNone says that there is no such entry.
var ErrNone = errors.New("no such entry in the journal")

// Journal is the entries of one repository. Two that write the same entry at the
// same time have to agree on a lock of their own.
type Journal struct {
	Dir string // made when it is first written to. Required.
}

// At is the journal of a repository, by the git directory that its worktrees share.
func At(common string) Journal { return Journal{Dir: filepath.Join(common, "wf-ci", "journal")} }

// NewID is an id that no other entry has; ids sort by time.
func NewID(now time.Time) string {
	return now.UTC().Format("20060102-150405") + "-" + strings.ToLower(rand.Text()[:6])
}

// Begin writes an entry before the change. before is what Before will hold. An
// empty id gets a new one.
func (j Journal) Begin(id, kind, summary string, now time.Time, before any) (Entry, error) {
	e := Entry{ID: id, Kind: kind, Summary: summary, At: now.UTC(), State: Begun}
	if e.ID == "" {
		e.ID = NewID(now)
	}
	if err := os.MkdirAll(j.Dir, 0o700); err != nil {
		return e, err
	}
	return e, j.Put(&e, before)
}

// Note is Begin for a change that can be taken back at any moment, however far it
// has come: the entry is Done from the start.
func (j Journal) Note(kind, summary string, now time.Time, before any) (Entry, error) {
	e := Entry{ID: NewID(now), Kind: kind, Summary: summary, At: now.UTC(), State: Done}
	if err := os.MkdirAll(j.Dir, 0o700); err != nil {
		return e, err
	}
	return e, j.Put(&e, before)
}

// Put writes an entry again; before nil leaves what it holds.
func (j Journal) Put(e *Entry, before any) error {
	if before != nil {
		data, err := json.Marshal(before)
		if err != nil {
			return err
		}
		e.Before = data
	}
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return state.Write(j.path(e.ID), append(data, '\n'), 0o600)
}

// Mark says how far an entry has come.
func (j Journal) Mark(e *Entry, s State) error {
	e.State = s
	return j.Put(e, nil)
}

// Get finds an entry; the error is [ErrNone] where there is none.
func (j Journal) Get(id string) (Entry, error) {
	if !validID(id) {
		return Entry{}, fmt.Errorf("%q: %w", id, ErrNone)
	}
	data, err := os.ReadFile(j.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, fmt.Errorf("%q: %w", id, ErrNone)
	}
	if err != nil {
		return Entry{}, err
	}
	return decode(id, data)
}

// decode reads one entry.
func decode(id string, data []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("journal entry %s: %w", id, err)
	}
	if e.ID != id || e.Kind == "" || !slices.Contains([]State{Begun, Done, Undone}, e.State) {
		return e, fmt.Errorf("journal entry %s: it is no entry", id)
	}
	return e, nil
}

// List are all entries, the oldest first. One that cannot be read is an error,
// beside those that can: nothing is taken back on half of what is known.
func (j Journal) List() ([]Entry, error) {
	files, err := os.ReadDir(j.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []Entry
	var errs []error
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok || !validID(id) {
			continue
		}
		e, err := j.Get(id)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, errors.Join(errs...)
}

// Last is the newest entry that can be taken back; [ErrNone] where there is none.
func (j Journal) Last() (Entry, error) {
	list, err := j.List()
	if err != nil {
		return Entry{}, err
	}
	for _, e := range slices.Backward(list) {
		if e.State == Done {
			return e, nil
		}
	}
	return Entry{}, ErrNone
}

// Drop removes an entry: it can no longer be taken back.
func (j Journal) Drop(id string) error {
	if !validID(id) {
		return fmt.Errorf("%q: %w", id, ErrNone)
	}
	return os.Remove(j.path(id))
}

func (j Journal) path(id string) string { return filepath.Join(j.Dir, id+".json") }

// validID keeps an id, which people type, inside the journal's directory.
func validID(id string) bool {
	return id != "" && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && len(id) <= 64
}
