package main

import (
	"context"
	"fmt"
	"os"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/saving"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/session/tokens"
)

// costsTrimCmd cuts a prompt.
type costsTrimCmd struct {
	ledgerFlags
	File   string  `arg:"" help:"The prompt."`
	Target float64 `default:"0.2" placeholder:"SHARE" help:"The share of tokens that should go; examples go only until it is reached."`
	Model  string  `placeholder:"M" help:"Say what it saves a call of this model."`
	Output string  `short:"o" placeholder:"FILE" help:"Write the prompt into a file. Default: stdout."`
}

// trimmed is what costs trim prints as JSON.
type trimmed struct {
	saving.Trimmed
	Encoding string      `json:"encoding"`
	Saved    *costs.Nano `json:"saved_per_call"` // null: no model, or one without a price
}

// promptLimit bounds a prompt in bytes.
const promptLimit = 16 << 20

func (c *costsTrimCmd) Run(ctx context.Context, a *app) error {
	if !(c.Target >= 0 && c.Target < 1) {
		return usagef("--target %g: want a share such as 0.2", c.Target)
	}
	info, err := os.Stat(inside(a.dir, c.File))
	if err != nil {
		return usageError{err.Error()}
	}
	if !info.Mode().IsRegular() || info.Size() > promptLimit {
		return usagef("%s: not a regular file, or above %d MiB", c.File, promptLimit>>20)
	}
	data, err := os.ReadFile(inside(a.dir, c.File))
	if err != nil {
		return usageError{err.Error()}
	}
	t, err := saving.Trim(string(data), c.Target, new(tokens.Counter).Count)
	if err != nil {
		return undecided{err}
	}
	out := trimmed{Trimmed: t, Encoding: tokens.Encoding}
	if out.Saved, err = c.saved(ctx, a, t); err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(a.rawOut, out)
	}
	return c.print(a, out)
}

// saved is what a call of the model costs less.
func (c *costsTrimCmd) saved(ctx context.Context, a *app, t saving.Trimmed) (*costs.Nano, error) {
	if c.Model == "" {
		return nil, nil
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return nil, err
	}
	defer done()
	var usd [2]costs.Nano
	for i, n := range []int{t.Before, t.After} {
		e, err := costs.Entry{Time: b.at}.Price(costs.Usage{Model: c.Model, Input: int64(n)}, b.table)
		if err != nil {
			return nil, usageError{err.Error()}
		}
		if e.Basis == costs.Unpriced {
			return nil, nil
		}
		usd[i] = e.USD
	}
	saved := usd[0] - usd[1]
	return &saved, nil
}

func (c *costsTrimCmd) print(a *app, t trimmed) error {
	if c.Output != "" {
		if err := state.Write(inside(a.dir, c.Output), []byte(t.Text), 0o644); err != nil {
			return usageError{err.Error()}
		}
	} else if _, err := a.rawOut.Write([]byte(t.Text)); err != nil {
		return err
	}
	for _, s := range t.Steps {
		fmt.Fprintf(a.stderr, "%-16s %6d tokens, %d fewer\n", s.Name, s.Tokens, s.Saved)
	}
	fmt.Fprintf(a.stderr, "%d tokens instead of %d (%g %%, counted with %s)", t.After, t.Before, t.Percent, t.Encoding)
	switch {
	case t.Saved != nil:
		fmt.Fprintf(a.stderr, ": $%s less a call", *t.Saved)
	case c.Model != "":
		fmt.Fprintf(a.stderr, "; the model has no price")
	}
	if !t.Reached {
		fmt.Fprintf(a.stderr, "; the target of %g %% is not reached, and a summary needs a model", 100*c.Target)
	}
	fmt.Fprintln(a.stderr)
	return nil
}
