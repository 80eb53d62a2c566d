package sast

import (
	"strings"
	"testing"
)

// Where values go within a function.
func TestTaint(t *testing.T) {
	needParsers(t)
	rules := map[family]string{
		javascript: "[{pattern: source()}, {pattern: req.query}]",
		python:     "[{pattern: source()}]",
		golang:     "[{pattern: source()}]",
		rust:       "[{pattern: source()}]",
	}
	compiledFor := make(map[family]*Rules)
	for f, sources := range rules {
		r, err := Parse("x.yml", []byte(`rules:
  - id: flow
    languages: [`+f.String()+`]
    severity: ERROR
    message: m
    mode: taint
    pattern-sources: `+sources+`
    pattern-sinks: [{patterns: [{pattern: sink($X)}, {focus-metavariable: $X}]}]
    pattern-sanitizers: [{pattern: clean(...)}]
`))
		if err != nil {
			t.Fatal(err)
		}
		compiledFor[f] = r
	}
	for _, tt := range []struct {
		name   string
		family family
		code   string
		want   int
	}{
		{"at once", javascript, "sink(source())", 1},
		{"variable", javascript, "const a = source(); sink(a)", 1},
		{"overwritten", javascript, "let a = source(); a = 1; sink(a)", 0},
		{"other variable", javascript, "const a = source(); sink(b)", 0},
		{"concatenation", javascript, "sink('a' + source() + 'b')", 1},
		{"comparison", javascript, "sink(source() === 1)", 0},
		{"template", javascript, "const a = source(); sink(`x${a}y`)", 1},
		{"append", javascript, "let a = 'x'; a += source(); sink(a)", 1},
		{"method", javascript, "sink(source().trim().toLowerCase())", 1},
		{"length", javascript, "sink(source().length)", 0},
		{"test", javascript, "sink(source().includes('a'))", 0},
		{"sanitizer", javascript, "sink(clean(source()))", 0},
		{"sanitized variable", javascript, "let a = source(); a = clean(a); sink(a)", 0},
		{"unknown function", javascript, "sink(lookup(source()))", 0},
		{"passing function", javascript, "sink(String(decodeURIComponent(source())))", 1},
		{"join", javascript, "sink(['a', source()].join(' '))", 1},
		{"push", javascript, "const l = []; l.push(source()); sink(l.join(' '))", 1},
		{"ternary", javascript, "sink(x ? source() : 'a')", 1},
		{"ternary condition", javascript, "sink(source() ? 'b' : 'a')", 0},
		{"default", javascript, "sink(source() || 'a')", 1},
		{"branch", javascript, "let a = 1; if (x) { a = source() } sink(a)", 1},
		{"both branches", javascript, "let a = source(); if (x) { a = 1 } else { a = 2 } sink(a)", 0},
		{"one branch", javascript, "let a = source(); if (x) { a = 1 } sink(a)", 1},
		{"branch that leaves", javascript, "function f() { let a = 1; if (x) { a = source(); return } sink(a) }", 0},
		{"guard", javascript, "function f() { const a = source(); if (!ok.includes(a)) return; sink(a) }", 0},
		{"guard that stays", javascript, "function f() { const a = source(); if (!ok.includes(a)) log(); sink(a) }", 1},
		{"guarded", javascript, "const a = source(); if (ok.has(a)) { sink(a) }", 0},
		{"not guarded", javascript, "const a = source(); if (!ok.has(a)) { sink(a) }", 1},
		{"loop", javascript, "let a = 1; for (const x of l) { sink(a); a = source() }", 1},
		{"for of", javascript, "for (const x of source()) sink(x)", 1},
		{"callback", javascript, "source().forEach((x) => sink(x))", 1},
		{"closure", javascript, "const a = source(); f(() => sink(a))", 1},
		{"parameter hides", javascript, "const a = source(); f((a) => sink(a))", 0},
		{"destructured value", javascript, "const {a, b: [c]} = source(); sink(c)", 1},
		{"destructured source", javascript, "const {query, body} = req; sink(query.a); sink(body)", 1},
		{"member", javascript, "o.a = source(); sink(o.a); sink(o.b)", 1},
		{"object", javascript, "sink({a: source()})", 1},
		{"await", javascript, "async function f() { sink(await source()) }", 1},
		{"spread", javascript, "sink([...source()])", 1},
		{"key", javascript, "sink(table[source()])", 0},
		{"switch", javascript, "let a = 1; switch (x) { case 1: a = source(); break; default: a = 2 } sink(a)", 1},
		{"try", javascript, "let a; try { a = source() } catch (e) { a = 1 } sink(a)", 1},

		{"f-string", python, "a = source()\nsink(f'x{a}')", 1},
		{"percent", python, "sink('x%s' % source())", 1},
		{"format", python, "sink('x{}'.format(source()))", 1},
		{"tuple", python, "a, b = 1, source()\nsink(a)\nsink(b)", 1},
		{"with", python, "with source() as a:\n    sink(a)", 1},
		{"comprehension", python, "sink([x for x in source()])", 1},
		{"walrus", python, "if (a := source()):\n    sink(a)", 1},
		{"not in", python, "def f():\n    a = source()\n    if a not in OK:\n        raise X\n    sink(a)", 0},
		{"dictionary", python, "d = {}\nd['a'] = source()\nsink(d)", 1},
		{"conditional", python, "sink(1 if source() else 2)\nsink(source() if x else 2)", 1},
		{"elif", python, "a = 1\nif x:\n    pass\nelif y:\n    a = source()\nsink(a)", 1},

		{"go variable", golang, "func f() { a := source(); sink(a) }", 1},
		{"go two", golang, "func f() { a, err := source(); sink(a); sink(err) }", 1},
		{"go sprintf", golang, "import \"fmt\"\nfunc f() { a := source(); sink(fmt.Sprintf(\"%s\", a)) }", 1},
		{"go bytes", golang, "func f() { sink([]byte(source())) }", 1},
		{"go append", golang, "func f() { var l []string; l = append(l, source()); sink(l) }", 1},
		{"go range", golang, "func f() { for _, x := range source() { sink(x) } }", 1},
		{"go if init", golang, "func f() { if a := source(); a != \"\" { sink(a) } }", 1},

		{"rust let", rust, "fn f() { let a = source(); sink(a); sink(&a); }", 2},
		{"rust format", rust, "fn f() { let a = source(); sink(format!(\"x{}\", a)); }", 1},
		{"rust inline", rust, "fn f() { let a = source(); sink(format!(\"x{a}\")); }", 1},
		{"rust method", rust, "fn f() { sink(source().unwrap().to_string()); }", 1},
		{"rust question", rust, "fn f() { let a = source()?; sink(a); }", 1},
		{"rust tail", rust, "fn f() { let a = if x { source() } else { y }; sink(a); }", 1},
	} {
		t.Run(tt.family.String()+" "+tt.name, func(t *testing.T) {
			parsed := parse(t, tt.family, tt.code)
			if parsed.Root().HasError() {
				t.Fatal("does not parse")
			}
			res, err := compiledFor[tt.family].file(ctx, parsed)
			if err != nil {
				t.Fatal(err)
			}
			if len(res.findings) != tt.want {
				t.Errorf("%d findings, want %d: %v\n%s\n%s", len(res.findings), tt.want, res.findings, tt.code, dump(newTree(parsed)))
			}
			for _, f := range res.findings {
				if !strings.Contains(f.Message, "comes from line") {
					t.Error(f.Message)
				}
			}
		})
	}
}
