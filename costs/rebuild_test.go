package costs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Books that git could not merge are ours: they are folded again, and nothing of
// them is put aside. What only looks so is another's.
func TestRebuildAfterAConflict(t *testing.T) {
	l := ledger(t)
	if _, err := l.Add([]Entry{entry(t, "a", noon, dollar)}); err != nil {
		t.Fatal(err)
	}
	rebuild := func() map[string]string {
		t.Helper()
		if _, err := l.Rebuild(context.Background(), DefaultBudget(), Zone{}); err != nil {
			t.Fatal(err)
		}
		return l.files(t)
	}
	want := rebuild()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(l.Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, base := range []string{"", "||||||| base\n  \"entries\": 7,\n"} {
		sides := strings.Replace(want["mtd.json"], `  "entries": 1,`+"\n", "<<<<<<< HEAD\n  \"entries\": 2,\n"+base+"=======\n  \"entries\": 3,\n>>>>>>> left\n", 1)
		if sides == want["mtd.json"] {
			t.Fatal(sides)
		}
		put("mtd.json", sides)
		put("by-feature.jsonl", "<<<<<<< HEAD\n"+`{"feature":"a","date":"2026-11-27","cost":"1.00","entries":1}`+"\n=======\n"+`{"feature":"b","date":"2026-11-27","cost":"1.00","entries":1}`+"\n>>>>>>> left\n")
		if got := rebuild(); len(got) != len(want) || got["mtd.json"] != want["mtd.json"] {
			t.Errorf("%q", got)
		}
	}
	put("mtd.json", "<<<<<<< HEAD\nmy notes\n=======\nyours\n>>>>>>> left\n")
	if got := rebuild(); got["before/mtd.json"] == "" {
		t.Errorf("what is not ours is gone: %q", got)
	}
}
