package logs

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// opencode is a message of OpenCode: a row of its database, or a file of its
// own before it had one.
//
//	{"id":…,"role":"assistant","modelID":…,"cost":…,"time":{"created":ms},"path":{"cwd":…},
//	 "tokens":{"input":…,"output":…,"reasoning":…,"cache":{"read":…,"write":…}}}
type opencode struct {
	s                    scanner
	id, role, model, cwd []byte
	stamp                time.Time
	reported             costs.Nano
	usage                costs.Usage
	reasoning            int64
}

// readOpencode reads a message that is a file.
func readOpencode(w *work, r io.Reader) error {
	return w.document(r, func(s *scanner) {
		o := opencode{s: *s}
		o.s.object(o.visit)
		*s = o.s
		o.put(w, o.id)
	})
}

// readOpencodeDB reads the table message of a database.
func readOpencodeDB(w *work, path string) error {
	db, err := openDatabase(path)
	if err != nil {
		return err
	}
	defer db.close()
	return db.rows("message", []string{"id", "data"}, func(row [][]byte) {
		if len(row[0]) == 0 || row[1] == nil {
			w.notes.Malformed++
			return
		}
		o := opencode{s: scanner{data: row[1]}}
		if o.s.space() != '{' {
			o.s.fail()
		}
		o.s.object(o.visit)
		if o.s.bad {
			w.notes.Malformed++
			return
		}
		o.put(w, row[0])
	})
}

func (o *opencode) put(w *work, id []byte) {
	if o.s.bad || string(o.role) != "assistant" || !w.ours(o.cwd) {
		return
	}
	o.usage.Model = w.name(o.model)
	o.usage.Output += o.reasoning
	key := w.spell("opencode", id)
	if len(id) == 0 {
		key = w.spell("opencode", o.cwd, o.stamp.AppendFormat(nil, time.RFC3339Nano))
	}
	w.put(key, Call{Source: "opencode", Time: o.stamp, Usage: o.usage, Reported: o.reported})
}

func (o *opencode) visit(key []byte) {
	s := &o.s
	switch string(key) {
	case "id":
		o.id = s.bytes()
	case "role":
		o.role = s.bytes()
	case "modelID":
		o.model = s.bytes()
	case "cost":
		o.reported, _ = s.usd()
	case "time":
		s.object(func(key []byte) {
			if string(key) == "created" {
				o.stamp = s.moment()
				return
			}
			s.skip()
		})
	case "path":
		s.object(func(key []byte) {
			if string(key) == "cwd" {
				o.cwd = s.bytes()
				return
			}
			s.skip()
		})
	case "tokens":
		s.object(o.visitTokens)
	default:
		s.skip()
	}
}

func (o *opencode) visitTokens(key []byte) {
	s := &o.s
	switch string(key) {
	case "input":
		o.usage.Input = s.count()
	case "output":
		o.usage.Output = s.count()
	case "reasoning":
		o.reasoning = s.count()
	case "cache":
		s.object(func(key []byte) {
			switch string(key) {
			case "read":
				o.usage.CacheRead = s.count()
			case "write":
				o.usage.CacheWrite = s.count()
			default:
				s.skip()
			}
		})
	default:
		s.skip()
	}
}

// readCopilot reads what Copilot CLI exports as OpenTelemetry: of its spans,
// those of one chat request. They do not say where they were made.
//
//	{"type":"span","name":"chat …","traceId":…,"spanId":…,"endTime":[s,ns],"attributes":{"gen_ai.usage.input_tokens":…}}
func readCopilot(w *work, r io.Reader) error {
	return w.eachLine(r, func(line []byte) bool {
		if !bytes.Contains(line, []byte(`"gen_ai.usage.`)) {
			return true
		}
		c := copilot{s: scanner{data: line}}
		c.s.object(c.visit)
		if c.s.bad {
			return false
		}
		chat := string(c.operation) == "chat" || len(c.operation) == 0 && bytes.HasPrefix(c.name, []byte("chat"))
		if !chat || string(c.kind) != "span" && len(c.span) == 0 || !w.ours(nil) {
			return true
		}
		cached := min(c.cached, c.input)
		written := min(c.written, c.input-cached)
		key := w.spell("copilot", c.response)
		if len(c.response) == 0 {
			key = w.spell("copilot", c.trace, c.span)
		}
		w.put(key, Call{Source: "copilot", Time: c.stamp, Usage: costs.Usage{
			Model: w.name(c.model), Input: c.input - cached - written, CacheRead: cached, CacheWrite: written, Output: c.output,
		}})
		return true
	})
}

type copilot struct {
	s                                                        scanner
	kind, name, trace, span, operation, response, model, ask []byte
	stamp                                                    time.Time
	input, output, cached, written                           int64
}

func (c *copilot) visit(key []byte) {
	s := &c.s
	switch string(key) {
	case "type":
		c.kind = s.bytes()
	case "name":
		c.name = s.bytes()
	case "traceId":
		c.trace = s.bytes()
	case "spanId":
		c.span = s.bytes()
	case "endTime":
		c.stamp = c.moment()
	case "startTime":
		if t := c.moment(); c.stamp.IsZero() {
			c.stamp = t
		}
	case "attributes":
		s.object(c.visitAttribute)
		if len(c.model) == 0 {
			c.model = c.ask
		}
	default:
		s.skip()
	}
}

