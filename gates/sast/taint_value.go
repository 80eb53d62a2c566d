package sast

import (
	"slices"
	"strings"
)

// value goes through a node; arguments is the first bad argument of a call.
func (w *flow) value(i int32) (value, arguments int32) {
	t := w.t
	kind := t.nodes[i].kind
	if isFunction(kind) {
		w.function(i, clean)
		return clean, clean
	}
	switch kind {
	case kindName, "this", "self":
		return w.known(t.source(i)), clean
	case kindString:
		return clean, clean
	case "member_expression", "attribute", "selector_expression", "field_expression":
		return w.member(i), clean
	case "subscript_expression", "subscript", "index_expression":
		return w.element(i), clean
	case "call_expression", "call", "new_expression":
		return w.call(i)
	case "macro_invocation":
		v := w.macro(i)
		return v, v
	}
	return w.operation(i), clean
}

// operation goes through what is made of other values.
func (w *flow) operation(i int32) int32 {
	t := w.t
	switch t.nodes[i].kind {
	case "binary_expression", "binary_operator":
		return w.binary(i)
	case "unary_expression":
		return w.unary(i)
	case "ternary_expression":
		return w.choose(t.child(i, "condition"), t.child(i, "consequence"), t.child(i, "alternative"))
	case "conditional_expression":
		if kids := t.children(i); len(kids) == 3 {
			return w.choose(kids[1], kids[0], kids[2])
		}
		return w.evalAll(i)
	case "assignment_expression", "variable_declarator", "assignment", "short_var_declaration", "assignment_statement", "var_spec", "let_declaration",
		"augmented_assignment_expression", "augmented_assignment", "compound_assignment_expr", "const_spec", "named_expression":
		return w.assign(i)
	case "interpolated", "template_string", "interpolation", "concatenated_string", "array", "list", "tuple", "object", "dictionary", "pair", "set",
		"spread_element", "list_splat", "dictionary_splat", "await_expression", "await", "try_expression", "reference_expression", "expression_list",
		"pattern_list", "sequence_expression", "boolean_operator", "type_conversion_expression", "composite_literal", "literal_value", "keyed_element",
		"slice_expression", "type_assertion_expression", "type_cast_expression", "array_expression", "tuple_expression", "struct_expression",
		"field_initializer", "field_initializer_list", "keyword_argument", "jsx_expression", "string_content", "variadic_argument":
		return w.evalAll(i)
	}
	return w.statement(i)
}

// statement goes through what decides which way the program goes, and through
// what gives names to the parts of a value. What it does not know has no value.
func (w *flow) statement(i int32) int32 {
	t := w.t
	switch t.nodes[i].kind {
	case "list_comprehension", "generator_expression", "set_comprehension", "dictionary_comprehension":
		for _, c := range t.children(i)[1:] {
			w.eval(c)
		}
		return w.eval(t.first(i))
	case "for_in_clause", "range_clause":
		w.bind(t.child(i, "left"), w.eval(t.child(i, "right")))
		return clean
	case "for_in_statement", "for_statement", "for_expression", "while_statement", "while_expression", "loop_expression", "do_statement":
		w.loop(i)
		return clean
	case "with_item":
		return w.evalAll(i)
	case "as_pattern":
		return w.as(i)
	case "if_statement", "if_expression":
		return w.branch(i)
	case "switch_statement", "expression_switch_statement", "type_switch_statement", "match_statement", "match_expression", "try_statement", "select_statement", "switch_body", "match_block":
		return w.branches(i)
	case "block", "statement_block":
		if v := w.evalAll(i); t.family == rust {
			return v
		}
		return clean
	}
	w.evalAll(i)
	return clean
}

// member is a.b: what is known of it, or of a.
func (w *flow) member(i int32) int32 {
	t := w.t
	base := w.eval(t.first(i))
	path := t.source(i)
	if v, ok := w.env[path]; ok {
		return v
	}
	if v := w.known(path); v != clean {
		return v
	}
	if parts := t.children(i); len(parts) > 0 && slices.Contains(cleanMembers, t.source(parts[len(parts)-1])) {
		return clean
	}
	return base
}

