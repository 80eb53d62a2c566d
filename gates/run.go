package gates

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// ErrTimeout is the cause of a gate that was ended because its time was up.
var ErrTimeout = errors.New("timed out")

// Options bound a run.
type Options struct {
	// Jobs is how many gates run at once. Required, > 0.
	Jobs int
	// Memory is how many MiB all gates together may take. Zero: not bounded.
	Memory int
	// Timeout is how long a gate may take; Timeouts says otherwise for single
	// gates. Required, > 0.
	Timeout  time.Duration
	Timeouts map[string]time.Duration
	// Grace is how long a gate that was told to stop may take before it is left
	// behind. Zero means 5 s.
	Grace time.Duration
	// LeftOut says why a gate is not to run (a flag, the policy).
	LeftOut map[string]LeftOut
	// Cache keeps outcomes between runs. Nil: nothing is kept.
	Cache Cache
	// Observe is told of each gate's start and end; of one that is left out, the
	// end. Calls do not overlap. Optional.
	Observe func(Event)
	// Doing is told what the programs are at that a gate has started, each time
	// that changes; none: it works by itself. Calls do not overlap, nor with those
	// of Observe. Optional.
	Doing func(gate string, what []string)
}

// LeftOut is why a gate is not to run.
type LeftOut struct {
	Reason string
	Flag   bool // a person said so on the command line
}

// Event is the start or the end of a gate.
type Event struct {
	Gate   string
	Done   bool
	Result Result // when done
}

// Cache keeps bytes by key. Get of an unknown key, or of one that cannot be
// read, is (nil, false).
type Cache interface {
	Get(key string) ([]byte, bool)
	Put(key string, data []byte) error
}

// Run runs gates side by side and gives one result for each, in the gates'
// order and with ordered findings, whatever the timing. One gate's failure,
// time-out or panic is that gate's result and cancels nothing; only the
// context does.
func Run(ctx context.Context, t *Target, list []Gate, o Options) ([]Result, error) {
	if err := Validate(list); err != nil {
		return nil, err
	}
	r := runner{target: t, options: o, total: int64(max(o.Memory, 1))}
	r.memory = semaphore.NewWeighted(r.total)
	r.whole = sync.OnceValue(func() error { return whole(ctx, t) })
	results := make([]Result, len(list))
	slots := make(chan struct{}, max(1, o.Jobs))
	var wg sync.WaitGroup
	for _, i := range startOrder(list) {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i] = r.gate(ctx, &list[i])
		})
	}
	wg.Wait()
	return results, context.Cause(ctx)
}

// startOrder is heaviest first, so that the longest does not start last.
func startOrder(list []Gate) []int {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return list[order[a]].Weight > list[order[b]].Weight })
	return order
}

type runner struct {
	target  *Target
	options Options
	memory  *semaphore.Weighted
	total   int64
	whole   func() error // see whole
	mu      sync.Mutex   // of Observe and Doing
}

func (r *runner) observe(e Event) {
	if r.options.Observe != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.options.Observe(e)
	}
}

func (r *runner) gate(ctx context.Context, g *Gate) (res Result) {
	res.Gate = g
	defer func() { r.observe(Event{Gate: g.ID, Done: true, Result: res}) }()
	if out, ok := r.options.LeftOut[g.ID]; ok {
		res.Skipped, res.SkippedByFlag = out.Reason, out.Flag
		return res
	}
	if ctx.Err() != nil {
		res.Err = context.Cause(ctx) // nothing is started any more
		return res
	}
	need := int64(max(g.Memory, 64))
	if r.options.Memory > 0 {
		need = min(need, r.total)
		if err := r.memory.Acquire(ctx, need); err != nil {
			res.Err = context.Cause(ctx)
			return res
		}
		defer r.memory.Release(need)
	}
	r.observe(Event{Gate: g.ID})
	start := time.Now()
	defer func() { res.Elapsed = time.Since(start) }()
	r.guarded(ctx, &res)
	return res
}

