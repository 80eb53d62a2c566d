package secrets

import (
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates/secrets/scan"
)

// Rules that other engines choke on are looked with, in time that grows with
// the text and not with the ways to match it: the ways are more than 2 to the
// 4,000th, so what counts them never ends.
func TestExpressionsThatExplode(t *testing.T) {
	for _, pattern := range []string{
		`(a+)+b`, `(a|a)*c`, `(a?){300}a{300}`, `(.*)*(.*)*x`, `(?s)(.+)+(.+)+z`, `([a-z]+[0-9]*)+_`, `(x+x+)+y`, `\w{1,500}\W{1,500}`,
		`(?i)(?:[a-z]{1,40}){1,20}-key`, `(?:a{0,30}){0,30}`, strings.Repeat("(a|b)?", 400), strings.Repeat("[a-z]", 900) + `{1}`,
	} {
		r, err := load(t, map[string]string{".gitleaks.toml": "[[rules]]\nid = 'x'\nregex = '''" + pattern + "'''\n"})
		if err != nil {
			t.Errorf("%.40s: %v", pattern, err)
			continue
		}
		for _, text := range []string{strings.Repeat("a", 4_000), strings.Repeat("a ", 1_000), strings.Repeat("xx\n", 1_000)} {
			if _, err := r.detector.Scan(ctx, scan.Fragment{Path: "a", Line: 1, Text: text}); err != nil {
				t.Error(err)
			}
		}
	}
}

// No configuration makes the reader panic, and no error holds what it says.
func FuzzConfig(f *testing.F) {
	for _, text := range userRules {
		f.Add(text)
	}
	f.Add("[[rules]]\nid='a'\nregex='('\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4_000 {
			t.Skip()
		}
		file, err := parseConfig(".gitleaks.toml", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), ".gitleaks.toml") {
				t.Errorf("the error names no file: %v", err)
			}
			return
		}
		if _, err := file.finish(); err == nil && len(file.rules) == 0 {
			t.Error("no rules, and no error")
		}
	})
}
