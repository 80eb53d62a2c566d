package sast

import "strings"

// goPath ends an import path in a dotted name, since the path may have dots.
const goPath = "\x01"

// moduleName is a module's name without Node's prefix for its own.
func moduleName(spec string) string { return strings.TrimPrefix(spec, "node:") }

// requireOf is the module of a call require("module").
func (t *tree) requireOf(i int32) (string, bool) {
	if t.family != javascript || !t.is(i, "call_expression") {
		return "", false
	}
	args := t.children(t.child(i, "arguments"))
	if f := t.child(i, "function"); f < 0 || t.source(f) != "require" || len(args) != 1 || !t.is(args[0], kindString) {
		return "", false
	}
	return moduleName(t.value(args[0])), true
}

// dotted is the name of an expression of the form a.b.c, with what a stands
// for, and as it is written. Both are empty for another expression.
func (t *tree) dotted(i int32) (resolved, raw string) {
	if t.memo == nil || i < 0 {
		return t.dottedWithin(i, maxDotted)
	}
	m := &t.memo[i]
	if !m.known {
		m.resolved, m.raw = t.dottedWithin(i, maxDotted)
		m.known = true
	}
	return m.resolved, m.raw
}

type dottedName struct {
	resolved, raw string
	known         bool
}

// maxDotted is how many parts a dotted name may have.
const maxDotted = 12

func (t *tree) dottedWithin(i int32, depth int) (resolved, raw string) {
	if i < 0 || depth == 0 {
		return "", ""
	}
	switch t.nodes[i].kind {
	case kindName, "self", "this", "crate", "super":
		raw = t.source(i)
		if target, ok := t.lookup(i, raw); ok {
			return target, raw
		}
		return raw, raw
	case "member_expression", "attribute", "selector_expression", "field_expression", "scoped_identifier", "dotted_name", "scoped_use_list":
		return t.dottedParts(i, depth)
	case "call_expression", "call":
		if m, ok := t.requireOf(i); ok {
			return m, ""
		}
		return t.dottedCall(t.child(i, "function"), depth)
	case "new_expression":
		return t.dottedCall(t.child(i, "constructor"), depth)
	case "await_expression", "await", "try_expression":
		return t.dottedWithin(t.first(i), depth-1)
	}
	return "", ""
}

// dottedParts is a.b.c of its parts.
func (t *tree) dottedParts(i int32, depth int) (resolved, raw string) {
	kids := t.children(i)
	if len(kids) == 0 {
		return "", ""
	}
	resolved, raw = t.dottedWithin(kids[0], depth-1)
	for _, k := range kids[1:] {
		if t.nodes[k].kind != kindName {
			return "", ""
		}
		name := "." + t.source(k)
		resolved, raw = extend(resolved, name), extend(raw, name)
	}
	return resolved, raw
}

// dottedCall is what a function returns.
func (t *tree) dottedCall(function int32, depth int) (resolved, raw string) {
	resolved, raw = t.dottedWithin(function, depth-1)
	return extend(resolved, callOf), extend(raw, callOf)
}

// extend adds to a name, if there is one.
func extend(name, part string) string {
	if name == "" {
		return ""
	}
	return name + part
}
