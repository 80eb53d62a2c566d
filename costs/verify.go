package costs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Verified is what [Ledger.Verify] has looked at.
type Verified struct {
	Files   int    `json:"files"`
	Entries int    `json:"entries"` // each counted once
	Total   Nano   `json:"total"`
	Links   int    `json:"links"`
	Head    string `json:"head"` // hash of the last link
	Late    int    `json:"late"` // entries of closed months that no link seals yet
}

// Verify checks all that is on the disk: that each link holds to the one before
// it, that each file is what its link and its name say, each entry what its id
// says, that no two entries claim one event, that corrections correct something,
// and that the books are what the entries give. The error names the first thing
// that is not so. It needs no network, and no git.
func (l Ledger) Verify(b Budget, z Zone) (Verified, error) {
	var v Verified
	links, err := l.Chain()
	if err != nil {
		return v, err
	}
	v.Links = len(links)
	if v.Links > 0 {
		v.Head = links[v.Links-1].Hash
	}
	files := make(map[string][]Entry)
	if err := l.walk(func(name, path string, d fs.DirEntry) error {
		list, err := readEntries(path, d)
		if err == nil {
			err = inMonth(name, list)
		}
		if err == nil {
			err = l.sheetHolds(entriesFile{name, path, d}, list, z)
		}
		files[name] = list
		return err
	}); err != nil {
		return v, err
	}
	v.Files = len(files)
	if err := holds(links, files); err != nil {
		return v, err
	}
	v.Late = late(links, files)
	all := slices.Concat(slices.Collect(maps.Values(files))...)
	if err := corrected(all); err != nil {
		return v, err
	}
	if all, err = Once(all); err != nil {
		return v, err
	}
	v.Entries, v.Total = len(all), total(all)
	return v, l.booksHold(all, b, z)
}

// inMonth says whether entries are in the folder of their month.
func inMonth(name string, list []Entry) error {
	month := strings.Split(name, "/")[1]
	for _, e := range list {
		if e.Time.Format("2006-01") != month {
			return fmt.Errorf("costs/%s: the entry %s of %s is in the wrong month", name, e.ID, e.Time.Format("2006-01-02"))
		}
	}
	return nil
}

// holds says whether the files that links name are there, and are what they say.
func holds(links []Link, files map[string][]Entry) error {
	for i, k := range links {
		where := fmt.Sprintf("costs/%s:%d (%s)", chainName, i+1, k.Month)
		list, ok := files[k.File]
		switch {
		case !ok:
			return fmt.Errorf("%s: costs/%s is gone; restore it (git checkout -- FILE)", where, k.File)
		case len(list) != k.Entries || total(list) != k.USD:
			return fmt.Errorf("%s: costs/%s holds %d entries of $%s, the link says %d of $%s", where, k.File, len(list), total(list), k.Entries, k.USD)
		}
	}
	return nil
}

// late counts the entries of closed months that no link seals.
func late(links []Link, files map[string][]Entry) int {
	sealed, closed := make(map[string]bool), make(map[string]bool)
	for _, k := range links {
		sealed[k.File], closed[k.Month] = true, true
	}
	n := 0
	for name, list := range files {
		if !sealed[name] && closed[strings.Split(name, "/")[1]] {
			n += len(list)
		}
	}
	return n
}

// corrected says whether each correction corrects an entry that is there, of the
// same event.
func corrected(all []Entry) error {
	byID := make(map[string]Entry, len(all))
	for _, e := range all {
		byID[e.ID] = e
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		e := byID[id]
		if e.Replaces == "" {
			continue
		}
		old, ok := byID[e.Replaces]
		switch {
		case !ok:
			return fmt.Errorf("the entry %s corrects %.40q, which is not here", e.ID, e.Replaces)
		case old.Key != e.Key:
			return fmt.Errorf("the entry %s (%q) corrects %s, which is another event (%q)", e.ID, e.Key, old.ID, old.Key)
		}
	}
	return nil
}

// booksHold says whether the books are what the entries give. One that is not
// there is no lie.
func (l Ledger) booksHold(all []Entry, b Budget, z Zone) error {
	books, err := Fold(all, b, z)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(books)) {
		data, err := readFile(filepath.Join(l.Dir, filepath.FromSlash(name)), bookLimit)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !bytes.Equal(data, books[name]):
			return fmt.Errorf("costs/%s is not what the entries give: it was edited, merged, or the budget has changed; rebuild it (wf-ci costs rebuild)", name)
		}
	}
	stray, err := l.strays(books)
	if err == nil && len(stray) > 0 {
		err = fmt.Errorf("costs/%s has no entries: it was made by hand, or is left from another time zone; rebuild the books (wf-ci costs rebuild)", stray[0])
	}
	return err
}
