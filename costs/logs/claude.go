package logs

import (
	"bytes"
	"io"

	"github.com/wf-ci/wf-ci/costs"
)

// claude reads Claude Code: a line for each part of a message, with the usage of
// the message so far.
//
//	{"type":"assistant","timestamp":…,"sessionId":…,"requestId":…,"cwd":…,"gitBranch":…,"isSidechain":…,
//	 "message":{"id":…,"model":…,"usage":{…}}}
type claude struct {
	w *work
	s scanner

	kind, session, request, cwd, branch []byte
	id, model, uuid                     []byte
	stamp                               scanner // at the time, which is read when it is needed
	side, fast                          bool
	reported                            costs.Nano
	usage                               costs.Usage
	writes                              int64 // to the cache, in all
	used                                bool  // there is a usage
	searches                            int64 // in a call of its own, which no log has

	// visitors, made once
	top, message, use, creation, tools, result func(key []byte)
}

func readClaude(w *work, r io.Reader) error {
	c := &claude{w: w}
	c.top, c.message, c.use = c.visitTop, c.visitMessage, c.visitUsage
	c.creation, c.tools, c.result = c.visitCreation, c.visitTools, c.visitResult
	return w.eachLine(r, c.line)
}

// Lines without these have nothing to count: most of a log.
var (
	claudeMark  = []byte(`_tokens"`) // of a usage; an underscore is rare, and so found fast
	claudeQuery = []byte(`Count"`)   // of "searchCount"; a capital letter is, too
)

func (c *claude) line(line []byte) bool {
	if !bytes.Contains(line, claudeMark) && !bytes.Contains(line, claudeQuery) {
		return true
	}
	c.reset(line)
	c.s.object(c.top)
	if c.s.bad {
		return false
	}
	if c.searches > 0 && c.w.ours(c.cwd) {
		c.w.notes.Searches += int(c.searches)
	}
	if !c.used || len(c.kind) > 0 && string(c.kind) != "assistant" || string(c.model) == "<synthetic>" || !c.w.ours(c.cwd) {
		return true
	}
	c.put()
	return true
}

func (c *claude) reset(line []byte) {
	c.s = scanner{data: line}
	c.kind, c.session, c.request, c.cwd, c.branch, c.id, c.model, c.uuid = nil, nil, nil, nil, nil, nil, nil, nil
	c.stamp, c.side, c.fast, c.reported, c.used, c.searches = scanner{}, false, false, 0, false, 0
}

// put makes the call. A gateway may give all messages one id: then the request's
// own, or the session and the time, tell them apart.
func (c *claude) put() {
	w := c.w
	call := Call{Source: "claude", Time: c.stamp.moment(), Usage: c.usage, Reported: c.reported, Fast: c.fast, Branch: w.name(c.branch)}
	call.Usage.Model = w.name(c.model)
	if c.side {
		call.Task = Subagent
	}
	var key []byte
	switch {
	case len(c.id) == 0:
		key = w.spell("claude", c.session, c.uuid, c.request)
	case len(c.request) > 0:
		key = w.spell("claude", c.id, c.request)
	default:
		key = w.spell("claude", c.id, c.session, call.Time.AppendFormat(nil, "2006-01-02T15:04:05.000Z"))
	}
	w.put(key, call)
}

func (c *claude) visitTop(key []byte) {
	s := &c.s
	switch string(key) {
	case "type":
		c.kind = s.bytes()
	case "timestamp":
		s.space()
		c.stamp = scanner{data: s.data, i: s.i}
		s.skip()
	case "sessionId":
		c.session = s.bytes()
	case "requestId":
		c.request = s.bytes()
	case "uuid":
		c.uuid = s.bytes()
	case "cwd":
		c.cwd = s.bytes()
	case "gitBranch":
		c.branch = s.bytes()
	case "isSidechain":
		c.side = s.flag()
	case "costUSD":
		c.reported, _ = s.usd()
	case "message":
		c.id, c.model, c.used = nil, nil, false
		s.object(c.message)
	case "toolUseResult":
		s.object(c.result)
	default:
		s.skip()
	}
}

func (c *claude) visitMessage(key []byte) {
	s := &c.s
	switch string(key) {
	case "id":
		c.id = s.bytes()
	case "model":
		c.model = s.bytes()
	case "usage":
		c.used, c.writes, c.usage, c.fast = s.space() == '{', 0, costs.Usage{}, false
		s.object(c.use)
		c.usage.CacheWrite += max(0, c.writes-c.usage.CacheWrite-c.usage.CacheWrite1h)
	default:
		s.skip()
	}
}

func (c *claude) visitUsage(key []byte) {
	s := &c.s
	switch string(key) {
	case "input_tokens":
		c.usage.Input = s.count()
	case "output_tokens":
		c.usage.Output = s.count()
	case "cache_read_input_tokens":
		c.usage.CacheRead = s.count()
	case "cache_creation_input_tokens":
		c.writes = s.count()
	case "cache_creation":
		c.usage.CacheWrite, c.usage.CacheWrite1h = 0, 0
		s.object(c.creation)
	case "server_tool_use":
		c.usage.WebSearches = 0
		s.object(c.tools)
	case "speed":
		c.fast = string(s.bytes()) == "fast"
	default:
		s.skip()
	}
}

func (c *claude) visitCreation(key []byte) {
	switch string(key) {
	case "ephemeral_5m_input_tokens":
		c.usage.CacheWrite = c.s.count()
	case "ephemeral_1h_input_tokens":
		c.usage.CacheWrite1h = c.s.count()
	default:
		c.s.skip()
	}
}

func (c *claude) visitTools(key []byte) {
	if string(key) == "web_search_requests" {
		c.usage.WebSearches = c.s.count()
		return
	}
	c.s.skip()
}

func (c *claude) visitResult(key []byte) {
	if string(key) == "searchCount" {
		c.searches = c.s.count()
		return
	}
	c.s.skip()
}
