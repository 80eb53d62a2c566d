// Package githubtest is GitHub as far as wf-ci speaks to it: a server on
// loopback with a state, for tests. Every request and every answer is held
// against GitHub's own OpenAPI description; the limits which that does not hold
// are coded by hand, each with where it is from.
package githubtest

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Config is how the fake GitHub is set up. The zero value has a token that may
// do nothing but read.
type Config struct {
	Enterprise bool   // GitHub Enterprise Server: the API below /api/v3
	TLS        bool   // https, with a certificate of its own authority: see Server.CA
	Repository string // owner/name; empty: "o/r"
	Token      string // empty: "the-token"
	Login      string // whose token it is; empty: "github-actions[bot]"

	// Write are the permissions that the token has: "checks", "statuses",
	// "pull-requests", "security-events", "contents", "actions".
	Write []string

	Commits []string     // ids that the repository has; none: any id is one
	Pulls   map[int]Pull // pull requests, by number
	Rules   []any        // what GET rules/branches/{branch} answers
	Branch  any          // what GET branches/{branch} answers; nil: 404

	Private   bool     // its jobs are seen with the permission "actions" only
	RunJobs   []RunJob // of any workflow run
	Members   []string // "organisation/team login": who is in a team
	Protected []string // refs that take changes through a pull request only
	Signed    []string // refs that take signed commits only

	NoCodeScanning bool     // a private repository without Code Security
	PendingPolls   int      // how often an upload is not processed yet
	SARIFErrors    []string // what the processing of an upload comes to

	// Fault may answer instead of the server; n counts requests from 1. False:
	// it does not.
	Fault func(w http.ResponseWriter, r *http.Request, n int) bool
}

// Pull is a pull request.
type Pull struct {
	Head     string // commit
	HeadRepo string // owner/name
	Branch   string // of the head; empty: "feature"
	State    string // OPEN, CLOSED, MERGED; empty: OPEN
	Draft    bool
	Files    []string
	Reviews  []Review
}

// Review is somebody's word on a pull request.
type Review struct{ Login, State, Commit, At string }

// Server is the fake. Its lists may be read after the program under test ended.
type Server struct {
	URL string // for GITHUB_API_URL
	CA  string // file for SSL_CERT_FILE, with TLS
	Config

	git        *git
	mu         sync.Mutex
	Checks     []*Check
	Comments   []*Comment
	Statuses   []Status
	Uploads    []*Upload
	Requests   []string // "POST /repos/o/r/check-runs", with the query
	Problems   []string // what GitHub's description or limits do not allow
	operations []operation
	base       string
	body       []byte // of the request at hand
}

// New starts a server that ends with the test, and fails it at its end where
// something was wrong.
func New(t testing.TB, c Config) *Server {
	t.Helper()
	operations, err := loadOperations()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Config: c, operations: operations}
	for _, d := range []struct {
		field *string
		value string
	}{{&s.Repository, "o/r"}, {&s.Token, "the-token"}, {&s.Login, "github-actions[bot]"}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if c.Enterprise {
		s.base = "/api/v3"
	}
	s.git = newGit(t, s.Config)
	server := httptest.NewUnstartedServer(s)
	if server.Config.ErrorLog = log.New(io.Discard, "", 0); c.TLS {
		server.StartTLS()
		s.CA = filepath.Join(t.TempDir(), "ca.pem")
		data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		if err := os.WriteFile(s.CA, data, 0o600); err != nil {
			t.Fatal(err)
		}
	} else {
		server.Start()
	}
	s.URL = server.URL + s.base
	t.Cleanup(func() {
		server.Close()
		for _, p := range s.Problems {
			t.Errorf("GitHub would not take this: %s", p)
		}
	})
	return s
}

// Web is for GITHUB_SERVER_URL.
func (s *Server) Web() string { return strings.TrimSuffix(s.URL, s.base) }

// GraphQL is for GITHUB_GRAPHQL_URL.
func (s *Server) GraphQL() string {
	return strings.TrimSuffix(strings.TrimSuffix(s.URL, s.base), "/") + map[bool]string{true: "/api/graphql", false: "/graphql"}[s.Enterprise]
}

// request is one call, read and checked.
type request struct {
	values map[string]string // of the path
	query  url.Values
	body   []byte
}

func (r request) number(name string) int { n, _ := strconv.Atoi(r.values[name]); return n }

// answer is what a handler gives back.
type answer struct {
	status int
	body   any
	header map[string]string
}

// refusal is GitHub's form of an error.
func refusal(status int, format string, args ...any) answer {
	return answer{status: status, body: map[string]any{
		"message": fmt.Sprintf(format, args...), "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status),
	}}
}

var denied = refusal(403, "Resource not accessible by integration")

func (s *Server) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}

func (s *Server) may(permission string) bool { return slices.Contains(s.Write, permission) }

// ServeHTTP answers one request at a time.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/"+s.Repository+".git/"); ok {
		s.serveGit(w, r, "/"+rest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Requests = append(s.Requests, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), s.base))
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.problem("%s %s: %v", r.Method, r.URL, err)
	}
	s.body = body
	if bytes.Contains(body, []byte(s.Token)) || strings.Contains(r.URL.String(), s.Token) {
		s.problem("%s %s: the token is in the address or the body", r.Method, r.URL)
	}
	if s.Fault != nil && s.Fault(w, r, len(s.Requests)) {
		return
	}
	a, op := s.route(r, body)
	data, err := json.Marshal(a.body)
	if err != nil {
		s.problem("%v", err)
	}
	if a.body == nil {
		data = nil
	}
	if op != nil {
		if err := op.checkResponse(a.status, data); err != nil {
			s.problem("the fake's own answer to %s %s: %v", r.Method, r.URL.Path, err)
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-RateLimit-Limit", "1000")
	h.Set("X-RateLimit-Remaining", "990")
	h.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10))
	for k, v := range a.header {
		h.Set(k, v)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(data)
}

