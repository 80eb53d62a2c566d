package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func read(t testing.TB, log string, o Options) *Report {
	t.Helper()
	o.Now, o.Redact = now, func(s string) string { return strings.ReplaceAll(s, "hunter2-really", "[secret]") }
	r, err := Read(context.Background(), strings.NewReader(log), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCategories(t *testing.T) {
	m := newMachine()
	for line, want := range map[string]string{
		"TypeError: Cannot read property 'map' of undefined":                      "null_reference",
		"TypeError: undefined is not an object, property x":                       "null_reference",
		"AttributeError: 'NoneType' object has no attribute 'x'":                  "null_reference",
		"panic: runtime error: invalid memory address or nil pointer dereference": "null_reference memory",
		"java.lang.NullPointerException":                                          "null_reference",
		"null":                                                                    "",
		"context deadline exceeded":                                               "timeout",
		"java.net.SocketTimeoutException: Read timed out":                         "timeout connection",
		"read_timeout reached":                                                    "timeout",
		"connect ECONNREFUSED 127.0.0.1:5432":                                     "connection",
		"websocket closed":                                                        "connection",
		"HTTP 401 returned":                                                       "auth",
		"status=403":                                                              "auth",
		"permission denied":                                                       "auth",
		"listening on port 14015":                                                 "",
		"took 401 ms":                                                             "",
		"took 401ms":                                                              "",
		"at line 12:401":                                                          "",
		"java.sql.SQLException: no row":                                           "database",
		"violates foreign key constraint":                                         "database",
		"MySQL server has gone away":                                              "database",
		"java.lang.OutOfMemoryError: Java heap space":                             "memory",
		"OOM killer":                                                              "memory",
		"container was OOMKilled":                                                 "memory",
		"the conference room is full":                                             "",
		"a sheaf and a cheap heaped thing":                                        "",
		"the capital of the rapid therapist":                                      "",
		"API says no":                                                             "api",
		"apiError: bad":                                                           "api",
		"GET /api/users 200":                                                      "api",
		`"GET /x HTTP/1.1" 500 12`:                                                "api",
		"processed 500 rows":                                                      "",
		"processed 1500 of 2500":                                                  "",
		"1.500 or 500.25 or 500%":                                                 "",
		"404 Not Found":                                                           "api",
		"reroute the router":                                                      "",
		"no such route":                                                           "api",
		"":                                                                        "",
		"\x00\x00 time\x00out timeout\x00":                                        "timeout",
	} {
		if got := strings.Join(names(m.look([]byte(line))), " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestStamps(t *testing.T) {
	s := stamper{now: now}
	for line, want := range map[string]string{
		"2026-01-02T03:04:05Z x":                           "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.678+01:00 x":                  "2026-01-02T02:04:05.678Z",
		"2026-01-02 03:04:05,678 ERROR x":                  "2026-01-02T03:04:05.678Z",
		"2026-01-02 03:04:05.123 UTC [1] FATAL":            "2026-01-02T03:04:05.123Z",
		"2026-01-02 03:04:05 -0700 x":                      "2026-01-02T10:04:05Z",
		"2026/01/02 03:04:05 http: x":                      "2026-01-02T03:04:05Z",
		"[2026-01-02T03:04:05] x":                          "2026-01-02T03:04:05Z",
		`127.0.0.1 - - [02/Jan/2026:03:04:05 +0100] "GET"`: "2026-01-02T02:04:05Z",
		"[02-Jan-2026 03:04:05 UTC] PHP Fatal error":       "2026-01-02T03:04:05Z",
		"Date: Fri, 02 Jan 2026 03:04:05 +0000":            "2026-01-02T03:04:05Z",
		"Jan  2 03:04:05 host app[1]: x":                   "2026-01-02T03:04:05Z",
		"Dec 31 03:04:05 host app[1]: x":                   "2025-12-31T03:04:05Z",
		"Feb 29 03:04:05 host app[1]: x":                   "2024-02-29T03:04:05Z",
		"[Fri Jan 02 03:04:05.678901 2026] [core:error]":   "2026-01-02T03:04:05Z",
		"Fri Jan  2 03:04:05 2026 x":                       "2026-01-02T03:04:05Z",
		"E0102 03:04:05.678901    1 x.go:3] y":             "2026-01-02T03:04:05.678901Z",
		`{"level":"error","ts":1767323045.5,"msg":"x"}`:    "2026-01-02T03:04:05.5Z",
		`{"time":"2026-01-02T03:04:05.5Z","msg":"x"}`:      "2026-01-02T03:04:05.5Z",
		`{"timestamp": 1767323045678}`:                     "2026-01-02T03:04:05.678Z",
		"1767323045 x":                                     "2026-01-02T03:04:05Z",
		"type=AVC msg=audit(1767323045.5:1): x":            "2026-01-02T03:04:05.5Z",
		"level=error ts=2026-01-02T03:04:05Z":              "2026-01-02T03:04:05Z",
		"2026-02-31T03:04:05Z":                             "",
		"2026-13-01T03:04:05Z":                             "",
		"2026-01-02T25:04:05Z":                             "",
		"order 1767323045":                                 "",
		"v2026-01-02T03:04:05Z":                            "",
		"May":                                              "",
		"":                                                 "",
		"2026-01-02":                                       "",
	} {
		got := ""
		if at, ok := s.find([]byte(line)); ok {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestShapes(t *testing.T) {
	for line, want := range map[string]string{
		"2026-01-02T03:04:05Z ERROR  user 17 not found\r\n":                "# ERROR user # not found",
		`open "a b.txt": no such file`:                                     `open "…": no such file`,
		`{"level":"error","msg":"connection to 10.0.0.1:5432 lost","n":5}`: `{"level":"error","msg":"connection to # lost","n":#}`,
		"request 550e8400-e29b-41d4-a716-446655440000 failed":              "request # failed",
		"can't open 0x7fff at 12.5 ms":                                     "can't open # at # ms",
		strings.Repeat("x", 100):                                           "#",
	} {
		if got := string(shape(nil, []byte(line))); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

const sample = `2026-01-02T03:00:00Z INFO started
2026-01-02T03:00:01Z ERROR request 1 timed out after 30 s
2026-01-02T03:00:02Z ERROR request 2 timed out after 30 s
  at line 5: connection reset
2026-01-02T04:00:00Z ERROR login with password=hunter2-really: authentication failed
`

func TestReport(t *testing.T) {
	r := read(t, sample, Options{})
	for c, n := range map[string]int64{"timeout": 2, "connection": 1, "auth": 1, "database": 0, "memory": 0, "api": 0, "null_reference": 0} {
		if got, ok := r.Categories[c]; !ok || got != n {
			t.Errorf("%s: %d, want %d", c, got, n)
		}
	}
	if r.Lines != 5 || r.Matched != 4 || r.Errors != 3 || r.Stamped != 4 || r.Bytes != int64(len(sample)) || r.Cut != 0 {
		t.Errorf("%+v", r)
	}
	if len(r.Clusters) != 3 || r.Clusters[0].Count != 2 || r.Clusters[0].Pattern != "# ERROR request # timed out after # s" || r.Clusters[0].AtMostOver != 0 {
		t.Errorf("%+v", r.Clusters)
	}
	for _, c := range r.Clusters {
		if strings.Contains(c.Pattern, "really") {
			t.Errorf("a secret: %q", c.Pattern)
		}
	}
	// What has no time of its own belongs to the line before it.
	r = read(t, sample, Options{Since: time.Date(2026, 1, 2, 3, 0, 2, 0, time.UTC), Until: time.Date(2026, 1, 2, 3, 30, 0, 0, time.UTC)})
	if r.Categories["timeout"] != 1 || r.Categories["connection"] != 1 || r.Categories["auth"] != 0 || r.Passed != 3 {
		t.Errorf("%+v", r)
	}
	if text := r.Timeline.Chart(80); text == "" || !strings.Contains(text, "2026-01-02 03:00:02") {
		t.Errorf("chart:\n%s", text)
	}
}

func TestBurstsAndBuckets(t *testing.T) {
	var b strings.Builder
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 2000 { // one a minute, and 500 in one minute
		fmt.Fprintf(&b, "%s timeout\n", start.Add(time.Duration(i)*time.Minute).Format(time.RFC3339))
		for range 500 * btoi(i == 1000) {
			fmt.Fprintf(&b, "%s timeout\n", start.Add(time.Duration(i)*time.Minute).Format(time.RFC3339))
		}
	}
	r := read(t, b.String(), Options{})
	if len(r.Bursts) != 1 || r.Bursts[0].Lines < 500 || r.Bursts[0].From.After(start.Add(1000*time.Minute)) || r.Bursts[0].To.Before(start.Add(1000*time.Minute)) {
		t.Errorf("%+v", r.Bursts)
	}
	if n := len(r.Timeline.Buckets); n > bucketLimit || n < 100 {
		t.Errorf("%d buckets", n)
	}
	var sum int64
	for _, c := range r.Timeline.Buckets {
		sum += c.Lines
	}
	if sum != 2500 {
		t.Errorf("%d lines in the buckets", sum)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A frequent line is found among any number of those that come once.
func TestAFrequentLineStandsOut(t *testing.T) {
	letters := func(i int) string {
		return strings.NewReplacer("0", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7", "h", "8", "i", "9", "j").Replace(fmt.Sprint(i))
	}
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "error %s\n", letters(i))
		if i > 5000 && i%20 == 0 {
			b.WriteString("error: the one that matters\n")
		}
	}
	r := read(t, b.String(), Options{Top: 1})
	c := r.Clusters[0]
	if c.Pattern != "error: the one that matters" || c.Count-c.AtMostOver > 749 || c.Count < 749 {
		t.Errorf("%+v", c)
	}
}

// endless is a line that does not end for a long time, with NUL bytes in it.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	clear(p[:n])
	e.left -= n
	return n, nil
}

func TestOneLongLine(t *testing.T) {
	r, err := Read(context.Background(), io.MultiReader(strings.NewReader("timeout "), &endless{left: 64 << 20}, strings.NewReader("\ntimeout\n")),
		Options{Now: now, Redact: func(s string) string { return s }})
	if err != nil || r.Lines != 2 || r.Cut != 1 || r.Categories["timeout"] != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTheContextEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, &endless{left: 1 << 40}, Options{Now: now}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for line := range strings.Lines(sample) {
		f.Add([]byte(line))
	}
	f.Add([]byte("E0102 03:04:05"))
	f.Add([]byte("x\x00\xff 'a' \"b\": 401\n\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		r, err := Read(context.Background(), bytes.NewReader(log), Options{Now: now, Redact: func(s string) string { return s }})
		if err != nil {
			t.Fatal(err)
		}
		lines := int64(bytes.Count(log, []byte("\n")))
		if len(log) > 0 && log[len(log)-1] != '\n' {
			lines++
		}
		if r.Lines != lines || r.Bytes != int64(len(log)) {
			t.Fatalf("%d lines, %d bytes", r.Lines, r.Bytes)
		}
		_ = r.Timeline.Chart(40)
		if slices.ContainsFunc(r.Clusters, func(c Cluster) bool { return c.Count < 1 }) {
			t.Fatalf("%+v", r.Clusters)
		}
	})
}
