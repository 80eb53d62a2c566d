package costs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
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
	// Lock is a path whose lock keeps writers apart; best outside the work tree.
	// Empty: one in Dir.
	Lock string
	// Keys is a folder, outside the work tree, for what Current keeps of months
	// that are over. Empty: none.
	Keys string
}

// entryPath is where such a file is in a repository.
var entryPath = lazyregexp.New(`^costs/entries/[0-9]{4}-[0-9]{2}/[0-9a-f]{32}\.jsonl$`)

// IsEntries says whether a path of a repository is that of a file of entries.
func IsEntries(path string) bool { return entryPath.MatchString(path) }

// fileLimit is more than a file of entries may hold, in bytes.
const fileLimit = 512 << 20

// lockLimit is how long a writer waits for the others: none holds the lock for
// longer than it takes to read the entries and write a file.
const lockLimit = 2 * time.Minute

func (l Ledger) lock(ctx context.Context) (func(), error) {
	if err := l.local(); err != nil {
		return nil, err
	}
	path := l.Lock
	if path == "" {
		path = filepath.Join(l.Dir, ".wf-ci-costs")
		if err := os.MkdirAll(l.Dir, 0o755); err != nil {
			return nil, err
		}
	}
	return state.Lock(ctx, path)
}

// Add puts entries into the ledger, all or none, and gives those that were not
// there yet. Two that tell one event in two ways are an error. When it returns,
// they are on the disk: nothing that happens to the process can lose them.
func (l Ledger) Add(entries []Entry) ([]Entry, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockLimit)
	defer cancel()
	unlock, err := l.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	old, err := l.Entries()
	if err != nil {
		return nil, err
	}
	added, _, err := l.add(old, entries)
	return added, err
}

// Record is [Ledger.Add] and [Ledger.Rebuild] in one: it gives the entries that
// were not there yet, and those that count of the days, weeks and months around
// now and around what is recorded; there may be others among them. now is the
// clock of this machine: where it lies before what is recorded already, it has
// jumped back, and nothing is written.
func (l Ledger) Record(ctx context.Context, entries []Entry, now time.Time, b Budget, z Zone) (added, near []Entry, err error) {
	unlock, err := l.lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	at := []time.Time{now}
	for _, e := range entries {
		at = append(at, e.Time)
	}
	s, err := l.survey(z, entries, at...)
	if err == nil && s.after(now.Add(grace)) {
		s, err = l.whole()
	}
	if err != nil {
		return nil, nil, err
	}
	if len(s.near) > 0 {
		if last := s.near[len(s.near)-1]; last.Time.After(now.Add(grace)) {
			return nil, nil, fmt.Errorf("the clock says %s, and the ledger has an entry of %s (%s): set the clock",
				now.UTC().Format(time.RFC3339), last.Time.Format(time.RFC3339), last.ID)
		}
	}
	if added, s.near, err = l.add(s.near, entries); err != nil {
		return nil, nil, err
	}
	if err := l.fold(s.folding(), slices.Values(s.near), b, z); err != nil {
		return added, s.near, fmt.Errorf("the entries are recorded, the books are not: %w", err)
	}
	return added, s.near, nil
}

// add writes the entries that old does not have, and gives them, and all.
func (l Ledger) add(old, entries []Entry) (added, all []Entry, err error) {
	known := make(map[string]Entry, len(old))
	for _, e := range old {
		known[e.Key] = e
	}
	for _, e := range entries {
		before, ok := known[e.Key]
		switch {
		case !ok || e.Replaces == before.ID:
			known[e.Key] = e
			added = append(added, e)
		case !before.tells(e) && !logged(before, e):
			return nil, nil, conflict(before, e)
		}
	}
	if all, err = Once(slices.Concat(old, added)); err != nil {
		return nil, nil, err // the sum may be too large
	}
	return added, all, l.write(added)
}

func conflict(a, b Entry) error {
	return fmt.Errorf("two entries claim to be %q and differ: $%s at %s (%s), $%s at %s (%s); record the second under another id, or correct one (wf-ci costs correct)",
		a.Key, a.USD, a.Time.Format("2006-01-02 15:04:05"), a.ID, b.USD, b.Time.Format("2006-01-02 15:04:05"), b.ID)
}

