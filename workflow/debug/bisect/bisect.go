// Package bisect finds the commit that broke a check, also where the check is
// right only most of the time.
//
// Each commit between good and bad is a hypothesis: "this one is the first that
// is bad". A check that always tells the truth strikes hypotheses out. One that
// is repeated need not tell the truth: then a run makes hypotheses more or less
// likely, with the two rates of failure (before the commit, and from it on)
// unknown and learned on the way, and the search ends when one is likely enough.
package bisect

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Answer is what one run of the check says.
type Answer int

const (
	Pass Answer = iota
	Fail
	Skip // this commit cannot be checked
)

// Search is one bisection.
type Search struct {
	Graph  Graph                                                    // Required.
	Check  func(ctx context.Context, commit string) (Answer, error) // one run. Required.
	Repeat int                                                      // runs of a commit at a time. 1: the check always tells the truth. Required.
	Error  float64                                                  // how likely a wrong answer may be, where the check is repeated. Zero: 0.001.
	Note   func(Step)                                               // told of each step. Optional.
}

// Step is one commit that was checked, all its runs of one visit.
type Step struct {
	Commit      string
	Runs, Fails int
	Skipped     bool
	Left        int // commits that may still be the one
}

// Result is how a search ended.
type Result struct {
	Commit     string   // the first bad one; empty where only Candidates are known
	Candidates []string // those that skipped commits hide, oldest first
	Steps      int      // commits that were checked, the ends aside; a commit may be checked again
	Runs       int      // of the check, those of the ends among them
	Skipped    []string // sorted
	Error      float64  // bound on the probability that Commit is wrong; zero for a check that tells the truth
}

// EndError says that an end is not what it is said to be.
type EndError struct {
	End         string // good or bad
	Commit      string
	Fails, Runs int
	Why         string // empty: the usual
}

func (e *EndError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("the %s revision %s %s", e.End, short(e.Commit), e.Why)
	}
	if e.End == "good" {
		return fmt.Sprintf("the good revision %s is bad: the check fails there (%d of %d runs)", short(e.Commit), e.Fails, e.Runs)
	}
	return fmt.Sprintf("the bad revision %s is good: the check passes there (%d of %d runs)", short(e.Commit), e.Runs-e.Fails, e.Runs)
}

// UndecidedError says that a search came to no end.
type UndecidedError struct{ Why string }

func (e *UndecidedError) Error() string { return e.Why }

func short(id string) string { return id[:min(len(id), 12)] }

// tally counts the runs of one commit.
type tally struct{ pass, fail int }

func (t tally) runs() int { return t.pass + t.fail }

// state is a search on its way.
type state struct {
	*Search
	belief  *belief
	skipped map[int]bool
	result  Result
}

// Run searches. The error is an [EndError], an [UndecidedError], or Check's own.
func (s *Search) Run(ctx context.Context) (Result, error) {
	if s.Repeat < 1 {
		return Result{}, fmt.Errorf("repeat %d: want 1 or more", s.Repeat)
	}
	if s.Error == 0 {
		s.Error = 0.001
	}
	st := &state{Search: s, skipped: map[int]bool{}}
	st.belief = newBelief(&s.Graph, s.Repeat > 1)
	if err := st.ends(ctx); err != nil {
		return st.result, err
	}
	err := st.loop(ctx)
	for i := range st.skipped {
		st.result.Skipped = append(st.result.Skipped, s.Graph.Commits[i].ID)
	}
	slices.Sort(st.result.Skipped)
	return st.result, err
}

// loop checks one commit after the other.
func (st *state) loop(ctx context.Context) error {
	limit := 60 + 20*int(math.Log2(float64(len(st.Graph.Commits)+1)))
	for {
		best, p := st.belief.best()
		if st.Repeat > 1 && 1-p <= st.Error || st.Repeat == 1 && st.belief.left() == 1 {
			st.result.Commit = st.Graph.Commits[best].ID
			if st.Repeat > 1 {
				st.result.Error = max(1-p, 1e-9)
			}
			return nil
		}
		next := st.belief.next(st.skipped)
		if next < 0 {
			return st.hidden()
		}
		if st.result.Steps >= limit {
			return &UndecidedError{fmt.Sprintf("no commit stands out after %d steps and %d runs (the likeliest is %s, %.1f %%): repeat the check more often, or make it steadier",
				st.result.Steps, st.result.Runs, short(st.Graph.Commits[best].ID), 100*p)}
		}
		if err := st.calibrate(ctx, next); err != nil {
			return err
		}
		if err := st.visit(ctx, next); err != nil {
			return err
		}
	}
}

// calibrate runs the ends again, once a commit between them has been run as often:
// what a commit's rate of failure means hangs on how well theirs are known.
func (st *state) calibrate(ctx context.Context, next int) error {
	last := len(st.Graph.Commits) - 1
	if st.Repeat == 1 || st.belief.seen[next].runs() < min(st.belief.seen[-1].runs(), st.belief.seen[last].runs()) {
		return nil
	}
	var good, bad tally
	if err := st.end(ctx, "good", st.Graph.Good, &good); err != nil {
		return err
	}
	if err := st.end(ctx, "bad", st.Graph.Bad, &bad); err != nil {
		return err
	}
	st.belief.see(-1, good)
	st.belief.see(last, bad)
	return nil
}

// hidden ends a search in which only commits that cannot be checked are left.
func (st *state) hidden() error {
	for _, i := range st.belief.likely(st.Error) {
		st.result.Candidates = append(st.result.Candidates, st.Graph.Commits[i].ID)
	}
	return &UndecidedError{fmt.Sprintf("one of %d commits broke it; the check skips what would tell them apart", len(st.result.Candidates))}
}

// visit runs the check on a commit, and learns.
func (st *state) visit(ctx context.Context, i int) error {
	id := st.Graph.Commits[i].ID
	t, skip, err := st.runs(ctx, id, st.Repeat)
	if err != nil {
		return err
	}
	st.result.Steps++
	if skip {
		st.skipped[i] = true
	} else {
		st.belief.see(i, t)
	}
	st.note(Step{Commit: id, Runs: t.runs(), Fails: t.fail, Skipped: skip, Left: st.belief.left()})
	return nil
}

func (st *state) note(s Step) {
	if st.Note != nil {
		st.Note(s)
	}
}

// runs runs the check n times. A commit is skipped when one run says so.
func (st *state) runs(ctx context.Context, id string, n int) (tally, bool, error) {
	var t tally
	for range n {
		a, err := st.Check(ctx, id)
		if err != nil {
			return t, false, err
		}
		st.result.Runs++
		switch a {
		case Pass:
			t.pass++
		case Fail:
			t.fail++
		default:
			return t, true, nil
		}
	}
	return t, false, nil
}
