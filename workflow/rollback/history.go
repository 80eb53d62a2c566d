package rollback

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Event is a line of the history of rollbacks. The journal forgets after some
// days; this does not.
type Event struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	What      string    `json:"what"` // applied, verified, undone, lost
	Decided   time.Time `json:"decided,omitzero"`
	Automatic bool      `json:"automatic,omitempty"`
	Strategy  Strategy  `json:"strategy,omitempty"`
	Status    string    `json:"status,omitempty"` // of verified
	Note      string    `json:"note,omitempty"`   // of lost
}

// historyLimit bounds what is read.
const historyLimit = 16 << 20

func (r *Repo) historyFile() string {
	return filepath.Join(r.Common, "wf-ci", "rollbacks.jsonl")
}

// record adds a line. What has been done has been done: that it could not be
// written down is a note.
func (r *Repo) record(e Event, notes *[]string) {
	if err := r.Record(e); err != nil {
		*notes = append(*notes, "the history of rollbacks: "+err.Error())
	}
}

// Record adds a line to the history.
func (r *Repo) Record(e Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.historyFile()), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(r.historyFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n')) // one write: lines of two commands do not mix
	return errors.Join(err, f.Close())
}

// History are all events, the oldest first.
func (r *Repo) History() ([]Event, error) {
	data, err := os.ReadFile(r.historyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(data) > historyLimit {
		return nil, fmt.Errorf("%s is larger than %d MB", r.historyFile(), historyLimit>>20)
	}
	return parseHistory(data)
}

func parseHistory(data []byte) ([]Event, error) {
	var list []Event
	n := 0
	for line := range bytes.Lines(data) {
		if n++; len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e Event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("rollbacks.jsonl:%d: %w", n, err)
		}
		if e.ID == "" || e.At.IsZero() {
			return nil, fmt.Errorf("rollbacks.jsonl:%d: no rollback is named", n)
		}
		list = append(list, e)
	}
	return list, nil
}
