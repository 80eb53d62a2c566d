package costs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Limits are those of one period.
type Limits struct {
	Soft  Nano    `json:"soft_limit"`
	Hard  Nano    `json:"hard_limit"`
	Alert float64 `json:"alert_threshold"` // share of Soft at which an alert is given
}

// Budget is costs/budget-config.json: the user's, in the reference's form.
// Keys that are not ours are kept out of the way, not refused: others read the
// file too.
type Budget struct {
	Budgets struct {
		Daily   Limits `json:"daily"`
		Weekly  Limits `json:"weekly"`
		Monthly Limits `json:"monthly"`
	} `json:"budgets"`
	Controls struct {
		BlockOnLimit bool `json:"block_on_limit"`
		// AutoSwitch: above EmergencyThreshold (a share of the day's or the
		// month's soft limit) work is routed to free models.
		AutoSwitch         bool    `json:"auto_switch_models"`
		EmergencyThreshold float64 `json:"emergency_mode_threshold"`
		// UnpricedWorstCase is what a million tokens of a model without a price
		// are taken for where a budget is enforced.
		UnpricedWorstCase Nano `json:"unpriced_worst_case"`
	} `json:"cost_controls"`
	Timezone string  `json:"timezone"`
	Routing  Routing `json:"routing"`
}

// DefaultBudget are the limits of a repository that says nothing.
func DefaultBudget() Budget {
	var b Budget
	b.Budgets.Daily = Limits{5 * dollar, 7*dollar + dollar/2, 0.8}
	b.Budgets.Weekly = Limits{25 * dollar, 35 * dollar, 0.8}
	b.Budgets.Monthly = Limits{100 * dollar, 150 * dollar, 0.8}
	b.Controls.UnpricedWorstCase = 75 * dollar
	b.Controls.AutoSwitch, b.Controls.EmergencyThreshold = true, 0.95
	b.Routing = DefaultRouting()
	return b
}

