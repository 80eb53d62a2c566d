package gates_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// sarifTarget is a target for a SARIF file that is judged by itself.
func sarifTarget(t testing.TB) *gates.Target {
	t.Helper()
	target := noTarget()
	target.Dir, target.Change = t.TempDir(), &git.Change{}
	return target
}

// readSARIF runs the gate of a SARIF file.
func readSARIF(t testing.TB, target *gates.Target, text string, severity map[string]gates.Severity) gates.Result {
	t.Helper()
	if err := os.WriteFile(filepath.Join(target.Dir, "in.sarif"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return runOne(t, target, gates.Command(gates.CommandOptions{ID: "tool", SARIF: "in.sarif", Severity: severity}))
}

// sarifLog is a log of one run; more are other members of the run.
func sarifLog(driver, results, more string) string {
	if more != "" {
		more = ", " + more
	}
	return fmt.Sprintf(`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T"%s}}, "results": [%s]%s}]}`, driver, results, more)
}

func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestSARIFPaths(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	for _, name := range []string{"src/a.go", "100%.go", "x%41.py", "sp ace.go", "caf\xe9.go", `back\slash.go`, "both%41.go", "bothA.go"} {
		repo.Write(name, "1\n2\n3\n")
	}
	repo.Write(".gitignore", "in.sarif\n")
	repo.Commit("one")
	target := newTarget(t, repo, "")
	dir := target.Dir
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	uri := func(s string) string { return `{"uri": ` + quote(s) + `}` }
	based := func(s, base string) string { return `{"uri": ` + quote(s) + `, "uriBaseId": ` + quote(base) + `}` }
	bases := func(s string) string { return `"originalUriBaseIds": {` + s + `}` }
	const outside, tree = "error: outside the tree", ""
	artifacts := `"artifacts": [{"location": {"uri": "x"}}, {"location": {"uri": "a.go", "uriBaseId": "SRC"}}, {}], ` + bases(`"SRC": {"uri": "src/"}`)
	for _, tt := range []struct{ name, location, more, want string }{
		{"relative", uri("src/a.go"), "", "src/a.go"},
		{"not clean", uri("./src/..//src/./a.go"), "", "src/a.go"},
		{"not in the tree", uri("gen/b.go"), "", "gen/b.go"},
		{"absolute", uri(dir + "/src/a.go"), "", "src/a.go"},
		{"file URI", uri("file://" + dir + "/src/a.go"), "", "src/a.go"},
		{"file URI, one slash", uri("file:" + dir + "/src/a.go"), "", "src/a.go"},
		{"file URI, many slashes", uri("file:////" + dir + "/src/a.go"), "", "src/a.go"},
		{"file URI in capitals", uri("FILE://" + dir + "/src/a.go"), "", "src/a.go"},
		{"absolute, through a link to the tree", uri(link + "/src/a.go"), "", "src/a.go"},
		{"file URI, through a link to the tree", uri("file://" + link + "/src/a.go"), "", "src/a.go"},

		{"encoded", uri("sp%20ace.go"), "", "sp ace.go"},
		{"not encoded", uri("sp ace.go"), "", "sp ace.go"},
		{"an encoded slash", uri("src%2Fa.go"), "", "src/a.go"},
		{"an encoded percent sign", uri("100%25.go"), "", "100%.go"},
		{"a bare percent sign", uri("100%.go"), "", "100%.go"},
		{"a bare percent sign in a file URI", uri("file://" + dir + "/100%.go"), "", "100%.go"},
		{"a name that only looks encoded", uri("x%41.py"), "", "x%41.py"},
		{"the same in a file URI", uri("file://" + dir + "/x%41.py"), "", "x%41.py"},
		{"a name that may be both", uri("both%41.go"), "", "bothA.go"},
		{"not UTF-8, encoded", uri("caf%E9.go"), "", "caf\xe9.go"},
		{"not UTF-8, encoded, and not in the tree", uri("th%E9.go"), "", "th\xe9.go"},
		{"not UTF-8, as it is", `{"uri": "caf` + "\xe9" + `.go"}`, "", "error: which file that is cannot be told"},
		{"backslashes", uri(`src\a.go`), "", "src/a.go"},
		{"a backslash in a name", uri(`back\slash.go`), "", `back\slash.go`},
		{"backslashes, and not in the tree", uri(`gen\b.go`), "", `gen\b.go`},

		{"up", uri("../a.go"), "", outside},
		{"down and up", uri("src/../../a.go"), "", outside},
		{"up, encoded", uri("%2e%2e/a.go"), "", outside},
		{"up, with an encoded slash", uri("..%2Fa.go"), "", outside},
		{"just up", uri(".."), "", outside},
		{"another place", uri("/etc/passwd"), "", outside},
		{"another place, as a URI", uri("file:///etc/passwd"), "", outside},
		{"another place, one slash", uri("file:/etc/passwd"), "", outside},
		{"a neighbour with a longer name", uri(dir + "-2/src/a.go"), "", outside},
		{"the tree, and up", uri(dir + "/../a.go"), "", outside},
		{"another host", uri("file://host" + dir + "/src/a.go"), "", outside},
		{"the web", uri("https://example.com/src/a.go"), "", outside},
		{"a drive", uri(`C:\src\a.go`), "", outside},
		{"a drive, with slashes", uri(`c:/src/a.go`), "", outside},
		{"a drive, as a URI", uri("file:///C:/src/a.go"), "", outside},

		{"no location", "", "", tree},
		{"an empty one", "{}", "", tree},
		{"an empty URI", uri(""), "", tree},
		{"the tree", uri("."), "", tree},
		{"the tree, not clean", uri("src/.."), "", tree},
		{"the tree, absolute", uri(dir), "", tree},
		{"the tree, as a URI", uri("file://" + dir + "/"), "", tree},

		{"a base", based("a.go", "SRC"), bases(`"SRC": {"uri": "src/"}`), "src/a.go"},
		{"a base without a slash", based("a.go", "SRC"), bases(`"SRC": {"uri": "src"}`), "src/a.go"},
		{"a base of a base", based("a.go", "SRC"), bases(`"SRC": {"uri": "src/", "uriBaseId": "ROOT"}, "ROOT": {"uri": "file://` + dir + `/"}`), "src/a.go"},
		{"a base of a base, through a link", based("a.go", "SRC"), bases(`"SRC": {"uri": "src/", "uriBaseId": "ROOT"}, "ROOT": {"uri": "` + link + `"}`), "src/a.go"},
		{"a base that nobody says", based("src/a.go", "%SRCROOT%"), "", "src/a.go"},
		{"a base that says nothing", based("src/a.go", "ROOT"), bases(`"ROOT": {"description": {"text": "root"}}`), "src/a.go"},
		{"a base without a name", uri("src/a.go"), bases(`"": {"uri": "x/"}`), "src/a.go"},
		{"a base of an absolute path", based(dir+"/src/a.go", "SRC"), bases(`"SRC": {"uri": "src/"}`), "src/a.go"},
		{"a base of a file URI", based("file:"+dir+"/src/a.go", "SRC"), bases(`"SRC": {"uri": "src/"}`), "src/a.go"},
		{"a base of a drive", based(`C:\src\a.go`, "SRC"), bases(`"SRC": {"uri": "src/"}`), outside},
		{"a base elsewhere", based("passwd", "ETC"), bases(`"ETC": {"uri": "file:///etc/"}`), outside},
		{"a base above", based("a.go", "UP"), bases(`"UP": {"uri": "../"}`), outside},
		{"a base of itself", based("a.go", "A"), bases(`"A": {"uri": "src/", "uriBaseId": "A"}`), "error: has no end"},
		{"a base of itself that says nothing", based("a.go", "A"), bases(`"A": {"uriBaseId": "A"}`), "error: has no end"},
		{"bases in a ring", based("a.go", "A"), bases(`"A": {"uri": "src/", "uriBaseId": "B"}, "B": {"uri": "x/", "uriBaseId": "A"}`), "error: has no end"},
		{"a ring around an absolute base", based("a.go", "A"), bases(`"A": {"uri": "file://` + dir + `/src/", "uriBaseId": "A"}`), "src/a.go"},
		{"a base without measure", based("a.go", "A"), bases(`"A": {"uri": "` + strings.Repeat("x", 20000) + `/", "uriBaseId": "A"}`), "error: bytes long"},

		{"an index", `{"index": 1}`, artifacts, "src/a.go"},
		{"an index and a URI", `{"index": 1, "uri": "src/b.go"}`, artifacts, "src/b.go"},
		{"an index of nothing", `{"index": 2}`, artifacts, tree},
		{"an index too high", `{"index": 3}`, artifacts, tree},
		{"an index too low", `{"index": -1}`, artifacts, tree},
	} {
		result := `{"ruleId": "R", "level": "error", "message": {"text": "m"}`
		if tt.location != "" {
			result += `, "locations": [{"physicalLocation": {"artifactLocation": ` + tt.location + `, "region": {"startLine": 3}}}]`
		}
		r := readSARIF(t, target, sarifLog("", result+"}", tt.more), nil)
		if want, isError := strings.CutPrefix(tt.want, "error: "); isError {
			if r.Err == nil || !strings.Contains(r.Err.Error(), want) || len(r.Err.Error()) > 500 {
				t.Errorf("%s: %v, want an error with %q", tt.name, r.Err, want)
			}
			continue
		}
		if r.Err != nil || len(r.Outcome.Findings) != 1 {
			t.Errorf("%s: %v, %d findings", tt.name, r.Err, len(r.Outcome.Findings))
			continue
		}
		line := 3
		if tt.want == tree {
			line = 0
		}
		if f := r.Outcome.Findings[0]; string(f.Path) != tt.want || f.Line != line {
			t.Errorf("%s: %q line %d, want %q line %d", tt.name, string(f.Path), f.Line, tt.want, line)
		}
	}
}

// The severity is the user's word by rule, then by level; the tool's, the
// rule's; and a warning.
func TestSARIFLevels(t *testing.T) {
	t.Parallel()
	const driver = `, "rules": [
		{"id": "E", "defaultConfiguration": {"level": "error"}}, {"id": "N", "defaultConfiguration": {"level": "note"}}, {"id": "NONE", "defaultConfiguration": {"level": "none"}},
		{"id": "PLAIN"}, {"id": "ODD", "defaultConfiguration": {"level": "fatal"}}, {"id": "CA1", "defaultConfiguration": {"level": "error"}}, {"id": "E"}]`
	const tool = `"tool": {"driver": {"name": "T"` + driver + `}, "extensions": [{"rules": []}, {"name": "X", "rules": [{"id": "XN", "defaultConfiguration": {"level": "note"}}, {"id": "XE", "defaultConfiguration": {"level": "error"}}, {"id": "N", "defaultConfiguration": {"level": "error"}}]}]}`
	mapped := map[string]gates.Severity{"MINE": "note", "E": "warning", "note": "error", "warning": "note"}
	for _, tt := range []struct {
		result, rule string
		want, byMap  gates.Severity
	}{
		{`"ruleId": "A", "level": "error"`, "A", "error", "error"},
		{`"ruleId": "A", "level": "warning"`, "A", "warning", "note"},
		{`"ruleId": "A", "level": "note"`, "A", "note", "error"},
		{`"ruleId": "A", "level": "none"`, "A", "note", "error"},
		{`"ruleId": "A", "level": "fatal"`, "A", "error", "error"},
		{`"ruleId": "A", "level": "Error"`, "A", "error", "error"},
		{`"ruleId": "A"`, "A", "warning", "note"},
		{`"ruleId": "MINE", "level": "error"`, "MINE", "error", "note"},
		{`"ruleId": "E"`, "E", "error", "warning"},
		{`"ruleId": "E", "level": "note"`, "E", "note", "warning"},
		{`"ruleId": "N"`, "N", "note", "error"},
		{`"ruleId": "NONE"`, "NONE", "note", "error"},
		{`"ruleId": "PLAIN"`, "PLAIN", "warning", "note"},
		{`"ruleId": "ODD"`, "ODD", "error", "error"},
		{`"ruleIndex": 0`, "E", "error", "warning"},
		{`"ruleIndex": 1, "ruleId": "N/sub"`, "N/sub", "note", "error"},
		{`"ruleIndex": 99, "ruleId": "E"`, "E", "error", "warning"},
		{`"ruleIndex": -1`, "unnamed", "warning", "note"},
		{`"ruleIndex": -1, "ruleId": "E"`, "E", "error", "warning"},
		{`"rule": {"index": 0}`, "E", "error", "warning"},
		{`"rule": {"id": "N"}`, "N", "note", "error"},
		{`"rule": {"index": 0, "toolComponent": {"index": 1}}`, "XN", "note", "error"},
		{`"rule": {"id": "XE", "index": 1, "toolComponent": {"index": 1}}`, "XE", "error", "error"},
		{`"rule": {"index": 1, "toolComponent": {"index": 9}}`, "N", "note", "error"},
		{`"rule": {"index": 1, "toolComponent": {"index": -1}}`, "N", "note", "error"},
		{`"ruleId": "XE"`, "XE", "error", "error"},
		{`"ruleId": "CA1/2/3"`, "CA1/2/3", "error", "error"},
		{`"ruleId": "CA12/3"`, "CA12/3", "warning", "note"},
		{`"ruleId": "/"`, "/", "warning", "note"},
		{``, "unnamed", "warning", "note"},
	} {
		text := `{"version": "2.1.0", "runs": [{` + tool + `, "results": [{` + tt.result + `}]}]}`
		for severity, m := range map[gates.Severity]map[string]gates.Severity{tt.want: nil, tt.byMap + " mapped": mapped} {
			r := readSARIF(t, sarifTarget(t), text, m)
			if r.Err != nil || len(r.Outcome.Findings) != 1 {
				t.Fatalf("%s: %v, %d findings", tt.result, r.Err, len(r.Outcome.Findings))
			}
			want := gates.Severity(strings.TrimSuffix(string(severity), " mapped"))
			if f := r.Outcome.Findings[0]; f.Severity != want || f.Rule != tt.rule {
				t.Errorf("%s with %v: %s %s, want %s %s", tt.result, m, f.Severity, f.Rule, want, tt.rule)
			}
		}
	}
}

func TestSARIFMessages(t *testing.T) {
	t.Parallel()
	const driver = `, "rules": [{"id": "R", "messageStrings": {"default": {"text": "{0} is {1}"}, "empty": {}}}]`
	long := strings.Repeat("é", 3000)
	args := make([]string, 10) // each is a hundred of the next
	for i := range args {
		args[i] = quote(strings.Repeat(fmt.Sprintf("{%d}", i+1), 100))
	}
	laughs := `"text": "` + strings.Repeat("{0}", 600) + `", "arguments": [` + strings.Join(args, ",") + `]`
	for _, tt := range []struct{ message, want string }{
		{`"text": "plain"`, "plain"},
		{`"text": "  two\nlines \n"`, "two\nlines"},
		{`"text": "{0} and {{1}}"`, "{0} and {{1}}"},
		{`"text": "{0} and {1}, {0}", "arguments": ["a", "b"]`, "a and b, a"},
		{`"text": "{0} and {7}", "arguments": ["a"]`, "a and {7}"},
		{`"text": "{0}", "arguments": ["{1}", "b"]`, "{1}"},
		{`"text": "{{0}} {x} {-1} {}", "arguments": ["a"]`, "{0} {x} {-1} {}"},
		{`"text": "{10}{1}", "arguments": ["0","1","2","3","4","5","6","7","8","9","ten"]`, "ten1"},
		{`"id": "default", "arguments": ["sky", "blue"]`, "sky is blue"},
		{`"id": "default", "text": "own"`, "own"},
		{`"id": "empty"`, "R"},
		{`"id": "unknown"`, "R"},
		{``, "R"},
		{`"text": "{0}", "arguments": [" "]`, "R"},
		{`"text": "` + long + `"`, strings.Repeat("é", 1000) + "…"},
		{`"text": "{0}", "arguments": ["` + long + `"]`, ""},
		{laughs, ""},
	} {
		r := readSARIF(t, sarifTarget(t), sarifLog(driver, `{"ruleId": "R", "message": {`+tt.message+`}}`, ""), nil)
		if r.Err != nil || len(r.Outcome.Findings) != 1 {
			t.Fatalf("%.80s: %v", tt.message, r.Err)
		}
		if got := r.Outcome.Findings[0].Message; tt.want != "" && got != tt.want || len(got) > 2010 || got == "" {
			t.Errorf("%.80s: %d bytes: %.80q, want %.80q", tt.message, len(got), got, tt.want)
		}
	}
}

// What a result is about, and what the reader makes of the tool.
func TestSARIFFindings(t *testing.T) {
	t.Parallel()
	const driver = `, "version": "1", "semanticVersion": "1.2.3", "rules": [
		{"id": "A", "name": "Name", "shortDescription": {"text": "Short"}, "help": {"text": "Help"}, "helpUri": "https://example.com", "properties": {"security-severity": "7.5"}},
		{"id": "B", "name": "Name", "properties": {"security-severity": 3}}, {"id": "UNUSED"}]`
	place := func(region string) string {
		return `"message": {"text": "m"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.go"}, "region": {` + region + `}}}, {"physicalLocation": {"artifactLocation": {"uri": "/etc/second"}}}]`
	}
	results := []string{
		`{"ruleId": "A", "level": "error", ` + place(`"startLine": 1, "startColumn": 2, "endLine": 3, "endColumn": 4`) + `}`,
		`{"ruleId": "B", "level": "error", ` + place(`"startLine": -1, "startColumn": -2, "endLine": -3, "endColumn": -4`) + `}`,
		`{"ruleId": "B", "level": "error", ` + place(`"charOffset": 7`) + `}`,
		`{"ruleId": "B", "level": "note", "kind": "fail", "message": {"text": "nowhere"}, "locations": [{"logicalLocations": [{"name": "main"}]}]}`,
	}
	results = append(results, `{"ruleId": "A", "kind": "Fail", "level": "error", "message": {"text": "a kind that nobody knows"}}`,
		`{"ruleId": "A", "level": "error", "baselineState": "absent", "message": {"text": "gone"}}`)
	for _, kind := range []string{"pass", "open", "review", "informational", "notApplicable"} {
		results = append(results, `{"ruleId": "KIND", "kind": "`+kind+`", "level": "error", "locations": [{"physicalLocation": {"artifactLocation": {"uri": "/etc/passwd"}}}]}`)
	}
	r := readSARIF(t, sarifTarget(t), sarifLog(driver, strings.Join(results, ","), ""), nil)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	for i := range r.Outcome.Findings {
		r.Outcome.Findings[i].Fingerprint = ""
	}
	want := gates.Outcome{
		Findings: []gates.Finding{
			{Rule: "A", Severity: "error", Message: "a kind that nobody knows"},
			{Rule: "B", Severity: "note", Message: "nowhere"},
			{Rule: "B", Severity: "error", Path: "a.go", Message: "m"}, // twice the same
			{Rule: "A", Severity: "error", Path: "a.go", Line: 1, Column: 2, EndLine: 3, EndColumn: 4, Message: "m"},
		},
		Engine: gates.Engine{Name: "T", Version: "1.2.3"},
		Rules: []gates.Rule{
			{ID: "A", Title: "Short", Help: "Help", URI: "https://example.com", Security: "7.5"},
			{ID: "B", Title: "Name", Security: "3.0"},
		},
		Examined: gates.Examined{Bytes: r.Outcome.Examined.Bytes, Results: 1},
	}
	if diff := cmp.Diff(want, r.Outcome); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a tool says of its own failure makes its result worth nothing; what it
// only remarks does not.
func TestSARIFInvocations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ invocations, want string }{
		{``, ""},
		{`{"executionSuccessful": true}`, ""},
		{`{"exitCode": 1}`, ""},
		{`{"executionSuccessful": true, "toolExecutionNotifications": [{"level": "warning", "message": {"text": "hm"}}, {"message": {"text": "hm"}}, {"level": "note", "message": {"text": "hm"}}]}`, ""},
		{`{"executionSuccessful": false}`, "the tool says that it did not finish"},
		{`{"executionSuccessful": true}, {"executionSuccessful": false}`, "the tool says that it did not finish"},
		{`{"executionSuccessful": true, "toolExecutionNotifications": [{"level": "error", "message": {"text": "no memory"}}]}`, "the tool reports an error of its own: no memory"},
		{`{"executionSuccessful": false, "toolExecutionNotifications": [{"level": "error", "message": {"text": "` + strings.Repeat("x", 5000) + `"}}]}`, "did not finish: xxx"},
	} {
		text := sarifLog("", `{"level": "error"}`, `"invocations": [`+tt.invocations+`]`)
		r := readSARIF(t, sarifTarget(t), text, nil)
		switch {
		case tt.want == "" && (r.Err != nil || len(r.Outcome.Findings) != 1):
			t.Errorf("%.80s: %v, %d findings", tt.invocations, r.Err, len(r.Outcome.Findings))
		case tt.want != "" && (r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) || len(r.Err.Error()) > 500):
			t.Errorf("%.80s: %v, want %q", tt.invocations, r.Err, tt.want)
		}
	}
}

