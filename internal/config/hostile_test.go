package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// bomb is a file whose aliases multiply to 10^n lists.
func bomb(n int) string {
	var b strings.Builder
	b.WriteString("x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "x%d: &x%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i-1), 10), ", "))
	}
	return b.String()
}

// severities is a file in which many gates share one large map.
func sharedMap(gates, rules int) string {
	var b strings.Builder
	b.WriteString("gates:\n  g: {sarif: a, severity: &s {")
	for i := range rules {
		fmt.Fprintf(&b, "r%d: note, ", i)
	}
	b.WriteString("}}\n")
	for i := range gates {
		fmt.Fprintf(&b, "  g%d: {sarif: a, severity: *s}\n", i)
	}
	return b.String()
}

func TestHostile(t *testing.T) {
	tests := map[string]struct {
		text  string
		place string // line:col
		want  string // a part of the first message
	}{
		"tag on a flow list":   {"gates: ![]", "1:8", `tag "![]"`},
		"alias bomb":           {bomb(9), "4:45", "aliases of this file repeat more than 10000 values"},
		"shared map":           {sharedMap(200, 200), "27:29", "repeat more than 10000"},
		"cycle through a list": {"waivers: &w [*w]", "1:14", "contains itself"},
		"deep flow":            {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "1:17", "nested too deeply"},
		"too deep for YAML":    {strings.Repeat("[", 200_000), "1:1", "not YAML: exceeded max depth"},
		"deep block":           {strings.Repeat("- ", 5000) + "a", "1:33", "nested too deeply"},
		"deep below unknown":   {"x: " + strings.Repeat("{a: ", 50) + "1" + strings.Repeat("}", 50), "1:61", "nested too deeply"},
		"invalid UTF-8":        {"timeout: 5m\nx: \xff", "2:4", "not UTF-8"},
		"UTF-16":               {"\xff\xfet\x00", "1:1", "not UTF-8"},
		"NUL":                  {"timeout: 5\x00m", "1:11", "character U+0000"},
		"BOM inside":           {"timeout: \uFEFF5m", "1:10", "character U+FEFF"},
		"escape sequence":      {"# \x1b[31m", "1:3", "character U+001B"},
		"lone carriage return": {"timeout: 5m\rgates:", "1:12", "character U+000D"},
		"next line":            {"# a\u0085timeout: 5m", "1:4", "character U+0085"},
		"direction override":   {"timeout: 5m # \u202Em01", "1:15", "character U+202E"},
		"two empty documents":  {"---\n---\n", "2:1", "second document"},
		"broken second one":    {"a: 1\n---\n[", "3:1", "not YAML"},
		"list as a key":        {"? [a]\n: b", "1:3", "want text as a key, found a list"},
		"alias as a key":       {"timeout: &a 5m\n*a : b", "2:1", "want text as a key, found an alias"},
		"mapping of scalars":   {"gates: {g: [run, x]}", "1:9", "not built in"},
		"null in a table":      {"gates: {g: {sarif: a, severity: {error: }}}", "1:34", "has no value"},
		"blank rule":           {"gates: {g: {sarif: a, severity: {' ': note}}}", "1:34", "not blank"},
		"long name":            {"default_branch: " + strings.Repeat("a", 2000), "1:17", "the limit is 1024"},
		"tagged in a list":     {"gates: {g: {run: a, env: [!!str A]}}", "1:27", "tag"},
		"directive":            {"%YAML 3.0\n---\ntimeout: 5m", "1:1", "not YAML"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(".wf-ci.yml", []byte(tt.text))
			var all Errors
			if !errors.As(err, &all) || len(all) == 0 {
				t.Fatalf("got %v, want an error", err)
			}
			first := all[0]
			if !strings.Contains(first.Message, tt.want) {
				t.Errorf("message %q, want %q", first.Message, tt.want)
			}
			if place := fmt.Sprintf("%d:%d", first.Line, first.Col); place != tt.place {
				t.Errorf("at %s, want %s", place, tt.place)
			}
		})
	}
}

