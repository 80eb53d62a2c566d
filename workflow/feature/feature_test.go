package feature

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rhysd/actionlint"

	"github.com/wf-ci/wf-ci/costs"
)

// actionlint has nothing to say about the templates, whatever the branch.
func TestTemplatesAreClean(t *testing.T) {
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, branch := range []string{"main", "release/1.x", "with-\"quote\""} {
		list, err := Templates(branch)
		if err != nil || len(list) != 3 {
			t.Fatal(list, err)
		}
		for _, x := range list {
			found, err := linter.Lint(x.Path, []byte(x.Text), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range found {
				t.Errorf("%s, branch %s: %v", x.Name, branch, e)
			}
			if strings.Contains(x.Text, "BRANCH") || !strings.Contains(x.Text, "permissions: {}") {
				t.Errorf("%s:\n%s", x.Name, x.Text)
			}
		}
	}
	if found, err := linter.Lint("x.yml", []byte("on: [puush]\njobs: {}\n"), nil); err != nil || len(found) == 0 {
		t.Errorf("actionlint finds nothing at all: %v", err)
	}
}

// The ledger's rates count where there are enough recent calls that were paid.
func TestRatesOfTheLedger(t *testing.T) {
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	var entries []costs.Entry
	add := func(n int, usd costs.Nano, change func(*costs.Entry)) {
		for i := range n {
			e := costs.Entry{Key: fmt.Sprint(len(entries), i), Time: now.Add(-time.Hour), Category: "llm", USD: usd, Basis: costs.List}
			if change != nil {
				change(&e)
			}
			entries = append(entries, e)
		}
	}
	add(19, 20_000_000, nil)
	add(40, 1, func(e *costs.Entry) { e.Time = now.Add(-91 * 24 * time.Hour) })
	add(40, 1, func(e *costs.Entry) { e.Basis = costs.Subscription })
	add(40, 1, func(e *costs.Entry) { e.Category = "ci" })
	if r := RatesOf(entries, now); r.Development.USD != developmentRate || r.Development.Calls != 0 || r.Testing.USD != testingRate {
		t.Errorf("19 calls: %+v", r)
	}
	add(1, 40_000_000, nil)
	add(20, 7_000, func(e *costs.Entry) { e.Task = "Unit tests" })
	r := RatesOf(entries, now)
	if r.Development != (Rate{21_000_000, 20}) || r.Testing != (Rate{7_000, 20}) {
		t.Errorf("%+v", r)
	}
	e, err := NewEstimate(&File{Tasks: []Task{{ID: "a", Hours: 2 * hour}, {ID: "t", Hours: hour, Phase: "testing"}}}, r, 0)
	if err != nil || e.Total.String() != "2.10021" || !e.Review {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := NewEstimate(&File{Tasks: []Task{{ID: "a", Hours: hoursMost * hour}}}, Rates{Development: Rate{USD: 1 << 50}}, 0); err == nil {
		t.Error("too much is an error")
	}
}

func TestUnder(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "## Done\n\n- a\n"},
		{"# P\n", "# P\n\n## Done\n\n- a\n"},
		{"# P\n\n## done\n\n- x\n\n## Next\n- y\n", "# P\n\n## done\n\n- x\n- a\n\n## Next\n- y\n"},
		{"## Done\n## Next\n", "## Done\n\n- a\n\n## Next\n"},
		{"## Done\n- a\n", "## Done\n- a\n"},
	} {
		if got := Under(tt.text, "Done", []string{"a", "a"}); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
		if again := Under(tt.want, "Done", []string{"a"}); again != tt.want {
			t.Errorf("%q, again: %q", tt.want, again)
		}
	}
}

func TestTick(t *testing.T) {
	text := "- [ ] api: Build it\r\n  - [ ] Build the UI.\n- [x] api: again\n- [ ] apis: other\nbuild the ui\n"
	got, n := Tick(text, []Task{{ID: "api"}, {ID: "ui", Title: "build the UI"}})
	if want := "- [x] api: Build it\r\n  - [x] Build the UI.\n- [x] api: again\n- [ ] apis: other\nbuild the ui\n"; got != want || n != 2 {
		t.Errorf("%d: %q", n, got)
	}
}

func TestSubject(t *testing.T) {
	for _, tt := range []struct{ kind, scope, text, want string }{
		{"feat", "api", "pay by card.", "feat(api): pay by card"}, {"fix!", "", "x\ny", "fix!: x y"}, {"feat", "a b", "x", ""},
		{"feature", "", "x", ""}, {"feat", "", " ", ""}, {"feat", "", strings.Repeat("x", 101), ""}, {"feat!", "api", "x", "feat(api)!: x"},
	} {
		if got, err := Subject(tt.kind, tt.scope, tt.text); got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{"Check out / v2": "check-out-v2", "feature/x": "x", "../../etc": "etc", "": "", "//": "", "Größe": "größe"} {
		if got := Slug(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestStand(t *testing.T) {
	f := Facts{}
	for _, step := range []struct {
		change func()
		want   string
	}{
		{func() {}, "plan"}, {func() { f.Brief = true }, "plan"}, {func() { f.Plan, f.Tasks, f.Database = true, 2, 1 }, "schema"},
		{func() { f.Merged, f.DatabaseMerged = 1, 1 }, "build"}, {func() { f.Schema = "fail" }, "schema"}, {func() { f.Schema = "error" }, "schema"},
		{func() { f.Schema = "pass" }, "build"}, {func() { f.Merged = 2 }, "security"}, {func() { f.Gates = "inconclusive" }, "security"},
		{func() { f.Gates = "pass" }, "ship"}, {func() { f.Ship = true }, "shipped"}, {func() { f.Open = 1 }, "plan"},
	} {
		step.change()
		if now, phases := Stand(f); now != step.want || len(phases) != 5 {
			t.Errorf("%+v: %s, want %s", f, now, step.want)
		}
	}
}
