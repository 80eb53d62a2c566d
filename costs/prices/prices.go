// Package prices says what a unit of something costed at a time: tokens of
// models, hours of machines, minutes of runners.
//
//	[Builtin]  the table that is built in: dated, from genai-prices, and our own
//	[Parse]    rows of the user's, which go before the built-in ones
//	[Table.Find]  a model and a time → the row that was in force
//
// A rate is an integer number of pico-dollars for one unit, so that nothing is
// ever rounded here. A model that no row names has no price: it is not free.
package prices

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Rate is pico-dollars (1e-12 USD) for one unit: micro-dollars for a million.
type Rate int64

// Units that entries count. Others are named by the table.
const (
	Input        = "input"          // tokens, without those of the cache
	Output       = "output"         // tokens, reasoning included
	CacheRead    = "cache_read"     // tokens
	CacheWrite   = "cache_write"    // tokens, kept for five minutes
	CacheWrite1h = "cache_write_1h" // tokens, kept for an hour
	WebSearches  = "web_searches"
	Hours        = "hours"
	Minutes      = "minutes"
	GigabyteDays = "gigabyte_days"
	Gigabytes    = "gigabytes"
)

// Row is the price of one thing at one time.
type Row struct {
	Provider string          `json:"provider"`
	Model    string          `json:"model"` // as the table calls it
	Since    string          `json:"since,omitempty"`
	Source   string          `json:"source"`
	Rates    map[string]Rate `json:"rates"`

	ref string // known already
}

// Ref names the row by its content: what an entry was priced with can be told
// from it for ever.
func (r Row) Ref() string {
	if r.ref != "" {
		return r.ref
	}
	data, err := json.Marshal(r) // maps are written in the order of their keys
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}

// Rate is the price of a unit. Where a row has no price of its own for the
// cache, the tokens cost what other input does; a longer write at least what a
// short one does. No price is (0, false).
func (r Row) Rate(unit string) (Rate, bool) {
	for {
		if rate, ok := r.Rates[unit]; ok {
			return rate, true
		}
		switch unit {
		case CacheWrite1h:
			unit = CacheWrite
		case CacheWrite, CacheRead:
			unit = Input
		default:
			return 0, false
		}
	}
}

// Table finds prices. It is safe for concurrent use.
type Table struct {
	source    string
	providers []provider
	own       []override
	found     *memo
}

type provider struct {
	ID     string  `json:"id"`
	Match  *rule   `json:"match"`
	Models []model `json:"models"`
}

type model struct {
	ID     string  `json:"id"`
	Match  rule    `json:"match"`
	Prices []dated `json:"prices"`
}

// dated are prices under a condition: since a day, or at hours of the day (UTC).
type dated struct {
	Since string                `json:"since"`
	From  string                `json:"from"`
	To    string                `json:"to"`
	Rates map[string][][2]int64 `json:"rates"` // [tokens of input above which it counts, rate]
}

// rule says which names a row is for.
type rule struct {
	Or         []rule `json:"or"`
	And        []rule `json:"and"`
	Equals     string `json:"equals"`
	StartsWith string `json:"starts_with"`
	EndsWith   string `json:"ends_with"`
	Contains   string `json:"contains"`
	Regex      string `json:"regex"`
	NotRegex   string `json:"not_regex"`
}

func (m *rule) fits(name string) bool {
	switch {
	case m.Or != nil:
		return slices.ContainsFunc(m.Or, func(r rule) bool { return r.fits(name) })
	case m.And != nil:
		return !slices.ContainsFunc(m.And, func(r rule) bool { return !r.fits(name) })
	case m.Equals != "":
		return name == strings.ToLower(m.Equals)
	case m.StartsWith != "":
		return strings.HasPrefix(name, strings.ToLower(m.StartsWith))
	case m.EndsWith != "":
		return strings.HasSuffix(name, strings.ToLower(m.EndsWith))
	case m.Contains != "":
		return strings.Contains(name, strings.ToLower(m.Contains))
	case m.Regex != "":
		re, err := regexp.Compile(m.Regex)
		return err == nil && re.MatchString(name)
	case m.NotRegex != "":
		re, err := regexp.Compile(m.NotRegex)
		return err == nil && !re.MatchString(name)
	}
	return false
}

//go:embed table.json
var tableJSON []byte

// Builtin is the table that is built in. It is read when it is first asked for.
func Builtin() (*Table, error) { return builtin() }

var builtin = sync.OnceValues(func() (*Table, error) {
	var data struct {
		Source    string     `json:"source"`
		Providers []provider `json:"providers"`
	}
	if err := json.Unmarshal(tableJSON, &data); err != nil {
		return nil, fmt.Errorf("the built-in prices: %w", err)
	}
	return &Table{source: data.Source, providers: data.Providers, found: new(memo)}, nil
})

// Find is the price of a model at a time. input is the whole input of the
// request in tokens, cached or not: above a limit some models have another price
// for all of it. Unknown is (Row{}, false).
func (t *Table) Find(name string, at time.Time, input int64) (Row, bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" {
		return Row{}, false
	}
	if row, ok := t.override(name, at); ok {
		return row, true
	}
	if row, ok := reference(name); ok {
		return row, true
	}
	if full, ok := aliases[name]; ok {
		name = full
	}
	for _, h := range t.hits(name) {
		if row, ok := t.in(h, at, input); ok {
			return row, true
		}
	}
	return Row{}, false
}

// candidate is one reading of a name.
type candidate struct{ provider, model string }

// candidates are the readings of a name: as it is, and "provider/model".
func candidates(name string) []candidate {
	all := []candidate{{"", name}}
	if head, rest, ok := strings.Cut(name, "/"); ok {
		all = append([]candidate{{head, rest}}, append(all, candidate{"", rest})...)
	}
	return all
}

// holds says whether the condition holds at a time.
func (d dated) holds(at time.Time) bool {
	at = at.UTC()
	if d.Since != "" && at.Format(time.DateOnly) < d.Since {
		return false
	}
	if d.From == "" {
		return true
	}
	clock := at.Format("15:04:05Z")
	if d.From <= d.To {
		return d.From <= clock && clock < d.To
	}
	return clock >= d.From || clock < d.To // over midnight
}

// at are the rates of a request with so much input: the whole request is
// priced by the tier it falls into.
func (d dated) at(input int64) map[string]Rate {
	rates := make(map[string]Rate, len(d.Rates))
	for unit, tiers := range d.Rates {
		for _, tier := range tiers {
			if tier[0] == 0 || input > tier[0] {
				rates[unit] = Rate(tier[1])
			}
		}
	}
	return rates
}

// Source names where the built-in prices are from.
func (t *Table) Source() string { return t.source }
