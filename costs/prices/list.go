package prices

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Tier is what a unit costs in a request whose whole input is above so many
// tokens: all of the request, not what is above.
type Tier struct {
	Above int64 `json:"above"`
	Rate  Rate  `json:"rate"` // pico-dollars for one: micro-dollars for a million
}

// Listed is one line of a price list: a thing, under a condition.
type Listed struct {
	Provider string            `json:"provider"`
	Model    string            `json:"model"`
	Since    string            `json:"since,omitempty"` // the day from which it holds
	From     string            `json:"from,omitempty"`  // hours of the day, UTC
	To       string            `json:"to,omitempty"`
	Source   string            `json:"source"`
	Units    map[string][]Tier `json:"units"`
}

func (l Listed) compare(m Listed) int {
	return cmp.Or(strings.Compare(l.Provider, m.Provider), strings.Compare(l.Model, m.Model), strings.Compare(l.Since, m.Since), strings.Compare(l.From, m.From))
}

// List is the whole table, sorted: models, the reference list, runners, and the
// user's own.
func (t *Table) List() []Listed {
	var all []Listed
	for _, p := range t.providers {
		for _, m := range p.Models {
			for _, d := range m.Prices {
				all = append(all, d.listed(p.ID, m.ID, t.source))
			}
		}
	}
	for name, rates := range referenceRates {
		all = append(all, flat("reference", name, "", referenceSource, rates))
	}
	for sku, rate := range runners {
		all = append(all, flat("github-actions", sku, runnersSince, runnersSource, map[string]Rate{Minutes: rate}))
	}
	for _, o := range t.own {
		all = append(all, flat("own", o.row.Model, o.since, o.row.Source, o.row.Rates))
	}
	slices.SortStableFunc(all, Listed.compare)
	return all
}

func (d dated) listed(provider, model, source string) Listed {
	l := Listed{Provider: provider, Model: model, Since: d.Since, From: d.From, To: d.To, Source: source, Units: make(map[string][]Tier, len(d.Rates))}
	for unit, tiers := range d.Rates {
		for _, tier := range tiers {
			l.Units[unit] = append(l.Units[unit], Tier{tier[0], Rate(tier[1])})
		}
	}
	return l
}

func flat(provider, model, since, source string, rates map[string]Rate) Listed {
	l := Listed{Provider: provider, Model: model, Since: since, Source: source, Units: make(map[string][]Tier, len(rates))}
	for unit, rate := range rates {
		l.Units[unit] = []Tier{{0, rate}}
	}
	return l
}

// History are the lines from which a name's price is taken, at whatever time.
func (t *Table) History(name string, at time.Time) []Listed {
	row, ok := t.Find(name, at, 0)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(t.List(), func(l Listed) bool { return l.Provider != row.Provider || l.Model != row.Model })
}

// Difference is a price that two lists do not agree on. A zero Listed: one of
// them does not have it.
type Difference struct {
	Old Listed `json:"old"`
	New Listed `json:"new"`
}

// Diff compares two lists by provider, model and condition. Where the prices are
// from does not matter, only what they are.
func Diff(before, after []Listed) []Difference {
	old := make(map[[4]string]Listed, len(before))
	for _, l := range before {
		old[l.key()] = l
	}
	var diff []Difference
	for _, l := range after {
		was, ok := old[l.key()]
		delete(old, l.key())
		if !ok || !sameUnits(was.Units, l.Units) {
			diff = append(diff, Difference{was, l})
		}
	}
	for _, l := range old {
		diff = append(diff, Difference{Old: l})
	}
	slices.SortFunc(diff, func(a, b Difference) int { return a.either().compare(b.either()) })
	return diff
}

func (l Listed) key() [4]string { return [4]string{l.Provider, l.Model, l.Since, l.From} }

func (d Difference) either() Listed {
	if d.New.Model != "" {
		return d.New
	}
	return d.Old
}

func sameUnits(a, b map[string][]Tier) bool {
	if len(a) != len(b) {
		return false
	}
	for unit, tiers := range a {
		if !slices.Equal(tiers, b[unit]) {
			return false
		}
	}
	return true
}

// In is the rate for people: dollars for a million tokens, or for one of
// anything else.
func (r Rate) In(unit string) string {
	switch unit {
	case Input, Output, CacheRead, CacheWrite, CacheWrite1h:
		return "$" + dollars(int64(r), 6) + "/M"
	}
	return "$" + dollars(int64(r), 12)
}

// dollars writes n × 10^-places, with two decimals at least.
func dollars(n int64, places int) string {
	text := fmt.Sprintf("%0*d", places+1, n)
	whole, part := text[:len(text)-places], strings.TrimRight(text[len(text)-places:], "0")
	return whole + "." + part + strings.Repeat("0", max(0, 2-len(part)))
}
