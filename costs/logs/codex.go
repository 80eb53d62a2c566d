package logs

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/wf-ci/wf-ci/costs"
)

// codex reads Codex CLI: a log of events, in which the tokens so far come after
// each call.
//
//	{"timestamp":…,"type":"session_meta","payload":{"id":…,"cwd":…,"forked_from_id":…,"git":{"branch":…}}}
//	{"timestamp":…,"type":"turn_context","payload":{"turn_id":…,"model":…,"cwd":…}}
//	{"timestamp":…,"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{…},"last_token_usage":{…}}}}
//
// A fork begins with a copy of its parent's events, with times of its own. The
// calls in it have the turns and the sums of the parent's, and so its keys.
type codex struct {
	w *work
	s scanner

	meta, started bool
	session       string
	parent        string
	cwd           []byte
	branch        string
	commit        string
	model         string
	turn          string
	total         codexTokens // at the call before

	// Of the line:
	kind, event []byte
	stamp       scanner
	payload     scanner
	now, last   codexTokens
	hasTotal    bool
	hasLast     bool
}

// codexTokens are counts as Codex has them: cached and written tokens are part
// of the input, reasoning of the output.
type codexTokens struct{ input, cached, written, output, reasoning, total int64 }

// codexFile is what is known of a session after its log is read.
type codexFile struct {
	path            string
	session, parent string
	calls           []codexCall
}

// codexCall is a call before it is known whether it is a copy.
type codexCall struct {
	key  string
	sums codexTokens
	call Call
}

// codexFallback is the model of the first logs with counts, which name none.
const codexFallback = "gpt-5"

// zstdMemory bounds the window that a compressed log may ask for.
const zstdMemory = 64 << 20

func readCodexZstd(w *work, r io.Reader) error {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(zstdMemory), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer z.Close()
	return readCodex(w, z)
}

func readCodex(w *work, r io.Reader) error {
	c := &codex{w: w}
	w.codex = &codexFile{path: w.path}
	err := w.eachLine(r, c.line)
	w.codex.session, w.codex.parent = c.session, c.parent
	return err
}

var codexMarks = [][]byte{[]byte(`"token_count"`), []byte(`"turn_context"`), []byte(`"session_meta"`)}

func (c *codex) line(line []byte) bool {
	head := line[:min(len(line), 512)] // the kind is named before what may be long
	if !bytes.Contains(head, codexMarks[0]) && !bytes.Contains(head, codexMarks[1]) && !bytes.Contains(head, codexMarks[2]) {
		return true
	}
	c.s = scanner{data: line}
	c.kind, c.event, c.stamp, c.payload, c.hasTotal, c.hasLast = nil, nil, scanner{}, scanner{}, false, false
	c.s.object(c.visitTop)
	if c.s.bad {
		return false
	}
	s := c.payload
	switch string(c.kind) {
	case "session_meta":
		if !c.meta { // a fork copies its parent's, too
			c.meta = true
			s.object(func(key []byte) { c.visitMeta(&s, key) })
		}
	case "turn_context":
		s.object(func(key []byte) { c.visitTurn(&s, key) })
	case "event_msg":
		s.object(func(key []byte) { c.visitEvent(&s, key) })
		if string(c.event) == "token_count" && !s.bad {
			c.count()
		}
	}
	return !s.bad
}

func (c *codex) visitTop(key []byte) {
	s := &c.s
	switch string(key) {
	case "type":
		c.kind = s.bytes()
	case "timestamp":
		s.space()
		c.stamp = scanner{data: s.data, i: s.i}
		s.skip()
	case "payload":
		s.space()
		c.payload = scanner{data: s.data, i: s.i}
		s.skip()
	default:
		s.skip()
	}
}

func (c *codex) visitMeta(s *scanner, key []byte) {
	switch string(key) {
	case "id":
		c.session = name(s.text())
	case "forked_from_id":
		if id := name(s.text()); id != "" {
			c.parent = id
		}
	case "cwd":
		c.cwd = bytes.Clone(s.bytes())
	case "git":
		s.object(func(key []byte) {
			switch string(key) {
			case "branch":
				c.branch = name(s.text())
			case "commit_hash":
				c.commit = name(s.text())
			default:
				s.skip()
			}
		})
	case "source":
		c.visitSource(s)
	default:
		s.skip()
	}
}

// visitSource finds who started a subagent: {"subagent":{"thread_spawn":{"parent_thread_id":…}}}.
func (c *codex) visitSource(s *scanner) {
	s.object(func([]byte) {
		s.object(func([]byte) {
			s.object(func(key []byte) {
				if string(key) != "parent_thread_id" {
					s.skip()
				} else if id := name(s.text()); c.parent == "" {
					c.parent = id
				}
			})
		})
	})
}

