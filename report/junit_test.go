package report

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
)

type looseJUnit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Name  string `xml:"name,attr"`
		Tests int    `xml:"tests,attr"`
		Cases []struct {
			Failure, Error, Skipped *struct{}
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func parseJUnit(t *testing.T, v *gates.Verdict) looseJUnit {
	t.Helper()
	var j looseJUnit
	if err := xml.Unmarshal([]byte(render(t, JUnit, v)), &j); err != nil {
		t.Fatal(err)
	}
	return j
}

// TestJUnitVerdict: a dashboard is red exactly when the verdict is not pass.
func TestJUnitVerdict(t *testing.T) {
	optional := clean()
	optional.Gates = append(optional.Gates, erredGate("sast", false, "no"))
	nothing := clean()
	nothing.Decision, nothing.Reasons = gates.Inconclusive, []string{"no gate looked at anything"}
	nothing.Gates = nothing.Gates[1:]
	for name, v := range map[string]*gates.Verdict{
		"fail": fixture(), "pass": clean(), "optional error": optional, "nothing looked at": nothing,
		"no gates": {Decision: gates.Inconclusive}, "hostile": hostileVerdict("a\x00\xff", "]]>", "\ufffe\x0b&lt;", "\x1b"),
	} {
		t.Run(name, func(t *testing.T) {
			j := parseJUnit(t, v)
			if red := j.Failures+j.Errors > 0; red == (v.Decision == gates.Pass) {
				t.Errorf("%d failures, %d errors: %s", j.Failures, j.Errors, v.Decision)
			}
			total := 0
			for _, s := range j.Suites {
				if len(s.Cases) != s.Tests || s.Tests == 0 {
					t.Errorf("suite %s: %d cases, says %d", s.Name, len(s.Cases), s.Tests)
				}
				total += s.Tests
			}
			if total != j.Tests {
				t.Errorf("%d cases, says %d", total, j.Tests)
			}
		})
	}
}

// FuzzJUnit holds the XML to be XML, whatever the bytes.
func FuzzJUnit(f *testing.F) {
	f.Add("a.go", "message")
	f.Add("\x00\xff\ufffe", "]]>&<\x1b")
	f.Fuzz(func(t *testing.T, path, message string) {
		d := xml.NewDecoder(strings.NewReader(render(t, JUnit, hostileVerdict(path, message, message, path))))
		for {
			if _, err := d.Token(); err == io.EOF {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}
