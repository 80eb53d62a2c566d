package costs

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the decoder takes, encoding/json reads in the same way; and what Seal has
// made, the decoder takes.
func FuzzDecoder(f *testing.F) {
	call := logEntry(f, "claude:m:r", 10)
	call.Feature, call.Branch = "x", "feature/x"
	machine := Entry{Key: "id:1", Time: appendNow, Category: "compute", Source: "manual", Basis: Reported, USD: -1, Reason: "\"<é", Units: []Quantity{{Unit: "hours", N: 1_500_000, Rate: 7}}}
	for _, e := range []Entry{call, machine} {
		_, line, err := sealed(f, e).line(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(line))
	}
	f.Add(`{"id":"","key":"k","time":"2026-11-27T00:00:00Z","category":"c","units":[{"unit":"u","n":1.,"rate":-0}],"usd":"0.1","basis":"list","source":"s"}`)
	f.Fuzz(func(t *testing.T, line string) {
		d := newDecoder()
		got, ok := d.plain([]byte(line))
		if !ok {
			return
		}
		if id, _, err := got.line(nil); err != nil || id != got.ID {
			return
		}
		var want Entry
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: %s", line, diff)
		}
	})
}

func TestDecodeTakesWhatSealMakes(t *testing.T) {
	_, line, err := sealed(t, logEntry(t, "claude:m:r", 10)).line(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := newDecoder().plain(line); !ok {
		t.Errorf("read by reflection: %s", line)
	}
}
