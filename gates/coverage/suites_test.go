package coverage

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
)

// slowJob ends when it is told, or when its context does.
func slowJob(started *atomic.Int32, release <-chan struct{}) job {
	return job{project: project.Project{Dir: "."}, start: func(ctx context.Context, _ *session) (results, int, error) {
		started.Add(1)
		select {
		case <-release:
			return results{format: "x", passed: 1}, 0, nil
		case <-ctx.Done():
			return results{}, 0, context.Cause(ctx)
		}
	}}
}

func suitesTarget(t *testing.T) *gates.Target { return newRepo(t, goFiles).target() }

func TestSuitesRunOnce(t *testing.T) {
	var started atomic.Int32
	release := make(chan struct{})
	j, s, target := slowJob(&started, release), new(Suites), suitesTarget(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := s.run(context.Background(), target, j, true); err != nil || got.results.passed != 1 {
				t.Error(got, err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	close(release)
	wg.Wait()
	if got, err := s.run(context.Background(), target, j, true); err != nil || got.results.passed != 1 || started.Load() != 1 {
		t.Error(got, err, started.Load())
	}
}

// One that stops waiting spoils nothing for the other; when the last has gone
// the run is ended, and who asks next begins anew.
func TestSuitesOutliveOneThatLeaves(t *testing.T) {
	var started atomic.Int32
	release := make(chan struct{})
	j, s, target := slowJob(&started, release), new(Suites), suitesTarget(t)
	impatient, cancel := context.WithCancelCause(context.Background())
	first := make(chan error, 1)
	go func() {
		_, err := s.run(impatient, target, j, true)
		first <- err
	}()
	for started.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	second := make(chan ran, 1)
	go func() {
		got, err := s.run(context.Background(), target, j, true)
		if err != nil {
			t.Error(err)
		}
		second <- got
	}()
	for waiting := 0; waiting < 2; {
		time.Sleep(time.Millisecond)
		s.mu.Lock()
		for _, run := range s.known {
			waiting = run.waiting
		}
		s.mu.Unlock()
	}
	cancel(gates.ErrTimeout)
	if err := <-first; !errors.Is(err, gates.ErrTimeout) {
		t.Error(err)
	}
	close(release)
	if got := <-second; got.err != nil || got.results.passed != 1 || started.Load() != 1 {
		t.Error(got, started.Load())
	}

	started.Store(0)
	s = new(Suites)
	j = slowJob(&started, make(chan struct{})) // never released
	alone, leave := context.WithTimeoutCause(context.Background(), 20*time.Millisecond, gates.ErrTimeout)
	defer leave()
	if _, err := s.run(alone, target, j, true); !errors.Is(err, gates.ErrTimeout) || len(s.known) != 0 {
		t.Error(err, s.known)
	}
	done := make(chan struct{})
	close(done)
	if got, err := s.run(context.Background(), target, slowJob(&started, done), true); err != nil || got.results.passed != 1 || started.Load() < 1 {
		t.Error(got, err, started.Load())
	}
}

func TestSuiteThatCrashes(t *testing.T) {
	j := job{project: project.Project{Dir: "."}, start: func(context.Context, *session) (results, int, error) { panic("boom") }}
	got, err := new(Suites).run(context.Background(), suitesTarget(t), j, false)
	if err != nil || got.err == nil || got.err.Error() != "crashed: boom" {
		t.Error(got, err)
	}
}
