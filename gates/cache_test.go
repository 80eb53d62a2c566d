package gates_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// counted is a gate that can be cached, and how often it ran.
func counted(out gates.Outcome, err error) (gates.Gate, *int) {
	n := new(int)
	g := newGate("g", func(context.Context, *gates.Target) (gates.Outcome, error) {
		*n++
		out := out
		out.Findings = slices.Clone(out.Findings)
		return out, err
	})
	g.CacheKey = "engine 1"
	return g, n
}

func withCache(c gates.Cache) gates.Options {
	o := options()
	o.Cache = c
	return o
}

// An outcome from the cache makes the same verdict, byte for byte.
func TestCachedOutcomeIsTheSame(t *testing.T) {
	t.Parallel()
	full := gates.Outcome{
		Findings: []gates.Finding{
			{Rule: "r", Severity: gates.SeverityError, Path: "caf\xe9/\"q\"\n.go", Line: 1, Column: 2, EndLine: 3, EndColumn: 4, Commit: "c", Message: "<&>\u2028 \x00 na\xefve"},
			{Rule: "r", Severity: "odd", Path: `"quoted"`, Message: "m", Fingerprint: "mine"},
			{Rule: "caf\xe9"},
		},
		Examined: gates.Examined{Files: 1, Commits: 2, Bytes: 1 << 60, Results: 4},
		Engine:   gates.Engine{Name: "e", Version: "1.0"},
		Metrics:  map[string]float64{"a": 1.0 / 3, "b": 1e300, "c": math.Copysign(0, -1), "d": 81.25},
		Rules:    []gates.Rule{{ID: "z", Title: "t", Help: "h", URI: "u", Tags: []string{"x"}, Security: "7.0"}, {ID: "r"}},
		Log:      []byte("for people"),
		Suppressions: []gates.Suppression{
			{Path: "\xff", Line: 1, Marker: "m"},
		},
	}
	for name, out := range map[string]gates.Outcome{"full": full, "empty": {}} {
		g, n := counted(out, nil)
		var cache memory
		first := run(t, noTarget(), withCache(&cache), g)
		second := run(t, noTarget(), withCache(&cache), g)
		if *n != 1 || first[0].Cached || !second[0].Cached {
			t.Errorf("%s: it ran %d times; cached %t, %t", name, *n, first[0].Cached, second[0].Cached)
		}
		one, two := gates.Judge(gates.Policy{Today: today}, everything(), first), gates.Judge(gates.Policy{Today: today}, everything(), second)
		if one.Gates[0].Cached || !two.Gates[0].Cached {
			t.Errorf("%s: the verdict does not say what is from the cache", name)
		}
		if diff := cmp.Diff(verdictJSON(t, one), verdictJSON(t, two)); diff != "" {
			t.Errorf("%s (-first +cached):\n%s", name, diff)
		}
	}
}

// What is not an outcome that a gate stands by is never kept.
func TestCacheKeepsNoErrors(t *testing.T) {
	t.Parallel()
	expects := func(context.Context, *gates.Target) (gates.Plan, error) {
		return gates.Plan{Expect: gates.Examined{Files: 1}}, nil
	}
	for name, change := range map[string]func(*gates.Gate, *gates.Target, *gates.Options){
		"error": func(g *gates.Gate, _ *gates.Target, _ *gates.Options) { *g, _ = counted(gates.Outcome{}, errBoom) },
		"nothing examined": func(g *gates.Gate, _ *gates.Target, _ *gates.Options) {
			*g, _ = counted(gates.Outcome{}, nil)
			g.Plan = expects
		},
		"crash": func(g *gates.Gate, _ *gates.Target, _ *gates.Options) {
			g.Run = func(context.Context, *gates.Target) (gates.Outcome, error) { panic("x") }
		},
		"time-out": func(g *gates.Gate, _ *gates.Target, o *gates.Options) {
			o.Timeout = time.Millisecond
			g.Run = func(ctx context.Context, _ *gates.Target) (gates.Outcome, error) {
				<-ctx.Done()
				return gates.Outcome{}, nil // as if nothing had happened
			}
		},
		"skipped": func(g *gates.Gate, _ *gates.Target, _ *gates.Options) {
			g.Plan = func(context.Context, *gates.Target) (gates.Plan, error) { return gates.Plan{Skip: "x"}, nil }
		},
		"plan error": func(g *gates.Gate, _ *gates.Target, _ *gates.Options) {
			g.Plan = func(context.Context, *gates.Target) (gates.Plan, error) { return gates.Plan{}, errBoom }
		},
		"left out": func(_ *gates.Gate, _ *gates.Target, o *gates.Options) {
			o.LeftOut = map[string]gates.LeftOut{"g": {Reason: "x"}}
		},
		"a gate without a key":   func(g *gates.Gate, _ *gates.Target, _ *gates.Options) { g.CacheKey = "" },
		"a policy without an id": func(_ *gates.Gate, t *gates.Target, _ *gates.Options) { t.PolicyID = "" },
	} {
		var cache memory
		target, o := noTarget(), withCache(&cache)
		g, _ := counted(gates.Outcome{Examined: gates.Examined{Files: 1}}, nil)
		change(&g, target, &o)
		for range 2 {
			if r := run(t, target, o, g)[0]; r.Cached || len(cache.puts) != 0 {
				t.Errorf("%s: kept %q, cached %t", name, cache.puts, r.Cached)
			}
		}
	}
}

