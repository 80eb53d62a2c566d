package costs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/costs/prices"
)

// recordAll is Record as it would be if it read every entry: what Record has to
// equal.
func (l Ledger) recordAll(entries []Entry, now time.Time, b Budget, z Zone) (added, all []Entry, err error) {
	old, err := l.Entries()
	if err != nil {
		return nil, nil, err
	}
	if len(old) > 0 {
		if last := old[len(old)-1]; last.Time.After(now.Add(grace)) {
			return nil, nil, fmt.Errorf("the clock says %s, and the ledger has an entry of %s (%s): set the clock",
				now.UTC().Format(time.RFC3339), last.Time.Format(time.RFC3339), last.ID)
		}
	}
	if added, all, err = l.add(old, entries); err != nil {
		return nil, nil, err
	}
	return added, all, l.fold(make(folding), slices.Values(all), b, z)
}

// files are all files of a ledger, by name.
func (l Ledger) files(t *testing.T) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(l.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(l.Dir, path)
		files[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// gambler does things to a ledger that come from a seed.
type gambler struct {
	*rand.Rand
	t     *testing.T
	l     Ledger
	now   time.Time
	zone  Zone
	zones []Zone
	back  time.Month // how many months ago the next entries are
	known []Entry    // that were made, of which some may be in the ledger
}

func (g *gambler) entry(key string) Entry {
	long := strings.Repeat("x", 480) // so that a few entries are no small file
	// Near the ends of months, where zones differ: few days, so few books.
	at := time.Date(2026, g.now.Month()-g.back, 1, g.IntN(60)-30, g.IntN(60), 0, 0, time.UTC)
	if at.After(g.now) {
		at = g.now
	}
	e := Entry{
		Key: key, Time: at, Category: []string{"llm", "compute"}[g.IntN(2)], USD: Nano(g.Int64N(int64(dollar))), Basis: Reported,
		Source: "test", Feature: fmt.Sprintf("f%d", g.IntN(4)), Branch: long + fmt.Sprint(g.IntN(3)), Commit: long, Reason: long,
	}
	if g.IntN(3) == 0 {
		e.Model, e.Basis, e.USD = fmt.Sprintf("m%d", g.IntN(2)), Unpriced, 0
		e.Units = []Quantity{{Unit: prices.Output, N: Count(1+g.IntN(9)) * one}}
	}
	if g.IntN(3) == 0 {
		e.Feature = ""
	}
	return g.seal(e)
}

func (g *gambler) seal(e Entry) Entry {
	e, err := e.Seal(g.now)
	if err != nil {
		g.t.Fatal(err)
	}
	g.known = append(g.known, e)
	return e
}

func (g *gambler) key() string {
	return fmt.Sprintf("%s:%d", []string{"id", "log:claude"}[g.IntN(2)], g.Int64())
}

// again is a telling of an event that was told before: the same, another one, one
// that goes further, or a correction.
func (g *gambler) again() Entry {
	if len(g.known) == 0 {
		return g.entry(g.key())
	}
	e := g.known[g.IntN(len(g.known))]
	switch g.IntN(5) {
	case 0:
		return e
	case 1:
		return g.entry(e.Key)
	case 2:
		e.Units = append(slices.Clone(e.Units), Quantity{Unit: prices.Output, N: 5 * one})
	case 3:
		e.Replaces, e.Reason, e.USD = e.ID, "wrong", e.USD+1
	default:
		e.Branch = "elsewhere"
	}
	return g.seal(e)
}

// month is a month's worth of entries, in a file that is not small.
func (g *gambler) month() (list []Entry) {
	g.back = time.Month(g.IntN(5))
	for range 100 { // in two months
		list = append(list, g.entry(g.key()))
	}
	return list
}

// disturb changes the ledger as imports, merges, killed writers and packing do.
func (g *gambler) disturb() {
	if _, err := g.l.Entries(); err != nil || len(g.known) == 0 { // begin anew, or nothing else is tried
		err = os.RemoveAll(g.l.Dir)
		for range 3 {
			err = errors.Join(err, g.l.write(g.month()))
		}
		if err != nil {
			g.t.Fatal(err)
		}
	}
	var err error
	switch g.IntN(8) {
	case 0, 1: // a merge, or a writer that was killed before it wrote the books
		err = g.l.write(g.month())
	case 2:
		e := g.again()
		if !strings.HasPrefix(e.Key, "id:") || e.Replaces != "" || g.IntN(8) == 0 { // else nearly all that follows is refused
			err = g.l.write([]Entry{e})
		}
	case 3:
		_, err = g.l.Pack(context.Background(), g.now.AddDate(0, -g.IntN(4), 0).Format("2006-01"))
	case 4:
		if e := g.again(); e.Replaces == "" {
			_, _, err = g.l.Correct(e.ID, func(e Entry) (Entry, error) {
				e.Replaces, e.USD = e.ID, e.USD+7
				return g.seal(e), nil
			})
		}
	case 5:
		g.zone = g.zones[g.IntN(len(g.zones))]
	case 6:
		for _, pattern := range []string{g.l.Keys + "/*", g.l.Dir + "/daily-*.json"} {
			files, _ := filepath.Glob(pattern)
			if len(files) > 0 {
				path := files[g.IntN(len(files))]
				_ = os.WriteFile(path, []byte(`{"entries": 3}`), 0o644)
			}
		}
	case 7:
		g.now = g.now.Add(time.Duration(g.Int64N(int64(5 * 24 * time.Hour))))
	}
	_ = err // two may tell one event in two ways now, or nothing has the id: Record has to say the same
}

// record records something here, and in a copy with all that is there read: both
// have to say and to write the same.
func (g *gambler) record(step string) (read, far int) {
	g.t.Helper()
	g.back = time.Month(g.IntN(5))
	entries := []Entry{g.entry(g.key())}
	if g.IntN(3) == 0 {
		entries = []Entry{g.again()}
	}
	now := g.now
	if g.IntN(20) == 0 {
		now = now.AddDate(0, -2, 0) // a clock that jumped back
	}
	whole := Ledger{Dir: filepath.Join(g.t.TempDir(), "costs")}
	if err := os.CopyFS(whole.Dir, os.DirFS(g.l.Dir)); err != nil {
		g.t.Fatal(err)
	}
	wantAdded, all, wantErr := whole.recordAll(slices.Clone(entries), now, DefaultBudget(), g.zone)
	s, _ := g.l.survey(g.zone, entries, now)
	added, near, err := g.l.Record(context.Background(), slices.Clone(entries), now, DefaultBudget(), g.zone)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		g.t.Fatalf("%s: error %v, want %v", step, err, wantErr)
	}
	if diff := cmp.Diff(wantAdded, added); diff != "" {
		g.t.Fatalf("%s: added %s", step, diff)
	}
	if diff := cmp.Diff(whole.files(g.t), g.l.files(g.t)); diff != "" && wantErr == nil {
		g.t.Fatalf("%s: %.4000s", step, diff)
	}
	for _, at := range []time.Time{now, entries[0].Time} {
		if err != nil {
			break
		}
		if diff := cmp.Diff(g.zone.Current(slices.Values(all), at), g.zone.Current(slices.Values(near), at)); diff != "" {
			g.t.Fatalf("%s: near %s", step, diff)
		}
		around, count, err := g.l.Around(g.zone, at)
		if diff := cmp.Diff(g.zone.Current(slices.Values(all), at), around); diff != "" || err != nil || count != len(all) {
			g.t.Fatalf("%s: around: %d of %d entries, %v, %s", step, count, len(all), err, diff)
		}
	}
	return len(s.near), len(s.far)
}

// Whatever has happened to a ledger, Record writes what it would if it read all of
// it, and refuses what it would refuse.
func TestRecordIsAsIfAllWereRead(t *testing.T) {
	var zones []Zone
	for _, name := range []string{"", "Asia/Tokyo", "America/New_York", "Pacific/Apia", "Europe/Berlin"} {
		z, err := ParseZone(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, z)
	}
	steps := 25
	if testing.Short() {
		steps = 10
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir := t.TempDir()
			g := &gambler{
				Rand: rand.New(rand.NewPCG(seed, 6)), t: t, l: Ledger{Dir: filepath.Join(dir, "costs"), Keys: filepath.Join(dir, "keys")},
				now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), zones: zones,
			}
			far := 0
			for n := range steps {
				g.disturb()
				_, unread := g.record(fmt.Sprintf("step %d", n))
				far += unread
			}
			if far < steps/4 {
				t.Errorf("in %d steps %d files were not read: the test has tried little", steps, far)
			}
			t.Logf("%d files not read", far)
		})
	}
}

