package costs

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/state"
)

// Ledger is the entries of a repository: below its folder, one file for each
// time that something was recorded, named by the hash of its content. Writers
// side by side never touch the same file, and what is there never changes.
//
//	entries/2026-11/5f0c….jsonl    an entry a line
type Ledger struct {
	Dir string // the folder costs. Required.
	// Lock is a path whose lock keeps two rebuilds of the books apart; best
	// outside the work tree. Required for Rebuild.
	Lock string
}

// entryFile is the name of a file of entries.
var entryFile = lazyregexp.New(`^[0-9a-f]{32}\.jsonl$`)

// entryPath is where such a file is in a repository.
var entryPath = lazyregexp.New(`^costs/entries/[0-9]{4}-[0-9]{2}/[0-9a-f]{32}\.jsonl$`)

// IsEntries says whether a path of a repository is that of a file of entries.
func IsEntries(path string) bool { return entryPath.MatchString(path) }

// fileLimit is more than a file of entries may hold, in bytes.
const fileLimit = 512 << 20

// Add puts entries into the ledger, all or none, and gives those that were not
// there yet. Two that tell one event in two ways are an error.
func (l Ledger) Add(entries []Entry) ([]Entry, error) {
	old, err := l.Entries()
	if err != nil {
		return nil, err
	}
	known := make(map[string]Entry, len(old))
	for _, e := range old {
		known[e.Key] = e
	}
	var added []Entry
	for _, e := range entries {
		before, ok := known[e.Key]
		switch {
		case !ok || e.Replaces == before.ID:
			known[e.Key] = e
			added = append(added, e)
		case !before.tells(e):
			return nil, conflict(before, e)
		}
	}
	return added, l.write(added)
}

func conflict(a, b Entry) error {
	return fmt.Errorf("two entries claim to be %q and differ: $%s at %s, $%s at %s; record the second under another id, or as a correction",
		a.Key, a.USD, a.Time.Format("2006-01-02 15:04:05"), b.USD, b.Time.Format("2006-01-02 15:04:05"))
}

// tells says whether two entries of one key tell the same of the event: when and
// where it was recorded may differ, as it does for one that is recorded again.
func (e Entry) tells(f Entry) bool {
	e.ID, e.Time, e.Branch, e.Commit = "", time.Time{}, "", ""
	f.ID, f.Time, f.Branch, f.Commit = "", time.Time{}, "", ""
	a, errA := e.hash()
	b, errB := f.hash()
	return errA == nil && errB == nil && a == b
}

// Files are the files that hold these entries, as paths below the folder costs:
// one for each month, named by its content.
func Files(entries []Entry) (map[string][]byte, error) {
	months := make(map[string][]Entry)
	for _, e := range entries {
		m := e.Time.Format("2006-01")
		months[m] = append(months[m], e)
	}
	files := make(map[string][]byte, len(months))
	for m, list := range months {
		data, err := encode(list)
		if err != nil {
			return nil, err
		}
		files["entries/"+m+"/"+fileName(data)] = data
	}
	return files, nil
}

// write puts entries into new files.
func (l Ledger) write(entries []Entry) error {
	files, err := Files(entries)
	if err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(l.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := state.Write(path, data, 0o644); err != nil {
			return fmt.Errorf("write entries: %w", err)
		}
	}
	return nil
}

func encode(list []Entry) ([]byte, error) {
	slices.SortFunc(list, Entry.compare)
	var buf bytes.Buffer
	for _, e := range list {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		buf.Write(line)
		buf.WriteByte('\n')
	}
	return buf.Bytes(), nil
}

func fileName(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16]) + ".jsonl"
}

func (e Entry) compare(f Entry) int {
	if c := e.Time.Compare(f.Time); c != 0 {
		return c
	}
	return strings.Compare(e.ID, f.ID)
}

// Entries reads all entries, by time, each once. A file that is cut, edited, or
// no file of entries is an error that names it.
func (l Ledger) Entries() ([]Entry, error) {
	root := filepath.Join(l.Dir, "entries")
	var all []Entry
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == root {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		if !entryFile.MatchString(d.Name()) {
			if strings.HasPrefix(d.Name(), ".") {
				return nil // a file that is being written
			}
			return fmt.Errorf("%s: not a file of entries; move it away", path)
		}
		list, err := readEntries(path, d)
		all = append(all, list...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return Once(all)
}

func readEntries(path string, d fs.DirEntry) ([]Entry, error) {
	info, err := d.Info()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > fileLimit {
		return nil, fmt.Errorf("%s: not a regular file, or above %d MiB", path, fileLimit>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Decode(path, data)
}

// Decode reads a file of entries, whose name has to be that of its content.
func Decode(path string, data []byte) ([]Entry, error) {
	if fileName(data) != filepath.Base(path) {
		return nil, fmt.Errorf("%s: was cut or edited: its name is not that of its content; restore it (git checkout -- FILE)", path)
	}
	var list []Entry
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		id, err := e.hash()
		if err != nil || id != e.ID {
			return nil, fmt.Errorf("%s:%d: the entry %.40q is not what its id says", path, n, e.ID)
		}
		list = append(list, e)
	}
	return list, lines.Err()
}

// Once orders entries, and leaves one of those that are the same event. Two that
// tell one event in two ways are an error.
func Once(all []Entry) ([]Entry, error) {
	slices.SortFunc(all, Entry.compare)
	byID := make(map[string]bool, len(all))
	replaced := make(map[string]bool)
	for _, e := range all {
		if e.Replaces != "" {
			replaced[e.Replaces] = true
		}
	}
	byKey := make(map[string]Entry, len(all))
	out := all[:0]
	for _, e := range all {
		if byID[e.ID] || replaced[e.ID] {
			continue
		}
		byID[e.ID] = true
		if other, ok := byKey[e.Key]; ok {
			if !other.tells(e) {
				return nil, conflict(other, e)
			}
			continue // the first that was recorded counts
		}
		byKey[e.Key] = e
		out = append(out, e)
	}
	return out, nil
}
