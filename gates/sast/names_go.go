package sast

import (
	"iter"
	"path"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

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
	switch t.nodes[i].kind {
	case "import_spec":
		goImport(t, s, i)
	case "short_var_declaration":
		goDefine(t, s, i)
	case "var_spec", "const_spec":
		scope, value := t.scopeOf(i), t.child(i, "value")
		for c := range t.named(i) {
			s.set(scope, t.source(c), t.valueTarget(value))
		}
	case "parameter_declaration", "variadic_parameter_declaration":
		for c := range t.named(i) {
			s.set(t.scopeOf(i), t.source(c), "")
		}
	case "range_clause":
		t.bind(s, t.scopeOf(i), t.child(i, "left"))
	case "function_declaration":
		if name := t.child(i, "name"); name >= 0 {
			s.set(0, t.source(name), "")
		}
	}
}

// named are the names that a specification declares.
func (t *tree) named(i int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for _, c := range t.children(i) {
			if t.nodes[c].field == "name" && !yield(c) {
				return
			}
		}
	}
}

func goImport(t *tree, s *scopes, i int32) {
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
}

// goDefine is `a := value` and `a, b := f()`, where b is the file's own.
func goDefine(t *tree, s *scopes, i int32) {
	scope := t.scopeOf(i)
	left, right := t.child(i, "left"), t.child(i, "right")
	names := []int32{left}
	if t.is(left, "expression_list") {
		names = t.children(left)
	}
	if len(names) == 0 {
		return
	}
	if t.is(names[0], kindName) && !t.is(right, "expression_list") {
		s.set(scope, t.source(names[0]), t.valueTarget(right))
		names = names[1:]
	}
	for _, name := range names {
		t.bind(s, scope, name)
	}
}
