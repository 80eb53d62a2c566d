package refs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Reservations are one small file in a commit without a parent, named by one
// ref. A change is a new commit, and takes the old one's place only if that is
// still there: of all jobs that want the rest of a budget, one gets it, and the
// others look again. There is no server but git's, and no lock to be left
// behind; what a killed job has reserved expires.

const (
	holdsFile  = "reservations.json"
	holdsLimit = 4 << 20
	// A reservation is remembered for so long after it has expired, so that who
	// settles it late is not told that it never was.
	afterExpiry = 7 * 24 * time.Hour
	// A settled one is remembered until its month is surely over.
	afterSettled = 40 * 24 * time.Hour
)

// ErrNoHold says that there is no such reservation.
var ErrNoHold = errors.New("no such reservation")

// Holds are the reservations, those that are settled or expired too.
func (s Store) Holds(ctx context.Context) ([]costs.Hold, error) {
	holds, _, err := s.holds(ctx)
	return holds, err
}

// holds gives the commit, too, that they were read from.
func (s Store) holds(ctx context.Context) (holds []costs.Hold, tip string, err error) {
	ref := s.name("reservations")
	at, err := s.refs().List(ctx, ref)
	if err != nil || at[ref] == "" {
		return nil, "", err
	}
	tip = at[ref]
	if err := s.refs().Bring(ctx, at); err != nil {
		return nil, "", err
	}
	data, err := s.Repo.ReadFile(ctx, tip, holdsFile, holdsLimit)
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", ref, err)
	}
	if err := json.Unmarshal(data, &holds); err != nil {
		return nil, "", fmt.Errorf("read %s: %s: %w; delete the ref to begin anew", ref, holdsFile, err)
	}
	for _, h := range holds {
		if err := h.Check(); err != nil {
			return nil, "", fmt.Errorf("read %s: %w", ref, err)
		}
	}
	return holds, tip, nil
}

// Reserve adds a hold, if allow lets it: that gets what is reserved already.
// The answer holds at the moment at which the hold is written, however many ask
// at once. A hold of this id that is there with the same amount is no error.
func (s Store) Reserve(ctx context.Context, h costs.Hold, now time.Time, allow func([]costs.Hold) error) error {
	if err := h.Check(); err != nil {
		return err
	}
	return s.change(ctx, now, func(holds []costs.Hold) ([]costs.Hold, error) {
		if i := index(holds, h.ID); i >= 0 {
			if holds[i].USD != h.USD || !holds[i].Open(now) {
				return nil, fmt.Errorf("the reservation %q is there already: $%s", h.ID, holds[i].USD)
			}
			return holds, nil
		}
		if err := allow(holds); err != nil {
			return nil, err
		}
		return append(holds, h), nil
	})
}

// Settle says what a hold did cost in the end. Settled again with the same
// amount it stays as it is.
func (s Store) Settle(ctx context.Context, id string, usd costs.Nano, now time.Time) error {
	return s.change(ctx, now, func(holds []costs.Hold) ([]costs.Hold, error) {
		i := index(holds, id)
		switch {
		case i < 0:
			return nil, fmt.Errorf("%q: %w", id, ErrNoHold)
		case holds[i].Settled && holds[i].USD != usd:
			return nil, fmt.Errorf("the reservation %q was settled for $%s already", id, holds[i].USD)
		case !holds[i].Settled:
			holds[i].Settled, holds[i].USD, holds[i].At = true, usd, now.UTC().Truncate(time.Second)
		}
		return holds, holds[i].Check()
	})
}

// Release takes a hold away: nothing was spent. One that is settled stays.
func (s Store) Release(ctx context.Context, id string, now time.Time) (settled bool, err error) {
	err = s.change(ctx, now, func(holds []costs.Hold) ([]costs.Hold, error) {
		i := index(holds, id)
		if i < 0 {
			return nil, fmt.Errorf("%q: %w", id, ErrNoHold)
		}
		if settled = holds[i].Settled; settled {
			return holds, nil
		}
		return slices.Delete(holds, i, i+1), nil
	})
	return settled, err
}

func index(holds []costs.Hold, id string) int {
	return slices.IndexFunc(holds, func(h costs.Hold) bool { return h.ID == id })
}

// change replaces the list, until nobody has changed it in between. fn is called
// anew each time.
func (s Store) change(ctx context.Context, now time.Time, fn func([]costs.Hold) ([]costs.Hold, error)) error {
	return retry(ctx, func() error {
		old, tip, err := s.holds(ctx)
		if err != nil {
			return err
		}
		holds, err := fn(slices.Clone(old))
		if err != nil || slices.Equal(holds, old) {
			return err
		}
		holds = slices.DeleteFunc(holds, func(h costs.Hold) bool {
			return h.Settled && now.Sub(h.At) > afterSettled || !h.Settled && now.Sub(h.Expires) > afterExpiry
		})
		slices.SortFunc(holds, func(a, b costs.Hold) int { return strings.Compare(a.ID, b.ID) })
		data, err := json.MarshalIndent(holds, "", " ")
		if err != nil {
			return err
		}
		ids, err := s.Repo.WriteBlobs(ctx, [][]byte{append(data, '\n')})
		if err != nil {
			return err
		}
		// The same list is the same commit: that a list has come back in between
		// makes no difference.
		commit, err := s.Repo.MakeCommit(ctx, git.NewCommit{Files: map[string]string{holdsFile: ids[0]}, Message: "costs: reservations", Time: time.Unix(0, 0)})
		if err != nil {
			return err
		}
		return s.refs().Set(ctx, git.Update{Ref: s.name("reservations"), Old: tip, New: commit})
	})
}
