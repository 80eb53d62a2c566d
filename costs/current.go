package costs

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

// Current reads the entries of the day, week and month of a time: all that a
// limit hangs on. Files of other months matter only where they tell of the same
// event, or correct it; what says so is one number for each of their entries,
// which is kept in l.Keys, so that a year behind the month costs nothing.
//
// A file that stands in l.Keys is known by its name, which is that of its content,
// and by its size; Verify reads it all.
func (l Ledger) Current(z Zone, at time.Time) ([]Entry, error) {
	for try := 0; ; try++ {
		all, err := l.current(z, at)
		if !errors.Is(err, fs.ErrNotExist) || try == 10 {
			return all, err
		}
		// A month is being packed: see history.
	}
}

func (l Ledger) current(z Zone, at time.Time) ([]Entry, error) {
	week, month := z.Week(at), z.Month(at)
	first, last := week.Start, month.End
	if month.Start.Before(first) {
		first = month.Start
	}
	if week.End.After(last) {
		last = week.End
	}
	from, to := first.UTC().Format("2006-01"), last.UTC().Format("2006-01")
	var near []Entry
	var others []byte
	err := l.walk(func(name, path string, d fs.DirEntry) error {
		if m := strings.Split(name, "/")[1]; from <= m && m <= to {
			list, err := readEntries(path, d)
			near = append(near, list...)
			return err
		}
		keys, err := l.keysOf(path, d)
		others = append(others, keys...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if told(near, others) {
		all, err := l.Entries()
		return z.Current(slices.Values(all), at), err
	}
	near, err = Once(near)
	return z.Current(slices.Values(near), at), err
}

// keySize is the size of the number that stands for a key.
const keySize = 8

// keysOf are the numbers of the keys in a file, and of the entries that its
// corrections are about.
func (l Ledger) keysOf(path string, d fs.DirEntry) ([]byte, error) {
	info, err := d.Info()
	if err != nil {
		return nil, err
	}
	const small = 64 << 10 // is read as fast as its keys are
	kept := ""
	if l.Keys != "" && info.Size() > small {
		kept = filepath.Join(l.Keys, strings.TrimSuffix(d.Name(), ".jsonl"))
		if data, err := os.ReadFile(kept); err == nil {
			if keys, ok := openKeys(data, info.Size()); ok {
				return keys, nil
			}
		}
	}
	list, err := readEntries(path, d)
	if err != nil {
		return nil, err
	}
	keys := entryKeys(list)
	if kept != "" && os.MkdirAll(l.Keys, 0o755) == nil {
		_ = state.Write(kept, closeKeys(keys, info.Size()), 0o600) // lost, it is made again
	}
	return keys, nil
}

func entryKeys(list []Entry) []byte {
	var keys []byte
	for _, e := range list {
		keys = appendKey(keys, e.Key)
		if e.Replaces != "" {
			keys = appendKey(keys, corrects+e.Replaces)
		}
	}
	return keys
}

// corrects stands before the id of an entry that is corrected.
const corrects = "corrects "

func appendKey(keys []byte, key string) []byte {
	h := fnv.New64a()
	h.Write([]byte(key))
	return h.Sum(keys)
}

// told says whether others, by their numbers, tell of entries.
func told(near []Entry, others []byte) bool {
	known := make(map[uint64]bool, 2*len(near))
	for _, e := range near {
		for _, key := range []string{e.Key, corrects + e.ID} {
			known[binary.BigEndian.Uint64(appendKey(nil, key))] = true
		}
	}
	for ; len(others) >= keySize; others = others[keySize:] {
		if known[binary.BigEndian.Uint64(others)] {
			return true
		}
	}
	return false
}

// keysHeader begins a file of keys; a change of the form is a new name here.
const keysHeader = "wf-ci/keys/v1\n"

// closeKeys is what is kept of a file of entries: its size, its keys, and a sum of
// both.
func closeKeys(keys []byte, size int64) []byte {
	data := binary.BigEndian.AppendUint64([]byte(keysHeader), uint64(size))
	data = append(data, keys...)
	sum := sha256.Sum256(data)
	return append(data, sum[:]...)
}

func openKeys(data []byte, size int64) ([]byte, bool) {
	at := len(data) - sha256.Size
	start := len(keysHeader) + keySize
	if at < start || (at-start)%keySize != 0 || string(data[:len(keysHeader)]) != keysHeader {
		return nil, false
	}
	sum := sha256.Sum256(data[:at])
	if string(data[at:]) != string(sum[:]) || binary.BigEndian.Uint64(data[len(keysHeader):]) != uint64(size) {
		return nil, false
	}
	return data[start:at], true
}
