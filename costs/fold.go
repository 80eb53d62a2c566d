package costs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/big"
	"slices"
	"time"
)

// Books are what is folded from the entries, as files below the folder costs.
// The same entries, budget and zone give the same bytes, in any order.
type Books map[string][]byte

// Day is costs/daily-YYYY-MM-DD.json.
type Day struct {
	Date     string `json:"date"`
	Timezone string `json:"timezone"`
	Sums
}

// Month is costs/mtd.json: the latest month that has entries, up to its latest
// entry; earlier ones are in costs/months.
type Month struct {
	Month    string `json:"month"`
	Timezone string `json:"timezone"`
	Budget   Nano   `json:"budget"`
	Sums
	Remaining   Nano    `json:"remaining"`
	PercentUsed float64 `json:"percent_used"`
}

// Sums are totals of some entries. Each dollar is in one category, in one model
// at most and in one feature at most, and in the total once.
type Sums struct {
	Categories map[string]Nano `json:"categories"`
	Models     map[string]Nano `json:"models"`
	Features   map[string]Nano `json:"features"`
	Unpriced   []string        `json:"unpriced"` // models without a price: their cost is missing
	Entries    int             `json:"entries"`
	Total      Nano            `json:"total"`
}

func (s *Sums) add(e Entry) {
	s.Entries++
	s.Total += e.USD
	s.Categories[e.Category] += e.USD
	if e.Model != "" {
		s.Models[e.Model] += e.USD
	}
	if e.Feature != "" {
		s.Features[e.Feature] += e.USD
	}
	if e.Basis == Unpriced && !slices.Contains(s.Unpriced, e.Model) {
		s.Unpriced = append(s.Unpriced, e.Model)
		slices.Sort(s.Unpriced)
	}
}

// merge adds the sums of other entries.
func (s *Sums) merge(t Sums) {
	s.Entries += t.Entries
	s.Total += t.Total
	for _, m := range []struct{ to, from map[string]Nano }{
		{s.Categories, t.Categories}, {s.Models, t.Models}, {s.Features, t.Features},
	} {
		for name, usd := range m.from {
			m.to[name] += usd
		}
	}
	for _, model := range t.Unpriced {
		if !slices.Contains(s.Unpriced, model) {
			s.Unpriced = append(s.Unpriced, model)
		}
	}
	slices.Sort(s.Unpriced)
}

// settle gives empty sums their form.
func (s *Sums) settle() {
	for _, m := range []*map[string]Nano{&s.Categories, &s.Models, &s.Features} {
		if *m == nil {
			*m = map[string]Nano{}
		}
	}
	if s.Unpriced == nil {
		s.Unpriced = []string{}
	}
}

// featureLine is a line of costs/by-feature.jsonl: a feature on a day.
type featureLine struct {
	Feature string `json:"feature"`
	Date    string `json:"date"`
	Cost    Nano   `json:"cost"`
	Entries int    `json:"entries"`
}

// Fold makes the books. It is pure.
func Fold(entries []Entry, b Budget, z Zone) (Books, error) {
	return make(folding).fold(slices.Values(entries), b, z)
}

// folding is the sums of days, by date, on their way to the books. All books are
// sums of them, so that it does not matter which entries are added, and which
// come as a sum.
type folding map[string]*daySums

// daySums are those of a day.
type daySums struct {
	Sums
	Uses map[string]int `json:"uses"` // how many entries a feature has
}

func (f folding) day(date string) *daySums {
	if f[date] == nil {
		f[date] = &daySums{Uses: make(map[string]int)}
		f[date].settle()
	}
	return f[date]
}

func (f folding) add(e Entry, z Zone) {
	day := f.day(z.Date(e.Time))
	day.add(e)
	if e.Feature != "" {
		day.Uses[e.Feature]++
	}
}

// merge adds the days of others.
func (f folding) merge(others folding) {
	for date, s := range others {
		day := f.day(date)
		day.merge(s.Sums)
		for feature, n := range s.Uses {
			day.Uses[feature] += n
		}
	}
}

// fold adds entries, and gives the books.
func (f folding) fold(entries iter.Seq[Entry], b Budget, z Zone) (Books, error) {
	for e := range entries {
		f.add(e, z)
	}
	return f.books(b, z)
}

func (f folding) books(b Budget, z Zone) (Books, error) {
	books, months := make(Books), make(map[string]*Sums)
	for date, day := range f {
		if err := books.put("daily-"+date+".json", Day{Date: date, Timezone: z.String(), Sums: day.Sums}); err != nil {
			return nil, err
		}
		m := date[:len("2006-01")]
		if months[m] == nil {
			months[m] = new(Sums)
			months[m].settle()
		}
		months[m].merge(day.Sums)
	}
	for _, m := range slices.Sorted(maps.Keys(months)) {
		if err := books.month(m, months[m], b, z); err != nil {
			return nil, err
		}
	}
	return books, books.features(f)
}

