package costs

import (
	"context"
	"fmt"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs/prices"
)

// largeLedger is a ledger of n calls in twelve months, and their sum as big.Rat
// has it, call by call, from what was used.
func largeLedger(t testing.TB, n int) (Ledger, *big.Rat) {
	t.Helper()
	table, err := prices.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	l := Ledger{Dir: filepath.Join(t.TempDir(), "costs")}
	b := NewBatch(appendNow, n, t.TempDir())
	defer b.Close()
	sum := new(big.Rat)
	start := appendNow.AddDate(-1, 0, 0)
	step := appendNow.Sub(start) / time.Duration(n)
	models := []string{"claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5", "gpt-5"}
	for i := range n {
		e := Entry{
			Key: fmt.Sprintf("%sclaude:msg_01%022d:req_011%021d", LogPrefix, i, i), Time: start.Add(time.Duration(i) * step), Category: "llm",
			Source: "claude", Branch: fmt.Sprintf("feature/f%d", i%40), Feature: fmt.Sprintf("f%d", i%40),
		}
		u := Usage{Model: models[i%len(models)], Input: int64(3 + i%977), Output: int64(1 + i%1009), CacheRead: int64(i % 100_003), CacheWrite: int64(i % 4001)}
		if e, err = e.Price(u, table); err != nil {
			t.Fatal(err)
		}
		call := new(big.Rat)
		for _, q := range e.Units { // pico-dollars: rounded to nano-dollars once, half up
			call.Add(call, new(big.Rat).SetInt64(int64(q.N/one)*int64(q.Rate)))
		}
		nano := call.Quo(call, big.NewRat(1000, 1)).Add(call, big.NewRat(1, 2))
		sum.Add(sum, new(big.Rat).SetInt(new(big.Int).Quo(nano.Num(), nano.Denom())))
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := l.Append(context.Background(), b, DefaultBudget(), Zone{}); err != nil {
		t.Fatal(err)
	}
	return l, sum.Quo(sum, big.NewRat(1_000_000_000, 1))
}

// What is read, folded, packed and verified adds up to the last digit.
func TestLargeLedger(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 5_000
	}
	l, want := largeLedger(t, n)
	ctx := context.Background()
	exact := func(step string, got Nano) {
		t.Helper()
		if r, ok := new(big.Rat).SetString(got.String()); !ok || r.Cmp(want) != 0 {
			t.Errorf("%s: $%s, want $%s", step, got, want.FloatString(9))
		}
	}
	all, err := l.Entries()
	if err != nil || len(all) != n {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	exact("entries", total(all))
	if links, err := l.Pack(ctx, "2026-11"); err != nil || len(links) != 12 {
		t.Fatalf("%d links, %v", len(links), err)
	}
	v, err := l.Verify(DefaultBudget(), Zone{})
	if err != nil || v.Entries != n {
		t.Fatalf("%+v, %v", v, err)
	}
	exact("verify", v.Total)
	more := sealed(t, Entry{Key: "id:more", Time: appendNow, Category: "api", Source: "manual", Basis: Reported, USD: 1})
	if _, _, err = l.Record(ctx, []Entry{more}, appendNow, DefaultBudget(), Zone{}); err != nil {
		t.Fatal(err)
	}
	if all, err = l.Entries(); err != nil {
		t.Fatal(err)
	}
	exact("record", total(all)-1)
}
