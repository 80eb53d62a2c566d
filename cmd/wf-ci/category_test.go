package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report/github/githubtest"
)

func TestCategory(t *testing.T) {
	for _, tt := range []struct {
		in   ci.Inputs
		want string
	}{
		{ci.Inputs{}, ""},
		{ci.Inputs{WorkingDirectory: "."}, ""},
		{ci.Inputs{WorkingDirectory: "services/api/"}, "services/api"},
		{ci.Inputs{WorkingDirectory: "../x"}, ""},
		{ci.Inputs{WorkingDirectory: "日本"}, "__-" + digestOf("日本")},
		{ci.Inputs{Matrix: []string{"20", "ubuntu-24.04"}}, "20,ubuntu-24.04"},
		{ci.Inputs{WorkingDirectory: "api", Matrix: []string{"api", "true"}}, "api,api,true"},
		{ci.Inputs{WorkingDirectory: "api", Matrix: []string{"x"}, Category: "linux 64"}, "linux_64"},
		{ci.Inputs{WorkingDirectory: "services/api", Matrix: []string{"api"}}, "services/api"},
		{ci.Inputs{WorkingDirectory: "services/api", Matrix: []string{"web"}}, "services/api,web"},
		{ci.Inputs{Matrix: []string{"x", "y", "x"}}, "x,y,x"},
		{ci.Inputs{Matrix: []string{"a,b"}}, "a_b-" + digestOf("a,b")},
		{ci.Inputs{Matrix: []string{"", "日本"}}, ",__-" + digestOf("日本")},
		{ci.Inputs{Category: "/"}, "-" + digestOf("/")},
		{ci.Inputs{Category: "@ana"}, "_ana-" + digestOf("@ana")},
		{ci.Inputs{Category: strings.Repeat("a", 101)}, strings.Repeat("a", 91) + "-" + digestOf(strings.Repeat("a", 101))},
	} {
		if got := category(tt.in); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.in, got, tt.want)
		}
	}
}

// Two legs of a matrix on one commit: each has a check run, a comment, a category
// of code scanning and a bundle's name of its own, and a second run of one of
// them changes its own.
func TestMatrixLegs(t *testing.T) {
	t.Parallel()
	c := makeCheckouts(t)
	e := eventCases(c)[0]
	s, env := c.fake(t, githubtest.Config{Write: allPermissions})
	env = append(env, "INPUT_GATES=secrets", "INPUT_LEDGER=off")
	var file []byte
	for _, leg := range []string{"linux", "macos", "linux"} {
		dir := copied(t, c.dirs[e.checkout])
		if got := step(t, "wf-ci", e, dir, append(env, `INPUT_MATRIX={"os": "`+leg+`"}`)...); got.status != exitFail {
			t.Fatal(got.log)
		}
		var err error
		if file, err = os.ReadFile(filepath.Join(dir, "wf-ci.sarif")); err != nil {
			t.Fatal(err)
		}
	}
	var checks, uploads, comments []string
	for _, check := range s.Checks {
		checks = append(checks, check.Name)
	}
	for _, u := range append(s.Uploads, &githubtest.Upload{SARIF: file}) {
		var log struct {
			Runs []struct{ AutomationDetails struct{ ID string } }
		}
		if err := json.Unmarshal(u.SARIF, &log); err != nil || len(log.Runs) != 1 {
			t.Fatalf("%v %s", err, u.SARIF)
		}
		uploads = append(uploads, log.Runs[0].AutomationDetails.ID)
	}
	for _, c := range s.Comments {
		mark, _, _ := strings.Cut(c.Body, " run=")
		comments = append(comments, mark)
		if leg := mark[strings.LastIndexByte(mark, '_')+1:]; !strings.Contains(c.Body, "## ❌ wf-ci / "+leg+": fail\n") {
			t.Errorf("%s", c.Body)
		}
	}
	for _, tt := range []struct {
		got  []string
		want string
	}{
		{checks, "wf-ci / linux|wf-ci / macos|wf-ci / linux"},
		{uploads, "wf-ci/secrets/linux/|wf-ci/secrets/macos/|wf-ci/secrets/linux/|wf-ci/secrets/linux/"},
		{comments, "<!-- wf-ci:verdict:wf-ci_/_linux|<!-- wf-ci:verdict:wf-ci_/_macos"},
	} {
		if got := strings.Join(tt.got, "|"); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
