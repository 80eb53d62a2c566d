package costs

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What Current reads is what the whole ledger gives of the same days, whatever
// stands in the months before, and with keys that were kept, cut or of another
// file.
func TestCurrent(t *testing.T) {
	zone, err := ParseZone("Asia/Tokyo") // its November begins in October
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	entry := func(key string, month time.Month, day int, usd Nano) Entry {
		return sealed(t, Entry{Key: key, Time: time.Date(2026, month, day, 20, 0, 0, 0, time.UTC), Category: "api", Source: "manual", Basis: Reported, USD: usd})
	}
	var old []Entry
	for day := range 600 { // more than is small
		old = append(old, entry("id:old"+time.Duration(day).String(), 8, 1+day%28, 1))
	}
	night, now := entry("id:night", 10, 31, 2), entry("id:now", 11, 1, 4)
	twice := entry("id:old0s", 11, 1, 1)
	fixed := now
	fixed.Replaces, fixed.Reason, fixed.USD, fixed.Time = now.ID, "x", 5, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	for name, more := range map[string][]Entry{
		"plain": {night, now}, "told before": {night, now, twice}, "corrected elsewhere": {night, now, sealed(t, fixed)},
	} {
		t.Run(name, func(t *testing.T) {
			l := Ledger{Dir: filepath.Join(t.TempDir(), "costs"), Keys: filepath.Join(t.TempDir(), "keys")}
			for _, list := range [][]Entry{old, more} { // as two branches that were merged
				if err := l.write(slices.Clone(list)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := l.Pack(context.Background(), "2026-09"); err != nil {
				t.Fatal(err)
			}
			all, err := l.Entries()
			if err != nil {
				t.Fatal(err)
			}
			want := zone.Current(slices.Values(all), at)
			same := func(step string) {
				t.Helper()
				got, err := l.Current(zone, at)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", step, diff)
				}
			}
			same("first")
			same("again")
			kept, err := filepath.Glob(filepath.Join(l.Keys, "*"))
			if err != nil || len(kept) == 0 {
				t.Fatalf("nothing is kept: %v", err)
			}
			for _, path := range kept {
				if err := os.WriteFile(path, []byte(sheetHeader+"x"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			same("cut")
		})
	}
}

// A file of a month that is over, and was cut since, is noticed.
func TestCurrentNoticesACut(t *testing.T) {
	l, _ := largeLedger(t, 3_000)
	l.Keys = t.TempDir()
	if _, err := l.Current(Zone{}, appendNow); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(l.Dir, "entries", "2026-03", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Truncate(files[0], 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Current(Zone{}, appendNow); err == nil {
		t.Error("a file that was cut is taken")
	}
}