func (s *Server) route(r *http.Request, body []byte) (answer, *operation) {
	if got := r.Header.Get("Authorization"); got != "Bearer "+s.Token {
		return refusal(401, "Bad credentials"), nil
	}
	if r.Header.Get("User-Agent") == "" {
		return refusal(403, "Request forbidden by administrative rules"), nil
	}
	if strings.HasSuffix(r.URL.Path, "/graphql") {
		return s.graphql(r, body), nil
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), s.base)
	if !ok {
		return refusal(404, "Not Found"), nil
	}
	if v := r.Header.Get("X-GitHub-Api-Version"); v != "2022-11-28" {
		s.problem("%s: the API's version is not pinned: %q", path, v)
	}
	var segments []string
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return refusal(400, "Bad Request"), nil
		}
		segments = append(segments, plain)
	}
	op, values, ok := find(s.operations, r.Method, segments)
	if !ok {
		s.problem("there is no operation %s %s", r.Method, path)
		return refusal(404, "Not Found"), nil
	}
	if err := op.checkRequest(values, r.URL.Query(), body); err != nil {
		s.problem("%s %s: %v", r.Method, path, err)
		return refusal(422, "Invalid request. %v", err), nil
	}
	if op.path[0] == "orgs" {
		return s.membership(request{values, r.URL.Query(), body}), &op
	}
	if values["owner"]+"/"+values["repo"] != s.Repository {
		return refusal(404, "Not Found"), &op
	}
	return s.handle(r.Method+" /"+strings.Join(op.path[3:], "/"), request{values, r.URL.Query(), body}), &op
}

func (s *Server) handle(name string, r request) answer {
	handlers := map[string]func(request) answer{
		"POST /check-runs":                                          s.createCheck,
		"PATCH /check-runs/{check_run_id}":                          s.updateCheck,
		"GET /check-runs/{check_run_id}":                            s.getCheck,
		"GET /commits/{ref}/check-runs":                             s.listChecks,
		"POST /code-scanning/sarifs":                                s.upload,
		"GET /code-scanning/sarifs/{sarif_id}":                      s.getUpload,
		"GET /issues/{issue_number}/comments":                       s.listComments,
		"POST /issues/{issue_number}/comments":                      s.createComment,
		"PATCH /issues/comments/{comment_id}":                       s.updateComment,
		"DELETE /issues/comments/{comment_id}":                      s.deleteComment,
		"POST /statuses/{sha}":                                      s.createStatus,
		"GET /pulls/{pull_number}":                                  s.getPull,
		"GET /pulls/{pull_number}/reviews":                          s.listReviews,
		"GET /pulls/{pull_number}/files":                            s.listFiles,
		"GET /rules/branches/{branch}":                              s.rules,
		"GET /branches/{branch}":                                    s.branch,
		"POST /git/commits":                                         s.createCommit,
		"POST /git/refs":                                            s.createRef,
		"PATCH /git/refs/{ref}":                                     s.updateRef,
		"GET /actions/runs/{run_id}/attempts/{attempt_number}/jobs": s.listJobs,
	}
	if h := handlers[name]; h != nil {
		return h(r)
	}
	s.problem("the fake has no %s", name)
	return refusal(404, "Not Found")
}

// graphql knows two questions. Its schema is not in the description.
func (s *Server) graphql(r *http.Request, body []byte) answer {
	var q struct {
		Query     string
		Variables map[string]string
	}
	err := json.Unmarshal(body, &q)
	question := strings.Join(strings.Fields(q.Query), " ")
	switch {
	case err != nil || r.Method != http.MethodPost:
	case question == "query { viewer { login } }":
		return answer{status: 200, body: map[string]any{"data": map[string]any{"viewer": map[string]any{"login": s.Login}}}}
	case strings.Contains(question, "pullRequests("):
		return s.pullsOfBranches(question, q.Variables)
	}
	s.problem("graphql: %s %q (%v)", r.Method, body, err)
	return refusal(400, "Problems parsing JSON")
}

// page is the part of a list that a request asks for.
func page[T any](r request, list []T) []T {
	size, number := 30, 1
	if n, err := strconv.Atoi(r.query.Get("per_page")); err == nil {
		size = min(max(n, 1), 100)
	}
	if n, err := strconv.Atoi(r.query.Get("page")); err == nil {
		number = max(n, 1)
	}
	from := min((number-1)*size, len(list))
	return list[from:min(from+size, len(list))]
}

// pages is the Link header of a list.
func (s *Server) pages(r request, path string, total int) map[string]string {
	size, number := 30, 1
	if n, err := strconv.Atoi(r.query.Get("per_page")); err == nil {
		size = min(max(n, 1), 100)
	}
	if n, err := strconv.Atoi(r.query.Get("page")); err == nil {
		number = max(n, 1)
	}
	if number*size >= total {
		return nil
	}
	q := r.query
	q.Set("page", strconv.Itoa(number+1))
	return map[string]string{"Link": fmt.Sprintf("<%s%s?%s>; rel=\"next\"", s.URL, path, q.Encode())}
}

// Discard carries a request out and throws the answer away: a server that fails
// after the work was done. For [Config.Fault].
func (s *Server) Discard(r *http.Request) {
	s.route(r, s.body)
}

// Body is what the request at hand holds. For [Config.Fault].
func (s *Server) Body() string { return string(s.body) }

// Snapshot is the check runs so far, while the program under test still runs.
func (s *Server) Snapshot() []Check {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Check
	for _, c := range s.Checks {
		out = append(out, *c)
	}
	return out
}
