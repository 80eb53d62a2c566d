package refs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// Trial is what [Store.Chaos] has seen.
type Trial struct {
	Jobs        int      `json:"jobs"`
	Published   int      `json:"published"`   // acknowledged, of all jobs and tries
	Killed      int      `json:"killed"`      // tries that were ended while they published
	Compactions int      `json:"compactions"` // while the jobs published
	Entries     int      `json:"entries"`     // in the branch, in the end
	Lost        []string `json:"lost"`        // acknowledged, and not there
	Doubled     []string `json:"doubled"`     // there twice, or counted twice
	Asked       int      `json:"asked"`       // reservations at the same time
	Fit         int      `json:"fit"`         // as many as the limit had room for
	Granted     int      `json:"granted"`
	Left        []string `json:"left"` // refs of ours that could not be removed
}

// OK says whether nothing was lost, doubled, or given out twice.
func (t Trial) OK() bool {
	return len(t.Lost) == 0 && len(t.Doubled) == 0 && t.Granted == t.Fit && len(t.Left) == 0
}

// What a trial does at once: more would measure the machine, not the remote.
const (
	trialWriters    = 16
	trialCompactors = 2
	trialAskers     = 8
	trialRoom       = 3
)

// Chaos tries the store out, in refs of its own that it removes: jobs publish at
// once, some twice, some are killed and begin again; compactors fold what is
// there at the same time; jobs ask for more of a limit than there is.
func (s Store) Chaos(ctx context.Context, jobs int, now time.Time) (trial Trial, err error) {
	s.Space = s.name("chaos-" + strings.ToLower(rand.Text()[:12]))
	defer func() {
		left, cleanErr := s.clean(context.WithoutCancel(ctx))
		trial.Left, err = left, errors.Join(err, cleanErr)
	}()
	trial.Jobs = jobs
	if err := s.publishAll(ctx, jobs, now, &trial); err != nil {
		return trial, err
	}
	if err := s.count(ctx, jobs, &trial); err != nil {
		return trial, err
	}
	return trial, s.askAll(ctx, now, &trial)
}

func (s Store) branch() string { return s.name("branch") }

// publishAll runs the jobs, and compactors beside them.
func (s Store) publishAll(ctx context.Context, jobs int, now time.Time, trial *Trial) error {
	done := make(chan struct{})
	compacted := make([]int, trialCompactors)
	errs := make([]error, trialCompactors+jobs)
	var compactors, writers sync.WaitGroup
	for i := range trialCompactors {
		compactors.Go(func() {
			for !closed(done) && errs[i] == nil {
				_, errs[i] = s.Compact(ctx, s.branch(), nil)
				compacted[i]++
			}
		})
	}
	slots := make(chan struct{}, trialWriters)
	tallies := make([]Trial, jobs)
	for i := range jobs {
		writers.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			tallies[i], errs[trialCompactors+i] = s.job(ctx, i, now)
		})
	}
	writers.Wait()
	close(done)
	compactors.Wait()
	for _, n := range compacted {
		trial.Compactions += n
	}
	for _, t := range tallies {
		trial.Published += t.Published
		trial.Killed += t.Killed
	}
	return errors.Join(errs...)
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// job publishes an entry of its own and one that its neighbour publishes too.
// Every second one is killed at some point first; every third publishes twice.
func (s Store) job(ctx context.Context, i int, now time.Time) (t Trial, err error) {
	var list []costs.Entry
	for _, key := range []string{own(i), shared(i)} {
		e, err := costs.Entry{Key: key, Time: now, Category: "chaos", USD: 1, Basis: costs.Reported, Source: "chaos"}.Seal(now)
		if err != nil {
			return t, err
		}
		list = append(list, e)
	}
	run := fmt.Sprintf("job%d", i)
	if i%2 == 1 {
		killed, cancel := context.WithTimeout(ctx, mathrand.N(300*time.Millisecond))
		if _, err := s.Publish(killed, run, list); err != nil {
			t.Killed++
		} else {
			t.Published++
		}
		cancel()
	}
	for range 1 + (i%3)/2 {
		if _, err := s.Publish(ctx, run, list); err != nil {
			return t, err
		}
		t.Published++
	}
	return t, nil
}

func own(i int) string    { return fmt.Sprintf("chaos:own:%d", i) }
func shared(i int) string { return fmt.Sprintf("chaos:shared:%d", i/2) }

// count folds what is left, and compares the branch with what was acknowledged.
func (s Store) count(ctx context.Context, jobs int, trial *Trial) error {
	last, err := s.Compact(ctx, s.branch(), nil)
	if err != nil {
		return err
	}
	for _, r := range last.Rejected {
		trial.Lost = append(trial.Lost, r.Ref+": "+r.Reason)
	}
	all, _, err := s.Entries(ctx, s.branch())
	if err != nil {
		return err
	}
	trial.Entries = len(all)
	there := make(map[string]int)
	for _, e := range all {
		there[e.Key]++
	}
	for i := range jobs {
		for _, key := range []string{own(i), shared(i)} {
			switch n := there[key]; {
			case n == 0:
				trial.Lost = append(trial.Lost, key)
			case n > 1:
				trial.Doubled = append(trial.Doubled, key)
			}
		}
	}
	if want := jobs + (jobs+1)/2; len(all) > want {
		trial.Doubled = append(trial.Doubled, fmt.Sprintf("%d entries, of %d that there are", len(all), want))
	}
	trial.Lost, trial.Doubled = unique(trial.Lost), unique(trial.Doubled)
	return nil
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(append([]string{}, list...))
}

// askAll reserves more than there is room for, at once.
func (s Store) askAll(ctx context.Context, now time.Time, trial *Trial) error {
	trial.Asked, trial.Fit = trialAskers, trialRoom
	full := errors.New("full")
	errs := make([]error, trialAskers)
	var wg sync.WaitGroup
	for i := range trialAskers {
		wg.Go(func() {
			h := costs.Hold{ID: fmt.Sprintf("job%d", i), USD: 1, At: now, Expires: now.Add(time.Hour)}
			errs[i] = s.Reserve(ctx, h, now, func(holds []costs.Hold) error {
				if len(holds) >= trialRoom {
					return full
				}
				return nil
			})
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err == nil {
			trial.Granted++
		}
		if errors.Is(err, full) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// clean removes the refs of the trial, and gives those that stay.
func (s Store) clean(ctx context.Context) ([]string, error) {
	all, err := s.refs().List(ctx, s.Space)
	if err != nil {
		return []string{s.Space}, err
	}
	err = s.refs().Drop(ctx, all)
	left, listErr := s.refs().List(ctx, s.Space)
	names := []string{}
	for ref := range left {
		names = append(names, ref)
	}
	slices.Sort(names)
	return names, errors.Join(err, listErr)
}
