package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

const head = "0123456789012345678901234567890123456789"

func server(s *githubtest.Server) Server {
	return Server{API: s.URL, GraphQL: s.GraphQL(), Token: "the-token", Version: "test", Now: time.Now, sleep: quick}
}

// quick is a sleep that takes a hundredth of its time.
func quick(ctx context.Context, d time.Duration) error { return sleep(ctx, d/100) }

func job() Job {
	return Job{
		Repository: "o/r", Head: head, PullRequest: 7, Name: "wf-ci", ID: "run/1/abc", RunID: 10,
		Link: "https://github.example/o/r/actions/runs/10", CheckRun: Auto, Upload: Auto, Comment: CommentAlways,
		Analysis: func(*gates.Verdict) (string, string) { return "refs/pull/7/head", head },
		ReadFile: func(string) ([]byte, error) { return []byte("one\ntwo\nthree\n"), nil },
	}
}

// verdict has n blocking findings, of which the first is the worst.
func verdict(n int) *gates.Verdict {
	v := gates.Judge(gates.Policy{Today: "2026-01-01"}, nil, nil)
	v.Base, v.Head, v.Decision = strings.Repeat("b", 40), head, gates.Pass
	g := gates.GateVerdict{ID: "lint", Status: gates.StatusPass, Required: true, Scope: gates.ScopeAll, Metrics: map[string]float64{}}
	for i := range n {
		v.Decision, g.Status = gates.Fail, gates.StatusFail
		f := gates.Judged{Finding: gates.Finding{Rule: "r", Severity: gates.SeverityWarning, Path: gates.Path(fmt.Sprintf("f%05d.go", i)), Line: 2, Column: 3, Message: "bad"}, New: i%2 == 0}
		if f.Blocking = i == n-1; f.Blocking {
			f.Severity = gates.SeverityError
		}
		g.Findings = append(g.Findings, f)
	}
	v.Reasons = []string{}
	if n > 0 {
		v.Reasons = []string{"lint: 1 finding in 1 file"}
	}
	v.Gates = []gates.GateVerdict{g}
	return &v
}

var all = []string{"checks", "statuses", "pull-requests", "security-events"}

func tell(t *testing.T, s *githubtest.Server, j Job, v *gates.Verdict) (Told, error) {
	t.Helper()
	r, err := NewReporter(server(s), j)
	if err != nil {
		t.Fatal(err)
	}
	r.Begin(context.Background())
	return r.End(context.Background(), v)
}

func fake(t *testing.T, c githubtest.Config) *githubtest.Server {
	if c.Pulls == nil {
		c.Pulls = map[int]githubtest.Pull{7: {Head: head, HeadRepo: "o/r"}}
	}
	c.Commits = append(c.Commits, head)
	return githubtest.New(t, c)
}

func TestEverythingAllowed(t *testing.T) {
	for _, enterprise := range []bool{false, true} {
		s := fake(t, githubtest.Config{Write: all, Enterprise: enterprise, PendingPolls: 1})
		told, err := tell(t, s, job(), verdict(3))
		if err != nil || told != (Told{Annotated: true, Uploaded: true, Commented: true}) {
			t.Fatalf("%+v, %v", told, err)
		}
		c := s.Checks[0]
		if len(s.Checks) != 1 || c.HeadSHA != head || c.Conclusion != "failure" || c.Name != "wf-ci" || len(c.Annotations) != 3 || c.Annotations[0].Path != "f00002.go" {
			t.Errorf("check %+v", c)
		}
		u := s.Uploads[0]
		if u.Ref != "refs/pull/7/head" || u.Commit != head || u.Results() != 3 || u.Polls != 2 || !strings.Contains(string(u.SARIF), `"primaryLocationLineHash":"`) {
			t.Errorf("upload %s %s: %s", u.Ref, u.Commit, u.SARIF)
		}
		body := s.Comments[0].Body
		if !strings.HasPrefix(body, "<!-- wf-ci:verdict:wf-ci run=10 -->\n## ❌ wf-ci: fail") || !strings.Contains(body, "New against the base: 2 findings. There before: 1.") || !strings.Contains(body, "<details") {
			t.Errorf("comment %s", body)
		}
	}
}

