package costs

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
)

// Routing is the part "routing" of budget-config.json: which model does what.
// What the file leaves out is the default's ([DefaultRouting]).
type Routing struct {
	// Rules are asked in their order; the first that fits decides.
	Rules []Rule `json:"rules"`
	// Matrix decides what no rule does: quality → how much the budget weighs
	// (low, medium, high) → model.
	Matrix map[string]map[string]string `json:"matrix"`
	// Emergency are the models for when hardly anything is left, by task and
	// "default": they have to be free.
	Emergency map[string]string `json:"emergency"`
	// EmergencyBelow is how much of the month's budget has to be left.
	EmergencyBelow Nano `json:"emergency_below"`
	// Degradation are the cheaper models that take a model's place, the dearest
	// first.
	Degradation map[string][]string `json:"degradation"`
}

// Rule is a row: what it leaves empty fits everything.
type Rule struct {
	Task       string `json:"task"`
	Complexity string `json:"complexity,omitempty"`
	Quality    string `json:"quality,omitempty"`
	Urgency    string `json:"urgency,omitempty"`
	// BudgetAbove: more than so much of the month's budget is left.
	BudgetAbove Nano   `json:"budget_above,omitempty"`
	Model       string `json:"model"`
	Why         string `json:"why,omitempty"`
}

// Work is what a model is wanted for.
type Work struct {
	Task       string // Required, where Model is empty.
	Complexity string // low, medium, high
	Quality    string // low, medium, high, critical
	Urgency    string // low, normal, high
	Model      string // asked for: no rule is
	Degrade    bool   // a cheaper one, as the budget runs out
}

// Left is what is left of the budget.
type Left struct {
	USD     Nano    `json:"usd"`     // of the month's soft limit
	Percent float64 `json:"percent"` // of it
	Used    float64 `json:"used"`    // of the day's or the month's soft limit, whichever is more, in percent
}

// Left is what the standing leaves; see [Budget.Standing].
func (b Budget) Left(standing []Spent) Left {
	var l Left
	for _, s := range standing {
		if s.Name == "weekly" {
			continue
		}
		l.Used = max(l.Used, Percent(s.total(), s.Soft))
		if s.Name == "monthly" {
			l.USD = s.Soft.plus(-s.total())
			l.Percent = max(0, Percent(l.USD, s.Soft))
		}
	}
	return l
}

// Route is an answer, and how it came about.
type Route struct {
	Model     string   `json:"model"`
	Row       string   `json:"row"` // of budget-config.json's routing
	Emergency bool     `json:"emergency"`
	Steps     []string `json:"steps"`
}

func (r *Route) take(model, row, why string, args ...any) {
	r.Model, r.Row = model, row
	r.Steps = append(r.Steps, fmt.Sprintf("%s: %s (%s)", row, model, fmt.Sprintf(why, args...)))
}

// Route chooses the model for some work.
func (b Budget) Route(w Work, left Left) (Route, error) {
	if err := b.Routing.known(w); err != nil {
		return Route{}, err
	}
	var r Route
	if why := b.emergency(left); why != "" {
		r.Emergency = true
		row, model := "emergency."+w.Task, b.Routing.Emergency[w.Task]
		if model == "" {
			row, model = "emergency.default", b.Routing.Emergency["default"]
		}
		r.take(model, row, "%s: free models only", why)
		return r, nil
	}
	if w.Model != "" {
		r.take(w.Model, "model", "asked for")
	} else {
		b.Routing.choose(w, left, &r)
	}
	if w.Degrade {
		b.Routing.degrade(left, &r)
	}
	return r, nil
}

