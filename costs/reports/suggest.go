package reports

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
)

// Suggestion is something that would cost less (K14). Savings are of the period,
// counted with the very tokens of its calls. They overlap: do not add them up.
type Suggestion struct {
	ID       string     `json:"id"`
	Priority string     `json:"priority"` // high, medium, low
	Finding  string     `json:"finding"`
	Action   string     `json:"action"`
	Calls    int        `json:"calls"` // that the saving is counted of
	Saving   costs.Nano `json:"saving"`
	How      string     `json:"how"` // the saving was counted
}

// Where a suggestion begins: the reference's numbers.
const (
	dearModel  = 50.0 // percent of the cost on one model
	claudePart = 70.0 // percent of the models' cost
	idlePart   = 20.0 // percent of the compute
	hourPart   = 50.0 // percent of the cost
	peakHours  = 3    // in so many hours of the day
	spreadOver = 6    // where there was work in as many, at least
)

// suggest gives all that apply, the largest saving first.
func (in Input) suggest(list []costs.Entry) ([]Suggestion, error) {
	out := []Suggestion{}
	cheap, err := in.cheap()
	if err != nil {
		return nil, err
	}
	for _, rule := range []func([]costs.Entry, string) (Suggestion, bool, error){in.oneModel, in.bulk, in.peak, in.claude, in.idle} {
		s, ok, err := rule(list, cheap)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b Suggestion) int { return cmp.Compare(b.Saving, a.Saving) })
	return out, nil
}

// cheap is the model that the budget's rules give bulk work to.
func (in Input) cheap() (string, error) {
	plenty := costs.Left{USD: 1 << 60, Percent: 100}
	r, err := in.Budget.Route(costs.Work{Task: "bulk_processing", Complexity: "medium", Quality: "medium", Urgency: "normal"}, plenty)
	return r.Model, err
}

// onModel is what these calls would have saved on another model. Those that were
// not priced, or that it has no price for, do not count.
func (in Input) onModel(list []costs.Entry, model string) (saving costs.Nano, calls int, err error) {
	for _, e := range list {
		if e.Basis == costs.Subscription || e.Basis == costs.Unpriced || len(e.Units) == 0 || e.Model == "" {
			continue
		}
		other, err := e.On(model, e.Time, in.Table)
		if err != nil {
			return 0, 0, err
		}
		if other.Basis == costs.Unpriced || other.USD >= e.USD {
			continue
		}
		saving += e.USD - other.USD
		calls++
	}
	return saving, calls, nil
}

// oneModel: more than half of the cost is one dear model's.
func (in Input) oneModel(list []costs.Entry, cheap string) (Suggestion, bool, error) {
	rows := By(list, model)
	if len(rows) == 0 || rows[0].Name == "" || rows[0].Percent <= dearModel {
		return Suggestion{}, false, nil
	}
	top := rows[0]
	saving, calls, err := in.onModel(pick(list, func(e costs.Entry) bool { return e.Model == top.Name }), cheap)
	if err != nil || 2*saving < top.Cost { // it is not dear: the cheap one costs more than half
		return Suggestion{}, false, err
	}
	return Suggestion{
		ID: "one-model", Priority: "high", Calls: calls, Saving: saving,
		Finding: fmt.Sprintf("%g %% of the cost ($%s) is %s", top.Percent, top.Cost, name(top.Name)),
		Action:  fmt.Sprintf("give what does not need it to %s (wf-ci costs route says which)", name(cheap)),
		How:     fmt.Sprintf("if all %d calls had gone to %s, with the same tokens; each tenth that moves saves a tenth of it", calls, name(cheap)),
	}, true, nil
}

// bulk: an operation in bulk costs more than a cent.
func (in Input) bulk(list []costs.Entry, cheap string) (Suggestion, bool, error) {
	tasks := pick(list, func(e costs.Entry) bool { return e.Task == "bulk_processing" })
	average := share(Total(tasks), len(tasks))
	if average <= cent {
		return Suggestion{}, false, nil
	}
	saving, calls, err := in.onModel(tasks, cheap)
	return Suggestion{
		ID: "bulk", Priority: "medium", Calls: calls, Saving: saving,
		Finding: fmt.Sprintf("an operation in bulk costs $%s on average (%d of them)", average, len(tasks)),
		Action:  fmt.Sprintf("put several into one request (wf-ci costs batch), on %s", name(cheap)),
		How:     fmt.Sprintf("%d calls on %s, with the same tokens; what batches save comes on top", calls, name(cheap)),
	}, err == nil, err
}

// peak: most of the cost falls into a few hours of the day.
func (in Input) peak(list []costs.Entry, _ string) (Suggestion, bool, error) {
	rows := slices.DeleteFunc(hours(list, in.Zone), func(r Row) bool { return r.Calls == 0 })
	if len(rows) < spreadOver {
		return Suggestion{}, false, nil
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(b.Cost, a.Cost) })
	rows = rows[:peakHours]
	var cost costs.Nano
	var names []string
	for _, r := range rows {
		cost += r.Cost
		names = append(names, r.Name)
	}
	part := costs.Percent(cost, Total(list))
	if part <= hourPart {
		return Suggestion{}, false, nil
	}
	slices.Sort(names)
	busy := pick(list, func(e costs.Entry) bool {
		return slices.Contains(names, fmt.Sprintf("%02d:00", local(e.Time, in.Zone).Hour()))
	})
	saving, calls, err := in.offPeak(busy)
	how := fmt.Sprintf("%d calls at the cheapest hour of their day", calls)
	if calls == 0 {
		how = "no model used in these hours is cheaper at others; what batch APIs take off is not counted"
	}
	return Suggestion{
		ID: "peak-hours", Priority: "low", Calls: calls, Saving: saving, How: how,
		Finding: fmt.Sprintf("%g %% of the cost falls into %d hours of the day: %s", part, peakHours, strings.Join(names, ", ")),
		Action:  "let what can wait run at other hours, or in batches",
	}, err == nil, err
}

