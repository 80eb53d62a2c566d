package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
)

// Confidence is what a total does not know.
type Confidence struct {
	Complete       bool       `json:"complete"`
	Entries        int        `json:"entries"`
	Unpriced       int        `json:"unpriced"`
	UnpricedTokens int64      `json:"unpriced_tokens"`
	UnpricedModels []string   `json:"unpriced_models"`
	WorstCase      costs.Nano `json:"worst_case"` // what the unpriced are taken for where a limit is held
	Estimated      costs.Nano `json:"estimated"`  // of the total: guessed
	Subscription   int        `json:"subscription"`
	Gaps           []string   `json:"gaps"`
}

func (in Input) confidence(list []costs.Entry) Confidence {
	c := Confidence{Entries: len(list), UnpricedModels: []string{}, Gaps: append([]string{}, in.Gaps...)}
	for _, e := range list {
		switch e.Basis {
		case costs.Unpriced:
			c.Unpriced++
			c.UnpricedTokens += tokens(e)
			c.WorstCase += in.Budget.Worst(e)
			if !slices.Contains(c.UnpricedModels, e.Model) {
				c.UnpricedModels = append(c.UnpricedModels, e.Model)
			}
		case costs.Estimate:
			c.Estimated += e.USD
		case costs.Subscription:
			c.Subscription++
		}
	}
	slices.Sort(c.UnpricedModels)
	c.Complete = c.Unpriced == 0 && c.Estimated == 0 && len(c.Gaps) == 0
	return c
}

// tokens are those of an entry, of every kind.
func tokens(e costs.Entry) (n int64) {
	for _, u := range e.Units {
		switch u.Unit {
		case prices.Input, prices.Output, prices.CacheRead, prices.CacheWrite, prices.CacheWrite1h:
			n += whole(u.N)
		}
	}
	return n
}

// whole is a count without its fraction.
func whole(n costs.Count) int64 { return int64(n) / 1_000_000 }

// Line says it to people.
func (c Confidence) Line() string {
	var parts []string
	if c.Unpriced > 0 {
		var names []string
		for _, m := range c.UnpricedModels {
			names = append(names, name(m))
		}
		parts = append(parts, fmt.Sprintf("%d of %d entries have no price and are missing in it: %d tokens of %s, up to $%s at the worst case",
			c.Unpriced, c.Entries, c.UnpricedTokens, strings.Join(names, ", "), c.WorstCase))
	}
	if c.Estimated != 0 {
		parts = append(parts, fmt.Sprintf("$%s of it is estimated", c.Estimated))
	}
	if c.Subscription > 0 {
		parts = append(parts, fmt.Sprintf("%d entries were paid by a flat rate", c.Subscription))
	}
	parts = append(parts, c.Gaps...)
	if len(parts) == 0 {
		return fmt.Sprintf("confidence: all %d entries are priced", c.Entries)
	}
	return "confidence: " + strings.Join(parts, "; ")
}
