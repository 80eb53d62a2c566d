package ci_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/ci/runnertest"
)

func TestAnnotate(t *testing.T) {
	place := ci.Place{Title: "a: b, c", File: "src/a,b:c%.go", Line: 3, EndLine: 3, Column: 2, EndColumn: 9}
	message := "100% of\r\nthis ::error:: ##[error]x, 界"
	r := say(t, func(c *ci.Commands) error { return c.Annotate(ci.LevelError, place, message) })
	got := r.Issues["error"][0]
	want := map[string]string{
		"title": place.Title, "file": place.File, "line": "3", "endLine": "3", "col": "2", "endColumn": "9",
	}
	if got.Message != strings.ReplaceAll(message, "##[", "## [") || fmt.Sprint(got.Properties) != fmt.Sprint(want) {
		t.Errorf("%+v, want %v", got, want)
	}
	if len(r.Commands) != 1 || len(r.Log) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAnnotatePlaces(t *testing.T) {
	for _, test := range []struct {
		at   ci.Place
		want string
	}{
		{ci.Place{}, "::warning::m"},
		{ci.Place{File: "a"}, "::warning file=a::m"},
		{ci.Place{File: "a", Column: 3}, "::warning file=a::m"},
		{ci.Place{File: "a", Line: 2, EndLine: 4, Column: 3, EndColumn: 1}, "::warning endLine=4,file=a,line=2::m"},
		{ci.Place{File: "a", Line: 4, EndLine: 2}, "::warning endLine=4,file=a,line=4::m"},
		{ci.Place{File: "a", Line: 4, Column: 5, EndColumn: 2}, "::warning col=5,file=a,line=4::m"},
		{ci.Place{File: "a\nb", Line: -1}, "::warning file=a%0Ab::m"},
	} {
		var out bytes.Buffer
		if err := ci.NewCommands(ci.NewWriter(&out), actions).Annotate(ci.LevelWarning, test.at, "m"); err != nil {
			t.Error(err)
		}
		if got := strings.TrimSpace(out.String()); got != test.want {
			t.Errorf("%+v: %s, want %s", test.at, got, test.want)
		}
	}
}

func TestAnnotateCut(t *testing.T) {
	for _, unit := range []string{"x", "é", "😀", "%"} {
		r := say(t, func(c *ci.Commands) error {
			return c.Annotate(ci.LevelNotice, ci.Place{}, strings.Repeat(unit, 5000))
		})
		got := r.Issues["notice"][0].Message
		if n := len(utf16.Encode([]rune(got))); n > ci.MaxMessage || n < ci.MaxMessage-1 || !strings.HasSuffix(got, unit+"…") {
			t.Errorf("%q: %d units, end %q", unit, n, got[len(got)-8:])
		}
	}
	whole := strings.Repeat("x", ci.MaxMessage)
	r := say(t, func(c *ci.Commands) error { return c.Notice(whole) })
	if r.Issues["notice"][0].Message != whole {
		t.Error("a message that fits was cut")
	}
}

// A message cannot hide the colons before it, nor be another command.
func TestAnnotateHostile(t *testing.T) {
	for _, message := range append([]string{"\u0301::error::x", "\u200d\u00ad", "\x00\xff\xfe", "\n::error::x", "%d %s %!"}, hostile...) {
		r := say(t, func(c *ci.Commands) error {
			return c.Annotate(ci.LevelNotice, ci.Place{Title: message, File: message, Line: 1}, message)
		})
		if len(r.Commands) != 1 || r.Commands[0].Name != "notice" || len(r.Log) != 0 {
			t.Errorf("%q: %+v", message, r)
		}
	}
}

// What could hide the colons before it is taken from the start of a message:
// the runner searches for them by the rules of a language.
func TestAnnotateLead(t *testing.T) {
	for _, lead := range []string{"\u0301", "\u200d\u00ad", "\x00\x01", "\ufeff"} {
		r := say(t, func(c *ci.Commands) error { return c.Notice(lead + "m\u0301") })
		if got := r.Issues["notice"][0].Message; got != "m\u0301" {
			t.Errorf("%q: %q", lead, got)
		}
	}
}

func TestAnnotateLevel(t *testing.T) {
	var out bytes.Buffer
	err := ci.NewCommands(ci.NewWriter(&out), actions).Annotate("set-output name=x", ci.Place{}, "m")
	if err == nil || out.Len() > 0 {
		t.Errorf("Annotate = %v, wrote %q", err, out.String())
	}
}

func TestMask(t *testing.T) {
	first, second := "first"+"-line", "second"+"-line"
	for value, want := range map[string]string{
		first: "[" + first + "]",
		"{\r\n  " + first + "\n\n" + second + "\n}\n": "[" + first + " " + second + "]",
		"":               "[]",
		" \n\t\n":        "[]",
		"a%b" + "::c":    "[a%b::c]",
		"\u0301" + first: "[" + first + "]",
		"ab":             "[ab]",
	} {
		r := say(t, func(c *ci.Commands) error { return c.Mask(ci.Secret(value)) })
		if got := fmt.Sprint(r.Masks); got != want || len(r.Log)+len(r.Failures) > 0 {
			t.Errorf("Mask(%q): masks %s, want %s; %+v", value, got, want, r)
		}
	}
}

func TestGroup(t *testing.T) {
	r := say(t, func(c *ci.Commands) error {
		if err := c.Group("50% ##[endgroup]\nx"); err != nil {
			return err
		}
		return c.EndGroup()
	})
	if len(r.Commands) != 2 || r.Commands[0].Data != "50% ## [endgroup]\nx" || r.Commands[1].Name != "endgroup" {
		t.Errorf("%+v", r.Commands)
	}
}

// Outside of Actions nobody takes a mask away: printed, it would be the leak.
func TestCommandsOutside(t *testing.T) {
	var out bytes.Buffer
	c := ci.NewCommands(ci.NewWriter(&out), env())
	for _, err := range []error{c.Mask("hidden" + "-value"), c.Notice("x"), c.Group("x"), c.EndGroup()} {
		if err != nil {
			t.Error(err)
		}
	}
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}

func TestSecretHidden(t *testing.T) {
	value := "to" + "ken"
	s := struct{ Token ci.Secret }{ci.Secret(value)}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v %q %s", s, s, s.Token, s.Token), string(data)} {
		if strings.Contains(text, value) || !strings.Contains(text, "hidden") {
			t.Errorf("shown as %s", text)
		}
	}
}

// say is what the runner makes of what is said.
func say(t *testing.T, f func(c *ci.Commands) error) runnertest.Runner {
	t.Helper()
	var out bytes.Buffer
	if err := f(ci.NewCommands(ci.NewWriter(&out), actions)); err != nil {
		t.Fatal(err)
	}
	var r runnertest.Runner
	r.Read(out.Bytes())
	return r
}
