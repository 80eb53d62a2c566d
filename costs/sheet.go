package costs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

// sheet is a file of entries in small: what it gives to the books where no other
// file tells of the same events, and numbers by which to know whether one does.
// It is made from the whole file, and kept in l.Keys, so that a year of files need
// not be read to add one entry to them.
type sheet struct {
	file    entriesFile
	numbers []byte // see entryKeys
	form    []byte // the sums as JSON
	sums    sheetSums
}

// entriesFile is a file of entries on the disk.
type entriesFile struct {
	name, path string // name: below the folder costs
	d          fs.DirEntry
}

// month is the one that the file's folder is named by.
func (f entriesFile) month() string { return strings.Split(f.name, "/")[1] }

// sheetSums are what the entries of a file add up to.
type sheetSums struct {
	Zone    string    `json:"zone"` // in which the days begin, and when its clocks change
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Entries int       `json:"entries"` // that count
	Size    Nano      `json:"size"`    // the sum of their amounts without signs
	Outward []string  `json:"outward"` // ids, of other files, that corrections of this one are about
	Days    folding   `json:"days"`
}

// numberSize is the size of the number that stands for a key.
const numberSize = 8

// smallFile is read as fast as its sheet is, in bytes.
const smallFile = 64 << 10

// sheetOf is the sheet of a file, from what is kept of it, or made and kept; nil
// for a small file, and for one that is not as it should be. Where nothing was
// kept, list is what the file holds.
func (l Ledger) sheetOf(f entriesFile, z Zone) (s *sheet, list []Entry, err error) {
	info, err := f.d.Info()
	if err != nil {
		return nil, nil, err
	}
	if s := l.kept(f, info); s != nil && s.open(z) {
		return s, nil, nil
	}
	if list, err = readEntries(f.path, f.d); err != nil || info.Size() <= smallFile {
		return nil, list, err
	}
	if s, err = newSheet(list, z); err != nil || inMonth(f.name, list) != nil {
		return nil, list, nil // whoever reads the whole ledger will say what is wrong with it
	}
	s.file = f
	if l.Keys != "" && os.MkdirAll(l.Keys, 0o755) == nil {
		_ = state.Write(l.keptAt(f.name), s.close(info), 0o600) // lost, it is made again
	}
	return s, list, nil
}

// keptAt is where the sheet of a file, by its name, is kept.
func (l Ledger) keptAt(name string) string {
	return filepath.Join(l.Keys, strings.TrimSuffix(path.Base(name), ".jsonl"))
}

// kept is what is kept of a file, if it is of this very file; its sums are not
// read yet.
func (l Ledger) kept(f entriesFile, info fs.FileInfo) *sheet {
	if l.Keys == "" || info.Size() <= smallFile {
		return nil
	}
	data, err := os.ReadFile(l.keptAt(f.name))
	if err != nil {
		return nil
	}
	return openSheet(data, f, info)
}

// newSheet makes the sheet of what a file holds.
func newSheet(list []Entry, z Zone) (*sheet, error) {
	s := &sheet{numbers: entryKeys(list), sums: sheetSums{Outward: outward(list), Days: make(folding)}}
	once, err := Once(slices.Clone(list))
	if err != nil {
		return nil, err
	}
	for _, e := range once {
		s.sums.Entries++
		s.sums.Size += max(e.USD, -e.USD)
		s.sums.Days.add(e, z)
	}
	byTime := func(e, f Entry) int { return e.Time.Compare(f.Time) }
	if len(list) > 0 {
		s.sums.First, s.sums.Last = slices.MinFunc(list, byTime).Time, slices.MaxFunc(list, byTime).Time
	}
	s.sums.Zone = z.stamp(s.sums.First, s.sums.Last)
	s.form, err = json.Marshal(s.sums)
	return s, err
}

