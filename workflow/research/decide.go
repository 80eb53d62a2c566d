// Package research turns what was found out into a decision that can be
// checked: weighted matrices, the three gates of a decision, projected costs,
// findings, numbered decision records, and the search for what is there already.
//
// Scores and weights are decimals, counted in millionths: seven is seven.
package research

import (
	"fmt"
	"math"
	"strings"
)

// Decision is the answer.
type Decision string

const (
	Go   Decision = "GO"
	NoGo Decision = "NO-GO"
)

// Factor is one of the five scores, and what it weighs.
type Factor struct {
	Name   string  `json:"name"`
	Weight Decimal `json:"weight"`
	Score  Decimal `json:"score"`
}

// Input is what is known of an option.
type Input struct {
	Topic, Summary          string
	Dependencies, Questions []string

	// Viability: the first gate.
	MonthlyCost, Budget Decimal // US dollars a month
	Complexity, Capable Decimal // how hard it is, how hard it may be
	Time, Deadline      Decimal // in one unit, whichever
	StrategicFit        Decimal // of ten
	BudgetFrom          string  // where the budget is from

	Factors []Factor // the second gate, in order
	Review  *Review  // the third gate; nil: nothing was built yet
}

// Check is one question of a gate.
type Check struct {
	Gate string `json:"gate"` // viability, score, review
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
}

// Result is the decision with all that led to it.
type Result struct {
	Decision   Decision `json:"decision"`
	Score      Decimal  `json:"score"`
	Confidence int      `json:"confidence"`
	// Reasons are what speaks against it where the decision is NO-GO, else what
	// speaks for it. Never empty.
	Reasons []string `json:"reasons"`
	Checks  []Check  `json:"checks"`
	Factors []Factor `json:"factors"`
	Review  string   `json:"review,omitempty"` // proceed, iterate, pivot or abandon
}

const (
	budgetShare       = 5 // a fifth: 20 %
	fitAbove          = 7 * one
	scoreFrom         = 7 * one
	scoreMost         = 10 * one
	viability, review = "viability", "review"
)

// Decide goes through the gates. All of them are looked at, so that all reasons
// are known at once.
func Decide(in *Input) Result {
	r := Result{Decision: Go, Score: weighted(in.Factors), Factors: in.Factors}
	r.Confidence = confidence(r.Score)
	r.viable(in)
	says := fmt.Sprintf("the weighted score is %s, and 7 is wanted", r.Score)
	if r.Score >= scoreFrom {
		says = fmt.Sprintf("the weighted score is %s, of 7 at least", r.Score)
	}
	r.check("score", "weighted score", r.Score >= scoreFrom, "%s", says)
	if in.Review != nil {
		r.review(in.Review)
	}
	for _, c := range r.Checks {
		if !c.OK {
			r.Decision = NoGo
		}
	}
	for _, c := range r.Checks {
		if c.OK == (r.Decision == Go) {
			r.Reasons = append(r.Reasons, c.Gate+": "+c.Says)
		}
	}
	return r
}

func (r *Result) check(gate, name string, ok bool, format string, args ...any) {
	r.Checks = append(r.Checks, Check{gate, name, ok, fmt.Sprintf(format, args...)})
}

// viable is the first gate.
func (r *Result) viable(in *Input) {
	from := ""
	if in.BudgetFrom != "" {
		from = " (" + in.BudgetFrom + ")"
	}
	is := func(ok bool, yes, no string) string {
		if ok {
			return yes
		}
		return no
	}
	ok := in.MonthlyCost*budgetShare < in.Budget
	r.check(viability, "cost", ok, "$%s a month is %s 20 %% of the budget of $%s%s", in.MonthlyCost, is(ok, "below", "not below"), in.Budget, from)
	ok = in.Complexity <= in.Capable
	r.check(viability, "capability", ok, "complexity %s is %s the team's capability of %s", in.Complexity, is(ok, "within", "above"), in.Capable)
	ok = in.Time < in.Deadline
	r.check(viability, "time", ok, "it takes %s, which is %s the deadline of %s", in.Time, is(ok, "before", "not before"), in.Deadline)
	ok = in.StrategicFit > fitAbove
	r.check(viability, "strategic fit", ok, "a strategic fit of %s is %s 7", in.StrategicFit, is(ok, "above", "not above"))
}

// weighted is the sum of score × weight, exact to a millionth.
func weighted(factors []Factor) Decimal {
	var sum int64
	for _, f := range factors {
		sum += int64(f.Score) * int64(f.Weight)
	}
	return Decimal((sum + int64(one)/2) / int64(one))
}

// confidence is 1.2 × the score, rounded down, of ten.
func confidence(score Decimal) int { return int(min(10, score*12/10/one)) }

// Decimal is a number in millionths.
type Decimal int64

const one Decimal = 1_000_000

const decimalMost = 1_000_000_000

// ParseDecimal reads a number that is not negative, such as 7 or 0.25; 25% is
// 0.25, and a dollar sign is taken off.
func ParseDecimal(s string) (Decimal, error) {
	text := strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(s), "$"), "_", "")
	scale := 6
	if rest, ok := strings.CutSuffix(text, "%"); ok {
		text, scale = strings.TrimSpace(rest), 4
	}
	whole, part, dot := strings.Cut(text, ".")
	if whole == "" || dot && part == "" || strings.Trim(whole+part, "0123456789") != "" {
		return 0, fmt.Errorf("%.40q is no number that is not negative", s)
	}
	part = strings.TrimRight(part, "0")
	whole = strings.TrimLeft(whole, "0")
	switch {
	case len(part) > scale:
		return 0, fmt.Errorf("%.40q has more than %d decimals", s, scale)
	case len(whole) > 9:
		return 0, fmt.Errorf("%.40q is too large", s)
	}
	var n int64
	for _, c := range whole + part + strings.Repeat("0", scale-len(part)) {
		n = n*10 + int64(c-'0')
	}
	return Decimal(n), nil
}

func (d Decimal) String() string {
	whole, part := d/one, d%one
	if part == 0 {
		return fmt.Sprint(int64(whole))
	}
	return strings.TrimRight(fmt.Sprintf("%d.%06d", whole, part), "0")
}

// MarshalJSON writes a number.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// Float is for what is only shown.
func (d Decimal) Float() float64 { return float64(d) / math.Pow10(6) }
