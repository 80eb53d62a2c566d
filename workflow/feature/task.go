// Package feature plans a feature and follows it until it is shipped.
//
//	[Read]      a file of tasks: YAML, Markdown, or task-master's tasks.json
//	[NewPlan]   tasks → groups that can be worked on side by side, the critical
//	            path, how many worktrees that takes; cycles are named
//	[Estimate]  hours → money, at the rates of the ledger where it has any
//	[Brief]     what is to be built, and why
//	[Stand]     where a feature is on its way from plan to ship
//
// It is plain data and plain functions: no git, no clock, no environment.
package feature

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Task is one task of a plan.
type Task struct {
	ID    string   `json:"id"` // Required
	Title string   `json:"title"`
	Needs []string `json:"needs"`           // ids of tasks that come before it
	Hours Hours    `json:"hours"`           // zero: nobody has said
	Agent string   `json:"agent,omitempty"` // whom it is for
	Phase string   `json:"phase,omitempty"` // one of [Phases], or empty
	Done  bool     `json:"done,omitempty"`
	Steps []string `json:"steps,omitempty"` // its parts, in order
	line  int      // where it is in its file; zero: nowhere
}

// Hours are millionths of an hour: sums of decimals are exact.
type Hours int64

const hour Hours = 1_000_000

// hoursMost are the hours of one task; a working life has fewer.
const hoursMost = 100_000

// ParseHours reads hours as people write them: 3, 2.5, "3 h".
func ParseHours(s string) (Hours, error) {
	text := strings.TrimSpace(s)
	for _, unit := range []string{"hours", "hour", "hrs", "h"} {
		if rest, ok := strings.CutSuffix(text, unit); ok {
			text = strings.TrimSpace(rest)
			break
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > hoursMost {
		return 0, fmt.Errorf("hours %.40q: want a number from 0 to %d", s, hoursMost)
	}
	return Hours(math.Round(f * float64(hour))), nil
}

func (h Hours) String() string {
	whole, part := int64(h/hour), int64(h%hour)
	if part == 0 {
		return strconv.FormatInt(whole, 10)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%06d", whole, part), "0")
}

// Float is for those who count in floats.
func (h Hours) Float() float64 { return float64(h) / float64(hour) }

// MarshalJSON writes a number.
func (h Hours) MarshalJSON() ([]byte, error) { return []byte(h.String()), nil }
