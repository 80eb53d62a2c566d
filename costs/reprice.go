package costs

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs/prices"
)

// Repriced is what entries would have cost at the prices of another day.
type Repriced struct {
	Model   string `json:"model"`
	Entries int    `json:"entries"`
	Was     Nano   `json:"was"` // as it is in the books
	Now     Nano   `json:"now"` // as it would be
	// Unpriced are entries that have no price on that day; both sums leave them
	// out.
	Unpriced int `json:"unpriced"`
}

// Reprice counts what the entries that count units would have cost at the prices
// of a day, each at its own time of the day. It is a question, never a change:
// what a call did cost is in its entry.
func Reprice(entries []Entry, table *prices.Table, day time.Time) ([]Repriced, error) {
	by := make(map[string]*Repriced)
	for _, e := range entries {
		if e.Model == "" || len(e.Units) == 0 || e.Basis != List && e.Basis != Unpriced && e.Basis != Estimate {
			continue // an amount that somebody reported has no price to be changed
		}
		r := by[e.Model]
		if r == nil {
			r = &Repriced{Model: e.Model}
			by[e.Model] = r
		}
		r.Entries++
		then, err := e.repriced(table, onDay(e.Time, day))
		if err != nil {
			return nil, err
		}
		if then.Basis == Unpriced || e.Basis == Unpriced {
			r.Unpriced++
			continue
		}
		r.Was, r.Now = r.Was+e.USD, r.Now+then.USD
	}
	var out []Repriced
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[name])
	}
	return out, nil
}

// onDay is the time of the day of t, on a day.
func onDay(t, day time.Time) time.Time {
	t = t.UTC()
	y, m, d := day.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// repriced is the entry with the prices of another time.
func (e Entry) repriced(table *prices.Table, at time.Time) (Entry, error) {
	e.Units = slices.Clone(e.Units)
	var input Count
	for _, u := range e.Units {
		if u.Unit == prices.Input || strings.HasPrefix(u.Unit, "cache_") {
			input += u.N
		}
	}
	row, ok := table.Find(e.Model, at, int64(input/one))
	return e.priced(row, ok)
}

// On is what the same units would have cost on another model, or at another
// time, by the list. Where that has no price it is [Unpriced].
func (e Entry) On(model string, at time.Time, table *prices.Table) (Entry, error) {
	e.Model = model
	return e.repriced(table, at)
}
