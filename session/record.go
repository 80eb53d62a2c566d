package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/state"
)

// record is the day of a work tree as its git directory remembers it.
type record struct {
	Started time.Time `json:"started"`
	Base    string    `json:"base"` // HEAD when it began
	Unborn  bool      `json:"unborn,omitempty"`
	Ended   time.Time `json:"ended,omitzero"`
	Head    string    `json:"head,omitempty"` // HEAD when it ended
}

const recordName = "wf-ci-day.json"

// dayLimit is how long a day may be that nobody has ended. Clocks that were put
// back make no day longer.
const dayLimit = 18 * time.Hour

// readRecord reads the day; nil: there is none, or nobody can read it any more.
func readRecord(gitDir string) *record {
	data, err := readFile(filepath.Join(gitDir, recordName), 64<<10)
	if err != nil {
		return nil
	}
	var r record
	if json.Unmarshal(data, &r) != nil || r.Started.IsZero() && r.Ended.IsZero() || r.Base != "" && !git.IsID(r.Base) {
		return nil
	}
	return &r
}

func (r record) encode() ([]byte, error) {
	data, err := json.Marshal(r)
	return append(data, '\n'), err
}

func (r record) write(gitDir string) error {
	data, err := r.encode()
	if err != nil {
		return err
	}
	return state.Write(filepath.Join(gitDir, recordName), data, 0o600)
}

// begin is the day at a start: the one that goes on, or a new one. A day that
// was not ended hands its commits on to the next, so that none is forgotten.
// The note says so.
func begin(old *record, head string, now time.Time) (r record, continued bool, note string) {
	fresh := record{Started: now, Base: head, Unborn: head == ""}
	switch {
	case old == nil:
		return fresh, false, ""
	case !old.Ended.IsZero():
		fresh.Base, fresh.Unborn = old.Head, old.Head == ""
		return fresh, false, ""
	case now.Before(old.Started.Add(-time.Minute)):
		return record{Started: now, Base: old.Base, Unborn: old.Unborn}, false,
			"the clock was put back since the day began; it begins now, with the commits made since then"
	case now.Sub(old.Started) > dayLimit:
		fresh.Base, fresh.Unborn = old.Base, old.Unborn
		return fresh, false, fmt.Sprintf("the day that began on %s was never ended; its commits count to this one", old.Started.In(now.Location()).Format("2006-01-02"))
	}
	return *old, true, ""
}

// readFile reads a regular file of up to so many bytes.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", filepath.Base(path))
	case info.Size() > limit:
		return nil, errTooLarge{filepath.Base(path), info.Size(), limit}
	}
	return os.ReadFile(path)
}

// errTooLarge is a file above a limit.
type errTooLarge struct {
	name        string
	size, limit int64
}

func (e errTooLarge) Error() string {
	return fmt.Sprintf("%s has %d bytes; more than %d are not read", e.name, e.size, e.limit)
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) }

// known says whether a commit is here.
func known(ctx context.Context, repo *git.Repo, id string) bool {
	_, err := repo.Commit(ctx, id)
	return err == nil
}
