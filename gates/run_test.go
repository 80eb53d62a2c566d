package gates_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
)

// timeless is what of results has to be the same every time.
func timeless(results []gates.Result) []string {
	var out []string
	for _, r := range results {
		out = append(out, fmt.Sprintf("%s skipped %q %t err %v outcome %+v cached %t", r.Gate.ID, r.Skipped, r.SkippedByFlag, r.Err, r.Outcome, r.Cached))
	}
	return out
}

// A run of many gates that end in any order gives the same results in the same
// order, on one core or on many.
func TestRunKeepsTheOrder(t *testing.T) {
	t.Parallel()
	target := noTarget()
	var want []string
	for round := range 200 {
		seeds := rand.New(rand.NewPCG(uint64(round), 1))
		var list []gates.Gate
		for i := range 8 {
			r := rand.New(rand.NewPCG(seeds.Uint64(), 2))
			g := newGate(fmt.Sprint("g", i), func(context.Context, *gates.Target) (gates.Outcome, error) {
				time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
				var out gates.Outcome
				for k := range i {
					f := gates.Finding{Rule: fmt.Sprint(k % 2), Path: gates.Path(fmt.Sprint(k % 3)), Line: k % 2, Message: "m"}
					out.Findings = append(out.Findings, f)
				}
				r.Shuffle(len(out.Findings), func(a, b int) {
					out.Findings[a], out.Findings[b] = out.Findings[b], out.Findings[a]
				})
				if i == 3 {
					return out, errBoom
				}
				return out, nil
			})
			g.Weight = i % 3
			list = append(list, g)
		}
		o := options()
		o.Jobs = 1 + 7*(round%2)
		o.LeftOut = map[string]gates.LeftOut{"g5": {Reason: "--skip", Flag: true}}
		got := timeless(run(t, target, o, list...))
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d with %d jobs (-first +this):\n%s", round, o.Jobs, diff)
		}
	}
	for i, line := range want {
		if !strings.HasPrefix(line, fmt.Sprintf("g%d ", i)) {
			t.Errorf("result %d is %s", i, line)
		}
	}
}

// What one gate does is its own result, and nobody else's.
func TestAGateCannotHarmTheOthers(t *testing.T) {
	t.Parallel()
	fine := gives(gates.Outcome{Examined: gates.Examined{Files: 1}})
	waits := func(ctx context.Context, _ *gates.Target) (gates.Outcome, error) {
		<-ctx.Done()
		return gates.Outcome{}, ctx.Err()
	}
	silent := func(ctx context.Context, _ *gates.Target) (gates.Outcome, error) {
		<-ctx.Done() // and passes, so it says
		return gates.Outcome{Findings: []gates.Finding{blocker("1")}, Examined: gates.Examined{Files: 1}, Log: []byte("last words")}, nil
	}
	var none map[string]int
	list := []gates.Gate{
		newGate("first", fine),
		newGate("panics", func(context.Context, *gates.Target) (gates.Outcome, error) { panic("the disco") }),
		newGate("writes-to-nil", func(context.Context, *gates.Target) (gates.Outcome, error) { none["x"]++; return gates.Outcome{}, nil }),
		newGate("panics-with-nil", func(context.Context, *gates.Target) (gates.Outcome, error) { panic(nil) }),
		newGate("leaves", func(context.Context, *gates.Target) (gates.Outcome, error) { runtime.Goexit(); panic("not reached") }),
		newGate("plan-panics", fine),
		newGate("waits", waits),
		newGate("silent", silent),
		newGate("plan-waits", fine),
		newGate("errs", func(context.Context, *gates.Target) (gates.Outcome, error) { return gates.Outcome{}, errBoom }),
		newGate("last", fine),
	}
	list[5].Plan = func(context.Context, *gates.Target) (gates.Plan, error) { panic("no plan") }
	list[8].Plan = func(ctx context.Context, _ *gates.Target) (gates.Plan, error) {
		<-ctx.Done()
		return gates.Plan{Skip: "tired"}, nil
	}
	o := options()
	o.Timeouts = map[string]time.Duration{"waits": 10 * time.Millisecond, "silent": 20 * time.Millisecond, "plan-waits": 30 * time.Millisecond}
	results := run(t, noTarget(), o, list...)
	want := map[string]string{
		"panics": "crashed: the disco", "writes-to-nil": "crashed: assignment to entry in nil map", "plan-panics": "crashed: no plan",
		"panics-with-nil": "crashed: panic called with nil argument",
		"leaves":          "ended without a result", "waits": "timed out after 10ms", "silent": "timed out after 20ms",
		"plan-waits": "timed out after 30ms", "errs": "boom",
	}
	for i, r := range results {
		got := ""
		if r.Err != nil {
			got = r.Err.Error()
		}
		got, _, _ = strings.Cut(got, " (use GODEBUG")
		if id := list[i].ID; got != want[id] || r.Skipped != "" || r.Gate != &list[i] && r.Gate.ID != id {
			t.Errorf("%s: %q, skipped %q, want %q", id, got, r.Skipped, want[id])
		}
	}
	if r := results[7]; !errors.Is(r.Err, gates.ErrTimeout) || len(r.Outcome.Findings) > 0 || string(r.Outcome.Log) != "last words" {
		t.Errorf("a gate that was cut short has %+v, want its log alone", r.Outcome)
	}
	if r := results[6]; r.Elapsed < 10*time.Millisecond {
		t.Errorf("it took %s", r.Elapsed)
	}
}

