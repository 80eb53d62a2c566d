package costs

import (
	"fmt"
	"math"
	"time"
)

// Hold is a part of the budget that a job has reserved before it spends it, so
// that jobs side by side do not spend it twice.
type Hold struct {
	ID      string    `json:"id"`
	USD     Nano      `json:"usd"`
	At      time.Time `json:"at"`      // of the reservation; of a settled one: when it was settled
	Expires time.Time `json:"expires"` // from then on it does not count; it is not spent
	For     string    `json:"for,omitempty"`
	// Settled: USD is what it did cost. It counts until the ledger that looks
	// has the entry, which may still be on its way from another machine.
	Settled bool `json:"settled,omitempty"`
}

// Key is the key of the entry that settles the hold: settled twice, it counts
// once.
func (h Hold) Key() string { return "hold:" + h.ID }

// Check says what is wrong with a hold.
func (h Hold) Check() error {
	switch {
	case h.ID == "" || h.USD < 0 || h.USD > usdMax:
		return fmt.Errorf("reservation %q of $%s: want an id, and an amount of up to $%s", h.ID, h.USD, usdMax)
	case !h.Settled && !h.Expires.After(h.At):
		return fmt.Errorf("reservation %q: expires before it begins", h.ID)
	}
	for _, text := range []string{h.ID, h.For} {
		if err := plain(text); err != nil {
			return fmt.Errorf("reservation: %w", err)
		}
	}
	return nil
}

// Open says whether the hold is neither settled nor expired.
func (h Hold) Open(at time.Time) bool { return !h.Settled && at.Before(h.Expires) }

// reserved is what holds take of a period: the open ones, and those that were
// settled in it and are not among the entries.
func reserved(holds []Hold, known map[string]bool, p Period, at time.Time) Nano {
	var sum Nano
	for _, h := range holds {
		if h.Open(at) && p.Holds(at) || h.Settled && p.Holds(h.At) && !known[h.Key()] {
			sum = sum.plus(h.USD)
		}
	}
	return sum
}

// keys are those of the entries that settle holds.
func keys(entries []Entry, holds []Hold) map[string]bool {
	known := make(map[string]bool, len(holds))
	if len(holds) == 0 {
		return known
	}
	for _, e := range entries {
		known[e.Key] = true
	}
	return known
}

// plus adds, and stops at the largest amount: what is compared with a limit must
// not become small by being huge.
func (n Nano) plus(m Nano) Nano {
	switch {
	case m > 0 && n > math.MaxInt64-m:
		return math.MaxInt64
	case m < 0 && n < math.MinInt64-m:
		return math.MinInt64
	}
	return n + m
}
