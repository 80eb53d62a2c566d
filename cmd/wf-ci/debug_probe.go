package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/debug/machine"
	"github.com/wf-ci/wf-ci/workflow/debug/postgres"
	"github.com/wf-ci/wf-ci/workflow/debug/probe"
)

type debugNetCmd struct {
	Host    string        `arg:"" help:"HOST, HOST:PORT, or an http, https or tcp URL."`
	Timeout time.Duration `default:"10s" placeholder:"D" help:"For each step."`
	Days    int           `default:"14" placeholder:"N" help:"A certificate that is valid for fewer days is a problem."`
	JSON    bool          `name:"json" help:"Write JSON to stdout."`
}

// Run looks at the host. Status 1: something is wrong with it.
func (c *debugNetCmd) Run(ctx context.Context, a *app) error {
	target, err := probe.Parse(c.Host)
	if err != nil {
		return usagef("%v", err)
	}
	if c.Timeout <= 0 {
		return usagef("--timeout %s: want more than 0", c.Timeout)
	}
	r := (&probe.Prober{Now: a.now, Timeout: c.Timeout, WarnFor: c.Days}).Look(ctx, target)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c.JSON {
		err = writeJSON(a.rawOut, r)
	} else {
		_, err = io.WriteString(a.stdout, visibleLines(netText(r)))
	}
	if err == nil && len(r.Problems) > 0 {
		return refused{}
	}
	return err
}

func netText(r *probe.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s port %d\n", r.Host, r.Port)
	if r.DNS != nil {
		fmt.Fprintf(&b, "DNS   %.1f ms: %s\n", r.DNS.MS, strings.Join(r.DNS.Addresses, ", "))
	}
	for _, t := range r.TCP {
		if t.Error == "" {
			fmt.Fprintf(&b, "TCP   %.1f ms: %s\n", t.MS, t.Address)
		}
	}
	if t := r.TLS; t != nil {
		fmt.Fprintf(&b, "TLS   %.1f ms: %s, %s, from %s to %s (%d days left)\n", t.MS, t.Version, t.Subject, clock(t.NotBefore), clock(t.NotAfter), t.Days)
	}
	if h := r.HTTP; h != nil {
		fmt.Fprintf(&b, "HTTP  status %d, first byte after %.1f ms, %.1f ms in all\n", h.Status, h.FirstByte, h.Total)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "problem: %s\n", p)
	}
	return b.String()
}

type debugMemCmd struct {
	at
	Every   time.Duration `default:"100ms" placeholder:"D" help:"How often to look."`
	Max     int64         `placeholder:"MB" help:"Status 1 when the peak is above this many megabytes."`
	Timeout time.Duration `placeholder:"D" help:"End the command after this time; what was seen is shown."`
	Env     []string      `placeholder:"NAME" help:"Give the command this variable, though it looks like a credential. Repeatable."`
	Command []string      `arg:"" name:"command" passthrough:"partial" help:"The command."`
}

// memory is what debug mem prints as JSON.
type memory struct {
	machine.Growth
	Processes int   `json:"processes_most"`
	Exit      int   `json:"exit"`
	Timeout   bool  `json:"timeout"`
	MS        int64 `json:"ms"`
}

func (c *debugMemCmd) Run(ctx context.Context, a *app) error {
	if len(c.Command) > 0 && c.Command[0] == "--" {
		c.Command = c.Command[1:]
	}
	switch {
	case len(c.Command) == 0:
		return usagef("name the command after --: wf-ci debug mem -- make test")
	case c.Every < 10*time.Millisecond:
		return usagef("--every %s: want 10ms or more", c.Every)
	case c.Timeout < 0 || c.Max < 0:
		return usagef("--timeout and --max: want more than 0")
	}
	out, err := c.watch(ctx, a)
	if err != nil {
		return err
	}
	if c.JSON {
		err = writeJSON(a.rawOut, out)
	} else {
		const mb = 1e6
		_, err = fmt.Fprintf(a.stdout, "baseline %.1f MB, peak %.1f MB, end %.1f MB, growth %.1f MB a minute (%s, up to %d processes, %d ms, status %d)\n",
			float64(out.Baseline)/mb, float64(out.Peak)/mb, float64(out.End)/mb, out.PerMinute/mb, plural(out.Samples, "sample"), out.Processes, out.MS, out.Exit)
	}
	if err == nil && c.Max > 0 && out.Peak > c.Max*1e6 {
		a.say(fmt.Sprintf("the peak is above %d MB", c.Max))
		return refused{}
	}
	return err
}

