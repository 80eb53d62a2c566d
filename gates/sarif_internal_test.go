package gates

import (
	"encoding/json"
	"log/slog"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
)

func fuzzTarget() *Target {
	return &Target{Dir: "/no/such/tree", Tree: &git.Tree{}, Change: &git.Change{Base: "b"}, Log: slog.New(slog.DiscardHandler)}
}

// isInside says whether a path names the tree or something in it, in one way.
func isInside(p string) bool {
	return p == "" || !path.IsAbs(p) && path.Clean(p) == p && p != "." && p != ".." && !strings.HasPrefix(p, "../")
}

// FuzzSARIF reads any bytes as a SARIF file: it never panics, and whatever it
// finds is inside the tree and fit for a report.
func FuzzSARIF(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{"version": "2.1.0", "runs": [{"results": []}]}`, "\ufeff{}",
		`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T", "rules": [{"id": "A", "defaultConfiguration": {"level": "error"}, "messageStrings": {"m": {"text": "{0}{{1}}"}}, "properties": {"security-severity": 7}}]}, "extensions": [{"rules": [{"id": "B"}]}]},
		  "originalUriBaseIds": {"S": {"uri": "src/", "uriBaseId": "R"}, "R": {"uri": "file:///no/such/tree/"}}, "artifacts": [{"location": {"uri": "a%2fb"}}], "invocations": [{"executionSuccessful": true}],
		  "results": [
		   {"ruleId": "A/1", "ruleIndex": 0, "message": {"id": "m", "arguments": ["x"]}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.go", "uriBaseId": "S"}, "region": {"startLine": 1, "endLine": -1}}}]},
		   {"rule": {"index": 0, "toolComponent": {"index": 0}}, "level": "none", "locations": [{"physicalLocation": {"artifactLocation": {"index": 0}}}], "suppressions": [{"kind": "inSource"}]}]}]}`,
		`{"version": "2.1.0", "runs": [{"results": [{"locations": [{"physicalLocation": {"artifactLocation": {"uri": "file:///no/such/tree/../tree/x"}}}]}]}]}`,
		`{"version": "2.1.0", "runs": [{"results": [{"locations": [{"physicalLocation": {"artifactLocation": {"uri": "%2e%2e/..\\..\\c:/%00"}}}]}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	for _, uri := range []string{"/", "//", ".", "..", "./..", "a/../..", "%2f", "%2e%2e", "C:/x", "/C:\\x", "file:", "file:..", "file://", "file:///no/such/tree", "x%", "\\", "\u0000", "~", "a//b/"} {
		data, err := json.Marshal(uri)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(`{"version": "2.1.0", "runs": [{"results": [{"locations": [{"physicalLocation": {"artifactLocation": {"uri": ` + string(data) + `}, "region": {"startLine": 2}}}]}]}]}`))
	}
	target := fuzzTarget()
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := parseSARIF(data, target, CommandOptions{SARIF: "in.sarif", Severity: map[string]Severity{"A": SeverityNote}})
		if err == nil && out.Examined.Results == 0 {
			t.Error("no run was read, and no error")
		}
		if err != nil && len(err.Error()) > 5000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
		for _, f := range out.Findings {
			p := string(f.Path)
			switch {
			case !isInside(p):
				t.Errorf("path %q", p)
			case f.Line < 0 || f.Column < 0 || f.EndLine < 0 || f.EndColumn < 0 || p == "" && f.Line != 0:
				t.Errorf("place %+v", f)
			case !slices.Contains(Severities(), f.Severity) || f.Rule == "" || f.Message == "" || len(f.Message) > sarifText+10:
				t.Errorf("finding %+v", f)
			}
		}
		again, errAgain := parseSARIF(data, target, CommandOptions{SARIF: "in.sarif", Severity: map[string]Severity{"A": SeverityNote}})
		if (err == nil) != (errAgain == nil) || !slices.Equal(out.Findings, again.Findings) {
			t.Error("read twice, it is not the same")
		}
	})
}

// FuzzSARIFPath reads any URI against any base: the path is inside the tree, or
// it is an error.
func FuzzSARIFPath(f *testing.F) {
	for _, uri := range []string{"a.go", "../a.go", "file:///no/such/tree/a.go", "%2e%2e/a.go", `..\a.go`, "C:/a", "/", "x%zz", "é", "\xff"} {
		for _, base := range []string{"", "src/", "..", "file:///no/such/tree", "file:///etc/", "/no/such/tree/%2e%2e"} {
			f.Add(uri, base, false)
		}
		f.Add(uri, "src/", true)
	}
	target := fuzzTarget()
	f.Fuzz(func(t *testing.T, uri, base string, ring bool) {
		r := sarifRun{BaseIDs: map[string]sarifLocation{"B": {URI: base}}}
		if ring {
			r.BaseIDs["B"] = sarifLocation{URI: base, BaseID: "B"}
		}
		reader := sarifReader{target: target, top: target.Dir}
		p, err := reader.path(r, sarifLocation{URI: uri, BaseID: "B"})
		if err == nil && !isInside(p) {
			t.Errorf("%q against %q is %q", uri, base, p)
		}
		if err != nil && (p != "" || len(err.Error()) > 2000) {
			t.Errorf("%q against %q: %q, and %v", uri, base, p, err)
		}
	})
}
