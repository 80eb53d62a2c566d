package prices

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// Prices as their providers list them, at the event's own time.
func TestFind(t *testing.T) {
	table, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		model, at string
		input     int64
		unit      string
		want      Rate
	}{
		{"claude-sonnet-4-5-20250929", "2026-01-10T00:00:00Z", 1000, Input, 3_000_000},
		{"claude-sonnet-4-5", "2026-01-10T00:00:00Z", 200_000, Input, 3_000_000},
		{"claude-sonnet-4-5", "2026-01-10T00:00:00Z", 200_001, Input, 6_000_000}, // the whole request
		{"claude-sonnet-4-5", "2026-01-10T00:00:00Z", 250_000, CacheRead, 600_000},
		{"claude-haiku-4-5", "2026-01-10T00:00:00Z", 1, CacheWrite1h, 2_000_000},
		{"claude-sonnet", "2026-01-10T00:00:00Z", 1, Output, 15_000_000},
		{"anthropic/claude-haiku-4-5", "2026-01-10T00:00:00Z", 1, Output, 5_000_000},
		{"deepseek-v4-flash", "2026-08-01T12:00:00Z", 1, Input, 140_000},
		{"deepseek-v4-flash", "2026-08-01T02:00:00Z", 1, Input, 140_000}, // before there were peak hours
		{"deepseek-v4-flash", "2026-09-01T12:00:00Z", 1, Input, 220_000},
		{"deepseek-v4-flash", "2026-09-01T02:00:00Z", 1, Input, 440_000}, // peak hours
		{"gemini-2.5-pro", "2026-09-01T02:00:00Z", 200_001, Input, 2_500_000},
		{"text-embedding-3-small", "2026-09-01T02:00:00Z", 1, Input, 20_000},
		{"deepseek-v3", "2026-09-01T02:00:00Z", 1, Output, 280_000},
		{"ollama-llama3", "2026-09-01T02:00:00Z", 1, Output, 0},
		{"runpod/rtx-4090", "2026-09-01T02:00:00Z", 0, Hours, 440_000_000_000},
	}
	for _, tt := range tests {
		row, ok := table.Find(tt.model, at(tt.at), tt.input)
		if !ok {
			t.Errorf("%s: not found", tt.model)
			continue
		}
		if rate, ok := row.Rate(tt.unit); !ok || rate != tt.want {
			t.Errorf("%s at %s, %d tokens: %s is %d (%t), want %d; %+v", tt.model, tt.at, tt.input, tt.unit, rate, ok, tt.want, row)
		}
		if row.Source == "" || len(row.Ref()) != 12 {
			t.Errorf("%s: no source or no reference: %+v", tt.model, row)
		}
	}
	for _, unknown := range []string{"", "no-such-model", "x/y"} {
		if row, ok := table.Find(unknown, at("2026-09-01T00:00:00Z"), 0); ok {
			t.Errorf("%q has a price: %+v", unknown, row)
		}
	}
}

// Every row of the table can be read: rules that Go's regular expressions know,
// rates that are not negative, tiers and conditions in order.
func TestTable(t *testing.T) {
	table, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var check func(r *rule, where string)
	check = func(r *rule, where string) {
		for i := range r.Or {
			check(&r.Or[i], where)
		}
		for i := range r.And {
			check(&r.And[i], where)
		}
		for _, text := range []string{r.Regex, r.NotRegex} {
			if _, err := regexp.Compile(text); err != nil {
				t.Errorf("%s: %v", where, err)
			}
		}
		if reflect.DeepEqual(*r, rule{}) {
			t.Errorf("%s: a rule without a condition", where)
		}
	}
	models := 0
	for i := range table.providers {
		p := &table.providers[i]
		if p.Match != nil {
			check(p.Match, p.ID)
		}
		for j := range p.Models {
			m := &p.Models[j]
			where := p.ID + "/" + m.ID
			models++
			check(&m.Match, where)
			if len(m.Prices) == 0 || m.Prices[0].Since != "" || m.Prices[0].From != "" {
				t.Errorf("%s: no price without a condition", where)
			}
			for _, d := range m.Prices {
				for unit, tiers := range d.Rates {
					if len(tiers) == 0 || tiers[0][0] != 0 || tiers[0][1] < 0 {
						t.Errorf("%s: %s: %v", where, unit, tiers)
					}
				}
			}
		}
	}
	if models < 1500 {
		t.Errorf("%d models only", models)
	}
}

