package sast

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Patterns and the places where they match, as line:text.
func TestMatch(t *testing.T) {
	needParsers(t)
	for _, tt := range []struct {
		name    string
		family  family
		pattern string
		imports map[string]string
		code    string
		want    []string // texts of the places
	}{
		{"call", javascript, "eval(...)", nil, "eval(x); evil(x); a.eval(x)", []string{"eval(x)"}},
		{"own function", javascript, "eval(...)", nil, "function eval(a) {} eval(x)", nil},
		{"metavariable", javascript, "f($X)", nil, "f(a); f(a, b); f()", []string{"f(a)"}},
		{"repeated", javascript, "$X == $X", nil, "a == a; a == b; f(x) == f( x )", []string{"a == a", "f(x) == f( x )"}},
		{"dots at end", javascript, "f(a, ...)", nil, "f(a); f(a, b, c); f(b, a)", []string{"f(a)", "f(a, b, c)"}},
		{"dots around", javascript, "f(..., {..., x: true, ...}, ...)", nil, "f({y: 1, x: true}); f({x: false}); f(1, {x: true}, 2)", []string{"f({y: 1, x: true})", "f(1, {x: true}, 2)"}},
		{"quoted key", javascript, "f({..., x: true, ...})", nil, `f({"x": true})`, []string{`f({"x": true})`}},
		{"any string", javascript, `f("...")`, nil, "f('a'); f(b); f(`c`); f(`c${d}`)", []string{"f('a')", "f(`c`)"}},
		{"string", javascript, `f("a")`, nil, "f('a'); f('b')", []string{"f('a')"}},
		{"assignment", javascript, "$X = f()", nil, "const a = f(); b = f(); let c = g()", []string{"a = f()", "b = f()"}},
		{"optional chain", javascript, "a.b.c", nil, "a?.b?.c", []string{"a?.b?.c"}},
		{"parentheses and types", javascript, "f($X.y)", nil, "f((x as any).y); f(x!.y)", []string{"f((x as any).y)", "f(x!.y)"}},
		{"template", javascript, "`...${$X}...`", nil, "", nil},
		{"statements", javascript, "const $X = f();\n...\ng($X);", nil, "const a = f(); h(); g(a); const b = f(); g(c)", []string{"const a = f(); h(); g(a);"}},
		{"arrow", javascript, "($X) => {...}", nil, "x => 1; (y) => { z() }; (a, b) => 1", []string{"x => 1", "(y) => { z() }"}},
		{"deep", javascript, "f(<... g() ...>)", nil, "f(1 + g()); f(h); f([g()])", []string{"f(1 + g())", "f([g()])"}},
		{"args", javascript, "f($...A, last)", nil, "f(1, 2, last); f(last); f(last, 1)", []string{"f(1, 2, last)", "f(last)"}},

		{"require", javascript, "child_process.exec(...)", nil, "const cp = require('child_process'); cp.exec(x); /a/.exec(x); cp.spawn(x)", []string{"cp.exec(x)"}},
		{"destructured", javascript, "child_process.exec(...)", nil, "const {exec: run} = require('node:child_process'); run(x); exec(x)", []string{"run(x)"}},
		{"import", javascript, "child_process.exec(...)", nil, "import {exec} from 'child_process'; import * as c from 'child_process'; exec(x); c.exec(y)", []string{"exec(x)", "c.exec(y)"}},
		{"import elsewhere", javascript, "child_process.exec(...)", nil, "import {exec} from './exec'; exec(x); re.exec(y)", nil},
		{"promisify", javascript, "child_process.exec(...)", nil, "const util = require('util'); const {exec} = require('child_process'); const run = util.promisify(exec); run(x)", []string{"run(x)"}},
		{"at once", javascript, "child_process.exec(...)", nil, "require('child_process').exec(x)", []string{"require('child_process').exec(x)"}},
		{"shadowed", javascript, "child_process.exec(...)", nil, "import {exec} from 'child_process'; function f(exec) { exec(x) }", nil},
		{"pattern's require", javascript, "require('js-yaml').load(...)", nil, "import yaml from 'js-yaml'; yaml.load(x)", []string{"yaml.load(x)"}},
		{"pattern's import", javascript, "y.load(...)", map[string]string{"y": "js-yaml"}, "import yaml from 'js-yaml'; yaml.load(x); y.load(x)", []string{"yaml.load(x)"}},

		{"py call", python, "os.system(...)", nil, "import os as o\no.system(x)\nos2.system(x)", []string{"o.system(x)"}},
		{"py from", python, "subprocess.run(..., shell=True, ...)", nil, "from subprocess import run as r\nr(x, shell=True)\nr(x)\nrun(x, shell=True)", []string{"r(x, shell=True)"}},
		{"py def", python, "def $F(..., $X, ...):\n    ...", nil, "def f(a: int, b=2) -> int:\n    return a\n", []string{"def f(a: int, b=2) -> int:\n    return a", "def f(a: int, b=2) -> int:\n    return a"}},
		{"py decorated", python, "@$A.route(...)\ndef $F(...):\n    ...", nil, "@app.route('/x')\ndef f(a):\n    return a\n", []string{"@app.route('/x')\ndef f(a):\n    return a"}},
		{"py f-string", python, `f("...")`, nil, "f('a')\nf(f'a{b}')\nf('a' 'b')", []string{"f('a')", "f('a' 'b')"}},
		{"py tuple", python, "$A, $B = f()", nil, "a, b = f()", []string{"a, b = f()"}},
		{"py instance", python, "flask.Flask(...).run(...)", nil, "from flask import Flask\napp = Flask(__name__)\napp.run(debug=True)", []string{"app.run(debug=True)"}},

		{"go call", golang, "exec.Command(...)", nil, "import \"os/exec\"\nfunc f() { exec.Command(a); x.Command(b) }", []string{"exec.Command(a)"}},
		{"go alias", golang, "exec.Command(...)", nil, "import e \"os/exec\"\nfunc f() { e.Command(a) }", []string{"e.Command(a)"}},
		{"go imports", golang, "rand.Intn(...)", map[string]string{"rand": "math/rand"}, "import \"crypto/rand\"\nfunc f() { rand.Intn(a) }", nil},
		{"go literal", golang, "tls.Config{..., InsecureSkipVerify: true, ...}", nil, "import \"crypto/tls\"\nvar c = &tls.Config{MinVersion: 1, InsecureSkipVerify: true}", []string{"tls.Config{MinVersion: 1, InsecureSkipVerify: true}"}},
		{"go assign", golang, "$X, $ERR := f()", nil, "func g() { a, err := f(); b, err = f() }", []string{"a, err := f()", "b, err = f()"}},

		{"rust call", rust, "std::process::Command::new(...)", nil, "use std::process::{Command, Stdio};\nfn f() { Command::new(a); Other::new(b); }", []string{"Command::new(a)"}},
		{"rust chain", rust, `$C.arg("-c").arg($X)`, nil, "fn f() { c.arg(\"-c\").arg(x); }", []string{`c.arg("-c").arg(x)`}},
		{"rust turbofish", rust, "std::mem::transmute(...)", nil, "use std::mem;\nfn f() { mem::transmute::<A, B>(x); }", []string{"mem::transmute::<A, B>(x)"}},
		{"rust unsafe", rust, "unsafe { ... }", nil, "fn f() { unsafe { g() } }", []string{"unsafe { g() }"}},
	} {
		t.Run(tt.family.String()+" "+tt.name, func(t *testing.T) {
			p, err := compile(ctx, tt.family, tt.pattern, tt.imports)
			if err != nil {
				t.Fatal(err)
			}
			if tt.code == "" {
				return
			}
			parsed := parse(t, tt.family, tt.code)
			if parsed.Root().HasError() {
				t.Fatal("the code does not parse")
			}
			tr := newTree(parsed)
			m := matcher{t: tr, steps: maxSteps}
			var got []string
			for _, h := range m.find(p) {
				got = append(got, string(parsed.Source[h.from:h.to]))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %q, want %q\npattern:\n%s\ncode:\n%s", got, tt.want, dump(p.t), dump(tr))
			}
		})
	}
}

// dump is a tree, for people.
func dump(t *tree) string {
	var b strings.Builder
	depth := map[int32]int{-1: -1}
	for i := range t.nodes {
		n := &t.nodes[i]
		depth[int32(i)] = depth[n.parent] + 1
		fmt.Fprintf(&b, "%s%s: %s", strings.Repeat("  ", depth[int32(i)]), n.field, n.kind)
		if t.leaf(int32(i)) {
			fmt.Fprintf(&b, " %q", t.source(int32(i)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
