package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/wf-ci/wf-ci/gates"
)

// sarifSchema compiles the schema once: it takes longer than all tests.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open("testdata/sarif-2.1.0.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	c.AssertFormat()
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSARIFValid(t *testing.T) {
	schema := sarifSchema(t)
	for name, v := range map[string]*gates.Verdict{
		"fixture": fixture(), "clean": clean(), "crowded": crowded(30), "empty": {Decision: gates.Inconclusive},
		"hostile": hostileVerdict("a\x00b", hostile, hostile, "http://x y"), "odd regions": oddRegions(),
	} {
		for kind, format := range map[string]Format{"SARIF": SARIF, "CodeScanning": CodeScanning} {
			var b strings.Builder
			err := format(&b, v)
			if name == "empty" && kind == "CodeScanning" {
				if !errors.Is(err, ErrNothingToUpload) {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(b.String()))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s as %s: %v", name, kind, err)
			}
			checkLimits(t, b.String(), kind == "CodeScanning")
		}
	}
}

// looseSARIF is what code scanning looks at.
type looseSARIF struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		AutomationDetails struct{ ID string }
		Tool              struct {
			Driver struct {
				Name  string
				Rules []looseRule
			}
		}
		Invocations []struct {
			ExecutionSuccessful        *bool
			ToolExecutionNotifications []struct {
				Level   string
				Message struct{ Text string }
			}
		}
		Results []looseResult
	}
}

type looseRule struct {
	ID, Name                          string
	ShortDescription, FullDescription struct{ Text string }
	Help                              struct{ Text, Markdown string }
	Properties                        struct {
		Tags     []string
		Security any `json:"security-severity"`
	}
}

type looseResult struct {
	RuleID              string
	RuleIndex           *int
	Level               string
	Message             struct{ Text string }
	PartialFingerprints map[string]string
	Suppressions        []any
	Locations           []struct {
		PhysicalLocation struct {
			ArtifactLocation struct{ URI string }
			Region           struct{ StartLine, StartColumn, EndLine, EndColumn int }
		}
	}
}

func parseSARIF(t *testing.T, text string) looseSARIF {
	t.Helper()
	var log looseSARIF
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	return log
}

// checkLimits holds a file to what GitHub asks for beyond the schema.
func checkLimits(t *testing.T, text string, upload bool) {
	t.Helper()
	log := parseSARIF(t, text)
	if log.Schema == "" || log.Version != "2.1.0" || len(log.Runs) > 20 || upload && len(log.Runs) == 0 {
		t.Errorf("head: %s, %s, %d runs", log.Schema, log.Version, len(log.Runs))
	}
	categories := make(map[string]bool)
	for _, run := range log.Runs {
		id := run.AutomationDetails.ID
		if categories[id] || !strings.HasPrefix(id, "wf-ci/") || !strings.HasSuffix(id, "/") {
			t.Errorf("category %q: twice, or of another form", id)
		}
		categories[id] = true
		if run.Tool.Driver.Name != "wf-ci" || run.Results == nil || len(run.Results) > 25_000 || len(run.Invocations) == 0 {
			t.Errorf("%s: %q, %d results", id, run.Tool.Driver.Name, len(run.Results))
		}
		for _, inv := range run.Invocations {
			if inv.ExecutionSuccessful == nil || upload && !*inv.ExecutionSuccessful {
				t.Errorf("%s: execution not successful", id)
			}
		}
		for _, r := range run.Tool.Driver.Rules {
			checkRule(t, r)
		}
		for _, r := range run.Results {
			checkResult(t, r, run.Tool.Driver.Rules, upload)
		}
	}
}

func checkRule(t *testing.T, r looseRule) {
	t.Helper()
	for what, s := range map[string]string{"name": r.Name, "short": r.ShortDescription.Text, "full": r.FullDescription.Text, "help": r.Help.Text, "markdown": r.Help.Markdown} {
		if s == "" {
			t.Errorf("rule %s: no %s", r.ID, what)
		}
	}
	if len([]rune(r.FullDescription.Text)) > 1024 || len([]rune(r.Name)) > 255 || len(r.Properties.Tags) > 20 {
		t.Errorf("rule %s: too long", r.ID)
	}
	if s, ok := r.Properties.Security.(string); r.Properties.Security != nil && (!ok || s == "" || !slices.Contains(r.Properties.Tags, "security")) {
		t.Errorf("rule %s: security-severity %v, tags %v", r.ID, r.Properties.Security, r.Properties.Tags)
	}
}

