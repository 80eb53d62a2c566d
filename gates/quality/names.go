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
			parts = append(parts, short(n.ChildByField("type")))
		case "variable_declarator":
			if f.node.Kind() != "func_literal" && !n.ChildByField("value").Is("arrow_function", "function_expression", "class") {
				parts = append(parts, short(n.ChildByField("name")))
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
		return "(" + receiver(n) + ")." + short(n.ChildByField("name"))
	}
	if n.Kind() == "class_static_block" {
		return "static"
	}
	if name := n.ChildByField("name"); name.Exists() {
		return short(name)
	}
	switch p := n.Parent(); p.Kind() {
	case "variable_declarator":
		return short(p.ChildByField("name"))
	case "pair":
		return short(p.ChildByField("key"))
	case "assignment_expression":
		return short(p.ChildByField("left"))
	case "field_definition":
		return short(p.ChildByField("property"))
	case "public_field_definition":
		return short(p.ChildByField("name"))
	case "arguments":
		if name := callee(p.Parent().ChildByField("function")); name != "" {
			return "(callback of " + name + ")"
		}
		return "(callback)"
	case "expression_list": // Go: var x = func() {}
		if p.Parent().Is("var_spec") {
			return short(p.Parent().ChildByField("name"))
		}
	}
	return "(anonymous)"
}

// callee is what is called, "describe" or "app.get"; of a chain of calls, which
// may be as long as the file, the last name.
func callee(n syntax.Node) string {
	if n.EndByte()-n.StartByte() <= shortLimit {
		return short(n)
	}
	return short(n.ChildByField("property"))
}

// receiver is the type of a Go method's receiver, without its parameters.
func receiver(method syntax.Node) string {
	for n := range method.ChildByField("receiver").All() {
		if n.Is("parameter_declaration") {
			text, _, _ := strings.Cut(short(n.ChildByField("type")), "[")
			return text
		}
	}
	return "?"
}

// shortLimit is the length of the longest name that is given in full.
const shortLimit = 60

// short is a node's text on one line, and not a page long.
func short(n syntax.Node) string {
	source := n.Bytes()
	text := strings.Join(strings.Fields(string(source[:min(len(source), 4*shortLimit)])), " ")
	if len(text) <= shortLimit && len(source) <= 4*shortLimit {
		return text
	}
	cut := min(shortLimit, len(text))
	for cut > 0 && cut < len(text) && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.ToValidUTF8(text[:cut], "") + "…"
}

// place is where the function's name stands, or where it begins.
func (f function) place() syntax.Position {
	if name := f.node.ChildByField("name"); name.Exists() {
		return name.Start()
	}
	return f.node.Start()
}
