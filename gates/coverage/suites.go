package coverage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
)

// Suites runs the projects' own tests, those of each project once, whichever
// gate asks first: the gates tests and coverage share one. It is safe for
// concurrent use; the zero value is ready.
//
// A run belongs to no gate. It goes on while one of those that asked for it
// still waits, and is ended when the last of them has gone; then whoever asks
// next begins anew.
type Suites struct {
	// Measure: the gate coverage is going to ask too, so that every run
	// measures at once.
	Measure bool

	mu    sync.Mutex
	known map[suiteKey]*suite
	turn  chan struct{} // held by the run that is at work: one at a time
}

// suiteKey names a run: the same tests of the same tree.
type suiteKey struct {
	dir, tree, project string
	kind               project.Kind
	measured           bool
}

// suite is a run, until done is closed at work.
type suite struct {
	done    chan struct{}
	cancel  context.CancelCauseFunc
	waiting int
	ran     ran
}

// ran is what a run came to.
type ran struct {
	results results
	exit    int
	err     error  // why the run says nothing
	log     []byte // the end of what it printed

	measured   []measured
	unmeasured error // why nothing was measured, where that was asked for
}

// measured is one report of coverage that a run of ours has left.
type measured struct {
	what string // in words, for messages
	data []byte
}

// errLeft ends a run that nobody waits for any more.
var errLeft = errors.New("nobody waits for the tests any more")

// run gives what the tests of a project came to, and runs them where they did
// not run yet. The error is the context's alone.
func (s *Suites) run(ctx context.Context, t *gates.Target, j job, measure bool) (ran, error) {
	if ctx.Err() != nil {
		return ran{}, context.Cause(ctx)
	}
	key := suiteKey{t.Dir, t.Tree.ID, j.project.Dir, j.project.Kind, measure}
	run := s.join(ctx, t, j, key)
	select {
	case <-run.done:
		return run.ran, nil
	case <-ctx.Done():
	}
	s.leave(run, key)
	return ran{}, context.Cause(ctx)
}

// join is one more that waits for a run, which is started where there is none.
func (s *Suites) join(ctx context.Context, t *gates.Target, j job, key suiteKey) *suite {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready()
	run := s.known[key]
	if run == nil {
		own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		run = &suite{done: make(chan struct{}), cancel: cancel}
		s.known[key] = run
		go s.work(own, t, j, key, run)
	}
	run.waiting++
	return run
}

// leave is one less. The last one ends the run, and waits for its end: nothing
// of it outlives the gate.
func (s *Suites) leave(run *suite, key suiteKey) {
	s.mu.Lock()
	run.waiting--
	last := run.waiting == 0
	if last && s.known[key] == run {
		delete(s.known, key)
	}
	s.mu.Unlock()
	if last {
		run.cancel(errLeft)
		<-run.done
	}
}

func (s *Suites) work(ctx context.Context, t *gates.Target, j job, key suiteKey, run *suite) {
	defer close(run.done)
	defer run.cancel(nil)
	defer func() {
		if p := recover(); p != nil {
			t.Log.Error("run of the tests crashed", "error", p, "stack", string(debug.Stack()))
			run.ran = ran{err: fmt.Errorf("crashed: %v", p)}
		}
	}()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		run.ran = ran{err: context.Cause(ctx)}
		return
	}
	run.ran = runJob(ctx, t, j, key.measured)
}

// runJob runs a project's tests in a scratch of their own, and takes away what
// the tool left in the work tree where nothing was before.
func runJob(ctx context.Context, t *gates.Target, j job, measure bool) ran {
	scratch, err := os.MkdirTemp("", "wf-ci-tests-")
	if err != nil {
		return ran{err: err}
	}
	defer os.RemoveAll(scratch)
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return ran{err: err}
	}
	defer root.Close()
	defer tidyUp(root, absent(root, j.project))
	r := &session{target: t, root: root, scratch: scratch, measure: measure}
	out := ran{}
	out.results, out.exit, out.err = j.start(ctx, r)
	out.log, out.measured, out.unmeasured = r.log, r.measured, r.unmeasured
	out.err, out.unmeasured = without(out.err, scratch), without(out.unmeasured, scratch)
	if measure && out.err == nil && out.unmeasured == nil && len(out.measured) == 0 {
		out.unmeasured = errors.New("nothing was measured")
	}
	return out
}

// without is an error that does not name the scratch: that is another one each
// time.
func without(err error, scratch string) error {
	if err == nil || !strings.Contains(err.Error(), scratch) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), scratch, "(scratch)"))
}

// quiet calls fn while no run of ours is at work: tools write their reports
// where those of earlier steps are looked for.
func (s *Suites) quiet(ctx context.Context, fn func() error) error {
	s.mu.Lock()
	s.ready()
	s.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		return fn()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ready makes the zero value usable. The lock is held.
func (s *Suites) ready() {
	if s.known == nil {
		s.known, s.turn = make(map[suiteKey]*suite), make(chan struct{}, 1)
	}
}
