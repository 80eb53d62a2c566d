package types

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
)

// estimate counts annotations: what a compiler would infer beyond the obvious,
// and what it knows of other files, is not seen.
func (o Options) estimate(ctx context.Context, t *gates.Target, u unit) (measure, error) {
	m := measure{engine: "estimate"}
	if !syntax.Available() {
		return m, syntax.ErrUnavailable
	}
	var mu sync.Mutex
	read := 0
	err := o.Files.Each(ctx, t.Tree, u.sources, t.Jobs, func(f git.File, tree *syntax.Tree, err error) error {
		if tree == nil {
			return nil // counted by read
		}
		part := measure{}
		for n := range tree.Root().All() {
			if u.python {
				part.python(f.Path, n)
			} else {
				part.typescript(f.Path, n)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		read++
		m.typed, m.symbols = m.typed+part.typed, m.symbols+part.symbols
		m.places = append(m.places, part.places...)
		return nil
	})
	switch {
	case err != nil:
		return m, err
	case read == 0:
		return m, fmt.Errorf("none of %s could be parsed", gates.Plural(len(u.sources), "source"))
	case m.symbols == 0: // values alone: nothing lacks a type
		m.typed, m.symbols = 1, 1
	}
	return m, nil
}

// count notes one symbol.
func (m *measure) count(path string, n syntax.Node, typed bool, what string) {
	m.symbols++
	if typed {
		m.typed++
		return
	}
	at := n.Start()
	m.places = append(m.places, place{path: path, line: at.Line, col: at.Column, text: what + " has no type"})
}

// annotated says whether an annotation is there, and no way around one.
func annotated(n syntax.Node) bool {
	if !n.Exists() {
		return false
	}
	text := strings.TrimSpace(strings.TrimPrefix(n.Text(), ":"))
	return text != "any" && text != "Any" && text != "typing.Any"
}

// typescript counts parameters, but those of functions that are arguments (their
// types follow from the call), and variables and fields.
func (m *measure) typescript(path string, n syntax.Node) {
	annotation, value := n.ChildByField("type"), n.ChildByField("value")
	switch n.Kind() {
	case "required_parameter", "optional_parameter":
		function := n.Parent().Parent()
		if !annotation.Exists() && function.Is("arrow_function", "function_expression") && !function.Parent().Is("variable_declarator", "pair", "public_field_definition", "assignment_expression", "export_statement") {
			return
		}
		m.count(path, n, annotated(annotation) || !annotation.Exists() && value.Exists(), "this parameter")
	case "variable_declarator":
		if p := n.Parent().Parent(); p.Is("for_statement") {
			return
		}
		m.count(path, n, annotated(annotation) || !annotation.Exists() && inferable(value), "this variable")
	case "public_field_definition":
		m.count(path, n, annotated(annotation) || !annotation.Exists() && inferable(value), "this field")
	}
}

// inferable says whether the compiler can tell a type from a value.
func inferable(value syntax.Node) bool {
	if !value.Exists() {
		return false
	}
	if value.Is("as_expression") {
		return !strings.HasSuffix(strings.TrimSpace(value.Text()), " any")
	}
	return !strings.HasPrefix(value.Text(), "JSON.parse(")
}

// python counts the parameters of functions, but self and cls, and what they
// return.
func (m *measure) python(path string, n syntax.Node) {
	if n.Kind() != "function_definition" {
		return
	}
	name := n.ChildByField("name").Text()
	given := 0
	for p := range n.ChildByField("parameters").NamedChildren() {
		typed, word := p.Is("typed_parameter", "typed_default_parameter"), strings.TrimLeft(p.Text(), "*")
		if p.Is("comment", "keyword_separator", "positional_separator") || p.Is("identifier") && (word == "self" || word == "cls") {
			continue
		}
		given++
		m.count(path, p, typed && annotated(p.ChildByField("type")), "this parameter of "+name)
	}
	result := n.ChildByField("return_type")
	if name == "__init__" && !result.Exists() && given > 0 {
		return // None, as soon as a parameter has a type
	}
	m.count(path, n, annotated(result), "what "+name+" returns")
}