func TestRunner(t *testing.T) {
	for _, tt := range []struct {
		sku, at string
		want    Rate
		ok      bool
	}{
		{"linux", "2026-05-01T00:00:00Z", 6_000_000_000, true},
		{"Linux", "2025-05-01T00:00:00Z", 8_000_000_000, true},
		{"macos", "2025-05-01T00:00:00Z", 0, false},
		{"self-hosted", "2026-05-01T00:00:00Z", 0, true},
		{"amiga", "2026-05-01T00:00:00Z", 0, false},
	} {
		row, ok := Runner(tt.sku, at(tt.at))
		if ok != tt.ok || row.Rates[Minutes] != tt.want {
			t.Errorf("%s at %s: %v %t", tt.sku, tt.at, row, ok)
		}
	}
}

func TestOwnPrices(t *testing.T) {
	builtin, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	table, err := builtin.With("costs/prices.json", []byte(`{"models": [
		{"model": "my-*", "since": "2026-01-01", "source": "contract", "per_million": {"input": "1.5"}},
		{"model": "my-model", "since": "2026-06-01", "source": "contract", "per_million": {"input": "2"}, "each": {"hours": "0.000000000001"}},
		{"model": "claude-haiku-4-5", "since": "2026-06-01", "source": "contract", "per_million": {"input": "0.9"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		model, at string
		want      Rate
	}{
		{"my-model", "2026-02-01T00:00:00Z", 1_500_000},
		{"my-model", "2026-07-01T00:00:00Z", 2_000_000},
		{"claude-haiku-4-5", "2026-07-01T00:00:00Z", 900_000},
		{"claude-haiku-4-5", "2026-05-01T00:00:00Z", 1_000_000}, // before the user's price
	} {
		row, _ := table.Find(tt.model, at(tt.at), 0)
		if row.Rates[Input] != tt.want {
			t.Errorf("%s at %s: %+v", tt.model, tt.at, row)
		}
	}
	for text, want := range map[string]string{
		`{"models": [{"model": "a", "since": "2026-01-01", "per_million": {"input": "free"}}]}`: `models[0] ("a"): input: price "free"`,
		`{"models": [{"model": "a", "since": "2026-01-01", "per_million": {"input": "-1"}}]}`:   "negative",
		`{"models": [{"model": "a", "since": "2026-01-01", "per_million": {"input": "1e30"}}]}`: "want dollars",
		`{"models": [{"model": "a", "since": "2026-01-01", "per_million": {"input": "NaN"}}]}`:  "want dollars",
		`{"models": [{"model": "a", "since": "soon", "per_million": {"input": "1"}}]}`:          "since",
		`{"models": [{"model": "a[", "since": "2026-01-01", "per_million": {"input": "1"}}]}`:   "pattern",
		`{"models": [{"model": "a", "since": "2026-01-01"}]}`:                                   "no price",
		`{"models": [{"modell": "a"}]}`: "unknown field",
		`{"models": []} x`:              "follows",
	} {
		if _, err := builtin.With("costs/prices.json", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzOwnPrices(f *testing.F) {
	f.Add([]byte(`{"models": [{"model": "a*", "since": "2026-01-01", "per_million": {"input": "1"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := (&Table{}).With("p", data)
		if err == nil {
			table.Find("a", at("2026-09-01T00:00:00Z"), 10)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	table, err := Builtin()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		table.Find("claude-sonnet-4-5-20250929", at("2026-09-01T00:00:00Z"), 1000)
	}
}
