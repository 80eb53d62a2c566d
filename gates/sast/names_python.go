package sast

import "strings"

func pythonNames(t *tree, s *scopes, i int32) {
	switch t.nodes[i].kind {
	case "import_statement":
		pythonImport(t, s, i)
	case "import_from_statement":
		pythonFrom(t, s, i)
	case "assignment":
		pythonAssignment(t, s, i)
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
		pythonAs(t, s, i)
	}
}

func pythonImport(t *tree, s *scopes, i int32) {
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
}

// pythonFrom is `from module import name as alias`.
func pythonFrom(t *tree, s *scopes, i int32) {
	from := t.child(i, "module_name")
	if from < 0 {
		return
	}
	module := strings.TrimSuffix(t.source(from), ".")
	for _, c := range t.children(i) {
		if t.nodes[c].field != "name" {
			continue
		}
		name, alias := c, c
		if t.is(c, "aliased_import") {
			name, alias = t.child(c, "name"), t.child(c, "alias")
		}
		if name >= 0 && alias >= 0 {
			s.set(t.scopeOf(i), t.source(alias), module+"."+t.source(name))
		}
	}
}

func pythonAssignment(t *tree, s *scopes, i int32) {
	if p := t.nodes[i].parent; p >= 0 && t.is(p, "assignment") {
		return
	}
	scope, left := t.scopeOf(i), t.child(i, "left")
	switch {
	case t.is(left, kindName):
		s.set(scope, t.source(left), t.valueTarget(t.child(i, "right")))
	case t.is(left, "pattern_list"):
		t.bind(s, scope, left)
	}
}

// pythonAs is `value as name`.
func pythonAs(t *tree, s *scopes, i int32) {
	kids := t.children(i)
	if len(kids) != 2 {
		return
	}
	alias := kids[1]
	if t.is(alias, "as_pattern_target") && t.is(t.first(alias), kindName) {
		alias = t.first(alias)
	}
	if t.is(alias, kindName) {
		s.set(t.scopeOf(i), t.source(alias), t.valueTarget(kids[0]))
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