// emergency says why free models only may be used; empty: they need not.
func (b Budget) emergency(left Left) string {
	switch {
	case left.USD < b.Routing.EmergencyBelow:
		return fmt.Sprintf("$%s of the month's budget is left, less than $%s", left.USD, b.Routing.EmergencyBelow)
	}
	limit := written(b.Controls.EmergencyThreshold)
	limit.Mul(limit, big.NewRat(100, 1))
	if b.Controls.AutoSwitch && written(left.Used).Cmp(limit) > 0 {
		percent, _ := limit.Float64()
		return fmt.Sprintf("%s %% of the day's or the month's budget is used, more than %s %%", Digits(left.Used), Digits(percent))
	}
	return ""
}

// choose asks the rules, then the matrix.
func (t Routing) choose(w Work, left Left, r *Route) {
	for i, rule := range t.Rules {
		if !rule.fits(w, left) {
			continue
		}
		why := rule.Why
		if why == "" {
			why = "the first row that fits"
		}
		r.take(rule.Model, fmt.Sprintf("rules[%d]", i), "%s", why)
		return
	}
	weight := "high"
	switch {
	case left.Percent > 50:
		weight = "low"
	case left.Percent > 20:
		weight = "medium"
	}
	r.take(t.Matrix[w.Quality][weight], "matrix."+w.Quality+"."+weight, "no rule for %s; quality %s, and %g %% of the month's budget is left", w.Task, w.Quality, left.Percent)
}

func (r Rule) fits(w Work, left Left) bool {
	return r.Task == w.Task && (r.Complexity == "" || r.Complexity == w.Complexity) && (r.Quality == "" || r.Quality == w.Quality) &&
		(r.Urgency == "" || r.Urgency == w.Urgency) && (r.BudgetAbove == 0 || left.USD > r.BudgetAbove)
}

// degrade takes a cheaper model, the further the less is left.
func (t Routing) degrade(left Left, r *Route) {
	path, ok := t.Degradation[r.Model]
	step := 3
	switch {
	case !ok || len(path) == 0:
		r.Steps = append(r.Steps, "degradation: "+r.Model+" has no path, and stays")
		return
	case left.Percent > 50:
		r.Steps = append(r.Steps, fmt.Sprintf("degradation: %s stays (%g %% of the month's budget is left)", r.Model, left.Percent))
		return
	case left.Percent > 30:
		step = 0
	case left.Percent > 15:
		step = 1
	case left.Percent > 5:
		step = 2
	}
	step = min(step, len(path)-1)
	r.take(path[step], fmt.Sprintf("degradation.%s[%d]", r.Model, step), "%g %% of the month's budget is left", left.Percent)
}

// What a row, and a question, may say.
var (
	complexities = []string{"low", "medium", "high"}
	qualities    = []string{"low", "medium", "high", "critical"}
	urgencies    = []string{"low", "normal", "high"}
)

// known says what of a question no row could ever fit.
func (t Routing) known(w Work) error {
	for _, f := range []struct {
		name, value string
		want        []string
	}{{"complexity", w.Complexity, complexities}, {"quality", w.Quality, qualities}, {"urgency", w.Urgency, urgencies}} {
		if !slices.Contains(f.want, f.value) {
			return fmt.Errorf("%s %q: want one of %v", f.name, f.value, f.want)
		}
	}
	if tasks := t.tasks(); w.Model == "" && !slices.Contains(tasks, w.Task) {
		return fmt.Errorf("task %q: want one of %v, or add a rule for it", w.Task, tasks)
	}
	return nil
}