// offPeak is what calls would have saved at the cheapest hour of their day.
func (in Input) offPeak(list []costs.Entry) (saving costs.Nano, calls int, err error) {
	changes := make(map[string]bool)
	for _, e := range list {
		if _, ok := changes[e.Model]; !ok {
			changes[e.Model] = e.Model != "" && slices.ContainsFunc(in.Table.History(e.Model, e.Time), func(l prices.Listed) bool { return l.From != "" })
		}
		if !changes[e.Model] || e.Basis != costs.List {
			continue
		}
		best := e.USD
		for h := range 24 {
			other, err := e.On(e.Model, e.Time.UTC().Truncate(24*time.Hour).Add(time.Duration(h)*time.Hour), in.Table)
			if err != nil {
				return 0, 0, err
			}
			if other.Basis == costs.List {
				best = min(best, other.USD)
			}
		}
		if best < e.USD {
			saving, calls = saving+e.USD-best, calls+1
		}
	}
	return saving, calls, nil
}

// simple are the tasks that hardly need a dear model.
var simple = []string{"bulk_processing", "summarization", "data_extraction", "chat_conversation"}

// claude: Claude has more than 70 % of what the models cost.
func (in Input) claude(list []costs.Entry, cheap string) (Suggestion, bool, error) {
	llm := pick(list, func(e costs.Entry) bool { return e.Category == "llm" })
	own := pick(llm, func(e costs.Entry) bool { return strings.Contains(strings.ToLower(e.Model), "claude") })
	part := costs.Percent(Total(own), Total(llm))
	if part <= claudePart {
		return Suggestion{}, false, nil
	}
	easy := pick(own, func(e costs.Entry) bool { return slices.Contains(simple, e.Task) })
	saving, calls, err := in.onModel(easy, cheap)
	how := fmt.Sprintf("%d of its calls are for %s; on %s, with the same tokens", calls, strings.Join(simple, ", "), name(cheap))
	if calls == 0 {
		how = "no call of it says that it is for " + strings.Join(simple, ", ") + " (costs record --task)"
	}
	return Suggestion{
		ID: "claude-share", Priority: "medium", Calls: calls, Saving: saving, How: how,
		Finding: fmt.Sprintf("%g %% of what models cost is Claude's", part),
		Action:  fmt.Sprintf("give bulk work, summaries and extraction to %s", name(cheap)),
	}, err == nil, err
}

// idle: more than a fifth of the compute did nothing. An entry says so itself:
// its task is idle.
func (in Input) idle(list []costs.Entry, _ string) (Suggestion, bool, error) {
	compute := pick(list, func(e costs.Entry) bool { return e.Category == "compute" })
	idle := pick(compute, func(e costs.Entry) bool { return e.Task == "idle" })
	part := costs.Percent(Total(idle), Total(compute))
	if part <= idlePart {
		return Suggestion{}, false, nil
	}
	return Suggestion{
		ID: "idle-compute", Priority: "high", Calls: len(idle), Saving: Total(idle),
		Finding: fmt.Sprintf("%g %% of the compute ($%s of $%s) is idle", part, Total(idle), Total(compute)),
		Action:  "let machines shut down by themselves", How: "all that the idle time has cost",
	}, true, nil
}

func pick(list []costs.Entry, fits func(costs.Entry) bool) []costs.Entry {
	var out []costs.Entry
	for _, e := range list {
		if fits(e) {
			out = append(out, e)
		}
	}
	return out
}

// Saving is money that was not spent.
type Saving struct {
	ID     string     `json:"id"`
	Text   string     `json:"text"`
	Saving costs.Nano `json:"saving"`
}

// saved is what the providers' caches and flat rates have saved already, by the
// prices in the entries.
func saved(list []costs.Entry) []Saving {
	var cache, flat costs.Nano
	for _, e := range list {
		switch {
		case e.Basis == costs.Subscription:
			for _, u := range e.Units {
				flat += nano(u.N, u.Rate)
			}
		case e.Basis == costs.List:
			cache += cacheSaving(e)
		}
	}
	out := []Saving{}
	if cache != 0 {
		out = append(out, Saving{"prompt-cache", "prompt caches, against sending the same tokens anew", cache})
	}
	if flat != 0 {
		out = append(out, Saving{"flat-rate", "calls that a flat rate paid, by the list (its price is not taken off)", flat})
	}
	return out
}

// cacheSaving is what an entry's cache took off: what was read, less the dearer
// writing.
func cacheSaving(e costs.Entry) (usd costs.Nano) {
	var input prices.Rate
	for _, u := range e.Units {
		if u.Unit == prices.Input {
			input = u.Rate
		}
	}
	if input == 0 {
		return 0 // nothing was sent without the cache: what it would have cost is not in the entry
	}
	for _, u := range e.Units {
		switch u.Unit {
		case prices.CacheRead, prices.CacheWrite, prices.CacheWrite1h:
			usd += nano(u.N, input-u.Rate)
		}
	}
	return usd
}

// nano is units × pico-dollars, cut to nano-dollars: exact where it is whole. An
// entry costs a million dollars at most, so its parts fit.
func nano(n costs.Count, rate prices.Rate) costs.Nano {
	x := new(big.Int).Mul(big.NewInt(int64(n)), big.NewInt(int64(rate)))
	return costs.Nano(x.Quo(x, big.NewInt(1_000_000_000)).Int64())
}