func checkResult(t *testing.T, r looseResult, rules []looseRule, upload bool) {
	t.Helper()
	if r.RuleIndex == nil || *r.RuleIndex >= len(rules) || rules[*r.RuleIndex].ID != r.RuleID {
		t.Errorf("result of %s: ruleIndex is of another rule", r.RuleID)
	}
	if r.Message.Text == "" || strings.Contains(r.Message.Text, "](") || !slices.Contains([]string{"error", "warning", "note"}, r.Level) {
		t.Errorf("result of %s: %q, %q", r.RuleID, r.Level, r.Message.Text)
	}
	if len(r.Locations) != 1 {
		t.Fatalf("result of %s: %d locations", r.RuleID, len(r.Locations))
	}
	at := r.Locations[0].PhysicalLocation
	if u, err := url.Parse(at.ArtifactLocation.URI); err != nil || u.IsAbs() || u.Path == "" || strings.HasPrefix(u.Path, "/") || u.RawQuery != "" || u.Fragment != "" {
		t.Errorf("result of %s: uri %q: %v", r.RuleID, at.ArtifactLocation.URI, err)
	}
	g := at.Region
	if min(g.StartLine, g.StartColumn, g.EndLine, g.EndColumn) < 1 || g.EndLine < g.StartLine || g.EndLine == g.StartLine && g.EndColumn < g.StartColumn {
		t.Errorf("result of %s: region %+v", r.RuleID, g)
	}
	if upload && r.Suppressions != nil {
		t.Errorf("result of %s: suppressed", r.RuleID)
	}
}

// crowded is a run of n gates, one of them with the name of the overflow.
func crowded(n int) *gates.Verdict {
	v := fixture()
	v.Gates = nil
	for i := range n {
		g := lintGate()
		g.ID = fmt.Sprintf("gate-%d", i)
		if i == 3 {
			g.ID = "other"
		}
		if i%5 == 4 {
			g = erredGate(g.ID, true, "no")
		}
		v.Gates = append(v.Gates, g)
	}
	return v
}

// oddRegions are places that no gate should give, and some might.
func oddRegions() *gates.Verdict {
	v := fixture()
	g := &v.Gates[0]
	for _, f := range []gates.Finding{
		{Path: "a", Line: -1, Column: -7}, {Path: "a", Line: 5, EndLine: 3}, {Path: "a", Line: 5, Column: 9, EndLine: 5, EndColumn: 2},
		{Path: "a", Line: 5, Column: 9, EndLine: 7}, {Path: "a", Line: 1 << 40, Column: 1 << 50}, {Path: "/etc/passwd"}, {Path: "a//b"}, {Path: "./a"},
	} {
		f.Severity = "odd"
		g.Findings = append(g.Findings, gates.Judged{Finding: f})
	}
	return v
}

// TestSARIFCategories: a gate keeps its category, however the gates end.
func TestSARIFCategories(t *testing.T) {
	ids := func(v *gates.Verdict, format Format) (out []string) {
		for _, run := range parseSARIF(t, render(t, format, v)).Runs {
			out = append(out, run.AutomationDetails.ID)
		}
		return out
	}
	if got := ids(crowded(20), SARIF); len(got) != 20 || !slices.Contains(got, "wf-ci/gate-19/") || !slices.Contains(got, "wf-ci/other/") {
		t.Errorf("20 gates: %v", got)
	}
	all, upload := ids(crowded(30), SARIF), ids(crowded(30), CodeScanning)
	if len(all) != 19 || all[0] != "wf-ci/gate-0/" || all[18] != "wf-ci/other/" {
		t.Errorf("30 gates: %v", all)
	}
	for _, id := range upload {
		if !slices.Contains(all, id) {
			t.Errorf("upload has a category of its own: %s", id)
		}
	}
}

