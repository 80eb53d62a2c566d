package bisect

import (
	"context"
	"fmt"
)

// sure is how much likelier two rates of failure have to be than one, before
// the ends count as different (a Bayes factor).
const sure = 3

// ends verifies that good is good and bad is bad. A check that is repeated is
// run at both until their rates of failure can be told apart.
func (st *state) ends(ctx context.Context) error {
	var good, bad tally
	most := max(4*st.Repeat, 60)
	for {
		if err := st.end(ctx, "good", st.Graph.Good, &good); err != nil {
			return err
		}
		if st.Repeat == 1 && good.fail > 0 {
			return &EndError{End: "good", Commit: st.Graph.Good, Fails: good.fail, Runs: good.fail}
		}
		if err := st.end(ctx, "bad", st.Graph.Bad, &bad); err != nil {
			return err
		}
		if st.Repeat == 1 && bad.pass > 0 {
			return &EndError{End: "bad", Commit: st.Graph.Bad, Runs: bad.pass}
		}
		if st.Repeat == 1 || apart(good, bad) {
			break
		}
		if good.runs() >= 5 && good.pass == 0 && bad.pass == 0 || good.runs() >= most {
			return st.alike(good, bad)
		}
	}
	st.belief.see(-1, good)
	st.belief.see(len(st.Graph.Commits)-1, bad)
	return nil
}

// end adds one visit of an end to its tally.
func (st *state) end(ctx context.Context, name, id string, sum *tally) error {
	t, skip, err := st.runs(ctx, id, st.Repeat)
	if err != nil {
		return err
	}
	st.note(Step{Commit: id, Runs: t.runs(), Fails: t.fail, Skipped: skip, Left: len(st.Graph.Commits)})
	if skip {
		return &EndError{End: name, Commit: id, Why: "cannot be checked: the check skips it (status 125)"}
	}
	sum.pass += t.pass
	sum.fail += t.fail
	return nil
}

// apart says that the check fails more often at bad than at good, and not by chance.
func apart(good, bad tally) bool {
	if rate(bad) <= rate(good) {
		return false
	}
	one := tally{good.pass + bad.pass, good.fail + bad.fail}
	return good.evidence()+bad.evidence()-one.evidence() >= logOf(sure)
}

func rate(t tally) float64 { return float64(t.fail) / float64(max(1, t.runs())) }

// alike is the error for ends that cannot be told apart.
func (st *state) alike(good, bad tally) error {
	switch {
	case good.pass == 0:
		return &EndError{End: "good", Commit: st.Graph.Good, Fails: good.fail, Runs: good.fail}
	case bad.fail == 0:
		return &EndError{End: "bad", Commit: st.Graph.Bad, Runs: bad.pass}
	}
	return &UndecidedError{fmt.Sprintf("good and bad cannot be told apart: the check fails in %d of %d runs at good, in %d of %d at bad",
		good.fail, good.runs(), bad.fail, bad.runs())}
}
