package logs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/wf-ci/wf-ci/costs/logs"
)

// first is the first call of a result.
func first(res *logs.Result) logs.Call { return slices.Collect(res.Calls.All())[0] }

// write makes files below a new directory.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	return dir
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, im logs.Import) *logs.Result {
	t.Helper()
	res, err := im.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// told is what a test compares of a call.
func told(c logs.Call) string {
	u := c.Usage
	text := fmt.Sprintf("%s %s in=%d out=%d read=%d write=%d 1h=%d", c.Time.Format("15:04:05"), u.Model, u.Input, u.Output, u.CacheRead, u.CacheWrite, u.CacheWrite1h)
	for _, f := range []struct {
		name string
		on   bool
	}{
		{fmt.Sprintf(" search=%d", u.WebSearches), u.WebSearches > 0},
		{" usd=" + c.Reported.String(), c.Reported > 0},
		{" fast", c.Fast},
		{" guessed", c.Guessed},
		{" branch=" + c.Branch, c.Branch != ""},
		{" commit=" + c.Commit, c.Commit != ""},
		{" task=" + c.Task, c.Task != ""},
	} {
		if f.on {
			text += f.name
		}
	}
	return text
}

// claude is a line of Claude Code.
func claude(id, request, at, usage, more string) string {
	return fmt.Sprintf(`{"type":"assistant","uuid":"u","sessionId":"s1","requestId":%q,"timestamp":"2026-11-01T%sZ","cwd":"/home/app","gitBranch":"feature/x",%s"message":{"id":%q,"model":"claude-sonnet-4-5","usage":{%s}}}`+"\n",
		request, at, more, id, usage)
}

func codexCount(at string, in, cached, out, total int) string {
	return fmt.Sprintf(`{"timestamp":"2026-11-01T%sZ","type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":%d,"cached_input_tokens":%d,"output_tokens":%d,"reasoning_output_tokens":3,"total_tokens":%d}}}}`+"\n",
		at, in, cached, out, total)
}

func codexMeta(id, parent string) string {
	if parent != "" {
		parent = `"forked_from_id":"` + parent + `",`
	}
	return fmt.Sprintf(`{"timestamp":"2026-11-01T09:00:00Z","type":"session_meta","payload":{"id":%q,%s"cwd":"/home/app","git":{"branch":"feature/y","commit_hash":"abc"}}}`+"\n", id, parent)
}

func codexTurn(id string) string {
	return fmt.Sprintf(`{"timestamp":"2026-11-01T09:00:01Z","type":"turn_context","payload":{"turn_id":%q,"model":"gpt-5.1-codex","cwd":"/home/app"}}`+"\n", id)
}

func zst(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReaders(t *testing.T) {
	const home = "projects/-home-app/"
	fixture := func(name string) string {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	replay := codexMeta("child", "parent") + codexTurn("t1") + codexCount("12:00:00", 100, 40, 10, 110) + codexCount("12:00:00", 300, 140, 20, 320)
	tests := map[string]struct {
		files map[string]string
		want  []string
		notes logs.Notes
		since string
	}{
		"claude: snapshots of one call": {
			files: map[string]string{home + "a.jsonl": claude("m1", "r1", "10:00:00", `"input_tokens":3,"output_tokens":1`, "") + claude("m1", "r1", "10:00:04", `"input_tokens":3,"output_tokens":50`, "") + claude("m1", "r1", "10:00:05", `"input_tokens":3,"output_tokens":50`, "")},
			want:  []string{"10:00:00 claude-sonnet-4-5 in=3 out=50 read=0 write=0 1h=0 branch=feature/x"},
		},
		"claude: resumed under another session": {
			files: map[string]string{home + "a.jsonl": claude("m1", "r1", "10:00:00", `"output_tokens":7`, ""), home + "b.jsonl": strings.ReplaceAll(claude("m1", "r1", "10:00:00", `"output_tokens":7`, ""), `"s1"`, `"s2"`)},
			want:  []string{"10:00:00 claude-sonnet-4-5 in=0 out=7 read=0 write=0 1h=0 branch=feature/x"},
		},
		"claude: cache of two kinds, searches, fast": {
			files: map[string]string{home + "a.jsonl": claude("m1", "r1", "10:00:00", `"input_tokens":1,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"cache_read_input_tokens":5,"output_tokens":2,"server_tool_use":{"web_search_requests":10},"speed":"fast"`, "")},
			want:  []string{"10:00:00 claude-sonnet-4-5 in=1 out=2 read=5 write=10 1h=20 search=10 fast branch=feature/x"},
		},
		"claude: a null id elsewhere, spaces, numbers as strings": {
			files: map[string]string{home + "a.jsonl": claude("m1", "r1", "10:00:00", `"output_tokens":1000`, `"toolInput":{"id":null},`) +
				strings.Replace(claude("m2", "r2", "10:00:01", `"output_tokens" : "9"`, ""), `"usage":`, `"usage" : `, 1)},
			want: []string{"10:00:00 claude-sonnet-4-5 in=0 out=1000 read=0 write=0 1h=0 branch=feature/x", "10:00:01 claude-sonnet-4-5 in=0 out=9 read=0 write=0 1h=0 branch=feature/x"},
		},
		"claude: a subagent, and its replay of the parent's call": {
			files: map[string]string{
				home + "s1.jsonl": claude("m1", "r1", "10:00:00", `"output_tokens":5`, ""),
				home + "s1/subagents/agent-1.jsonl": claude("m1", "r9", "10:00:05", `"output_tokens":5`, `"isSidechain":true,`) +
					claude("m2", "r2", "10:00:06", `"output_tokens":6`, `"isSidechain":true,`),
			},
			want: []string{"10:00:00 claude-sonnet-4-5 in=0 out=5 read=0 write=0 1h=0 branch=feature/x", "10:00:06 claude-sonnet-4-5 in=0 out=6 read=0 write=0 1h=0 branch=feature/x task=subagent"},
		},
		"claude: a gateway that gives all messages one id": {
			files: map[string]string{home + "a.jsonl": strings.ReplaceAll(claude("m1", "", "10:00:00", `"output_tokens":5`, "")+claude("m1", "", "10:00:07", `"output_tokens":6`, ""), `"requestId":"",`, "")},
			want:  []string{"10:00:00 claude-sonnet-4-5 in=0 out=5 read=0 write=0 1h=0 branch=feature/x", "10:00:07 claude-sonnet-4-5 in=0 out=6 read=0 write=0 1h=0 branch=feature/x"},
		},
		"claude: notices, other projects, amounts, usage of tools": {
			files: map[string]string{home + "a.jsonl": strings.Replace(claude("m1", "r1", "10:00:00", `"output_tokens":5`, ""), "claude-sonnet-4-5", "<synthetic>", 1) +
				strings.Replace(claude("m2", "r2", "10:00:00", `"output_tokens":5`, ""), "/home/app", "/home/other", 1) +
				claude("m3", "r3", "10:00:00", `"output_tokens":5`, `"costUSD":0.0125,`) +
				`{"type":"user","timestamp":"2026-11-01T10:00:00Z","cwd":"/home/app","toolUseResult":{"searchCount":4,"usage":{"output_tokens":77}}}` + "\n"},
			want:  []string{"10:00:00 claude-sonnet-4-5 in=0 out=5 read=0 write=0 1h=0 usd=0.0125 branch=feature/x"},
			notes: logs.Notes{Searches: 4},
		},
		"claude: what cannot be read is counted": {
			files: map[string]string{home + "a.jsonl": "not json\n\x00\x00\x00\n" + claude("m0", "r0", "10:00:00", `"output_tokens":-5`, "") + `{"type":"assistant","message":{"usage":{"output_tokens":1` + "}\n" +
				claude("m1", "r1", "10:00:00", `"output_tokens":5`, "") + `{"pad":"` + strings.Repeat("x", 17<<20) + "\"}\n" + claude("m2", "r2", "10:00:01", `"output_tokens":6`, "") +
				claude("m3", "r3", "10:00:02", `"output_tokens":7`, "")[:90]},
			want:  []string{"10:00:00 claude-sonnet-4-5 in=0 out=5 read=0 write=0 1h=0 branch=feature/x", "10:00:01 claude-sonnet-4-5 in=0 out=6 read=0 write=0 1h=0 branch=feature/x"},
			notes: logs.Notes{Malformed: 4, Huge: 1, Torn: 1},
		},
		"claude: the last line is whole without its end": {
			files: map[string]string{home + "a.jsonl": strings.TrimSpace(claude("m1", "r1", "10:00:00", `"output_tokens":5`, ""))},
			want:  []string{"10:00:00 claude-sonnet-4-5 in=0 out=5 read=0 write=0 1h=0 branch=feature/x"},
		},
		"since": {
			files: map[string]string{home + "a.jsonl": claude("m1", "r1", "10:00:00", `"output_tokens":5`, "") + claude("m2", "r2", "11:00:00", `"output_tokens":6`, "")},
			since: "2026-11-01T10:30:00Z",
			want:  []string{"11:00:00 claude-sonnet-4-5 in=0 out=6 read=0 write=0 1h=0 branch=feature/x"},
		},
		"codex: sums, what is written again, null": {
			files: map[string]string{"sessions/2026/11/01/rollout-1-parent.jsonl": codexMeta("parent", "") + codexTurn("t1") + codexCount("10:00:00", 100, 40, 10, 110) + codexCount("10:00:01", 100, 40, 10, 110) +
				`{"timestamp":"2026-11-01T10:00:02Z","type":"event_msg","payload":{"type":"token_count","info":null}}` + "\n" + codexCount("10:00:03", 300, 140, 20, 320)},
			want: []string{"10:00:00 gpt-5.1-codex in=60 out=10 read=40 write=0 1h=0 branch=feature/y commit=abc", "10:00:03 gpt-5.1-codex in=100 out=10 read=100 write=0 1h=0 branch=feature/y commit=abc"},
		},
		"codex: compressed, beside its plain copy": {
			files: map[string]string{"sessions/rollout-2-a.jsonl.zst": zst(t, codexMeta("a", "")+codexTurn("t5")+codexCount("10:00:00", 5, 0, 1, 6)), "archived_sessions/rollout-3-b.jsonl": codexMeta("b", "") + codexCount("11:00:00", 7, 0, 1, 8),
				"archived_sessions/rollout-3-b.jsonl.zst": "broken"},
			want:  []string{"10:00:00 gpt-5.1-codex in=5 out=1 read=0 write=0 1h=0 branch=feature/y commit=abc", "11:00:00 gpt-5 in=7 out=1 read=0 write=0 1h=0 guessed branch=feature/y commit=abc"},
			notes: logs.Notes{Guessed: 1},
		},
		"codex: a fork, with its parent": {
			files: map[string]string{
				"sessions/rollout-1-parent.jsonl": codexMeta("parent", "") + codexTurn("t1") + codexCount("10:00:00", 100, 40, 10, 110) + codexCount("10:00:03", 300, 140, 20, 320),
				"sessions/rollout-2-child.jsonl":  strings.ReplaceAll(replay, `"t1"`, `""`) + codexTurn("t2") + codexCount("12:00:09", 400, 200, 30, 430),
			},
			want: []string{"10:00:00 gpt-5.1-codex in=60 out=10 read=40 write=0 1h=0 branch=feature/y commit=abc", "10:00:03 gpt-5.1-codex in=100 out=10 read=100 write=0 1h=0 branch=feature/y commit=abc",
				"12:00:09 gpt-5.1-codex in=40 out=10 read=60 write=0 1h=0 branch=feature/y commit=abc"},
		},
		"codex: two forks whose parent is gone": {
			files: map[string]string{"sessions/rollout-2-child.jsonl": replay, "sessions/rollout-3-other.jsonl": strings.ReplaceAll(replay, `"child"`, `"other"`)},
			want:  []string{"12:00:00 gpt-5.1-codex in=100 out=10 read=100 write=0 1h=0 branch=feature/y commit=abc", "12:00:00 gpt-5.1-codex in=60 out=10 read=40 write=0 1h=0 branch=feature/y commit=abc"},
			notes: logs.Notes{MissingParents: 2},
		},
		"gemini: a document, lines, a checkpoint, a rewind": {
			files: map[string]string{
				"hash/chats/session-1.json":  `{"sessionId":"s","projectHash":"hash","messages":[{"id":"a","type":"user"},{"id":"b","timestamp":"2026-11-01T10:00:00.5Z","type":"gemini","model":"gemini-2.5-pro","tokens":{"input":100,"output":10,"cached":40,"thoughts":5,"tool":2,"total":117}}]}`,
				"hash/chats/session-2.jsonl": `{"sessionId":"s2","projectHash":"hash"}` + "\n" + `{"id":"c","timestamp":"2026-11-01T11:00:00Z","type":"gemini","model":"gemini-2.5-flash"}` + "\n" + `{"$rewindTo":"c"}` + "\n" + `{"$set":{"messages":[{"id":"c","timestamp":"2026-11-01T11:00:00Z","type":"gemini","model":"gemini-2.5-flash","tokens":{"input":9,"output":1}}]}}` + "\n",
				"else/chats/session-3.json":  `{"messages":[{"id":"d","timestamp":"2026-11-01T10:00:00Z","type":"gemini","model":"m","tokens":{"input":1}}]}`,
			},
			want: []string{"10:00:00 gemini-2.5-pro in=62 out=15 read=40 write=0 1h=0", "11:00:00 gemini-2.5-flash in=9 out=1 read=0 write=0 1h=0"},
		},
		"qwen: thoughts beside the answer, and in it": {
			files: map[string]string{"projects/p/chats/q.jsonl": `{"uuid":"a","timestamp":"2026-11-01T10:00:00Z","type":"assistant","cwd":"/home/app","gitBranch":"b","model":"qwen3-coder","usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":10,"cachedContentTokenCount":30,"thoughtsTokenCount":5,"totalTokenCount":115}}` + "\n" +
				`{"uuid":"b","timestamp":"2026-11-01T10:00:01Z","type":"assistant","cwd":"/home/app","model":"qwen3-coder","usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":10,"thoughtsTokenCount":5,"totalTokenCount":110}}` + "\n"},
			want: []string{"10:00:00 qwen3-coder in=70 out=15 read=30 write=0 1h=0 branch=b", "10:00:01 qwen3-coder in=100 out=10 read=0 write=0 1h=0"},
		},
		"opencode: messages as files": {
			files: map[string]string{"storage/message/ses/msg_1.json": `{"id":"msg_1","role":"assistant","modelID":"claude-sonnet-4-5","cost":0.5,"time":{"created":1793527200000},"path":{"cwd":"/home/app"},"tokens":{"input":1,"output":2,"reasoning":3,"cache":{"read":4,"write":5}}}`, "storage/message/ses/msg_2.json": `{"role":"assis`},
			want:  []string{"10:00:00 claude-sonnet-4-5 in=1 out=5 read=4 write=5 1h=0 usd=0.50"},
			notes: logs.Notes{Malformed: 1},
		},
		"opencode: a file that is no database": {
			files: map[string]string{"opencode.db": "SQLite format 3\x00 and then not"},
			notes: logs.Notes{Unreadable: 1},
		},
		"amp: the ledger goes before the messages": {
			files: map[string]string{"threads/T-1.json": `{"id":"T-1","env":{"initial":{"trees":[{"uri":"file:///home/app"}]}},"usageLedger":{"events":[{"id":"e","timestamp":"2026-11-01T10:00:00Z","model":"claude-sonnet-4-5","toMessageId":2,"tokens":{"input":1,"output":2}}]},"messages":[{"role":"assistant","messageId":2,"usage":{"inputTokens":9,"cacheReadInputTokens":4,"cacheCreationInputTokens":3}}]}`,
				"threads/T-2.json": `{"id":"T-2","env":{"initial":{"trees":[{"uri":"file:///home/app"}]}},"messages":[{"role":"assistant","messageId":1,"usage":{"model":"m","timestamp":"2026-11-01T11:00:00Z","inputTokens":9,"outputTokens":1}}]}`},
			want: []string{"10:00:00 claude-sonnet-4-5 in=1 out=2 read=4 write=3 1h=0", "11:00:00 m in=9 out=1 read=0 write=0 1h=0"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			since, _ := time.Parse(time.RFC3339, tt.since)
			res := read(t, logs.Import{
				Places: []logs.Place{{Dir: write(t, tt.files)}}, Since: since, Workers: 2,
				Inside: func(dir string) bool { return dir == "/home/app" || dir == "hash" },
			})
			var got []string
			for c := range res.Calls.All() {
				got = append(got, told(c))
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.notes, res.Notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("copilot", func(t *testing.T) {
		line := `{"type":"span","name":"chat gpt-5","traceId":"t","spanId":"s","endTime":[1793527200,5],"attributes":{"gen_ai.operation.name":"chat","gen_ai.response.id":"r","gen_ai.request.model":"gpt-5","gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":7,"gen_ai.usage.cache_read.input_tokens":60}}` + "\n" +
			`{"type":"span","name":"invoke_agent","spanId":"s2","endTime":[1793527200,5],"attributes":{"gen_ai.operation.name":"invoke_agent","gen_ai.usage.input_tokens":100}}` + "\n"
		res := read(t, logs.Import{Places: []logs.Place{{Dir: write(t, map[string]string{"otel/a.jsonl": line})}}})
		if res.Calls.Len() != 1 || told(first(res)) != "10:00:00 gpt-5 in=40 out=7 read=60 write=0 1h=0" {
			t.Errorf("got %v", slices.Collect(res.Calls.All()))
		}
	})
	t.Run("opencode database", func(t *testing.T) {
		dir := write(t, map[string]string{"opencode.db": fixture("opencode.db"), "opencode.db-wal": fixture("opencode.db-wal")})
		res := read(t, logs.Import{Places: []logs.Place{{Dir: dir, Source: "opencode"}}})
		input, reported := int64(0), 0
		for c := range res.Calls.All() {
			input += c.Usage.Input
			if c.Reported > 0 {
				reported++
			}
		}
		// The odd ones to 199, 201 from the log, and 1001 in the place of 1.
		if res.Calls.Len() != 101 || input != 10000-1+1001+201 || reported != 1 || res.Notes != (logs.Notes{}) {
			t.Errorf("%d calls, input %d, %d reported, %+v", res.Calls.Len(), input, reported, res.Notes)
		}
	})
}

// Whatever was read before, in whatever order: each call counts once, and what
// a log tells in the end is what counts.
func TestImportsAddUpInAnyOrder(t *testing.T) {
	files := map[string]string{
		"p/a.jsonl":              claude("m1", "r1", "10:00:00", `"output_tokens":1`, "") + claude("m1", "r1", "10:00:01", `"output_tokens":9`, "") + claude("m2", "r2", "10:00:02", `"output_tokens":20`, ""),
		"p/b.jsonl":              claude("m1", "r1", "10:00:01", `"output_tokens":9`, "") + claude("m3", "r3", "10:01:00", `"output_tokens":300`, "") + "torn\n",
		"rollout-1-parent.jsonl": codexMeta("parent", "") + codexTurn("t1") + codexCount("10:00:00", 100, 40, 1000, 110) + codexCount("10:00:03", 300, 140, 3000, 320),
		"rollout-2-child.jsonl":  codexMeta("child", "parent") + codexTurn("t1") + codexCount("12:00:00", 100, 40, 1000, 110) + codexTurn("t2") + codexCount("12:00:05", 400, 140, 8000, 420),
	}
	const want = 9 + 20 + 300 + 3000 + 7000
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		var before *logs.State
		known := make(map[string]int64)
		for round := 0; ; round++ {
			all := true
			for _, name := range []string{"p/a.jsonl", "p/b.jsonl", "rollout-1-parent.jsonl", "rollout-2-child.jsonl"} {
				text := files[name]
				n := len(text)
				// The child is written when the parent is.
				if round < 4 {
					n = random.IntN(len(text) + 1)
					if name == "rollout-2-child.jsonl" {
						n = 0
					}
				}
				path := filepath.Join(dir, filepath.FromSlash(name))
				if info, err := os.Stat(path); err == nil && int(info.Size()) > n {
					n = int(info.Size()) // logs grow
				}
				all = all && n == len(text)
				put(t, path, text[:n])
			}
			res := read(t, logs.Import{Places: []logs.Place{{Dir: dir}}, Before: before, Workers: 1 + random.IntN(3)})
			for c := range res.Calls.All() {
				known[c.Key] = max(known[c.Key], c.Usage.Output)
			}
			before = logs.DecodeState(res.State.Encode())
			if random.IntN(4) == 0 {
				before = nil // lost
			}
			if all && round >= 4 {
				break
			}
		}
		var got int64
		for _, n := range known {
			got += n
		}
		if got != want {
			t.Fatalf("seed %d: %d, want %d: %v", seed, got, want, known)
		}
	}
}

func TestUnchangedLogsAreNotReadAgain(t *testing.T) {
	dir := write(t, map[string]string{"a.jsonl": "bad\n" + claude("m1", "r1", "10:00:00", `"output_tokens":1`, "")})
	first := read(t, logs.Import{Places: []logs.Place{{Dir: dir}}})
	again := read(t, logs.Import{Places: []logs.Place{{Dir: dir}}, Before: logs.DecodeState(first.State.Encode())})
	if first.Changed != 1 || again.Changed != 0 || again.Logs != 1 || again.Calls.Len() != 0 || again.Notes != first.Notes {
		t.Errorf("first %+v, again %+v", first, again)
	}
	// What was added is read alone; another log under the name is read whole.
	f, err := os.OpenFile(filepath.Join(dir, "a.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(claude("m2", "r2", "10:00:09", `"output_tokens":1`, "")); err != nil {
		t.Fatal(err)
	}
	f.Close()
	more := read(t, logs.Import{Places: []logs.Place{{Dir: dir}}, Before: again.State})
	if more.Calls.Len() != 1 || more.Notes.Malformed != 1 {
		t.Errorf("more: %+v", more)
	}
	put(t, filepath.Join(dir, "a.jsonl"), strings.Repeat(claude("m7", "r7", "10:00:00", `"output_tokens":1`, ""), 3)+claude("m8", "r8", "10:00:00", `"output_tokens":1`, ""))
	other := read(t, logs.Import{Places: []logs.Place{{Dir: dir}}, Before: more.State})
	if other.Calls.Len() != 2 || other.Notes.Malformed != 0 {
		t.Errorf("other: %+v", other)
	}
}

func TestStateThatIsCutIsNone(t *testing.T) {
	dir := write(t, map[string]string{"a\nb \".jsonl": claude("m1", "r1", "10:00:00", `"output_tokens":1`, "")})
	res := read(t, logs.Import{Places: []logs.Place{{Dir: dir}}})
	res.State.Scope, res.State.Ledger, res.State.Roots = "x \"y\"", []string{"entries/a"}, []string{"/w\n"}
	data := res.State.Encode()
	for n := range len(data) {
		if s := logs.DecodeState(data[:n]); s.Len() != 0 || s.Scope != "" {
			t.Fatalf("cut at %d: %+v", n, s)
		}
	}
	s := logs.DecodeState(data)
	if s.Len() != 1 || s.Scope != res.State.Scope || !slices.Equal(s.Roots, res.State.Roots) || !bytes.Equal(s.Encode(), data) {
		t.Errorf("got %+v", s)
	}
}

func TestPlaces(t *testing.T) {
	env := map[string]string{"HOME": "/h", "CLAUDE_CONFIG_DIR": "/c1, /c2/projects", "CODEX_HOME": "/x", "XDG_DATA_HOME": "/d"}
	var got []string
	for _, p := range logs.Places(func(k string) string { return env[k] }, "") {
		got = append(got, p.Source+" "+filepath.ToSlash(p.Dir))
	}
	want := []string{"claude /c1", "claude /c2", "codex /x", "gemini /h/.gemini/tmp", "opencode /d/opencode", "copilot /h/.copilot/otel", "amp /d/amp", "qwen /h/.qwen"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := logs.Places(func(string) string { return "" }, ""); len(got) != 0 {
		t.Errorf("without a home: %v", got)
	}
}

// The scanner reads what is JSON as encoding/json does.
func FuzzClaudeAgainstEncodingJSON(f *testing.F) {
	f.Add([]byte(strings.TrimSpace(claude("m1", "r1", "10:00:00", `"input_tokens":3,"output_tokens":"17","cache_creation":{"ephemeral_1h_input_tokens":4}`, `"x":[1,{"a":"\"}"},"\\"],`))))
	f.Add([]byte(`{"timestamp":"2026-11-01T10:00:00Z","message":{"id":"\u00e4\ud83d\ude00\n","model":"m","usage":{"output_tokens":1e3}}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var doc map[string]any
		if bytes.ContainsAny(line, "\n\r") || !json.Valid(line) || json.Unmarshal(line, &doc) != nil || doc == nil || twice(line) {
			t.Skip()
		}
		message, _ := doc["message"].(map[string]any)
		usage, _ := message["usage"].(map[string]any)
		output, ok := usage["output_tokens"].(float64)
		if !ok || output < 1 || output > 1<<40 || output != float64(int64(output)) || bytes.Contains(line, []byte(`\u`)) {
			t.Skip()
		}
		at, err := time.Parse(time.RFC3339, fmt.Sprint(doc["timestamp"]))
		if kind, ok := doc["type"].(string); err != nil || at.IsZero() || ok && kind != "assistant" && kind != "" || message["model"] == "<synthetic>" {
			t.Skip()
		}
		res := read(t, logs.Import{Places: []logs.Place{{Dir: write(t, map[string]string{"a.jsonl": string(line)}), Source: "claude"}}})
		if res.Calls.Len() != 1 {
			if res.Notes.Torn == 1 && len(usage) > 1 {
				t.Skip() // another count is none
			}
			t.Fatalf("%q: %d calls, %+v", line, res.Calls.Len(), res.Notes)
		}
		c := first(res)
		model, _ := message["model"].(string)
		if c.Usage.Output != int64(output) || !c.Time.Equal(at) || len(model) < 200 && strings.IndexFunc(model, func(r rune) bool { return r < ' ' || r >= 0x7f }) < 0 && c.Usage.Model != model {
			t.Errorf("%q: got %s", line, told(c))
		}
	})
}

// twice says whether a name stands twice in a text: then readers may differ.
func twice(line []byte) bool {
	for _, name := range []string{"message", "usage", "output_tokens", "timestamp", "type", "model"} {
		if bytes.Count(line, []byte(`"`+name+`"`)) > 1 {
			return true
		}
	}
	return false
}

// No log makes a reader panic, or tell a call twice.
func FuzzReaders(f *testing.F) {
	names := []string{"a.jsonl", "rollout-1.jsonl", "rollout-1.jsonl.zst", "chats/session-1.json", "chats/session-1.jsonl", "msg_1.json", "opencode.db", "T-1.json", "q.jsonl", "c.jsonl"}
	sources := []string{"claude", "codex", "codex", "gemini", "gemini", "opencode", "opencode", "amp", "qwen", "copilot"}
	f.Add(uint8(0), []byte(claude("m1", "r1", "10:00:00", `"output_tokens":1`, "")))
	f.Add(uint8(1), []byte(codexMeta("a", "b")+codexTurn("t")+codexCount("10:00:00", 1, 2, 3, 4)))
	f.Add(uint8(2), []byte(zst(f, codexMeta("a", "")+codexCount("10:00:00", 1, 2, 3, 4))))
	f.Add(uint8(3), []byte(`{"messages":[{"id":"b","timestamp":"2026-11-01T10:00:00.5Z","type":"gemini","model":"m","tokens":{"input":100}}]}`))
	f.Add(uint8(4), []byte(`{"$set":{"messages":[{"$set":{"messages":[{}]}}]}}`))
	f.Add(uint8(7), []byte(`{"id":"T","messages":[{"role":"assistant","usage":{"inputTokens":1,"timestamp":1793527200}}]}`))
	if db, err := os.ReadFile(filepath.Join("testdata", "opencode.db")); err == nil {
		f.Add(uint8(6), db[:4096])
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		if len(data) > 8<<10 {
			t.Skip()
		}
		n := int(which) % len(names)
		dir := write(t, map[string]string{names[n]: string(data)})
		res := read(t, logs.Import{Places: []logs.Place{{Dir: dir, Source: sources[n]}}})
		seen := make(map[string]bool)
		for c := range res.Calls.All() {
			if seen[c.Key] || c.Time.IsZero() || c.Usage.Input < 0 || c.Usage.Output < 0 || c.Usage.CacheWrite < 0 {
				t.Errorf("call %+v", c)
			}
			seen[c.Key] = true
		}
	})
}

func TestExpiring(t *testing.T) {
	home := write(t, map[string]string{
		".claude/projects/-home-my-app/old.jsonl": claude("m1", "r1", "10:00:00", `"output_tokens":1`, ""),
		".claude/projects/-home-my-app/new.jsonl": "{}",
		".claude/projects/-home-other/old.jsonl":  "{}",
	})
	now := time.Now()
	for _, name := range []string{"-home-my-app", "-home-other"} {
		if err := os.Chtimes(filepath.Join(home, ".claude/projects", name, "old.jsonl"), now, now.AddDate(0, 0, -25)); err != nil {
			t.Fatal(err)
		}
	}
	getenv := func(k string) string { return map[string]string{"HOME": home}[k] }
	roots := []string{"/home/my.app"}
	if n, days := logs.Expiring(getenv, logs.DecodeState(nil), roots, now); n != 1 || days != 30 {
		t.Errorf("%d logs, %d days", n, days)
	}
	res := read(t, logs.Import{Places: logs.Places(getenv, "claude")})
	if n, _ := logs.Expiring(getenv, res.State, roots, now); n != 0 {
		t.Errorf("%d of them although they were read", n)
	}
	put(t, filepath.Join(home, ".claude", "settings.json"), `{"model":"x","cleanupPeriodDays":365}`)
	if n, _ := logs.Expiring(getenv, logs.DecodeState(nil), roots, now); n != 0 {
		t.Errorf("%d of them although they stay for a year", n)
	}
}
