//go:build cgo

package quality

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// target is what a gate is given for a repository; base empty: everything is new.
func target(t testing.TB, repo *gittest.Repo, base string) *gates.Target {
	return gatestest.Target(t, repo, base)
}

func repository(t testing.TB, files map[string]string) *gittest.Repo {
	t.Helper()
	repo := gittest.New(t)
	for name, text := range files {
		repo.Write(name, text)
	}
	return repo
}

// list is "name complexity" for each function of a source.
func list(t testing.TB, l syntax.Language, src string) string {
	t.Helper()
	tree, err := syntax.Parse(context.Background(), l, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if tree.Root().HasError() {
		t.Errorf("syntax error at %v in %s", tree.Errors()[0].Start(), src)
	}
	var all []string
	for _, fn := range functions(tree) {
		all = append(all, fmt.Sprintf("%s %d", fn.name(), fn.complexity))
	}
	return strings.Join(all, ", ")
}

func TestDecisions(t *testing.T) {
	for _, c := range []struct {
		language  syntax.Language
		src, want string
	}{
		{syntax.Go, "package p\nfunc f() {}", "f 1"},
		{syntax.Go, "package p\nfunc (t *T[K]) f(a, b bool) { if a && b || !a { } else if b { }; for range 3 { } }", "(*T).f 6"},
		{syntax.Go, "package p\nfunc f(x any) { switch x { case 1, 2: case 3: default: }; switch x.(type) { case int: default: }; select { case <-c: default: } }", "f 5"},
		{syntax.Go, "package p\nfunc f() { g := func() { if a { } }; for { if b { func() { if c { } }() } } }", "f 5"},
		{syntax.Go, "package p\nvar f = func() { if a { } }\nvar m = map[string]func(){\"a\": func() { if a { } }}", "f 2, (anonymous) 2"},

		{syntax.Python, "def f(a=x if y else z): pass", "f 1"},
		{syntax.Python, "@d(a and b)\ndef f():\n  if a: pass\n  elif b and c or d: pass\n  else: pass\n", "f 5"},
		{syntax.Python, "def f():\n  for x in y: pass\n  else: pass\n  while x: pass\n  try: pass\n  except A: pass\n  except B: pass\n  else: pass\n  finally: pass\n", "f 7"},
		{syntax.Python, "def f():\n  assert a and b\n  return [x for y in z for x in y if x if y], (a if b else c)\n", "f 7"},
		{syntax.Python, "def f(x):\n  match x:\n    case 1: pass\n    case A.b: pass\n    case y if y > 1 and z: pass\n    case _: pass\n", "f 5"},
		{syntax.Python, "class A:\n  x = 1 if y else 2\n  async def f(self):\n    def g():\n      if a: pass\n    return lambda: a or b\n", "A.f 2, A.f.g 2"},

		{syntax.JavaScript, "function f(a = 1, {b = 2, c: d = 3} = {}) { return a?.b?.[c] ?? (x && y) }", "f 9"},
		{syntax.JavaScript, "const f = async () => { for (const a of b) {} for (a in b) {} do {} while (a); while (a) {} for (;;) {} }", "f 6"},
		{syntax.JavaScript, "function f(a) { switch (a) { case 1: case 2: break; default: } try {} catch {} finally {} a ||= b; a &&= b; a ??= b; a += b }", "f 7"},
		{syntax.JavaScript, "class A { static x = a && b; static { if (a) {} } [a && b]() { if (a) {} } get y() { return 1 } z = () => a && b }", "A.x 2, A.static 2, A.[a && b] 2, A.y 1, A.z 2"},
		{syntax.JavaScript, "describe('x', () => { it('y', function () { if (a) {} }); }); a.b = function () {}; export default () => {}; ({ k: () => 1, m() {} })",
			"(callback of describe) 1, (callback of it) 2, a.b 1, (anonymous) 1, k 1, m 1"},
		{syntax.TypeScript, "class A { constructor(private a = 1, b?: T) { f?.(a!); type X = A extends B ? C : D } abstract m(): void }", "A.constructor 3"},
		{syntax.TSX, "const F = ({a}: P) => <div>{a ? <b/> : a && <i/>}</div>", "F 3"},

		{syntax.Rust, "impl<T> Foo<T> { fn f(&self) -> R { if a && b { } for x in y { } while let Some(x) = y { } loop { } Ok(g()?) } }", "Foo<T>::f 7"},
		{syntax.Rust, "fn f() { match x { A => 1, B | C if y => 2, _ => 3 }; let Some(z) = x else { return }; let c = |a| if a { }; fn g() { if a { } } }", "f 6, f::g 2"},
		{syntax.Rust, "fn f() { if let Some(a) = b && a > c && d { } }", "f 4"},
	} {
		if got := list(t, c.language, c.src); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.language, c.src, got, c.want)
		}
	}
}