// Everything that decides an outcome is in its key.
func TestCacheKey(t *testing.T) {
	t.Parallel()
	key := func(change func(*gates.Gate, *gates.Target)) string {
		var cache memory
		g, _ := counted(gates.Outcome{}, nil)
		target := noTarget()
		change(&g, target)
		run(t, target, withCache(&cache), g)
		return strings.Join(cache.puts, " ")
	}
	same := key(func(*gates.Gate, *gates.Target) {})
	if same == "" || same != key(func(g *gates.Gate, t *gates.Target) { g.Doc, g.Weight, g.Memory, t.Jobs = "x", 9, 9, 9 }) {
		t.Errorf("key %q hangs on what decides nothing", same)
	}
	seen := map[string]string{same: "the first"}
	for name, change := range map[string]func(*gates.Gate, *gates.Target){
		"engine":     func(g *gates.Gate, _ *gates.Target) { g.CacheKey = "engine 2" },
		"gate":       func(g *gates.Gate, _ *gates.Target) { g.ID = "h" },
		"tree":       func(_ *gates.Gate, t *gates.Target) { t.Tree = &git.Tree{ID: "tree2"} },
		"head":       func(_ *gates.Gate, t *gates.Target) { t.Change = &git.Change{Head: "head2", Base: "base"} },
		"base":       func(_ *gates.Gate, t *gates.Target) { t.Change = &git.Change{Head: "head", Base: "base2"} },
		"no base":    func(_ *gates.Gate, t *gates.Target) { t.Change = &git.Change{Head: "head"} },
		"swapped":    func(_ *gates.Gate, t *gates.Target) { t.Change = &git.Change{Head: "base", Base: "head"} },
		"glued":      func(_ *gates.Gate, t *gates.Target) { t.Change = &git.Change{Head: "headbase"} },
		"policy":     func(_ *gates.Gate, t *gates.Target) { t.PolicyID = "policy2" },
		"repository": func(_ *gates.Gate, t *gates.Target) { t.Dir = "/elsewhere" },
	} {
		k := key(change)
		if other, ok := seen[k]; ok || k == "" {
			t.Errorf("%s: the key %q is that of %s", name, k, other)
		}
		seen[k] = name
	}
}

// An entry that is no outcome, or that of a gate that looked at nothing, is
// none: the gate runs, and what it comes to takes the entry's place.
func TestCorruptCacheEntries(t *testing.T) {
	t.Parallel()
	g, n := counted(gates.Outcome{Examined: gates.Examined{Files: 1}, Findings: []gates.Finding{blocker("1")}}, nil)
	g.Plan = func(context.Context, *gates.Target) (gates.Plan, error) {
		return gates.Plan{Expect: gates.Examined{Files: 1}}, nil
	}
	var cache memory
	good := run(t, noTarget(), withCache(&cache), g)
	key := cache.puts[0]
	whole := cache.entries[key]
	for _, entry := range []string{
		"", "{", "null", "{}", "[]", "1", `"x"`, "\x00\x01", string(whole[:len(whole)-1]), string(whole) + "}",
		`{"findings": 3}`, `{"examined": {"files": "1"}}`, `{"examined": {"files": 1}, "findings": [{"path": "\"\\"}]}`,
		`{"examined": {"files": 0, "bytes": 7}}`,
	} {
		cache.entries[key] = []byte(entry)
		*n = 0
		r := run(t, noTarget(), withCache(&cache), g)
		if *n != 1 || r[0].Cached {
			t.Errorf("entry %q: it ran %d times, cached %t", entry, *n, r[0].Cached)
		}
		sameList(t, "result", timeless(r), timeless(good))
		if !bytes.Equal(cache.entries[key], whole) {
			t.Errorf("entry %q stays", entry)
		}
	}
}

// A cache that cannot be written is said in the log, and nowhere else.
func TestCacheThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	target := noTarget()
	target.Log = slog.New(slog.NewTextHandler(&log, nil))
	cache := memory{fail: errors.New("the disk is full")}
	g, n := counted(gates.Outcome{Engine: gates.Engine{Name: "e"}}, nil)
	for i := range 2 {
		r := run(t, target, withCache(&cache), g)[0]
		if r.Err != nil || r.Cached || r.Outcome.Engine.Name != "e" || *n != i+1 {
			t.Errorf("result %+v after %d runs", r, *n)
		}
	}
	if got := log.String(); strings.Count(got, "level=WARN") != 2 || !strings.Contains(got, "the disk is full") {
		t.Errorf("the log says %q", got)
	}
	if fmt.Sprint(len(cache.puts)) != "2" {
		t.Errorf("%d puts", len(cache.puts))
	}
}