// tasks are those that are known by default, and those that rows name.
func (t Routing) tasks() []string {
	set := map[string]bool{"chat_conversation": true, "summarization": true}
	for _, r := range slices.Concat(t.Rules, DefaultRouting().Rules) {
		set[r.Task] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// check says what is wrong with the rows.
func (t Routing) check() error {
	for i, r := range t.Rules {
		switch {
		case r.Task == "" || r.Model == "":
			return fmt.Errorf("routing.rules[%d]: want a task and a model", i)
		case r.Complexity != "" && !slices.Contains(complexities, r.Complexity):
			return fmt.Errorf("routing.rules[%d].complexity %q: want one of %v", i, r.Complexity, complexities)
		case r.Quality != "" && !slices.Contains(qualities, r.Quality):
			return fmt.Errorf("routing.rules[%d].quality %q: want one of %v", i, r.Quality, qualities)
		case r.Urgency != "" && !slices.Contains(urgencies, r.Urgency):
			return fmt.Errorf("routing.rules[%d].urgency %q: want one of %v", i, r.Urgency, urgencies)
		case r.BudgetAbove < 0:
			return fmt.Errorf("routing.rules[%d].budget_above: negative", i)
		}
	}
	for _, q := range qualities {
		for _, weight := range complexities {
			if t.Matrix[q][weight] == "" {
				return fmt.Errorf("routing.matrix.%s.%s: no model", q, weight)
			}
		}
	}
	if t.Emergency["default"] == "" {
		return fmt.Errorf("routing.emergency.default: no model")
	}
	return nil
}

// DefaultRouting is the reference's: its router, its matrix, its paths.
func DefaultRouting() Routing {
	const sonnet, haiku, deepseek = "claude-3.5-sonnet", "claude-3-haiku", "deepseek-v3"
	return Routing{
		Rules: []Rule{
			{Task: "complex_reasoning", Quality: "critical", Model: sonnet, Why: "best reasoning"},
			{Task: "complex_reasoning", Complexity: "high", Model: sonnet, Why: "best reasoning"},
			{Task: "complex_reasoning", BudgetAbove: 20 * dollar, Model: haiku, Why: "good balance"},
			{Task: "complex_reasoning", Model: deepseek, Why: "cheap"},
			{Task: "code_generation", Complexity: "high", Model: sonnet, Why: "most accurate"},
			{Task: "code_generation", Quality: "critical", Model: sonnet, Why: "most accurate"},
			{Task: "code_generation", Complexity: "medium", Model: "deepseek-coder", Why: "made for it, cheap"},
			{Task: "code_generation", Model: "ollama-codellama", Why: "free, for what is simple"},
			{Task: "bulk_processing", Urgency: "high", Model: "groq-llama-3.1-8b", Why: "very fast"},
			{Task: "bulk_processing", Model: deepseek, Why: "the cheapest in the cloud"},
			{Task: "embeddings", Model: "voyage-3", Why: "cost and quality"},
			{Task: "data_extraction", Complexity: "high", Model: haiku, Why: "good balance"},
			{Task: "data_extraction", Quality: "critical", Model: haiku, Why: "good balance"},
			{Task: "data_extraction", Model: deepseek, Why: "cheap"},
		},
		Matrix: map[string]map[string]string{
			"critical": {"low": "claude-3-opus", "medium": sonnet, "high": haiku},
			"high":     {"low": sonnet, "medium": haiku, "high": deepseek},
			"medium":   {"low": haiku, "medium": deepseek, "high": "groq-mixtral-8x7b"},
			"low":      {"low": deepseek, "medium": "groq-llama-3.1-8b", "high": "ollama-llama3"},
		},
		Emergency: map[string]string{
			"complex_reasoning": "ollama-llama3", "code_generation": "ollama-codellama", "bulk_processing": "ollama-mistral",
			"chat_conversation": "ollama-llama3", "summarization": "ollama-mistral", "embeddings": "nomic-embed-text", "default": "ollama-mistral",
		},
		EmergencyBelow: 5 * dollar,
		Degradation: map[string][]string{
			"claude-3-opus": {sonnet, haiku, deepseek, "ollama-llama3"},
			sonnet:          {haiku, deepseek, "groq-mixtral", "ollama-llama3"},
			haiku:           {deepseek, "groq-llama-70b", "groq-llama-8b", "ollama-llama3"},
			"gpt-4-turbo":   {"gpt-3.5-turbo", deepseek, "groq-mixtral", "ollama-mistral"},
		},
	}
}