// The kinds of nodes that are asked for are in the grammars: a word that is
// spelled wrong would count nothing, in silence.
func TestKindsAreKnown(t *testing.T) {
	for l, kinds := range map[syntax.Language]string{
		syntax.Go:         "function_declaration method_declaration func_literal if_statement for_statement expression_case type_case communication_case binary_expression var_spec expression_list parameter_declaration interpreted_string_literal raw_string_literal rune_literal comment",
		syntax.Python:     "function_definition class_definition if_statement elif_clause for_statement while_statement conditional_expression for_in_clause except_clause boolean_operator assert_statement if_clause case_clause case_pattern else_clause try_statement dotted_name string comment",
		syntax.JavaScript: "function_declaration function_expression generator_function_declaration generator_function arrow_function method_definition class_static_block field_definition if_statement ternary_expression for_statement for_in_statement while_statement do_statement catch_clause switch_case optional_chain assignment_pattern object_assignment_pattern binary_expression augmented_assignment_expression variable_declarator pair assignment_expression arguments decorator string regex comment html_comment hash_bang_line",
		syntax.TypeScript: "public_field_definition required_parameter optional_parameter abstract_class_declaration class_declaration decorator ?. string regex comment",
		syntax.TSX:        "public_field_definition required_parameter optional_parameter jsx_element string regex comment",
		syntax.Rust:       "function_item impl_item trait_item if_expression for_expression while_expression loop_expression try_expression match_arm match_pattern let_declaration binary_expression let_chain string_literal raw_string_literal char_literal line_comment block_comment",
	} {
		for _, kind := range strings.Fields(kinds) {
			if !syntax.KnownKind(l, kind) {
				t.Errorf("%s has no %s", l, kind)
			}
		}
	}
	if len(grammars) != len(syntax.Languages()) {
		t.Error("a language without a grammar")
	}
}

func goFunction(name string, decisions int) string {
	return fmt.Sprintf("func %s() {\n%s}\n", name, strings.Repeat("\tif a {\n\t}\n", decisions))
}

