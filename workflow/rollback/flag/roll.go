package flag

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Service is where the flag is kept; [Client] is one.
type Service interface {
	Get(ctx context.Context) (int, error)
	Set(ctx context.Context, to int) error
}

// Reading is how much goes wrong at a moment.
type Reading struct {
	Rate     float64
	Baseline *float64 // what is usual; nil: whoever measures does not know
}

// Roll moves a flag in steps.
type Roll struct {
	Service Service                                    // Required.
	Watch   func(context.Context) (Reading, error)     // Required.
	Sleep   func(context.Context, time.Duration) error // Required.

	To    int           // percent
	Step  int           // percent. Required.
	Every time.Duration // between two steps. Required.
	Look  time.Duration // between two readings; at most Every. Required.
	Max   float64       // error rate above which it ends; zero: twice the baseline

	// Moving is told before each change, and may refuse it. Required.
	Moving func(from, to int) error
	// Say is told what was done. Required.
	Say func(text string)

	now, from int
	max       float64
}

// State is how a roll ended.
type State string

const (
	Done        State = "done"        // it is where it was to go
	Stopped     State = "stopped"     // the error rate rose: the flag is off
	Moved       State = "moved"       // somebody else has moved the flag: it is left alone
	Failed      State = "failed"      // the error rate or the flag cannot be read any more: the flag is in the safe state
	Interrupted State = "interrupted" // the same, because the user has had enough
	Unknown     State = "unknown"     // the flag's own state is not known
)

// Outcome is what came of it. A percentage that is not known is negative.
type Outcome struct {
	State State
	From  int // percent
	At    int // percent; in the state Unknown where it was last
	Why   string
}

// unread is the outcome where not even the beginning is known.
func unread() Outcome { return Outcome{State: Unknown, From: -1, At: -1} }

// Off turns a flag off at once.
func Off(ctx context.Context, s Service, moving func(from, to int) error) (Outcome, error) {
	from, err := s.Get(ctx)
	if err != nil {
		return unread(), err
	}
	out := Outcome{State: Done, From: from}
	if from == 0 {
		return out, nil
	}
	if err := moving(from, 0); err != nil {
		return Outcome{State: Unknown, From: from, At: from}, err
	}
	// From here on it is finished, also when the user has had enough.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), parting)
	defer cancel()
	if err := s.Set(ctx, 0); err != nil {
		return Outcome{State: Unknown, From: from, At: from}, fmt.Errorf("%w; it may still be at %d %%: turn it off by hand", err, from)
	}
	return out, nil
}

// aboveError says that the error rate rose.
type aboveError struct{ rate, max float64 }

func (e *aboveError) Error() string {
	return fmt.Sprintf("the error rate is %.4g, above %.4g", e.rate, e.max)
}

// movedError says that somebody else moved the flag.
type movedError struct{ at, want int }

func (e *movedError) Error() string {
	return fmt.Sprintf("somebody has moved it to %d %%; it was at %d %%", e.at, e.want)
}

// ErrLimit says that no limit can be told from what is usual.
var ErrLimit = errors.New("the usual error rate is 0, and twice that says nothing: name the limit")

// Run moves the flag. Above the limit it is turned off; when nobody can watch any
// more, or the user ends it, it is left in the safe state: where it is, or where
// it began, whichever reaches fewer users. The outcome is true also beside an
// error.
func (r Roll) Run(ctx context.Context) (Outcome, error) {
	from, err := r.Service.Get(ctx)
	if err != nil {
		return unread(), err
	}
	r.from, r.now = from, from
	if err = r.limit(ctx); err == nil {
		err = r.steps(ctx)
	}
	return r.end(ctx, err)
}

// limit finds the error rate that is too much, and looks whether it is already.
func (r *Roll) limit(ctx context.Context) error {
	got, err := r.read(ctx)
	if err != nil {
		return err
	}
	if r.max = r.Max; r.max == 0 {
		usual := got.Rate
		if got.Baseline != nil {
			usual = *got.Baseline
		}
		if r.max = 2 * usual; r.max == 0 {
			return ErrLimit
		}
	}
	r.Say(fmt.Sprintf("the flag is at %d %%; the error rate is %.4g, and at most %.4g", r.now, got.Rate, r.max))
	return r.judge(got)
}

func (r *Roll) judge(got Reading) error {
	if got.Rate > r.max {
		return &aboveError{got.Rate, r.max}
	}
	return nil
}

// steps goes there, and watches after each step: the last one too, unless nobody
// has the feature then.
func (r *Roll) steps(ctx context.Context) error {
	for r.now != r.To {
		next := min(r.now+r.Step, r.To)
		if r.To < r.now {
			next = max(r.now-r.Step, r.To)
		}
		if err := r.move(ctx, next); err != nil {
			return err
		}
		r.Say(fmt.Sprintf("%d %%", r.now))
		if r.now == 0 {
			continue
		}
		if err := r.watch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// move sets the flag, where nobody else has.
func (r *Roll) move(ctx context.Context, to int) error {
	at, err := r.Service.Get(ctx)
	if err != nil {
		return err
	}
	if at != r.now {
		return &movedError{at, r.now}
	}
	return r.set(ctx, to)
}

func (r *Roll) set(ctx context.Context, to int) error {
	if err := r.Moving(r.now, to); err != nil {
		return err
	}
	if err := r.Service.Set(ctx, to); err != nil {
		return err
	}
	r.now = to
	return nil
}

// watch looks at the error rate until the next step is due.
func (r *Roll) watch(ctx context.Context) error {
	for left := r.Every; left > 0; {
		d := min(r.Look, left)
		if err := r.Sleep(ctx, d); err != nil {
			return err
		}
		left -= d
		got, err := r.read(ctx)
		if err == nil {
			err = r.judge(got)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read asks for the error rate, again where there is no answer.
func (r *Roll) read(ctx context.Context) (got Reading, err error) {
	for try := 1; ; try++ {
		if got, err = r.Watch(ctx); err == nil || try == tries || ctx.Err() != nil {
			return got, err
		}
		if err := r.Sleep(ctx, between); err != nil {
			return got, err
		}
	}
}

// parting is how long the last change may take when the user has had enough.
const parting = 45 * time.Second

// end leaves the flag where it does the least harm, and says why.
func (r *Roll) end(ctx context.Context, err error) (Outcome, error) {
	out := Outcome{State: Done, From: r.from, At: r.now}
	if err == nil {
		return out, nil
	}
	out.Why = err.Error()
	safe := min(r.from, r.now)
	var moved *movedError
	switch {
	case errors.As(err, new(*aboveError)): // before all else: it breaks something
		out.State, safe = Stopped, 0
	case ctx.Err() != nil:
		out.State = Interrupted
	case errors.As(err, &moved):
		out.State, out.At = Moved, moved.at
		return out, err
	default:
		out.State = Failed
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), parting)
	defer cancel()
	// A change that was broken off may have been made: it is read, not remembered.
	at, again := r.Service.Get(last)
	if again == nil && at > safe {
		r.now = at
		again = r.set(last, safe)
	}
	if again != nil {
		out.State = Unknown
		return out, errors.Join(err, fmt.Errorf("%w: it may be at %d %% still; set it to %d %% by hand", again, r.now, safe))
	}
	out.At = min(at, safe)
	return out, err
}
