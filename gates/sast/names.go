package sast

import "strings"

// scopes says what names stand for: in each function, and in the file, the
// names declared there, with the dotted name of what was imported under them.
type scopes struct {
	of map[int32]map[string]string // function or root -> name -> what it stands for; "": something of the file's own
}

// callOf is what follows the dotted name of a function in the name of what it
// returned: "express()".
const callOf = "()"

func isFunction(kind string) bool {
	switch kind {
	case "function", "function_declaration", "method_definition", "function_definition", "lambda", "method_declaration",
		"func_literal", "function_item", "closure_expression":
		return true
	}
	return false
}

// scopeOf is the function around a node, or the root.
func (t *tree) scopeOf(i int32) int32 {
	for p := t.nodes[i].parent; p >= 0; p = t.nodes[p].parent {
		if isFunction(t.nodes[p].kind) {
			return p
		}
	}
	return 0
}

func (s *scopes) set(scope int32, name, target string) {
	m := s.of[scope]
	if m == nil {
		m = make(map[string]string)
		s.of[scope] = m
	}
	if old, ok := m[name]; ok && old != target {
		target = "" // it stands for several things
	}
	m[name] = target
}

// lookup is what a name stands for at a node; known is false when nothing in
// the file declares it.
func (t *tree) lookup(at int32, name string) (target string, known bool) {
	if t.scopes == nil {
		return "", false
	}
	for scope := t.scopeOf(at); ; scope = t.scopeOf(scope) {
		if target, known = t.scopes.of[scope][name]; known || scope == 0 {
			return target, known
		}
	}
}

// findScopes looks for imports and declarations.
func findScopes(t *tree) *scopes {
	s := &scopes{of: make(map[int32]map[string]string)}
	t.scopes = s
	if len(t.nodes) == 0 {
		return s
	}
	find := [...]func(*tree, *scopes, int32){noFamily: nil, javascript: javascriptNames, python: pythonNames, golang: goNames, rust: rustNames}[t.family]
	if find == nil {
		return s
	}
	for i := range t.nodes {
		find(t, s, int32(i))
	}
	return s
}

// bind declares every name in a pattern of names, as the file's own.
func (t *tree) bind(s *scopes, scope, pattern int32) {
	if pattern < 0 {
		return
	}
	for i := pattern; i < t.nodes[pattern].end; i++ {
		n := &t.nodes[i]
		if n.kind != kindName || n.field == "key" || n.field == "property" || n.field == "attribute" || n.field == "type" {
			continue
		}
		if p := n.parent; p >= pattern && t.is(p, "member_expression", "attribute", "selector_expression", "subscript", "subscript_expression", "field_expression", "index_expression") {
			continue
		}
		s.set(scope, t.source(i), "")
	}
}

// valueTarget is what a name that is given this value stands for.
func (t *tree) valueTarget(value int32) string {
	if value < 0 {
		return ""
	}
	resolved, raw := t.dotted(value)
	// util.promisify(f) is f.
	if strings.HasSuffix(resolved, "promisify"+callOf) && t.is(value, "call_expression") {
		if args := t.children(t.child(value, "arguments")); len(args) == 1 {
			if inner, _ := t.dotted(args[0]); inner != "" {
				return inner
			}
		}
	}
	if resolved == raw && !strings.HasSuffix(resolved, callOf) && !strings.Contains(resolved, ".") {
		if _, known := t.lookup(value, resolved); !known {
			return "" // a global: nothing is known of it
		}
	}
	return resolved
}

func (t *tree) bindParameters(s *scopes, function int32) {
	t.bind(s, function, t.child(function, "parameters"))
	t.bind(s, function, t.child(function, "parameter"))
}
