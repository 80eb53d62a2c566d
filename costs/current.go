package costs

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"time"
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
	var near []Entry
	var others []byte
	err := l.walk(func(name, path string, d fs.DirEntry) error {
		f := entriesFile{name, path, d}
		if z.needs(f.month(), at) {
			list, err := readEntries(path, d)
			near = append(near, list...)
			return err
		}
		s, list, err := l.sheetOf(f, z)
		if s == nil {
			others = append(others, entryKeys(list)...)
			return err
		}
		others = append(others, s.numbers...)
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

// Around is Current, and how many entries the whole ledger has: where files
// outside of those periods tell of one event, they are read too.
func (l Ledger) Around(z Zone, at time.Time) (current []Entry, count int, err error) {
	s, err := l.survey(z, nil, at)
	return z.Current(slices.Values(s.near), at), s.count(), err
}

// told says whether others, by their numbers, tell of entries.
func told(near []Entry, others []byte) bool {
	known := make(map[uint64]bool, 2*len(near))
	for _, e := range near {
		known[number(e.Key)] = true
		known[number(corrects+e.ID)] = true
	}
	for ; len(others) >= numberSize; others = others[numberSize:] {
		if known[binary.BigEndian.Uint64(others)] {
			return true
		}
	}
	return false
}