func TestComplexity(t *testing.T) {
	repo := repository(t, map[string]string{
		"a.go":                    "package p\n\n" + goFunction("easy", 9) + goFunction("hard", 10) + goFunction("easy", 1),
		"a_test.go":               "package p\n\n" + goFunction("tested", 20),
		"vendor/x/x.go":           "package x\n\n" + goFunction("vendored", 20),
		"z.go":                    "// Code generated by x. DO NOT EDIT.\n\npackage p\n\n" + goFunction("generated", 20),
		"broken.py":               "def f(:\n  pass\n\ndef g():\n  return 1\n" + strings.Repeat("x = 1\n", 50),
		"empty.py":                "",
		"translation.ts":          "<?xml version=\"1.0\"?>\n<TS/>\n",
		"readme.md":               "func f() {}",
		"large.go":                "package p\n" + strings.Repeat("// "+strings.Repeat("x", 77)+"\n", 60_000),
		"caf\xe9 \x01/strange.go": "package p\n\n" + goFunction("strange", 30),
	})
	g := Complexity(Limits{Max: 10}, Options{Files: new(syntax.Files)})
	tg := target(t, repo, "")
	plan, err := g.Plan(context.Background(), tg)
	if err != nil || plan.Skip != "" || plan.Expect.Files != 7 {
		t.Fatalf("%+v, %v", plan, err)
	}
	results, err := gates.Run(context.Background(), tg, []gates.Gate{g}, gates.Options{Jobs: 1, Timeout: 1e12})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results[0].Err)
	}
	out := results[0].Outcome
	var got []string
	for _, f := range out.Findings {
		got = append(got, fmt.Sprintf("%s:%d-%d %s %s %s", f.Path, f.Line, f.EndLine, f.Severity, f.Rule, f.Message))
	}
	want := []string{
		"a.go:23-44 error complexity function hard has complexity 11 (max 10)",
		"broken.py:1-0 note parse-error syntax error: what is around it is judged in part",
		`"caf\351 \001/strange.go":3-64 error complexity function strange has complexity 31 (max 10)`,
		"large.go:0-0 note parse-error too large to parse: 4860010 bytes; the limit is 4194304: nothing in it is judged",
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("findings\n%s\nwant\n%s", a, b)
	}
	for name, want := range map[string]float64{"functions": 6, "functions_above_max": 2, "complexity_max": 31, "files": 4, "files_left_out": 2, "files_with_errors": 2} {
		if out.Metrics[name] != want {
			t.Errorf("%s is %v, want %v", name, out.Metrics[name], want)
		}
	}
	if out.Examined.Files != 6 || out.Examined.Bytes == 0 {
		t.Errorf("examined %+v", out.Examined)
	}
}

