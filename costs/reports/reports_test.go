package reports

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
)

var update = flag.Bool("update", false, "write what the reports are into testdata")

var evening = time.Date(2026, 11, 20, 21, 30, 0, 0, time.UTC)

// hostile are names that want to be markup.
var hostile = []string{"", "checkout", "<script>alert(1)</script>", "a|b`c", "@everyone #1", "\u202egnp", "x; y,  z:w", `"quoted"`}

func table(t testing.TB) *prices.Table {
	t.Helper()
	table, err := prices.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func seal(t testing.TB, e costs.Entry) costs.Entry {
	t.Helper()
	e, err := e.Seal(evening.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// call is a priced entry.
func call(t testing.TB, key string, at time.Time, u costs.Usage, task, feature string) costs.Entry {
	t.Helper()
	e, err := costs.Entry{Key: key, Time: at, Task: task, Feature: feature, Branch: "feature/" + feature, Source: "test"}.Price(u, table(t))
	if err != nil {
		t.Fatal(err)
	}
	return seal(t, e)
}

// ledger is a ledger of 70 days: work on every day, one day that is far dearer, a
// call that is, models without a price, machines that are idle.
func ledger(t testing.TB) []costs.Entry {
	t.Helper()
	var list []costs.Entry
	for d := range 70 {
		for h := range 8 {
			at := evening.AddDate(0, 0, -d).Add(-time.Duration(h) * 90 * time.Minute)
			key := fmt.Sprintf("k%d-%d", d, h)
			list = append(list, call(t, key, at, costs.Usage{Model: "claude-sonnet-4-5", Input: int64(9000 + 100*d + h), CacheRead: 40_000, Output: 1200}, "code_generation", hostile[(d+h)%len(hostile)]))
		}
	}
	list = append(list,
		call(t, "dear", evening, costs.Usage{Model: "claude-sonnet-4-5", Input: 190_000, Output: 60_000}, "code_generation", "checkout"),
		call(t, "bulk", evening.Add(-time.Hour), costs.Usage{Model: "gemini-3.7-flash", Input: 2_000_000, Output: 90_000}, "bulk_processing", "<img src=x>"),
		call(t, "nobody", evening.Add(-time.Minute), costs.Usage{Model: "model-of-nobody", Input: 7000}, "", ""),
		seal(t, costs.Entry{Key: "gpu", Time: evening.Add(-2 * time.Hour), Category: "compute", USD: 3_210_000_001, Basis: costs.Reported, Task: "idle", Source: "test"}),
		seal(t, costs.Entry{Key: "later", Time: evening.Add(time.Minute), Category: "compute", USD: 99_000_000_000, Basis: costs.Reported, Source: "test"}),
	)
	return list
}

func input(t testing.TB) Input {
	t.Helper()
	zone, err := costs.ParseZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return Input{
		Entries: ledger(t), Budget: costs.DefaultBudget(), Zone: zone, At: evening, Table: table(t),
		Gaps:     []string{"2 lines that could not be read"},
		Features: Features{Features: map[string]Benefit{"checkout": {Users: 40, Revenue: 25_000_000_000}}},
	}
}

// The parts of every table add up to the total, to the last digit, and the day of
// the report is the day of the books; whatever the entries are.
func TestPartsAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 30 {
		in := input(t)
		in.Entries = nil
		for i := range r.IntN(120) {
			e := costs.Entry{
				Key: fmt.Sprint(i), Time: evening.Add(-time.Duration(r.Int64N(int64(40 * 24 * time.Hour)))), Category: []string{"llm", "compute", "ci"}[r.IntN(3)],
				Model: hostile[r.IntN(len(hostile))], Task: hostile[r.IntN(len(hostile))], Feature: hostile[r.IntN(len(hostile))], Branch: hostile[r.IntN(len(hostile))],
				USD: costs.Nano(r.Int64N(5e9)) - 1e8, Basis: costs.Reported, Source: "test",
			}
			for _, name := range []*string{&e.Model, &e.Task, &e.Feature, &e.Branch} {
				*name = strings.TrimPrefix(*name, "\u202e")
			}
			in.Entries = append(in.Entries, seal(t, e))
		}
		in.Period = []string{"day", "week", "month", "all"}[round%4]
		d, err := NewDashboard(in)
		if err != nil {
			t.Fatal(err)
		}
		for name, rows := range map[string][]Row{"models": d.Models, "tasks": d.Tasks, "features": d.Features, "branches": d.Branches, "categories": d.Categories, "hours": d.Hours, "top": Top(d.Models, 2)} {
			var sum costs.Nano
			calls := 0
			for _, row := range rows {
				sum, calls = sum+row.Cost, calls+row.Calls
			}
			if sum != d.Total || calls != d.Calls {
				t.Errorf("%s: $%s in %d calls, want $%s in %d", name, sum, calls, d.Total, d.Calls)
			}
		}
		want := map[string]costs.Nano{"day": d.Today, "week": d.Week, "month": d.MTD}
		if w, ok := want[in.Period]; ok && w != d.Total {
			t.Errorf("%s: $%s, the budget says $%s", in.Period, d.Total, w)
		}
		books, err := costs.Fold(in.Entries, in.Budget, in.Zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, day := range d.Trend {
			var book costs.Day
			if data := books["daily-"+day.Date+".json"]; data != nil {
				if err := json.Unmarshal(data, &book); err != nil {
					t.Fatal(err)
				}
			}
			if book.Total != day.Cost {
				t.Errorf("%s: $%s, the book says $%s", day.Date, day.Cost, book.Total)
			}
		}
	}
}

// Each format of each report is what it was, and the same in whatever order the
// entries come.
func TestGolden(t *testing.T) {
	in := input(t)
	mixed := in
	mixed.Entries = append([]costs.Entry(nil), in.Entries...)
	rand.New(rand.NewPCG(5, 6)).Shuffle(len(mixed.Entries), func(i, j int) { mixed.Entries[i], mixed.Entries[j] = mixed.Entries[j], mixed.Entries[i] })
	pages := func(in Input) map[string]Page {
		d, err := NewDashboard(in)
		if err != nil {
			t.Fatal(err)
		}
		daily, err := Daily(in)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Project(in, []string{"compute"})
		if err != nil {
			t.Fatal(err)
		}
		all, err := NewROI(in)
		if err != nil {
			t.Fatal(err)
		}
		fates := Fates(in.Entries, func(b string) string {
			if b == "feature/checkout" {
				return "merged"
			}
			return "open"
		})
		return map[string]Page{"dashboard": d.Page(), "daily": daily, "project": p.Page(), "roi": ROIPage(all, fates, NewConfidence(in))}
	}
	other := pages(mixed)
	for name, page := range pages(in) {
		for ext, format := range map[string]func(io.Writer, Page) error{"txt": Text, "md": Markdown, "html": HTML} {
			var got, again bytes.Buffer
			if err := format(&got, page); err != nil {
				t.Fatal(err)
			}
			if err := format(&again, other[name]); err != nil || !bytes.Equal(got.Bytes(), again.Bytes()) {
				t.Errorf("%s.%s hangs on the order of the entries (%v)", name, ext, err)
			}
			golden(t, name+"."+ext, got.Bytes())
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test ./costs/reports -update); it is\n%.3000s", name, got)
	}
}

var codeSpans = regexp.MustCompile("`` .*? ``|`[^`]*`")

// No name gets out of its place.
func TestNamesStayNames(t *testing.T) {
	d, err := NewDashboard(input(t))
	if err != nil {
		t.Fatal(err)
	}
	var page, mark, text bytes.Buffer
	if err := HTML(&page, d.Page()); err != nil {
		t.Fatal(err)
	}
	if err := Markdown(&mark, d.Page()); err != nil {
		t.Fatal(err)
	}
	if err := Text(&text, d.Page()); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "\u202e", "http://", "https://", "\x00"} {
		if strings.Contains(page.String(), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, bad := range []string{"\u202e", "\x00", "| a|b"} {
		if strings.Contains(mark.String(), bad) || strings.Contains(text.String(), bad) {
			t.Errorf("Markdown or text has %q", bad)
		}
	}
	for line := range strings.Lines(mark.String()) {
		if strings.Contains(codeSpans.ReplaceAllString(line, ""), "<") {
			t.Errorf("outside a code span: %s", line)
		}
	}
}

func TestAnomalies(t *testing.T) {
	d, err := NewDashboard(input(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range d.Anomalies {
		got = append(got, a.Kind+" "+a.Name)
	}
	if strings.Join(got, ", ") != "day 2026-11-20, call claude-sonnet-4-5" {
		t.Errorf("anomalies: %v", got)
	}
	for _, tt := range []struct {
		x, median, mad costs.Nano
		want           bool
	}{
		{2 * cent, cent, 0, false}, {40 * cent, 10 * cent, 0, true}, {40 * cent, 10 * cent, 10 * cent, false}, {80 * cent, 10 * cent, 10 * cent, true}, {cent / 2, 0, 0, false},
	} {
		if got := outlier(tt.x, tt.median, tt.mad, cent); got != tt.want {
			t.Errorf("$%s, median $%s, MAD $%s: %t", tt.x, tt.median, tt.mad, got)
		}
	}
}

func TestSuggestions(t *testing.T) {
	in := input(t)
	d, err := NewDashboard(in)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]Suggestion)
	for _, s := range d.Suggestions {
		got[s.ID] = s
	}
	for _, id := range []string{"one-model", "bulk", "claude-share", "idle-compute"} {
		if got[id].Finding == "" {
			t.Errorf("no suggestion %s: %v", id, d.Suggestions)
		}
	}
	// 2,000,000 × 0.14 + 90,000 × 0.28 millionths: on deepseek-v3.
	bulk := in.Entries[len(in.Entries)-4]
	if want := bulk.USD - 305_200_000; got["bulk"].Saving != want {
		t.Errorf("bulk saves $%s, want $%s", got["bulk"].Saving, want)
	}
	if got["idle-compute"].Saving != 3_210_000_001 {
		t.Errorf("idle: $%s", got["idle-compute"].Saving)
	}
	in.Entries = nil
	if d, err := NewDashboard(in); err != nil || len(d.Suggestions) > 0 || len(d.Anomalies) > 0 {
		t.Errorf("an empty ledger: %v, %v, %v", d.Suggestions, d.Anomalies, err)
	}
}

// A call in DeepSeek's peak hours saves what the same call costs at others.
func TestPeakHours(t *testing.T) {
	in := input(t)
	in.Entries = nil
	for h := range 8 {
		for i := range 1 + 9*(h%2) {
			at := time.Date(2026, 11, 19, 1+h/2*3+h, 10, 0, 0, time.UTC)
			in.Entries = append(in.Entries, call(t, fmt.Sprintf("%d-%d", h, i), at, costs.Usage{Model: "deepseek-v4-flash", Input: 100_000, Output: 1000}, "", ""))
		}
	}
	saving, calls, err := in.offPeak(in.Entries)
	if err != nil {
		t.Fatal(err)
	}
	var least costs.Nano = 1 << 60
	for _, e := range in.Entries {
		least = min(least, e.USD)
	}
	if want := Total(in.Entries) - least*costs.Nano(len(in.Entries)); saving != want {
		t.Errorf("saves $%s of %d calls, want $%s", saving, calls, want)
	}
}

// A price that is announced is in the month that it holds for, and a month is the
// sum of its days.
func TestProjectKnowsAnnouncedPrices(t *testing.T) {
	in := input(t)
	in.Zone = costs.Zone{}
	in.Entries = nil
	for d := range 28 {
		in.Entries = append(in.Entries, call(t, fmt.Sprint(d), evening.AddDate(0, 0, -d), costs.Usage{Model: "gemini-3.7-flash", Input: 1_000_000}, "", ""))
	}
	p, err := Project(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Changes) != 1 || p.Changes[0].Since != "2027-01-01" || p.Changes[0].After != 2*p.Changes[0].Before {
		t.Fatalf("changes: %+v", p.Changes)
	}
	day := in.Entries[0].USD
	if p.Months[0].Cost != 31*day || p.Months[1].Cost != 62*day || p.Months[2].Cost != 56*day {
		t.Errorf("a day costs $%s, the months %+v", day, p.Months[:3])
	}
	var year costs.Nano
	for _, m := range p.Months {
		year += m.Cost
	}
	if p.Scales[0].Year != year || p.Scales[3].Year != 1000*year || p.Scales[1].Month != 10*p.Months[0].Cost {
		t.Errorf("scales: %+v, a year is $%s", p.Scales, year)
	}
	if p, err = Project(in, []string{"llm"}); err != nil || p.Scales[3] != (Scale{1000, p.Scales[0].Month, p.Scales[0].Year}) {
		t.Errorf("what is fixed grows: %+v, %v", p.Scales, err)
	}
	in.Entries = nil
	if _, err := Project(in, nil); err == nil {
		t.Error("nothing was projected")
	}
}

func TestROI(t *testing.T) {
	f := Features{Features: map[string]Benefit{"a": {Users: 100, Revenue: 4_000_000_000}, "b": {Users: 1}, "c": {Users: 1000, Revenue: 1}}}
	list := []costs.Entry{
		{Category: "llm", USD: 1_500_000_000}, {Category: "compute", USD: 500_000_000},
	}
	for feature, want := range map[string]string{"a": "healthy", "b": "make it cheaper", "c": "costs more than it brings", "d": "say in"} {
		if r := f.of(feature, list); !strings.Contains(r.Advice, want) || r.Development != 1_500_000_000 || r.Operational != 500_000_000 {
			t.Errorf("%s: %+v", feature, r)
		}
	}
	if r := f.of("a", list); r.Percent != 100 || r.CostPerUser != 20_000_000 {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{"{", `{"features": {"x": {"users": -1}}}`, `{"features": {"x": {"revenue": "free"}}}`, `{"feature": {}}`, `{"features": {"x": {"users": 1e30}}}`} {
		if _, err := ParseFeatures("f", []byte(bad)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := Page{Title: name(s), Lead: []string{"x " + name(s) + " y"}, Sections: []Section{{Title: "t", Table: &Table{Head: []string{"a", "b"}, Left: 1, Rows: [][]string{{name(s), "1"}}}, Chart: &Chart{Bars: []Bar{{name(s), 5}}}}}}
		var text, mark, page bytes.Buffer
		if Text(&text, p) != nil || Markdown(&mark, p) != nil || HTML(&page, p) != nil {
			t.Fatal("an error")
		}
		if n := strings.Count(mark.String(), "\n"); n != 9 {
			t.Errorf("%q makes %d lines of Markdown", s, n)
		}
		if n := strings.Count(page.String(), "<rect"); n != 1 {
			t.Errorf("%q makes %d bars", s, n)
		}
	})
}