// A gate that does not stop when told is left behind, and what it does later
// reaches nobody.
func TestAGateThatDoesNotStopIsLeftBehind(t *testing.T) {
	t.Parallel()
	stop, ended := make(chan struct{}), make(chan struct{})
	stubborn := newGate("stubborn", func(context.Context, *gates.Target) (gates.Outcome, error) {
		defer close(ended)
		<-stop
		return gates.Outcome{Findings: []gates.Finding{blocker("1")}}, nil
	})
	stubborn.CacheKey = "1"
	var cache memory
	o := options()
	o.Timeout, o.Grace, o.Cache = time.Millisecond, time.Millisecond, &cache
	results := run(t, noTarget(), o, stubborn) // returns while the gate waits for us
	close(stop)
	<-ended
	if r := results[0]; !errors.Is(r.Err, gates.ErrTimeout) || len(r.Outcome.Findings) != 0 {
		t.Errorf("result %+v", r)
	}
	if len(cache.puts) != 0 {
		t.Error("an outcome that came too late was kept")
	}
}

// Cancelled from outside, a run says so, waits for no one, and starts no one.
func TestRunIsCancelled(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	defer close(stop)
	cause := errors.New("the user has gone")
	o := options()
	o.Grace = 50 * time.Millisecond
	for _, memory := range []int{0, 100} {
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		var started atomic.Int32
		var list []gates.Gate
		for i := range 50 {
			list = append(list, newGate(fmt.Sprint("g", i), func(context.Context, *gates.Target) (gates.Outcome, error) {
				started.Add(1)
				cancel(cause)
				<-stop
				return gates.Outcome{}, nil
			}))
		}
		o.Jobs, o.Memory = 1, memory
		begun := time.Now()
		results, err := gates.Run(ctx, noTarget(), list, o)
		if !errors.Is(err, cause) {
			t.Errorf("error %v, want the cause", err)
		}
		if n := started.Load(); n != 1 {
			t.Errorf("%d gates were started", n)
		}
		if took := time.Since(begun); took > time.Second { // 50 times Grace is 2.5 s
			t.Errorf("it took %s: one Grace for each gate", took)
		}
		for i, r := range results {
			if r.Gate.ID != list[i].ID || !errors.Is(r.Err, cause) {
				t.Errorf("result %d: %s, %v", i, r.Gate.ID, r.Err)
			}
		}
	}
	// Also while a gate waits for its memory.
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	holds := newGate("holds", func(ctx context.Context, _ *gates.Target) (gates.Outcome, error) {
		cancel(cause)
		<-ctx.Done()
		return gates.Outcome{}, ctx.Err()
	})
	holds.Memory = 100
	o.Jobs = 2
	waits := holds
	waits.ID = "waits"
	results, err := gates.Run(ctx, noTarget(), []gates.Gate{holds, waits}, o)
	if !errors.Is(err, cause) || !errors.Is(results[0].Err, cause) || !errors.Is(results[1].Err, cause) {
		t.Errorf("%v, %+v", err, results)
	}
}

// meter measures how many are at it at once.
type meter struct{ now, most atomic.Int32 }

func (m *meter) enter() {
	n := m.now.Add(1)
	for {
		most := m.most.Load()
		if n <= most || m.most.CompareAndSwap(most, n) {
			return
		}
	}
}

