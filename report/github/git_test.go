package github

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The door lets git's four requests through, to one repository, with the token;
// and nothing else.
func TestGitDoor(t *testing.T) {
	var seen []string
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		seen = append(seen, r.Method+" "+r.URL.RequestURI()+" "+user+" "+password+" "+r.Header.Get("Cookie")+r.Header.Get("X-Forwarded-For"))
		if r.URL.Query().Get("service") == "git-receive-pack" {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		}
	}))
	defer upstream.Close()
	door, err := OpenGit(Server{Web: upstream.URL, Token: "the-token", Version: "1", Now: time.Now}, "o/r")
	if err != nil {
		t.Fatal(err)
	}
	defer door.Close()
	base := door.URL[:strings.Index(door.URL, "/o/r.git")]
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, tt := range []struct {
		method, url string
		status      int
	}{
		{"GET", door.URL + "/info/refs?service=git-upload-pack", 200},
		{"POST", door.URL + "/git-upload-pack", 200},
		{"POST", door.URL + "/git-receive-pack", 200},
		{"GET", door.URL + "/info/refs?service=git-receive-pack", 502}, // it leads elsewhere
		{"GET", door.URL + "/info/refs", 404},
		{"GET", door.URL + "/settings", 404},
		{"DELETE", door.URL + "/git-receive-pack", 404},
		{"POST", base + "/o/other.git/git-receive-pack", 404},
		{"POST", base[:strings.LastIndex(base, "/")] + "/guess/o/r.git/git-receive-pack", 404},
		{"POST", door.URL + "/../other.git/git-receive-pack", 404},
	} {
		req, err := http.NewRequest(tt.method, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", "a=b")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != tt.status || strings.Contains(string(body), "the-token") {
			t.Errorf("%s %s: %d %s", tt.method, tt.url, res.StatusCode, body)
		}
	}
	if len(seen) != 4 {
		t.Errorf("%q", seen)
	}
	for _, s := range seen {
		if !strings.Contains(s, " /o/r.git/") || !strings.HasSuffix(s, " x-access-token the-token ") {
			t.Errorf("%q", s)
		}
	}
}

// The words of a server's refusal, and what is said instead.
func TestGitFailure(t *testing.T) {
	for said, want := range map[string]struct {
		denied bool
		need   string
	}{
		"remote: error: GH006: Protected branch update failed for refs/heads/x.":                             {true, ""},
		"remote: error: GH013: Repository rule violations found for refs/heads/x.":                           {true, ""},
		"remote: Permission to o/r.git denied to github-actions[bot]. The requested URL returned error: 403": {true, needContents},
		"remote: Repository not found.":   {true, needContents},
		"Could not resolve host: example": {false, ""},
	} {
		if f := GitFailure("the ledger", "wf-ci-ledger", said); f.Denied != want.denied || f.Need != want.need || f.Why == "" {
			t.Errorf("%q: %+v", said, f)
		}
	}
}
