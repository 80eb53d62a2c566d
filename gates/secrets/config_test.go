package secrets

import (
	"fmt"
	"strings"
	"testing"
	_ "unsafe" // for go:linkname

	"github.com/google/go-cmp/cmp"
	"github.com/zricethezav/gitleaks/v8/config"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func load(t *testing.T, files map[string]string) (*rules, error) {
	t.Helper()
	return loadRules(ctx, withPolicy(&gates.Target{}, files))
}

func TestExtendDefaultManyTimes(t *testing.T) {
	own, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{".gitleaks.toml": `
[extend]
useDefault = true
disabledRules = ["github-pat"]
[[rules]]
id = "mine"
regex = '''MINE[0-9]{4}'''
keywords = ["MINE"]
[[rules]]
id = "aws-access-token"
description = "Ours"
entropy = 1
tags = ["ours"]
[[allowlists]]
targetRules = ["gitlab-pat"]
regexes = ['''x''']
[[allowlists]]
paths = ['''^fixtures$''']
`}
	for i := range 5 {
		r, err := load(t, files)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Rules) != len(own.Rules) { // one less, one more
			t.Fatalf("load %d: %d rules", i, len(r.Rules))
		}
		aws, base := r.Rules["aws-access-token"], own.Rules["aws-access-token"]
		if aws.Description != "Ours" || aws.Entropy != 1 || aws.Regex.String() != base.Regex.String() ||
			len(aws.Tags) != 1 || len(aws.Keywords) != len(base.Keywords) {
			t.Errorf("load %d: %+v", i, aws)
		}
		if _, ok := r.Rules["github-pat"]; ok {
			t.Errorf("load %d: a disabled rule is there", i)
		}
		if n := len(r.Rules["gitlab-pat"].Allowlists); n != len(own.Rules["gitlab-pat"].Allowlists)+1 {
			t.Errorf("load %d: %d allowlists of a target rule", i, n)
		}
		if len(r.Allowlists) != len(own.Allowlists)+1 {
			t.Errorf("load %d: %d allowlists", i, len(r.Allowlists))
		}
	}
	if again, _ := builtin(); again.Rules["aws-access-token"].Description == "Ours" {
		t.Error("the defaults were written to")
	}
}

// extendDepth is the counter that makes the library's own loader work only
// once in a process.
//
//go:linkname extendDepth github.com/zricethezav/gitleaks/v8/config.extendDepth
var extendDepth int

// The library's own loader works the first time in a process; ours has to come
// to the same.
func TestConfigurationIsAsTheLibraryLoadsIt(t *testing.T) {
	text := `
title = "x"
[extend]
useDefault = true
disabledRules = ["jwt", "no-such-rule"]
[allowlist]
stopwords = ["stop"]
paths = ['''^a/''']
[[rules]]
id = "generic-api-key"
secretGroup = 1
keywords = ["Own", "key"]
[rules.allowlist]
regexes = ['''abc''']
[[rules]]
id = "twice"
regex = "first"
[[rules]]
id = "twice"
regex = "second"
[[rules]]
id = "jwt"
regex = "mine"
`
	vc, err := parseConfig("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	silence()
	want, err := vc.Translate() // extends by itself
	extendDepth = 0
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(t, map[string]string{".gitleaks.toml": text})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inText(want), inText(got.Config)); diff != "" {
		t.Errorf("(-gitleaks +wf-ci):\n%s", diff)
	}
}

// inText is all that decides findings.
func inText(c config.Config) map[string]string {
	allowlist := func(a *config.Allowlist) string {
		return fmt.Sprint(a.MatchCondition, a.Commits, a.Paths, a.RegexTarget, a.Regexes, len(a.StopWords))
	}
	out := make(map[string]string)
	for id, r := range c.Rules {
		text := fmt.Sprint(r.Description, r.Entropy, r.SecretGroup, r.Regex, r.Path, r.Tags, r.Keywords, r.SkipReport)
		for _, a := range r.Allowlists {
			text += "\n" + allowlist(a)
		}
		out[id] = text
	}
	for i, a := range c.Allowlists {
		out[fmt.Sprint("allowlist ", i)] = allowlist(a)
	}
	for k := range c.Keywords {
		out["keyword "+k] = ""
	}
	return out
}