func (m *meter) leave() { m.now.Add(-1) }

func TestJobsBoundTheRun(t *testing.T) {
	t.Parallel()
	for _, jobs := range []int{1, 3, 0} {
		bound := max(1, jobs)
		var m meter
		full := make(chan struct{}) // closed when as many as allowed are running
		var list []gates.Gate
		for i := range 12 {
			list = append(list, newGate(fmt.Sprint("g", i), func(ctx context.Context, _ *gates.Target) (gates.Outcome, error) {
				m.enter()
				defer m.leave()
				if m.now.Load() == int32(bound) {
					select {
					case <-full:
					default:
						close(full)
					}
				}
				select {
				case <-full:
				case <-ctx.Done():
				}
				runtime.Gosched()
				return gates.Outcome{}, ctx.Err()
			}))
		}
		o := options()
		o.Jobs, o.Timeout = jobs, 20*time.Second
		for _, r := range run(t, noTarget(), o, list...) {
			if r.Err != nil {
				t.Fatalf("%d jobs: never %d at once: %v", jobs, bound, r.Err)
			}
		}
		if m.most.Load() != int32(bound) {
			t.Errorf("%d jobs: %d ran at once", jobs, m.most.Load())
		}
	}
}

func TestMemoryBoundsTheRun(t *testing.T) {
	t.Parallel()
	o := options()
	o.Jobs, o.Memory, o.Timeout = 3, 1000, 20*time.Second
	for round := range 20 {
		var m meter
		big := func(context.Context, *gates.Target) (gates.Outcome, error) {
			m.enter()
			defer m.leave()
			time.Sleep(time.Duration(round*20) * time.Microsecond)
			return gates.Outcome{}, nil
		}
		one, two := newGate("one", big), newGate("two", big)
		one.Memory, two.Memory = 600, 600
		run(t, noTarget(), o, one, newGate("light", gives(gates.Outcome{})), two)
		if m.most.Load() != 1 {
			t.Fatalf("%d gates of 600 MiB in 1000", m.most.Load())
		}
	}
	// What fits is not held up.
	var here sync.WaitGroup
	here.Add(3)
	meet := func(ctx context.Context, _ *gates.Target) (gates.Outcome, error) {
		here.Done()
		all := make(chan struct{})
		go func() { here.Wait(); close(all) }()
		select {
		case <-all:
		case <-ctx.Done():
		}
		return gates.Outcome{}, ctx.Err()
	}
	one, two := newGate("one", meet), newGate("two", meet)
	one.Memory, two.Memory = 400, 536 // and the third is taken to need 64
	for _, r := range run(t, noTarget(), o, one, two, newGate("three", meet)) {
		if r.Err != nil {
			t.Errorf("%s waited in vain: %v", r.Gate.ID, r.Err)
		}
	}
	// One that wants more than there is gets all there is.
	giant := newGate("giant", gives(gates.Outcome{}))
	giant.Memory = 2000
	for _, r := range run(t, noTarget(), o, giant, newGate("small", gives(gates.Outcome{}))) {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
}

func TestHeavyGatesStartFirst(t *testing.T) {
	t.Parallel()
	var list []gates.Gate
	for i, weight := range []int{1, 8, 0, 8, 2} {
		g := newGate(fmt.Sprintf("g%d-%d", i, weight), gives(gates.Outcome{}))
		g.Weight = weight
		list = append(list, g)
	}
	var started []string
	o := options()
	o.Jobs = 1
	o.Observe = func(e gates.Event) {
		if !e.Done {
			started = append(started, e.Gate)
		}
	}
	run(t, noTarget(), o, list...)
	sameList(t, "started", started, []string{"g1-8", "g3-8", "g4-2", "g0-1", "g2-0"})
}

// Each gate has one start and then one end; one that is left out has its end.
// The end holds the result as Run gives it.
func TestObserve(t *testing.T) {
	t.Parallel()
	var list []gates.Gate
	for i := range 30 {
		list = append(list, newGate(fmt.Sprint("g", i), func(context.Context, *gates.Target) (gates.Outcome, error) {
			if i%7 == 3 {
				panic("x")
			}
			return gates.Outcome{}, nil
		}))
	}
	list[4].Plan = func(context.Context, *gates.Target) (gates.Plan, error) { return gates.Plan{Skip: "not here"}, nil }
	o := options()
	o.LeftOut = map[string]gates.LeftOut{"g5": {Reason: "policy"}}
	inside := 0 // not guarded: the race detector sees calls that overlap
	events := make(map[string][]gates.Event)
	o.Observe = func(e gates.Event) {
		inside++
		if inside != 1 {
			t.Error("two at once")
		}
		events[e.Gate] = append(events[e.Gate], e)
		runtime.Gosched()
		inside--
	}
	results := run(t, noTarget(), o, list...)
	for i, r := range results {
		got := events[list[i].ID]
		last := got[len(got)-1]
		if !last.Done || last.Result.Gate.ID != list[i].ID || last.Result.Elapsed != r.Elapsed || last.Result.Err != r.Err || last.Result.Skipped != r.Skipped {
			t.Errorf("%s ended as %+v, result %+v", list[i].ID, last, r)
		}
		want := 2
		if list[i].ID == "g5" {
			want = 1
		}
		if len(got) != want || want == 2 && got[0].Done {
			t.Errorf("%s: events %+v", list[i].ID, got)
		}
	}
}

func TestLeftOut(t *testing.T) {
	t.Parallel()
	ran := false
	g := newGate("a", func(context.Context, *gates.Target) (gates.Outcome, error) { ran = true; return gates.Outcome{}, nil })
	g.Plan = func(context.Context, *gates.Target) (gates.Plan, error) { ran = true; return gates.Plan{}, errBoom }
	o := options()
	for _, flag := range []bool{true, false} {
		o.LeftOut = map[string]gates.LeftOut{"a": {Reason: "not in --only", Flag: flag}, "unknown": {Reason: "x"}}
		r := run(t, noTarget(), o, g)[0]
		if ran || r.Skipped != "not in --only" || r.SkippedByFlag != flag || r.Err != nil {
			t.Errorf("ran %t, result %+v", ran, r)
		}
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	planned := func(id string, p gates.Plan, err error) gates.Gate {
		g := newGate(id, func(context.Context, *gates.Target) (gates.Outcome, error) {
			return gates.Outcome{}, errors.New("it ran")
		})
		g.Plan = func(context.Context, *gates.Target) (gates.Plan, error) { return p, err }
		return g
	}
	list := []gates.Gate{
		planned("skip", gates.Plan{Skip: "no files"}, nil),
		planned("error", gates.Plan{}, errBoom),
		planned("both", gates.Plan{Skip: "no files"}, errBoom), // an error is no reason not to look
		planned("applies", gates.Plan{}, nil),
		newGate("none", gives(gates.Outcome{})),
	}
	results := run(t, noTarget(), options(), list...)
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprintf("%s: %q %v", r.Gate.ID, r.Skipped, r.Err))
	}
	sameList(t, "results", got, []string{`skip: "no files" <nil>`, `error: "" boom`, `both: "" boom`, `applies: "" it ran`, `none: "" <nil>`})

	got = nil
	for i, f := range gates.PlanAll(ctx, noTarget(), list, map[string]gates.LeftOut{"error": {Reason: "--skip"}}) {
		if f.Gate != &list[i] {
			t.Errorf("forecast %d is of %s", i, f.Gate.ID)
		}
		got = append(got, fmt.Sprintf("%s: %q %v", f.Gate.ID, f.Plan.Skip, f.Err))
	}
	sameList(t, "forecasts", got, []string{`skip: "no files" <nil>`, `error: "--skip" <nil>`, `both: "no files" boom`, `applies: "" <nil>`, `none: "" <nil>`})
}

