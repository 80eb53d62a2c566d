package research

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// factors of the second gate, with the reference's weights; the last name is a
// short one.
var factors = []struct {
	name, short string
	weight      Decimal
}{
	{"cost_efficiency", "cost", 300_000},
	{"technical_fit", "fit", 250_000},
	{"scalability", "scale", 200_000},
	{"maintenance", "maintainability", 150_000},
	{"team_comfort", "comfort", 100_000},
}

// viabilityKeys are those of the first gate; the first name is ours.
var viabilityKeys = [][]string{
	{"monthly_cost"}, {"budget", "monthly_budget"}, {"complexity"}, {"team_capability", "capability"},
	{"implementation_time", "time"}, {"deadline", "time_available"}, {"strategic_fit"},
}

// decisionKeys are those of a decision file, besides those above.
var decisionKeys = []string{"topic", "summary", "dependencies", "questions", "viability", "scores", "weights", "review", "poc"}

var allKeys = keysOfDecision()

func keysOfDecision() []string {
	keys := slices.Clone(decisionKeys)
	for _, k := range viabilityKeys {
		keys = append(keys, k...)
	}
	for _, f := range factors {
		keys = append(keys, f.name, f.short)
	}
	return keys
}

// inputReader reads a decision file.
type inputReader struct {
	document
	in      *Input
	numbers map[string]Decimal // of viability, by our names
	scores  map[string]Decimal
	weights map[string]Decimal
	at      *yaml.Node // the weights
}

// ReadInput reads a decision file. budget stands in for one that it does not
// name; from says where it is from.
func ReadInput(name string, data []byte, budget Decimal, from string) (*Input, error) {
	d, err := open(name, data)
	if err != nil {
		return nil, err
	}
	r := &inputReader{document: d, in: &Input{}, numbers: map[string]Decimal{}, scores: map[string]Decimal{}, weights: map[string]Decimal{}}
	if err := r.each(d.top, allKeys, r.key); err != nil {
		return nil, err
	}
	if _, ok := r.numbers["budget"]; !ok && budget > 0 {
		r.numbers["budget"], r.in.BudgetFrom = budget, from
	}
	if err := r.complete(); err != nil {
		return nil, err
	}
	return r.in, nil
}

func (r *inputReader) key(key string, v *yaml.Node) (err error) {
	switch key {
	case "topic":
		r.in.Topic, err = r.text(v)
	case "summary":
		r.in.Summary, err = r.text(v)
	case "dependencies":
		r.in.Dependencies, err = r.texts(v)
	case "questions":
		r.in.Questions, err = r.texts(v)
	case "viability":
		err = r.each(v, slices.Concat(viabilityKeys...), r.viability)
	case "scores":
		err = r.each(v, factorKeys(), r.factor)
	case "weights":
		r.at = v
		err = r.each(v, factorKeys(), func(key string, v *yaml.Node) error { return r.put(r.weights, factorName(key), v, r.number) })
	case "review", "poc":
		err = r.review(v)
	default:
		if factorName(key) != "" {
			return r.factor(key, v)
		}
		return r.viability(key, v)
	}
	return err
}

// put keeps a number that is not there yet under another name.
func (r *inputReader) put(to map[string]Decimal, name string, v *yaml.Node, read func(*yaml.Node) (Decimal, error)) error {
	n, err := read(v)
	if err != nil {
		return err
	}
	if _, twice := to[name]; twice {
		return r.wrong(v, "%s is there twice", name)
	}
	to[name] = n
	return nil
}

func (r *inputReader) factor(key string, v *yaml.Node) error {
	return r.put(r.scores, factorName(key), v, r.score)
}

func (r *inputReader) viability(key string, v *yaml.Node) error {
	for _, names := range viabilityKeys {
		if slices.Contains(names, key) {
			read := r.number
			if names[0] == "strategic_fit" {
				read = r.score
			}
			return r.put(r.numbers, names[0], v, read)
		}
	}
	return nil
}

func factorKeys() []string {
	var keys []string
	for _, f := range factors {
		keys = append(keys, f.name, f.short)
	}
	return keys
}

// factorName is our name of a factor; empty: it is none.
func factorName(key string) string {
	for _, f := range factors {
		if key == f.name || key == f.short {
			return f.name
		}
	}
	return ""
}

// complete fills in the input, and names all that is missing.
func (r *inputReader) complete() error {
	var missing []string
	for _, names := range viabilityKeys {
		if _, ok := r.numbers[names[0]]; !ok {
			missing = append(missing, names[0])
		}
	}
	for _, f := range factors {
		score, ok := r.scores[f.name]
		if !ok {
			missing = append(missing, f.name)
		}
		weight := f.weight
		if r.at != nil {
			if weight, ok = r.weights[f.name]; !ok {
				return r.wrong(r.at, "%s has no weight: give all five, or none", f.name)
			}
		}
		r.in.Factors = append(r.in.Factors, Factor{f.name, weight, score})
	}
	if len(missing) > 0 {
		return r.wrong(r.top, "missing, and nothing is decided without: %s", strings.Join(missing, ", "))
	}
	if r.at != nil {
		var weights []Decimal
		for _, f := range r.in.Factors {
			weights = append(weights, f.Weight)
		}
		if err := r.sumOne(r.at, weights); err != nil {
			return err
		}
	}
	n := r.numbers
	r.in.MonthlyCost, r.in.Budget, r.in.StrategicFit = n["monthly_cost"], n["budget"], n["strategic_fit"]
	r.in.Complexity, r.in.Capable, r.in.Time, r.in.Deadline = n["complexity"], n["team_capability"], n["implementation_time"], n["deadline"]
	return nil
}

var reviewKeys = []string{"performance", "integration", "feedback", "cost_actual", "cost_projected"}

func (r *inputReader) review(n *yaml.Node) error {
	v := &Review{}
	var seen []string
	words := map[string]struct {
		to    *string
		words []string
	}{
		"performance": {&v.Performance, performanceWords}, "integration": {&v.Integration, integrationWords}, "feedback": {&v.Feedback, feedbackWords},
	}
	err := r.each(n, reviewKeys, func(key string, at *yaml.Node) (err error) {
		seen = append(seen, key)
		switch w, ok := words[key]; {
		case ok:
			if *w.to, err = r.text(at); err == nil {
				*w.to = strings.ToLower(*w.to)
				if e := oneOf(key, *w.to, w.words); e != nil {
					err = r.wrong(at, "%v", e)
				}
			}
		case key == "cost_actual":
			v.Actual, err = r.number(at)
		default:
			v.Projected, err = r.number(at)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range reviewKeys {
		if !slices.Contains(seen, key) {
			return r.wrong(n, "the review has no %s", key)
		}
	}
	r.in.Review = v
	return nil
}