// ParseBudget reads budget-config.json; what it leaves out is the default's.
func ParseBudget(name string, data []byte) (Budget, error) {
	b := DefaultBudget()
	rules := b.Routing.Rules
	b.Routing.Rules = nil // a file's rules take the place of all of the default's
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&b); err != nil {
		return b, fmt.Errorf("%s: %w", name, describe(err, data))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return b, fmt.Errorf("%s: something follows the document", name)
	}
	for _, p := range b.periods(Zone{}, time.Time{}) {
		switch l := p.Limits; {
		case l.Soft < 0 || l.Hard < 0:
			return b, fmt.Errorf("%s: budgets.%s: a limit is negative", name, p.Name)
		case l.Hard < l.Soft:
			return b, fmt.Errorf("%s: budgets.%s: the hard limit %s is below the soft one %s", name, p.Name, l.Hard, l.Soft)
		case !(l.Alert > 0 && l.Alert <= 1):
			return b, fmt.Errorf("%s: budgets.%s.alert_threshold: want a share such as 0.8", name, p.Name)
		}
	}
	if b.Routing.Rules == nil {
		b.Routing.Rules = rules
	}
	if err := b.Routing.check(); err != nil {
		return b, fmt.Errorf("%s: %w", name, err)
	}
	switch c := b.Controls; {
	case c.UnpricedWorstCase < 0:
		return b, fmt.Errorf("%s: cost_controls.unpriced_worst_case: negative", name)
	case !(c.EmergencyThreshold > 0 && c.EmergencyThreshold <= 1):
		return b, fmt.Errorf("%s: cost_controls.emergency_mode_threshold: want a share such as 0.95", name)
	}
	if _, err := ParseZone(b.Timezone); err != nil {
		return b, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// describe says where JSON is wrong.
func describe(err error, data []byte) error {
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("empty: want a JSON object, or no file")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("cut off: the JSON object does not end")
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	before := data[:min(int(syntax.Offset), len(data))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Errorf("line %d, column %d: %w", line, max(1, column), err)
}

// limited is a period with its limits.
type limited struct {
	Name   string
	Period Period
	Limits Limits
}

func (b Budget) periods(z Zone, at time.Time) []limited {
	return []limited{
		{"daily", z.Day(at), b.Budgets.Daily}, {"weekly", z.Week(at), b.Budgets.Weekly}, {"monthly", z.Month(at), b.Budgets.Monthly},
	}
}

// Current are the entries of the day, week and month of a time: all that a
// budget, its alerts and its projection hang on.
func (z Zone) Current(all iter.Seq[Entry], at time.Time) []Entry {
	week, month := z.Week(at), z.Month(at)
	var list []Entry
	for e := range all {
		if week.Holds(e.Time) || month.Holds(e.Time) {
			list = append(list, e)
		}
	}
	return list
}

// Spent is what a period has cost, and how that stands to its limits.
type Spent struct {
	Name    string  `json:"-"`
	Spent   Nano    `json:"spent"`
	Soft    Nano    `json:"soft"`
	Hard    Nano    `json:"hard"`
	Percent float64 `json:"percent"` // of Soft, two decimals
	// Held is what entries without a price are taken for.
	Held Nano `json:"held"`
	// Reserved is what jobs that run just now have reserved.
	Reserved Nano `json:"reserved"`
}

// total is all that counts against a limit.
func (s Spent) total() Nano { return s.Spent.plus(s.Held).plus(s.Reserved) }

// Standing is where the budget stands at a time, with what is reserved.
func (b Budget) Standing(entries []Entry, z Zone, at time.Time, holds ...Hold) []Spent {
	var out []Spent
	known := keys(entries, holds)
	for _, p := range b.periods(z, at) {
		s := Spent{Name: p.Name, Soft: p.Limits.Soft, Hard: p.Limits.Hard}
		for _, e := range entries {
			if p.Period.Holds(e.Time) && !e.Time.After(at) {
				s.Spent += e.USD
				s.Held = s.Held.plus(b.Worst(e))
			}
		}
		s.Reserved = reserved(holds, known, p.Period, at)
		s.Percent = Percent(s.Spent, s.Soft)
		out = append(out, s)
	}
	return out
}

// Worst is what an entry without a price is taken for.
func (b Budget) Worst(e Entry) Nano {
	if e.Basis != Unpriced {
		return 0
	}
	total := new(big.Int)
	for _, u := range e.Units {
		total.Add(total, big.NewInt(int64(u.N)/int64(one)))
	}
	total.Mul(total, big.NewInt(int64(b.Controls.UnpricedWorstCase)))
	total.Quo(total, big.NewInt(1_000_000))
	if !total.IsInt64() || total.Int64() > int64(usdMax) {
		return usdMax
	}
	return Nano(total.Int64())
}

// Percent is a share in percent, cut to two decimals.
func Percent(part, whole Nano) float64 {
	if whole <= 0 {
		return 0
	}
	p := new(big.Int).Mul(big.NewInt(int64(part)), big.NewInt(10_000))
	p.Quo(p, big.NewInt(int64(whole)))
	return float64(p.Int64()) / 100
}

// Digits writes a percentage as people do, however large.
func Digits(percent float64) string { return strconv.FormatFloat(percent, 'f', -1, 64) }

// reached compares an amount with a share of another, exactly: the share is the
// decimal number that somebody wrote. It is positive where part is above it, and
// zero at the share itself. Of nothing, no share is reached.
func reached(part, whole Nano, share float64) int {
	if whole <= 0 {
		return -1
	}
	limit := written(share)
	limit.Mul(limit, new(big.Rat).SetInt64(int64(whole)))
	return new(big.Rat).SetInt64(int64(part)).Cmp(limit)
}

// written is a number of a configuration as it stands there.
func written(f float64) *big.Rat {
	r, ok := new(big.Rat).SetString(Digits(f))
	if !ok { // none that JSON has
		return new(big.Rat)
	}
	return r
}

// Answer is whether a request may run.
type Answer struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty"` // why not, or what to know
}

// Request is what [Budget.Allow] is asked about.
type Request struct {
	Estimate Nano
	Critical bool   // it may run whatever it costs
	Holds    []Hold // what others have reserved
}

// Allow says whether a request may run at a time. A critical one always may.
// Above a soft limit it may, with a warning; above a hard one not.
func (b Budget) Allow(entries []Entry, z Zone, at time.Time, r Request) Answer {
	warning := ""
	for _, s := range b.Standing(entries, z, at, r.Holds...) {
		total := s.total().plus(r.Estimate)
		switch {
		case total > s.Hard && r.Critical:
			warning = fmt.Sprintf("critical, so it may run: the %s hard limit of $%s is exceeded ($%s with this request)", s.Name, s.Hard, total)
		case total > s.Hard:
			return Answer{false, fmt.Sprintf("the %s hard limit of $%s would be exceeded: $%s with this request%s", s.Name, s.Hard, total, s.parts())}
		case total > s.Soft && warning == "":
			warning = fmt.Sprintf("the %s soft limit of $%s is exceeded: $%s with this request%s", s.Name, s.Soft, total, s.parts())
		}
	}
	return Answer{true, warning}
}

// parts says what of a total nobody has spent yet.
func (s Spent) parts() string {
	var parts []string
	if s.Held > 0 {
		parts = append(parts, fmt.Sprintf("$%s for usage without a price", s.Held))
	}
	if s.Reserved > 0 {
		parts = append(parts, fmt.Sprintf("$%s that is reserved", s.Reserved))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (of which " + strings.Join(parts, ", ") + ")"
}
