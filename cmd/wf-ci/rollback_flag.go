package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/rollback"
	"github.com/wf-ci/wf-ci/workflow/rollback/flag"
	"github.com/wf-ci/wf-ci/worktree"
)

// rollbackFlagCmd turns a feature off, or moves it in steps.
type rollbackFlagCmd struct {
	at
	Name           string        `arg:"" help:"The flag."`
	Gradual        bool          `help:"In steps, while the error rate is watched. Without it: off, at once."`
	To             int           `default:"0" placeholder:"N" help:"With --gradual: the percentage of users to go to."`
	Step           int           `default:"10" placeholder:"N" help:"With --gradual: percent in a step."`
	Every          time.Duration `default:"5m" placeholder:"D" help:"With --gradual: time between two steps."`
	MetricsCommand string        `placeholder:"CMD" help:"Shell command that prints the error rate: a number, or an object with error_rate and error_rate_baseline."`
	MetricsURLEnv  string        `name:"metrics-url-env" placeholder:"VAR" help:"Variable with an address that answers the same."`
	MaxErrorRate   float64       `placeholder:"R" help:"Above this error rate the flag goes to 0. Default: twice the baseline, or twice what it is at the beginning."`
	URLEnv         string        `name:"url-env" default:"WF_CI_FLAG_URL" placeholder:"VAR" help:"Variable with the address of the flag; {flag} stands for its name."`
	TokenEnv       string        `name:"token-env" default:"WF_CI_FLAG_TOKEN" placeholder:"VAR" help:"Variable with the token."`
	Method         string        `enum:"PUT,PATCH" default:"PUT" help:"How the service wants to be told: PUT or PATCH."`
	Field          string        `default:"rollout_percentage" placeholder:"NAME" help:"Name of the percentage in the service's JSON."`
	Reason         string        `placeholder:"TEXT" help:"Why, for the journal."`
	Yes            bool          `help:"Do it. Without it, the flag is only read."`
}

// lookEvery is how often the error rate is read between two steps.
const lookEvery = 30 * time.Second

func (c *rollbackFlagCmd) check() error {
	switch {
	case c.To < 0 || c.To > 100:
		return usagef("--to %d: want a percentage from 0 to 100", c.To)
	case c.Step < 1 || c.Step > 100:
		return usagef("--step %d: want a percentage from 1 to 100", c.Step)
	case c.Every <= 0:
		return usagef("--every %s: want more than zero", c.Every)
	case c.MaxErrorRate < 0 || math.IsNaN(c.MaxErrorRate) || math.IsInf(c.MaxErrorRate, 0):
		return usagef("--max-error-rate %g: want more than zero", c.MaxErrorRate)
	case !c.Gradual && c.To != 0:
		return usagef("--to %d goes with --gradual: at once a flag is only turned off", c.To)
	case c.Gradual && c.MetricsCommand == "" && c.MetricsURLEnv == "":
		return usagef("--gradual needs somebody who watches: --metrics-command CMD, or --metrics-url-env VAR")
	case c.MetricsCommand != "" && c.MetricsURLEnv != "":
		return usagef("--metrics-command and --metrics-url-env: want one of them")
	}
	return nil
}

func (c *rollbackFlagCmd) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	record := flag.Record{Flag: c.Name, URLEnv: c.URLEnv, TokenEnv: c.TokenEnv, Method: c.Method, Field: c.Field}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	client, err := a.flagClient(record, transport)
	if err != nil {
		return err
	}
	watch, err := c.watch(a, transport)
	if err != nil {
		return err
	}
	return a.onRollback(ctx, c.at, func(r *rollback.Repo) error {
		if !c.Yes {
			return c.show(ctx, a, client)
		}
		record.Service = client.Digest()
		log := &flag.Log{Journal: r.Journal, Now: a.now, Reason: a.redactor.Redact(c.Reason), Record: record}
		out, err := c.move(ctx, a, client, watch, log)
		return c.tell(a, out, log.ID(), errors.Join(err, log.Close(out)))
	})
}

// flagClient is the service as the environment names it.
func (a *app) flagClient(r flag.Record, transport http.RoundTripper) (*flag.Client, error) {
	address, token := a.getenv(r.URLEnv), a.getenv(r.TokenEnv)
	if address == "" {
		return nil, usagef("%s is not set: it has to hold the address of the flag, with {flag} where its name goes", r.URLEnv)
	}
	if err := errors.Join(a.commands.Mask(ci.Secret(address)), a.commands.Mask(ci.Secret(token))); err != nil {
		return nil, undecided{err}
	}
	c := &flag.Client{Transport: transport, Sleep: sleep, Method: r.Method, Field: r.Field, Token: token}
	if err := c.At(address, r.Flag); err != nil {
		return nil, usagef("%s: %v", r.URLEnv, err)
	}
	return c, nil
}

// sleep waits, unless the user has had enough.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// show reads the flag, and says what would be done.
func (c *rollbackFlagCmd) show(ctx context.Context, a *app, client *flag.Client) error {
	now, err := client.Get(ctx)
	if err != nil {
		return undecided{err}
	}
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"flag": c.Name, "at": now})
	}
	what := "it would be turned off"
	if c.Gradual {
		what = fmt.Sprintf("it would go to %d %%, %d %% every %s", c.To, c.Step, c.Every)
	}
	fmt.Fprintf(a.stdout, "feature flag %s is at %d %%; %s\n", report.Visible(c.Name), now, what)
	return a.shown(false)
}

