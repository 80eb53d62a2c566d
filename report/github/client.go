// Package github tells GitHub what a run found: a check run with annotations,
// code scanning, a comment on the pull request, a commit status. It is the only
// package that imports go-github.
//
// Nothing that GitHub answers turns a verdict: a [Reporter] gives back what it
// could not write and why, in plain words. What is asked of GitHub is bounded in
// number, in time and in size, and the token is in no error.
//
// What GitHub does is taken from its OpenAPI description and its documentation;
// the fake in githubtest holds every request of ours against both.
package github

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	gh "github.com/google/go-github/v60/github"
)

// Server is a GitHub and how to speak to it.
type Server struct {
	API     string // GITHUB_API_URL; empty: https://api.github.com
	GraphQL string // GITHUB_GRAPHQL_URL; empty: https://api.github.com/graphql
	Web     string // GITHUB_SERVER_URL; empty: https://github.com
	Token   string // Required.
	Version string // of wf-ci, for the User-Agent

	// Proxy is where requests go through; nil: nowhere.
	Proxy func(*http.Request) (*url.URL, error)
	Now   func() time.Time // Required.

	sleep func(context.Context, time.Duration) error // for tests; nil: really
}

// session is one conversation with GitHub about one repository.
//
// It is never put into an interface, nor is any type that names it: the linker
// would then have to keep every method of go-github's client, because kong looks
// methods up by name (internal/DESIGN.md). What leaves this package is closures.
type session struct {
	rest        *gh.Client
	transport   *transport
	graphql     string
	owner, repo string
}

// These are no regular expressions, which every start of the program would pay
// for.

// isRepository says whether a text is owner/name and nothing else.
func isRepository(s string) bool {
	owner, name, _ := strings.Cut(s, "/")
	return isWord(owner, "-_") && owner[0] != '-' && isWord(name, "-_.") && name != "." && name != ".."
}

// isWord says whether a text is of letters, digits and these others, up to 100.
func isWord(s, others string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune(others, r) })
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// isCommit says whether a text is a commit's whole id.
func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// newSession checks all that goes into an address: go-github v60 puts names into
// paths as they are.
func newSession(s Server, repository string) (*session, error) {
	owner, repo, _ := strings.Cut(repository, "/")
	if !isRepository(repository) {
		return nil, fmt.Errorf("repository %.200q: want owner/name", repository)
	}
	if s.Token == "" {
		return nil, errors.New("there is no token")
	}
	api, err := address("GITHUB_API_URL", s.API, apiOf(s.Web))
	if err != nil {
		return nil, err
	}
	graphql, err := address("GITHUB_GRAPHQL_URL", s.GraphQL, graphqlOf(api.String()))
	if err != nil {
		return nil, err
	}
	if graphql.Host != api.Host {
		return nil, fmt.Errorf("GITHUB_GRAPHQL_URL is on another host than GITHUB_API_URL")
	}
	t := &transport{to: origin(api), token: s.Token, now: s.Now, sleep: s.sleep, next: &http.Transport{
		Proxy:                  s.Proxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		ForceAttemptHTTP2:      true,
	}}
	if t.sleep == nil {
		t.sleep = sleep
	}
	rest := gh.NewClient(&http.Client{Transport: t, Timeout: 5 * time.Minute})
	api.Path = strings.TrimSuffix(api.Path, "/") + "/"
	rest.BaseURL = api
	rest.UserAgent = "wf-ci/" + s.Version
	return &session{rest: rest, transport: t, graphql: graphql.String(), owner: owner, repo: repo}, nil
}

// address is an address of the environment. The token goes there: not in the
// clear, but to this machine itself.
func address(name, value, standard string) (*url.URL, error) {
	if value == "" {
		value = standard
	}
	u, err := url.Parse(strings.TrimSuffix(value, "/"))
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%s is no address", name)
	case u.User != nil:
		return nil, fmt.Errorf("%s holds credentials", name)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("%s: the token would go there in the clear; want https", name)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// repeat marks what is asked with this context as harmless to ask twice.
func repeat(ctx context.Context) context.Context { return context.WithValue(ctx, repeatable{}, true) }
