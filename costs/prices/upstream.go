package prices

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// upstreamProvider is a provider as genai-prices writes it in its data.json; what
// prices do not hang on is left out.
type upstreamProvider struct {
	ID     string `json:"id"`
	Models []struct {
		ID     string          `json:"id"`
		Prices json.RawMessage `json:"prices"`
	} `json:"models"`
}

// upstreamPrice is a price and when it holds: since a day, or at hours of one.
type upstreamPrice struct {
	Constraint struct {
		StartDate string `json:"start_date"`
		StartTime string `json:"start_time"`
		EndTime   string `json:"end_time"`
	} `json:"constraint"`
	Prices map[string]upstreamRate `json:"prices"`
}

// upstreamRate is a number, or a base with tiers.
type upstreamRate struct {
	Base  *float64 `json:"base"`
	Tiers []struct {
		Start int64   `json:"start"`
		Price float64 `json:"price"`
	} `json:"tiers"`
}

func (r *upstreamRate) UnmarshalJSON(data []byte) error {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] != '{' {
		return json.Unmarshal(data, &r.Base)
	}
	type tiered upstreamRate
	return json.Unmarshal(data, (*tiered)(r))
}

// ParseUpstream reads the data.json of genai-prices as [Table.List] has it: the
// same units, and the same limits of tiers, as generate.mjs makes them. source is
// what each line says it is from.
func ParseUpstream(source string, data []byte) ([]Listed, error) {
	var providers []upstreamProvider
	if err := json.Unmarshal(data, &providers); err != nil {
		return nil, err
	}
	var list []Listed
	for _, p := range providers {
		for _, m := range p.Models {
			if p.ID == "" || m.ID == "" {
				return nil, fmt.Errorf("%q/%q: a provider or a model without an id", p.ID, m.ID)
			}
			rows, err := upstreamRows(m.Prices)
			if err != nil {
				return nil, fmt.Errorf("%q/%q: %w", p.ID, m.ID, err)
			}
			for _, d := range rows {
				list = append(list, d.listed(p.ID, m.ID, source))
			}
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no prices in it")
	}
	return list, nil
}

// upstreamRows are the prices of a model. One for hours of the day has no date of
// its own: it belongs to the dated price that it follows.
func upstreamRows(data json.RawMessage) ([]dated, error) {
	var list []upstreamPrice
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		if err := json.Unmarshal(data, &list); err != nil {
			return nil, err
		}
	} else {
		list = make([]upstreamPrice, 1)
		if err := json.Unmarshal(data, &list[0].Prices); err != nil {
			return nil, err
		}
	}
	var rows []dated
	since := ""
	for _, p := range list {
		if p.Constraint.StartDate != "" {
			since = p.Constraint.StartDate
		}
		d := dated{Since: since, From: p.Constraint.StartTime, To: p.Constraint.EndTime, Rates: make(map[string][][2]int64)}
		for _, key := range slices.Sorted(maps.Keys(p.Prices)) {
			unit, tiers, err := p.Prices[key].tiers(key)
			if err != nil {
				return nil, err
			}
			if tiers != nil {
				d.Rates[unit] = tiers
			}
		}
		rows = append(rows, d)
	}
	return rows, nil
}

// upstreamUnits are how many units a price is for, by the end of its key.
var upstreamUnits = []struct {
	suffix string
	n      float64
}{{"_mtok", 1e6}, {"_kcount", 1e3}, {"_kpages", 1e3}, {"_hours", 1}}

// tiers are the rates of a unit, by the input above which they hold. null is none.
func (r upstreamRate) tiers(key string) (unit string, tiers [][2]int64, err error) {
	for _, u := range upstreamUnits {
		name, ok := strings.CutSuffix(key, u.suffix)
		if !ok {
			continue
		}
		if r.Base == nil {
			return name, nil, nil
		}
		prices := []float64{*r.Base}
		tiers = [][2]int64{{0, 0}}
		for _, t := range r.Tiers {
			start := t.Start
			if start == 271_999 {
				start = 272_000 // some models begin this tier one token early
			}
			tiers, prices = append(tiers, [2]int64{start, 0}), append(prices, t.Price)
		}
		for i, price := range prices {
			if !(price >= 0 && price < 1e6) {
				return name, nil, fmt.Errorf("%s: %g is no price", key, price)
			}
			tiers[i][1] = int64(math.Round(price * 1e12 / u.n))
		}
		slices.SortFunc(tiers, func(a, b [2]int64) int { return int(a[0] - b[0]) })
		return name, tiers, nil
	}
	return "", nil, fmt.Errorf("price key %q: unknown unit", key)
}

// Vendored are the lines of the built-in table that are from genai-prices: those
// that a newer data.json may be compared with.
func (t *Table) Vendored() []Listed {
	return slices.DeleteFunc(t.List(), func(l Listed) bool { return l.Source != t.source || l.Provider == "own" })
}
