package refs_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/refs"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

var errRefused = errors.New("refused")

// within lets holds in until they add up to a limit.
func within(limit, usd costs.Nano) func([]costs.Hold) error {
	return func(holds []costs.Hold) error {
		sum := usd
		for _, h := range holds {
			sum += h.USD
		}
		if sum > limit {
			return errRefused
		}
		return nil
	}
}

func hold(id string, usd costs.Nano) costs.Hold {
	return costs.Hold{ID: id, USD: usd, At: noon, Expires: noon.Add(time.Hour)}
}

// Of many who ask at once for more than there is, as many get it as fit.
func TestReserve(t *testing.T) {
	for name, remote := range remotes(t) {
		t.Run(name, func(t *testing.T) {
			store := refs.Store{Repo: gittest.New(t).Open(), Remote: remote}
			const jobs, fit = 3, 2
			errs := make([]error, jobs)
			var wg sync.WaitGroup
			for i := range jobs {
				wg.Go(func() {
					errs[i] = store.Reserve(ctx, hold(fmt.Sprint("job", i), 1e9), noon, within(fit*1e9, 1e9))
				})
			}
			wg.Wait()
			got := 0
			for _, err := range errs {
				if err == nil {
					got++
				} else if !errors.Is(err, errRefused) {
					t.Error(err)
				}
			}
			if holds, err := store.Holds(ctx); err != nil || len(holds) != fit || got != fit {
				t.Errorf("%d were let in, %+v, %v", got, holds, err)
			}
		})
	}
}

func TestSettleAndRelease(t *testing.T) {
	store := refs.Store{Repo: gittest.New(t).Open(), Remote: git.Remote{Name: bare(t)}}
	free := func([]costs.Hold) error { return nil }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	must(store.Reserve(ctx, hold("a", 1e9), noon, free))
	must(store.Reserve(ctx, hold("a", 1e9), noon, free)) // asked once more
	must(store.Reserve(ctx, hold("b", 1e9), noon, free))
	if err := store.Reserve(ctx, hold("a", 2e9), noon, free); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("%v", err)
	}
	must(store.Settle(ctx, "a", 5e8, noon))
	must(store.Settle(ctx, "a", 5e8, noon.Add(time.Hour)))
	if err := store.Settle(ctx, "a", 6e8, noon); err == nil || !strings.Contains(err.Error(), "was settled for $0.50 already") {
		t.Errorf("%v", err)
	}
	if settled, err := store.Release(ctx, "a", noon); err != nil || !settled {
		t.Errorf("%t, %v", settled, err)
	}
	if settled, err := store.Release(ctx, "b", noon); err != nil || settled {
		t.Errorf("%t, %v", settled, err)
	}
	if _, err := store.Release(ctx, "b", noon); !errors.Is(err, refs.ErrNoHold) {
		t.Errorf("%v", err)
	}
	holds, err := store.Holds(ctx)
	if err != nil || len(holds) != 1 || !holds[0].Settled || holds[0].USD != 5e8 {
		t.Errorf("%+v, %v", holds, err)
	}
	// What is long over is forgotten when somebody writes.
	later := noon.AddDate(0, 2, 0)
	must(store.Reserve(ctx, costs.Hold{ID: "c", USD: 1, At: later, Expires: later.Add(time.Hour)}, later, free))
	if holds, err := store.Holds(ctx); err != nil || len(holds) != 1 || holds[0].ID != "c" {
		t.Errorf("%+v, %v", holds, err)
	}
	for _, bad := range []costs.Hold{{}, {ID: "x", USD: -1, At: noon, Expires: later}, {ID: "x", At: noon, Expires: noon}, {ID: "a\nb", At: noon, Expires: later}} {
		if err := store.Reserve(ctx, bad, noon, free); err == nil {
			t.Errorf("%+v was reserved", bad)
		}
	}
}