// TestLarge feeds files that are large in one way each. All have to come to an
// end soon, whatever the end is. (The limit is for busy machines; what has gone
// wrong takes minutes.)
func TestLarge(t *testing.T) {
	fill := func(part string) string { return strings.Repeat(part, maxSize/len(part)) }
	tests := map[string]string{
		"lines":       fill("\n"),
		"comments":    fill("# a\n"),
		"indented":    "a:\n" + fill("  # a\n"),
		"keys":        fill("a: 1\n"),
		"flow":        fill("{"),
		"mixed":       fill("[{"),
		"dashes":      fill("- "),
		"questions":   fill("? "),
		"anchors":     "a: [" + fill("&a 1,"),
		"aliases":     "a: &a 1\nb: [" + fill("*a,") + "]",
		"quotes":      fill("'"),
		"bang":        fill("!"),
		"tags":        "[" + fill("!a ,"),
		"one line":    fill("a"),
		"one key":     fill("a") + ": 1",
		"colons":      fill(":"),
		"block text":  "gates: {g: {run: |\n" + fill(" x\n"),
		"stairs":      stairs(700),
		"names":       "gates: {g: {run: x, env: [" + numbered("A%d,", 35_000) + "]}}",
		"wrong keys":  "{" + numbered("k%d: 1, ", 20_000) + "}",
		"wrong gates": "gates: {" + numbered("G%d: {run: x}, ", 15_000) + "}",
		"own gates":   "gates: {" + numbered("g%d: {run: x}, ", 15_000) + "}",
		"lost waivers": "gates: {" + numbered(strings.Repeat("g", 55)+"%d: {run: x}, ", 1700) + "}\nwaivers:\n" +
			numbered("- {gate: "+strings.Repeat("h", 55)+"%d, fingerprint: a, reason: r, owner: o, expires: 2027-01-31}\n", 1000),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse("f", []byte(text[:min(len(text), maxSize)]))
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if err != nil && len(err.Error()) > 50_000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// stairs is a mapping in a mapping in a mapping.
func stairs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestTooLarge(t *testing.T) {
	_, err := Parse(".wf-ci.yml", []byte(strings.Repeat("gates: {}\n", 1<<20)))
	want := ".wf-ci.yml:1:1: file of 10240 KiB: the limit is 256 KiB\n  gates: {}\n  ^"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestManyMistakes(t *testing.T) {
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "k%d: 1\n", i)
	}
	_, err := Parse("f", []byte(text.String()))
	if errs, ok := err.(Errors); !ok || len(errs) != 500 {
		t.Errorf("got %d errors", len(errs))
	}
	if got := err.Error(); !strings.HasSuffix(got, "\n... and 480 more mistakes") || strings.Count(got, "unknown key") != shown {
		t.Errorf("got %s", got)
	}
}

// TestPanic has the YAML parser give up in the worst way.
func TestPanic(t *testing.T) {
	_, err := decode(nil)
	if err == nil || !strings.Contains(err.Error(), "gave up") {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "gates: ![]", bomb(3), "a: &a [*a]", "timeout: 5m\n---\n", "\xef\xbb\xbf{}",
		"gates:\n  coverage: {min: 80, report: coverage.out}\n  my-check: {run: \"make check\", sarif: out.sarif}\n",
		"waivers:\n  - {gate: secrets, fingerprint: \"…\", reason: \"test key\", owner: \"@ana\", expires: 2027-01-31}\n",
		"gates: {g: {run: a, env: [A], sarif: b, severity: {error: note}, dir: c}}",
		"worktree: {max_active: 4, ports: 8100-8199}\ncosts: {timezone: UTC}\n",
		"gates:\n  sast: &s {required: false}\n  deps: *s\n  x:\n    <<: *s\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yml", data)
		again, err2 := Parse("f.yml", data)
		if !reflect.DeepEqual(c, again) || !reflect.DeepEqual(err, err2) {
			t.Fatal("parsed twice, two results")
		}
		if err == nil {
			checkRight(t, c)
			return
		}
		lines := strings.Split(strings.TrimPrefix(string(data), "\uFEFF"), "\n")
		for _, e := range err.(Errors) {
			if e.Line < 1 || e.Line > len(lines) || e.Col < 1 || e.Col > utf8.RuneCountInString(lines[e.Line-1])+1 {
				t.Errorf("%d:%d is outside the file", e.Line, e.Col)
			}
			if e.Message == "" || escape(e.Error()) != strings.ReplaceAll(e.Error(), "\n", `\x0a`) {
				t.Errorf("not fit to print: %q", e.Error())
			}
			for line := range strings.SplitSeq(e.Source, "\n") {
				if len(line) > 20*maxSource {
					t.Errorf("a source line of %d bytes", len(line))
				}
			}
		}
	})
}

// checkRight checks what holds for every configuration.
func checkRight(t *testing.T, c *Config) {
	t.Helper()
	if w := Weakened(c, c); len(w) > 0 {
		t.Errorf("weaker than itself: %v", w)
	}
	for id, g := range c.Gates.All() {
		if g.Timeout <= 0 || g.Scope == "" || g.BlockOn == "" {
			t.Errorf("gate %s: %+v", id, g)
		}
	}
	for _, s := range c.Settings() {
		if s.Origin == "" || strings.Contains(s.Value, "\n") {
			t.Errorf("setting %+v", s)
		}
	}
}
