package sast

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/syntax"
)

var ctx = context.Background()

// parse parses a text of a family; JavaScript that is none is TypeScript.
func parse(t testing.TB, f family, code string) *syntax.Tree {
	t.Helper()
	languages := map[family][]syntax.Language{
		javascript: {syntax.JavaScript, syntax.TSX}, python: {syntax.Python}, golang: {syntax.Go}, rust: {syntax.Rust},
	}[f]
	if f == golang && !strings.Contains(code, "package ") {
		code = "package p\n" + code
	}
	var tree *syntax.Tree
	for _, l := range languages {
		var err error
		if tree, err = syntax.Parse(ctx, l, []byte(code)); err != nil {
			t.Fatal(err)
		}
		if !tree.Root().HasError() {
			break
		}
	}
	return tree
}

func needParsers(t testing.TB) {
	t.Helper()
	if !syntax.Available() {
		t.Skip("built without cgo: no parsers")
	}
}

func builtinRules(t testing.TB) *Rules {
	t.Helper()
	needParsers(t)
	rules, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if err := rules.check(ctx); err != nil {
		t.Fatal(err)
	}
	return rules
}

// Every rule says what it is about, and is tried on its own examples: each of
// the true ones is found, and none of the false ones.
func TestRuleExamples(t *testing.T) {
	rules := builtinRules(t)
	for _, x := range rules.list {
		t.Run(x.id, func(t *testing.T) {
			if len(x.bad) < 2 || len(x.good) < 2 {
				t.Errorf("%d true and %d false examples; want two of each", len(x.bad), len(x.good))
			}
			if len(x.cwe) == 0 || len(x.owasp) == 0 || x.confidence == "" || x.title == "" || len(x.help) < 20 {
				t.Error("no cwe, owasp, confidence, title or help")
			}
			if x.severity == gates.SeverityError && x.confidence != "high" {
				t.Errorf("an error with confidence %s", x.confidence)
			}
			for _, f := range x.families {
				for _, e := range x.bad {
					checkExample(t, rules, f, x.id, e, true)
				}
				for _, e := range x.good {
					checkExample(t, rules, f, x.id, e, false)
				}
			}
		})
	}
}

func checkExample(t *testing.T, rules *Rules, f family, id string, e example, want bool) {
	t.Helper()
	parsed := parse(t, f, e.code)
	if parsed.Root().HasError() {
		t.Errorf("line %d: the example is no %s:\n%s", e.line, f, e.code)
		return
	}
	res, err := rules.file(ctx, parsed)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.ContainsFunc(res.findings, func(f gates.Finding) bool { return f.Rule == id })
	if got != want {
		t.Errorf("line %d: found %v, want %v:\n%s", e.line, got, want, e.code)
	}
	if len(res.gaveUp) > 0 {
		t.Errorf("line %d: %v gave up", e.line, res.gaveUp)
	}
}

// No rule is there twice, and there are as many as the documentation says: see
// README.md.
func TestRuleCount(t *testing.T) {
	rules := builtinRules(t)
	count := make(map[family]int)
	seen := make(map[string]bool)
	for _, x := range rules.list {
		if seen[x.id] {
			t.Errorf("the rule %s is there twice", x.id)
		}
		seen[x.id] = true
		for _, f := range x.families {
			count[f]++
		}
	}
	want := map[family]int{javascript: 39, python: 38, golang: 34, rust: 21}
	if rules.Len() != 132 || !maps.Equal(count, want) {
		t.Errorf("%d rules, %v; README.md says 132, %v", rules.Len(), count, want)
	}
}
