package costs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs/prices"
)

func TestRoute(t *testing.T) {
	b := DefaultBudget()
	left := func(usd Nano, p float64) Left { return Left{USD: usd * dollar, Percent: p} }
	for _, tt := range []struct {
		name  string
		work  Work
		left  Left
		model string
		row   string
	}{
		{"reasoning, critical", Work{Task: "complex_reasoning", Complexity: "low", Quality: "critical", Urgency: "normal"}, left(80, 80), "claude-3.5-sonnet", "rules[0]"},
		{"reasoning, money", Work{Task: "complex_reasoning", Complexity: "medium", Quality: "high", Urgency: "normal"}, left(21, 21), "claude-3-haiku", "rules[2]"},
		{"reasoning, less money", Work{Task: "complex_reasoning", Complexity: "medium", Quality: "high", Urgency: "normal"}, left(20, 20), "deepseek-v3", "rules[3]"},
		{"code, medium", Work{Task: "code_generation", Complexity: "medium", Quality: "high", Urgency: "normal"}, left(80, 80), "deepseek-coder", "rules[6]"},
		{"code, low", Work{Task: "code_generation", Complexity: "low", Quality: "high", Urgency: "normal"}, left(80, 80), "ollama-codellama", "rules[7]"},
		{"bulk, urgent", Work{Task: "bulk_processing", Complexity: "low", Quality: "low", Urgency: "high"}, left(80, 80), "groq-llama-3.1-8b", "rules[8]"},
		{"chat", Work{Task: "chat_conversation", Complexity: "low", Quality: "critical", Urgency: "normal"}, left(80, 80), "claude-3-opus", "matrix.critical.low"},
		{"chat, less", Work{Task: "chat_conversation", Complexity: "low", Quality: "medium", Urgency: "normal"}, left(30, 30), "deepseek-v3", "matrix.medium.medium"},
		{"chat, little", Work{Task: "chat_conversation", Complexity: "low", Quality: "low", Urgency: "normal"}, left(10, 10), "ollama-llama3", "matrix.low.high"},
		{"emergency", Work{Task: "embeddings", Complexity: "low", Quality: "critical", Urgency: "normal"}, left(4, 4), "nomic-embed-text", "emergency.embeddings"},
		{"emergency, no row", Work{Task: "data_extraction", Complexity: "low", Quality: "critical", Urgency: "normal"}, left(4, 4), "ollama-mistral", "emergency.default"},
		{"emergency by share", Work{Task: "summarization", Complexity: "low", Quality: "high", Urgency: "normal"}, Left{USD: 90 * dollar, Percent: 90, Used: 95.01}, "ollama-mistral", "emergency.summarization"},
		{"at 5 dollars", Work{Task: "embeddings", Complexity: "low", Quality: "high", Urgency: "normal"}, left(5, 5), "voyage-3", "rules[10]"},
		{"none", Work{Model: "claude-3-opus", Complexity: "low", Quality: "high", Urgency: "normal", Degrade: true}, left(51, 50.01), "claude-3-opus", "model"},
		{"first", Work{Model: "claude-3-opus", Complexity: "low", Quality: "high", Urgency: "normal", Degrade: true}, left(50, 50), "claude-3.5-sonnet", "degradation.claude-3-opus[0]"},
		{"second", Work{Model: "claude-3-opus", Complexity: "low", Quality: "high", Urgency: "normal", Degrade: true}, left(30, 30), "claude-3-haiku", "degradation.claude-3-opus[1]"},
		{"third", Work{Model: "claude-3-opus", Complexity: "low", Quality: "high", Urgency: "normal", Degrade: true}, left(15, 15), "deepseek-v3", "degradation.claude-3-opus[2]"},
		{"last", Work{Model: "claude-3-opus", Complexity: "low", Quality: "high", Urgency: "normal", Degrade: true}, left(5, 5), "ollama-llama3", "degradation.claude-3-opus[3]"},
		{"no path", Work{Model: "mine", Complexity: "low", Quality: "high", Urgency: "normal", Degrade: true}, left(5, 5), "mine", "model"},
	} {
		r, err := b.Route(tt.work, tt.left)
		if err != nil || r.Model != tt.model || r.Row != tt.row || r.Emergency != strings.HasPrefix(tt.row, "emergency") || len(r.Steps) == 0 {
			t.Errorf("%s: %+v, %v; want %s by %s", tt.name, r, err, tt.model, tt.row)
		}
	}
	for _, w := range []Work{{Task: "cooking", Complexity: "low", Quality: "low", Urgency: "low"}, {Task: "embeddings", Complexity: "huge", Quality: "low", Urgency: "low"},
		{Task: "embeddings", Complexity: "low", Quality: "best", Urgency: "low"}, {Task: "embeddings", Complexity: "low", Quality: "low", Urgency: "now"}} {
		if r, err := b.Route(w, left(80, 80)); err == nil || !strings.Contains(err.Error(), "want one of") {
			t.Errorf("%+v: %+v, %v", w, r, err)
		}
	}
}