func (c *codex) visitTurn(s *scanner, key []byte) {
	switch string(key) {
	case "turn_id":
		c.turn = name(s.text())
	case "model":
		if m := s.bytes(); len(m) > 0 {
			c.model = c.w.name(m)
		}
	case "cwd":
		if dir := s.bytes(); len(dir) > 0 {
			c.cwd = bytes.Clone(dir)
		}
	default:
		s.skip()
	}
}

func (c *codex) visitEvent(s *scanner, key []byte) {
	switch string(key) {
	case "type":
		c.event = s.bytes()
	case "info":
		s.object(func(key []byte) {
			switch string(key) {
			case "total_token_usage":
				c.hasTotal = s.space() == '{'
				c.now = readCodexTokens(s)
			case "last_token_usage":
				c.hasLast = s.space() == '{'
				c.last = readCodexTokens(s)
			case "model", "model_name":
				if m := s.bytes(); len(m) > 0 {
					c.model = c.w.name(m)
				}
			default:
				s.skip()
			}
		})
	default:
		s.skip()
	}
}

func readCodexTokens(s *scanner) (t codexTokens) {
	s.object(func(key []byte) {
		switch string(key) {
		case "input_tokens":
			t.input = s.count()
		case "cached_input_tokens":
			t.cached = s.count()
		case "cache_write_input_tokens":
			t.written = s.count()
		case "output_tokens":
			t.output = s.count()
		case "reasoning_output_tokens":
			t.reasoning = s.count()
		case "total_tokens":
			t.total = s.count()
		default:
			s.skip()
		}
	})
	return t
}

// count takes a count of tokens. Counts are written again without a call in
// between: the sum did not grow then.
func (c *codex) count() {
	switch {
	case !c.hasTotal && !c.hasLast:
		return
	case !c.hasTotal:
		c.now = c.total.plus(c.last)
	case c.started && c.now == c.total:
		return
	case !c.hasLast && c.now.total >= c.total.total:
		c.last = c.now.minus(c.total)
	case !c.hasLast:
		c.last = c.now // the sum began anew
	}
	c.started, c.total = true, c.now
	model, guessed := c.model, false
	if model == "" {
		model, guessed = codexFallback, true
	}
	if !c.w.ours(c.cwd) {
		return
	}
	if guessed {
		c.w.notes.Guessed++
	}
	call := Call{
		Source: "codex", Time: c.stamp.moment(), Usage: c.last.usage(model), Guessed: guessed, Branch: c.branch, Commit: c.commit,
	}
	c.w.codex.calls = append(c.w.codex.calls, codexCall{key: c.keyOf(), sums: c.now, call: call})
}

// keyOf names a call by its turn, or its session, and the sums after it. What
// was forked before turns had ids has the parent's name.
func (c *codex) keyOf() string {
	owner := c.turn
	if owner == "" {
		owner = c.session
	}
	if owner == "" {
		owner = "?" + c.stamp.moment().Format(time.RFC3339Nano)
	}
	t := c.now
	var b strings.Builder
	b.WriteString(costs.LogPrefix + "codex:" + owner + ":")
	for i, n := range []int64{t.input, t.cached, t.output, t.total} {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(strconv.FormatInt(n, 10))
	}
	return b.String()
}

func (t codexTokens) plus(u codexTokens) codexTokens {
	return codexTokens{t.input + u.input, t.cached + u.cached, t.written + u.written, t.output + u.output, t.reasoning + u.reasoning, t.total + u.total}
}

func (t codexTokens) minus(u codexTokens) codexTokens {
	return codexTokens{
		max(0, t.input-u.input), max(0, t.cached-u.cached), max(0, t.written-u.written),
		max(0, t.output-u.output), max(0, t.reasoning-u.reasoning), max(0, t.total-u.total),
	}
}

// usage takes the cache's part out of the input.
func (t codexTokens) usage(model string) costs.Usage {
	cached := min(t.cached, t.input)
	written := min(t.written, t.input-cached)
	return costs.Usage{Model: model, Input: t.input - cached - written, CacheRead: cached, CacheWrite: written, Output: t.output}
}

// settleCodex hands over the calls of all sessions that were read, without what
// forks copied from a parent that is here: the calls at their beginning whose
// sums the parent has. It gives the logs whose parents are not here.
func settleCodex(w *work, files []*codexFile) (orphans []string) {
	sums := make(map[string]map[codexTokens]bool)
	for _, f := range files {
		if sums[f.session] == nil {
			sums[f.session] = make(map[codexTokens]bool)
		}
		for _, c := range f.calls {
			sums[f.session][c.sums] = true
		}
	}
	for _, f := range files {
		parent, here := sums[f.parent]
		if f.parent != "" && !here {
			orphans = append(orphans, f.path)
		}
		own := 0
		if f.parent != f.session {
			for own < len(f.calls) && parent[f.calls[own].sums] {
				own++
			}
		}
		for _, c := range f.calls[own:] {
			w.put([]byte(c.key), c.call)
		}
	}
	return orphans
}
