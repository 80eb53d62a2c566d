package logs

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// calls are calls by their key: packed, in blocks that never move, because there
// may be hundreds of thousands. All workers share them.
type calls struct {
	mu     sync.Mutex
	blocks []*[blockSize]packed
	n      int
	index  map[string]int
	shared map[names]*names
	last   *names // of the call before: most are the same
}

const blockSize = 256

// packed is a [Call] in half the room.
type packed struct {
	key      string
	names    *names
	seconds  int64 // since 1970
	nanos    int32
	fast     bool
	guessed  bool
	tokens   [6]int64
	reported costs.Nano
}

// names are what many calls share.
type names struct{ source, model, branch, commit, task string }

func newCalls() *calls { return &calls{index: make(map[string]int), shared: make(map[names]*names)} }

func (c *calls) at(i int) *packed { return &c.blocks[i/blockSize][i%blockSize] }

// add takes a call whose key is spelled in key: nothing is allocated for one
// that is known.
func (c *calls) add(key []byte, call Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.index[string(key)]; ok {
		c.merge(i, call)
		return
	}
	call.Key = string(key)
	c.put(call)
}

func (c *calls) merge(i int, call Call) {
	p := c.at(i)
	old := p.call()
	call.Key = old.Key
	*p = c.pack(merge(old, call))
}

// put takes a call that is not known.
func (c *calls) put(call Call) {
	if c.n == len(c.blocks)*blockSize {
		c.blocks = append(c.blocks, new([blockSize]packed))
	}
	c.index[call.Key] = c.n
	*c.at(c.n) = c.pack(call)
	c.n++
}

func (c *calls) pack(call Call) packed {
	u := call.Usage
	return packed{
		key: call.Key, names: c.share(names{call.Source, u.Model, call.Branch, call.Commit, call.Task}),
		seconds: call.Time.Unix(), nanos: int32(call.Time.Nanosecond()), fast: call.Fast, guessed: call.Guessed,
		tokens:   [6]int64{u.Input, u.Output, u.CacheRead, u.CacheWrite, u.CacheWrite1h, u.WebSearches},
		reported: call.Reported,
	}
}

func (c *calls) share(n names) *names {
	if c.last != nil && *c.last == n {
		return c.last
	}
	known, ok := c.shared[n]
	if !ok {
		known = &n
		c.shared[n] = known
	}
	c.last = known
	return known
}

func (p *packed) call() Call {
	n, t := p.names, p.tokens
	return Call{
		Key: p.key, Source: n.source, Time: time.Unix(p.seconds, int64(p.nanos)).UTC(),
		Usage:    costs.Usage{Model: n.model, Input: t[0], Output: t[1], CacheRead: t[2], CacheWrite: t[3], CacheWrite1h: t[4], WebSearches: t[5]},
		Reported: p.reported, Fast: p.fast, Guessed: p.guessed, Branch: n.branch, Commit: n.commit, Task: n.task,
	}
}

// Calls are the calls that logs tell of, by time, then key.
type Calls struct {
	all   *calls
	order []int32
}

// settled gives all calls their order. Without replays: what an agent's agent
// wrote down of its parent's calls, the same message under a request of its own.
func (c *calls) settled() Calls {
	c.index = nil // they are many
	parents := c.parents()
	order := make([]int32, 0, c.n)
	for i := range c.n {
		if p := c.at(i); p.names.task != Subagent || p.message() == "" || !parents[p.message()] {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(i, j int32) int {
		p, q := c.at(int(i)), c.at(int(j))
		return cmp.Or(cmp.Compare(p.seconds, q.seconds), cmp.Compare(p.nanos, q.nanos), strings.Compare(p.key, q.key))
	})
	return Calls{c, order}
}

// parents are the messages of those that agents' agents answer to, if there are
// any agents' agents.
func (c *calls) parents() map[string]bool {
	messages := make(map[string]bool)
	agents := func(n names) bool { return n.task == Subagent }
	if !slices.ContainsFunc(slices.Collect(maps.Keys(c.shared)), agents) {
		return messages
	}
	for i := range c.n {
		if p := c.at(i); !agents(*p.names) {
			messages[p.message()] = true
		}
	}
	return messages
}

// message is what the key of a call says of the message: all but the request.
func (p *packed) message() string {
	if i := strings.LastIndexByte(p.key, ':'); i > 0 && p.names.source == "claude" {
		return p.key[:i]
	}
	return ""
}

// Len is how many calls there are.
func (c Calls) Len() int { return len(c.order) }

// All goes over the calls.
func (c Calls) All() iter.Seq[Call] {
	return func(yield func(Call) bool) {
		for _, i := range c.order {
			if !yield(c.all.at(int(i)).call()) {
				return
			}
		}
	}
}
