package costs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs/prices"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func builtin(t testing.TB) *prices.Table {
	t.Helper()
	table, err := prices.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func entry(t testing.TB, key string, at time.Time, usd Nano) Entry {
	t.Helper()
	e, err := Entry{Key: key, Time: at, Category: "compute", USD: usd, Basis: Reported, Source: "test", Feature: "f" + key[:1]}.Seal(noon.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestMoneyIsExact(t *testing.T) {
	for text, want := range map[string]string{"0": "0.00", "12": "12.00", "0.47": "0.47", "0.000000001": "0.000000001", "-1.5": "-1.50", "7.10": "7.10", "1.000000000000": "1.00"} {
		n, err := ParseUSD(text)
		if err != nil || n.String() != want {
			t.Errorf("%s: %s, %v", text, n, err)
		}
		data, err := json.Marshal(n)
		var back Nano
		if err != nil || json.Unmarshal(data, &back) != nil || back != n {
			t.Errorf("%s does not survive JSON: %s", text, data)
		}
	}
	for _, text := range []string{"", "free", "NaN", "1e30", "1,5", "0.0000000001", "99999999999999999999", "--1", "1.", ".5", "+1", " 1", "0x1"} {
		if n, err := ParseUSD(text); err == nil {
			t.Errorf("%q is %s", text, n)
		}
	}
	for text, want := range map[string]string{"0.005": "<$0.01", "0.015": "$0.02", "0.025": "$0.02", "1.005": "$1.00", "1.0051": "$1.01", "-2.5": "-$2.50", "0": "$0.00"} {
		n, err := ParseUSD(text)
		if err != nil || n.Cents() != want {
			t.Errorf("%s: %s, %v, want %s", text, n.Cents(), err, want)
		}
	}
}

// A million calls add up to the last digit, in any order.
func TestAMillionEntries(t *testing.T) {
	e, err := Entry{Key: "k", Time: noon, Source: "test"}.Price(Usage{Model: "claude-sonnet-4-5", Input: 1_237, Output: 411, CacheRead: 99}, builtin(t))
	if err != nil {
		t.Fatal(err)
	}
	// 1237 × 3 + 411 × 15 + 99 × 0.3 = 9905.7 millionths of a dollar
	if e.USD.String() != "0.0099057" {
		t.Fatalf("one costs %s", e.USD)
	}
	var sum Nano
	for range 1_000_000 {
		sum += e.USD
	}
	if sum.String() != "9905.70" {
		t.Errorf("a million cost %s", sum)
	}
}

func TestPrice(t *testing.T) {
	for _, tt := range []struct {
		name  string
		usage Usage
		want  string
		basis Basis
	}{
		{"the whole request is in the tier", Usage{Model: "claude-sonnet-4-5", Input: 150_000, CacheRead: 100_000, Output: 1000}, "0.9825", List},
		{"web searches", Usage{Model: "claude-haiku-4-5", WebSearches: 10}, "0.10", List},
		{"an hour's cache", Usage{Model: "claude-haiku-4-5", CacheWrite1h: 1_000_000}, "2.00", List},
		{"unknown", Usage{Model: "who-knows", Input: 5}, "0.00", Unpriced},
		{"local", Usage{Model: "ollama-llama3", Input: 5}, "0.00", List},
	} {
		e, err := Entry{Key: "k", Time: noon, Source: "test"}.Price(tt.usage, builtin(t))
		if err != nil || e.USD.String() != tt.want || e.Basis != tt.basis {
			t.Errorf("%s: $%s %s, %v; want $%s %s", tt.name, e.USD, e.Basis, err, tt.want, tt.basis)
		}
	}
	if _, err := (Entry{Time: noon}).Price(Usage{Model: "claude-haiku-4-5", Input: -1}, builtin(t)); err == nil {
		t.Error("negative tokens have a price")
	}
}

func TestSealRefuses(t *testing.T) {
	good := Entry{Key: "k", Time: noon, Category: "llm", Basis: List, Source: "test"}
	if _, err := good.Seal(noon); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Entry){
		"no key": func(e *Entry) { e.Key = "" }, "future": func(e *Entry) { e.Time = noon.AddDate(0, 0, 2) },
		"long ago": func(e *Entry) { e.Time = time.Time{} }, "huge": func(e *Entry) { e.USD = usdMax + 1 },
		"control": func(e *Entry) { e.Feature = "a\nb" }, "long": func(e *Entry) { e.Branch = strings.Repeat("x", 600) },
	} {
		e := good
		change(&e)
		if _, err := e.Seal(noon); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Folding does not hang on the order, and a day is the sum of its entries.
func TestFoldIsPure(t *testing.T) {
	zone, err := ParseZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var list []Entry
	var want Nano
	for i := range 500 {
		e := entry(t, fmt.Sprint(i), noon.Add(-time.Duration(r.IntN(60*24))*time.Hour), Nano(r.Int64N(1e10)))
		want += e.USD
		list = append(list, e)
	}
	first, err := Fold(list, DefaultBudget(), zone)
	if err != nil {
		t.Fatal(err)
	}
	var days, features Nano
	for name, data := range first {
		var d Day
		if strings.HasPrefix(name, "daily-") {
			if err := json.Unmarshal(data, &d); err != nil {
				t.Fatal(err)
			}
			days += d.Total
			for _, f := range d.Features {
				features += f
			}
		}
	}
	if days != want || features != want {
		t.Errorf("days %s, features %s, want %s", days, features, want)
	}
	for range 5 {
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		again, err := Fold(list, DefaultBudget(), zone)
		if err != nil || !reflect.DeepEqual(again, first) {
			t.Fatalf("another order gives other books: %v", err)
		}
	}
}

func ledger(t testing.TB) Ledger {
	dir := t.TempDir()
	return Ledger{Dir: filepath.Join(dir, "costs"), Lock: filepath.Join(dir, "books")}
}

func TestLedger(t *testing.T) {
	l := ledger(t)
	a, b := entry(t, "a", noon, dollar), entry(t, "b", noon.AddDate(0, -1, 0), 2*dollar)
	if added, err := l.Add([]Entry{a, b}); err != nil || len(added) != 2 {
		t.Fatalf("%v, %v", added, err)
	}
	if added, err := l.Add([]Entry{b, a}); err != nil || len(added) != 0 {
		t.Errorf("added twice: %v, %v", added, err)
	}
	later := entry(t, "a", noon.Add(time.Hour), dollar) // recorded once more
	if added, err := l.Add([]Entry{later}); err != nil || len(added) != 0 {
		t.Errorf("recorded again: %v, %v", added, err)
	}
	if list, err := Once([]Entry{later, a}); err != nil || len(list) != 1 || list[0].ID != a.ID {
		t.Errorf("%v, %v", list, err)
	}
	other := entry(t, "a", noon, 3*dollar)
	if _, err := l.Add([]Entry{other}); err == nil || !strings.Contains(err.Error(), `two entries claim to be "a"`) {
		t.Errorf("one key, two contents: %v", err)
	}
	other.Replaces = a.ID
	other, err := other.Seal(noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Add([]Entry{other}); err != nil {
		t.Fatal(err)
	}
	all, err := l.Rebuild(context.Background(), DefaultBudget(), Zone{})
	if err != nil || len(all) != 2 || all[1].USD != 3*dollar {
		t.Fatalf("%+v, %v", all, err)
	}
	data, err := os.ReadFile(filepath.Join(l.Dir, "mtd.json"))
	if err != nil || !strings.Contains(string(data), `"total": "3.00"`) || !strings.Contains(string(data), `"month": "2026-11"`) {
		t.Errorf("%s, %v", data, err)
	}
}

// A file that is cut or edited is an error that names it, and nothing changes.
func TestLedgerKnowsWhatWasEdited(t *testing.T) {
	l := ledger(t)
	if _, err := l.Add([]Entry{entry(t, "a", noon, dollar)}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(l.Dir, "entries", "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{data[:len(data)/2], []byte(strings.Replace(string(data), "1.00", "0.10", 1)), nil} {
		if err := os.WriteFile(files[0], bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Entries(); err == nil || !strings.Contains(err.Error(), "was cut or edited") {
			t.Errorf("%v", err)
		}
	}
}

// Many writers at once: nothing is lost, nothing is doubled.
func TestWritersSideBySide(t *testing.T) {
	l := ledger(t)
	var wg sync.WaitGroup
	errs := make([]error, 64)
	for i := range 64 {
		wg.Go(func() {
			_, err := l.Add([]Entry{entry(t, fmt.Sprintf("own%d", i), noon, dollar), entry(t, "shared", noon, dollar)})
			_, again := l.Rebuild(context.Background(), DefaultBudget(), Zone{})
			errs[i] = errors.Join(err, again)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(l.Dir, "daily-2026-11-27.json"))
	if err != nil || !strings.Contains(string(data), `"total": "65.00"`) {
		t.Errorf("%s, %v", data, err)
	}
}

// What the reference's scripts wrote is kept.
func TestRebuildKeepsWhatIsNotOurs(t *testing.T) {
	l := ledger(t)
	if err := os.MkdirAll(l.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	old := `{"total": 0, "budget": 100}`
	if err := os.WriteFile(filepath.Join(l.Dir, "mtd.json"), []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := l.Add([]Entry{entry(t, fmt.Sprint(i), noon, dollar)}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Rebuild(context.Background(), DefaultBudget(), Zone{}); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := filepath.Glob(filepath.Join(l.Dir, "before", "*"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	if data, err := os.ReadFile(kept[0]); err != nil || string(data) != old {
		t.Errorf("%s, %v", data, err)
	}
}

func TestPeriods(t *testing.T) {
	berlin, err := ParseZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	late := time.Date(2026, 11, 30, 23, 30, 0, 0, time.UTC) // December in Berlin
	if got := berlin.Month(late).Start.Format(time.DateOnly); got != "2026-12-01" {
		t.Errorf("month begins %s", got)
	}
	if got := berlin.Week(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)); got.Start.Format(time.DateOnly) != "2026-11-23" || got.End.Format(time.DateOnly) != "2026-11-30" {
		t.Errorf("week %v", got)
	}
	short := berlin.Day(time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC))
	if d := short.End.Sub(short.Start); d != 23*time.Hour {
		t.Errorf("the day on which summer time begins has %s", d)
	}
	if short.Holds(short.End) || !short.Holds(short.Start) {
		t.Error("a period holds its start, and not its end")
	}
	for _, name := range []string{"Local", "Nowhere/Town"} {
		if _, err := ParseZone(name); err == nil {
			t.Errorf("%s is a zone", name)
		}
	}
}

func TestBudget(t *testing.T) {
	b := DefaultBudget()
	at := noon
	list := []Entry{entry(t, "a", noon.Add(-time.Hour), 4*dollar)}
	for _, tt := range []struct {
		estimate Nano
		critical bool
		allowed  bool
		reason   string
	}{
		{dollar / 2, false, true, ""},
		{2 * dollar, false, true, "daily soft limit"},
		{3*dollar + dollar/2, false, true, "daily soft limit"}, // 7.50 is not above 7.50
		{3*dollar + dollar/2 + 1, false, false, "daily hard limit of $7.50 would be exceeded: $7.500000001"},
		{300 * dollar, true, true, "critical"},
		{math.MaxInt64, false, false, "daily hard limit"}, // and does not become small by being huge
	} {
		got := b.Allow(list, Zone{}, at, Request{Estimate: tt.estimate, Critical: tt.critical})
		if got.Allowed != tt.allowed || tt.reason == "" && got.Reason != "" || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("%s: %+v", tt.estimate, got)
		}
	}
	unpriced, err := Entry{Key: "u", Time: noon, Source: "test"}.Price(Usage{Model: "who-knows", Input: 110_000}, builtin(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Allow([]Entry{unpriced}, Zone{}, at, Request{}); got.Allowed || !strings.Contains(got.Reason, "without a price") {
		t.Errorf("usage without a price is free: %+v", got) // 0.11 million at $75
	}
	alerts := b.Alerts(list, Zone{}, at)
	if len(alerts) != 1 || alerts[0].Key != "daily 2026-11-27/alert" {
		t.Errorf("%+v", alerts)
	}
	if got := b.Projected(list, Zone{}, at); got.String() < "4.5" || got.String() > "4.7" {
		t.Errorf("projected %s", got) // 26.5 of 30 days
	}
}

func TestParseBudget(t *testing.T) {
	b, err := ParseBudget("b", []byte(`{"budgets": {"daily": {"soft_limit": 1.10, "hard_limit": "2"}}, "cost_controls": {"block_on_limit": true}, "notifications": {"email": "x"}, "timezone": "Europe/Berlin"}`))
	if err != nil || b.Budgets.Daily.Soft.String() != "1.10" || b.Budgets.Daily.Hard != 2*dollar || b.Budgets.Weekly.Soft != 25*dollar || !b.Controls.BlockOnLimit {
		t.Errorf("%+v, %v", b, err)
	}
	for text, want := range map[string]string{
		"{\n \"budgets\": x}":                             "line 2, column",
		`{"budgets": {"daily": {"soft_limit": -1}}}`:      "negative",
		`{"budgets": {"daily": {"soft_limit": 9}}}`:       "below the soft one",
		`{"budgets": {"daily": {"alert_threshold": 80}}}`: "want a share",
		`{"budgets": {"daily": {"soft_limit": 1e30}}}`:    "amount",
		`{"timezone": "Mars/Base"}`:                       "time zone",
		`{} {}`:                                           "follows",
	} {
		if _, err := ParseBudget("b", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, err := encode([]Entry{{ID: "x", Key: "k", Time: noon}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := Decode(fileName(data), data); err == nil {
			if _, err := Fold(list, DefaultBudget(), Zone{}); err != nil {
				t.Skip()
			}
		}
	})
}

func FuzzParseUSD(f *testing.F) {
	f.Add("1.5")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseUSD(s)
		if err != nil {
			return
		}
		if again, err := ParseUSD(n.String()); err != nil || again != n {
			t.Errorf("%q is %s, and that is %v, %v", s, n, again, err)
		}
	})
}

// A share is reached at itself, as it is written: 0.55 of a hundred is 55, for
// which floats have more, and 0.57 is 57, for which they have less.
func TestSharesAreExact(t *testing.T) {
	for share := 1; share <= 100; share++ {
		b, err := ParseBudget("b", fmt.Appendf(nil, `{"budgets": {"daily": {"soft_limit": 100, "hard_limit": 200, "alert_threshold": %[1]g}}, "cost_controls": {"emergency_mode_threshold": %[1]g}}`, float64(share)/100))
		if err != nil {
			t.Fatal(err)
		}
		for _, more := range []Nano{-1, 0, 1} {
			spent := Nano(share)*dollar + more
			alerts := b.Alerts([]Entry{entry(t, "a", noon, spent)}, Zone{}, noon)
			daily := slices.ContainsFunc(alerts, func(a Alert) bool { return strings.HasPrefix(a.Key, "daily") })
			if daily != (more >= 0) {
				t.Errorf("%d %% and %d nano-dollars: %+v", share, more, alerts)
			}
		}
		left := Left{USD: 50 * dollar, Percent: 50, Used: float64(share)}
		if why := b.emergency(left); why != "" {
			t.Errorf("at %d %%: %s", share, why)
		}
		left.Used = float64(100*share+1) / 100
		if why := b.emergency(left); !strings.Contains(why, fmt.Sprintf("more than %d %%", share)) {
			t.Errorf("above %d %%: %q", share, why)
		}
	}
	if got := Digits(Percent(1_000_000*dollar, dollar)); got != "100000000" {
		t.Error(got)
	}
}
