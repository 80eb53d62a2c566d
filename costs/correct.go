package costs

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Correct adds an entry that takes the place of another: what was recorded
// stays, and no longer counts. name is the entry's id, the start of it, or the
// name that it was recorded under. change gets the old entry, and gives the new
// one unsealed; its time stays that of the event, so that the correction counts
// where the mistake did.
func (l Ledger) Correct(name string, change func(Entry) (Entry, error)) (old, corrected Entry, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockLimit)
	defer cancel()
	unlock, err := l.lock(ctx)
	if err != nil {
		return old, corrected, err
	}
	defer unlock()
	all, err := l.history()
	if err != nil {
		return old, corrected, err
	}
	if old, err = find(all, name); err != nil {
		return old, corrected, err
	}
	copied := old
	copied.Units = slices.Clone(old.Units) // change may write into them
	corrected, err = change(copied)
	if err != nil {
		return old, corrected, err
	}
	// A ledger in which two entries claim one event is mended one by one.
	_, before := Once(slices.Clone(all))
	if _, err := Once(append(all, corrected)); err != nil && before == nil {
		return old, corrected, err
	}
	return old, corrected, l.write([]Entry{corrected})
}

// find is the entry that counts and has this name.
func find(all []Entry, name string) (Entry, error) {
	by := make(map[string]string) // entry → the one that corrects it
	for _, e := range all {
		if e.Replaces != "" {
			by[e.Replaces] = e.ID
		}
	}
	found := make(map[string]Entry)
	var replaced Entry
	for _, e := range all {
		if e.Key != "id:"+name && (len(name) < 6 || !strings.HasPrefix(e.ID, name)) {
			continue
		}
		if by[e.ID] != "" {
			replaced = e
			continue
		}
		found[e.ID] = e
	}
	switch {
	case len(found) > 1:
		return Entry{}, fmt.Errorf("%q names %d entries: give the whole id of one", name, len(found))
	case len(found) == 0 && replaced.ID != "":
		return Entry{}, fmt.Errorf("the entry %s was corrected already, by %s: correct that one", replaced.ID, by[replaced.ID])
	case len(found) == 0:
		return Entry{}, fmt.Errorf("no entry has the id %q, nor was one recorded under this name", name)
	}
	for _, e := range found {
		return e, nil
	}
	return Entry{}, nil
}