// What is kept of a file has this form: where it changes, or what is folded does,
// sheetHeader needs another name, or what older programs kept would be believed.
func TestSheetForm(t *testing.T) {
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	zone, err := ParseZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	a := sealed(t, Entry{Key: "a", Time: at, Category: "llm", Model: "m", Basis: Unpriced, Source: "test", Feature: "f", Units: []Quantity{{Unit: "output", N: one}}})
	b := sealed(t, Entry{Key: "b", Time: at.AddDate(0, -2, 0), Category: "llm", Model: "n", Basis: Reported, USD: 3, Source: "test", Replaces: "x"})
	s, err := newSheet([]Entry{a, b}, zone)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"zone":"Europe/Berlin 7200 until 1792890000 3600","first":"2026-09-27T12:00:00Z","last":"2026-11-27T12:00:00Z","entries":2,"size":"0.000000003","outward":["x"],"days":{` +
		`"2026-09-27":{"categories":{"llm":"0.000000003"},"models":{"n":"0.000000003"},"features":{},"unpriced":[],"entries":1,"total":"0.000000003","uses":{}},` +
		`"2026-11-27":{"categories":{"llm":"0.00"},"models":{"m":"0.00"},"features":{"f":"0.00"},"unpriced":["m"],"entries":1,"total":"0.00","uses":{"f":1}}}}`
	if diff := cmp.Diff(want, string(s.form)); diff != "" || sheetHeader != "wf-ci/sheet/v1\n" {
		t.Errorf("%q: %s", sheetHeader, diff)
	}
}

// Verify finds a sheet that is not what its file gives; one that was cut is made
// again.
func TestVerifyReadsSheets(t *testing.T) {
	l, _ := largeLedger(t, 3_000)
	l.Keys = t.TempDir()
	if _, _, err := l.Around(Zone{}, appendNow); err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(l.Keys, "*"))
	if err != nil || len(kept) == 0 {
		t.Fatal(kept, err)
	}
	verify := func() error {
		_, err := l.Verify(DefaultBudget(), Zone{})
		return err
	}
	if err := verify(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	lie := []byte(strings.Replace(string(data), `"entries":`, `"entries":1`, 1))
	if err := os.WriteFile(kept[0], lie, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := verify(); err != nil {
		t.Errorf("a sheet without its hash is believed: %v", err)
	}
	sum := sha256.Sum256(lie[:len(lie)-sha256.Size])
	if err := os.WriteFile(kept[0], append(lie[:len(lie)-sha256.Size], sum[:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := verify(); err == nil || !strings.Contains(err.Error(), "is not what costs/entries/") {
		t.Errorf("a sheet with another sum: %v", err)
	}
}

// What a file that was not read could change is seen all the same.
func TestRecordReadsAllWhereItMust(t *testing.T) {
	g := &gambler{Rand: rand.New(rand.NewPCG(1, 2)), t: t, now: appendNow}
	for name, tt := range map[string]struct {
		now  time.Time
		more func(e Entry) Entry // beside a large file that holds e
		want string
	}{
		"a clock that jumped back": {appendNow.AddDate(0, -2, 0), func(Entry) Entry { return g.entry("id:small") }, "set the clock"},
		"a correction under another key": {appendNow, func(e Entry) Entry {
			e.Key, e.Replaces, e.Time = "id:elsewhere", e.ID, appendNow
			return g.seal(e)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := Ledger{Dir: filepath.Join(dir, "costs"), Keys: filepath.Join(dir, "keys")}
			g.back = 0
			if name != "a clock that jumped back" {
				g.back = 3
			}
			var list []Entry
			for len(list) < 60 {
				if e := g.entry(g.key()); e.Time.Day() < 15 { // one month, one file
					list = append(list, e)
				}
			}
			g.back = 6
			if err := errors.Join(l.write(slices.Clone(list)), l.write([]Entry{tt.more(list[7])})); err != nil {
				t.Fatal(err)
			}
			e := sealed(t, Entry{Key: "id:new", Time: appendNow.AddDate(0, -6, 0), Category: "api", Source: "test", Basis: Reported, USD: 1})
			_, _, err := l.Record(context.Background(), []Entry{e}, tt.now, DefaultBudget(), Zone{})
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %s", err, tt.want)
				}
				return
			}
			all, errAll := l.Entries()
			want, errFold := Fold(all, DefaultBudget(), Zone{})
			if err := errors.Join(err, errAll, errFold); err != nil {
				t.Fatal(err)
			}
			files := l.files(t)
			for book, data := range want {
				if files[book] != string(data) {
					t.Errorf("%s: %s", book, cmp.Diff(string(data), files[book]))
				}
			}
		})
	}
}