// What a person wants to know first stands first.
func TestCommentOrder(t *testing.T) {
	j := job()
	j.Name, j.Cost = "wf-ci / api", func(context.Context) string { return "Cost of this job so far: 0.006 USD (1 minute on linux)." }
	body, err := commentBody(t.Context(), &j, verdict(2))
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, want := range []string{
		"## ❌ wf-ci / api: fail\n", "New against the base: 1 finding. There before: 1.", "- lint: 1 finding in 1 file\n",
		"**What to do:** mend what is listed below, and push again. The same on your machine: `wf-ci local --only lint`\n",
		"| | Gate |", "\nCost of this job so far: 0.006 USD (1 minute on linux).\n", "<details open>", "f00001.go:2:3", "</details>",
		"of the commit `012345678901` · [the whole run](https://github.example/o/r/actions/runs/10)\n",
	} {
		i := strings.Index(body[at:], want)
		if i < 0 {
			t.Fatalf("no %q where it belongs in\n%s", want, body)
		}
		at += i
	}
	undecided := verdict(0)
	undecided.Decision, undecided.Reasons = gates.Inconclusive, []string{"sast: timed out after 10m0s"}
	if body, err = commentBody(t.Context(), &j, undecided); err != nil || !strings.Contains(body, "this is no pass. Take the cause away, and run it again. The same on your machine: `wf-ci local`\n") {
		t.Errorf("%v\n%s", err, body)
	}
}

// 10,000 findings: ten requests hold annotations, the worst one first.
func TestManyFindings(t *testing.T) {
	s := fake(t, githubtest.Config{Write: all})
	if _, err := tell(t, s, job(), verdict(10_000)); err != nil {
		t.Fatal(err)
	}
	c := s.Checks[0]
	if len(c.Annotations) != maxAnnotated || c.Annotations[0].AnnotationLevel != "failure" || !strings.Contains(c.Text, "9500 remarks without an annotation") {
		t.Errorf("%d annotations, first %+v, text %q", len(c.Annotations), c.Annotations[0], c.Text)
	}
	if len(s.Requests) > 20 {
		t.Errorf("%d requests: %q", len(s.Requests), s.Requests)
	}
	if len(s.Comments[0].Body) > maxComment || !strings.Contains(s.Comments[0].Body, "more left out") {
		t.Errorf("a comment of %d bytes", len(s.Comments[0].Body))
	}
}

// A permission that is missing costs its own part, and nothing else.
func TestPermissionMissing(t *testing.T) {
	for _, tt := range []struct {
		write []string
		want  Told
		fails string
	}{
		{nil, Told{}, "the check run,the comment,code scanning"},
		{[]string{"checks"}, Told{Annotated: true}, "the comment,code scanning"},
		{[]string{"statuses"}, Told{Status: true}, "the check run,the comment,code scanning"},
		{[]string{"pull-requests"}, Told{Commented: true}, "the check run,code scanning"},
		{[]string{"security-events"}, Told{Uploaded: true}, "the check run,the comment"},
	} {
		s := fake(t, githubtest.Config{Write: tt.write})
		told, err := tell(t, s, job(), verdict(1))
		var names []string
		for _, f := range Failures(err) {
			names = append(names, f.What)
			if !f.Denied || f.Need == "" || strings.Contains(f.Why, "the-token") {
				t.Errorf("%+v", f)
			}
		}
		if told != tt.want || strings.Join(names, ",") != tt.fails {
			t.Errorf("%v: %+v, failures %q", tt.write, told, names)
		}
		if tt.want.Status && (len(s.Statuses) != 2 || s.Statuses[0].State != "pending" || s.Statuses[1].State != "failure") {
			t.Errorf("statuses %+v", s.Statuses)
		}
	}
}

func TestNoCodeScanning(t *testing.T) {
	s := fake(t, githubtest.Config{Write: all, NoCodeScanning: true})
	_, err := tell(t, s, job(), verdict(1))
	if list := Failures(err); len(list) != 1 || !strings.Contains(list[0].Why, "not switched on") || !list[0].Denied {
		t.Errorf("%v", err)
	}
	s = fake(t, githubtest.Config{Write: all, SARIFErrors: []string{"A delivery cannot contain multiple runs with the same category"}})
	if _, err = tell(t, s, job(), verdict(1)); err == nil || !strings.Contains(err.Error(), "have one category") {
		t.Errorf("%v", err)
	}
}

