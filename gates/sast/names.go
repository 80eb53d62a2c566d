package sast

import (
	"path"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

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
	n := &t.nodes[i]
	switch n.kind {
	case kindName, "self", "this", "crate", "super":
		raw = t.source(i)
		if target, ok := t.lookup(i, raw); ok {
			return target, raw
		}
		return raw, raw
	case "member_expression", "attribute", "selector_expression", "field_expression", "scoped_identifier", "dotted_name", "scoped_use_list":
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
			if resolved != "" {
				resolved += name
			}
			if raw != "" {
				raw += name
			}
		}
		return resolved, raw
	case "call_expression", "call":
		if m, ok := t.requireOf(i); ok {
			return m, ""
		}
		f := t.child(i, "function")
		resolved, raw = t.dottedWithin(f, depth-1)
		if resolved != "" {
			resolved += callOf
		}
		if raw != "" {
			raw += callOf
		}
		return resolved, raw
	case "new_expression":
		resolved, raw = t.dottedWithin(t.child(i, "constructor"), depth-1)
		if resolved != "" {
			resolved += callOf
		}
		if raw != "" {
			raw += callOf
		}
		return resolved, raw
	case "await_expression", "await", "try_expression":
		return t.dottedWithin(t.first(i), depth-1)
	}
	return "", ""
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

func javascriptNames(t *tree, s *scopes, i int32) {
	n := &t.nodes[i]
	switch n.kind {
	case "import_statement":
		module := ""
		if src := t.child(i, "source"); src >= 0 {
			module = moduleName(t.value(src))
		}
		for j := i + 1; j < n.end; j++ {
			c := &t.nodes[j]
			switch c.kind {
			case "import_clause", "namespace_import", "import_require_clause":
				for _, k := range t.children(j) {
					if t.is(k, kindName) {
						if src := t.child(j, "source"); src >= 0 {
							module = moduleName(t.value(src))
						}
						s.set(0, t.source(k), module)
					}
				}
			case "import_specifier":
				name, alias := t.child(j, "name"), t.child(j, "alias")
				if name < 0 {
					continue
				}
				if alias < 0 {
					alias = name
				}
				target := module + "." + t.value(name)
				if t.value(name) == "default" {
					target = module
				}
				s.set(0, t.source(alias), target)
			}
		}
	case "variable_declarator":
		scope, name, value := t.scopeOf(i), t.child(i, "name"), t.child(i, "value")
		if name < 0 {
			return
		}
		if t.is(name, kindName) {
			s.set(scope, t.source(name), t.valueTarget(value))
			return
		}
		target := t.valueTarget(value)
		if t.is(name, "object_pattern") && target != "" && !strings.HasSuffix(target, callOf) {
			for _, k := range t.children(name) {
				switch {
				case t.is(k, kindName):
					s.set(scope, t.source(k), target+"."+t.source(k))
				case t.is(k, "pair_pattern") && t.is(t.child(k, "value"), kindName):
					s.set(scope, t.source(t.child(k, "value")), target+"."+t.value(t.child(k, "key")))
				default:
					t.bind(s, scope, k)
				}
			}
			return
		}
		t.bind(s, scope, name)
	case "function_declaration", "class_declaration":
		if name := t.child(i, "name"); name >= 0 {
			s.set(t.scopeOf(i), t.source(name), "")
		}
		t.bindParameters(s, i)
	case "function", "method_definition":
		t.bindParameters(s, i)
	case "catch_clause":
		t.bind(s, t.scopeOf(i), t.child(i, "parameter"))
	}
}

func (t *tree) bindParameters(s *scopes, function int32) {
	t.bind(s, function, t.child(function, "parameters"))
	t.bind(s, function, t.child(function, "parameter"))
}