// tells says whether two entries of one key tell the same of the event: when and
// where it was recorded may differ, as it does for one that is recorded again,
// and so may what they replace: two people may have made one correction.
func (e Entry) tells(f Entry) bool {
	e.ID, e.Time, e.Branch, e.Commit, e.Replaces, e.Reason = "", time.Time{}, "", "", "", ""
	f.ID, f.Time, f.Branch, f.Commit, f.Replaces, f.Reason = "", time.Time{}, "", "", "", ""
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
		if err := l.put(name, data); err != nil {
			return err
		}
	}
	return nil
}

// put writes one file of entries.
func (l Ledger) put(name string, data []byte) error {
	path := filepath.Join(l.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := state.Write(path, data, 0o644); err != nil {
		return fmt.Errorf("write entries: %w", err)
	}
	return nil
}

func encode(list []Entry) ([]byte, error) {
	slices.SortFunc(list, Entry.compare)
	var data []byte
	for _, e := range list {
		var err error
		if data, err = e.appendJSON(data); err != nil {
			return nil, err
		}
		data = append(data, '\n')
	}
	return data, nil
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
	all, err := l.history()
	if err != nil {
		return nil, err
	}
	return Once(all)
}

// history is all that was ever recorded, what was corrected too.
func (l Ledger) history() ([]Entry, error) {
	for try := 0; ; try++ {
		var lists [][]Entry
		err := l.each(func(_ string, list []Entry) error {
			lists = append(lists, list)
			return nil
		})
		if !errors.Is(err, fs.ErrNotExist) || try == 10 {
			return slices.Concat(lists...), err
		}
		// A file that was listed is gone: its month is being packed. What it
		// held is in another file by now.
	}
}

// each calls fn with the files of entries, in the order of their names, and with
// what they hold. Names are below the folder costs, with slashes.
func (l Ledger) each(fn func(name string, list []Entry) error) error {
	return l.walk(func(name, path string, d fs.DirEntry) error {
		list, err := readEntries(path, d)
		if err != nil {
			return err
		}
		return fn(name, list)
	})
}

// walk calls fn with the files of entries.
func (l Ledger) walk(fn func(name, path string, d fs.DirEntry) error) error {
	if err := l.local(); err != nil {
		return err
	}
	root := filepath.Join(l.Dir, "entries")
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == root {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(l.Dir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if !IsEntries("costs/" + name) {
			if strings.HasPrefix(d.Name(), ".") {
				return nil // a file that is being written
			}
			return fmt.Errorf("%s: not a file of entries; move it away", path)
		}
		return fn(name, path, d)
	})
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
	list := make([]Entry, 0, bytes.Count(data, []byte("\n")))
	d := newDecoder()
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if len(line) > lineLimit {
			return nil, fmt.Errorf("%s:%d: a line of %d bytes: no entry is so long", path, n, len(line))
		}
		e, err := d.entry(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		list = append(list, e)
	}
	return list, nil
}

// lineLimit is more than an entry takes in a file, in bytes.
const lineLimit = 1 << 20

// sumMax is more than a ledger may add up to, so that no sum of its entries can
// overflow.
const sumMax = math.MaxInt64 / 4

// Once orders entries, and leaves one of those that are the same event. Two that
// tell one event in two ways are an error, and so is a sum that is too large to
// be counted exactly.
func Once(all []Entry) ([]Entry, error) {
	slices.SortFunc(all, Entry.compare)
	replaced := make(map[string]bool)
	for _, e := range all {
		if e.Replaces != "" {
			replaced[e.Replaces] = true
		}
	}
	byKey := make(map[string]int, len(all)) // where in out
	out := all[:0]
	var sum Nano
	swapped := false
	for _, e := range all {
		if replaced[e.ID] {
			continue
		}
		if i, ok := byKey[e.Key]; ok {
			switch other := out[i]; {
			case e.ID == other.ID:
			case further(e, other):
				sum += max(e.USD, -e.USD) - max(other.USD, -other.USD)
				out[i], swapped = e, true
			case !logged(e, other) && !other.tells(e):
				return nil, conflict(other, e)
			}
			continue // the first that was recorded counts
		}
		byKey[e.Key] = len(out)
		out = append(out, e)
		if sum += max(e.USD, -e.USD); sum > sumMax {
			return nil, fmt.Errorf("the entries add up to more than $%s, which cannot be counted exactly; the last is %s of %s", Nano(sumMax), e.ID, e.USD)
		}
	}
	if swapped {
		slices.SortFunc(out, Entry.compare)
	}
	return out, nil
}
