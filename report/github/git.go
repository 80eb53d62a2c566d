package github

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"
)

// GitDoor is where a git on this machine reaches a repository, without knowing
// the token: it is added on the way.
type GitDoor struct {
	URL   string // a secret too, as long as the door is open
	close func() error
}

// Close shuts the door.
func (d *GitDoor) Close() error { return d.close() }

// OpenGit opens a door to a repository on loopback. It lets through git's smart
// HTTP and nothing else, to the server of that name and to nowhere else.
func OpenGit(server Server, repository string) (*GitDoor, error) {
	if !isRepository(repository) || server.Token == "" {
		return nil, fmt.Errorf("repository %.200q: want owner/name, and a token", repository)
	}
	web, err := address("GITHUB_SERVER_URL", server.Web, "https://github.com")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a port for git: %w", err)
	}
	prefix := "/" + rand.Text() + "/" + repository + ".git"
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { server.rewrite(r, web, prefix) },
		ModifyResponse: staysHere,
		Transport: &http.Transport{
			Proxy: server.Proxy, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute,
			DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, ForceAttemptHTTP2: true,
		},
		ErrorLog: log.New(io.Discard, "", 0), // git says what went wrong
	}
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, ErrorLog: proxy.ErrorLog, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if rest, ok := strings.CutPrefix(r.URL.Path, prefix); !ok || !isGit(r, rest) {
				http.NotFound(w, r)
				return
			}
			proxy.ServeHTTP(w, r)
		})}
	go func() { _ = srv.Serve(listener) }()
	return &GitDoor{URL: "http://" + listener.Addr().String() + prefix, close: srv.Close}, nil
}

// isGit says whether a request is one of the four of git's protocol.
func isGit(r *http.Request, rest string) bool {
	service := r.URL.Query().Get("service")
	switch r.Method + " " + rest {
	case "GET /info/refs":
		return service == "git-upload-pack" || service == "git-receive-pack"
	case "POST /git-upload-pack", "POST /git-receive-pack":
		return true
	}
	return false
}

// passed are the headers of git's that the server needs.
var passed = []string{"Accept", "Accept-Encoding", "Content-Type", "Content-Encoding", "Git-Protocol"}

func (s Server) rewrite(r *httputil.ProxyRequest, web *url.URL, prefix string) {
	in := r.In
	target := *web
	repository := prefix[strings.IndexByte(prefix[1:], '/')+1:]
	target.Path = strings.TrimSuffix(web.Path, "/") + repository + strings.TrimPrefix(in.URL.Path, prefix)
	target.RawQuery = in.URL.RawQuery
	r.Out.URL, r.Out.Host = &target, target.Host
	r.Out.Header = make(http.Header)
	for _, h := range passed {
		if v := in.Header.Get(h); v != "" {
			r.Out.Header.Set(h, v)
		}
	}
	r.Out.Header.Set("User-Agent", "git/wf-ci-"+s.Version) // servers look for the word git
	r.Out.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("x-access-token:"+s.Token)))
}

// staysHere follows nothing that leads elsewhere.
func staysHere(res *http.Response) error {
	if res.StatusCode/100 == 3 {
		return errors.New("moved")
	}
	return nil
}

// GitFailure says in words what a server's refusal of a push to a branch means.
func GitFailure(what, branch, said string) *Failure {
	f := &Failure{What: what, Why: short(said)}
	lower := strings.ToLower(said)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(lower, p) })
	}
	switch {
	case has("gh006", "gh013", "protected branch", "repository rule violations"):
		f.Denied = true
		f.Why = "a rule of the repository keeps the push out, and the workflow's own token cannot be let past it: " +
			"take " + branch + " out of the rule, or give the step the token of an app that may bypass it"
	case has("returned error: 403", "permission to", "write access to repository not granted", "returned error: 401", "authentication failed",
		"returned error: 404", "repository not found", "not found"):
		f.Denied, f.Need = true, needContents
		f.Why = "the token may not push"
	}
	return f
}
