package gates

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Judge turns results into a verdict. It is pure, and the only place where
// blocking is decided:
//
//   - a finding blocks when it is severe enough for its gate, inside the gate's
//     scope, and not waived today;
//   - a gate with a blocking finding fails, and any failed gate fails the run;
//   - otherwise a required gate that could not decide, or that was left out
//     where policy is strict, or a run in which no gate looked at anything,
//     makes the verdict inconclusive.
//
// Results keep their order; their findings are expected in order (see Run).
func Judge(p Policy, change *git.Change, results []Result) Verdict {
	v := Verdict{
		Schema:            VerdictSchema,
		Reasons:           []string{},
		Warnings:          []string{},
		Gates:             make([]GateVerdict, len(results)),
		SuppressionsAdded: []Suppression{},
		Waivers:           WaiverReport{Expired: []Waiver{}, Unused: []Waiver{}},
		Policy:            PolicyInfo{Weakened: []Weakening{}},
	}
	waivers := newWaiverBook(p.Waivers, p.Today)
	var failed, undecided []string
	looked := false
	for i, r := range results {
		g := judgeGate(p, change, waivers, r)
		v.Gates[i] = g
		v.SuppressionsAdded = append(v.SuppressionsAdded, r.Outcome.Suppressions...)
		switch g.Status {
		case StatusFail:
			looked = true
			failed = append(failed, g.ID+": "+g.Reason)
		case StatusPass:
			looked = true
		case StatusError:
			if g.Required {
				undecided = append(undecided, g.ID+": "+g.Reason)
			} else {
				v.Warnings = append(v.Warnings, g.ID+" could not decide: "+g.Reason)
			}
		case StatusSkipped:
			if g.Required && p.Strict && r.SkippedByFlag {
				undecided = append(undecided, g.ID+": required by the policy, and left out ("+g.Reason+")")
			}
		}
	}
	if !looked && len(undecided) == 0 {
		undecided = append(undecided, "no gate looked at anything")
	}
	waivers.report(&v)
	v.Reasons = append(append(v.Reasons, failed...), undecided...)
	switch {
	case len(failed) > 0:
		v.Decision = Fail
	case len(undecided) > 0:
		v.Decision = Inconclusive
	default:
		v.Decision = Pass
	}
	return v
}

func judgeGate(p Policy, change *git.Change, waivers *waiverBook, r Result) GateVerdict {
	gp := p.Gates[r.Gate.ID]
	g := GateVerdict{
		ID:       r.Gate.ID,
		Required: !gp.Optional,
		Scope:    r.Gate.Scope,
		Doc:      r.Gate.Doc,
		Help:     r.Gate.Help,
		Examined: r.Outcome.Examined,
		Engine:   r.Outcome.Engine,
		Metrics:  r.Outcome.Metrics,
		Rules:    slices.Concat(r.Gate.Rules, r.Outcome.Rules),
		Findings: make([]Judged, 0, len(r.Outcome.Findings)),
		Cached:   r.Cached,
		Duration: r.Elapsed.Milliseconds(),
	}
	if g.Metrics == nil {
		g.Metrics = map[string]float64{}
	}
	if g.Rules == nil {
		g.Rules = []Rule{}
	}
	if gp.Scope != "" {
		g.Scope = gp.Scope
	}
	if p.All {
		g.Scope = ScopeAll
	}
	if g.BlockOn = gp.BlockOn; g.BlockOn == "" {
		g.BlockOn = SeverityError
	}
	switch {
	case r.Skipped != "":
		g.Status, g.Reason = StatusSkipped, r.Skipped
		return g
	case r.Err != nil:
		// Findings of a gate that broke off are kept below: they are true, and
		// one that blocks outranks the error.
		g.Error = strings.Join(strings.FieldsFunc(r.Err.Error(), func(c rune) bool { return c == '\n' }), "; ")
		g.Status, g.Reason = StatusError, g.Error
	default:
		g.Status = StatusPass
		waivers.looked(g.ID)
	}
	for _, f := range r.Outcome.Findings {
		j := Judged{Finding: f, New: isNew(change, f), Waiver: waivers.use(g.ID, f.Fingerprint)}
		inScope := j.New || g.Scope == ScopeAll
		j.Blocking = inScope && f.Severity.AtLeast(g.BlockOn) && j.Waiver == nil
		g.Findings = append(g.Findings, j)
	}
	if _, blocking := g.Count(); blocking > 0 {
		reason := describeBlocking(g.Findings)
		if r.Err != nil {
			reason += "; and it could not finish: " + g.Error
		}
		g.Status, g.Reason = StatusFail, reason
	}
	return g
}

// isNew says whether a finding is in the change. One that is about no file is
// about this run, and counts as new.
func isNew(change *git.Change, f Finding) bool {
	switch {
	case change.Everything():
		return true
	case f.Commit != "":
		return change.HasCommit(f.Commit)
	case f.Path == "":
		return true
	case f.Line == 0:
		return change.HasFile(string(f.Path))
	}
	return change.HasLines(string(f.Path), f.Line, max(f.Line, f.EndLine))
}

// describeBlocking is the reason of a failed gate: "2 findings in 1 file".
func describeBlocking(findings []Judged) string {
	n := 0
	files, commits := map[Path]bool{}, map[string]bool{}
	var only Finding
	for _, f := range findings {
		if !f.Blocking {
			continue
		}
		n++
		only = f.Finding
		if f.Path != "" {
			files[f.Path] = true
		}
		if f.Commit != "" {
			commits[f.Commit] = true
		}
	}
	if n == 1 && len(files) == 0 {
		return only.Message
	}
	parts := []string{Plural(n, "finding")}
	if len(files) > 0 {
		parts = append(parts, "in "+Plural(len(files), "file"))
	}
	if len(commits) > 0 {
		parts = append(parts, "("+Plural(len(commits), "commit")+" of the history)")
	}
	return strings.Join(parts, " ")
}

// Plural is "1 file", "2 files".
func Plural[N int | int64](n N, noun string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