// Suppressions of the tool's user count, unless they stand in a source that the
// change brings, or nobody has agreed to them.
func TestSARIFSuppressions(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Write("a.go", "1\n2\n")
	repo.Write(".gitignore", "in.sarif\n")
	base := repo.Commit("base")
	repo.Write("a.go", "1\ntwo\n")
	repo.Commit("change")
	change, all := newTarget(t, repo, base), newTarget(t, repo, "")
	for _, tt := range []struct {
		suppressions      string
		old, changed, any bool // counts on an old line, on a changed one, and where everything is new
	}{
		{``, true, true, true},
		{`{"kind": "external"}`, false, false, false},
		{`{"kind": "external", "status": "accepted"}`, false, false, false},
		{`{"kind": "external", "status": "underReview"}`, true, true, true},
		{`{"kind": "external", "status": "rejected"}`, true, true, true},
		{`{"kind": "inSource"}`, false, true, false},
		{`{"kind": "inSource", "status": "rejected"}`, true, true, true},
		{`{"kind": "inSource"}, {"kind": "external"}`, false, false, false},
		{`{"kind": "inSource"}, {"kind": "external", "status": "rejected"}`, false, true, false},
	} {
		for line, want := range map[int]bool{1: tt.old, 2: tt.changed} {
			text := sarifLog("", fmt.Sprintf(`{"level": "error", "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.go"}, "region": {"startLine": %d}}}], "suppressions": [%s]}`, line, tt.suppressions), "")
			if r := readSARIF(t, change, text, nil); r.Err != nil || (len(r.Outcome.Findings) == 1) != want {
				t.Errorf("%s on line %d: %v, %d findings", tt.suppressions, line, r.Err, len(r.Outcome.Findings))
			}
			if r := readSARIF(t, all, text, nil); r.Err != nil || (len(r.Outcome.Findings) == 1) != tt.any {
				t.Errorf("%s on line %d, everything new: %v, %d findings", tt.suppressions, line, r.Err, len(r.Outcome.Findings))
			}
		}
	}
}

