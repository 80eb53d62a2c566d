package gates_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// world is all that Judge sees. The same seed makes an equal one that shares no
// memory with the first.
type world struct {
	policy  gates.Policy
	change  *git.Change
	results []gates.Result
}

func newWorld(seed uint64, h history) world {
	r := rand.New(rand.NewPCG(seed, 7))
	pick := func(n int) bool { return r.IntN(n) == 0 }
	w := world{change: h.change, policy: gates.Policy{
		Today: today, All: pick(4), Strict: pick(2), Gates: make(map[string]gates.GatePolicy),
	}}
	if pick(4) {
		w.change = everything()
	}
	for i := range r.IntN(5) {
		id := fmt.Sprint("g", i)
		if pick(2) {
			w.policy.Gates[id] = gates.GatePolicy{
				Optional: pick(2), Scope: oneOf(r, "", gates.ScopeAll, gates.ScopeChange), BlockOn: oneOf(r, "", gates.SeverityError, gates.SeverityWarning, gates.SeverityNote),
			}
		}
		w.results = append(w.results, randomResult(r, id, h))
	}
	for range r.IntN(4) {
		w.policy.Waivers = append(w.policy.Waivers, waive(fmt.Sprint("g", r.IntN(5)), fmt.Sprint(r.IntN(4)), oneOf(r, today, "2026-01-01", "2027-01-01")))
	}
	return w
}

func oneOf[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

func randomResult(r *rand.Rand, id string, h history) gates.Result {
	res := resultOf(id)
	res.Gate.Scope = oneOf(r, gates.ScopeAll, gates.ScopeChange)
	if r.IntN(4) == 0 {
		return skipped(id, "because", r.IntN(2) == 0)
	}
	if r.IntN(3) == 0 {
		res.Err = errors.New("boom")
	}
	for range r.IntN(4) {
		res.Outcome.Findings = append(res.Outcome.Findings, randomFinding(r, h))
	}
	return res
}

func randomFinding(r *rand.Rand, h history) gates.Finding {
	return gates.Finding{
		Rule: "r", Severity: oneOf(r, gates.Severities()...), Message: "m", Fingerprint: fmt.Sprint(r.IntN(4)),
		Path: oneOf[gates.Path](r, "", "old.txt", "new.txt", "kept.txt"), Line: r.IntN(10), Commit: oneOf(r, "", "", h.base, h.new),
	}
}

func (w world) judge() gates.Verdict { return gates.Judge(w.policy, w.change, w.results) }

// badness orders decisions, the best first.
func badness(d gates.Decision) int {
	return slices.Index([]gates.Decision{gates.Pass, gates.Inconclusive, gates.Fail}, d)
}

// What makes the input worse, or the policy stricter, never makes the verdict
// better; and nothing but taking the failed gate away mends a failed run.
func TestJudgeProperties(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	decisions := make(map[gates.Decision]int)
	for seed := range uint64(800) {
		before := newWorld(seed, h).judge()
		decisions[before.Decision]++
		check := func(what string, ok bool, after gates.Verdict) {
			t.Helper()
			if !ok {
				t.Errorf("seed %d: %s: %s %q became %s %q", seed, what, before.Decision, before.Reasons, after.Decision, after.Reasons)
			}
		}
		worse := func(what string, w world) {
			t.Helper()
			after := w.judge()
			check(what, badness(after.Decision) >= badness(before.Decision), after)
		}

		w, twin := newWorld(seed, h), newWorld(seed, h)
		again := w.judge()
		check("judged again", verdictJSON(t, again) == verdictJSON(t, before), again)
		for i := range w.results {
			w.results[i].Gate, twin.results[i].Gate = nil, nil // functions do not compare
			w.results[i].Err, twin.results[i].Err = nil, nil
		}
		if !cmp.Equal(w.policy, twin.policy) || !cmp.Equal(w.results, twin.results) {
			t.Errorf("seed %d: Judge changed its input", seed)
		}

		for i := range newWorld(seed, h).results {
			w = newWorld(seed, h)
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			out := &w.results[i].Outcome
			out.Findings = append(out.Findings, randomFinding(r, h))
			worse("a finding more", w)

			w = newWorld(seed, h)
			out = &w.results[i].Outcome
			at := r.IntN(len(out.Findings) + 1)
			out.Findings = slices.Insert(out.Findings, at, blocker("never waived"))
			if after := w.judge(); w.results[i].Skipped == "" {
				check("a blocking finding more", after.Decision == gates.Fail && after.Gates[i].Status == gates.StatusFail, after)
			}

			w = newWorld(seed, h)
			if w.results[i].Skipped == "" && before.Gates[i].Status != gates.StatusError {
				w.results[i].Err = errBoom
				if before.Gates[i].Required {
					worse("a required gate broke off", w)
				}
			}

			w = newWorld(seed, h)
			w.results = slices.Delete(w.results, i, i+1)
			after := w.judge()
			if before.Gates[i].Status != gates.StatusFail {
				check("a gate that did not fail taken away", (before.Decision == gates.Fail) == (after.Decision == gates.Fail), after)
			}
			if before.Gates[i].Status == gates.StatusPass {
				check("a gate that passed taken away", badness(after.Decision) >= badness(before.Decision), after)
			}
		}

		w = newWorld(seed, h)
		w.policy.All = true
		worse("--all", w)
		w = newWorld(seed, h)
		w.policy.Strict = true
		worse("strict", w)
		w = newWorld(seed, h)
		w.policy.Waivers = nil
		worse("no waivers", w)
		w = newWorld(seed, h)
		w.policy.Today = "2099-01-01"
		worse("waivers run out", w)
		w = newWorld(seed, h)
		for id, g := range w.policy.Gates {
			g.Optional, g.BlockOn = false, gates.SeverityNote
			w.policy.Gates[id] = g
		}
		worse("stricter gates", w)
	}
	for _, d := range []gates.Decision{gates.Pass, gates.Inconclusive, gates.Fail} {
		if decisions[d] < 30 {
			t.Errorf("only %d worlds come to %s: the test is weak", decisions[d], d)
		}
	}
}
