package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// cmdFlags is a service of feature flags of the script's own:
//
//	flags start N   start it, with a flag at N %, and name it in the environment
//	flags at N      the flag is at N %
func cmdFlags() func(*testscript.TestScript, bool, []string) {
	var mu sync.Mutex
	flags := make(map[*testscript.TestScript]*atomic.Int64)
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 || args[0] != "start" && args[0] != "at" {
			ts.Fatalf("usage: flags start N; flags at N")
		}
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		mu.Lock()
		defer mu.Unlock()
		if args[0] == "at" {
			if got := flags[ts].Load(); got != n {
				ts.Fatalf("the flag is at %d %%, want %d", got, n)
			}
			return
		}
		at := new(atomic.Int64)
		at.Store(n)
		flags[ts] = at
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var body struct {
				Percent *int64 `json:"rollout_percentage"`
			}
			switch {
			case r.Header.Get("Authorization") != "Bearer "+plantedPassword():
				w.WriteHeader(http.StatusUnauthorized)
				return
			case r.Method == http.MethodPut && json.NewDecoder(r.Body).Decode(&body) == nil && body.Percent != nil:
				at.Store(*body.Percent)
			case r.Method != http.MethodGet:
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			fmt.Fprintf(w, `{"rollout_percentage": %d}`, at.Load())
		}))
		ts.Defer(server.Close)
		ts.Setenv("WF_CI_FLAG_URL", server.URL+"/"+plantedPassword()+"/{flag}")
		ts.Setenv("WF_CI_FLAG_TOKEN", plantedPassword())
	}
}

// A flag by its commands: looked at, turned off, taken back, moved in steps; the
// address and the token are never on the screen or in the journal.
func TestRollbackFlag(t *testing.T) {
	var percent, errors atomic.Int64
	percent.Store(30)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/metrics":
			fmt.Fprintf(w, `{"error_rate": 0.0%d, "error_rate_baseline": 0.02}`, errors.Load())
			return
		case r.Header.Get("Authorization") != "Bearer "+planted():
			w.WriteHeader(http.StatusUnauthorized)
			return
		case r.Method == http.MethodPatch:
			var body map[string]int64
			data, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(data, &body); err != nil {
				t.Error(err)
			}
			percent.Store(body["percent"])
		}
		fmt.Fprintf(w, `{"percent": %d}`, percent.Load())
	}))
	defer server.Close()
	repo := gittest.New(t)
	repo.Write("a", "a\n")
	repo.Commit("base")
	env := map[string]string{"FLAGS": server.URL + "/" + plantedPassword() + "/{flag}", "TOKEN": planted(), "METRICS": server.URL + "/metrics?key=" + plantedPassword(), "HOME": t.TempDir()}
	run := func(status int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		environ := os.Environ()
		for k, v := range env {
			environ = append(environ, k+"="+v)
		}
		got := program(context.Background(), environment{args: args, dir: repo.Dir, environ: environ, getenv: func(k string) string { return env[k] },
			stdin: strings.NewReader(""), stdout: &out, stderr: &out, now: time.Now})
		if text := out.String(); got != status || strings.Contains(text, planted()) || strings.Contains(text, plantedPassword()) || strings.Contains(text, "127.0.0.1") {
			t.Fatalf("%q: status %d, want %d\n%s", args, got, status, text)
		}
		return out.String()
	}
	flag := func(more ...string) []string {
		return append([]string{"rollback", "flag", "checkout", "--url-env", "FLAGS", "--token-env", "TOKEN", "--method", "PATCH", "--field", "percent"}, more...)
	}
	has := func(text, want string) {
		t.Helper()
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	at := func(want int64) {
		t.Helper()
		if got := percent.Load(); got != want {
			t.Errorf("it is at %d %%, want %d", got, want)
		}
	}

	has(run(exitUsage, "rollback", "flag", "checkout"), "WF_CI_FLAG_URL is not set")
	has(run(exitUsage, flag("--gradual")...), "somebody who watches")
	run(exitUsage, flag("--to", "50")...)
	run(exitUsage, flag("--gradual", "--to", "101", "--metrics-url-env", "METRICS")...)
	run(exitUsage, flag("--gradual", "--metrics-url-env", "NOTHING")...)
	has(run(exitPass, flag()...), "feature flag checkout is at 30 %; it would be turned off\nnothing was done")
	has(run(exitPass, flag("--yes", "--reason", "it broke")...), "feature flag checkout is at 0 %; it was at 30 %\nwf-ci undo ")
	at(0)
	has(run(exitPass, "undo", "--list"), "done    feature flag checkout: 30 % -> 0 % (it broke)")
	has(run(exitPass, "undo"), "feature flag checkout is at 30 % again")
	at(30)
	entries, err := filepath.Glob(filepath.Join(repo.Dir, ".git", "wf-ci", "journal", "*.json"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("got %v, %v", entries, err)
	}
	entry, err := os.ReadFile(entries[0])
	if err != nil || strings.Contains(string(entry), planted()) || strings.Contains(string(entry), plantedPassword()) {
		t.Errorf("%v\n%s", err, entry)
	}
	has(string(entry), `"url_env": "FLAGS"`)

	steps := flag("--gradual", "--every", "1ms", "--metrics-url-env", "METRICS", "--yes")
	errors.Store(3)
	text := run(exitPass, append(steps, "--to", "50")...)
	has(text, "the flag is at 30 %; the error rate is 0.03, and at most 0.04")
	has(text, "feature flag checkout is at 50 %; it was at 30 %")
	at(50)
	errors.Store(5)
	text = run(exitFail, append(steps, "--to", "100")...)
	has(text, "stopped: feature flag checkout is at 0 %; it was at 50 %, and was to go to 100 %")
	has(text, "the error rate is 0.05, above 0.04")
	at(0)

	percent.Store(20)
	steps = flag("--gradual", "--every", "1ms", "--yes", "--json", "--metrics-command")
	var out struct {
		State    string
		From, At int
		ID       string
	}
	text = run(exitPass, append(steps, "echo 0.01")...)
	if err := json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &out); err != nil || out.State != "done" || out.From != 20 || out.At != 0 || out.ID == "" {
		t.Errorf("got %+v, %v", out, err)
	}
	percent.Store(20)
	has(run(exitUsage, append(steps, "echo 0")...), "--max-error-rate")
	at(20)

	env["TOKEN"] = "another"
	has(run(exitInconclusive, flag("--yes")...), "the service refuses the token (401)")
	at(20)
}