// Files that are odd, and files that no verdict can rest on.
func TestSARIFFiles(t *testing.T) {
	t.Parallel()
	good := sarifLog("", `{"level": "error"}`, "")
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	oneRun := func(results int) string {
		return `{"tool": {"driver": {"name": "T"}}, "results": [` + strings.TrimSuffix(strings.Repeat("{},", results), ",") + `]}`
	}
	for _, tt := range []struct {
		name, text, want string
		findings         int
	}{
		{"plain", good, "", 1},
		{"with a byte order mark", "\ufeff" + good, "", 1},
		{"with blanks around", "\r\n" + good + "\n\n", "", 1},
		{"two marks", "\ufeff\ufeff" + good, "in.sarif: line 1, column 1: not valid SARIF", 0},
		{"UTF-16", "\xff\xfe{\x00}\x00", "in.sarif: line 1, column 1: not valid SARIF", 0},
		{"only a mark", "\ufeff", "in.sarif: line 1, column 1: not valid SARIF", 0},
		{"something behind it", good + "\n  {}", "in.sarif: line 2, column 3: not valid SARIF", 0},
		{"a wrong type", strings.Replace(good, `"T"`, `7`, 1), "not valid SARIF", 0},
		{"a line that is no number", sarifLog("", `{"locations": [{"physicalLocation": {"artifactLocation": {"uri": "a"}, "region": {"startLine": "3"}}}]}`, ""), "not valid SARIF", 0},
		{"a line too high to count", sarifLog("", `{"locations": [{"physicalLocation": {"artifactLocation": {"uri": "a"}, "region": {"startLine": 99999999999999999999}}}]}`, ""), "not valid SARIF", 0},
		{"deep", sarifLog("", `{"level": "error", "properties": {"x": `+deep(5000)+`}}`, ""), "", 1},
		{"too deep", sarifLog("", `{"level": "error", "properties": {"x": `+deep(100_000)+`}}`, ""), "not valid SARIF", 0},
		{"never closed", strings.Repeat(`{"runs":[`, 100_000), "not valid SARIF", 0},
		{"null", "null", "SARIF version", 0},
		{"no version", `{"runs": []}`, "SARIF version", 0},
		{"no runs", `{"version": "2.1.0"}`, "no run of a tool", 0},
		{"no results", `{"version": "2.1.0", "runs": [{}]}`, "the tool did not look", 0},
		{"results that are null", `{"version": "2.1.0", "runs": [{"results": null}]}`, "the tool did not look", 0},
		{"a result that is null", sarifLog("", "null", ""), "", 1},
		{"a second run that did not look", strings.TrimSuffix(good, "]}") + `, {"tool": {"driver": {"name": "U"}}}]}`, "run 2 (U): no results in it", 1},
		{"a second result that is outside", sarifLog("", `{"level": "error"}, {"locations": [{"physicalLocation": {"artifactLocation": {"uri": ".."}}}]}`, ""), "run 1 (T): result 2: path", 1},
		{"100,001 results", `{"version": "2.1.0", "runs": [` + oneRun(100_001) + `]}`, "run 1 (T): more than 100000 results", 0},
		{"100,000 results and one more", `{"version": "2.1.0", "runs": [` + oneRun(100_000) + `,` + oneRun(0) + `,` + oneRun(1) + `]}`, "run 3 (T): more than 100000 results", 1},
	} {
		r := readSARIF(t, sarifTarget(t), tt.text, nil)
		if got := fmt.Sprint(r.Err); tt.want == "" && r.Err != nil || tt.want != "" && !strings.Contains(got, tt.want) || len(got) > 500 {
			t.Errorf("%s: %.500s, want %q", tt.name, got, tt.want)
		}
		if len(r.Outcome.Findings) != tt.findings {
			t.Errorf("%s: %d findings, want %d", tt.name, len(r.Outcome.Findings), tt.findings)
		}
	}
	// What is no file at all.
	target := sarifTarget(t)
	if err := os.Mkdir(filepath.Join(target.Dir, "in.sarif"), 0o700); err != nil {
		t.Fatal(err)
	}
	if r := runOne(t, target, gates.Command(gates.CommandOptions{ID: "tool", SARIF: "in.sarif"})); r.Err == nil || !strings.Contains(r.Err.Error(), "no regular file") {
		t.Errorf("a directory: %v", r.Err)
	}
}

