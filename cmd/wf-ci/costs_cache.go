package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/saving"
)

// costsCacheCmd keeps answers of models.
type costsCacheCmd struct {
	Get   costsCacheGetCmd   `cmd:"" help:"Print the answer to a question: status 1 where there is none."`
	Put   costsCachePutCmd   `cmd:"" help:"Keep the answer that comes on stdin."`
	Stats costsCacheStatsCmd `cmd:"" help:"Show the hit rate and the money saved."`
	Clear costsCacheClearCmd `cmd:"" help:"Remove all answers and numbers."`
}

// cacheFlags are where the cache is.
type cacheFlags struct {
	CacheDir string `name:"cache-dir" placeholder:"DIR" help:"Directory of the cache. Default: in that of this user."`
}

func (f cacheFlags) open(a *app) (saving.Cache, error) {
	dir := f.CacheDir
	if dir == "" {
		data := a.dataDir()
		if data == "" {
			return saving.Cache{}, usagef("nowhere to keep a cache: give --cache-dir, or set XDG_CACHE_HOME or HOME")
		}
		dir = filepath.Join(data, "costs")
	}
	return saving.Cache{Dir: inside(a.dir, dir)}, nil
}

// questionFlags say what was asked.
type questionFlags struct {
	Key  string `xor:"key" placeholder:"TEXT" help:"What was asked."`
	File string `name:"key-file" xor:"key" placeholder:"FILE" help:"A file with what was asked."`
	Of   string `name:"model" placeholder:"M" help:"The model that was asked: each has answers of its own."`
}

// answerLimit bounds an answer, and a question, in bytes.
const answerLimit = 32 << 20

func (f questionFlags) question(a *app) ([]byte, error) {
	text := []byte(f.Key)
	if f.File != "" {
		info, err := os.Stat(inside(a.dir, f.File))
		if err == nil && (!info.Mode().IsRegular() || info.Size() > answerLimit) {
			err = fmt.Errorf("%s: not a regular file, or above %d MiB", f.File, answerLimit>>20)
		}
		if err == nil {
			text, err = os.ReadFile(inside(a.dir, f.File))
		}
		if err != nil {
			return nil, usageError{err.Error()}
		}
	}
	if len(text) == 0 {
		return nil, usagef("what was asked? Give --key or --key-file")
	}
	return fmt.Appendf(nil, "%d:%s%s", len(f.Of), f.Of, text), nil
}

// costsCacheGetCmd looks for an answer.
type costsCacheGetCmd struct {
	cacheFlags
	questionFlags
}

func (c *costsCacheGetCmd) Run(ctx context.Context, a *app) error {
	cache, err := c.open(a)
	if err != nil {
		return err
	}
	question, err := c.question(a)
	if err != nil {
		return err
	}
	answer, err := cache.Get(ctx, question, a.now())
	switch {
	case errors.Is(err, saving.ErrMiss):
		return refused{}
	case err != nil:
		return undecided{err}
	}
	_, err = a.rawOut.Write(answer.Body)
	return err
}

// costsCachePutCmd keeps an answer.
type costsCachePutCmd struct {
	cacheFlags
	questionFlags
	Policy string        `default:"llm" enum:"embeddings,llm,search,static" help:"For how long it is good: embeddings 30 days, llm 7 days, search 1 day, static for ever."`
	TTL    time.Duration `name:"ttl" placeholder:"D" help:"Another time than the policy's."`
	Input  int64         `placeholder:"N" help:"Tokens of input that it took: with --output, what a hit saves."`
	Output int64         `placeholder:"N" help:"Tokens of output."`
	USD    string        `name:"usd" placeholder:"AMOUNT" help:"What it cost, instead of tokens."`
}

func (c *costsCachePutCmd) Run(ctx context.Context, a *app) error {
	cache, err := c.open(a)
	if err != nil {
		return err
	}
	question, err := c.question(a)
	if err != nil {
		return err
	}
	answer := saving.Answer{Policy: c.Policy, Made: a.now()}
	if answer.Cost, err = c.cost(a); err != nil {
		return err
	}
	if c.TTL < 0 {
		return usagef("--ttl %s: negative", c.TTL)
	}
	policies := saving.Policies()
	ttl := policies[slices.IndexFunc(policies, func(p saving.Policy) bool { return p.Name == c.Policy })].TTL
	if c.TTL > 0 {
		ttl = c.TTL
	}
	if ttl > 0 {
		answer.Expires = answer.Made.Add(ttl)
	}
	var body bytes.Buffer
	if n, err := io.Copy(&body, io.LimitReader(a.stdin, answerLimit+1)); err != nil || n > answerLimit || n == 0 {
		return usagef("the answer on stdin: want 1 byte to %d MiB (%v)", answerLimit>>20, err)
	}
	answer.Body = body.Bytes()
	if err := cache.Put(ctx, question, answer); err != nil {
		return undecided{err}
	}
	_, err = fmt.Fprintf(a.stdout, "kept: a hit saves $%s\n", answer.Cost)
	return err
}

// cost is what the answer has cost.
func (c *costsCachePutCmd) cost(a *app) (costs.Nano, error) {
	if c.USD != "" {
		return amount("--usd", c.USD)
	}
	if c.Input == 0 && c.Output == 0 {
		return 0, nil
	}
	if c.Of == "" {
		return 0, usagef("tokens of which model? Give --model, or --usd")
	}
	b := &books{ledger: costs.Ledger{Dir: filepath.Join(a.dir, "costs")}}
	if err := b.readPrices(); err != nil {
		return 0, usageError{err.Error()}
	}
	e, err := costs.Entry{Time: a.now()}.Price(costs.Usage{Model: c.Of, Input: c.Input, Output: c.Output}, b.table)
	if err != nil {
		return 0, usageError{err.Error()}
	}
	if e.Basis == costs.Unpriced {
		return 0, usagef("%s has no price: give --usd, or a price in costs/prices.json", c.Of)
	}
	return e.USD, nil
}

// costsCacheStatsCmd shows what the cache did.
type costsCacheStatsCmd struct {
	cacheFlags
	JSON bool `name:"json" help:"Write JSON to stdout."`
}

func (c *costsCacheStatsCmd) Run(_ context.Context, a *app) error {
	cache, err := c.open(a)
	if err != nil {
		return err
	}
	s, err := cache.Stats()
	if err != nil {
		return undecided{err}
	}
	if c.JSON {
		return writeJSON(a.rawOut, s)
	}
	_, err = fmt.Fprintf(a.stdout, "%d hits, %d misses (%d of them too old): %g %%; saved $%s\n%s, %d bytes\n", s.Hits, s.Misses, s.Expired, s.HitRate, s.Saved, plural(s.Entries, "answer"), s.Bytes)
	return err
}

// costsCacheClearCmd empties the cache.
type costsCacheClearCmd struct{ cacheFlags }

func (c *costsCacheClearCmd) Run(ctx context.Context, a *app) error {
	cache, err := c.open(a)
	if err != nil {
		return err
	}
	if err := cache.Clear(ctx); err != nil {
		return undecided{err}
	}
	_, err = fmt.Fprintln(a.stdout, "cleared")
	return err
}