// guarded runs plan and gate in a goroutine of their own, so that one that
// does not stop when told can be left behind.
func (r *runner) guarded(ctx context.Context, res *Result) {
	timeout := r.options.Timeout
	if d, ok := r.options.Timeouts[res.Gate.ID]; ok {
		timeout = d
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("%w after %s", ErrTimeout, timeout))
	defer cancel()
	done := make(chan Result, 1)
	go func() {
		part := Result{Gate: res.Gate, Err: errors.New("ended without a result")} // runtime.Goexit
		defer func() {
			if p := recover(); p != nil {
				part.Err = r.redactError(fmt.Errorf("crashed: %v", p))
				r.target.Log.Error("gate crashed", "gate", part.Gate.ID, "error", part.Err, "stack", string(debug.Stack()))
			}
			done <- part
		}()
		part = r.planAndRun(ctx, res.Gate)
	}()
	grace := r.options.Grace
	if grace <= 0 {
		grace = 5 * time.Second
	}
	select {
	case *res = <-done:
		return
	case <-ctx.Done():
	}
	select {
	case *res = <-done:
	case <-time.After(grace):
		res.Err = context.Cause(ctx)
	}
}

// planAndRun is the work on one gate. One that was cut short says only that,
// and what its child printed: what it found by then hangs on the timing.
func (r *runner) planAndRun(ctx context.Context, g *Gate) (res Result) {
	res.Gate = g
	defer func() {
		if ctx.Err() != nil {
			res = Result{Gate: g, Err: context.Cause(ctx), Outcome: Outcome{Log: res.Outcome.Log}}
		}
	}()
	target := r.watched(g)
	var plan Plan
	if g.Plan != nil {
		var err error
		if plan, err = g.Plan(ctx, target); err != nil {
			res.Err = r.redactError(err)
			return res
		}
		if plan.Skip != "" {
			res.Skipped = plan.Skip
			return res
		}
	}
	if plan.Checkout && !r.target.TreeOnly {
		if res.Err = r.whole(); res.Err != nil {
			return res
		}
	}
	key := r.cacheKey(g)
	if out, ok := r.cached(key); ok && out.Examined.Missing(plan.Expect) == "" {
		res.Outcome, res.Cached = out, true
		return res
	}
	out, err := g.Run(ctx, target)
	unfit := r.finish(ctx, g, &out)
	res.Outcome = out
	switch missing := out.Examined.Missing(plan.Expect); {
	case err != nil:
		res.Err = r.redactError(err)
	case unfit != nil:
		res.Err = unfit
	case missing != "":
		res.Err = fmt.Errorf("examined no %s, though there are some", missing)
	case ctx.Err() == nil:
		r.keep(key, out)
	}
	return res
}

// whole says why the work tree does not hold all of what is judged: a tool that
// reads the disk would pass for want of looking.
func whole(ctx context.Context, t *Target) error {
	first, n, err := t.Tree.Absent(ctx)
	switch {
	case err != nil:
		return err
	case n == 1:
		return fmt.Errorf("%q is not checked out, and the tools of this gate read the disk: git sparse-checkout disable, or judge a full checkout", first)
	case n > 1:
		return fmt.Errorf("%d files are not checked out, %q the first of them, and the tools of this gate read the disk: git sparse-checkout disable, or judge a full checkout", n, first)
	}
	return nil
}

