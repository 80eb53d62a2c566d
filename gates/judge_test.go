package gates_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

const today = gates.Date("2026-06-15")

var errBoom = errors.New("boom")

// history is a change with known parts: base..head changes the lines 3 and 4
// and 8 of old.txt, adds new.txt, and leaves kept.txt alone.
type history struct {
	change    *git.Change
	base, new string // commits: one outside the change, one inside
}

func newHistory(t testing.TB) history {
	t.Helper()
	repo := gittest.New(t)
	lines := strings.SplitAfter("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "\n")
	repo.Write("old.txt", strings.Join(lines, ""))
	repo.Write("kept.txt", "1\n2\n")
	h := history{base: repo.Commit("base")}
	lines[2], lines[3], lines[7] = "three\n", "four\n", "eight\n"
	repo.Write("old.txt", strings.Join(lines, ""))
	repo.Write("new.txt", "1\n2\n3\n")
	h.new = repo.Commit("change")
	h.change = newTarget(t, repo, h.base).Change
	return h
}

func everything() *git.Change { return &git.Change{Head: "head"} }

func resultOf(id string, findings ...gates.Finding) gates.Result {
	g := newGate(id, nil)
	return gates.Result{Gate: &g, Outcome: gates.Outcome{Findings: findings, Examined: gates.Examined{Files: 1}}}
}

func failing(r gates.Result) gates.Result { r.Err = errBoom; return r }

func skipped(id, reason string, byFlag bool) gates.Result {
	r := resultOf(id)
	r.Skipped, r.SkippedByFlag, r.Outcome = reason, byFlag, gates.Outcome{}
	return r
}

// blocker is a finding that blocks unless it is waived.
func blocker(fingerprint string) gates.Finding {
	return gates.Finding{Rule: "r", Severity: gates.SeverityError, Message: "bad", Fingerprint: fingerprint}
}

func mild(fingerprint string) gates.Finding {
	f := blocker(fingerprint)
	f.Severity = gates.SeverityWarning
	return f
}

func waive(gate, fingerprint string, expires gates.Date) gates.Waiver {
	return gates.Waiver{Gate: gate, Fingerprint: fingerprint, Reason: "known", Owner: "@ana", Expires: expires}
}

func optional(ids ...string) map[string]gates.GatePolicy {
	m := make(map[string]gates.GatePolicy)
	for _, id := range ids {
		m[id] = gates.GatePolicy{Optional: true}
	}
	return m
}

// Every way in which one finding can count, against the rule in words: severe
// enough, in scope, and not waived today.
func TestAFindingBlocks(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	bad := map[gates.Severity]int{"note": 1, "warning": 2, "error": 3, "unheard-of": 3, "": 3}
	paths := map[bool]gates.Path{true: "new.txt", false: "kept.txt"}
	waivers := map[string]struct {
		waiver gates.Waiver
		counts bool
	}{
		"none":                {},
		"lasting":             {waive("g", "fp", "2026-06-16"), true},
		"its last day":        {waive("g", "fp", today), true},
		"expired":             {waive("g", "fp", "2026-06-14"), false},
		"without a day":       {waive("g", "fp", ""), false},
		"of another gate":     {waive("h", "fp", "2027-01-01"), false},
		"of another finding":  {waive("g", "fp2", "2027-01-01"), false},
		"of an earlier name":  {waive("g", "", "2027-01-01"), false},
		"in the next century": {waive("g", "fp", "2126-01-01"), true},
	}
	for severity, weight := range bad {
		for _, blockOn := range []gates.Severity{"", "error", "warning", "note"} {
			for _, own := range []gates.Scope{gates.ScopeAll, gates.ScopeChange} {
				for _, set := range []gates.Scope{"", gates.ScopeAll, gates.ScopeChange} {
					for _, all := range []bool{true, false} {
						for isNew, path := range paths {
							for name, w := range waivers {
								p := gates.Policy{Today: today, All: all, Gates: map[string]gates.GatePolicy{"g": {Scope: set, BlockOn: blockOn}}}
								if name != "none" {
									p.Waivers = []gates.Waiver{w.waiver}
								}
								f := gates.Finding{Rule: "r", Severity: severity, Path: path, Line: 1, Message: "m", Fingerprint: "fp"}
								r := resultOf("g", f)
								r.Gate.Scope = own
								v := gates.Judge(p, h.change, []gates.Result{r})

								scope := own
								if set != "" {
									scope = set
								}
								if all {
									scope = gates.ScopeAll
								}
								least := bad[blockOn] // "" stands for error
								want := weight >= least && (isNew || scope == gates.ScopeAll) && !w.counts
								g := v.Gates[0]
								j := g.Findings[0]
								where := fmt.Sprintf("severity %q, block on %q, scope %s/%q, all %t, new %t, waiver %s", severity, blockOn, own, set, all, isNew, name)
								if j.Blocking != want || j.New != isNew || (j.Waiver != nil) != w.counts || j.Finding != f {
									t.Fatalf("%s: %+v, want blocking %t", where, j, want)
								}
								if g.Scope != scope || (blockOn != "" && g.BlockOn != blockOn) || (g.Status == gates.StatusFail) != want || (v.Decision == gates.Fail) != want || (v.Decision == gates.Pass) == want {
									t.Fatalf("%s: gate %s, scope %s, block on %s; verdict %s", where, g.Status, g.Scope, g.BlockOn, v.Decision)
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestVerdictOfStatuses(t *testing.T) {
	t.Parallel()
	const leftOut = "lint: required by the policy, and left out (--skip)"
	for _, tt := range []struct {
		name     string
		policy   gates.Policy
		results  []gates.Result
		want     gates.Decision
		reasons  []string
		warnings []string
	}{
		{name: "nothing at all", want: gates.Inconclusive, reasons: []string{"no gate looked at anything"}},
		{name: "a pass", results: []gates.Result{resultOf("a")}, want: gates.Pass},
		{name: "findings that do not block", results: []gates.Result{resultOf("a", mild("1"))}, want: gates.Pass},
		{name: "an error", results: []gates.Result{resultOf("a"), failing(resultOf("b"))}, want: gates.Inconclusive, reasons: []string{"b: boom"}},
		{
			name: "an error in an optional gate", policy: gates.Policy{Gates: optional("b")},
			results: []gates.Result{resultOf("a"), failing(resultOf("b"))},
			want:    gates.Pass, warnings: []string{"b could not decide: boom"},
		},
		{
			name: "nothing but an optional gate, which errs", policy: gates.Policy{Gates: optional("b")},
			results: []gates.Result{failing(resultOf("b"))},
			want:    gates.Inconclusive, reasons: []string{"no gate looked at anything"}, warnings: []string{"b could not decide: boom"},
		},
		{name: "all skipped", results: []gates.Result{skipped("a", "no files", false), skipped("b", "--skip", true)}, want: gates.Inconclusive, reasons: []string{"no gate looked at anything"}},
		{name: "one does not apply", policy: gates.Policy{Strict: true}, results: []gates.Result{resultOf("a"), skipped("lint", "no files", false)}, want: gates.Pass},
		{name: "one left out by a person", results: []gates.Result{resultOf("a"), skipped("lint", "--skip", true)}, want: gates.Pass},
		{
			name: "one left out by a person, where policy is strict", policy: gates.Policy{Strict: true},
			results: []gates.Result{resultOf("a"), skipped("lint", "--skip", true)},
			want:    gates.Inconclusive, reasons: []string{leftOut},
		},
		{
			name: "all left out, where policy is strict", policy: gates.Policy{Strict: true},
			results: []gates.Result{skipped("lint", "--skip", true)},
			want:    gates.Inconclusive, reasons: []string{leftOut},
		},
		{
			name: "an optional one left out, where policy is strict", policy: gates.Policy{Strict: true, Gates: optional("lint")},
			results: []gates.Result{resultOf("a"), skipped("lint", "--skip", true)}, want: gates.Pass,
		},
		{name: "what blocks", results: []gates.Result{resultOf("a", blocker("1"))}, want: gates.Fail, reasons: []string{"a: bad"}},
		{
			name: "what blocks in an optional gate", policy: gates.Policy{Gates: optional("a")},
			results: []gates.Result{resultOf("a", blocker("1"))}, want: gates.Fail, reasons: []string{"a: bad"},
		},
		{
			name: "failed gates come before undecided ones, each in the gates' order", policy: gates.Policy{Strict: true},
			results: []gates.Result{
				failing(resultOf("a")), resultOf("b", blocker("1")), skipped("lint", "--skip", true), resultOf("c"),
				failing(resultOf("d")), resultOf("e", blocker("1"), blocker("2")),
			},
			want: gates.Fail, reasons: []string{"b: bad", "e: 2 findings", "a: boom", leftOut, "d: boom"},
		},
		{
			name:    "what a gate found before it broke off blocks",
			results: []gates.Result{failing(resultOf("a", blocker("1")))},
			want:    gates.Fail, reasons: []string{"a: bad; and it could not finish: boom"},
		},
		{
			name: "the same in an optional gate", policy: gates.Policy{Gates: optional("a")},
			results: []gates.Result{failing(resultOf("a", blocker("1")))},
			want:    gates.Fail, reasons: []string{"a: bad; and it could not finish: boom"},
		},
		{
			name:    "what it found and does not block leaves it undecided",
			results: []gates.Result{failing(resultOf("a", mild("1")))}, want: gates.Inconclusive, reasons: []string{"a: boom"},
		},
		{
			name: "the same when it is waived", policy: gates.Policy{Waivers: []gates.Waiver{waive("a", "1", "2027-01-01")}},
			results: []gates.Result{failing(resultOf("a", blocker("1")))}, want: gates.Inconclusive, reasons: []string{"a: boom"},
		},
		{
			name:   "a policy for a gate that is not there",
			policy: gates.Policy{Gates: map[string]gates.GatePolicy{"z": {BlockOn: gates.SeverityNote}}}, results: []gates.Result{resultOf("a", mild("1"))},
			want: gates.Pass,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.policy.Today = today
			v := gates.Judge(tt.policy, everything(), tt.results)
			if v.Decision != tt.want {
				t.Errorf("verdict %s, want %s", v.Decision, tt.want)
			}
			sameList(t, "reasons", v.Reasons, tt.reasons)
			sameList(t, "warnings", v.Warnings, tt.warnings)
			if (len(v.Reasons) == 0) != (v.Decision == gates.Pass) {
				t.Errorf("verdict %s with the reasons %q", v.Decision, v.Reasons)
			}
			for i, g := range v.Gates {
				if r := tt.results[i]; g.ID != r.Gate.ID || len(g.Findings) != len(r.Outcome.Findings) {
					t.Errorf("gate %d is %s with %d findings, want %s with %d", i, g.ID, len(g.Findings), r.Gate.ID, len(r.Outcome.Findings))
				}
			}
		})
	}
}

// A gate that broke off says so, whether what it found blocks or not.
func TestABrokenGateKeepsItsErrorBesideAFail(t *testing.T) {
	t.Parallel()
	for status, f := range map[gates.Status]gates.Finding{gates.StatusFail: blocker("1"), gates.StatusError: mild("1")} {
		g := gates.Judge(gates.Policy{Today: today}, everything(), []gates.Result{failing(resultOf("a", f))}).Gates[0]
		if g.Status != status || g.Error != "boom" {
			t.Errorf("status %s, error %q", g.Status, g.Error)
		}
	}
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	lasting, expired := waive("a", "1", "2027-01-01"), waive("a", "1", "2026-01-01")
	shorter, other := waive("a", "1", "2026-07-01"), waive("a", "2", "2027-01-01")
	twin := lasting
	twin.Owner = "@bo"
	for _, tt := range []struct {
		name            string
		waivers         []gates.Waiver
		results         []gates.Result
		used            string // expiry of the waiver in use
		expired, unused []gates.Waiver
	}{
		{name: "used", waivers: []gates.Waiver{lasting}, results: []gates.Result{resultOf("a", blocker("1"))}, used: "2027-01-01"},
		{name: "used on a finding that would not block", waivers: []gates.Waiver{lasting}, results: []gates.Result{resultOf("a", mild("1"))}, used: "2027-01-01"},
		{name: "used twice", waivers: []gates.Waiver{lasting}, results: []gates.Result{resultOf("a", blocker("1"), blocker("1"))}, used: "2027-01-01"},
		{name: "expired", waivers: []gates.Waiver{expired}, results: []gates.Result{resultOf("a", blocker("1"))}, expired: []gates.Waiver{expired}},
		{name: "expired and of no use", waivers: []gates.Waiver{expired}, results: []gates.Result{resultOf("a")}, expired: []gates.Waiver{expired}},
		{name: "expired, of a gate that did not run", waivers: []gates.Waiver{expired}, expired: []gates.Waiver{expired}},
		{name: "unused", waivers: []gates.Waiver{other, lasting}, results: []gates.Result{resultOf("a", blocker("1"))}, used: "2027-01-01", unused: []gates.Waiver{other}},
		{name: "unused: the gate broke off", waivers: []gates.Waiver{other}, results: []gates.Result{failing(resultOf("a"))}},
		{name: "used: the gate broke off", waivers: []gates.Waiver{lasting}, results: []gates.Result{failing(resultOf("a", blocker("1")))}, used: "2027-01-01"},
		{name: "unused: the gate was skipped", waivers: []gates.Waiver{other}, results: []gates.Result{skipped("a", "no files", false)}},
		{name: "unused: the gate is not there", waivers: []gates.Waiver{other}, results: []gates.Result{resultOf("b")}},
		{name: "two: the one that lasts longer", waivers: []gates.Waiver{shorter, lasting}, results: []gates.Result{resultOf("a", blocker("1"))}, used: "2027-01-01", unused: []gates.Waiver{shorter}},
		{name: "two, the other way round", waivers: []gates.Waiver{lasting, shorter}, results: []gates.Result{resultOf("a", blocker("1"))}, used: "2027-01-01", unused: []gates.Waiver{shorter}},
		{name: "two, one expired", waivers: []gates.Waiver{expired, lasting}, results: []gates.Result{resultOf("a", blocker("1"))}, used: "2027-01-01", expired: []gates.Waiver{expired}},
		{name: "two of one day: the first", waivers: []gates.Waiver{lasting, twin}, results: []gates.Result{resultOf("a", blocker("1"))}, used: "2027-01-01", unused: []gates.Waiver{twin}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := gates.Judge(gates.Policy{Today: today, Waivers: tt.waivers}, everything(), tt.results)
			for _, g := range v.Gates {
				for _, f := range g.Findings {
					if used := f.Waiver; used == nil && tt.used != "" || used != nil && (string(used.Expires) != tt.used || used.Owner != "@ana" || used.Reason != "known") {
						t.Errorf("waiver %+v, want the one until %q", used, tt.used)
					}
				}
			}
			if diff := cmp.Diff(append([]gates.Waiver{}, tt.expired...), v.Waivers.Expired); diff != "" {
				t.Errorf("expired (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(append([]gates.Waiver{}, tt.unused...), v.Waivers.Unused); diff != "" {
				t.Errorf("unused (-want +got):\n%s", diff)
			}
			said := strings.Join(v.Warnings, "\n")
			if n := strings.Count(said, "expired on"); n != len(tt.expired) {
				t.Errorf("%d warnings of expired waivers: %q", n, said)
			}
			if n := strings.Count(said, "matches no finding: remove it"); n != len(tt.unused) {
				t.Errorf("%d warnings of unused waivers: %q", n, said)
			}
		})
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	at := func(path gates.Path, line, end int) gates.Finding {
		return gates.Finding{Path: path, Line: line, EndLine: end}
	}
	for _, tt := range []struct {
		name string
		f    gates.Finding
		want bool
	}{
		{"about no file", gates.Finding{}, true},
		{"about a changed file", at("old.txt", 0, 0), true},
		{"about an added file", at("new.txt", 0, 0), true},
		{"about an unchanged file", at("kept.txt", 0, 0), false},
		{"about a file that is not there", at("nothing.txt", 0, 0), false},
		{"the line above a hunk", at("old.txt", 2, 0), false},
		{"the first line of a hunk", at("old.txt", 3, 0), true},
		{"the last line of a hunk", at("old.txt", 4, 0), true},
		{"the line below a hunk", at("old.txt", 5, 0), false},
		{"the second hunk", at("old.txt", 8, 0), true},
		{"a range that ends in a hunk", at("old.txt", 1, 3), true},
		{"a range that starts in a hunk", at("old.txt", 4, 6), true},
		{"a range around all hunks", at("old.txt", 1, 9), true},
		{"a range between two hunks", at("old.txt", 5, 7), false},
		{"a range below all hunks", at("old.txt", 9, 99), false},
		{"a range that ends before it starts", at("old.txt", 3, 1), true},
		{"a range that ends before it starts, outside", at("old.txt", 5, 3), false},
		{"any line of an added file", at("new.txt", 99, 0), true},
		{"a line of an unchanged file", at("kept.txt", 1, 0), false},
		{"a commit of the change", gates.Finding{Commit: h.new}, true},
		{"a commit of the change, in a file that is gone", gates.Finding{Commit: h.new, Path: "gone.txt", Line: 1}, true},
		{"the base", gates.Finding{Commit: h.base}, false},
		{"the base, on a line that is changed", gates.Finding{Commit: h.base, Path: "old.txt", Line: 3}, false},
	} {
		f := tt.f
		f.Severity, f.Fingerprint = gates.SeverityError, "fp"
		for change, want := range map[*git.Change]bool{h.change: tt.want, everything(): true} {
			r := resultOf("g", f)
			r.Gate.Scope = gates.ScopeChange
			j := gates.Judge(gates.Policy{Today: today}, change, []gates.Result{r}).Gates[0].Findings[0]
			if j.New != want || j.Blocking != want {
				t.Errorf("%s (everything is new: %t): new %t, blocking %t", tt.name, change.Everything(), j.New, j.Blocking)
			}
		}
	}
}

func TestReasonOfAFailedGate(t *testing.T) {
	t.Parallel()
	in := func(path gates.Path, commit string) gates.Finding {
		f := blocker("fp" + string(path) + commit)
		f.Path, f.Commit = path, commit
		return f
	}
	for want, findings := range map[string][]gates.Finding{
		"bad":                   {blocker("1")},
		"2 findings":            {blocker("1"), blocker("2")},
		"1 finding in 1 file":   {in("a", "")},
		"3 findings in 2 files": {in("a", ""), in("a", ""), in("b", "")},
		"2 findings in 1 file":  {in("a", ""), blocker("1")},
		"1 finding in 1 file (1 commit of the history)":   {in("a", "c1")},
		"3 findings in 1 file (2 commits of the history)": {in("a", "c1"), in("a", "c2"), in("a", "")},
		"1 finding in 1 file ":                            nil,
	} {
		if findings == nil { // what does not block is not counted
			want, findings = strings.TrimSpace(want), []gates.Finding{in("a", ""), mild("2"), {Path: "b", Severity: gates.SeverityNote, Commit: "c"}}
		}
		v := gates.Judge(gates.Policy{Today: today}, everything(), []gates.Result{resultOf("g", findings...)})
		sameList(t, "reasons", v.Reasons, []string{"g: " + want})
		if v.Gates[0].Reason != want {
			t.Errorf("the gate's reason is %q", v.Gates[0].Reason)
		}
	}
}

// All that a gate says of itself is in the verdict, and no list of it is null.
func TestVerdictIsWhole(t *testing.T) {
	t.Parallel()
	r := resultOf("a", blocker("1"), mild("2"))
	r.Gate.Rules = []gates.Rule{{ID: "own"}}
	r.Outcome = gates.Outcome{
		Findings: r.Outcome.Findings, Examined: gates.Examined{Files: 1, Commits: 2, Bytes: 3, Results: 4},
		Engine: gates.Engine{Name: "e", Version: "1"}, Metrics: map[string]float64{"m": 0.5}, Rules: []gates.Rule{{ID: "found"}},
		Suppressions: []gates.Suppression{{Path: "x", Line: 1, Marker: "m"}},
	}
	r.Cached, r.Elapsed = true, 1500*time.Millisecond
	second := resultOf("b")
	second.Outcome.Suppressions = []gates.Suppression{{Path: "a", Line: 2, Marker: "n"}}
	v := gates.Judge(gates.Policy{Today: today}, everything(), []gates.Result{r, second})
	want := gates.GateVerdict{
		ID: "a", Status: gates.StatusFail, Required: true, Scope: gates.ScopeAll, BlockOn: gates.SeverityError, Reason: "bad",
		Examined: r.Outcome.Examined, Engine: r.Outcome.Engine, Metrics: r.Outcome.Metrics, Cached: true, Duration: 1500,
		Findings: []gates.Judged{{Finding: blocker("1"), New: true, Blocking: true}, {Finding: mild("2"), New: true}},
		Doc:      "doc", Help: "help", Rules: []gates.Rule{{ID: "own"}, {ID: "found"}},
	}
	if diff := cmp.Diff(want, v.Gates[0]); diff != "" {
		t.Errorf("gate (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]gates.Suppression{{Path: "x", Line: 1, Marker: "m"}, {Path: "a", Line: 2, Marker: "n"}}, v.SuppressionsAdded); diff != "" {
		t.Errorf("suppressions (-want +got):\n%s", diff)
	}
	if v.Schema != gates.VerdictSchema {
		t.Errorf("schema %q", v.Schema)
	}
	if total, blocking := v.Gates[0].Count(); total != 2 || blocking != 1 {
		t.Errorf("count %d, %d", total, blocking)
	}
	for _, results := range [][]gates.Result{nil, {skipped("a", "x", false)}, {{Gate: r.Gate}}, {failing(gates.Result{Gate: r.Gate})}} {
		data, err := json.Marshal(gates.Judge(gates.Policy{Today: today}, everything(), results))
		if err != nil || strings.Contains(string(data), "null") {
			t.Errorf("verdict %s, %v", data, err)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	got := []string{gates.Plural(0, "file"), gates.Plural(1, "file"), gates.Plural(int64(2), "file")}
	if !reflect.DeepEqual(got, []string{"0 files", "1 file", "2 files"}) {
		t.Error(got)
	}
}
