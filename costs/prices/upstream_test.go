package prices

import (
	"strings"
	"testing"
)

// The built-in table, written in the form of genai-prices, is read as it is.
func TestParseUpstream(t *testing.T) {
	list, err := ParseUpstream("data.json", []byte(`[{"id":"p","models":[{"id":"m","prices":[
		{"prices":{"input_mtok":0.18000000000000002,"output_mtok":null}},
		{"constraint":{"start_date":"2026-08-17"},"prices":{"input_mtok":{"base":1,"tiers":[{"start":271999,"price":2}]},"web_searches_kcount":10}},
		{"constraint":{"start_time":"01:00:00Z","end_time":"04:00:00Z"},"prices":{"input_mtok":4}}]}]}]`))
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	if u := list[0].Units; len(u) != 1 || u[Input][0].Rate != 180_000 || list[0].Since != "" {
		t.Errorf("%+v", list[0])
	}
	if u := list[1].Units; list[1].Since != "2026-08-17" || u[Input][1] != (Tier{272_000, 2_000_000}) || u[WebSearches][0].Rate != 10_000_000_000 {
		t.Errorf("%+v", list[1])
	}
	if l := list[2]; l.Since != "2026-08-17" || l.From != "01:00:00Z" || l.To != "04:00:00Z" {
		t.Errorf("%+v", l)
	}
}

func TestParseUpstreamRefuses(t *testing.T) {
	for data, want := range map[string]string{
		`{}`: "cannot unmarshal", `[]`: "no prices", `[{"id":"p","models":[{"id":"m","prices":{"input_mtok":"free"}}]}]`: `"p"/"m"`,
		`[{"id":"p","models":[{"id":"m","prices":{"input_mtok":-1}}]}]`:    "is no price",
		`[{"id":"p","models":[{"id":"m","prices":{"input_parsec":1}}]}]`:   "unknown unit",
		`[{"id":"p","models":[{"id":"m","prices":{"input_mtok":1e30}}]}]`:  "is no price",
		`[{"id":"","models":[{"id":"m","prices":{"input_mtok":1}}]}]`:      "without an id",
		`[{"id":"p","models":[{"id":"m","prices":{"input_mtok":[1,2]}}]}]`: `"p"/"m"`,
	} {
		if _, err := ParseUpstream("x", []byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", data, err, want)
		}
	}
}

func FuzzParseUpstream(f *testing.F) {
	f.Add([]byte(`[{"id":"p","models":[{"id":"m","prices":[{"constraint":{"start_date":"2026-01-01"},"prices":{"input_mtok":{"base":1,"tiers":[{"start":1,"price":2}]}}}]}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseUpstream("x", data)
		if err == nil && len(Diff(list, list)) != 0 && len(list) == 1 {
			t.Errorf("a list differs from itself: %s", data)
		}
	})
}
