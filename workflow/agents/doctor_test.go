package agents

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

func checker(t testing.TB, installed Installed) *Checker {
	t.Helper()
	k, err := NewChecker(builtin(t), installed, []string{"my-skill"})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestDoctor(t *testing.T) {
	k := checker(t, Installed{Looked: true, Agents: []Local{{Name: "debugger", Plugin: "error-debugging"}, {Name: "mine"}}})
	for text, want := range map[string]string{
		"debugging-toolkit:debugger.":                     "1 renamed debugging-toolkit-debugger",
		"x\n  (unit-testing:test-automator)":              "4 renamed unit-testing-test-automator",
		"superpowers:code-reviewer":                       "1 gone feature-dev:code-reviewer",
		"error-debugging:debugger is installed":           "",
		"feature-dev:code-explorer":                       "",
		"debugging-toolkit-debugger":                      "",
		"python-development:python-pro":                   "",
		"https://unit-testing:x@host/ a/unit-testing:foo": "",
		"key: value, 10:30, foo:bar":                      "",
		"unit-testing:nothing":                            "1 missing ",
		`subagent_type="mine"`:                            "",
		`subagent_type: 'Exploer'`:                        "17 missing Explore",
		`[AGENT: my-skill] [AGENT: other-skill]`:          "",
		`subagent_type: "unit-testing:debugger"`:          "17 renamed unit-testing-debugger", // once
		"voltagent-lang:golang-pro":                       "",
	} {
		list, err := k.Check("f", strings.NewReader(text))
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, s := range list {
			got = append(got, fmt.Sprintf("%d %s %s", s.Column, s.Kind, s.Now))
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Pieces of a long line show what the whole would: wherever an id stands.
func TestDoctorPieces(t *testing.T) {
	k := checker(t, Installed{})
	const id = "debugging-toolkit:debugger"
	for _, at := range []int{0, 100, window - 513, window - 512, window - 511, window - 30, window - 10, window - 1, window, window + 1, 2*window - 600, 2*window - 5, 3 * window} {
		text := bytes.Repeat([]byte{' '}, 3*window+100)
		copy(text[at:], id)
		for name, r := range map[string]*bytes.Reader{"": bytes.NewReader(text), "newline": bytes.NewReader(append(bytes.Clone(text), "\nx"...))} {
			list, err := k.Check("f", iotest.HalfReader(r))
			if err != nil || len(list) != 1 || list[0].Column != at+1 || list[0].Line != 1 {
				t.Errorf("%s at %d: %v %v", name, at, list, err)
			}
		}
	}
}

func FuzzDoctor(f *testing.F) {
	k := checker(f, Installed{})
	f.Add("subagent_type: \"unit-testing:debugger\"\nsuperpowers:code-reviewer")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := k.Check("f", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(text, "\n")
		for _, s := range list {
			if !strings.HasPrefix(lines[s.Line-1][s.Column-1:], s.ID) {
				t.Errorf("%+v is not there", s)
			}
		}
	})
}
