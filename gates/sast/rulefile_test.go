package sast

import (
	"strings"
	"testing"
)

const goodRule = `rules:
  - id: a
    languages: [python]
    severity: ERROR
    message: m
    pattern: f($X)
`

// What is wrong in a rule file is said with its place; nothing is passed over.
func TestRuleFileMistakes(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"no yaml", "rules: [", "x.yml:1:1: did not find expected node content"},
		{"nothing", "", "x.yml:1:1: no rules"},
		{"no rules", "rules: []", "x.yml:1:1: no rules in this file"},
		{"a list", "- a", "x.yml:1:1: want a mapping with rules"},
		{"unknown at top", "rulez: []", `x.yml:1:1: unknown key "rulez"`},
		{"typo", strings.Replace(goodRule, "pattern:", "patern:", 1), `x.yml:6:5: unknown key "patern"; there are: id, languages`},
		{"twice", goodRule + "    pattern: g()\n", `x.yml:7:5: the key "pattern" is there twice`},
		{"two patterns", goodRule + "    pattern-regex: g\n", "x.yml:7:5: a rule has one of pattern"},
		{"id twice", goodRule + strings.TrimPrefix(goodRule, "rules:\n"), "the rule a is there twice"},
		{"no id", strings.Replace(goodRule, "id: a", "id: ''", 1), "want a text that is not empty"},
		{"bad id", strings.Replace(goodRule, "id: a", "id: a b", 1), `x.yml:2:9: "a b" is no rule id`},
		{"language", strings.Replace(goodRule, "python", "cobol", 1), `x.yml:3:16: unknown language "cobol"`},
		{"severity", strings.Replace(goodRule, "ERROR", "BAD", 1), `x.yml:4:15: severity "BAD"`},
		{"no message", strings.Replace(goodRule, "    message: m\n", "", 1), "x.yml:2:5: a rule without message"},
		{"no pattern", strings.Replace(goodRule, "    pattern: f($X)\n", "", 1), "x.yml:2:5: a rule without a pattern"},
		{"mode", goodRule + "    mode: tain\n", `x.yml:7:11: mode "tain"`},
		{"taint without sinks", strings.Replace(goodRule, "    pattern: f($X)\n", "    mode: taint\n    pattern-sources: [{pattern: a()}]\n", 1), "mode taint needs pattern-sources and pattern-sinks"},
		{"sources without taint", goodRule + "    pattern-sources: [{pattern: a()}]\n", "sources and sinks need mode: taint"},
		{"unknown condition", strings.Replace(goodRule, "pattern: f($X)", "patterns: [{pattrn: f()}]", 1), `x.yml:6:17: unknown key "pattrn"`},
		{"two keys", strings.Replace(goodRule, "pattern: f($X)", "patterns: [{pattern: f(), pattern-not: g()}]", 1), "x.yml:6:16: want one key of"},
		{"only conditions", strings.Replace(goodRule, "pattern: f($X)", "patterns: [{pattern-not: f()}]", 1), "x.yml:6:5: patterns needs one of"},
		{"a not in either", strings.Replace(goodRule, "pattern: f($X)", "pattern-either: [{pattern-not: f()}]", 1), "pattern-either holds"},
		{"regexp", strings.Replace(goodRule, "pattern: f($X)", "pattern-regex: 'a('", 1), "x.yml:6:20: missing closing )"},
		{"lookahead", strings.Replace(goodRule, "pattern: f($X)", "pattern-regex: '(?=a)'", 1), "invalid or unsupported Perl syntax"},
		{"metavariable", strings.Replace(goodRule, "pattern: f($X)", "patterns: [{pattern: f($X)}, {metavariable-regex: {metavariable: x, regex: a}}]", 1), `"x" is no metavariable`},
		{"metavariable-regex", strings.Replace(goodRule, "pattern: f($X)", "patterns: [{pattern: f($X)}, {metavariable-regex: {metavariable: $X}}]", 1), "needs metavariable and regex"},
		{"cwe", goodRule + "    metadata: {cwe: seventy}\n", `x.yml:7:21: cwe "seventy"`},
		{"metadata", goodRule + "    metadata: {cve: CWE-1}\n", `x.yml:7:16: unknown key "cve"`},
		{"deep", strings.Replace(goodRule, "pattern: f($X)", "patterns: "+strings.Repeat("[{patterns: ", 20)+"[{pattern: f()}]"+strings.Repeat("}]", 20), 1), "nested more than 12 deep"},
		{"alias bomb", "definitions:\n  a: &a [{pattern: x()}, {pattern: x()}]\n" + bomb(20) + strings.Replace(goodRule, "pattern: f($X)", "pattern-either: *z19", 1), "nested more than 12 deep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("x.yml", []byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Parse("x.yml", []byte(goodRule)); err != nil {
		t.Error(err)
	}
}

func bomb(n int) string {
	var b strings.Builder
	for i := range n {
		before := "*a"
		if i > 0 {
			before = "*z" + itoa(int32(i-1))
		}
		b.WriteString("  z" + itoa(int32(i)) + ": &z" + itoa(int32(i)) + " [{pattern-either: " + before + "}, {pattern-either: " + before + "}]\n")
	}
	return b.String()
}

// What can only be seen when a pattern is parsed has its place, too.
func TestPatternMistakes(t *testing.T) {
	needParsers(t)
	for _, tt := range []struct{ name, pattern, want string }{
		{"no code", "pattern: 'f($X'", "x.yml:6:14: pattern: this is no python code"},
		{"everything", "pattern: '...'", "matches everything"},
		{"lower case", "pattern: f($x)", "$ needs a name in upper case"},
		{"string", `pattern: 'f("a)'`, "a string that does not end"},
		{"unbound", "patterns: [{pattern: f($X)}, {metavariable-regex: {metavariable: $Y, regex: a}}]", "x.yml:6:55: no pattern has the metavariable $Y"},
		{"unbound focus", "patterns: [{pattern: f($X)}, {focus-metavariable: $Z}]", "no pattern has the metavariable $Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules, err := Parse("x.yml", []byte(strings.Replace(goodRule, "pattern: f($X)", tt.pattern, 1)))
			if err != nil {
				t.Fatal(err)
			}
			err = rules.check(ctx)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
