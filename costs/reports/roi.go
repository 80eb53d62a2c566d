package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
)

// Features is costs/features.json: what is known of features, the user's own.
type Features struct {
	// Features by name.
	Features map[string]Benefit `json:"features"`
	// Operational are the categories that running a feature costs; all others are
	// what making it costs. Default: [DefaultOperational].
	Operational []string `json:"operational"`
}

// Benefit is what a feature brings.
type Benefit struct {
	Users   int64      `json:"users"`
	Revenue costs.Nano `json:"revenue"` // or what it saves, in US dollars
}

// DefaultOperational are the categories of what runs.
func DefaultOperational() []string {
	return []string{"compute", "storage", "bandwidth", "api", "embeddings"}
}

// ParseFeatures reads features.json.
func ParseFeatures(file string, data []byte) (Features, error) {
	var f Features
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("%s: %w", file, err)
	}
	for _, n := range slices.Sorted(maps.Keys(f.Features)) {
		if b := f.Features[n]; b.Users < 0 || b.Revenue < 0 {
			return f, fmt.Errorf("%s: features.%q: users and revenue cannot be negative", file, n)
		}
	}
	return f, nil
}

// With are the features with another benefit of one of them.
func (f Features) With(feature string, b Benefit) Features {
	all := maps.Clone(f.Features)
	if all == nil {
		all = make(map[string]Benefit)
	}
	all[feature] = b
	f.Features = all
	return f
}

// ROI is what a feature costs, against what it brings (K15).
type ROI struct {
	Feature     string     `json:"feature"`
	Total       costs.Nano `json:"total"`
	Development costs.Nano `json:"development"`
	Operational costs.Nano `json:"operational"`
	Categories  []Row      `json:"categories"`
	Entries     int        `json:"entries"`
	Unpriced    int        `json:"unpriced"`
	// Known: users or revenue are; what follows is nothing without.
	Known       bool       `json:"known"`
	Users       int64      `json:"users"`
	Revenue     costs.Nano `json:"revenue"`
	CostPerUser costs.Nano `json:"cost_per_user"`
	Percent     float64    `json:"roi_percent"`
	Advice      string     `json:"recommendation"`
}

// NewROI counts all features, or those that are asked for.
func NewROI(in Input, wanted ...string) ([]ROI, error) {
	all := in.roi(pick(in.Entries, func(e costs.Entry) bool { return !e.Time.After(in.At) }), false)
	if len(wanted) == 0 {
		return all, nil
	}
	out := []ROI{}
	for _, w := range wanted {
		i := slices.IndexFunc(all, func(r ROI) bool { return r.Feature == w })
		if i < 0 {
			return nil, fmt.Errorf("feature %q: nothing is recorded for it, and costs/features.json does not know it", w)
		}
		out = append(out, all[i])
	}
	return out, nil
}

// roi is that of each feature, by name; or only of those whose benefit is known.
func (in Input) roi(entries []costs.Entry, known bool) []ROI {
	by := make(map[string][]costs.Entry)
	for n := range in.Features.Features {
		by[n] = nil
	}
	for _, e := range entries {
		if e.Feature != "" && !e.Time.After(in.At) {
			by[e.Feature] = append(by[e.Feature], e)
		}
	}
	out := []ROI{}
	for _, n := range slices.Sorted(maps.Keys(by)) {
		if _, ok := in.Features.Features[n]; ok || !known {
			out = append(out, in.Features.of(n, by[n]))
		}
	}
	return out
}

func (f Features) of(feature string, list []costs.Entry) ROI {
	b, known := f.Features[feature]
	r := ROI{Feature: feature, Total: Total(list), Categories: By(list, category), Entries: len(list), Known: known, Users: b.Users, Revenue: b.Revenue}
	operational := f.Operational
	if operational == nil {
		operational = DefaultOperational()
	}
	for _, c := range r.Categories {
		r.Unpriced += c.Unpriced
		if slices.Contains(operational, c.Name) {
			r.Operational += c.Cost
		}
	}
	r.Development = r.Total - r.Operational
	if !known {
		r.Advice = "say in costs/features.json how many use it and what it earns"
		return r
	}
	r.CostPerUser = share(r.Total, int(max(b.Users, 1)))
	r.Percent = costs.Percent(r.Revenue-r.Total, r.Total)
	r.Advice = r.advice()
	return r
}

func (r ROI) advice() string {
	switch {
	case r.Total == 0 && r.Unpriced == 0:
		return "it has cost nothing so far"
	case r.CostPerUser > 10*cent:
		return "more than $0.10 for a user: make it cheaper"
	case r.Percent < 0:
		return "costs more than it brings: is it worth it?"
	}
	return "healthy: go on"
}

// Fate is what became of a branch, and what it cost.
type Fate struct {
	Fate   string     `json:"fate"` // merged, open, gone, none
	Cost   costs.Nano `json:"cost"`
	Calls  int        `json:"calls"`
	Number int        `json:"branches"`
	Each   costs.Nano `json:"each"`
}

// Fates groups cost by what became of its branch: what was abandoned has a price
// too, and "per merged branch" is only honest beside it.
func Fates(entries []costs.Entry, of func(branch string) string) []Fate {
	rows := By(entries, func(e costs.Entry) string { return e.Branch })
	out := []Fate{}
	for _, r := range rows {
		fate := of(r.Name)
		i := slices.IndexFunc(out, func(f Fate) bool { return f.Fate == fate })
		if i < 0 {
			i = len(out)
			out = append(out, Fate{Fate: fate})
		}
		out[i].Cost += r.Cost
		out[i].Calls += r.Calls
		out[i].Number++
	}
	for i, f := range out {
		out[i].Each = share(f.Cost, f.Number)
	}
	slices.SortFunc(out, func(a, b Fate) int { return strings.Compare(a.Fate, b.Fate) })
	return out
}
