package agents

import (
	"cmp"
	"slices"
	"time"
)

// Stats are the figures of one agent. What was never recorded is nil.
type Stats struct {
	Agent        string         `json:"agent"`
	Uses         int            `json:"uses"`
	Good         int            `json:"successes"`
	SuccessRate  float64        `json:"success_rate"`
	Duration     *time.Duration `json:"-"` // the mean
	Seconds      *float64       `json:"avg_duration_s,omitempty"`
	Satisfaction *float64       `json:"avg_satisfaction,omitempty"`
	Tokens       int64          `json:"tokens"`
	Cost         *int64         `json:"-"` // billionths of a US dollar, of those that are known
	Types        []string       `json:"common_tasks"`
	Last         time.Time      `json:"last_used"`
}

// Summarise is the figures of every agent that has outcomes, most used first.
func Summarise(outcomes []Outcome) []Stats {
	by := make(map[string][]Outcome)
	for _, o := range outcomes {
		by[o.Agent] = append(by[o.Agent], o)
	}
	var list []Stats
	for agent, own := range by {
		list = append(list, summary(agent, own))
	}
	slices.SortFunc(list, func(a, b Stats) int { return cmp.Or(b.Uses-a.Uses, cmp.Compare(a.Agent, b.Agent)) })
	return list
}

func summary(agent string, own []Outcome) Stats {
	s := Stats{Agent: agent, Uses: len(own)}
	var took time.Duration
	timed, rated, happy := 0, 0, 0
	types := make(map[string]int)
	for _, o := range own {
		if o.Success {
			s.Good++
		}
		if o.Duration > 0 {
			took += o.Duration
			timed++
		}
		if o.Satisfaction > 0 {
			happy += o.Satisfaction
			rated++
		}
		if o.Cost != nil {
			if s.Cost == nil {
				s.Cost = new(int64)
			}
			*s.Cost += *o.Cost
		}
		if o.Type != "" {
			types[o.Type]++
		}
		s.Tokens += o.Tokens
		if o.At.After(s.Last) {
			s.Last = o.At
		}
	}
	s.SuccessRate = round(float64(s.Good) / float64(s.Uses))
	if timed > 0 {
		mean := took / time.Duration(timed)
		seconds := round(mean.Seconds())
		s.Duration, s.Seconds = &mean, &seconds
	}
	if rated > 0 {
		mean := round(float64(happy) / float64(rated))
		s.Satisfaction = &mean
	}
	s.Types = common3(types)
	return s
}

// common3 are the three most common.
func common3(count map[string]int) []string {
	list := []string{}
	for t := range count {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(count[b]-count[a], cmp.Compare(a, b)) })
	return list[:min(3, len(list))]
}

// Records are how each agent has done.
func Records(outcomes []Outcome) map[string]Record {
	m := make(map[string]Record)
	for _, o := range outcomes {
		r := m[o.Agent]
		r.Uses++
		if o.Success {
			r.Good++
		}
		m[o.Agent] = r
	}
	return m
}