// The comment is found on any page, changed in place, and never taken from
// another author; a run that is older than what is there keeps quiet.
func TestStickyComment(t *testing.T) {
	s := fake(t, githubtest.Config{Write: all})
	for i := range 250 {
		login := "octocat"
		body := "hello"
		if i == 10 {
			body = marker("wf-ci") + "run=1 -->\nforged"
		}
		s.Comments = append(s.Comments, &githubtest.Comment{ID: int64(i + 1), Number: 7, Login: login, Body: body})
	}
	j := job()
	for i, n := range []int{1, 0} {
		if _, err := tell(t, s, j, verdict(n)); err != nil || len(s.Comments) != 251 {
			t.Fatalf("%d: %d comments, %v", i, len(s.Comments), err)
		}
	}
	if b := s.Comments[250].Body; !strings.Contains(b, "wf-ci: pass") || !strings.HasSuffix(s.Comments[10].Body, "forged") {
		t.Errorf("%s", b)
	}
	old := j
	old.RunID = 9
	if _, err := tell(t, s, old, verdict(1)); err != nil || !strings.Contains(s.Comments[250].Body, "wf-ci: pass") {
		t.Errorf("an old run spoke over a new one: %v", err)
	}
	for i, name := range []string{"wf-ci / api", "wf-ci / go=1", "wf-ci / go+1", "wf-ci / go_1", "wf-ci / go--1", "wf-ci / go__1"} {
		other := j
		other.Name = name
		if _, err := tell(t, s, other, verdict(1)); err != nil || len(s.Comments) != 252+i {
			t.Errorf("%s: %d comments, %v", name, len(s.Comments), err)
		}
	}
}

// Two runs find no comment, and both make one: one stays, with what the later run
// has to say.
func TestOneComment(t *testing.T) {
	for _, tt := range []struct {
		other int64 // run of the comment that is made in between
		want  string
	}{{9, "run=10 "}, {11, "run=11 "}} {
		s := fake(t, githubtest.Config{Write: all})
		s.Fault = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
			if r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/comments") {
				s.Comments = append(s.Comments, &githubtest.Comment{ID: 1, Number: 7, Login: actionsBot, Body: fmt.Sprintf("%srun=%d -->\nfaster", marker("wf-ci"), tt.other)})
			}
			return false
		}
		if told, err := tell(t, s, job(), verdict(1)); err != nil || !told.Commented || len(s.Comments) != 1 || !strings.Contains(s.Comments[0].Body, tt.want) {
			t.Errorf("%+v: %v, %+v", tt, err, s.Comments)
		}
	}
}

func TestCommentOnFailure(t *testing.T) {
	s := fake(t, githubtest.Config{Write: all})
	j := job()
	j.Comment = CommentOnFailure
	for _, step := range []struct{ findings, comments int }{{0, 0}, {1, 1}, {0, 1}} {
		if _, err := tell(t, s, j, verdict(step.findings)); err != nil || len(s.Comments) != step.comments {
			t.Errorf("%+v: %d comments, %v", step, len(s.Comments), err)
		}
	}
	if !strings.Contains(s.Comments[0].Body, "wf-ci: pass") {
		t.Error("the comment stayed red")
	}
}

// What is retried, and what a server that breaks at any request leaves behind:
// one check run with a verdict, one comment.
func TestServerBreaks(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for _, kind := range []string{"before", "after", "429", "secondary"} {
			t.Run(fmt.Sprint(kind, n), func(t *testing.T) {
				t.Parallel()
				s := fake(t, githubtest.Config{Write: all})
				s.Fault = func(w http.ResponseWriter, r *http.Request, request int) bool {
					if request != n {
						return false
					}
					switch kind {
					case "before":
						w.WriteHeader(502)
					case "after":
						s.Discard(r)
						w.WriteHeader(502)
					case "429":
						w.Header().Set("X-RateLimit-Remaining", "0")
						w.Header().Set("X-RateLimit-Reset", fmt.Sprint(time.Now().Unix()))
						w.WriteHeader(429)
					case "secondary":
						w.Header().Set("Retry-After", "1")
						w.WriteHeader(403)
						_, _ = w.Write([]byte(`{"message":"You have exceeded a secondary rate limit."}`))
					}
					return true
				}
				j := job()
				j.Link = ""
				told, err := tell(t, s, j, verdict(60))
				if err != nil || !told.Annotated || !told.Commented || !told.Uploaded {
					t.Fatalf("%+v %v\n%s", told, err, strings.Join(s.Requests, "\n"))
				}
				if len(s.Checks) != 1 || s.Checks[0].Conclusion != "failure" || len(s.Checks[0].Annotations) != 60 || len(s.Comments) != 1 {
					t.Errorf("%d checks, %d annotations, %d comments\n%s", len(s.Checks), len(s.Checks[0].Annotations), len(s.Comments), strings.Join(s.Requests, "\n"))
				}
			})
		}
	}
}

