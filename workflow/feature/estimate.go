package feature

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// Rate is what one call of a model costs.
type Rate struct {
	USD   costs.Nano `json:"usd_per_call"`
	Calls int        `json:"from_calls"` // of the ledger; zero: a rate of the reference
}

// Rates are those of both kinds of work.
type Rates struct {
	Development Rate `json:"development"`
	Testing     Rate `json:"testing"`
}

// What the reference reckons with: calls an hour, and US dollars.
const (
	developmentCalls            = 50
	testingCalls                = 30
	developmentRate  costs.Nano = 3_000_000   // $0.003 a call
	testingRate      costs.Nano = 140_000     // $0.00014 a call
	computeRate      costs.Nano = 500_000_000 // $0.50 an hour
	storageRate      costs.Nano = 20_000_000  // $0.02 a GB
)

// Of the ledger, only what is recent and enough says something.
const (
	recent    = 90 * 24 * time.Hour
	leastSeen = 20 // calls
)

// RatesOf are the means of the calls that were paid for in the last 90 days. Of
// each kind there have to be 20, or the reference's rate stays. A call is one for
// testing when its task says so.
func RatesOf(entries []costs.Entry, now time.Time) Rates {
	r := Rates{Rate{USD: developmentRate}, Rate{USD: testingRate}}
	var dev, test mean
	for _, e := range entries {
		if e.Category != "llm" || e.USD <= 0 || e.Basis != costs.List && e.Basis != costs.Reported || e.Time.Before(now.Add(-recent)) || e.Time.After(now) {
			continue
		}
		if strings.Contains(strings.ToLower(e.Task), "test") {
			test.add(e.USD)
		} else {
			dev.add(e.USD)
		}
	}
	dev.into(&r.Development)
	test.into(&r.Testing)
	return r
}

// mean is of amounts that are not negative.
type mean struct {
	sum big.Int
	n   int
}

func (m *mean) add(usd costs.Nano) {
	m.sum.Add(&m.sum, big.NewInt(int64(usd)))
	m.n++
}

func (m *mean) into(r *Rate) {
	if m.n >= leastSeen {
		r.USD, r.Calls = costs.Nano(new(big.Int).Div(&m.sum, big.NewInt(int64(m.n))).Int64()), m.n
	}
}

// EstimateLine is one part of an estimate.
type EstimateLine struct {
	What  string     `json:"what"`
	Hours Hours      `json:"hours"`
	Calls int64      `json:"llm_calls,omitempty"`
	USD   costs.Nano `json:"usd"`
}

// Estimate is what a feature will cost.
type Estimate struct {
	Lines     []EstimateLine `json:"lines"`
	Rates     Rates          `json:"rates"`
	Total     costs.Nano     `json:"total"`
	Threshold costs.Nano     `json:"threshold"`
	Review    bool           `json:"review"` // the total is above the threshold: somebody should look
	Missing   []string       `json:"unestimated"`
}

// NewEstimate reckons: hours of testing are those of the tasks in the phase
// testing, all others are development.
func NewEstimate(f *File, rates Rates, threshold costs.Nano) (*Estimate, error) {
	e := &Estimate{Rates: rates, Threshold: threshold, Missing: []string{}}
	var dev, test Hours
	for _, t := range f.Tasks {
		switch {
		case t.Hours == 0:
			e.Missing = append(e.Missing, t.ID)
		case t.Phase == "testing":
			test += t.Hours
		default:
			dev += t.Hours
		}
	}
	for _, part := range []struct {
		what  string
		hours Hours
		calls int64
		rate  costs.Nano
	}{
		{"development", dev, developmentCalls, rates.Development.USD}, {"testing", test, testingCalls, rates.Testing.USD},
		{"compute", f.ComputeHours, 0, computeRate}, {"storage", f.StorageGB, 0, storageRate},
	} {
		usd, err := reckon(part.hours, max(1, part.calls), part.rate)
		if err == nil && e.Total > most-usd {
			err = errTooMuch
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.what, err)
		}
		e.Total += usd
		line := EstimateLine{What: part.what, Hours: part.hours, USD: usd}
		if part.calls > 0 {
			line.Calls = int64(new(big.Int).Div(new(big.Int).Mul(big.NewInt(int64(part.hours)), big.NewInt(part.calls)), big.NewInt(int64(hour))).Int64())
		}
		e.Lines = append(e.Lines, line)
	}
	e.Review = e.Total > threshold
	return e, nil
}

// most is more than any feature costs.
const most costs.Nano = 1_000_000_000_000_000_000

var errTooMuch = fmt.Errorf("it would cost more than $%s", most)

// reckon is hours × calls × rate, rounded to a nano-dollar.
func reckon(h Hours, calls int64, rate costs.Nano) (costs.Nano, error) {
	n := new(big.Int).Mul(big.NewInt(int64(h)), big.NewInt(calls))
	n.Mul(n, big.NewInt(int64(rate)))
	n.Add(n, big.NewInt(int64(hour/2))).Div(n, big.NewInt(int64(hour)))
	if n.Cmp(big.NewInt(int64(most))) > 0 {
		return 0, errTooMuch
	}
	return costs.Nano(n.Int64()), nil
}
