package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// Row is a part of a total.
type Row struct {
	Name     string     `json:"name"` // empty: what has none
	Cost     costs.Nano `json:"cost"`
	Percent  float64    `json:"percent"`
	Calls    int        `json:"calls"`
	Average  costs.Nano `json:"average"`            // of a call, rounded
	Unpriced int        `json:"unpriced,omitempty"` // calls whose cost nobody knows
}

// By groups entries by a name: the dearest first. The rows add up to the total of
// the entries.
func By(entries []costs.Entry, name func(costs.Entry) string) []Row {
	at := make(map[string]int)
	rows := []Row{}
	for _, e := range entries {
		n := name(e)
		i, ok := at[n]
		if !ok {
			i = len(rows)
			at[n] = i
			rows = append(rows, Row{Name: n})
		}
		rows[i].add(e)
	}
	finish(rows, Total(entries))
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(b.Calls, a.Calls), strings.Compare(a.Name, b.Name))
	})
	return rows
}

func (r *Row) add(e costs.Entry) {
	r.Calls++
	r.Cost += e.USD
	if e.Basis == costs.Unpriced {
		r.Unpriced++
	}
}

// finish fills in what hangs on the total.
func finish(rows []Row, total costs.Nano) {
	for i, r := range rows {
		rows[i].Percent = costs.Percent(r.Cost, total)
		rows[i].Average = share(r.Cost, r.Calls)
	}
}

// share is an amount over n, rounded half away from zero; zero where n is.
func share(usd costs.Nano, n int) costs.Nano {
	if n == 0 {
		return 0
	}
	d := costs.Nano(n)
	q, rest := usd/d, usd%d
	if 2*max(rest, -rest) >= d {
		if usd < 0 {
			return q - 1
		}
		return q + 1
	}
	return q
}

// Total is what entries have cost together.
func Total(entries []costs.Entry) (sum costs.Nano) {
	for _, e := range entries {
		sum += e.USD
	}
	return sum
}

// hours are the 24 hours of the clock in the zone, in their order.
func hours(entries []costs.Entry, z costs.Zone) []Row {
	rows := make([]Row, 24)
	for h := range rows {
		rows[h].Name = fmt.Sprintf("%02d:00", h)
	}
	for _, e := range entries {
		rows[local(e.Time, z).Hour()].add(e)
	}
	finish(rows, Total(entries))
	return rows
}

// local is a time in the zone.
func local(t time.Time, z costs.Zone) time.Time { return t.In(z.Day(t).Start.Location()) }

// Top are the first n rows, and one for all others, so that they still add up.
func Top(rows []Row, n int) []Row {
	if len(rows) <= n+1 {
		return rows
	}
	rest := Row{Name: fmt.Sprintf("%d others", len(rows)-n)}
	for _, r := range rows[n:] {
		rest.Cost += r.Cost
		rest.Calls += r.Calls
		rest.Unpriced += r.Unpriced
		rest.Percent += r.Percent
	}
	rest.Average = share(rest.Cost, rest.Calls)
	return append(slices.Clone(rows[:n]), rest)
}

// within are the entries of a period, up to a time.
func within(entries []costs.Entry, p costs.Period, at time.Time) []costs.Entry {
	var out []costs.Entry
	for _, e := range entries {
		if p.Holds(e.Time) && !e.Time.After(at) {
			out = append(out, e)
		}
	}
	return out
}

// Day is what a day has cost.
type Day struct {
	Date  string     `json:"date"`
	Cost  costs.Nano `json:"cost"`
	Calls int        `json:"calls"`
}

// days are the last n days up to a time, those without entries too.
func days(entries []costs.Entry, z costs.Zone, at time.Time, n int) []Day {
	out := make([]Day, n)
	index := make(map[string]int, n)
	start := z.Day(at).Start
	for i := range out {
		out[i].Date = start.AddDate(0, 0, i-n+1).Format(time.DateOnly)
		index[out[i].Date] = i
	}
	for _, e := range entries {
		if e.Time.After(at) {
			continue
		}
		if i, ok := index[z.Date(e.Time)]; ok {
			out[i].Cost += e.USD
			out[i].Calls++
		}
	}
	return out
}

// sum adds days up.
func sum(list []Day) (usd costs.Nano) {
	for _, d := range list {
		usd += d.Cost
	}
	return usd
}