// No link is followed: one that leads out leaves the tree, and one inside it
// would pass a committed file for one that a step wrote.
func TestSARIFFileThroughALink(t *testing.T) {
	t.Parallel()
	target := sarifTarget(t)
	outside := filepath.Join(t.TempDir(), "x.sarif")
	for _, name := range []string{outside, filepath.Join(target.Dir, "real.sarif")} {
		if err := os.WriteFile(name, []byte(sarifLog("", "", "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, dest := range []string{"real.sarif", outside, "../x.sarif"} {
		name := filepath.Join(target.Dir, "in.sarif")
		_ = os.Remove(name)
		if err := os.Symlink(dest, name); err != nil {
			t.Fatal(err)
		}
		if r := runOne(t, target, gates.Command(gates.CommandOptions{ID: "tool", SARIF: "in.sarif"})); r.Err == nil {
			t.Errorf("a link to %s was followed", dest)
		}
	}
}

// Many rules and many results without an index do not multiply.
func TestSARIFWithManyRules(t *testing.T) {
	t.Parallel()
	const n = 5000
	var rules, results []string
	for i := range n {
		rules = append(rules, fmt.Sprintf(`{"id": "R%d", "defaultConfiguration": {"level": "error"}}`, i))
		results = append(results, fmt.Sprintf(`{"ruleId": "R%d", "message": {"text": "m"}}`, n-1-i))
	}
	r := readSARIF(t, sarifTarget(t), sarifLog(`, "rules": [`+strings.Join(rules, ",")+`]`, strings.Join(results, ","), ""), nil)
	if r.Err != nil || len(r.Outcome.Findings) != n || len(r.Outcome.Rules) != n {
		t.Errorf("%v, %d findings, %d rules", r.Err, len(r.Outcome.Findings), len(r.Outcome.Rules))
	}
	for _, f := range r.Outcome.Findings {
		if f.Severity != gates.SeverityError {
			t.Fatalf("%s is a %s", f.Rule, f.Severity)
		}
	}
}

// The tree may be known by a link to it; a tool may use that name, or the real
// one, also for what is not there any more.
func TestSARIFInATreeBehindALink(t *testing.T) {
	t.Parallel()
	target := sarifTarget(t)
	real := target.Dir
	target.Dir = filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(real, target.Dir); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{real, target.Dir} {
		text := sarifLog("", `{"locations": [{"physicalLocation": {"artifactLocation": {"uri": `+quote(dir+"/gone/a.go")+`}}}]}`, "")
		if r := readSARIF(t, target, text, nil); r.Err != nil || r.Outcome.Findings[0].Path != "gone/a.go" {
			t.Errorf("%s: %v, %+v", dir, r.Err, r.Outcome.Findings)
		}
	}
}
