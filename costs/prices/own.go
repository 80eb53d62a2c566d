package prices

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"path"
	"strings"
	"time"
)

// override is a row of the user's.
type override struct {
	pattern string // a name, or one with *
	since   string
	row     Row
}

// ownFile is costs/prices.json:
//
//	{"models": [{"model": "my-model-*", "since": "2026-09-01", "source": "contract 17",
//	             "per_million": {"input": "1.50", "output": "6"}, "each": {"hours": "2.10"}}]}
type ownFile struct {
	Models []struct {
		Model      string            `json:"model"`
		Since      string            `json:"since"`
		Source     string            `json:"source"`
		PerMillion map[string]string `json:"per_million"`
		Each       map[string]string `json:"each"`
	} `json:"models"`
}

// With gives a table in which the rows of a price file of the user's go first.
// Amounts are decimal strings in US dollars.
func (t *Table) With(name string, data []byte) (*Table, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var file ownFile
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something follows the document", name)
	}
	with := *t
	with.own = nil
	for i, m := range file.Models {
		o := override{pattern: strings.ToLower(m.Model), since: m.Since, row: Row{
			Provider: "own", Model: m.Model, Since: m.Since, Source: m.Source, Rates: make(map[string]Rate),
		}}
		where := fmt.Sprintf("%s: models[%d] (%q)", name, i, m.Model)
		if _, err := path.Match(o.pattern, ""); err != nil || o.pattern == "" {
			return nil, fmt.Errorf("%s: not the name of a model, nor a pattern with *", where)
		}
		if _, err := time.Parse(time.DateOnly, m.Since); err != nil {
			return nil, fmt.Errorf("%s: since: want the day from which the price holds, YYYY-MM-DD", where)
		}
		for _, set := range []struct {
			amounts map[string]string
			scale   int64
		}{{m.PerMillion, 1e6}, {m.Each, 1e12}} {
			for unit, text := range set.amounts {
				rate, err := parseRate(text, set.scale)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", where, unit, err)
				}
				o.row.Rates[unit] = rate
			}
		}
		if len(o.row.Rates) == 0 {
			return nil, fmt.Errorf("%s: no price: give per_million or each", where)
		}
		with.own = append(with.own, o)
	}
	with.found = new(memo)
	return &with, nil
}

// parseRate reads dollars for so many units that scale pico-dollars are one.
func parseRate(text string, scale int64) (Rate, error) {
	amount, ok := new(big.Rat).SetString(text)
	if !ok || strings.ContainsAny(text, "eEpPxX/_") {
		return 0, fmt.Errorf("price %q: want dollars such as \"1.50\"", text)
	}
	amount.Mul(amount, new(big.Rat).SetInt64(scale))
	if amount.Sign() < 0 || !amount.IsInt() || !amount.Num().IsInt64() {
		return 0, fmt.Errorf("price %q: negative, too large, or finer than a pico-dollar", text)
	}
	return Rate(amount.Num().Int64()), nil
}

// override is the user's row with the latest day that is not after the event.
func (t *Table) override(name string, at time.Time) (Row, bool) {
	var best *override
	day := at.UTC().Format(time.DateOnly)
	for i := range t.own {
		o := &t.own[i]
		if ok, err := path.Match(o.pattern, name); err == nil && ok && o.since <= day && (best == nil || o.since > best.since) {
			best = o
		}
	}
	if best == nil {
		return Row{}, false
	}
	return best.row, true
}
