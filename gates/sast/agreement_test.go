package sast

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/securego/gosec/v2/testutils"

	"github.com/wf-ci/wf-ci/gates/syntax"
)

// agreement is one of gosec's rules on syntax, and what of ours stands for it.
type agreement struct {
	id      string
	ours    string // rules, with blanks between
	agree   int    // of gosec's samples, at least
	samples [][]testutils.CodeSample
}

func agreements() []agreement {
	s := func(list ...[]testutils.CodeSample) [][]testutils.CodeSample { return list }
	return []agreement{
		{"G102", "go-bind-all", 6, s(testutils.SampleCodeG102)},
		{"G103", "go-unsafe-pointer", 1, s(testutils.SampleCodeG103)},
		{"G106", "go-ssh-any-host", 1, s(testutils.SampleCodeG106)},
		{"G107", "go-ssrf", 4, s(testutils.SampleCodeG107)},
		{"G108", "go-pprof-exposed", 2, s(testutils.SampleCodeG108)},
		{"G109", "go-atoi-narrowed", 6, s(testutils.SampleCodeG109)},
		{"G110", "go-decompression-bomb", 4, s(testutils.SampleCodeG110)},
		{"G111", "go-serves-root", 1, s(testutils.SampleCodeG111)},
		{"G112", "go-http-no-timeout", 10, s(testutils.SampleCodeG112)},
		{"G114", "go-http-no-timeout", 3, s(testutils.SampleCodeG114)},
		{"G201", "go-sql-built go-sql-injection", 16, s(testutils.SampleCodeG201)},
		{"G202", "go-sql-built go-sql-injection", 18, s(testutils.SampleCodeG202)},
		{"G203", "go-template-html", 5, s(testutils.SampleCodeG203)},
		{"G204", "go-command-injection go-shell-dynamic", 7, s(testutils.SampleCodeG204)},
		{"G301", "go-broad-permissions go-world-writable", 4, s(testutils.SampleCodeG301)},
		{"G302", "go-broad-permissions go-world-writable", 5, s(testutils.SampleCodeG302)},
		{"G303", "go-tmp-file-fixed", 2, s(testutils.SampleCodeG303)},
		{"G304", "go-path-traversal", 9, s(testutils.SampleCodeG304)},
		{"G305", "go-zip-slip", 2, s(testutils.SampleCodeG305)},
		{"G306", "go-broad-permissions go-world-writable", 3, s(testutils.SampleCodeG306)},
		{"G401", "go-weak-hash", 2, s(testutils.SampleCodeG401, testutils.SampleCodeG401b)},
		{"G402", "go-tls-verify-off go-tls-old", 22, s(testutils.SampleCodeG402)},
		{"G403", "go-weak-key", 3, s(testutils.SampleCodeG403)},
		{"G404", "go-insecure-random", 3, s(testutils.SampleCodeG404)},
		{"G405", "go-weak-cipher", 2, s(testutils.SampleCodeG405, testutils.SampleCodeG405b)},
		{"G406", "go-hash-deprecated", 2, s(testutils.SampleCodeG406, testutils.SampleCodeG406b)},
		{"G501", "go-weak-hash", 1, s(testutils.SampleCodeG501)},
		{"G502", "go-weak-cipher", 1, s(testutils.SampleCodeG502)},
		{"G503", "go-weak-cipher", 1, s(testutils.SampleCodeG503)},
		{"G504", "go-cgi", 1, s(testutils.SampleCodeG504)},
		{"G505", "go-weak-hash", 1, s(testutils.SampleCodeG505)},
		{"G506", "go-hash-deprecated", 1, s(testutils.SampleCodeG506)},
		{"G507", "go-hash-deprecated", 1, s(testutils.SampleCodeG507)},
	}
}

// Our rules for Go against gosec's own samples: on how many of them both find
// something, or neither does. README.md has the table, and says where they differ
// on purpose.
func TestAgreesWithGosec(t *testing.T) {
	rules := builtinRules(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range agreements() {
		ours := strings.Fields(a.ours)
		agree, all := 0, 0
		for _, sample := range slices.Concat(a.samples...) {
			if sample.Config != nil && len(sample.Config) > 1 {
				continue // with settings that we do not have
			}
			all++
			found := false
			for _, code := range sample.Code {
				parsed, err := syntax.Parse(ctx, syntax.Go, []byte(code))
				if err != nil {
					t.Fatal(err)
				}
				res, err := rules.file(ctx, parsed)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range res.findings {
					found = found || slices.Contains(ours, f.Rule)
				}
			}
			if found == (sample.Errors > 0) {
				agree++
			}
		}
		line := fmt.Sprintf("| %s | %s | %d of %d |", a.id, strings.Join(ours, ", "), agree, all)
		if agree != a.agree || !strings.Contains(string(readme), line) {
			t.Errorf("agreement %d, want %d; README.md wants the line\n%s", agree, a.agree, line)
		}
	}
}
