package sast

import (
	"testing"

	"github.com/wf-ci/wf-ci/gates/syntax"
)

// No pattern makes the compiler or the matcher crash, or run for ever.
func FuzzPattern(f *testing.F) {
	needParsers(f)
	for _, p := range []string{"f($X, ...)", "$X = $Y", "\"...\"", "{..., a: $X, ...}", "<... f() ...>", "$...A", "if $X:\n    ...", "unsafe { ... }", "f(\"$X\")", "$X + $X"} {
		for fam := range uint8(4) {
			f.Add(fam, p)
		}
	}
	code := [families]string{
		javascript: "const a = require('b'); function f(x, ...y) { if (x) { return a.f(`x${y}`, {a: 1, b}) } }",
		python:     "import a as b\n@c.d('e')\ndef f(x, *y):\n    return b.g(f'{x}', z=1) if x else {'a': y}\n",
		golang:     "package p\nimport \"fmt\"\nfunc f(x int) { a, b := fmt.Sprint(x), []byte(\"y\"); _ = T{A: 1, B: a} }",
		rust:       "use a::{b, c as d};\nfn f(x: u8) -> u8 { let y = d::g(&x)?; unsafe { h!(\"{y}\", x) } }",
	}
	f.Fuzz(func(t *testing.T, fam uint8, src string) {
		fm := family(fam%4) + 1
		p, err := compile(ctx, fm, src, nil)
		if err != nil {
			return
		}
		m := matcher{t: newTree(parse(t, fm, code[fm])), steps: maxSteps}
		m.find(p)
		// and in itself
		m = matcher{t: p.t, steps: maxSteps}
		m.find(p)
	})
}

// No code makes a rule crash.
func FuzzCode(f *testing.F) {
	rules := builtinRules(f)
	first := map[family]syntax.Language{javascript: syntax.TSX, python: syntax.Python, golang: syntax.Go, rust: syntax.Rust}
	for i, x := range rules.list {
		if e := x.bad[0]; i%3 == 0 { // short ones: long inputs take minutes to be made smaller
			f.Add(uint8(first[x.families[0]])-1, []byte(e.code))
		}
	}
	f.Fuzz(func(t *testing.T, l uint8, src []byte) {
		languages := syntax.Languages()
		parsed, err := syntax.Parse(ctx, languages[int(l)%len(languages)], src)
		if err != nil {
			return
		}
		res, err := rules.file(ctx, parsed)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range res.findings {
			if x.Line < 0 || x.Line > parsed.Lines()+1 {
				t.Fatalf("line %d of %d", x.Line, parsed.Lines())
			}
		}
	})
}

// No rule file makes the loader crash.
func FuzzRules(f *testing.F) {
	f.Add([]byte(goodRule))
	f.Add([]byte("definitions: {a: &a [{pattern: x}]}\nrules: [{id: a, pattern-either: *a}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, err := Parse("x.yml", data)
		if err == nil && syntax.Available() {
			_ = rules.check(ctx)
		}
	})
}
