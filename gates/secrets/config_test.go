package secrets

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zricethezav/gitleaks/v8/config"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/secrets/scan"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func load(t *testing.T, files map[string]string) (*rules, error) {
	t.Helper()
	return loadRules(ctx, withPolicy(&gates.Target{}, files))
}

func TestExtendDefaultManyTimes(t *testing.T) {
	own := builtin()
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
		if len(r.Rules.Rules) != len(own.Rules.Rules) { // one less, one more
			t.Fatalf("load %d: %d rules", i, len(r.Rules.Rules))
		}
		aws, base := ruleOf(r, "aws-access-token"), ruleOf(own, "aws-access-token")
		if aws.Description != "Ours" || aws.Entropy != 1 || aws.Regex != base.Regex ||
			len(aws.Tags) != 1 || len(aws.Keywords) != len(base.Keywords) {
			t.Errorf("load %d: %+v", i, aws)
		}
		if ruleOf(r, "github-pat").ID != "" {
			t.Errorf("load %d: a disabled rule is there", i)
		}
		if n := len(ruleOf(r, "gitlab-pat").Allowlists); n != len(ruleOf(own, "gitlab-pat").Allowlists)+1 {
			t.Errorf("load %d: %d allowlists of a target rule", i, n)
		}
		if len(r.Allowlists) != len(own.Allowlists)+1 {
			t.Errorf("load %d: %d allowlists", i, len(r.Allowlists))
		}
	}
	if ruleOf(builtin(), "aws-access-token").Description == "Ours" {
		t.Error("the defaults were written to")
	}
}

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
	want := libraryConfig(t, text) // extends by itself
	got, err := load(t, map[string]string{".gitleaks.toml": text})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(libraryInText(want), inText(got)); diff != "" {
		t.Errorf("(-gitleaks +wf-ci):\n%s", diff)
	}
}

// inText is all that decides findings.
func inText(r *rules) map[string]string {
	allowlist := func(a scan.Allowlist) string {
		return fmt.Sprint(a.And, a.Commits, a.Paths, a.Target, a.Regexes, len(a.StopWords))
	}
	out := make(map[string]string)
	for _, r := range r.Rules.Rules {
		text := fmt.Sprint(r.Description, r.Entropy, r.SecretGroup, r.Regex, r.Path, r.Tags, r.Keywords, r.SkipReport)
		for _, a := range r.Allowlists {
			text += "\n" + allowlist(a)
		}
		out[r.ID] = text
	}
	for i, a := range r.Allowlists {
		out[fmt.Sprint("allowlist ", i)] = allowlist(a)
	}
	return out
}

// libraryInText is the same of gitleaks' configuration.
func libraryInText(c config.Config) map[string]string {
	text := func(re *regexp.Regexp) string {
		if re == nil {
			return ""
		}
		return re.String()
	}
	allowlist := func(a *config.Allowlist) string {
		return fmt.Sprint(a.MatchCondition == config.AllowlistMatchAnd, a.Commits, a.Paths, a.RegexTarget, a.Regexes, len(a.StopWords))
	}
	out := make(map[string]string)
	for id, r := range c.Rules {
		all := fmt.Sprint(r.Description, r.Entropy, r.SecretGroup, text(r.Regex), text(r.Path), r.Tags, r.Keywords, r.SkipReport)
		for _, a := range r.Allowlists {
			all += "\n" + allowlist(a)
		}
		out[id] = all
	}
	for i, a := range c.Allowlists {
		out[fmt.Sprint("allowlist ", i)] = allowlist(a)
	}
	return out
}

// ruleOf is a rule by its id.
func ruleOf(r *rules, id string) scan.Rule {
	for _, rule := range r.Rules.Rules {
		if rule.ID == id {
			return rule
		}
	}
	return scan.Rule{}
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
		if ruleOf(r, id).ID == "" {
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
		{"[[rules]]\nid = 'mine'\nregex = '''(" + secret + "'''\n", `.gitleaks.toml:3: rule "mine": regex: not a regular expression: missing closing )`},
		{"[[rules]]\nid = 'mine'\npath = '''*" + secret + "'''\n", `rule "mine": path: not a regular expression: missing argument`},
		{"[[rules]]\nid = 'a'\nregex='a'\n[[rules.allowlists]]\nregexes = ['''" + secret + "[''']\n", `rule "a": allowlist regexes: not a regular expression: missing closing ]`},
		{"[[rules]]\nid = 'a'\nregex='a'\nentropy = '" + secret + "'\n", ".gitleaks.toml: rules[0].entropy: wrong type"},
		{"rules = '" + secret + "'\n", "wrong type"},
		{"[[rules]]\nid = 'a'\n", "both |regex| and |path| are empty"},
		{"[extend]\nuseDefault = true\n[[allowlists]]\ntargetRules = ['nope']\npaths = ['x']\n", "nope"},
		{"[[rules]]\nid = 'a'\nregex = 'a'\nkeywords = ['x', '']\n", `.gitleaks.toml:4: rule "a": a keyword is empty`},
		{"[[rules]]\nid = 'a'\nregex='a'\n\nkeyword = ['x']\n", `.gitleaks.toml:5: unknown key "keyword"`},
		{"[extend]\nuseDefault = true\n[[rules]]\nid = 'a'\nregex='a'\n[[rules.allowlists]]\nregexes=['x']\nregexTargets='line'\n", `.gitleaks.toml:8: unknown key "regextargets"`},
		{"extend = {useDefault = true, disabled = ['x']}\n", `.gitleaks.toml:1: unknown key "disabled"`},
		{"[extend]\nuseDefault = true\n[[allowlists]]\npaths=['x']\nrules=['a']\n", `unknown key "rules"`},
		{"[extend]\nuseDefault = true\n[whatever]\n" + secret + " = 1\n", `unknown key "whatever"`},
		{"[[rules]]\nid = 'a'\nregex = '''((a{100}){100}){100}'''\n", `.gitleaks.toml:3: rule "a": regex: not a regular expression`},
		{"[[rules]]\nid = 'a'\nregex = '''" + strings.Repeat("(", 2000) + strings.Repeat(")", 2000) + "'''\n", `.gitleaks.toml:3: rule "a": regex: not a regular expression: expression nests too deeply`},
		{"[[rules]]\nid = 'a'\nregex = '''a++(?=b)'''\n", `.gitleaks.toml:3: rule "a": regex`},
		{"[[rules]]\nid = 'a'\nregex = '''\\1'''\n", `.gitleaks.toml:3: rule "a": regex`},
		{"[[rules]]\nid = 'a'\nregex = \"\\xff\"\n", `.gitleaks.toml:3:`},
		{"[[rules]]\nid = 'a'\nregex = 'a'\nsecretGroup = -1\n", "secretGroup is -1"},
		{"[[rules]]\nid = 'a'\nregex = 'a'\nentropy = nan\n", "entropy is not a number"},
		{"[[rules]]\nid = 'a'\nregex = 'a'\n[[rules.required]]\nid='b'\n", `the required rule "b" is not there`},
		{"\x00", ".gitleaks.toml"},
		{"[extend]\nuseDefault = true\npath = 'x'\n", "both set"},
		{"[extend]\npath = '../x.toml'\n", "leads out of the tree"},
		{"[extend]\npath = '/etc/x.toml'\n", "leads out of the tree"},
		{"[extend]\npath = 'none.toml'\n", `extend.path "none.toml" is not there`},
	} {
		r, err := load(t, map[string]string{".gitleaks.toml": tt.text})
		if err == nil {
			t.Errorf("%q: no error, %d rules", tt.text, len(r.Rules.Rules))
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