// element is a[b]: what is known of it, or of a.
func (w *flow) element(i int32) int32 {
	base := clean
	for k, c := range w.t.children(i) {
		if v := w.eval(c); k == 0 {
			base = v
		}
	}
	if v := w.known(w.t.source(i)); v != clean {
		return v
	}
	return base
}

// binary is a + b and the like; the result of a comparison or of arithmetic is
// clean.
func (w *flow) binary(i int32) int32 {
	v := w.evalAll(i)
	if op := w.t.child(i, "operator"); op >= 0 && !slices.Contains(joining, w.t.source(op)) {
		return clean
	}
	return v
}

// unary is &a, *a and the like; of the others the result is clean.
func (w *flow) unary(i int32) int32 {
	v := w.evalAll(i)
	for _, c := range w.t.children(i) {
		if n := &w.t.nodes[c]; !n.named && n.kind != "&" && n.kind != "*" {
			return clean
		}
	}
	return v
}

// as is `value as name`.
func (w *flow) as(i int32) int32 {
	kids := w.t.children(i)
	if len(kids) != 2 {
		w.evalAll(i)
		return clean
	}
	v := w.eval(kids[0])
	w.bind(kids[1], v)
	return v
}

// assign goes through `left = right` in all its forms; the value is right's.
func (w *flow) assign(i int32) int32 {
	t := w.t
	left, right := t.firstChild(i, "left", "name", "pattern"), t.firstChild(i, "right", "value")
	if left < 0 || right < 0 {
		w.declare(i)
		return clean
	}
	value := w.eval(right)
	if t.is(left, "member_expression", "subscript_expression", "subscript", "attribute", "index_expression") {
		for _, c := range t.children(left) {
			w.eval(c)
		}
	}
	switch {
	case w.adds(i):
		return w.addTo(left, value)
	case t.is(left, "object_pattern") && value == clean && len(w.sourceRaws) > 0:
		w.destructure(left, right)
		return clean
	case t.is(left, "expression_list", "pattern_list"):
		w.assignAll(left, right, value)
	default:
		w.bind(left, value)
	}
	return value
}

// declare is a declaration without a value.
func (w *flow) declare(i int32) {
	if kids := w.t.children(i); len(kids) > 0 && w.t.is(i, "variable_declarator", "var_spec", "let_declaration") {
		w.bind(kids[0], clean)
	}
}

// adds says whether an assignment keeps what was there: a += b.
func (w *flow) adds(i int32) bool {
	kind := w.t.nodes[i].kind
	if strings.HasPrefix(kind, "augmented") || strings.HasPrefix(kind, "compound") {
		return true
	}
	op := w.t.child(i, "operator")
	return op >= 0 && w.t.source(op) == "+="
}

func (w *flow) addTo(left, value int32) int32 {
	if value == clean {
		value = w.known(w.t.source(left))
	}
	if value != clean {
		w.bind(left, value)
	}
	return value
}

// assignAll is `a, b = c, d` and `a, b = f()`.
func (w *flow) assignAll(left, right, value int32) {
	t := w.t
	ls, rs := t.children(left), t.children(right)
	switch {
	case t.is(right, "expression_list", "tuple") && len(ls) == len(rs):
		for k := range ls {
			w.bind(ls[k], w.eval(rs[k]))
		}
	case t.family == golang && t.is(left, "expression_list") && value != clean:
		// a, err := f(): the error says something about the value, and is none
		for _, l := range ls {
			v := value
			if name := t.source(l); name == "err" || name == "ok" || name == "_" {
				v = clean
			}
			w.bind(l, v)
		}
	default:
		w.bind(left, value)
	}
}

// destructure is `const {query, body} = req` where req.query is a source.
func (w *flow) destructure(left, right int32) {
	t := w.t
	_, raw := t.dotted(right)
	for _, k := range t.children(left) {
		key, target := k, k
		if t.is(k, "pair_pattern") {
			key, target = t.child(k, "key"), t.child(k, "value")
		} else if t.is(k, "object_assignment_pattern") {
			key = t.first(k)
			target = key
		}
		value := clean
		if raw != "" && key >= 0 && w.sourceRaws[raw+"."+t.value(key)] {
			value = right
		}
		w.bind(target, value)
	}
}