// month writes a month; the last one that is written is the current one.
func (b Books) month(name string, s *Sums, budget Budget, z Zone) error {
	m := Month{Month: name, Timezone: z.String(), Budget: budget.Budgets.Monthly.Soft, Sums: *s}
	m.Remaining = m.Budget - m.Total
	m.PercentUsed = Percent(m.Total, m.Budget)
	if err := b.put("months/"+name+".json", m); err != nil {
		return err
	}
	b["mtd.json"] = b["months/"+name+".json"]
	return nil
}

func (b Books) put(name string, v any) error {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b[name] = buf.Bytes()
	return nil
}

// features writes the features of each day.
func (b Books) features(f folding) error {
	var buf bytes.Buffer
	for _, date := range slices.Sorted(maps.Keys(f)) {
		day := f[date]
		for _, name := range slices.Sorted(maps.Keys(day.Uses)) {
			data, err := json.Marshal(featureLine{Feature: name, Date: date, Cost: day.Features[name], Entries: day.Uses[name]})
			if err != nil {
				return err
			}
			buf.Write(append(data, '\n'))
		}
	}
	b["by-feature.jsonl"] = buf.Bytes()
	return nil
}

// Alert is something to know about a budget.
type Alert struct {
	Level   string `json:"level"` // warning or critical
	Key     string `json:"key"`   // names the threshold in its period: given once
	Message string `json:"message"`
}

// Least spending at which a burn rate says something.
const burnFloor = dollar

// Alerts are the thresholds that are passed at a time (K8).
func (b Budget) Alerts(entries []Entry, z Zone, at time.Time) []Alert {
	alerts := []Alert{}
	add := func(level, period, what, format string, args ...any) {
		alerts = append(alerts, Alert{level, period + "/" + what, fmt.Sprintf(format, args...)})
	}
	standing := b.Standing(entries, z, at)
	for i, p := range b.periods(z, at) {
		s := standing[i]
		start := p.Name + " " + z.Date(p.Period.Start)
		switch {
		case s.Spent > s.Hard:
			add("critical", start, "hard", "the %s hard limit of $%s is exceeded: $%s", s.Name, s.Hard, s.Spent)
		case s.Spent > s.Soft:
			add("warning", start, "soft", "the %s soft limit of $%s is exceeded: $%s", s.Name, s.Soft, s.Spent)
		case reached(s.Spent, s.Soft, p.Limits.Alert) >= 0:
			add("warning", start, "alert", "%s %% of the %s soft limit of $%s is spent", Digits(s.Percent), s.Name, s.Soft)
		}
		if p.Name != "monthly" {
			continue
		}
		if left := s.Soft - s.Spent; left >= 0 && left < 10*dollar && s.Spent > 0 {
			add("critical", start, "left", "$%s of the month's budget is left", left)
		}
		if b.burns(entries, p.Period, at, s) {
			add("warning", start, "burn", "spending runs ahead of the month: %s %% of the budget is spent, %.0f %% of the month is over", Digits(s.Percent), 100*p.Period.Elapsed(at))
		}
	}
	return alerts
}

// burns says whether spending runs ahead of its period.
func (b Budget) burns(entries []Entry, p Period, at time.Time, s Spent) bool {
	elapsed := p.Elapsed(at)
	used := float64(s.Spent) / float64(max(1, s.Soft))
	return s.Spent >= burnFloor && elapsed > 0 && used > 1.5*elapsed && b.recent(entries, p, at, s)
}

// recent says whether the last twelfth of the time since the period's start
// spends too fast as well: what was spent at once long ago is no burning.
func (b Budget) recent(entries []Entry, p Period, at time.Time, s Spent) bool {
	window := at.Sub(p.Start) / 12
	var spent Nano
	for _, e := range entries {
		if e.Time.After(at.Add(-window)) && !e.Time.After(at) {
			spent += e.USD
		}
	}
	share := float64(window) / float64(p.End.Sub(p.Start))
	return float64(spent) > 1.5*share*float64(s.Soft)
}

// Projected is what the month will have cost at its end, if it goes on as it
// did: the mean of its days so far.
func (b Budget) Projected(entries []Entry, z Zone, at time.Time) Nano {
	month := z.Month(at)
	var spent Nano
	for _, e := range entries {
		if month.Holds(e.Time) && !e.Time.After(at) {
			spent += e.USD
		}
	}
	elapsed, whole := at.Sub(month.Start), month.End.Sub(month.Start)
	if elapsed <= 0 {
		return spent
	}
	n := new(big.Int).Mul(big.NewInt(int64(spent)), big.NewInt(int64(whole)))
	return Nano(n.Quo(n, big.NewInt(int64(elapsed))).Int64())
}
