package github

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

// How long GitHub asks to wait, in all its ways of saying so, and in none.
func TestLimits(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	reset := strconv.FormatInt(now.Add(90*time.Second).Unix(), 10)
	for _, tt := range []struct {
		status int
		header map[string]string
		body   string
		want   time.Duration // zero: it is no limit
	}{
		{403, map[string]string{"Retry-After": "7"}, "", 7 * time.Second},
		{429, map[string]string{"Retry-After": now.Add(8 * time.Second).Format(http.TimeFormat)}, "", 8 * time.Second},
		{429, map[string]string{"Retry-After": "99999999999999999999"}, "", 60 * time.Second}, // no number, and no date
		{429, map[string]string{"Retry-After": "9999999"}, "", 24 * time.Hour},
		{429, map[string]string{"Retry-After": "-1"}, "", 60 * time.Second},
		{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}, "", 91 * time.Second},
		{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, "", 0},
		{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, "", time.Second},
		{403, map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": reset}, "", 0},
		{429, nil, "", time.Minute},
		{403, nil, `{"message":"You have exceeded a secondary rate limit"}`, time.Minute},
		{403, nil, `{"message":"Resource not accessible by integration"}`, 0},
	} {
		res := &http.Response{StatusCode: tt.status, Header: make(http.Header), Body: http.NoBody}
		if tt.body != "" {
			res.Body = readCloser{strings.NewReader(tt.body)}
		}
		for k, v := range tt.header {
			res.Header.Set(k, v)
		}
		tr := &transport{now: func() time.Time { return now }}
		wait, why := tr.verdict(res, nil, 1)
		if wait.Round(time.Second) != tt.want || (why != "") != (tt.want > 0) {
			t.Errorf("%+v: %s, %q", tt, wait, why)
		}
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// An answer that does not end is given up, by its size and by the time.
func TestEndlessAnswer(t *testing.T) {
	for name, pause := range map[string]time.Duration{"larger than 16 MB": 0, "in time": 50 * time.Millisecond} {
		s := fake(t, githubtest.Config{})
		s.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			piece := []byte(strings.Repeat("[", 64<<10))
			for r.Context().Err() == nil {
				if _, err := w.Write(piece); err != nil {
					break
				}
				time.Sleep(pause)
			}
			return true
		}
		session, err := newSession(server(s), "o/r")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), map[bool]time.Duration{true: time.Second, false: time.Minute}[pause > 0])
		start := time.Now()
		_, _, err = session.rest.PullRequests.Get(ctx, "o", "r", 7)
		cancel()
		if err == nil || !strings.Contains(plain(err), name) || time.Since(start) > 40*time.Second {
			t.Errorf("%s: %v after %s", name, fmt.Sprint(err), time.Since(start))
		}
	}
}
