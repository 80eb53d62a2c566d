package saving

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
)

// BatchLimit is how many requests are put into one.
const BatchLimit = 20

// Count says how many tokens a text has.
type Count func(text string) (int, error)

// Request is a line of the file that is planned.
type Request struct {
	ID     string `json:"id"`
	Model  string `json:"model"`
	Task   string `json:"task"`
	System string `json:"system"` // instructions, which a batch needs once
	Prompt string `json:"prompt"`
	Output int64  `json:"output"` // tokens that are expected. Optional.
}

// Batch is some requests that become one.
type Batch struct {
	Model  string   `json:"model"`
	Task   string   `json:"task"`
	IDs    []string `json:"ids"`
	Before int64    `json:"input_before"` // tokens
	After  int64    `json:"input_after"`
	Saved  int64    `json:"saved_tokens"`
	// Priced: the model has a price; then Cost is what the batch costs, and
	// SavedUSD what it saves.
	Priced   bool       `json:"priced"`
	Cost     costs.Nano `json:"cost"`
	SavedUSD costs.Nano `json:"saved"`
}

// Batches is a plan.
type Batches struct {
	Requests int        `json:"requests"`
	Batches  []Batch    `json:"batches"`
	Saved    int64      `json:"saved_tokens"`
	Cost     costs.Nano `json:"cost"`
	SavedUSD costs.Nano `json:"saved"`
	Unpriced []string   `json:"unpriced"`
}

// ParseRequests reads a file with a request a line.
func ParseRequests(file string, data []byte) ([]Request, error) {
	var list []Request
	seen := make(map[string]int)
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var r Request
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		switch before := seen[r.ID]; {
		case r.ID == "" || r.Model == "" || r.Prompt == "":
			return nil, fmt.Errorf("%s:%d: want an id, a model and a prompt", file, n)
		case r.Output < 0:
			return nil, fmt.Errorf("%s:%d: output %d: negative", file, n, r.Output)
		case before > 0:
			return nil, fmt.Errorf("%s:%d: the id %q is that of line %d", file, n, r.ID, before)
		}
		seen[r.ID] = n
		list = append(list, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no requests in it", file)
	}
	return list, nil
}

// separator is what a batch needs between two requests, in tokens: a number and
// two line ends.
const separator = 4

// Plan puts requests of one model, task and instructions together, twenty at
// most, in the order in which they come. What it saves are the instructions, which
// each request would have sent again; where those are shorter than what keeps two
// requests apart, each stays alone.
func Plan(list []Request, count Count, table *prices.Table, at time.Time) (Batches, error) {
	type kind struct{ model, task, system string }
	groups := make(map[kind][]Request)
	var order []kind
	for _, r := range list {
		k := kind{r.Model, r.Task, r.System}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	p := Batches{Requests: len(list), Batches: []Batch{}, Unpriced: []string{}}
	for _, k := range order {
		system, err := count(k.system)
		if err != nil {
			return p, err
		}
		size := BatchLimit
		if system <= separator {
			size = 1
		}
		for part := range slices.Chunk(groups[k], size) {
			b, err := newBatch(part, system, count, table, at)
			if err != nil {
				return p, err
			}
			p.add(b)
		}
	}
	slices.Sort(p.Unpriced)
	return p, nil
}

func (p *Batches) add(b Batch) {
	p.Batches = append(p.Batches, b)
	p.Saved += b.Saved
	p.Cost += b.Cost
	p.SavedUSD += b.SavedUSD
	if !b.Priced && !slices.Contains(p.Unpriced, b.Model) {
		p.Unpriced = append(p.Unpriced, b.Model)
	}
}

func newBatch(part []Request, system int, count Count, table *prices.Table, at time.Time) (Batch, error) {
	first := part[0]
	b := Batch{Model: first.Model, Task: first.Task}
	var prompts, output int64
	var alone costs.Nano
	b.Priced = true
	for _, r := range part {
		n, err := count(r.Prompt)
		if err != nil {
			return b, err
		}
		b.IDs = append(b.IDs, r.ID)
		prompts, output = prompts+int64(n), output+r.Output
		usd, ok, err := price(r.Model, int64(system+n), r.Output, table, at)
		if err != nil {
			return b, err
		}
		b.Priced = b.Priced && ok
		alone += usd
	}
	b.Before = prompts + int64(system*len(part))
	b.After = prompts + int64(system) + separator*int64(len(part)-1)
	b.Saved = b.Before - b.After
	usd, ok, err := price(first.Model, b.After, output, table, at)
	if b.Priced = b.Priced && ok; b.Priced {
		b.Cost, b.SavedUSD = usd, alone-usd
	}
	return b, err
}

// price is what a call costs by the list.
func price(model string, input, output int64, table *prices.Table, at time.Time) (costs.Nano, bool, error) {
	e, err := costs.Entry{Time: at}.Price(costs.Usage{Model: model, Input: input, Output: output}, table)
	return e.USD, e.Basis == costs.List, err
}
