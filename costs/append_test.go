package costs

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs/prices"
)

var appendNow = time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)

// logEntry is a call from a log that has given so many tokens so far.
func logEntry(t testing.TB, key string, output int64) Entry {
	t.Helper()
	table, err := prices.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e := Entry{Key: LogPrefix + key, Time: appendNow.Add(-time.Hour), Category: "llm", Source: "claude"}
	e, err = e.Price(Usage{Model: "claude-sonnet-4-5", Input: 3, Output: output}, table)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func appendAll(t testing.TB, l Ledger, entries ...Entry) (added int, total Nano) {
	t.Helper()
	b := NewBatch(appendNow, len(entries), t.TempDir())
	defer b.Close()
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	n, all, err := l.Append(context.Background(), b, DefaultBudget(), Zone{})
	if err != nil {
		t.Fatal(err)
	}
	read, err := l.Entries() // what is on the disk says the same
	told := 0
	for range all {
		told++
	}
	if err != nil || len(read) != told {
		t.Fatalf("%d entries on the disk, %d told: %v", len(read), told, err)
	}
	for _, e := range read {
		total += e.USD
	}
	return len(n), total
}

func TestAppend(t *testing.T) {
	l := Ledger{Dir: filepath.Join(t.TempDir(), "costs")}
	one, grown := logEntry(t, "claude:m1:r1", 10), logEntry(t, "claude:m1:r1", 500)
	other := logEntry(t, "claude:m2:r2", 7)
	if n, total := appendAll(t, l, one, other, one); n != 2 || total != one.USD+other.USD {
		t.Errorf("first: %d, %s", n, total)
	}
	if n, total := appendAll(t, l, other, one); n != 0 || total != one.USD+other.USD {
		t.Errorf("again: %d, %s", n, total)
	}
	if n, total := appendAll(t, l, grown); n != 1 || total != grown.USD+other.USD {
		t.Errorf("grown: %d, %s", n, total)
	}
	if n, total := appendAll(t, l, one); n != 0 || total != grown.USD+other.USD {
		t.Errorf("an old telling: %d, %s", n, total)
	}
	replay := logEntry(t, "claude:m1:r9", 500)
	replay.Task = "subagent"
	if n, _ := appendAll(t, l, replay); n != 0 {
		t.Error("a replay of a parent's call counts")
	}
}

// A batch that does not fit into memory is written as one that does, whatever
// order its entries come in.
func TestLargeBatch(t *testing.T) {
	l := Ledger{Dir: filepath.Join(t.TempDir(), "costs")}
	entries := make([]Entry, 3000)
	var want Nano
	for i := range entries {
		entries[i] = logEntry(t, fmt.Sprintf("claude:m%d:r", i), int64(i))
		entries[i].Time = appendNow.Add(-time.Duration(i%7) * 400 * time.Hour)
		want += entries[i].USD
	}
	if n, total := appendAll(t, l, entries...); n != len(entries) || total != want {
		t.Errorf("%d, %s; want %s", n, total, want)
	}
	if n, total := appendAll(t, l, entries...); n != 0 || total != want {
		t.Errorf("again: %d, %s", n, total)
	}
}

// Two ledgers that read one log at two times are merged, as git merges them:
// all files of both.
func TestTellingsOfOneCallAreNoConflict(t *testing.T) {
	a, b := logEntry(t, "claude:m1:r1", 10), logEntry(t, "claude:m1:r1", 500)
	free := a
	free.USD, free.Basis, free.Model = 0, Unpriced, "x"
	var list []Entry
	for _, e := range []Entry{a, b, free} {
		e, err := e.Seal(appendNow)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	for range 20 {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		got, err := Once(append([]Entry(nil), list...))
		if err != nil || len(got) != 1 || got[0].USD != b.USD {
			t.Fatalf("got %v, %v", got, err)
		}
	}
	manual := list[0]
	manual.Key = "id:x"
	other := manual
	other.USD++
	if _, err := Once([]Entry{sealed(t, manual), sealed(t, other)}); err == nil {
		t.Error("two that a person recorded under one id are no conflict")
	}
}

func sealed(t testing.TB, e Entry) Entry {
	t.Helper()
	e, err := e.Seal(appendNow)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestFaster(t *testing.T) {
	e := logEntry(t, "claude:m:r", 1000)
	six, err := e.Faster(6)
	if err != nil || six.USD != 6*e.USD {
		t.Errorf("%s, %v; want six times %s", six.USD, err, e.USD)
	}
}

// An entry is written as encoding/json writes it: ids that were given before
// still hold.
func FuzzEntryJSON(f *testing.F) {
	f.Add("key", "m", "feature/x", int64(1), int64(5), int64(1793527200))
	f.Add("k\"<>&\u2028\x7f\xff", "", "\\", int64(-7), int64(1_500_000), int64(0))
	f.Fuzz(func(t *testing.T, key, model, branch string, usd, n, at int64) {
		e := Entry{ID: "x", Key: key, Time: time.Unix(at%4e9, n%1e9).UTC(), Model: model, Branch: branch, USD: Nano(usd), Basis: List, Reason: model}
		if n >= 0 {
			e.Units = []Quantity{{Unit: "input", N: Count(n), Rate: 3}, {Unit: key, N: one, Rate: -1}}
		}
		want, err := json.Marshal(e)
		if err != nil {
			t.Skip()
		}
		if got, err := e.appendJSON(nil); err != nil || string(got) != string(want) {
			t.Errorf("got  %s\nwant %s (%v)", got, want, err)
		}
	})
}

// In 128 bits it comes to what it does in as many as are needed.
func FuzzSmallCost(f *testing.F) {
	f.Add(int64(1_000_000), int64(3_000_000), int64(7_500_000), int64(1))
	f.Add(int64(1<<62), int64(1<<62), int64(1<<62), int64(1<<62))
	f.Fuzz(func(t *testing.T, a, b, c, d int64) {
		units := []Quantity{{N: Count(a), Rate: prices.Rate(b)}, {N: Count(c), Rate: prices.Rate(d)}}
		got, ok := smallCost(units)
		want, err := largeCost(units)
		if ok && (err != nil || got != want) {
			t.Errorf("got %d, want %d (%v)", got, want, err)
		}
	})
}
