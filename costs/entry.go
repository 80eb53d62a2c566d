package costs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/costs/prices"
)

// Basis says where an entry's cost comes from.
type Basis string

const (
	Reported     Basis = "reported"     // somebody said so: a bill, a log with an amount
	List         Basis = "list"         // counted, and priced by a list
	Estimate     Basis = "estimate"     // guessed
	Subscription Basis = "subscription" // paid by a flat rate: it cost nothing more
	Unpriced     Basis = "unpriced"     // nobody knows its price; the cost is not in it
)

// Quantity is so much of a unit, and what one of it costs.
type Quantity struct {
	Unit string      `json:"unit"`
	N    Count       `json:"n"`
	Rate prices.Rate `json:"rate"` // pico-dollars for one
}

// Entry is one use of something. It is immutable: a correction is an entry of
// its own that names what it replaces.
type Entry struct {
	// ID is the hash of all the rest.
	ID string `json:"id"`
	// Key names the event: two entries with one key are the same event. Required.
	Key string `json:"key"`
	// Time is when it happened, in UTC. Required.
	Time time.Time `json:"time"`
	// Category is llm, embeddings, compute, storage, ci, api, …. Required.
	Category string     `json:"category"`
	Model    string     `json:"model,omitempty"`
	Units    []Quantity `json:"units,omitempty"`
	USD      Nano       `json:"usd"`
	Basis    Basis      `json:"basis"`
	PriceRef string     `json:"price_ref,omitempty"`
	Feature  string     `json:"feature,omitempty"`
	Task     string     `json:"task,omitempty"`
	Branch   string     `json:"branch,omitempty"`
	Commit   string     `json:"commit,omitempty"`
	Source   string     `json:"source"` // what wrote it: manual, claude, codex, ci, …
	// Replaces is the id of the entry that this one corrects, and Reason why.
	Replaces string `json:"replaces,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// What an entry may hold.
const (
	textLimit = 512                // bytes of a name
	yearMin   = 2015               // nothing that is counted here is older
	yearMax   = 2199               // a date that JSON and file names can hold
	usdMax    = 1_000_000 * dollar // of one entry
)

// Seal checks an entry and gives it its id. now bounds its time: a day of
// grace, for clocks that differ.
func (e Entry) Seal(now time.Time) (Entry, error) {
	e.Time = e.Time.UTC()
	if err := e.sealable(now); err != nil {
		return e, err
	}
	id, err := e.hash()
	e.ID = id
	return e, err
}

// sealable says why an entry cannot be sealed.
func (e Entry) sealable(now time.Time) error {
	if e.Time.After(now.Add(grace)) {
		return fmt.Errorf("time %s: in the future", e.Time.Format(time.RFC3339))
	}
	return e.check()
}

// grace is how far two clocks may be apart.
const grace = 24 * time.Hour

// check says what is wrong with an entry, its id and the future aside.
func (e Entry) check() error {
	switch {
	case e.Key == "":
		return errors.New("an entry needs a key")
	case e.Time.Year() < yearMin || e.Time.Year() > yearMax:
		return fmt.Errorf("time %s: not between %d and %d", e.Time.Format(time.RFC3339), yearMin, yearMax)
	case e.USD > usdMax || e.USD < -usdMax:
		return fmt.Errorf("amount %s: too large: the limit is %s", e.USD, usdMax)
	case e.Category == "" || e.Source == "" || e.Basis == "":
		return errors.New("an entry needs a category, a source and a basis")
	}
	for _, f := range []struct{ name, text string }{
		{"key", e.Key}, {"category", e.Category}, {"model", e.Model}, {"feature", e.Feature}, {"task", e.Task},
		{"branch", e.Branch}, {"commit", e.Commit}, {"source", e.Source}, {"reason", e.Reason},
	} {
		if err := plain(f.text); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// genuine says whether an entry that was read is one that was sealed.
func (e Entry) genuine() error {
	if id, err := e.hash(); err != nil || id != e.ID {
		return fmt.Errorf("the entry %.40q is not what its id says", e.ID)
	}
	return e.check()
}

// plain says what a name must not be: too long, or with characters that cannot
// be seen.
func plain(text string) error {
	if len(text) <= textLimit && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil // as nearly all are
	}
	switch {
	case len(text) > textLimit:
		return fmt.Errorf("%d bytes: the limit is %d", len(text), textLimit)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) }):
		return fmt.Errorf("%q has characters that cannot be seen", text)
	}
	return nil
}

// hash is the id: of the entry as JSON without its id.
func (e Entry) hash() (string, error) {
	id, _, err := e.line(make([]byte, 0, 1<<10))
	return id, err
}

// idSize is the length of an id.
const idSize = 32

// line gives an entry's id, and the entry as JSON with that id, in the room of b:
// it is encoded once, behind room for the id, which then goes to its place.
func (e Entry) line(b []byte) (string, []byte, error) {
	e.ID = ""
	b, err := e.appendJSON(append(b, make([]byte, idSize)...))
	if err != nil {
		return "", b, err
	}
	sum := sha256.Sum256(b[idSize:])
	n := copy(b, b[idSize:idSize+len(idField)])
	hex.Encode(b[n:], sum[:idSize/2])
	return string(b[n : n+idSize]), b, nil
}

// Usage is what a call used, before it is priced.
type Usage struct {
	Model string
	// Tokens: input without what the cache gave or took.
	Input, Output, CacheRead, CacheWrite, CacheWrite1h int64
	WebSearches                                        int64
}

// Price fills in units, cost, basis and reference of an entry from a usage at
// the entry's own time. A model without a price makes it unpriced.
func (e Entry) Price(u Usage, table *prices.Table) (Entry, error) {
	e.Model = u.Model
	if e.Category == "" {
		e.Category = "llm"
	}
	for _, part := range []struct {
		unit string
		n    int64
	}{
		{prices.Input, u.Input}, {prices.Output, u.Output}, {prices.CacheRead, u.CacheRead},
		{prices.CacheWrite, u.CacheWrite}, {prices.CacheWrite1h, u.CacheWrite1h}, {prices.WebSearches, u.WebSearches},
	} {
		n, err := Whole(part.n)
		if err != nil {
			return e, fmt.Errorf("%s: %w", part.unit, err)
		}
		if n > 0 {
			e.Units = append(e.Units, Quantity{Unit: part.unit, N: n})
		}
	}
	row, ok := table.Find(u.Model, e.Time, u.Input+u.CacheRead+u.CacheWrite+u.CacheWrite1h)
	return e.priced(row, ok)
}

// priced applies a row to the units. An input of which a part has no price has
// none as a whole.
func (e Entry) priced(row prices.Row, ok bool) (Entry, error) {
	for i := range e.Units {
		if !ok {
			break
		}
		e.Units[i].Rate, ok = row.Rate(e.Units[i].Unit)
	}
	if !ok {
		for i := range e.Units {
			e.Units[i].Rate = 0
		}
		e.Basis = Unpriced
		return e, nil
	}
	usd, err := cost(e.Units)
	e.USD, e.Basis, e.PriceRef = usd, List, row.Ref()
	return e, err
}
