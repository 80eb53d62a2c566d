package quality

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates/syntax"
)

// name is the function's qualified name: what it is in, then its own. Of what
// is nested without end, the innermost names are given.
func (f function) name() string {
	const names, levels = 6, 250
	parts := []string{ownName(f.node)}
	for n, level := f.node.Parent(), 0; n.Exists() && len(parts) < names && level < levels; n, level = n.Parent(), level+1 {
		switch n.Kind() {
		case "function_declaration", "function_definition", "function_item", "class_definition", "class_declaration", "class",
			"generator_function_declaration", "method_definition", "trait_item", "abstract_class_declaration":
			if n.Named() {
				parts = append(parts, ownName(n))
			}
		case "impl_item":
			parts = append(parts, short(n.ChildByField("type").Text()))
		case "variable_declarator":
			if f.node.Kind() != "func_literal" && !n.ChildByField("value").Is("arrow_function", "function_expression", "class") {
				parts = append(parts, short(n.ChildByField("name").Text()))
			}
		}
	}
	slices.Reverse(parts)
	separator := "."
	if f.node.Tree().Language == syntax.Rust {
		separator = "::"
	}
	return strings.Join(parts, separator)
}

// ownName is the name of a function or a class, or of what it is given to.
func ownName(n syntax.Node) string {
	if n.Kind() == "method_declaration" { // Go: as gocyclo writes it
		return "(" + receiver(n) + ")." + n.ChildByField("name").Text()
	}
	if n.Kind() == "class_static_block" {
		return "static"
	}
	if name := n.ChildByField("name"); name.Exists() {
		return short(name.Text())
	}
	switch p := n.Parent(); p.Kind() {
	case "variable_declarator":
		return short(p.ChildByField("name").Text())
	case "pair":
		return short(p.ChildByField("key").Text())
	case "assignment_expression":
		return short(p.ChildByField("left").Text())
	case "field_definition":
		return short(p.ChildByField("property").Text())
	case "public_field_definition":
		return short(p.ChildByField("name").Text())
	case "arguments":
		return "(callback of " + short(p.Parent().ChildByField("function").Text()) + ")"
	case "expression_list": // Go: var x = func() {}
		if p.Parent().Is("var_spec") {
			return short(p.Parent().ChildByField("name").Text())
		}
	}
	return "(anonymous)"
}

// receiver is the type of a Go method's receiver, without its parameters.
func receiver(method syntax.Node) string {
	for n := range method.ChildByField("receiver").All() {
		if n.Is("parameter_declaration") {
			text, _, _ := strings.Cut(n.ChildByField("type").Text(), "[")
			return short(text)
		}
	}
	return "?"
}

// short is a text on one line, and not a page long.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	const limit = 60
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// place is where the function's name stands, or where it begins.
func (f function) place() syntax.Position {
	if name := f.node.ChildByField("name"); name.Exists() {
		return name.Start()
	}
	return f.node.Start()
}