// moment is a time, or one as seconds and billionths of them.
func (c *copilot) moment() time.Time {
	s := &c.s
	if s.space() != '[' {
		return s.moment()
	}
	var parts []int64
	s.array(func() { parts = append(parts, s.count()) })
	if len(parts) != 2 || parts[0] == 0 {
		return time.Time{}
	}
	return time.Unix(parts[0], parts[1]).UTC()
}

func (c *copilot) visitAttribute(key []byte) {
	s := &c.s
	switch string(key) {
	case "gen_ai.operation.name":
		c.operation = s.bytes()
	case "gen_ai.response.id":
		c.response = s.bytes()
	case "gen_ai.response.model":
		c.model = s.bytes()
	case "gen_ai.request.model":
		c.ask = s.bytes()
	case "gen_ai.usage.input_tokens":
		c.input = s.count()
	case "gen_ai.usage.output_tokens":
		c.output = s.count()
	case "gen_ai.usage.cache_read.input_tokens":
		c.cached = s.count()
	case "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens":
		c.written = s.count()
	default:
		s.skip()
	}
}

// readAmp reads a thread of Amp: the events of its ledger where it has one, else
// the usage of its messages.
//
//	{"id":…,"env":{"initial":{"trees":[{"uri":"file:///…"}]}},
//	 "usageLedger":{"events":[{"id":…,"timestamp":…,"model":…,"toMessageId":…,"tokens":{"input":…,"output":…}}]},
//	 "messages":[{"role":"assistant","messageId":…,"usage":{"model":…,"timestamp":…,"inputTokens":…,…}}]}
func readAmp(w *work, r io.Reader) error {
	return w.document(r, func(s *scanner) {
		a := amp{s: *s}
		a.s.object(a.visit)
		*s = a.s
		if s.bad || w.inside != nil && !a.ours(w) {
			return
		}
		a.put(w)
	})
}

type amp struct {
	s        scanner
	thread   []byte
	dirs     [][]byte
	ledger   bool
	events   []ampCall
	messages []ampCall
}

// ampCall is an event of the ledger, or the usage of a message.
type ampCall struct {
	id, model []byte
	message   int64 // its number; the ledger's events name it
	stamp     time.Time
	usage     costs.Usage
	answer    bool
}

func (a *amp) ours(w *work) bool {
	for _, dir := range a.dirs {
		if u, err := url.Parse(string(dir)); err == nil && u.Scheme == "file" {
			dir = []byte(u.Path)
		}
		if w.ours(dir) {
			return true
		}
	}
	return false
}

func (a *amp) put(w *work) {
	list := a.messages
	if a.ledger {
		list = a.events
		for i := range list {
			for _, m := range a.messages {
				if m.message == list[i].message && m.message != 0 {
					list[i].usage.CacheRead, list[i].usage.CacheWrite = m.usage.CacheRead, m.usage.CacheWrite
				}
			}
		}
	}
	for i, c := range list {
		if !a.ledger && !c.answer {
			continue
		}
		id := c.id
		if len(id) == 0 {
			id = fmt.Appendf(nil, "%d", max(c.message, int64(i)))
		}
		c.usage.Model = w.name(c.model)
		w.put(w.spell("amp", a.thread, id), Call{Source: "amp", Time: c.stamp, Usage: c.usage})
	}
}

func (a *amp) visit(key []byte) {
	s := &a.s
	switch string(key) {
	case "id":
		a.thread = s.bytes()
	case "usageLedger":
		s.object(func(key []byte) {
			if string(key) != "events" {
				s.skip()
				return
			}
			a.ledger = s.space() == '['
			s.array(func() { a.events = append(a.events, a.call()) })
		})
	case "messages":
		s.array(func() { a.messages = append(a.messages, a.call()) })
	case "env":
		s.object(func([]byte) { // initial
			s.object(func(key []byte) {
				if string(key) != "trees" {
					s.skip()
					return
				}
				s.array(func() {
					s.object(func(key []byte) {
						if string(key) == "uri" {
							a.dirs = append(a.dirs, s.bytes())
							return
						}
						s.skip()
					})
				})
			})
		})
	default:
		s.skip()
	}
}

func (a *amp) call() (c ampCall) {
	s := &a.s
	s.object(func(key []byte) {
		switch string(key) {
		case "id":
			c.id = s.bytes()
		case "role":
			c.answer = string(s.bytes()) == "assistant"
		case "messageId", "toMessageId":
			c.message = s.count()
		case "tokens", "usage":
			a.usage(&c)
		default:
			a.common(&c, key)
		}
	})
	return c
}

// common reads what stands in an event, in a message, or in its usage.
func (a *amp) common(c *ampCall, key []byte) {
	s := &a.s
	switch string(key) {
	case "model":
		c.model = s.bytes()
	case "timestamp":
		c.stamp = s.moment()
	default:
		s.skip()
	}
}

func (a *amp) usage(c *ampCall) {
	s := &a.s
	s.object(func(key []byte) {
		switch string(key) {
		case "input", "inputTokens":
			c.usage.Input = s.count()
		case "output", "outputTokens":
			c.usage.Output = s.count()
		case "cacheReadInputTokens":
			c.usage.CacheRead = s.count()
		case "cacheCreationInputTokens":
			c.usage.CacheWrite = s.count()
		default:
			a.common(c, key)
		}
	})
}
