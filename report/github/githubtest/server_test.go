package githubtest

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

const sha = "0123456789012345678901234567890123456789"

// A fake that takes anything proves nothing: what GitHub would not take, it says.
func TestRefuses(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	note := `{"path":"a.go","start_line":1,"end_line":1,"annotation_level":"failure","message":"m"}`
	check := func(output string) string {
		return `{"name":"n","head_sha":"` + sha + `","output":{"title":"t","summary":"s",` + output + `}}`
	}
	for name, r := range map[string][3]string{
		"unknown operation":         {"POST", "/repos/o/r/dispatches", `{}`},
		"unknown parameter":         {"GET", "/repos/o/r/issues/7/comments?size=3", ""},
		"not a number":              {"GET", "/repos/o/r/issues/seven/comments", ""},
		"51 annotations":            {"POST", "/repos/o/r/check-runs", check(`"annotations":[` + note + strings.Repeat(","+note, 50) + `]`)},
		"no end_line":               {"POST", "/repos/o/r/check-runs", check(`"annotations":[{"path":"a","start_line":1,"annotation_level":"failure","message":"m"}]`)},
		"a level that is none":      {"POST", "/repos/o/r/check-runs", check(`"annotations":[` + strings.Replace(note, "failure", "error", 1) + `]`)},
		"line 0":                    {"POST", "/repos/o/r/check-runs", check(`"annotations":[` + strings.ReplaceAll(note, ":1", ":0") + `]`)},
		"an absolute path":          {"POST", "/repos/o/r/check-runs", check(`"annotations":[` + strings.Replace(note, "a.go", "/a.go", 1) + `]`)},
		"columns over lines":        {"POST", "/repos/o/r/check-runs", check(`"annotations":[` + strings.Replace(note, `"end_line":1`, `"end_line":2,"start_column":1`, 1) + `]`)},
		"a long title":              {"POST", "/repos/o/r/check-runs", check(`"annotations":[` + strings.Replace(note, `"message"`, `"title":"`+long(256)+`","message"`, 1) + `]`)},
		"a long summary":            {"POST", "/repos/o/r/check-runs", strings.Replace(check(`"text":""`), `"summary":"s"`, `"summary":"`+long(65536)+`"`, 1)},
		"completed without an end":  {"POST", "/repos/o/r/check-runs", `{"name":"n","head_sha":"` + sha + `","status":"completed"}`},
		"a conclusion that is none": {"POST", "/repos/o/r/check-runs", `{"name":"n","head_sha":"` + sha + `","status":"completed","conclusion":"inconclusive"}`},
		"an unknown commit":         {"POST", "/repos/o/r/check-runs", `{"name":"n","head_sha":"` + strings.Repeat("1", 40) + `"}`},
		"a long comment":            {"POST", "/repos/o/r/issues/7/comments", `{"body":"` + long(65537) + `"}`},
		"an empty comment":          {"POST", "/repos/o/r/issues/7/comments", `{"body":""}`},
		"a long status":             {"POST", "/repos/o/r/statuses/" + sha, `{"state":"success","context":"c","description":"` + long(141) + `"}`},
		"a neutral status":          {"POST", "/repos/o/r/statuses/" + sha, `{"state":"neutral","context":"c"}`},
		"a short ref":               {"POST", "/repos/o/r/code-scanning/sarifs", `{"commit_sha":"` + sha + `","ref":"main","sarif":"x"}`},
		"a queue's ref":             {"POST", "/repos/o/r/code-scanning/sarifs", `{"commit_sha":"` + sha + `","ref":"refs/heads/gh-readonly-queue/main/pr-1","sarif":"x"}`},
		"SARIF not packed":          {"POST", "/repos/o/r/code-scanning/sarifs", `{"commit_sha":"` + sha + `","ref":"refs/heads/main","sarif":"{}"}`},
		"the token in a body":       {"POST", "/repos/o/r/issues/7/comments", `{"body":"the-token"}`},
	} {
		s := &Server{Config: Config{Repository: "o/r", Token: "the-token", Commits: []string{sha}, Pulls: map[int]Pull{7: {}},
			Write: []string{"checks", "statuses", "pull-requests", "security-events"}}}
		var err error
		if s.operations, err = loadOperations(); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(r[0], "http://x"+r[1], strings.NewReader(r[2]))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer the-token")
		req.Header.Set("User-Agent", "test")
		req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
		w := &recorder{header: http.Header{}}
		s.ServeHTTP(w, req)
		if len(s.Problems) == 0 {
			t.Errorf("%s was taken: %d %s", name, w.status, w.body.String())
		}
	}
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// What the report's golden file has, code scanning takes.
func TestCheckGolden(t *testing.T) {
	data, err := os.ReadFile("../../testdata/run.upload.sarif")
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckSARIF(data); err != nil {
		t.Error(err)
	}
}

// SARIF that code scanning rejects.
func TestCheckSARIF(t *testing.T) {
	good := `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[{"id":"r","shortDescription":{"text":"s"},"fullDescription":{"text":"f"},"help":{"text":"h"},"properties":{"security-severity":"5.0"}}]}},
		"automationDetails":{"id":"t/a/"},"invocations":[{"executionSuccessful":true}],"results":[{"ruleId":"r","ruleIndex":0,"level":"error","message":{"text":"m"},"partialFingerprints":{"primaryLocationLineHash":"ab:1"},
		"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":1,"startColumn":1,"endLine":1,"endColumn":2}}}]}]}]}`
	if err := CheckSARIF([]byte(good)); err != nil {
		t.Fatal(err)
	}
	run := good[strings.Index(good, `[{"tool"`)+1 : len(good)-2]
	for _, r := range [][2]string{
		{`"ruleIndex":0`, `"ruleIndex":18446744073709551615`}, {`"level":"error"`, `"level":"critical"`}, {`"text":"m"`, `"text":""`},
		{`"uri":"a.go"`, `"uri":"/a.go"`}, {`"uri":"a.go"`, `"uri":"file:///a"`}, {`"startLine":1`, `"startLine":0`}, {`"5.0"`, `"high"`},
		{`"ab:1"`, `"ab"`}, {`"executionSuccessful":true`, `"executionSuccessful":false`}, {`"text":"h"`, `"text":""`},
		{`"text":"f"`, `"text":"` + strings.Repeat("f", 1025) + `"`}, {`"locations":[`, `"locations":[` + strings.Repeat("{},", 1000)},
		{run, run + "," + run}, {`"2.1.0"`, `"2.0.0"`}, {run, ""},
	} {
		if err := CheckSARIF([]byte(strings.Replace(good, r[0], r[1], 1))); err == nil {
			t.Errorf("%s was taken", fmt.Sprintf("%.80s for %.40s", r[1], r[0]))
		}
	}
}
