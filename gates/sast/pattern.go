package sast

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Names that stand for what is no code in a pattern while it is parsed.
const (
	metaPrefix = "__wfmeta_"
	argsPrefix = "__wfargs_"
	dotsName   = "__wfdots"
	deepName   = "__wfdeep"
)

// mark is what a node of a pattern means.
type mark uint8

const (
	plain      mark = iota
	meta            // $X
	dots            // ...
	args            // $...ARGS
	anyString       // "..."
	metaString      // "$X"
	deep            // <... P ...>
)

// pattern is a piece of code with holes.
type pattern struct {
	t     *tree
	roots []int32 // statements in a row; one: an expression or a statement
	marks []mark
	names []string // metavariable, by node
	quals []string // dotted name, by node; empty: compared by its parts
	raws  []string
	// imported says that the name's first part is declared in the rule's
	// imports: code that imports it from elsewhere, or not at all, is no match.
	imported []bool
	fixed    []string // words that code has to hold
}

var (
	metaName    = lazyregexp.New(`^[A-Z_][A-Z0-9_]*`)
	metaWhole   = lazyregexp.New(`^\$[A-Z_][A-Z0-9_]*$`)
	requireCall = lazyregexp.New(`require\s*\(\s*["'][^"']*["']\s*\)`)
	plainWord   = lazyregexp.New(`[A-Za-z_][A-Za-z0-9_]+`)
)

const maxPattern = 8 << 10

// wrapper is code around a pattern that makes a file of it.
type wrapper struct {
	before, after string
	path          []string // kinds from the root's child to what holds the pattern
}

var wrappers = [...][]wrapper{
	noFamily: nil,
	javascript: {
		{"", "", nil},
		{"(", ")", nil},
		{"async function __w() {\n", "\n}", []string{"function_declaration", "statement_block"}},
		{"switch (0) { case 0:\n", "\n}", nil},
	},
	python: {{"", "", nil}, {"def __w():\n  ", "", nil}},
	golang: {
		{"package p\nfunc __w() {\n", "\n}", []string{"function_declaration", "block"}},
		{"package p\nvar __w = ", "", []string{"var_declaration", "var_spec"}},
		{"package p\n", "", nil},
		{"package p\nvar __w = T{", "}", []string{"var_declaration", "var_spec", "composite_literal", "literal_value"}},
	},
	rust: {
		{"fn __w() {\n", "\n}", []string{"function_item", "block"}},
		{"fn __w() {\n", ";\n}", []string{"function_item", "block"}},
		{"", "", nil},
	},
}

// grammarsOf are the grammars to try for a pattern.
var grammarsOf = [...][]syntax.Language{
	noFamily: nil, javascript: {syntax.JavaScript, syntax.TSX}, python: {syntax.Python}, golang: {syntax.Go}, rust: {syntax.Rust},
}

// compile reads a pattern. The imports say which module a name in it is from.
func compile(ctx context.Context, f family, src string, imports map[string]string) (*pattern, error) {
	src = strings.TrimSpace(src)
	if src == "" {
		return nil, errors.New("an empty pattern")
	}
	if len(src) > maxPattern {
		return nil, fmt.Errorf("a pattern of %d bytes; the limit is %d", len(src), maxPattern)
	}
	code, err := replaceHoles(f, src)
	if err != nil {
		return nil, err
	}
	list := wrappers[f]
	if f == javascript && strings.HasPrefix(code, "{") {
		list = []wrapper{list[1]}
	}
	for _, l := range grammarsOf[f] {
		for _, w := range list {
			parsed, err := syntax.Parse(ctx, l, []byte(w.before+code+w.after))
			if err != nil {
				return nil, err
			}
			if parsed.Root().HasError() {
				continue
			}
			p := &pattern{t: newTree(parsed)}
			if !p.findRoots(w) {
				continue
			}
			p.mark(imports)
			if p.marks[p.roots[0]] == dots && len(p.roots) == 1 {
				return nil, errors.New("a pattern of ... alone matches everything")
			}
			return p, nil
		}
	}
	return nil, fmt.Errorf("this is no %s code (with $X and ... for what may differ)", f)
}

