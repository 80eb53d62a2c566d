package logs

import (
	"bytes"
	"io"
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// gemini reads Gemini CLI: one document of messages, or a line for each, with
// lines between that set messages anew or take the conversation back. What was
// taken back was paid for: it counts.
//
//	{"id":…,"timestamp":…,"type":"gemini","model":…,"tokens":{"input":…,"output":…,"cached":…,"thoughts":…,"tool":…,"total":…}}
type gemini struct {
	w       *work
	s       scanner
	project []byte // hash of the project's directory

	id, kind, model []byte
	stamp           time.Time
	tokens          geminiTokens
	used            bool
}

type geminiTokens struct{ input, output, cached, thoughts, tool int64 }

func readGeminiLines(w *work, r io.Reader) error {
	g := &gemini{w: w, project: []byte(w.segment("chats"))}
	return w.eachLine(r, func(line []byte) bool {
		g.s = scanner{data: line}
		g.message()
		return !g.s.bad
	})
}

func readGemini(w *work, r io.Reader) error {
	g := &gemini{w: w, project: []byte(w.segment("chats"))}
	return w.document(r, func(s *scanner) {
		g.s = *s
		g.s.object(g.visitDocument)
		*s = g.s
	})
}

func (g *gemini) visitDocument(key []byte) {
	switch string(key) {
	case "messages":
		g.s.array(g.message)
	case "projectHash":
		if hash := g.s.bytes(); len(hash) > 0 {
			g.project = bytes.Clone(hash)
		}
	default:
		g.s.skip()
	}
}

// message reads one record, and those that it sets.
func (g *gemini) message() {
	g.id, g.kind, g.model, g.stamp, g.tokens, g.used = nil, nil, nil, time.Time{}, geminiTokens{}, false
	g.s.object(g.visitMessage)
	if g.s.bad || !g.used || string(g.kind) != "gemini" || !g.w.ours(g.project) {
		return
	}
	t := g.tokens
	cached := min(t.cached, t.input)
	key := g.w.spell("gemini", g.id)
	if len(g.id) == 0 {
		key = g.w.spell("gemini", []byte(g.w.path), g.stamp.AppendFormat(nil, time.RFC3339Nano))
	}
	g.w.put(key, Call{Source: "gemini", Time: g.stamp, Usage: costs.Usage{
		Model: g.w.name(g.model), Input: t.input - cached + t.tool, CacheRead: cached, Output: t.output + t.thoughts,
	}})
}

func (g *gemini) visitMessage(key []byte) {
	s := &g.s
	switch string(key) {
	case "id":
		g.id = s.bytes()
	case "type":
		g.kind = s.bytes()
	case "model":
		g.model = s.bytes()
	case "timestamp":
		g.stamp = s.moment()
	case "tokens":
		g.used = s.space() == '{'
		s.object(g.visitTokens)
	case "$set":
		s.object(g.visitDocument)
		g.used = false
	case "projectHash":
		g.visitDocument(key)
	default:
		s.skip()
	}
}

func (g *gemini) visitTokens(key []byte) {
	s := &g.s
	switch string(key) {
	case "input":
		g.tokens.input = s.count()
	case "output":
		g.tokens.output = s.count()
	case "cached":
		g.tokens.cached = s.count()
	case "thoughts":
		g.tokens.thoughts = s.count()
	case "tool":
		g.tokens.tool = s.count()
	default:
		s.skip()
	}
}

// readQwen reads Qwen Code, which began as Gemini CLI.
//
//	{"uuid":…,"timestamp":…,"type":"assistant","cwd":…,"gitBranch":…,"model":…,
//	 "usageMetadata":{"promptTokenCount":…,"candidatesTokenCount":…,"cachedContentTokenCount":…,"thoughtsTokenCount":…,"totalTokenCount":…}}
func readQwen(w *work, r io.Reader) error {
	return w.eachLine(r, func(line []byte) bool {
		if !bytes.Contains(line, []byte(`"usageMetadata"`)) {
			return true
		}
		s := scanner{data: line}
		var id, session, cwd, branch, model []byte
		var stamp time.Time
		var t qwenTokens
		s.object(func(key []byte) {
			switch string(key) {
			case "uuid":
				id = s.bytes()
			case "sessionId":
				session = s.bytes()
			case "cwd":
				cwd = s.bytes()
			case "gitBranch":
				branch = s.bytes()
			case "model":
				model = s.bytes()
			case "timestamp":
				stamp = s.moment()
			case "usageMetadata":
				t = readQwenTokens(&s)
			default:
				s.skip()
			}
		})
		if s.bad {
			return false
		}
		if !w.ours(cwd) {
			return true
		}
		key := w.spell("qwen", id)
		if len(id) == 0 {
			key = w.spell("qwen", session, stamp.AppendFormat(nil, time.RFC3339Nano))
		}
		w.put(key, Call{Source: "qwen", Time: stamp, Usage: t.usage(w.name(model)), Branch: w.name(branch)})
		return true
	})
}

type qwenTokens struct{ prompt, candidates, cached, thoughts, total int64 }

// usage: the cache's tokens are part of the prompt. Thoughts are part of the
// answer in some versions, and stand beside it in others; the total tells.
func (t qwenTokens) usage(model string) costs.Usage {
	cached := min(t.cached, t.prompt)
	output := t.candidates
	if t.total == 0 || t.prompt+t.candidates+t.thoughts <= t.total {
		output += t.thoughts
	}
	return costs.Usage{Model: model, Input: t.prompt - cached, CacheRead: cached, Output: output}
}

func readQwenTokens(s *scanner) (t qwenTokens) {
	s.object(func(key []byte) {
		switch string(key) {
		case "promptTokenCount":
			t.prompt = s.count()
		case "candidatesTokenCount":
			t.candidates = s.count()
		case "cachedContentTokenCount":
			t.cached = s.count()
		case "thoughtsTokenCount":
			t.thoughts = s.count()
		case "totalTokenCount":
			t.total = s.count()
		default:
			s.skip()
		}
	})
	return t
}
