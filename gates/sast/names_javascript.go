package sast

import "strings"

func javascriptNames(t *tree, s *scopes, i int32) {
	switch t.nodes[i].kind {
	case "import_statement":
		javascriptImport(t, s, i)
	case "variable_declarator":
		javascriptVariable(t, s, i)
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

func javascriptImport(t *tree, s *scopes, i int32) {
	module := t.moduleOf(i)
	for j := i + 1; j < t.nodes[i].end; j++ {
		switch t.nodes[j].kind {
		case "import_clause", "namespace_import", "import_require_clause":
			if own := t.moduleOf(j); own != "" { // import x = require("module")
				module = own
			}
			for _, k := range t.children(j) {
				if t.is(k, kindName) {
					s.set(0, t.source(k), module)
				}
			}
		case "import_specifier":
			javascriptSpecifier(t, s, j, module)
		}
	}
}

// moduleOf is the module that an import is from.
func (t *tree) moduleOf(i int32) string {
	src := t.child(i, "source")
	if src < 0 {
		return ""
	}
	return moduleName(t.value(src))
}

// javascriptSpecifier is `name` or `name as alias` between braces.
func javascriptSpecifier(t *tree, s *scopes, i int32, module string) {
	name, alias := t.child(i, "name"), t.firstChild(i, "alias", "name")
	if name < 0 {
		return
	}
	target := module + "." + t.value(name)
	if t.value(name) == "default" {
		target = module
	}
	s.set(0, t.source(alias), target)
}

func javascriptVariable(t *tree, s *scopes, i int32) {
	scope, name := t.scopeOf(i), t.child(i, "name")
	if name < 0 {
		return
	}
	target := t.valueTarget(t.child(i, "value"))
	switch {
	case t.is(name, kindName):
		s.set(scope, t.source(name), target)
	case t.is(name, "object_pattern") && target != "" && !strings.HasSuffix(target, callOf):
		for _, k := range t.children(name) {
			javascriptMember(t, s, scope, k, target)
		}
	default:
		t.bind(s, scope, name)
	}
}

// javascriptMember is `key` or `key: name` of `const {…} = module`.
func javascriptMember(t *tree, s *scopes, scope, i int32, module string) {
	switch value := t.child(i, "value"); {
	case t.is(i, kindName):
		s.set(scope, t.source(i), module+"."+t.source(i))
	case t.is(i, "pair_pattern") && t.is(value, kindName):
		s.set(scope, t.source(value), module+"."+t.value(t.child(i, "key")))
	default:
		t.bind(s, scope, i)
	}
}