// findRoots finds the pattern in its wrapper.
func (p *pattern) findRoots(w wrapper) bool {
	at := int32(0)
	for _, kind := range w.path {
		next := int32(-1)
		for _, c := range p.t.children(at) {
			if p.t.is(c, kind) {
				next = c
			}
		}
		if next < 0 {
			return false
		}
		at = next
	}
	kids := p.t.children(at)
	switch {
	case strings.HasSuffix(w.before, "var __w = "):
		at = p.t.child(at, "value")
		if at < 0 {
			return false
		}
		p.roots = []int32{at}
	case strings.HasPrefix(w.before, "package p\n") && w.path == nil:
		p.roots = kids[1:] // behind the package clause
	case strings.HasPrefix(w.before, "def __w"):
		body := p.t.child(p.t.first(0), "body")
		if body < 0 {
			return false
		}
		p.roots = p.t.children(body)
	case strings.HasPrefix(w.before, "switch"):
		return false
	default:
		p.roots = kids
	}
	if len(p.roots) == 0 {
		return false
	}
	if len(p.roots) == 1 {
		p.roots[0] = unwrapStatement(p.t, p.roots[0])
	}
	return true
}

// unwrapStatement is the expression of a statement that is nothing else.
func unwrapStatement(t *tree, i int32) int32 {
	for t.is(i, "expression_statement", "variable_declaration", "var_declaration") {
		kids := t.children(i)
		if len(kids) != 1 {
			break
		}
		i = kids[0]
	}
	return i
}

// mark finds the holes and the names.
func (p *pattern) mark(imports map[string]string) {
	n := len(p.t.nodes)
	p.marks, p.names = make([]mark, n), make([]string, n)
	p.quals, p.raws, p.imported = make([]string, n), make([]string, n), make([]bool, n)
	p.t.memo = make([]dottedName, n) // the scopes change
	for name, module := range imports {
		if p.t.family == golang {
			module += goPath
		}
		p.t.scopes.set(0, name, module)
	}
	for _, r := range p.roots {
		for i := r; i < p.t.nodes[r].end; i++ {
			p.markOne(i, imports)
		}
	}
	slices.Sort(p.fixed)
	p.fixed = slices.Compact(p.fixed)
}

func (p *pattern) markOne(i int32, imports map[string]string) {
	t := p.t
	if s, ok := t.text[i]; ok {
		p.markString(i, s)
		return
	}
	text := strings.TrimRight(strings.TrimSpace(t.source(i)), ";")
	if p.markHole(i, text) {
		return
	}
	if _, imported := imports[text]; t.leaf(i) && t.nodes[i].named && text != deepName && !imported {
		p.fix(text)
	}
	bare := requireCall.ReplaceAllString(strings.ReplaceAll(text, "("+dotsName+")", ""), "")
	if strings.Contains(bare, "__wf") || strings.Contains(bare, "(") || !p.isName(i) {
		return
	}
	p.quals[i], p.raws[i] = t.dotted(i)
	root, _, _ := strings.Cut(p.raws[i], ".")
	_, p.imported[i] = imports[strings.TrimSuffix(root, callOf)]
	for _, w := range plainWord.FindAllString(p.quals[i], -1) {
		p.fix(w)
	}
}

func (p *pattern) markString(i int32, content string) {
	switch {
	case content == "...":
		p.marks[i] = anyString
	case metaWhole.MatchString(content):
		p.marks[i], p.names[i] = metaString, content[1:]
	default:
		p.fix(content)
	}
}

// markHole says whether a node stands for a hole.
func (p *pattern) markHole(i int32, text string) bool {
	switch {
	case text == dotsName, text == "**"+dotsName:
		p.marks[i] = dots
	case strings.HasPrefix(text, argsPrefix) && wholeWord(text):
		p.marks[i], p.names[i] = args, text[len(argsPrefix):]
	case strings.HasPrefix(text, metaPrefix) && wholeWord(text):
		p.marks[i], p.names[i] = meta, text[len(metaPrefix):]
	default:
		f := p.t.child(i, "function")
		if f < 0 || p.t.source(f) != deepName {
			return false
		}
		p.marks[i] = deep
	}
	return true
}

// isName says whether a node of a pattern is a name that stands for a thing,
// and not the name of a member, of an argument or of what is declared.
func (p *pattern) isName(i int32) bool {
	n := &p.t.nodes[i]
	switch n.kind {
	case "member_expression", "attribute", "selector_expression", "field_expression", "scoped_identifier", "dotted_name":
		return true
	case "call_expression":
		_, ok := p.t.requireOf(i)
		return ok
	case kindName:
		switch n.field {
		case "function", "constructor", "macro", "object", "operand":
			return true
		}
	}
	return false
}

func wholeWord(s string) bool {
	for i := range len(s) {
		if !wordByte(s[i]) {
			return false
		}
	}
	return true
}

// fix notes a text that code has to hold to match.
func (p *pattern) fix(text string) {
	if text == "require" && p.t.family == javascript {
		return // or an import
	}
	if len(text) >= 2 && !strings.Contains(text, "__wf") && !strings.ContainsAny(text, "\\\n") {
		p.fixed = append(p.fixed, text)
	}
}