// Nothing examined where something was expected is no pass, whatever it is.
func TestNothingExamined(t *testing.T) {
	t.Parallel()
	some := gates.Examined{Files: 9, Commits: 9, Bytes: 9, Results: 9}
	for _, tt := range []struct {
		name           string
		expect, really gates.Examined
		want           string
	}{
		{"nothing expected, nothing seen", gates.Examined{}, gates.Examined{}, ""},
		{"nothing expected, some seen", gates.Examined{}, some, ""},
		{"all expected, some seen", some, some, ""},
		{"more expected than seen", some, gates.Examined{Files: 1, Commits: 1, Bytes: 1, Results: 1}, ""},
		{"files", gates.Examined{Files: 1}, gates.Examined{Commits: 1, Bytes: 1, Results: 1}, "examined no files, though there are some"},
		{"commits", gates.Examined{Commits: 1}, gates.Examined{Files: 1, Bytes: 1, Results: 1}, "examined no commits, though there are some"},
		{"bytes", gates.Examined{Bytes: 1}, gates.Examined{Files: 1, Commits: 1, Results: 1}, "examined no content, though there are some"},
		{"results", gates.Examined{Results: 1}, gates.Examined{Files: 1, Commits: 1, Bytes: 1}, "examined no results, though there are some"},
		{"all", some, gates.Examined{}, "examined no files, though there are some"},
	} {
		f := mild("1")
		g := newGate("a", gives(gates.Outcome{Findings: []gates.Finding{f}, Examined: tt.really}))
		g.Plan = func(context.Context, *gates.Target) (gates.Plan, error) { return gates.Plan{Expect: tt.expect}, nil }
		r := runOne(t, noTarget(), g)
		if got := fmt.Sprint(r.Err); got != tt.want && (tt.want != "" || r.Err != nil) {
			t.Errorf("%s: %s, want %q", tt.name, got, tt.want)
		}
		if len(r.Outcome.Findings) != 1 {
			t.Errorf("%s: the finding is lost", tt.name)
		}
	}
}

