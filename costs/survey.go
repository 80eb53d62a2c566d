package costs

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"time"
)

// survey is the whole ledger, of which only a part was read.
type survey struct {
	near []Entry  // what counts of the files that were read, by time
	far  []*sheet // all others: nothing in them hangs on any other file
}

// count is how many entries there are.
func (s survey) count() int {
	n := len(s.near)
	for _, f := range s.far {
		n += f.sums.Entries
	}
	return n
}

// after says whether a file that was not read has an entry of after a time.
func (s survey) after(t time.Time) bool {
	return slices.ContainsFunc(s.far, func(f *sheet) bool { return f.sums.Last.After(t) })
}

// folding is what all files that were not read add up to.
func (s survey) folding() folding {
	all := make(folding)
	for _, f := range s.far {
		all.merge(f.sums.Days)
	}
	return all
}

// survey reads the files of the months around some times, and those that tell of
// the same events as another file, or as more, which is about to be written. Of
// all others it takes the sheet. Where that could give another result than the
// whole ledger does, it is the whole ledger.
func (l Ledger) survey(z Zone, more []Entry, at ...time.Time) (survey, error) {
	for try := 0; ; try++ {
		s, err := l.surveyOnce(z, more, at)
		if !errors.Is(err, fs.ErrNotExist) || try == 10 {
			return s, err
		}
		// A month is being packed: see history.
	}
}

func (l Ledger) surveyOnce(z Zone, more []Entry, at []time.Time) (survey, error) {
	s, err := l.look(z, at)
	if err == nil {
		err = s.draw(more)
	}
	if err != nil {
		return s, err
	}
	if !apart(s, more) {
		return l.whole()
	}
	if s.near, err = Once(s.near); err != nil || s.size(more) > sumMax/2 {
		return l.whole() // and its error
	}
	return s, nil
}

func (l Ledger) whole() (s survey, err error) {
	s.near, err = l.Entries()
	return s, err
}

// look reads the files of the months around some times, and the small ones.
func (l Ledger) look(z Zone, at []time.Time) (s survey, err error) {
	err = l.walk(func(name, path string, d fs.DirEntry) error {
		f := entriesFile{name, path, d}
		if slices.ContainsFunc(at, func(t time.Time) bool { return z.needs(f.month(), t) }) {
			list, err := readEntries(path, d)
			s.near = append(s.near, list...)
			return err
		}
		sheet, list, err := l.sheetOf(f, z)
		if sheet == nil {
			s.near = append(s.near, list...)
			return err
		}
		s.far = append(s.far, sheet)
		return err
	})
	return s, err
}

// needs says whether a month, in UTC, has days of the week or the month of a time.
func (z Zone) needs(month string, at time.Time) bool {
	w, m := z.Week(at), z.Month(at)
	first, last := w.Start, m.End
	if m.Start.Before(first) {
		first = m.Start
	}
	if w.End.After(last) {
		last = w.End
	}
	return first.UTC().Format("2006-01") <= month && month <= last.UTC().Format("2006-01")
}

// draw reads the files that may tell of an event that another one tells of, too.
func (s *survey) draw(more []Entry) error {
	doubt := s.twice(more)
	if len(doubt) == 0 {
		return nil
	}
	var far []*sheet
	for _, f := range s.far {
		if !f.tells(doubt) {
			far = append(far, f)
			continue
		}
		list, err := readEntries(f.file.path, f.file.d)
		if err != nil {
			return err
		}
		s.near = append(s.near, list...)
	}
	s.far = far
	return nil
}

// twice are the numbers that stand in more than one place: a file that was not
// read, those that were, or what is about to be written.
func (s *survey) twice(more []Entry) map[uint64]bool {
	places := [][]byte{entryKeys(s.near), entryKeys(more)}
	size := 0
	for _, f := range s.far {
		places = append(places, f.numbers)
	}
	for _, p := range places {
		size += len(p) / numberSize
	}
	all := make([]uint64, 0, size)
	for _, p := range places {
		for ; len(p) >= numberSize; p = p[numberSize:] {
			all = append(all, binary.BigEndian.Uint64(p))
		}
	}
	slices.Sort(all)
	twice := make(map[uint64]bool)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			twice[all[i]] = true
		}
	}
	return twice
}

// tells says whether a sheet has one of some numbers.
func (f *sheet) tells(numbers map[uint64]bool) bool {
	for p := f.numbers; len(p) >= numberSize; p = p[numberSize:] {
		if numbers[binary.BigEndian.Uint64(p)] {
			return true
		}
	}
	return false
}

// apart says whether no correction is about an entry that it would not meet.
func apart(s survey, more []Entry) bool {
	for _, f := range s.far {
		if len(f.sums.Outward) > 0 {
			return false
		}
	}
	return len(outward(slices.Concat(s.near, more))) == 0
}

// size is the sum of all amounts without their signs, or more than any may be.
func (s survey) size(more []Entry) Nano {
	var sum Nano
	for _, f := range s.far {
		if sum += f.sums.Size; sum > sumMax {
			return sum
		}
	}
	for _, list := range [][]Entry{s.near, more} {
		for _, e := range list {
			if sum += max(e.USD, -e.USD); sum > sumMax {
				return sum
			}
		}
	}
	return sum
}
