package sast

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
)

func other(engine, rule string, line, end int, c class, s gates.Severity) foreign {
	return foreign{
		Finding: gates.Finding{Rule: engine + "/" + rule, Severity: s, Path: "a.go", Line: line, EndLine: end, Message: rule},
		engine:  engine, rule: rule, class: c,
	}
}

func TestMerge(t *testing.T) {
	own := []gates.Finding{
		{Rule: "go-sql-built", Severity: gates.SeverityWarning, Path: "a.go", Line: 10, EndLine: 12, Message: "built"},
		{Rule: "go-sql-built", Severity: gates.SeverityWarning, Path: "a.go", Line: 20, Message: "built"},
	}
	classes := map[string]class{"go-sql-built": "sql"}
	same := func(_ gates.Path, line int) int { // lines 20 and 21 are one statement
		return map[int]int{20: 1, 21: 1, 30: 2}[line]
	}
	others := []foreign{
		other("gosec", "G701", 12, 0, "sql", gates.SeverityError),     // overlaps
		other("gosec", "G201", 21, 0, "sql", gates.SeverityWarning),   // the same statement
		other("gosec", "G702", 10, 0, "command", gates.SeverityError), // another fault
		other("gosec", "G201", 22, 0, "sql", gates.SeverityWarning),   // another statement
		other("semgrep", "x", 22, 0, "sql", gates.SeverityError),      // gosec's
		other("semgrep", "y", 30, 0, "", gates.SeverityNote),          // nobody's
		other("semgrep", "y", 30, 30, "", gates.SeverityNote),
	}
	var got []string
	for _, x := range merge(own, classes, others, same) {
		f := x.finding()
		got = append(got, strings.Join([]string{f.Rule, string(f.Severity), f.Message}, " "))
	}
	want := []string{
		"go-sql-built error built (found by gosec G701 too)", "go-sql-built warning built (found by gosec G201 too)",
		"gosec/G702 error G702", "gosec/G201 error G201 (found by semgrep x too)", "semgrep/y note y", "semgrep/y note y",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The order of the engines does not matter, every finding is there once, by
// itself or in another, and the worst severity of each class and line is kept.
func TestMergeLosesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	for range 2000 {
		var own []gates.Finding
		classes := map[string]class{"sql": "sql", "path": "path"}
		for range random.IntN(4) {
			own = append(own, gates.Finding{Rule: pick("sql", "path", "x"), Severity: gates.Severities()[random.IntN(3)], Path: "a.go", Line: 1 + random.IntN(6), Column: random.IntN(3)})
		}
		var others []foreign
		seen := make(map[gates.Finding]bool)
		for range random.IntN(8) {
			line := 1 + random.IntN(6)
			f := other(pick("gosec", "bandit", "semgrep"), pick("1", "2"), line, line+random.IntN(2), class(pick("sql", "path", "")), gates.Severities()[random.IntN(3)])
			if !seen[f.Finding] {
				seen[f.Finding] = true
				others = append(others, f)
			}
		}
		same := func(_ gates.Path, line int) int { return (line + 1) / 2 }
		first := merge(own, classes, others, same)
		random.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
		random.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
		if again := merge(own, classes, others, same); !reflect.DeepEqual(first, again) {
			t.Fatalf("another order, another result:\n%v\n%v", first, again)
		}
		n := 0
		for _, x := range first {
			n += 1 + len(x.by)
		}
		if n != len(own)+len(others) {
			t.Fatalf("%d of %d findings are there", n, len(own)+len(others))
		}
	}
}

func TestFaultClass(t *testing.T) {
	for _, tt := range []struct {
		rule, cwe string
		want      class
	}{
		{"x", "CWE-89", "sql"}, {"x", "cwe-089: Improper", "sql"}, {"x", "", ""}, {"x", "CWE-", ""}, {"bandit/B307", "CWE-78", "code"},
		{"ruff/S608", "", "sql"}, {"ruff/E501", "", ""}, {"gosec/G701", "CWE-89", "sql"}, {"eslint/no-eval", "", "code"},
	} {
		if got := faultClass(tt.rule, tt.cwe); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.rule, tt.cwe, got, tt.want)
		}
	}
}

func FuzzReaders(f *testing.F) {
	f.Add(`{"results":[{"check_id":"a","path":"a.py"}],"errors":[],"paths":{"scanned":["a.py"]}}`, "")
	f.Add(banditOut("", banditMetrics, banditCanary), "")
	f.Add(`[{"code":"S307","filename":"a.py","location":{"row":2}}]`, "")
	f.Add(`[{"filePath":"a.js","messages":[{"ruleId":"no-eval"}]}]`, "")
	f.Add(`[{"file":"b.js","ruleId":"my"}]`, "sg: summary|file: scannedFileCount=1,")
	f.Fuzz(func(t *testing.T, stdout, stderr string) {
		for _, x := range externals() {
			c := call{dir: "/nowhere/tree", files: 1}
			got, err := x.read(c, []byte(stdout), []byte(stderr))
			if err != nil {
				continue
			}
			for _, r := range got.found {
				if r.Severity == "" {
					t.Errorf("%s: no severity: %+v", x.name, r)
				}
			}
			if r, err := x.judge(got, c, nil, "", "1"); err == nil {
				for _, r := range r.found {
					if !insideTree(string(r.Path)) {
						t.Errorf("%s: %q is outside", x.name, r.Path)
					}
				}
			}
		}
	})
}