// finish brings an outcome into its final form: nothing secret in a message, a
// fingerprint for each finding, one order, nothing twice. An error names what no
// report can hold; it is taken out.
func (r *runner) finish(ctx context.Context, g *Gate, out *Outcome) error {
	if redact := r.target.Redact; redact != nil {
		redactNames(redact, out)
		seen := make(map[string]string)
		for i, f := range out.Findings {
			clean, ok := seen[f.Message]
			if !ok {
				clean = redact(f.Message)
				seen[f.Message] = clean
			}
			out.Findings[i].Message = clean
		}
	}
	for i := range out.Findings {
		// JSON knows no other text: what a report cannot hold is replaced here.
		out.Findings[i].Message = strings.ToValidUTF8(out.Findings[i].Message, "\ufffd")
		out.Findings[i].Rule = strings.ToValidUTF8(out.Findings[i].Rule, "\ufffd")
	}
	slices.SortFunc(out.Findings, Finding.Compare)
	// Before they are named: the second of two would get a name of its own.
	out.Findings = slices.Compact(out.Findings)
	fillFingerprints(ctx, r.target, g.ID, out.Findings)
	slices.SortStableFunc(out.Rules, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(out.Metrics)) {
		if value := out.Metrics[name]; math.IsNaN(value) || math.IsInf(value, 0) {
			errs = append(errs, fmt.Errorf("the metric %s is not a number", name))
			delete(out.Metrics, name)
		}
	}
	return errors.Join(errs...)
}

// redactNames is for what another tool calls its rules and itself.
func redactNames(redact func(string) string, out *Outcome) {
	for i := range out.Findings {
		if strings.ContainsAny(out.Findings[i].Rule, " :=/") || len(out.Findings[i].Rule) > 16 {
			out.Findings[i].Rule = redact(out.Findings[i].Rule)
		}
	}
	for i, rule := range out.Rules {
		rule.ID, rule.Title, rule.Help, rule.URI = redact(rule.ID), redact(rule.Title), redact(rule.Help), redact(rule.URI)
		out.Rules[i] = rule
	}
	out.Engine.Name, out.Engine.Version = redact(out.Engine.Name), redact(out.Engine.Version)
}

func (r *runner) redactError(err error) error {
	if r.target.Redact == nil {
		return err
	}
	if clean := r.target.Redact(err.Error()); clean != err.Error() {
		return errors.New(clean)
	}
	return err
}

// fingerprintLimit is the size, in bytes, above which a file's lines are not
// read for fingerprints: its findings are named by place instead.
const fingerprintLimit = 8 << 20

// fillFingerprints names the findings that have no name: by rule, path and the
// text of their line, so that edits above do not matter.
func fillFingerprints(ctx context.Context, t *Target, gate string, findings []Finding) {
	var names Fingerprints
	var path Path
	var lines [][]byte
	for i := range findings {
		f := &findings[i]
		if f.Fingerprint != "" {
			continue
		}
		if f.Path != path || lines == nil {
			path, lines = f.Path, treeLines(ctx, t, f.Path)
		}
		text := f.Message
		if f.Line > 0 && f.Line <= len(lines) && f.Commit == "" {
			text = shortDigest(bytes.Join(bytes.Fields(lines[f.Line-1]), []byte(" ")))
		}
		f.Fingerprint = names.Of(gate, f.Rule, string(f.Path), f.Commit, text)
	}
}

func treeLines(ctx context.Context, t *Target, path Path) [][]byte {
	none := [][]byte{}
	if path == "" || t.Tree == nil {
		return none
	}
	f := t.Tree.File(string(path))
	if f == nil {
		return none
	}
	data, err := t.Tree.Read(ctx, *f, fingerprintLimit)
	if err != nil {
		return none
	}
	return bytes.Split(data, []byte("\n"))
}

// Forecast is a gate and its plan, without a run.
type Forecast struct {
	Gate *Gate
	Plan Plan
	Err  error // it could not even plan
}

// PlanAll asks each gate for its plan. A gate that is left out says why.
func PlanAll(ctx context.Context, t *Target, list []Gate, leftOut map[string]LeftOut) []Forecast {
	forecasts := make([]Forecast, len(list))
	for i := range list {
		f := Forecast{Gate: &list[i]}
		if out, ok := leftOut[f.Gate.ID]; ok {
			f.Plan.Skip = out.Reason
		} else if f.Gate.Plan != nil {
			f.Plan, f.Err = f.Gate.Plan(ctx, t)
		}
		forecasts[i] = f
	}
	return forecasts
}
