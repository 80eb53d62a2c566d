package reports

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// Anomaly is a day, or a call, that cost far more than its like.
type Anomaly struct {
	Kind   string     `json:"kind"` // day or call
	Name   string     `json:"name"` // the date, or what was called
	Task   string     `json:"task,omitempty"`
	ID     string     `json:"id,omitempty"` // of the call
	Time   time.Time  `json:"time"`
	Cost   costs.Nano `json:"cost"`
	Median costs.Nano `json:"median"` // of its like
	MAD    costs.Nano `json:"mad"`    // the median distance from that
	Of     int        `json:"of"`     // how many there were to compare with
}

// What is needed to say that something is unusual.
const (
	cent          = costs.Nano(10_000_000)
	sameWeekdays  = 4  // of the eight before: then a Monday is compared with Mondays
	earlierDays   = 7  // of the 28 before, where there are not enough of those
	likeCalls     = 8  // of one model and task, in 30 days
	mostAnomalies = 10 // that are told
)

// outlier says whether x is far above the others: a modified z-score above 3.5
// (Iglewicz and Hoaglin), or, where the others do not differ, three times them.
// What is hardly any money never is.
func outlier(x, median, mad, floor costs.Nano) bool {
	above := x - median
	switch {
	case above < floor:
		return false
	case mad == 0:
		return x > 3*median
	}
	return float64(above)*0.6745 > 3.5*float64(mad)
}

// spread is the median of amounts, and the median of their distances from it.
func spread(list []costs.Nano) (median, mad costs.Nano) {
	median = middle(list)
	away := make([]costs.Nano, len(list))
	for i, x := range list {
		away[i] = max(x-median, median-x)
	}
	return median, middle(away)
}

func middle(list []costs.Nano) costs.Nano {
	if len(list) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(list))
	n := len(s)
	return s[(n-1)/2] + (s[n/2]-s[(n-1)/2])/2
}

// anomalies are those of a period: days, then calls, the dearest first.
func (in Input) anomalies(p costs.Period) []Anomaly {
	out := append(in.unusualDays(p), in.unusualCalls(p)...)
	slices.SortFunc(out, func(a, b Anomaly) int {
		return cmp.Or(strings.Compare(b.Kind, a.Kind), cmp.Compare(b.Cost, a.Cost), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	if len(out) > mostAnomalies {
		out = out[:mostAnomalies]
	}
	return append([]Anomaly{}, out...)
}

// unusualDays compares each day with those before it, on the same weekday where
// there are enough of them. Days without any entry are not compared with.
func (in Input) unusualDays(p costs.Period) []Anomaly {
	const before = 56
	span := int(min(366, in.At.Sub(p.Start)/(24*time.Hour)+1))
	all := days(in.Entries, in.Zone, in.At, before+span+1)
	var out []Anomaly
	for i, d := range all {
		date, err := time.ParseInLocation(time.DateOnly, d.Date, p.Start.Location())
		if err != nil || i < before || d.Calls == 0 || !p.Holds(date) {
			continue
		}
		like := earlier(all[:i])
		median, mad := spread(like)
		if len(like) > 0 && outlier(d.Cost, median, mad, 10*cent) {
			out = append(out, Anomaly{Kind: "day", Name: d.Date, Time: date, Cost: d.Cost, Median: median, MAD: mad, Of: len(like)})
		}
	}
	return out
}

// earlier are the days that the next one is compared with; none: there are too
// few.
func earlier(before []Day) []costs.Nano {
	var weekday, all []costs.Nano
	n := len(before)
	for k := 1; k <= 56 && k <= n; k++ {
		d := before[n-k]
		if d.Calls == 0 {
			continue
		}
		if k%7 == 0 {
			weekday = append(weekday, d.Cost)
		}
		if k <= 28 {
			all = append(all, d.Cost)
		}
	}
	switch {
	case len(weekday) >= sameWeekdays:
		return weekday
	case len(all) >= earlierDays:
		return all
	}
	return nil
}

// unusualCalls compares each call with those of its model and task in the last
// 30 days.
func (in Input) unusualCalls(p costs.Period) []Anomaly {
	type kind struct{ what, task string }
	like := make(map[kind][]costs.Nano)
	window := costs.Period{Start: in.At.AddDate(0, 0, -trendDays), End: in.At.Add(1)}
	if p.Start.Before(window.Start) {
		window.Start = p.Start
	}
	list := within(in.Entries, window, in.At)
	for _, e := range list {
		k := kind{what(e), e.Task}
		like[k] = append(like[k], e.USD)
	}
	type norm struct{ median, mad costs.Nano }
	norms := make(map[kind]norm, len(like))
	for k, amounts := range like {
		median, mad := spread(amounts)
		norms[k] = norm{median, mad}
	}
	var out []Anomaly
	for _, e := range list {
		k := kind{what(e), e.Task}
		n := norms[k]
		if p.Holds(e.Time) && len(like[k]) >= likeCalls && outlier(e.USD, n.median, n.mad, cent) {
			out = append(out, Anomaly{Kind: "call", Name: what(e), Task: e.Task, ID: e.ID, Time: e.Time, Cost: e.USD, Median: n.median, MAD: n.mad, Of: len(like[k])})
		}
	}
	return out
}