// outward are the ids that corrections in a list are about, and that it does not
// have.
func outward(list []Entry) []string {
	out := []string{}
	var have map[string]bool
	for _, e := range list {
		if e.Replaces == "" {
			continue
		}
		if have == nil {
			have = make(map[string]bool, len(list))
			for _, e := range list {
				have[e.ID] = true
			}
		}
		if !have[e.Replaces] {
			out = append(out, e.Replaces)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// entryKeys are the numbers of the keys of entries, and of those that its
// corrections are about, each once, in order.
func entryKeys(list []Entry) []byte {
	numbers := make([]uint64, 0, len(list))
	for _, e := range list {
		numbers = append(numbers, number(e.Key))
		if e.Replaces != "" {
			numbers = append(numbers, number(corrects+e.Replaces))
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	data := make([]byte, 0, numberSize*len(numbers))
	for _, n := range numbers {
		data = binary.BigEndian.AppendUint64(data, n)
	}
	return data
}

// corrects stands before the id of an entry that is corrected.
const corrects = "corrects "

// number stands for a key: equal keys have equal numbers.
func number(key string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(key))
	return h.Sum64()
}

// sheetHeader begins a sheet that is kept. A change of its form, or of what is
// folded, is a new name here.
const sheetHeader = "wf-ci/sheet/v1\n"

// stamped is the header, and of which file on the disk a sheet is.
func stamped(name string, info fs.FileInfo) []byte {
	data := append([]byte(sheetHeader+name), '\n')
	data = binary.BigEndian.AppendUint64(data, uint64(info.Size()))
	return binary.BigEndian.AppendUint64(data, uint64(info.ModTime().UnixNano()))
}

// close is what is kept: of which file, the numbers, the sums, and a hash of it all.
func (s *sheet) close(info fs.FileInfo) []byte {
	data := binary.BigEndian.AppendUint64(stamped(s.file.name, info), uint64(len(s.numbers)))
	data = append(append(data, s.numbers...), s.form...)
	sum := sha256.Sum256(data)
	return append(data, sum[:]...)
}

// openSheet reads what is kept; nil if it was cut, or is of another file.
func openSheet(data []byte, f entriesFile, info fs.FileInfo) *sheet {
	head, end := stamped(f.name, info), len(data)-sha256.Size
	start := len(head) + numberSize
	if end < start || !bytes.HasPrefix(data, head) {
		return nil
	}
	sum := sha256.Sum256(data[:end])
	size := binary.BigEndian.Uint64(data[len(head):])
	if !bytes.Equal(data[end:], sum[:]) || size%numberSize != 0 || size > uint64(end-start) {
		return nil
	}
	return &sheet{file: f, numbers: data[start : start+int(size)], form: data[start+int(size) : end]}
}

// open reads the sums, if they are those of a zone.
func (s *sheet) open(z Zone) bool {
	if json.Unmarshal(s.form, &s.sums) != nil {
		return false
	}
	return s.sums.Zone == z.stamp(s.sums.First, s.sums.Last)
}

// stamp names a zone and its offsets in a stretch of time: where a newer table of
// zones has others, days are others.
func (z Zone) stamp(from, to time.Time) string {
	b := []byte(z.String())
	for t := z.in(from); ; {
		_, offset := t.Zone()
		_, end := t.ZoneBounds()
		b = fmt.Appendf(b, " %d", offset)
		if end.IsZero() || end.After(to) {
			return string(b)
		}
		b = fmt.Appendf(b, " until %d", end.Unix())
		t = end
	}
}

// sheetHolds says whether what is kept of a file is what the file gives.
func (l Ledger) sheetHolds(f entriesFile, list []Entry, z Zone) error {
	info, err := f.d.Info()
	if err != nil {
		return err
	}
	kept := l.kept(f, info)
	if kept == nil || !kept.open(z) {
		return nil // it will be made again
	}
	s, err := newSheet(list, z)
	if err == nil && (!bytes.Equal(s.numbers, kept.numbers) || !bytes.Equal(s.form, kept.form)) {
		err = fmt.Errorf("%s is not what costs/%s gives: remove it, and rebuild the books (wf-ci costs rebuild)", l.keptAt(f.name), f.name)
	}
	return err
}
