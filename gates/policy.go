package gates

import (
	"fmt"
	"time"
)

// Date is a day, written 2027-01-31.
type Date string

// DateOf is the day of t in UTC.
func DateOf(t time.Time) Date { return Date(t.UTC().Format(time.DateOnly)) }

// ParseDate reads a day.
func ParseDate(s string) (Date, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", fmt.Errorf("date %q: want YYYY-MM-DD", s)
	}
	return Date(s), nil
}

// Policy decides what blocks. Plain data, made by cmd from the configuration.
type Policy struct {
	// Gates says how each gate's findings count. A gate that is not named here
	// is judged by its defaults: required, its own scope, errors block.
	Gates map[string]GatePolicy

	Waivers []Waiver

	// All makes every gate's scope ScopeAll.
	All bool

	// Strict: a required gate that somebody left out makes the verdict
	// inconclusive. Set in CI.
	Strict bool

	// Today is the day on which waivers are looked at. Required.
	Today Date
}

// GatePolicy is how one gate's findings count. The zero value is the default.
type GatePolicy struct {
	Optional bool     // an error in it does not make the verdict inconclusive
	Scope    Scope    // empty: the gate's own
	BlockOn  Severity // the least severity that blocks; empty: error
}

// Waiver lets one known finding pass until a day.
type Waiver struct {
	Gate        string `json:"gate"`
	Fingerprint string `json:"fingerprint"`
	Reason      string `json:"reason"`
	Owner       string `json:"owner"`
	Expires     Date   `json:"expires"` // the last day on which it counts
}