// GitHub is away for good, or for longer than we wait: one reason, soon.
func TestServerAway(t *testing.T) {
	for name, fault := range map[string]func(http.ResponseWriter){
		"answers 503": func(w http.ResponseWriter) { w.WriteHeader(503) },
		"rate limit": func(w http.ResponseWriter) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", fmt.Sprint(time.Now().Add(time.Hour).Unix()))
			w.WriteHeader(403)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake(t, githubtest.Config{Write: all})
			s.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool { fault(w); return true }
			start := time.Now()
			told, err := tell(t, s, job(), verdict(1))
			if told != (Told{Open: true}) || len(Failures(err)) != 3 || !strings.Contains(err.Error(), name) || time.Since(start) > 30*time.Second {
				t.Errorf("%+v, %v after %s", told, err, time.Since(start))
			}
			if len(s.Requests) > 12 {
				t.Errorf("%d requests", len(s.Requests))
			}
		})
	}
}

var cancelled = Ending{"cancelled", "no verdict", "the run was cancelled"}

// Killed before there was a check run: one comes all the same, and no commit
// status, which would stand beside the check run of the next attempt for good.
func TestCloseNothing(t *testing.T) {
	for _, tt := range []struct {
		write            []string
		checks, statuses int
	}{
		{all, 1, 0}, {[]string{"statuses"}, 0, 1}, {nil, 0, 0},
	} {
		s := fake(t, githubtest.Config{Write: tt.write})
		r, err := NewReporter(server(s), job())
		if err == nil {
			err = r.Close(context.Background(), cancelled)
		}
		if err != nil || len(s.Checks) != tt.checks || len(s.Statuses) != tt.statuses || tt.checks == 1 && s.Checks[0].Conclusion != "cancelled" {
			t.Errorf("%+v: %v, %+v, %+v", tt, err, s.Snapshot(), s.Statuses)
		}
	}
}

// A token that has expired, and a proxy that answers for GitHub: said in words, and
// not passed over as a permission that is missing.
func TestWrongAnswers(t *testing.T) {
	for says, fault := range map[string]func(http.ResponseWriter){
		"not valid, or has expired": func(w http.ResponseWriter) {
			w.WriteHeader(401)
			_, _ = w.Write([]byte(`{"message":"Bad credentials"}`))
		},
		"a proxy on the way": func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>Sign in</html>")) },
	} {
		s := fake(t, githubtest.Config{Write: all})
		s.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool { fault(w); return true }
		told, err := tell(t, s, job(), verdict(1))
		if list := Failures(err); len(list) != 3 || list[0].Denied || !strings.Contains(list[0].Why, says) || told != (Told{Open: true}) || len(s.Requests) > 20 {
			t.Errorf("%s: %+v, %v, %d requests", says, told, err, len(s.Requests))
		}
	}
}

// A tool may name a line that no file has.
func TestHugeLine(t *testing.T) {
	s := fake(t, githubtest.Config{Write: all})
	v := verdict(1)
	v.Gates[0].Findings[0].Line = 1 << 62
	if told, err := tell(t, s, job(), v); err != nil || !told.Annotated || s.Checks[0].Annotations[0].StartLine != 1 {
		t.Errorf("%+v, %v", told, err)
	}
}

// GitHub dislikes something in the details: the verdict comes without them.
func TestVerdictWithoutDetails(t *testing.T) {
	for _, all422 := range []bool{false, true} {
		s := fake(t, githubtest.Config{Write: all})
		s.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.Method != "PATCH" || !strings.Contains(r.URL.Path, "check-runs") || !all422 && !strings.Contains(s.Body(), `"annotations"`) {
				return false
			}
			w.WriteHeader(422)
			_, _ = w.Write([]byte(`{"message":"Invalid request.","errors":[{"field":"start_line"}]}`))
			return true
		}
		told, err := tell(t, s, job(), verdict(3))
		if list := Failures(err); len(list) != 1 || list[0].Denied || told.Annotated || told.Open != all422 || !told.Commented {
			t.Errorf("%+v, %v", told, err)
		}
		if c := s.Checks[0]; (c.Conclusion == "failure") == all422 {
			t.Errorf("%+v", c)
		}
	}
}

