package prices

import (
	"slices"
	"testing"
)

func TestList(t *testing.T) {
	table, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	list := table.List()
	if len(list) < 1500 || !slices.IsSortedFunc(list, Listed.compare) {
		t.Fatalf("%d lines, or not sorted", len(list))
	}
	if diff := Diff(list, table.List()); len(diff) != 0 {
		t.Errorf("a list differs from itself: %+v", diff)
	}
	with, err := table.With("p", []byte(`{"models": [{"model": "my-model", "since": "2026-01-01", "source": "contract", "per_million": {"input": "1.5"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	diff := Diff(list, with.List())
	if len(diff) != 1 || diff[0].Old.Model != "" || diff[0].New.Model != "my-model" {
		t.Errorf("%+v", diff)
	}
	if diff := Diff(with.List(), list); len(diff) != 1 || diff[0].Old.Model != "my-model" || diff[0].New.Model != "" {
		t.Errorf("%+v", diff)
	}
	changed := slices.Clone(list)
	changed[0].Units = map[string][]Tier{Input: {{0, 1}}}
	if diff := Diff(list, changed); len(diff) != 1 || diff[0].Old.Model != diff[0].New.Model {
		t.Errorf("%+v", diff)
	}
	// Dated and by the hour: each is a line.
	history := table.History("deepseek-v4-flash", at("2026-09-01T12:00:00Z"))
	if len(history) < 3 {
		t.Errorf("%+v", history)
	}
	if table.History("who-knows", at("2026-09-01T12:00:00Z")) != nil {
		t.Error("nobody knows it")
	}
}

func TestRateIn(t *testing.T) {
	for _, tt := range []struct {
		rate Rate
		unit string
		want string
	}{
		{3_000_000, Input, "$3.00/M"}, {75_000, CacheRead, "$0.075/M"}, {0, Output, "$0.00/M"},
		{6_000_000_000, Minutes, "$0.006"}, {2_290_000_000_000, Hours, "$2.29"}, {1, WebSearches, "$0.000000000001"},
	} {
		if got := tt.rate.In(tt.unit); got != tt.want {
			t.Errorf("%d %s: %s, want %s", tt.rate, tt.unit, got, tt.want)
		}
	}
}

// All names that the reference uses have a price.
func TestReferenceNames(t *testing.T) {
	table, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for name, unit := range map[string]string{
		"claude-3-opus": Output, "claude-3.5-sonnet": Output, "claude-3-haiku": Output, "deepseek-chat": Output, "deepseek-coder": Output, "deepseek-v3": Output,
		"llama-3.1-70b": Output, "llama-3.1-8b": Output, "mixtral-8x7b": Output, "gpt-4-turbo": Output, "gpt-3.5-turbo": Output, "gpt-4": Output, "gpt-3.5": Output,
		"ollama-llama3": Output, "ollama-codellama": Output, "ollama-mistral": Output, "ollama-local": Output, "claude-sonnet": Output, "claude-opus": Output,
		"claude-haiku": Output, "qwen-72b": Output, "groq-llama-3.1-8b": Output, "groq-llama-70b": Output, "groq-llama-8b": Output, "groq-mixtral": Output,
		"groq-mixtral-8x7b": Output, "voyage-3": Input, "voyage-3-lite": Input, "voyage-embed": Input, "jina-embeddings-v3": Input, "nomic-embed-text": Input,
		"text-embedding-3-small": Input, "runpod/a100-80gb": Hours, "runpod/a100-40gb": Hours, "runpod/a6000": Hours, "runpod/rtx-4090": Hours, "runpod/rtx-3090": Hours,
		"supabase/storage": GigabyteDays, "supabase/bandwidth": Gigabytes, "vercel/bandwidth": Gigabytes,
	} {
		row, ok := table.Find(name, at("2026-11-20T12:00:00Z"), 0)
		if _, priced := row.Rate(unit); !ok || !priced {
			t.Errorf("%s has no price for %s: %+v", name, unit, row)
		}
	}
}
