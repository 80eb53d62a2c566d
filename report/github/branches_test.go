package github

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

// All branches in one request; a fork's branch of the same name is another one.
func TestBranchPulls(t *testing.T) {
	odd := "feature/a\"b} {$b0"
	for _, enterprise := range []bool{false, true} {
		s := fake(t, githubtest.Config{Enterprise: enterprise, Pulls: map[int]githubtest.Pull{
			1: {Head: head, HeadRepo: "o/r", Branch: "feature/a", State: "CLOSED"},
			2: {Head: head, HeadRepo: "o/r", Branch: "feature/b", State: "MERGED"},
			3: {Head: head, HeadRepo: "O/R", Branch: "feature/a"},
			4: {Head: head, HeadRepo: "else/r", Branch: "feature/b"},
			5: {Head: head, Branch: "feature/c"}, // of a fork that is gone
			6: {Head: head, HeadRepo: "o/r", Branch: odd, Draft: true},
			7: {Head: head, HeadRepo: "o/r", Branch: "feature/a", State: "MERGED"},
		}})
		got, err := BranchPulls(context.Background(), server(s), "o/r", "o/r", []string{"feature/a", "feature/b", "feature/c", odd, "none"})
		want := map[string]BranchPull{"feature/a": {3, "open", head}, "feature/b": {2, "merged", head}, odd: {6, "draft", head}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		if len(s.Requests) != 1 {
			t.Errorf("requests: %q", s.Requests)
		}
	}
}

func TestBranchPullsInHundreds(t *testing.T) {
	s := fake(t, githubtest.Config{Pulls: map[int]githubtest.Pull{1: {Head: head, HeadRepo: "o/r", Branch: "b204"}}})
	var names []string
	for i := range 205 {
		names = append(names, fmt.Sprintf("b%d", i))
	}
	got, err := BranchPulls(context.Background(), server(s), "o/r", "o/r", names)
	if err != nil || len(got) != 1 || got["b204"].Number != 1 || len(s.Requests) != 3 {
		t.Errorf("%+v, %v, %q", got, err, s.Requests)
	}
}

// What cannot be known is an error in plain words, in little time.
func TestBranchPullsUnknown(t *testing.T) {
	say := func(status int, body string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	for name, tt := range map[string]struct {
		fault func(http.ResponseWriter, *http.Request, int) bool
		home  string
		want  string
	}{
		"another repository": {nil, "o/other", "Could not resolve"},
		"no token":           {say(401, `{"message":"Bad credentials"}`), "o/r", "not valid"},
		"not json":           {say(200, `<html>`), "o/r", "is no API"},
		"nothing":            {say(200, `{}`), "o/r", "does not see"},
		"an error":           {say(200, `{"data":{"repository":{"p0":{"nodes":[]}}},"errors":[{"message":"Something\nwent wrong"}]}`), "o/r", "Something went wrong"},
		"silence": {func(_ http.ResponseWriter, r *http.Request, _ int) bool {
			<-r.Context().Done()
			return true
		}, "o/r", "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake(t, githubtest.Config{Fault: tt.fault})
			start := time.Now()
			got, err := BranchPulls(context.Background(), server(s), tt.home, tt.home, []string{"a"})
			if err == nil || got != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "the-token") {
				t.Errorf("%v, %v; want %q", got, err, tt.want)
			}
			if took := time.Since(start); took > 2*branchBudget {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestRepositoryOf(t *testing.T) {
	for _, tt := range []struct{ web, remote, want string }{
		{"", "https://github.com/o/r.git", "o/r"},
		{"", "https://x:secret@GitHub.com/o/r", "o/r"},
		{"", "git@github.com:o/r.git", "o/r"},
		{"", "ssh://git@github.com:22/o/r.git/", "o/r"},
		{"", "ssh://git@ssh.github.com:443/o/r.git", "o/r"},
		{"", "https://gitlab.com/o/r.git", ""},
		{"", "https://github.com.evil.example/o/r", ""},
		{"", "git@evil.example:github.com/o/r", ""},
		{"", "/srv/github.com/o/r", ""},
		{"", "file:///github.com/o/r", ""},
		{"", "https://github.com/o/r/tree/main", ""},
		{"", "https://github.com/o/..", ""},
		{"", "", ""},
		{"https://git.example:8443", "https://git.example/o/r", "o/r"},
		{"https://git.example", "https://github.com/o/r", ""},
		{"http://127.0.0.1:9", "http://127.0.0.1:9/o/r.git", "o/r"},
	} {
		if got := (Server{Web: tt.web}).RepositoryOf(tt.remote); got != tt.want {
			t.Errorf("%q on %q: %q, want %q", tt.remote, tt.web, got, tt.want)
		}
	}
}
