// Package notify tells a chat how a day has ended: Slack, Discord, or any
// program that takes JSON.
//
// The address of a webhook is a secret: whoever has it may post. It is in no
// error, no result and no text of this package, and a message is sent to no
// other place than that: redirects are not followed.
package notify

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Message is what is told. The texts are plain: nothing in them is taken for
// markup, a link or a mention by whom it reaches.
type Message struct {
	Title string `json:"title"` // required
	Text  string `json:"text"`  // a sentence or two
	// Status is pass, fail or inconclusive; empty: neither.
	Status string    `json:"status"`
	Facts  []Fact    `json:"facts"` // in their order
	At     time.Time `json:"at"`    // zero: not said
}

// Fact is one thing that is known, such as "Coverage: 81 %". Both are required:
// what is not known is left out.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Kind is whose format a hook takes.
type Kind string

const (
	Slack   Kind = "slack"
	Discord Kind = "discord"
	JSON    Kind = "json" // [Message], with "schema": "wf-ci/message/v1"
)

// Hook is one place to tell. It prints as its kind, whatever the verb.
type Hook struct {
	Kind Kind
	url  string
}

// String keeps the address out of every print.
func (h Hook) String() string { return string(h.Kind) }

// GoString is String, for %#v.
func (h Hook) GoString() string { return string(h.Kind) }

// NewHook checks an address: https, or http on this machine. The error does not
// hold it.
func NewHook(kind Kind, address string) (Hook, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	switch {
	case kind != Slack && kind != Discord && kind != JSON:
		return Hook{}, errors.New("a webhook is one of slack, discord, json")
	case err != nil || u.Host == "":
		return Hook{}, errors.New("the address is no URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return Hook{}, errors.New("the address does not begin with https://")
	case u.User != nil:
		return Hook{}, errors.New("the address holds a user name")
	}
	return Hook{kind, u.String()}, nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// Delivery is what became of a message at one hook.
type Delivery struct {
	Kind  Kind
	Tries int
	Err   error // nil: it has arrived
}

// Sender tells hooks.
type Sender struct {
	Hooks []Hook
	// Transport carries the requests. Required.
	Transport http.RoundTripper
	// Wait waits between tries. Nil: with the clock.
	Wait func(context.Context, time.Duration) error
}

// Send tells all hooks, side by side, and says what became of it at each, in
// their order. It takes at most [Patience], whatever the servers say.
func (s Sender) Send(ctx context.Context, m Message) []Delivery {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	out := make([]Delivery, len(s.Hooks))
	done := make(chan struct{})
	for i, h := range s.Hooks {
		go func() {
			defer func() { done <- struct{}{} }()
			out[i] = s.deliver(ctx, h, m)
		}()
	}
	for range s.Hooks {
		<-done
	}
	return out
}