// Every model that the default routing names has a price, and those of the
// emergency are free.
func TestRoutedModelsHavePrices(t *testing.T) {
	r := DefaultRouting()
	if err := r.check(); err != nil {
		t.Fatal(err)
	}
	var models []string
	for _, rule := range r.Rules {
		models = append(models, rule.Model)
	}
	for _, row := range r.Matrix {
		for _, m := range row {
			models = append(models, m)
		}
	}
	for from, path := range r.Degradation {
		models = append(append(models, from), path...)
	}
	slices.Sort(models)
	for _, m := range slices.Compact(models) {
		if _, ok := builtin(t).Find(m, noon, 0); !ok {
			t.Errorf("%s has no price", m)
		}
	}
	for task, m := range r.Emergency {
		row, ok := builtin(t).Find(m, noon, 0)
		if rate, known := row.Rate(prices.Input); !ok || !known || rate != 0 {
			t.Errorf("%s: %s is not free: %+v", task, m, row)
		}
	}
}

func TestParseRouting(t *testing.T) {
	b, err := ParseBudget("b", []byte(`{"routing": {"rules": [{"task": "review", "quality": "high", "budget_above": "10", "model": "m", "why": "w"}], "emergency": {"review": "ollama-x"}}}`))
	if err != nil || len(b.Routing.Rules) != 1 || b.Routing.Rules[0] != (Rule{Task: "review", Quality: "high", BudgetAbove: 10 * dollar, Model: "m", Why: "w"}) || b.Routing.Emergency["default"] == "" {
		t.Fatalf("%+v, %v", b.Routing, err)
	}
	if r, err := b.Route(Work{Task: "review", Complexity: "low", Quality: "high", Urgency: "low"}, Left{USD: 50 * dollar, Percent: 50}); err != nil || r.Model != "m" {
		t.Errorf("%+v, %v", r, err)
	}
	for text, want := range map[string]string{
		`{"routing": {"rules": [{"task": "review"}]}}`:                                  "routing.rules[0]: want a task and a model",
		`{"routing": {"rules": [{"task": "a", "model": "m", "complexity": "huge"}]}}`:   "routing.rules[0].complexity",
		`{"routing": {"rules": [{"task": "a", "model": "m", "quality": "x"}]}}`:         "routing.rules[0].quality",
		`{"routing": {"rules": [{"task": "a", "model": "m", "urgency": "x"}]}}`:         "routing.rules[0].urgency",
		`{"routing": {"matrix": {"low": {"low": "x"}}}}`:                                "routing.matrix.low.medium: no model",
		`{"routing": {"emergency": {"default": ""}}}`:                                   "routing.emergency.default",
		`{"cost_controls": {"emergency_mode_threshold": 95}}`:                           "want a share",
		`{"cost_controls": {"unpriced_worst_case": -1}}`:                                "negative",
		`{"routing": {"rules": [{"task": "a", "model": "m", "budget_above": "free"}]}}`: "amount",
	} {
		if _, err := ParseBudget("b", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	again := DefaultBudget()
	if again.Routing.Emergency["review"] != "" {
		t.Error("a file has changed the default")
	}
}

func TestLeft(t *testing.T) {
	b := DefaultBudget()
	list := []Entry{entry(t, "a", noon.Add(-time.Hour), 4*dollar), entry(t, "b", noon.AddDate(0, 0, -3), 16*dollar)}
	if got := b.Left(b.Standing(list, Zone{}, noon)); got != (Left{USD: 80 * dollar, Percent: 80, Used: 80}) {
		t.Errorf("%+v", got)
	}
}

// What other prices would have made of the work is a question: entries stay.
func TestReprice(t *testing.T) {
	at := time.Date(2026, 8, 1, 2, 0, 0, 0, time.UTC)
	var list []Entry
	for _, model := range []string{"deepseek-v4-flash", "who-knows"} {
		e, err := Entry{Key: model, Time: at, Source: "test"}.Price(Usage{Model: model, Input: 1_000_000}, builtin(t))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	list = append(list, entry(t, "bill", noon, dollar))
	got, err := Reprice(list, builtin(t), time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	// 02:00 is a peak hour since August 17.
	if got[0] != (Repriced{Model: "deepseek-v4-flash", Entries: 1, Was: 140_000_000, Now: 440_000_000}) || got[1].Unpriced != 1 {
		t.Errorf("%+v", got)
	}
	if list[0].USD != 140_000_000 || list[0].Units[0].Rate != 140_000 {
		t.Errorf("the entry was changed: %+v", list[0])
	}
}