// Killed at any moment, the check run is closed by another process.
func TestClose(t *testing.T) {
	s := fake(t, githubtest.Config{Write: all})
	r, err := NewReporter(server(s), job())
	if err != nil {
		t.Fatal(err)
	}
	r.Begin(context.Background())
	for deadline := time.Now().Add(5 * time.Second); len(s.Snapshot()) == 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	second := job()
	second.ID = "run/1/other"
	if other, err := NewReporter(server(s), second); err != nil || other.Close(context.Background(), cancelled) != nil {
		t.Fatal(err)
	}
	if s.Checks[0].Status == "completed" || len(s.Checks) != 2 || s.Checks[1].Conclusion != "cancelled" {
		t.Fatalf("the check run of another run was closed, or its own never came: %+v", s.Snapshot())
	}
	for range 250 { // of other runs of the same commit, as of a schedule
		s.Checks = append(s.Checks, &githubtest.Check{ID: int64(len(s.Checks) + 1), Name: "wf-ci", HeadSHA: head, ExternalID: "x", Status: "completed", Conclusion: "success"})
	}
	post, err := NewReporter(server(s), job())
	if err != nil {
		t.Fatal(err)
	}
	if err := post.Close(context.Background(), cancelled); err != nil || s.Checks[0].Conclusion != "cancelled" || len(s.Checks) != 252 {
		t.Errorf("%v, %d, %+v", err, len(s.Checks), s.Checks[0])
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []Server{
		{API: "http://github.example", Token: "t"}, {API: "https://user:pass@github.example", Token: "t"}, {API: "ftp://x", Token: "t"},
		{API: "https://a.example", GraphQL: "https://b.example/graphql", Token: "t"}, {API: "://", Token: "t"}, {},
	} {
		bad.Now = time.Now
		if _, err := newSession(bad, "o/r"); err == nil || strings.Contains(err.Error(), "pass") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	good := Server{API: "https://api.github.com", Token: "t", Now: time.Now}
	for _, bad := range []string{"", "o", "o/..", "../r", "o/r/x", "o/r?x", "o/a b", "o/r#"} {
		if _, err := newSession(good, bad); err == nil {
			t.Errorf("repository %q", bad)
		}
	}
}

// The token goes to no other host.
func TestRedirect(t *testing.T) {
	s := fake(t, githubtest.Config{Write: all})
	s.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		http.Redirect(w, r, "http://127.0.0.2:1/x", http.StatusTemporaryRedirect)
		return true
	}
	if _, err := tell(t, s, job(), verdict(1)); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("%v", err)
	}
}

// roundTrip is a server.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The token does not go to GitHub's own host in the clear either.
func TestRedirectInTheClear(t *testing.T) {
	s, err := newSession(Server{API: "https://github.example/api/v3", Token: "t", Now: time.Now, sleep: quick}, "o/r")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	s.transport.next = roundTrip(func(r *http.Request) (*http.Response, error) {
		asked++
		if r.URL.Scheme != "https" {
			t.Errorf("asked %s with %q", r.URL, r.Header.Get("Authorization"))
		}
		return &http.Response{StatusCode: 307, Header: http.Header{"Location": {"http://github.example/api/v3/x"}}, Body: http.NoBody, Request: r}, nil
	})
	if _, _, err := s.rest.PullRequests.Get(t.Context(), "o", "r", 7); asked != 1 || err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("asked %d times, %v", asked, err)
	}
}

func TestReviews(t *testing.T) {
	s := fake(t, githubtest.Config{Pulls: map[int]githubtest.Pull{7: {Head: head, HeadRepo: "o/r", Reviews: []githubtest.Review{
		{Login: "ana", State: "APPROVED", Commit: "old", At: "2026-01-01T00:00:00Z"},
		{Login: "ben", State: "APPROVED", Commit: "c1", At: "2026-01-01T00:00:00Z"},
		{Login: "ben", State: "CHANGES_REQUESTED", Commit: "c2", At: "2026-01-02T00:00:00Z"},
		{Login: "ana", State: "COMMENTED", Commit: "c2", At: "2026-01-03T00:00:00Z"},
		{Login: "cy", State: "COMMENTED", Commit: "c2", At: "2026-01-03T00:00:00Z"},
	}}}})
	got, err := Reviews(context.Background(), server(s), "o/r", 7)
	if l := got.List; err != nil || got.Author != "octocat" || got.Head != head || len(l) != 2 || l[0].Commit != "old" || l[1].State != "CHANGES_REQUESTED" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A category in the upload keeps the runs of one commit apart.
func TestCategory(t *testing.T) {
	s := fake(t, githubtest.Config{Write: all})
	j := job()
	j.Category = "api"
	if _, err := tell(t, s, j, verdict(1)); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct{ AutomationDetails struct{ ID string } }
	}
	if err := json.Unmarshal(s.Uploads[0].SARIF, &log); err != nil || log.Runs[0].AutomationDetails.ID != "wf-ci/lint/api/" {
		t.Errorf("%+v, %v", log, err)
	}
}