// watch runs the command, and looks at all its processes meanwhile. Its output
// goes to stderr: stdout holds the result.
func (c *debugMemCmd) watch(ctx context.Context, a *app) (memory, error) {
	if _, _, err := machine.Resident("-"); err != nil {
		return memory{}, undecided{err}
	}
	inner, cancel := ctx, context.CancelFunc(func() {})
	if c.Timeout > 0 {
		inner, cancel = context.WithTimeout(ctx, c.Timeout)
	}
	defer cancel()
	mark := "WF_CI_MEM=" + rand.Text()
	type end struct {
		res run.Result
		err error
	}
	ended := make(chan end, 1)
	go func() {
		r := &run.Runner{Env: append(a.ownEnv(c.Env), mark)}
		res, err := r.Run(inner, run.Command{Name: c.Command[0], Args: c.Command[1:], Dir: inside(a.dir, c.Dir), Contain: true, Stdout: a.stderr, Keep: 64 << 10})
		ended <- end{res, err}
	}()
	var samples []machine.Sample
	var out memory
	start := a.now()
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for {
		if b, n, err := machine.Resident(mark); err == nil && n > 0 {
			samples = append(samples, machine.Sample{After: a.now().Sub(start), Bytes: b})
			out.Processes = max(out.Processes, n)
		}
		select {
		case <-tick.C:
			continue
		case e := <-ended:
			out.Growth, out.Exit, out.MS = machine.Summary(samples), e.res.Exit, e.res.Elapsed.Milliseconds()
			out.Timeout = inner.Err() != nil
			return out, memEnd(ctx, a, e.res, e.err, len(samples))
		}
	}
}

func memEnd(ctx context.Context, a *app, res run.Result, err error, samples int) error {
	var missing *run.NotStartedError
	_, _ = a.stderr.Write(res.Stderr.Bytes)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &missing):
		return undecided{err}
	case samples == 0:
		return undecided{errors.New("the command ended before its memory was seen: look more often (--every 10ms)")}
	}
	return nil
}

type debugDBCmd struct {
	URL     string        `arg:"" name:"url" help:"postgres://…, or env:NAME to read it from a variable, so that no process list shows it."`
	Slow    float64       `default:"100" placeholder:"MS" help:"Statements that take longer are slow."`
	Top     int           `default:"20" placeholder:"N" help:"Slow statements to show."`
	Explain string        `placeholder:"QUERY" help:"Show the plan of a query, which is not run."`
	Timeout time.Duration `default:"15s" placeholder:"D" help:"For the connection and for each statement."`
	JSON    bool          `name:"json" help:"Write JSON to stdout."`
}

func (c *debugDBCmd) Run(ctx context.Context, a *app) error {
	url := c.URL
	if name, ok := strings.CutPrefix(url, "env:"); ok {
		if url = a.getenv(name); url == "" {
			return usagef("the variable %q is not set", name)
		}
	}
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return usagef("%v", postgres.ErrURL)
	}
	if c.Top < 1 || c.Top > 1000 || !(c.Slow >= 0) || c.Timeout < time.Second {
		return usagef("want --top from 1 to 1000, --slow of 0 or more, --timeout of 1s or more")
	}
	r, err := postgres.Look(ctx, postgres.Options{URL: url, SlowMS: c.Slow, Top: c.Top, Explain: c.Explain, Timeout: c.Timeout})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, postgres.ErrURL), errors.Is(err, postgres.ErrExplain):
		return usageError{err.Error()}
	case err != nil:
		return undecided{errors.New(a.mask(err.Error()))}
	}
	a.hideQueries(r)
	if c.JSON {
		return writeJSON(a.rawOut, r)
	}
	return printDB(a, r)
}

// hideQueries takes secrets out of what others' statements say.
func (a *app) hideQueries(r *postgres.Report) {
	for i := range r.Slow {
		r.Slow[i].Query = a.mask(r.Slow[i].Query)
	}
	for i := range r.Running {
		r.Running[i].Query = a.mask(r.Running[i].Query)
	}
	for i := range r.Locks {
		r.Locks[i].Query = a.mask(r.Locks[i].Query)
	}
	r.Explain = a.masked(r.Explain)
}

func printDB(a *app, r *postgres.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "PostgreSQL %s, database %s\n", r.Version, report.Visible(r.Database))
	if r.SlowUnknown != "" {
		fmt.Fprintf(&b, "slow queries are not known: %s\n", report.Visible(r.SlowUnknown))
	}
	for _, s := range r.Slow {
		fmt.Fprintf(&b, "slow: %.1f ms on average, %d calls: %s\n", s.MeanMS, s.Calls, report.Visible(s.Query))
	}
	for _, s := range r.Running {
		fmt.Fprintf(&b, "runs for %.0f ms: process %d (%s), %s: %s\n", s.MS, s.PID, report.Visible(s.User), s.State, report.Visible(s.Query))
	}
	for _, l := range r.Locks {
		fmt.Fprintf(&b, "waits for %.0f ms: process %d (%s), for %v: %s\n", l.MS, l.PID, report.Visible(l.User), l.BlockedBy, report.Visible(l.Query))
	}
	if len(r.Locks) == 0 {
		b.WriteString("nobody waits for a lock\n")
	}
	for _, line := range r.Explain {
		b.WriteString(report.Visible(line) + "\n")
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}
