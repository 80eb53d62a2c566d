package main

import (
	"cmp"
	"slices"

	"github.com/wf-ci/wf-ci/costs"
)

// usageFlags say what was used: tokens of a model, or an amount.
type usageFlags struct {
	Model        string `placeholder:"M" help:"Model that was called."`
	Input        int64  `placeholder:"N" help:"Tokens of input, without those of the cache."`
	Output       int64  `placeholder:"N" help:"Tokens of output."`
	CacheRead    int64  `placeholder:"N" help:"Tokens read from the cache."`
	CacheWrite   int64  `placeholder:"N" help:"Tokens written to the cache, for five minutes."`
	CacheWrite1h int64  `name:"cache-write-1h" placeholder:"N" help:"Tokens written to the cache, for an hour."`
	USD          string `name:"usd" placeholder:"AMOUNT" help:"US dollars that it cost, instead of tokens."`
	Category     string `placeholder:"C" help:"compute, storage, api, …. Default for tokens: llm."`
	Feature      string `placeholder:"F" help:"Feature. Default: that of a branch feature/F."`
	Task         string `placeholder:"T" help:"Task."`
}

// check says which flags do not go together.
func (u usageFlags) check() error {
	tokens := []int64{u.Input, u.Output, u.CacheRead, u.CacheWrite, u.CacheWrite1h}
	if slices.Min(tokens) < 0 {
		return usagef("tokens cannot be negative")
	}
	switch some := slices.Max(tokens) > 0; {
	case u.Model == "" && u.USD == "":
		return usagef("give --model with its tokens, or --usd with --category")
	case u.USD != "" && (u.Category == "" || some):
		return usagef("--usd needs --category, and goes without tokens")
	case u.USD == "" && !some:
		return usagef("no tokens: give --input, --output, --cache-read or --cache-write")
	}
	return nil
}

// entry makes the sealed entry of what was used.
func (u usageFlags) entry(a *app, b *books, key string) (costs.Entry, error) {
	if err := u.check(); err != nil {
		return costs.Entry{}, err
	}
	e := costs.Entry{
		Key: key, Time: b.at.UTC(), Category: u.Category, Feature: u.Feature, Task: u.Task,
		Branch: b.branch, Commit: b.head, Source: "manual",
	}
	e.Feature = cmp.Or(e.Feature, featureOf(b.branch))
	var err error
	if u.USD != "" {
		e.Model, e.Basis = u.Model, costs.Reported
		e.USD, err = amount("--usd", u.USD)
	} else {
		e, err = e.Price(costs.Usage{
			Model: u.Model, Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite, CacheWrite1h: u.CacheWrite1h,
		}, b.table)
	}
	if err == nil {
		e, err = e.Seal(a.now())
	}
	if err != nil {
		return e, usageError{err.Error()}
	}
	return e, nil
}