// Nothing that a gate says of itself holds a secret: not its findings, not its
// errors, not the last words of one that crashed, not the log.
func TestRedaction(t *testing.T) {
	t.Parallel()
	const hush = "hush-hush"
	leaks := errors.New("cannot read " + hush)
	list := []gates.Gate{
		newGate("message", gives(gates.Outcome{Findings: []gates.Finding{
			{Rule: "a", Message: "found " + hush}, {Rule: "b", Message: "found " + hush}, {Rule: "c", Message: "fine"}, {Rule: "rule: " + hush, Message: "d"},
		}})),
		newGate("error", func(context.Context, *gates.Target) (gates.Outcome, error) {
			return gates.Outcome{Findings: []gates.Finding{{Message: hush}}}, leaks
		}),
		newGate("panic", func(context.Context, *gates.Target) (gates.Outcome, error) { panic(leaks) }),
		newGate("plan", gives(gates.Outcome{})),
		newGate("names", gives(gates.Outcome{
			Engine: gates.Engine{Name: hush, Version: hush}, Rules: []gates.Rule{{ID: hush, Title: hush, Help: hush, URI: hush}},
		})),
		newGate("clean-error", func(context.Context, *gates.Target) (gates.Outcome, error) { return gates.Outcome{}, errBoom }),
	}
	list[3].Plan = func(context.Context, *gates.Target) (gates.Plan, error) { return gates.Plan{}, leaks }
	var log bytes.Buffer
	var mu sync.Mutex
	calls := make(map[string]int)
	target := noTarget()
	target.Log = slog.New(slog.NewTextHandler(&log, nil))
	target.Redact = func(s string) string {
		mu.Lock()
		defer mu.Unlock()
		calls[s]++
		return strings.ReplaceAll(s, hush, "***")
	}
	results := run(t, target, options(), list...)
	text := fmt.Sprint(timeless(results)) + log.String() + verdictJSON(t, gates.Judge(gates.Policy{Today: today}, everything(), results))
	if strings.Contains(text, hush) {
		t.Errorf("a secret is shown:\n%s", text)
	}
	if got := results[0].Outcome.Findings[1].Message; got != "found ***" {
		t.Errorf("message %q", got)
	}
	for i, want := range map[int]string{1: "cannot read ***", 2: "crashed: cannot read ***", 3: "cannot read ***"} {
		if results[i].Err == nil || results[i].Err.Error() != want {
			t.Errorf("%s: %v, want %q", list[i].ID, results[i].Err, want)
		}
	}
	if !errors.Is(results[5].Err, errBoom) {
		t.Error("an error with nothing to hide lost its kind")
	}
	if n := calls["found "+hush]; n != 1 {
		t.Errorf("equal messages were looked at %d times", n)
	}
	if !strings.Contains(log.String(), "gate crashed") || !strings.Contains(log.String(), "run_test.go") {
		t.Errorf("the log does not say where a gate crashed: %s", log.String())
	}
}

