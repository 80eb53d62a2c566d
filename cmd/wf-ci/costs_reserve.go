package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/refs"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

// remoteFlag says whose refs hold the reservations.
type remoteFlag struct {
	Remote string `placeholder:"R" help:"A remote's name or URL that all jobs share. Default: this repository, for processes on one machine."`
}

// store is where the refs of a remote are.
func (b *books) store(a *app, remote string) (refs.Store, error) {
	if b.repo == nil {
		return refs.Store{}, usagef("there is no git repository here, and so no place that jobs could share")
	}
	return refs.Store{Repo: b.repo, Remote: git.Remote{Name: remote, Env: a.remoteEnv()}}, nil
}

// remoteEnv is what git may need of our environment to reach a remote.
func (a *app) remoteEnv() []string {
	names := []string{"SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM",
		"http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "GIT_CONFIG_COUNT"}
	for _, kv := range a.environ { // credentials, as a CI job passes them to git
		key, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(key, "GIT_CONFIG_KEY_") || strings.HasPrefix(key, "GIT_CONFIG_VALUE_") {
			names = append(names, key)
		}
	}
	return run.Pick(a.environ, names)
}

// holds are the reservations that count; none where there is no repository.
func (b *books) holds(ctx context.Context, a *app, remote string) ([]costs.Hold, error) {
	if b.repo == nil && remote == "" {
		return nil, nil
	}
	store, err := b.store(a, remote)
	if err != nil {
		return nil, err
	}
	holds, err := store.Holds(ctx)
	if err != nil {
		return nil, undecided{err}
	}
	return holds, nil
}

// costsReserveCmd reserves a part of the budget.
type costsReserveCmd struct {
	ledgerFlags
	remoteFlag
	Estimate string        `required:"" placeholder:"USD" help:"What the job will cost at most, in US dollars."`
	TTL      time.Duration `name:"ttl" default:"1h" placeholder:"D" help:"For how long; then it counts no more."`
	Priority string        `default:"normal" enum:"normal,critical" help:"A critical request may always run."`
	ID       string        `name:"id" placeholder:"ID" help:"A name of your own: reserved twice under it, it counts once."`
	For      string        `placeholder:"TEXT" help:"What it is for; people see it."`
}

// reservation is what costs reserve prints as JSON.
type reservation struct {
	ID string `json:"id,omitempty"`
	costs.Answer
	USD     costs.Nano `json:"usd"`
	Expires *time.Time `json:"expires,omitempty"`
}

// denied ends a reservation that the budget does not let in.
type denied struct{ costs.Answer }

func (d denied) Error() string { return d.Reason }

func (c *costsReserveCmd) Run(ctx context.Context, a *app) error {
	usd, err := amount("--estimate", c.Estimate)
	if err != nil {
		return err
	}
	if c.TTL < time.Second || c.TTL > 31*24*time.Hour {
		return usagef("--ttl %s: want between 1s and 744h", c.TTL)
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	h := costs.Hold{ID: c.ID, USD: usd, At: b.at.UTC().Truncate(time.Second), For: c.For}
	h.Expires = h.At.Add(c.TTL)
	if h.ID == "" {
		h.ID = rand.Text()
	}
	if err := h.Check(); err != nil {
		return usageError{err.Error()}
	}
	answer, err := c.reserve(ctx, a, b, h)
	if err != nil {
		return err
	}
	return c.print(a, h, answer)
}

// reserve asks the budget, and reserves if it says yes.
func (c *costsReserveCmd) reserve(ctx context.Context, a *app, b *books, h costs.Hold) (costs.Answer, error) {
	all, err := b.ledger.Current(b.zone, b.at)
	if err != nil {
		return costs.Answer{}, undecided{err}
	}
	store, err := b.store(a, c.Remote)
	if err != nil {
		return costs.Answer{}, err
	}
	answer := costs.Answer{Allowed: true}
	err = store.Reserve(ctx, h, b.at, func(holds []costs.Hold) error {
		answer = b.budget.Allow(all, b.zone, b.at, costs.Request{Estimate: h.USD, Critical: c.Priority == "critical", Holds: holds})
		if !answer.Allowed {
			return denied{answer}
		}
		return nil
	})
	if errors.As(err, new(denied)) {
		return answer, nil
	}
	if err != nil {
		return answer, undecided{err}
	}
	return answer, nil
}

func (c *costsReserveCmd) print(a *app, h costs.Hold, answer costs.Answer) error {
	out := reservation{Answer: answer, USD: h.USD}
	if answer.Allowed {
		out.ID, out.Expires = h.ID, &h.Expires
	}
	switch {
	case c.JSON:
		if err := writeJSON(a.rawOut, out); err != nil {
			return err
		}
	case !answer.Allowed:
		fmt.Fprintf(a.stdout, "refused: %s\n", answer.Reason)
	default:
		fmt.Fprintln(a.stdout, h.ID) // for a script: all else goes to stderr
		fmt.Fprintf(a.stderr, "wf-ci: reserved $%s until %s\n", h.USD, h.Expires.Format(time.RFC3339))
		if answer.Reason != "" {
			fmt.Fprintf(a.stderr, "wf-ci: warning: %s\n", answer.Reason)
		}
	}
	if !answer.Allowed {
		return refused{}
	}
	return nil
}

// costsSettleCmd records what a reservation did cost.
type costsSettleCmd struct {
	ledgerFlags
	remoteFlag
	usageFlags
	Reservation string `arg:"" name:"id" help:"The reservation."`
}

func (c *costsSettleCmd) Run(ctx context.Context, a *app) error {
	if c.USD != "" && c.Category == "" {
		c.Category = "llm"
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	store, err := b.store(a, c.Remote)
	if err != nil {
		return err
	}
	e, err := c.entry(a, b, costs.Hold{ID: c.Reservation}.Key())
	if err != nil {
		return err
	}
	if err := known(ctx, store, c.Reservation); err != nil {
		return err
	}
	// The entry first: ended in between, the reservation still holds its money,
	// and settling again counts nothing twice.
	added, all, err := b.ledger.Record(ctx, []costs.Entry{e}, a.now(), b.budget, b.zone)
	if err != nil {
		return unrecorded(added, err)
	}
	if err := store.Settle(ctx, c.Reservation, e.USD, b.at); err != nil {
		return undecided{fmt.Errorf("the entry %s is recorded; settle the reservation again: %w", e.ID, err)}
	}
	a.warn(b, all, a.now())
	if c.JSON {
		return writeJSON(a.rawOut, e)
	}
	_, err = fmt.Fprintf(a.stdout, "%s, reservation %s settled\n", recorded(e, len(added) > 0), c.Reservation)
	return err
}

// known says whether there is such a reservation.
func known(ctx context.Context, store refs.Store, id string) error {
	holds, err := store.Holds(ctx)
	if err != nil {
		return undecided{err}
	}
	for _, h := range holds {
		if h.ID == id {
			return nil
		}
	}
	return usagef("no reservation %q here (was it made with --remote?)", id)
}

// costsReleaseCmd gives a reservation back.
type costsReleaseCmd struct {
	ledgerFlags
	remoteFlag
	Reservation string `arg:"" name:"id" help:"The reservation."`
}

func (c *costsReleaseCmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	store, err := b.store(a, c.Remote)
	if err != nil {
		return err
	}
	settled, err := store.Release(ctx, c.Reservation, b.at)
	switch {
	case errors.Is(err, refs.ErrNoHold):
		return usagef("no reservation %q here (was it made with --remote?)", c.Reservation)
	case err != nil:
		return undecided{err}
	case c.JSON:
		return writeJSON(a.rawOut, map[string]any{"id": c.Reservation, "released": !settled})
	case settled:
		_, err = fmt.Fprintf(a.stdout, "reservation %s was settled: what it cost stays\n", c.Reservation)
	default:
		_, err = fmt.Fprintf(a.stdout, "released %s\n", c.Reservation)
	}
	return err
}