// TestSARIFResultLimit: what is cut is the least, and it is counted.
func TestSARIFResultLimit(t *testing.T) {
	v := clean()
	g := &v.Gates[0]
	for i := range 25_010 {
		g.Findings = append(g.Findings, gates.Judged{Finding: gates.Finding{Rule: "r", Severity: gates.SeverityWarning, Path: "a", Line: i + 1, Message: "m"}})
	}
	g.Findings[25_005].Blocking = true
	text := render(t, SARIF, v)
	checkLimits(t, text, true)
	run := parseSARIF(t, text).Runs[0]
	if len(run.Results) != 25_000 || run.Results[0].Locations[0].PhysicalLocation.Region.StartLine != 25_006 {
		t.Errorf("%d results, the first in line %d", len(run.Results), run.Results[0].Locations[0].PhysicalLocation.Region.StartLine)
	}
	if n := run.Invocations[0].ToolExecutionNotifications; len(n) != 1 || !strings.HasPrefix(n[0].Message.Text, "10 findings left out") {
		t.Errorf("notifications: %+v", n)
	}
}

// TestSARIFStatus: what GitHub would misread is not in an upload.
func TestSARIFStatus(t *testing.T) {
	full, upload := render(t, SARIF, fixture()), render(t, CodeScanning, fixture())
	for _, s := range []string{"sast could not decide: timed out", "permissions was skipped", `"executionSuccessful": false`, `"justification": "test key (@ana, until 2027-01-31)"`} {
		if !strings.Contains(full, s) || strings.Contains(upload, s) {
			t.Errorf("%s: in SARIF %v, in the upload %v", s, strings.Contains(full, s), strings.Contains(upload, s))
		}
	}
	for _, s := range []string{"82 % of the month", "../outside, which is no path of the tree", "in commit 3f2a9c4d5e6f of the history"} {
		if !strings.Contains(upload, s) {
			t.Errorf("not in the upload: %s", s)
		}
	}
}

func TestURI(t *testing.T) {
	for _, tt := range []struct {
		path gates.Path
		want string
	}{
		{"src/a.go", "src/a.go"},
		{"a b", "a%20b"}, {"100%", "100%25"}, {"a#b?c", "a%23b%3Fc"}, {"c:/x", "c%3A/x"},
		{"new\nline", "new%0Aline"}, {"caf\xe9", "caf%E9"}, {"ü", "%C3%BC"}, {`a\b"c`, "a%5Cb%22c"},
		{"app/(x)/[id]/@y", "app/(x)/%5Bid%5D/@y"},
	} {
		if got := uri(tt.path); got != tt.want {
			t.Errorf("uri(%q) = %s, want %s", tt.path, got, tt.want)
		}
	}
}

func FuzzURI(f *testing.F) {
	f.Add("src/a.go")
	f.Add("a:b/../%2e\xff\n?#[]")
	f.Fuzz(func(t *testing.T, path string) {
		got := uri(gates.Path(path))
		back, err := url.PathUnescape(got)
		if err != nil || back != path {
			t.Errorf("%q became %q, and then %q, %v", path, got, back, err)
		}
		if !inTree(gates.Path(path)) {
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.Scheme != "" || u.Host != "" || u.Path != path {
			t.Errorf("%q parses as %#v, %v", got, u, err)
		}
	})
}

func TestInTree(t *testing.T) {
	for path, want := range map[gates.Path]bool{
		"a": true, "a/b.c": true, "...": true, "\xff": true,
		"": false, "/a": false, "a/": false, "a//b": false, "..": false, "a/../b": false, ".": false, "a\x00": false,
	} {
		if inTree(path) != want {
			t.Errorf("inTree(%q) = %v", path, !want)
		}
	}
}

func TestIsWeb(t *testing.T) {
	for link, want := range map[string]bool{
		"https://example.com/a?b=c#d": true,
		"http://example.com":          false, "javascript:alert(1)": false, "https://e.com/)x": false, "https://e.com/a b": false, "": false,
	} {
		if isWeb(link) != want {
			t.Errorf("isWeb(%q) = %v", link, !want)
		}
	}
}

func BenchmarkSARIF(b *testing.B) {
	v := clean()
	for i := range 25_000 {
		v.Gates[0].Findings = append(v.Gates[0].Findings, gates.Judged{Finding: gates.Finding{Rule: "r", Severity: gates.SeverityError, Path: "a", Line: i + 1, Message: "m"}})
	}
	for b.Loop() {
		if err := SARIF(io.Discard, v); err != nil {
			b.Fatal(err)
		}
	}
}