// What no report can hold is no outcome, and does not spoil the others.
func TestUnfitOutcomes(t *testing.T) {
	t.Parallel()
	metrics := func() map[string]float64 {
		return map[string]float64{"good": 1, "ratio": math.NaN(), "rate": math.Inf(1)}
	}
	list := []gates.Gate{
		newGate("nan", func(context.Context, *gates.Target) (gates.Outcome, error) {
			return gates.Outcome{Metrics: metrics()}, nil
		}),
		newGate("nan-error", func(context.Context, *gates.Target) (gates.Outcome, error) {
			return gates.Outcome{Metrics: metrics()}, errBoom
		}),
		newGate("latin", gives(gates.Outcome{Findings: []gates.Finding{{Rule: "caf\xe9", Message: "na\xefve"}}})),
	}
	results := run(t, noTarget(), options(), list...)
	for i, want := range []string{"the metric rate is not a number\nthe metric ratio is not a number", "boom", "<nil>"} {
		if got := fmt.Sprint(results[i].Err); got != want {
			t.Errorf("%s: %s, want %s", list[i].ID, got, want)
		}
	}
	if f := results[2].Outcome.Findings[0]; f.Rule != "caf\ufffd" || f.Message != "na\ufffdve" {
		t.Errorf("%q, %q", f.Rule, f.Message)
	}
	verdictJSON(t, gates.Judge(gates.Policy{Today: today}, everything(), results)) // does not fail
}

// Equal findings are one finding; what differs anywhere stays, in one order.
func TestFindingsAreOrderedAndOnce(t *testing.T) {
	t.Parallel()
	f := gates.Finding{Rule: "r", Severity: gates.SeverityError, Path: "a", Line: 3, Message: "m"}
	column, line, path, rule, named := f, f, f, f, f
	column.Column, line.Line, path.Path, rule.Rule, named.Fingerprint = 2, 10, "B", "q", "mine"
	r := runOne(t, noTarget(), newGate("a", gives(gates.Outcome{Findings: []gates.Finding{line, f, column, named, f, path, rule, f, named}})))
	got := slices.Clone(r.Outcome.Findings)
	for i := range got {
		if got[i].Fingerprint == "" {
			t.Errorf("no fingerprint: %+v", got[i])
		}
		if got[i].Fingerprint != "mine" {
			got[i].Fingerprint = ""
		}
	}
	if diff := cmp.Diff([]gates.Finding{path, rule, f, named, column, line}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRunRefusesAListThatIsNotValid(t *testing.T) {
	t.Parallel()
	ran := false
	g := newGate("Not An ID", func(context.Context, *gates.Target) (gates.Outcome, error) { ran = true; return gates.Outcome{}, nil })
	if results, err := gates.Run(ctx, noTarget(), []gates.Gate{g}, options()); err == nil || results != nil || ran {
		t.Errorf("%v, %v, ran %t", results, err, ran)
	}
	if results, err := gates.Run(ctx, noTarget(), nil, options()); err != nil || len(results) != 0 {
		t.Errorf("no gates: %v, %v", results, err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	change := func(f func(*gates.Gate)) gates.Gate { g := newGate("a", gives(gates.Outcome{})); f(&g); return g }
	for want, list := range map[string][]gates.Gate{
		"":                {newGate("a", gives(gates.Outcome{})), newGate("a-1", gives(gates.Outcome{}))},
		"not a gate id":   {change(func(g *gates.Gate) { g.ID = "" })},
		"not a gate id ":  {change(func(g *gates.Gate) { g.ID = "-a" })},
		`"a/b": not`:      {change(func(g *gates.Gate) { g.ID = "a/b" })},
		`: not a gate id`: {change(func(g *gates.Gate) { g.ID = strings.Repeat("a", 65) })},
		"listed twice":    {newGate("a", gives(gates.Outcome{})), newGate("a", gives(gates.Outcome{}))},
		"no Doc":          {change(func(g *gates.Gate) { g.Doc = "" })},
		"no Help":         {change(func(g *gates.Gate) { g.Help = "" })},
		`scope ""`:        {change(func(g *gates.Gate) { g.Scope = "" })},
		`scope "some"`:    {change(func(g *gates.Gate) { g.Scope = "some" })},
		"no Run":          {newGate("a", nil)},
	} {
		err := gates.Validate(list)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want))) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	ours := []gates.Gate{
		gates.EnvFiles(), gates.Permissions(), gates.Suppressions(), gates.History(10), gates.Budget(nil),
		gates.Command(gates.CommandOptions{ID: "a", Run: "x"}), gates.Command(gates.CommandOptions{ID: "b", SARIF: "x"}),
		gates.Command(gates.CommandOptions{ID: "c", Run: "x", SARIF: "y"}),
	}
	if err := gates.Validate(ours); err != nil {
		t.Error(err)
	}
}
