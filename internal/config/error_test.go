package config

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExcerpt(t *testing.T) {
	tests := map[string]struct {
		line string
		col  int
		want string
	}{
		"plain":           {"timeout: x", 10, "timeout: x\n         ^"},
		"tabs stay":       {"\ta:\tb", 5, "\ta:\tb\n\t  \t^"},
		"wide":            {"日本: x", 5, "日本: x\n      ^"},
		"combining":       {"e\u0301: x", 5, "e\u0301: x\n   ^"},
		"escaped":         {"\x1b: x", 4, "\\x1b: x\n      ^"},
		"invisible":       {"\u202e: x", 4, "\\u202e: x\n        ^"},
		"after the end":   {"a", 2, "a\n ^"},
		"far outside":     {"a", 99, "a\n ^"},
		"empty":           {"", 1, "\n^"},
		"invalid":         {"a\xff", 2, "a\uFFFD\n ^"},
		"secret before":   {"token: abcdefgh, x: y", 18, "token: ********, x: y\n                 ^"},
		"secrets is none": {"secrets: false", 10, "secrets: false\n         ^"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := excerpt(tt.line, tt.col); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestExcerptIsCut(t *testing.T) {
	long := strings.Repeat("ab ", 300)
	for _, col := range []int{1, 50, 101, 450, 800, 850, 900, 901} {
		line, caret, _ := strings.Cut(excerpt(long, col), "\n")
		at := utf8.RuneCountInString(caret) - 1
		runes := []rune(line)
		if len(runes) != maxSource {
			t.Fatalf("col %d: %d characters", col, len(runes))
		}
		// The caret stands under the same letter as in the whole line.
		if col <= len(long) && runes[at] != rune(long[col-1]) {
			t.Errorf("col %d: caret under %q, want %q", col, runes[at], long[col-1])
		}
	}
}

func TestMask(t *testing.T) {
	tests := map[string]string{
		"run: make check":                                    "run: make check",
		"secrets: {history: full}":                           "secrets: {history: full}",
		"gate: secrets, fingerprint: ab":                     "gate: secrets, fingerprint: ab",
		"sarif: reports/one/two/three/four.json":             "sarif: reports/one/two/three/four.json",
		"reason: a-very-long-reason-with-dashes":             "reason: a-very-long-reason-with-dashes",
		"password: hunter2":                                  "password: *******",
		"client_secret: \"hunter2\"":                         "client_secret: \"*******\"",
		"API_KEY=hunter2 make":                               "API_KEY=******* make",
		"db://ana:hunter2@host":                              "db://ana:*******@host",
		"x: AKIAIOSFODNN7EXAMPLE":                            "x: ********************",
		"x: ghp_0123456789abcdefghij":                        "x: ************************",
		"x: 3f786850e387550fdab836ed7e6dc881":                "x: ********************************",
		"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc": "Authorization: Bearer " + strings.Repeat("*", 28),
	}
	for text, want := range tests {
		if got := mask(text); got != want {
			t.Errorf("mask(%q)\n got %q\nwant %q", text, got, want)
		}
	}
}

// planted is a secret, put together so that this file does not hold one.
const planted = "ghp_" + "0123456789abcdefghijABCDEFGHIJ456789"

// TestNoSecretInErrors puts a secret where people put them by mistake.
func TestNoSecretInErrors(t *testing.T) {
	for _, text := range []string{
		"token: " + planted,
		planted + ": x",
		"gates: {" + planted + ": {}}",
		"gates: {g: {run: [" + planted + "]}}",
		"gates: {g: {run: x, env: [TOKEN=" + planted + "]}}",
		"gates: {g: {run: x, env: {TOKEN: " + planted + "}}}",
		"gates: {g: {run: x, env: [" + planted + ", " + planted + "]}}",
		"gates: {g: " + planted + "}",
		"default_branch: '" + planted + " x'",
		"timeout: " + planted,
		"x: !" + planted + " y",
		"x: *" + planted,
		"costs: {timezone: " + planted + "}",
		"a: b: " + planted,
		"gates: {g: {sarif: a, severity: {error: " + planted + "}}}",
	} {
		_, err := Parse("f", []byte(text))
		if err == nil {
			t.Errorf("no error in %s", text)
		} else if strings.Contains(err.Error(), planted[4:]) {
			t.Errorf("the secret is in:\n%v", err)
		}
	}
}

func TestPaths(t *testing.T) {
	tests := []struct {
		format, text, want string // want "": refused
	}{
		{"file", "a", "a"}, {"file", "./a", "a"}, {"file", "a/b.c", "a/b.c"}, {"file", ".a", ".a"}, {"file", "..a/b", "..a/b"},
		{"file", "a/./b", "a/b"}, {"file", "...", "..."}, {"file", "a b/c", "a b/c"}, {"file", "日本", "日本"},
		{"file", ".", ""}, {"file", "./.", ""}, {"file", "", ""}, {"file", "a/", ""}, {"file", "/a", ""}, {"file", "..", ""},
		{"file", "../a", ""}, {"file", "a/../b", ""}, {"file", "a/..", ""}, {"file", "a//b", ""}, {"file", `a\b`, ""}, {"file", `..\a`, ""},
		{"folder", "a/", "a"}, {"folder", "a/b/", "a/b"}, {"folder", "/", ""}, {"folder", "../", ""},
	}
	for _, tt := range tests {
		got, f := formats[tt.format].apply(tt.text)
		if got != tt.want || (f == nil) != (tt.want != "") {
			t.Errorf("%s %q: got %q, %v", tt.format, tt.text, got, f)
		}
	}
	if got, f := formats["folder"].apply("./."); got != "" || f != nil {
		t.Errorf("the root: got %q, %v", got, f)
	}
}

func TestErrorWithoutPlace(t *testing.T) {
	e := Error{File: "flag --timeout", Message: "want a duration", Hint: "10m"}
	if got, want := e.Error(), "flag --timeout: want a duration\n  10m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorsUnwrap(t *testing.T) {
	_, err := Parse("f.yml", []byte("timeot: 5m"))
	var first Error
	if !errors.As(err, &first) || first.File != "f.yml" || first.Line != 1 || first.Hint != `did you mean "timeout"?` {
		t.Errorf("got %+v", first)
	}
}

func TestNearest(t *testing.T) {
	tests := []struct {
		word string
		want string
	}{
		{"covrage", "coverage"}, {"coverag", "coverage"}, {"converage", "coverage"}, {"ocverage", "coverage"},
		{"Coverage", "coverage"}, {"lnit", "lint"}, {"cov", "coverage"}, {"co", ""}, {"", ""},
		{"something", ""}, {strings.Repeat("coverage", 10), ""},
	}
	for _, tt := range tests {
		if got := nearest(tt.word, BuiltIn(), 2); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1},
		{"abc", "abd", 1}, {"abc", "xabc", 1}, {"kitten", "sitting", 3}, {"é", "e", 1},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
