package runnertest_test

import (
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/ci/runnertest"
)

// The emulator has to see commands, or what it does not see proves nothing.
func TestParse(t *testing.T) {
	for line, want := range map[string]string{
		"::error::x": "error",
		"  \t\u2028\u00a0::ERROR file=a,line=2::x": "error",
		"text ##[set-output name=verdict]pass":     "set-output",
		"##[debug]x":                               "debug",
		"::set-env name=A::b":                      "set-env",
		"::unknown::##[error]x":                    "error",
		"::endgroup::":                             "endgroup",
		"::error":                                  "",
		"x ::error::y":                             "",
		": :error::y":                              "",
		"## [error]y":                              "",
		"##[error y":                               "",
		"::unknown::y":                             "",
		"\u200b::error::y":                         "",
		":\u00ad:error::y":                         "",
	} {
		c, ok := runnertest.Parse(line, "")
		if ok != (want != "") || c.Name != want {
			t.Errorf("Parse(%q) = %q, %v; want %q", line, c.Name, ok, want)
		}
	}
}

func TestUnescape(t *testing.T) {
	c, ok := runnertest.Parse("::error file=a%2Cb%3Ac,line=3,empty=,title=x=y::100%25 a%0Ab%0D%3A", "")
	if !ok || c.Data != "100% a\nb\r%3A" || c.Properties["file"] != "a,b:c" || c.Properties["line"] != "3" ||
		c.Properties["title"] != "x=y" || len(c.Properties) != 3 {
		t.Errorf("%+v", c)
	}
	c, ok = runnertest.Parse("log ##[error file=a%3Bb;line=3]1%5D2", "")
	if !ok || c.Data != "1]2" || c.Properties["file"] != "a;b" {
		t.Errorf("%+v", c)
	}
}

func TestLines(t *testing.T) {
	for stream, want := range map[string]string{
		"a\nb\r\nc\rd":                       "a|b|c|d",
		"\xef\xbb\xbf::error::x\n":           "::error::x",
		"\xff\xfe:\x00:\x00e\x00\n\x00x\x00": "::e|x",
		"\xfe\xff\x00#\x00#":                 "##",
		"\x00\x00\xfe\xff\x00\x00\x00a":      "a",
		"\xff\xfe\x00\x00a\x00\x00\x00":      "a",
		"x\xff":                              "x\uFFFD",
		"a\n\nb\n":                           "a||b",
		"":                                   "",
		"no\u2028line\u0085here\vor\fhere":   "no\u2028line\u0085here\vor\fhere",
	} {
		if got := strings.Join(runnertest.Lines([]byte(stream), false), "|"); got != want {
			t.Errorf("Lines(%q) = %q, want %q", stream, got, want)
		}
	}
}

func TestRunner(t *testing.T) {
	var r runnertest.Runner
	hidden := "a-" + "value"
	r.Read([]byte("::add-mask::" + hidden + "\nsee " + hidden + "\n::stop-commands::tok\n::error::no\n::tok::\n" +
		strings.Repeat("::warning line=1,endLine=2,col=3::w\n", 12) + "::set-env name=A::b\nx ##[set-output name=o]v\n"))
	if got := strings.Join(r.Log, "|"); got != "see ***|::error::no" {
		t.Errorf("log %q", got)
	}
	if len(r.Issues["warning"]) != 10 || r.Dropped["warning"] != 2 || r.Issues["warning"][0].Properties["col"] != "" {
		t.Errorf("warnings %v, dropped %v", r.Issues, r.Dropped)
	}
	if len(r.Failures) != 1 || r.Outputs["o"] != "v" || len(r.Issues["error"]) != 0 {
		t.Errorf("%+v", r)
	}
	if r.ReadSummary(make([]byte, 1<<20)) != nil || r.ReadSummary(make([]byte, 1<<20+1)) == nil {
		t.Error("the bound of the summary is wrong")
	}
}

func TestPairs(t *testing.T) {
	for text, want := range map[string]string{
		"a=b\n":                    "a=b",
		"a=b<<c\n\nx=\n":           "a=b<<c|x=",
		"a<<D\n1\n2\nD\nb<<E\nE\n": "a=1\n2|b=",
		"a<<D\n\nD\n":              "a=",
		"a<<D\n\n\nD\n":            "a=\n",
		"a<<D\nx\r\nD":             "a=x\r",
		"a<<D\nx\n":                "error",
		"a<<D\nx":                  "error",
		"nonsense\n":               "error",
		"<<D\nD\n":                 "error",
		"a<<\n":                    "error",
	} {
		pairs, err := runnertest.Pairs(text)
		var parts []string
		for _, p := range pairs {
			parts = append(parts, p[0]+"="+p[1])
		}
		if err != nil {
			parts = []string{"error"}
		}
		if got := strings.Join(parts, "|"); got != want {
			t.Errorf("Pairs(%q) = %q, want %q", text, got, want)
		}
	}
}
