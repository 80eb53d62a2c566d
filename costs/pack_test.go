package costs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// packed is a ledger with a closed month of two links.
func packed(t *testing.T) Ledger {
	t.Helper()
	l := ledger(t)
	for _, key := range []string{"a", "b"} {
		if _, err := l.Add([]Entry{entry(t, key, noon.AddDate(0, -1, 0), dollar)}); err != nil {
			t.Fatal(err)
		}
		if key == "b" {
			break
		}
		if _, err := l.Pack(context.Background(), "2026-11"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Pack(context.Background(), "2026-11"); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestPack(t *testing.T) {
	l := packed(t)
	links, err := l.Chain()
	if err != nil || len(links) != 2 || links[1].Prev != links[0].Hash || links[0].Prev != "" || links[1].USD != dollar {
		t.Fatalf("%+v, %v", links, err)
	}
	v, err := l.Verify(DefaultBudget(), Zone{})
	if err != nil || v.Links != 2 || v.Entries != 2 || v.Total != 2*dollar || v.Head != links[1].Hash {
		t.Errorf("%+v, %v", v, err)
	}
	// What was packed comes back, as a merge of an old branch brings it: it is
	// known, and goes at the next packing without a link.
	files, err := Files([]Entry{entry(t, "a", noon.AddDate(0, -1, 0), dollar), entry(t, "b", noon.AddDate(0, -1, 0), dollar)})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(l.Dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := l.Entries(); err != nil || len(all) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	if again, err := l.Pack(context.Background(), "2026-11"); err != nil || len(again) != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	if v, err := l.Verify(DefaultBudget(), Zone{}); err != nil || v.Files != 2 {
		t.Errorf("%+v, %v", v, err)
	}
}

// Verify names the first thing that was touched.
func TestVerifyNamesWhatIsBroken(t *testing.T) {
	chain := func(l Ledger) string { return filepath.Join(l.Dir, chainName) }
	edit := func(t *testing.T, path, from, to string) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), from) {
			t.Fatal(path, from, err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(data), from, to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := func(t *testing.T, l Ledger) string {
		links, err := l.Chain()
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(l.Dir, links[0].File)
	}
	for name, tt := range map[string]struct {
		touch func(*testing.T, Ledger)
		want  string
	}{
		"a link edited": {func(t *testing.T, l Ledger) { edit(t, chain(l), `"usd":"1.00"`, `"usd":"0.10"`) }, "costs/chain.jsonl:1: the link of 2026-10 is not what its hash says"},
		"the chain cut": {func(t *testing.T, l Ledger) { edit(t, chain(l), "\"}\n", "\n") }, "costs/chain.jsonl:1: the link was cut or edited"},
		"no end of line": {func(t *testing.T, l Ledger) {
			data, _ := os.ReadFile(chain(l))
			_ = os.WriteFile(chain(l), data[:len(data)-1], 0o644)
		}, "costs/chain.jsonl:2: the link was cut"},
		"a link taken out": {func(t *testing.T, l Ledger) {
			data, _ := os.ReadFile(chain(l))
			_, rest, _ := strings.Cut(string(data), "\n")
			_ = os.WriteFile(chain(l), []byte(rest), 0o644)
		}, "costs/chain.jsonl:1: the link of 2026-10 does not follow"},
		"a file gone":   {func(t *testing.T, l Ledger) { _ = os.Remove(file(t, l)) }, "is gone; restore it"},
		"a file edited": {func(t *testing.T, l Ledger) { edit(t, file(t, l), "1.00", "0.10") }, "was cut or edited"},
		"a wrong month": {func(t *testing.T, l Ledger) {
			dir := filepath.Join(l.Dir, "entries", "2026-09")
			_ = os.MkdirAll(dir, 0o755)
			_ = os.Rename(file(t, l), filepath.Join(dir, filepath.Base(file(t, l))))
		}, "is in the wrong month"},
		"a book by hand": {func(t *testing.T, l Ledger) {
			_ = os.WriteFile(filepath.Join(l.Dir, "daily-2026-01-01.json"), []byte(`{"entries": 1}`), 0o644)
		}, "daily-2026-01-01.json has no entries"},
		"a correction of no": {func(t *testing.T, l Ledger) {
			e := entry(t, "c", noon, dollar)
			e.Replaces = "nobody"
			e, _ = e.Seal(noon)
			_ = l.write([]Entry{e})
		}, `corrects "nobody", which is not here`},
		"of another event": {func(t *testing.T, l Ledger) {
			e := entry(t, "c", noon, dollar)
			e.Replaces = entry(t, "a", noon.AddDate(0, -1, 0), dollar).ID
			e, _ = e.Seal(noon)
			_ = l.write([]Entry{e})
		}, "which is another event"},
		"two stories": {func(t *testing.T, l Ledger) { _ = l.write([]Entry{entry(t, "a", noon, 5*dollar)}) }, `two entries claim to be "a"`},
	} {
		l := packed(t)
		tt.touch(t, l)
		if v, err := l.Verify(DefaultBudget(), Zone{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v, want %q", name, v, err, tt.want)
		}
	}
}

func TestCorrect(t *testing.T) {
	l := ledger(t)
	a := entry(t, "id:a", noon, dollar)
	if _, err := l.Add([]Entry{a}); err != nil {
		t.Fatal(err)
	}
	to := func(usd Nano) func(Entry) (Entry, error) {
		return func(e Entry) (Entry, error) {
			e.Replaces, e.USD, e.Reason = e.ID, usd, "r"
			return e.Seal(noon)
		}
	}
	old, b, err := l.Correct("a", to(2*dollar))
	if err != nil || old.ID != a.ID || b.Time != a.Time {
		t.Fatalf("%+v, %v", b, err)
	}
	if _, _, err := l.Correct(a.ID, to(dollar)); err == nil || !strings.Contains(err.Error(), "was corrected already, by "+b.ID) {
		t.Errorf("%v", err)
	}
	if _, _, err := l.Correct(b.ID[:8], to(3*dollar)); err != nil {
		t.Error(err)
	}
	if all, err := l.Entries(); err != nil || len(all) != 1 || all[0].USD != 3*dollar {
		t.Errorf("%+v, %v", all, err)
	}
	// Two branches corrected one entry: the ledger says so, and one more
	// correction settles it.
	if err := l.write([]Entry{a}); err != nil {
		t.Fatal(err)
	}
	other := b
	other.Replaces, other.USD = b.ID, 4*dollar
	if other, err = other.Seal(noon); err != nil {
		t.Fatal(err)
	}
	if err := l.write([]Entry{other}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Entries(); err == nil || !strings.Contains(err.Error(), "two entries claim") {
		t.Fatalf("%v", err)
	}
	if _, _, err := l.Correct(other.ID, to(3*dollar)); err != nil {
		t.Fatal(err)
	}
	if all, err := l.Entries(); err != nil || len(all) != 1 || all[0].USD != 3*dollar {
		t.Errorf("%+v, %v", all, err)
	}
}

// What would not add up exactly is refused, and the ledger stays as it is.
func TestSumIsBounded(t *testing.T) {
	l := ledger(t)
	list := []Entry{entry(t, "a", noon, dollar)}
	if _, err := l.Add(list); err != nil {
		t.Fatal(err)
	}
	for i := range 2400 {
		e, err := Entry{Key: string(rune('一' + i)), Time: noon, Category: "compute", USD: usdMax, Basis: Reported, Source: "test"}.Seal(noon)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	if _, err := l.Add(list); err == nil || !strings.Contains(err.Error(), "cannot be counted exactly") {
		t.Errorf("%v", err)
	}
	if all, err := l.Entries(); err != nil || len(all) != 1 {
		t.Errorf("%d, %v", len(all), err)
	}
}

// A clock that has jumped back is an error, and nothing is written.
func TestClockJumpsBack(t *testing.T) {
	l := ledger(t)
	if _, _, err := l.Record(context.Background(), []Entry{entry(t, "a", noon, dollar)}, noon, DefaultBudget(), Zone{}); err != nil {
		t.Fatal(err)
	}
	past := noon.AddDate(0, 0, -3)
	if _, _, err := l.Record(context.Background(), []Entry{entry(t, "b", past, dollar)}, past, DefaultBudget(), Zone{}); err == nil || !strings.Contains(err.Error(), "set the clock") {
		t.Errorf("%v", err)
	}
	if all, err := l.Entries(); err != nil || len(all) != 1 {
		t.Errorf("%d, %v", len(all), err)
	}
}

func FuzzChain(f *testing.F) {
	k := Link{Month: "2026-10", File: "entries/2026-10/" + strings.Repeat("0", 32) + ".jsonl"}
	k.Hash, _ = k.hash()
	f.Add([]byte(`{"month":"2026-10","hash":"x"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if links, err := ParseChain(data); err == nil && len(links) == 0 && len(data) > 0 {
			t.Error("something is nothing")
		}
	})
}

// Reservations count while they are open, and what they did cost until its
// entry is there: never twice, never not at all.
func TestHolds(t *testing.T) {
	b := DefaultBudget()
	open := Hold{ID: "o", USD: 2 * dollar, At: noon.Add(-time.Hour), Expires: noon.Add(time.Hour)}
	settled := Hold{ID: "s", USD: 3 * dollar, At: noon.Add(-time.Hour), Settled: true}
	yesterday := Hold{ID: "y", USD: 3 * dollar, At: noon.AddDate(0, 0, -1), Settled: true}
	expired := Hold{ID: "e", USD: 4 * dollar, At: noon.Add(-2 * time.Hour), Expires: noon}
	holds := []Hold{open, settled, yesterday, expired}
	s := b.Standing(nil, Zone{}, noon, holds...)
	if s[0].Reserved != 5*dollar || s[1].Reserved != 8*dollar {
		t.Errorf("%+v", s)
	}
	here := entry(t, settled.Key(), noon.Add(-time.Hour), 3*dollar)
	if s := b.Standing([]Entry{here}, Zone{}, noon, holds...); s[0].Reserved != 2*dollar || s[0].Spent != 3*dollar {
		t.Errorf("%+v", s)
	}
	got := b.Allow(nil, Zone{}, noon, Request{Estimate: 3 * dollar, Holds: holds})
	if got.Allowed || !strings.Contains(got.Reason, "$5.00 that is reserved") {
		t.Errorf("%+v", got)
	}
}
