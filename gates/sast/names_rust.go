package sast

import "strings"

func rustNames(t *tree, s *scopes, i int32) {
	n := &t.nodes[i]
	switch n.kind {
	case "use_declaration":
		if arg := t.child(i, "argument"); arg >= 0 {
			t.rustUse(s, t.scopeOf(i), arg, "", 0)
		}
	case "function_item":
		if name := t.child(i, "name"); name >= 0 && !t.inImpl(i) {
			s.set(t.scopeOf(i), t.source(name), "")
		}
		t.bindParameters(s, i)
	case "closure_expression":
		t.bindParameters(s, i)
	case "let_declaration":
		if p := t.child(i, "pattern"); t.is(p, kindName) {
			s.set(t.scopeOf(i), t.source(p), t.valueTarget(t.child(i, "value")))
		} else {
			t.bind(s, t.scopeOf(i), p)
		}
	}
}

func (t *tree) inImpl(i int32) bool {
	p := t.nodes[i].parent
	return t.is(p, "declaration_list") && t.is(t.nodes[p].parent, "impl_item", "trait_item")
}

// rustUse declares what a use tree brings in.
func (t *tree) rustUse(s *scopes, scope, i int32, prefix string, depth int) {
	if depth > 20 {
		return
	}
	join := func(name string) string {
		name = strings.ReplaceAll(name, "::", ".")
		if prefix == "" {
			return name
		}
		return prefix + "." + name
	}
	switch t.nodes[i].kind {
	case kindName, "scoped_identifier", "crate", "self":
		full := join(t.source(i))
		if t.is(i, "self") {
			full = prefix
		}
		s.set(scope, full[strings.LastIndexByte(full, '.')+1:], full)
	case "use_as_clause":
		if p, alias := t.child(i, "path"), t.child(i, "alias"); p >= 0 && alias >= 0 {
			s.set(scope, t.source(alias), join(t.source(p)))
		}
	case "use_list":
		for _, c := range t.children(i) {
			t.rustUse(s, scope, c, prefix, depth+1)
		}
	case "scoped_use_list":
		inner := prefix
		if p := t.child(i, "path"); p >= 0 {
			inner = join(t.source(p))
		}
		if list := t.child(i, "list"); list >= 0 {
			t.rustUse(s, scope, list, inner, depth+1)
		}
	}
}