func (c *rollbackFlagCmd) move(ctx context.Context, a *app, client *flag.Client, watch rateReader, log *flag.Log) (flag.Outcome, error) {
	if !c.Gradual {
		return flag.Off(ctx, client, log.Moving)
	}
	return flag.Roll{
		Service: client, Watch: watch, Sleep: sleep, To: c.To, Step: c.Step, Every: c.Every, Look: min(lookEvery, c.Every),
		Max: c.MaxErrorRate, Moving: log.Moving, Say: func(text string) {
			fmt.Fprintf(a.stderr, "%s  %s\n", a.now().UTC().Format("15:04:05"), text)
		},
	}.Run(ctx)
}

// tell says how it ended; what the flag is at is said whatever went wrong.
func (c *rollbackFlagCmd) tell(a *app, out flag.Outcome, id string, err error) error {
	if c.JSON {
		known := func(n int, is bool) *int {
			if n < 0 || !is {
				return nil
			}
			return &n
		}
		err = errors.Join(err, writeJSON(a.rawOut, map[string]any{
			"flag": c.Name, "state": out.State, "from": known(out.From, true), "at": known(out.At, out.State != flag.Unknown), "why": out.Why, "id": id,
		}))
	} else {
		c.print(a, out, id)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, flag.ErrLimit):
		return usagef("%v: --max-error-rate", err)
	case out.State == flag.Stopped || out.State == flag.Moved:
		a.say(err.Error())
		return refused{}
	}
	return undecided{err}
}

func (c *rollbackFlagCmd) print(a *app, out flag.Outcome, id string) {
	name := report.Visible(c.Name)
	switch {
	case out.State == flag.Unknown:
		fmt.Fprintf(a.stdout, "feature flag %s: what it is at is not known\n", name)
	case out.State == flag.Done:
		fmt.Fprintf(a.stdout, "feature flag %s is at %d %%; it was at %d %%\n", name, out.At, out.From)
	default:
		fmt.Fprintf(a.stdout, "%s: feature flag %s is at %d %%; it was at %d %%, and was to go to %d %%\n", out.State, name, out.At, out.From, c.To)
	}
	if id != "" && out.At != out.From {
		fmt.Fprintf(a.stdout, "wf-ci undo %s puts it back to %d %%\n", id, out.From)
	}
}

// rateReader says how much goes wrong now.
type rateReader = func(context.Context) (flag.Reading, error)

// watch is where the error rate comes from; nil: nobody needs it.
func (c *rollbackFlagCmd) watch(a *app, transport http.RoundTripper) (rateReader, error) {
	switch {
	case !c.Gradual:
		return nil, nil
	case c.MetricsCommand != "":
		return func(ctx context.Context) (flag.Reading, error) {
			data, err := a.shell(ctx, c.MetricsCommand)
			if err != nil {
				return flag.Reading{}, fmt.Errorf("read the error rate: %s", a.redactor.Redact(err.Error()))
			}
			return readRate(data)
		}, nil
	}
	raw := a.getenv(c.MetricsURLEnv)
	if raw == "" {
		return nil, usagef("%s is not set: it has to hold the address of the metrics", c.MetricsURLEnv)
	}
	address, err := flag.Address(raw)
	if err == nil {
		err = a.commands.Mask(ci.Secret(raw))
	}
	if err != nil {
		return nil, usagef("%s: %v", c.MetricsURLEnv, err)
	}
	return func(ctx context.Context) (flag.Reading, error) {
		data, err := flag.Fetch(ctx, transport, address)
		if err != nil {
			return flag.Reading{}, fmt.Errorf("read the error rate: %w", err)
		}
		return readRate(data)
	}, nil
}

// shell runs a command of the user's and gives what it printed.
func (a *app) shell(ctx context.Context, command string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	res, err := a.tools().Run(limited, run.Command{Name: "sh", Args: []string{"-c", command}, Dir: a.dir, Contain: true})
	return res.Stdout.Bytes, err
}

// readRate reads an error rate: a number alone, or the metrics file's form.
func readRate(data []byte) (flag.Reading, error) {
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "{") {
		m, err := rollback.ReadMetrics(strings.NewReader(text))
		if err == nil && m.ErrorRate == nil {
			err = errors.New("there is no error_rate in it")
		}
		if err != nil {
			return flag.Reading{}, fmt.Errorf("read the error rate: %w", err)
		}
		return flag.Reading{Rate: *m.ErrorRate, Baseline: m.ErrorBaseline}, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || math.IsNaN(n) || math.IsInf(n, 0) {
		return flag.Reading{}, errors.New("read the error rate: want a number, or an object with error_rate")
	}
	return flag.Reading{Rate: n}, nil
}

// undoFlag puts a flag back.
func (a *app) undoFlag(ctx context.Context, p *worktree.Project, e journal.Entry) (string, error) {
	r, err := flag.Read(e)
	if err != nil {
		return "", undecided{err}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	client, err := a.flagClient(r, transport)
	if err != nil {
		return "", err
	}
	return flag.Undo(ctx, p.Journal, e, client)
}