func TestExtendPath(t *testing.T) {
	files := map[string]string{
		".gitleaks.toml": "[extend]\npath = './ci/base.toml'\n[[rules]]\nid = 'a'\nregex = 'A'\n",
		"ci/base.toml":   "[extend]\nuseDefault = true\n[[rules]]\nid = 'b'\nregex = 'B'\n[[allowlists]]\npaths=['x']\n",
	}
	r, err := load(t, files)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "aws-access-token"} {
		if _, ok := r.Rules[id]; !ok {
			t.Errorf("no rule %q", id)
		}
	}
}

func TestConfigurationThatCannotBeUsed(t *testing.T) {
	secret := awsKey(1)
	for _, tt := range []struct{ text, want string }{
		{"", ".gitleaks.toml has no rules, so nothing would be found: add [extend] with useDefault = true"},
		{"[[allowlists]]\npaths = ['x']\n", "has no rules"},
		{"title = 'x'\nrules = [\n", ".gitleaks.toml:"},
		{"title = \n", ".gitleaks.toml:1:"},
		{"[[rules]]\nid = 'mine'\nregex = '''(" + secret + "'''\n", `.gitleaks.toml: rule "mine": regex: not a regular expression: missing closing )`},
		{"[[rules]]\nid = 'mine'\npath = '''*" + secret + "'''\n", `rule "mine": path: not a regular expression: missing argument`},
		{"[[rules]]\nid = 'a'\nregex='a'\n[[rules.allowlists]]\nregexes = ['''" + secret + "[''']\n", `rule "a": allowlist regexes: not a regular expression: missing closing ]`},
		{"[[rules]]\nid = 'a'\nregex='a'\nentropy = '" + secret + "'\n", ".gitleaks.toml: rules[0].entropy: wrong type"},
		{"rules = '" + secret + "'\n", "wrong type"},
		{"[[rules]]\nid = 'a'\n", "both |regex| and |path| are empty"},
		{"[extend]\nuseDefault = true\n[[allowlists]]\ntargetRules = ['nope']\npaths = ['x']\n", "nope"},
		{"[extend]\nuseDefault = true\npath = 'x'\n", "both set"},
		{"[extend]\npath = '../x.toml'\n", "leads out of the tree"},
		{"[extend]\npath = '/etc/x.toml'\n", "leads out of the tree"},
		{"[extend]\npath = 'none.toml'\n", `extend.path "none.toml" is not there`},
	} {
		r, err := load(t, map[string]string{".gitleaks.toml": tt.text})
		if err == nil {
			t.Errorf("%q: no error, %d rules", tt.text, len(r.Rules))
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v\nwant %q", tt.text, err, tt.want)
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error holds a value of the file: %v", err)
		}
	}
}

func TestConfigurationIsPolicy(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", "MINE1234\n")
	repo.Write("fixtures/a", awsKey(1)+"\n")
	repo.Write(".gitleaks.toml", "[extend]\nuseDefault = true\n[[allowlists]]\npaths = ['''.*''']\n") // the change's
	policy := map[string]string{".gitleaks.toml": `
[extend]
useDefault = true
[[rules]]
id = "mine"
description = "Ours."
regex = '''MINE[0-9]{4}'''
[[allowlists]]
paths = ['''^fixtures$''']
`}
	r := result(t, Options{}, withPolicy(target(t, repo, ""), policy))
	wantPlaces(t, r.Outcome.Findings, "mine a:1:1-1:9")
	if m := r.Outcome.Findings[0].Message; m != "Ours (mine): remove it and rotate the key" {
		t.Error(m)
	}
	if n := r.Outcome.Metrics["files_skipped"]; n != 2 { // gitleaks' own rules skip gitleaks.toml
		t.Errorf("%v files skipped", n)
	}
	bad := result(t, Options{}, withPolicy(target(t, repo, ""), map[string]string{".gitleaks.toml": "[[rules]]\nid='a'\nregex='('\n"}))
	if bad.Err == nil || !strings.Contains(bad.Err.Error(), ".gitleaks.toml") {
		t.Errorf("error %v", bad.Err)
	}
}