// What stands may stand, as long as it does not become more, and no known change
// touches it.
func TestComplexityAbove(t *testing.T) {
	const left = "note complexity-above 2 functions above 10, and gates.complexity.above lets 3 stand: make it 2"
	for _, c := range []struct {
		name  string
		above int
		base  string
		want  string
	}{
		{"none may", 0, "", "error old, error new"},
		{"one too many", 1, "", "error old, error new"},
		{"as many as may", 2, "", "warning old, warning new"},
		{"fewer than may", 3, "", left + ", warning old, warning new"},
		{"a change that touches one", 2, "HEAD~1", "warning old, error new"},
		{"the same, and fewer than may", 3, "HEAD~1", left + ", warning old, error new"},
		{"a change, and one too many", 1, "HEAD~1", "error old, error new"},
	} {
		repo := repository(t, map[string]string{"a.go": "package p\n\n" + goFunction("old", 10)})
		repo.Commit("base")
		repo.Write("b.go", "package p\n\n"+goFunction("new", 10))
		repo.Commit("change")
		g := Complexity(Limits{Max: 10, Above: c.above}, Options{Files: new(syntax.Files)})
		results, err := gates.Run(context.Background(), target(t, repo, c.base), []gates.Gate{g}, gates.Options{Jobs: 1, Timeout: 1e12})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results[0].Err)
		}
		var got []string
		for _, f := range results[0].Outcome.Findings {
			text := strings.TrimSuffix(strings.TrimPrefix(f.Message, "function "), " has complexity 11 (max 10)")
			if f.Rule != "complexity" {
				text = f.Rule + " " + text
			}
			got = append(got, string(f.Severity)+" "+text)
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestComplexityFingerprints(t *testing.T) {
	of := func(src string) []string {
		tree, err := syntax.Parse(context.Background(), syntax.Go, []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, f := range tooComplex(git.File{Path: "a.go"}, functions(tree), 3) {
			list = append(list, f.Fingerprint)
		}
		return list
	}
	before := of("package p\n" + goFunction("init", 1) + goFunction("init", 5) + goFunction("f", 5))
	after := of("package p\n// More.\n" + goFunction("init", 0) + goFunction("new", 1) + goFunction("init", 7) + goFunction("f", 6))
	if len(before) != 2 || fmt.Sprint(before) != fmt.Sprint(after) || before[0] == before[1] {
		t.Errorf("%v, %v", before, after)
	}
}

// A language of which nothing can be read: the gate could not look.
func TestNothingParses(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"none of one language": {"a.go": "package p\n", "b.rs": "]]]] ))))) fn fn fn {{{{ ((( match match"},
		"too large":            {"a.go": "package p\n" + strings.Repeat("// x\n", 1_000_000)},
	} {
		tg := target(t, repository(t, files), "")
		for _, g := range []gates.Gate{Complexity(Limits{Max: 10}, Options{Files: new(syntax.Files)}), Duplication(5, Options{Files: new(syntax.Files)})} {
			if _, err := g.Run(context.Background(), tg); err == nil || !strings.Contains(err.Error(), "could be parsed") {
				t.Errorf("%s: %s: %v", name, g.ID, err)
			}
		}
	}
}

func TestNoSource(t *testing.T) {
	tg := target(t, repository(t, map[string]string{"a.md": "# a", "a_test.go": "package a", "node_modules/a.js": "a"}), "")
	for _, g := range []gates.Gate{Complexity(Limits{Max: 10}, Options{}), Duplication(5, Options{})} {
		if err := gates.Validate([]gates.Gate{g}); err != nil {
			t.Error(err)
		}
		if plan, err := g.Plan(context.Background(), tg); err != nil || plan.Skip != "no source in a supported language" {
			t.Errorf("%s: %+v, %v", g.ID, plan, err)
		}
	}
}

// Only what was left out is no fault of the gate's.
func TestOnlyGenerated(t *testing.T) {
	tg := target(t, repository(t, map[string]string{"a.go": "// Code generated by x. DO NOT EDIT.\npackage a\n"}), "")
	g := Duplication(5, Options{Files: new(syntax.Files)})
	results, err := gates.Run(context.Background(), tg, []gates.Gate{g}, gates.Options{Jobs: 1, Timeout: 1e12})
	if err != nil || results[0].Err != nil || results[0].Outcome.Metrics["files_left_out"] != 1 {
		t.Errorf("%v, %+v", err, results[0])
	}
}

func TestNamesAreShort(t *testing.T) {
	long := strings.Repeat("é", 200)
	for src, want := range map[string]string{
		"function " + long + "() {}":         long[:60] + "… 1",
		"const {a,\n  b} = () => {}":         "{a, b} 1",
		"a." + long + ".b.then(() => {})":    "(callback of then) 1",
		"a(\"" + long + "\")(() => {})":      "(callback) 1",
		"x[\"" + long + "\"] = () => {}":     "x[\"" + long[:56] + "… 1",
		"[() => {}]":                         "(anonymous) 1",
		"class A { \"a b\"() { () => {} } }": `A."a b" 1, A."a b".(anonymous) 1`,
	} {
		if got := list(t, syntax.JavaScript, src); got != want {
			t.Errorf("%.40s: %s, want %s", src, got, want)
		}
	}
}

// Deep nesting, and long chains, take no time of their own.
func TestDeepFunctions(t *testing.T) {
	for l, src := range map[syntax.Language]string{
		syntax.JavaScript: "x=" + strings.Repeat("a=>", 50_000) + "1",
		syntax.TypeScript: "p" + strings.Repeat(".then(() => a && b)", 20_000) + ";",
		syntax.Rust:       strings.Repeat("fn f(){", 50_000) + strings.Repeat("}", 50_000),
		syntax.Go:         "package p\nfunc f() {" + strings.Repeat("if a {", 50_000) + strings.Repeat("}", 50_000) + "}",
	} {
		tree, err := syntax.Parse(context.Background(), l, []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		if found := tooComplex(git.File{Path: "x"}, functions(tree), 0); len(found) == 0 {
			t.Errorf("%s: nothing found", l)
		}
	}
}