func pythonNames(t *tree, s *scopes, i int32) {
	n := &t.nodes[i]
	switch n.kind {
	case "import_statement":
		for _, c := range t.children(i) {
			switch t.nodes[c].kind {
			case "dotted_name":
				root, _, _ := strings.Cut(t.source(c), ".")
				s.set(t.scopeOf(i), root, root)
			case "aliased_import":
				if name, alias := t.child(c, "name"), t.child(c, "alias"); name >= 0 && alias >= 0 {
					s.set(t.scopeOf(i), t.source(alias), t.source(name))
				}
			}
		}
	case "import_from_statement":
		from := t.child(i, "module_name")
		if from < 0 {
			return
		}
		module := t.source(from)
		for _, c := range t.children(i) {
			if t.nodes[c].field != "name" {
				continue
			}
			name, alias := c, c
			if t.is(c, "aliased_import") {
				name, alias = t.child(c, "name"), t.child(c, "alias")
			}
			if name >= 0 && alias >= 0 {
				s.set(t.scopeOf(i), t.source(alias), strings.TrimSuffix(module, ".")+"."+t.source(name))
			}
		}
	case "assignment":
		if p := n.parent; p >= 0 && t.is(p, "assignment") {
			return
		}
		scope, left, right := t.scopeOf(i), t.child(i, "left"), t.child(i, "right")
		if left >= 0 && t.is(left, kindName) {
			s.set(scope, t.source(left), t.valueTarget(right))
		} else if t.is(left, "pattern_list") {
			t.bind(s, scope, left)
		}
	case "function_definition", "class_definition":
		if name := t.child(i, "name"); name >= 0 && !t.inClass(i) {
			s.set(t.scopeOf(i), t.source(name), "")
		}
		t.bindParameters(s, i)
	case "lambda":
		t.bindParameters(s, i)
	case "for_statement", "for_in_clause":
		t.bind(s, t.scopeOf(i), t.child(i, "left"))
	case "as_pattern":
		kids := t.children(i)
		if len(kids) == 2 {
			alias := kids[1]
			if t.is(alias, "as_pattern_target") && t.is(t.first(alias), kindName) {
				alias = t.first(alias)
			}
			if t.is(alias, kindName) {
				s.set(t.scopeOf(i), t.source(alias), t.valueTarget(kids[0]))
			}
		}
	}
}

// inClass says whether a definition is a class's member.
func (t *tree) inClass(i int32) bool {
	for p := t.nodes[i].parent; p >= 0; p = t.nodes[p].parent {
		switch {
		case t.is(p, "class_definition"):
			return true
		case isFunction(t.nodes[p].kind):
			return false
		}
	}
	return false
}

var versionSuffix = lazyregexp.New(`^v[0-9]+$`)

// goPackage is the name under which a package is usually known.
func goPackage(importPath string) string {
	base := path.Base(importPath)
	if versionSuffix.MatchString(base) && path.Dir(importPath) != "." {
		base = path.Base(path.Dir(importPath))
	}
	if i := strings.LastIndex(base, ".v"); i > 0 {
		base = base[:i]
	}
	base = strings.TrimPrefix(base, "go-")
	return strings.TrimSuffix(base, "-go")
}

func goNames(t *tree, s *scopes, i int32) {
	n := &t.nodes[i]
	switch n.kind {
	case "import_spec":
		p := t.child(i, "path")
		if p < 0 {
			return
		}
		importPath := t.value(p)
		name := goPackage(importPath)
		if alias := t.child(i, "name"); alias >= 0 {
			name = t.source(alias)
		}
		s.set(0, name, importPath+goPath)
	case "short_var_declaration":
		left, right := t.child(i, "left"), t.child(i, "right")
		if t.is(left, "expression_list") {
			kids := t.children(left)
			if len(kids) == 0 {
				return
			}
			if t.is(kids[0], kindName) && !t.is(right, "expression_list") {
				s.set(t.scopeOf(i), t.source(kids[0]), t.valueTarget(right))
				kids = kids[1:]
			}
			for _, k := range kids {
				t.bind(s, t.scopeOf(i), k)
			}
			return
		}
		if t.is(left, kindName) {
			s.set(t.scopeOf(i), t.source(left), t.valueTarget(right))
		}
	case "var_spec", "const_spec":
		for _, c := range t.children(i) {
			if t.nodes[c].field == "name" {
				s.set(t.scopeOf(i), t.source(c), t.valueTarget(t.child(i, "value")))
			}
		}
	case "parameter_declaration", "variadic_parameter_declaration":
		for _, c := range t.children(i) {
			if t.nodes[c].field == "name" {
				s.set(t.scopeOf(i), t.source(c), "")
			}
		}
	case "range_clause":
		t.bind(s, t.scopeOf(i), t.child(i, "left"))
	case "function_declaration":
		if name := t.child(i, "name"); name >= 0 {
			s.set(0, t.source(name), "")
		}
	}
}

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
