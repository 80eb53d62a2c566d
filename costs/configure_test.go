package costs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultConfigSaysWhatHoldsWithoutIt(t *testing.T) {
	b, err := ParseBudget("f", DefaultBudget().config())
	if err != nil {
		t.Fatal(err)
	}
	if d := DefaultBudget(); b.Budgets != d.Budgets || b.Controls != d.Controls {
		t.Errorf("the file says %+v", b)
	}
}

func TestConfigure(t *testing.T) {
	daily := []Setting{{"budgets.daily.soft_limit", "8"}, {"budgets.daily.hard_limit", "9.50"}}
	for _, c := range []struct{ name, before, after, err string }{
		{name: "no file", after: "\n    \"daily\": {\"soft_limit\": 8, \"hard_limit\": 9.50, \"alert_threshold\": 0.8},\n"},
		{
			name:   "only these values change",
			before: "{ \"ours\": [1,\t2],\n \"budgets\": {\"daily\": {\"hard_limit\": 7, \"x\": null, \"soft_limit\": 5}}}\n\n",
			after:  "{ \"ours\": [1,\t2],\n \"budgets\": {\"daily\": {\"hard_limit\": 9.50, \"x\": null, \"soft_limit\": 8}}}\n\n",
		},
		{name: "an empty document", before: "{}", after: `"hard_limit":9.50`},
		{name: "a key twice", before: `{"budgets": {"daily": {"soft_limit": 5, "hard_limit": 7, "hard_limit": 8.5}}}`, err: "stands there twice"},
		{name: "broken", before: `{"budgets": `, err: "costs/budget-config.json"},
		{name: "broken already", before: `{"budgets": {"weekly": {"soft_limit": -1}}}`, err: "a limit is negative"},
		{name: "no object where one is wanted", before: `{"budgets": 3}`, err: "costs/budget-config.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, lock := filepath.Join(t.TempDir(), "costs"), filepath.Join(t.TempDir(), "lock")
			path := filepath.Join(dir, configName)
			if c.before != "" {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(c.before), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			b, err := Ledger{Dir: dir, Lock: lock}.Configure(t.Context(), daily)
			after, _ := os.ReadFile(path)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				if string(after) != c.before {
					t.Errorf("changed to %s", after)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(after), c.after) {
				t.Errorf("got %s, want %s", after, c.after)
			}
			if want := (Limits{8 * dollar, 9*dollar + dollar/2, 0.8}); b.Budgets.Daily != want {
				t.Errorf("got %+v", b.Budgets.Daily)
			}
		})
	}
}
