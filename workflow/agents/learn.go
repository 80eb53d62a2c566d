package agents

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Outcome is how an agent did on a task. What is not known is zero.
type Outcome struct {
	ID           string        `json:"id"`
	At           time.Time     `json:"at"`
	Agent        string        `json:"agent"`
	Task         string        `json:"task"`
	Type         string        `json:"type,omitempty"`
	Success      bool          `json:"success"`
	Duration     time.Duration `json:"duration_ns,omitempty"`
	Satisfaction int           `json:"satisfaction,omitempty"` // 1 to 5
	Tokens       int64         `json:"tokens,omitempty"`
	Cost         *int64        `json:"-"` // billionths of a US dollar; nil: unknown
}

const (
	minOutcomes = 20   // fewer teach nothing
	maxOutcomes = 1000 // of the newest, that are learned from
	sameType    = 0.3  // part of the likeness of two tasks that their type makes; words make the rest
	leastLike   = 0.15 // less alike is not alike
	prior       = 2    // how many imagined outcomes, half of them good, stand against the recorded ones
	learnedPart = 0.7  // the reference's weights
	rulePart    = 0.3
)

// Model is what recorded outcomes say about tasks to come. For an agent it is
// the share of its outcomes that went well, each counted as much as its task is
// like the new one, beside an imagined good and an imagined bad one:
//
//	(1 + Σ likeness of good ones) / (2 + Σ likeness of all)
//
// So an agent that was never tried on anything alike has a half.
type Model struct {
	outcomes []example
	weight   map[string]float64 // word → how much it tells
	trial    Trial
}

// example is an outcome with its words.
type example struct {
	Outcome
	words map[string]bool
	norm  float64
}

// Trial is how well a model does on its own outcomes, each predicted from the
// others: mean squared errors (Brier scores). Baseline always says the share of
// all that went well.
type Trial struct {
	Outcomes int     `json:"outcomes"`
	Brier    float64 `json:"brier"`
	Baseline float64 `json:"baseline"`
}

// Train makes a model. Its order is that of the outcomes; the newest count.
func Train(outcomes []Outcome) *Model {
	outcomes = slices.Clone(outcomes)
	slices.SortStableFunc(outcomes, func(a, b Outcome) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	outcomes = outcomes[max(0, len(outcomes)-maxOutcomes):]
	m := &Model{weight: make(map[string]float64)}
	count := make(map[string]int)
	for _, o := range outcomes {
		e := example{Outcome: o, words: wordSet(o.Task)}
		for w := range e.words {
			count[w]++
		}
		m.outcomes = append(m.outcomes, e)
	}
	for w, n := range count {
		m.weight[w] = math.Log(1 + float64(len(outcomes))/float64(n))
	}
	for i := range m.outcomes {
		m.outcomes[i].norm = m.norm(m.outcomes[i].words)
	}
	m.trial = m.try()
	return m
}

func wordSet(task string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range Words(task) {
		if len(w) > 2 && !common()[w] {
			set[w] = true
		}
	}
	return set
}

func (m *Model) norm(words map[string]bool) float64 {
	sum := 0.0
	for _, w := range slices.Sorted(maps.Keys(words)) { // sums of floats hang on their order
		sum += m.weight[w] * m.weight[w]
	}
	return math.Sqrt(sum)
}

// likeness of two tasks, 0 to 1.
func (m *Model) likeness(a, b example) float64 {
	like := 0.0
	if a.Type != "" && a.Type == b.Type {
		like = sameType
	}
	if len(a.words) > len(b.words) {
		a, b = b, a
	}
	var shared []float64
	for w := range a.words {
		if b.words[w] {
			shared = append(shared, m.weight[w]*m.weight[w])
		}
	}
	slices.Sort(shared)
	sum := 0.0
	for _, x := range shared {
		sum += x
	}
	if a.norm > 0 && b.norm > 0 {
		like += (1 - sameType) * sum / (a.norm * b.norm)
	}
	if like < leastLike {
		return 0
	}
	return like
}

// estimate is what the model says of one agent.
type estimate struct {
	good, all float64
	like      int // outcomes that are like the task
}

func (e estimate) rate() float64 { return (e.good + prior/2) / (e.all + prior) }

// predict gives the agents that have outcomes like the task; skip is an outcome
// to leave out.
func (m *Model) predict(task example, skip int) map[string]estimate {
	out := make(map[string]estimate)
	for i, o := range m.outcomes {
		like := m.likeness(task, o)
		if i == skip || like == 0 {
			continue
		}
		e := out[o.Agent]
		e.all += like
		e.like++
		if o.Success {
			e.good += like
		}
		out[o.Agent] = e
	}
	return out
}

// try predicts every outcome from the others.
func (m *Model) try() Trial {
	t := Trial{Outcomes: len(m.outcomes)}
	if t.Outcomes < minOutcomes {
		return t
	}
	good := 0
	for _, o := range m.outcomes {
		if o.Success {
			good++
		}
	}
	for i, o := range m.outcomes {
		truth, others := 0.0, good
		if o.Success {
			truth, others = 1, good-1
		}
		said := m.predict(o, i)[o.Agent].rate()
		base := float64(others) / float64(t.Outcomes-1)
		t.Brier += (said - truth) * (said - truth)
		t.Baseline += (base - truth) * (base - truth)
	}
	t.Brier = round(t.Brier / float64(t.Outcomes))
	t.Baseline = round(t.Baseline / float64(t.Outcomes))
	return t
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// doubts says why the model is not to be used; empty: it is.
func (m *Model) doubts() string {
	switch {
	case m.trial.Outcomes < minOutcomes:
		return fmt.Sprintf("too little to learn from, recorded outcomes: %d of %d", m.trial.Outcomes, minOutcomes)
	case m.trial.Brier >= m.trial.Baseline:
		return fmt.Sprintf("what was learned does not tell more than the average does (mean squared error %g against %g)", m.trial.Brier, m.trial.Baseline)
	}
	return ""
}

// Recommendation is the answer of [Recommend].
type Recommendation struct {
	Learned bool   `json:"learned"` // the model took part
	Why     string `json:"why"`
	Trial   Trial  `json:"model"`
	Ranked  []Rank `json:"agents"`
}

// Rank is one recommended agent.
type Rank struct {
	Agent     string   `json:"agent"`
	Score     float64  `json:"score"`             // 0 to 1
	Rules     float64  `json:"rules"`             // the router's points, of 1
	Learned   *float64 `json:"learned,omitempty"` // what the model expects, of 1
	Like      int      `json:"like"`              // recorded outcomes on tasks like this
	Installed bool     `json:"installed"`
}

// Recommend is 0.7 of what was learned and 0.3 of the rules; the rules alone
// where too little was learned. Agents that neither knows anything of are not
// in it.
func Recommend(r *Router, m *Model, q Request, k int) Recommendation {
	choice := r.Route(q)
	out := Recommendation{Trial: m.trial, Ranked: []Rank{}}
	doubt := m.doubts()
	out.Learned, out.Why = doubt == "", doubt
	if out.Learned {
		out.Why = fmt.Sprintf("learned from %d outcomes; mean squared error %g, the average's %g", m.trial.Outcomes, m.trial.Brier, m.trial.Baseline)
	} else {
		out.Why += ": rules alone"
	}
	task := example{Outcome: Outcome{Type: first(choice.Types)}, words: wordSet(q.Task)}
	task.norm = m.norm(task.words)
	estimates := m.predict(task, -1)
	scores := choice.Candidates
	for _, e := range r.agents {
		if _, ok := estimates[e.ID]; ok && !slices.ContainsFunc(scores, func(s Score) bool { return s.Agent == e.ID }) {
			s := e.score(index(q.Task), nil, nil, q.Records[e.ID])
			s.order = len(scores)
			scores = append(scores, s)
		}
	}
	for _, s := range scores {
		rank := Rank{Agent: s.Agent, Rules: round(s.Points / 100), Like: estimates[s.Agent].like, Installed: s.Installed}
		rank.Score = rank.Rules
		if out.Learned {
			rate := round(estimates[s.Agent].rate())
			rank.Learned = &rate
			rank.Score = round(learnedPart*rate + rulePart*rank.Rules)
		}
		out.Ranked = append(out.Ranked, rank)
	}
	// The router's order decides between equals.
	slices.SortStableFunc(out.Ranked, func(a, b Rank) int { return cmp.Compare(b.Score, a.Score) })
	out.Ranked = out.Ranked[:min(k, len(out.Ranked))]
	return out
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// TypeOf is the type that a task is recorded with; empty where it has none.
func (r *Router) TypeOf(task string) string { return first(r.Types(task)) }
