package sast

import (
	"slices"
	"strings"
)

// checked are the bad variables that a condition compares with known values;
// negated says that they are known where the condition does not hold.
func (w *flow) checked(cond int32) (names []string, negated bool) {
	t := w.t
	if cond < 0 {
		return nil, false
	}
	negated = t.is(cond, "not_operator") || t.is(cond, "unary_expression") && strings.HasPrefix(t.source(cond), "!")
	for i := cond; i < t.nodes[cond].end; i++ {
		if i != cond && t.nodes[i].parent != cond && t.is(i, "subscript_expression", "index_expression") {
			continue // deeper in, an element is what is compared
		}
		check, not := w.isCheck(i)
		negated = negated || not
		if check {
			names = w.badIn(i, names)
		}
	}
	return names, negated
}

// isCheck says whether an expression compares something with known values:
// known.includes(x), x in known, known[x]; not: x not in known.
func (w *flow) isCheck(i int32) (check, not bool) {
	t := w.t
	switch t.nodes[i].kind {
	case "call_expression", "call":
		return slices.Contains(checks, w.called(i)), false
	case "comparison_operator":
		src := t.source(i)
		not = strings.Contains(src, " not in ")
		return not || strings.Contains(src, " in "), not
	case "binary_expression":
		return w.compares(i)
	case "subscript_expression", "index_expression":
		return true, false
	}
	return false, false
}

// called is the name of the function that is called, without what it is of.
func (w *flow) called(i int32) string {
	f := w.t.child(i, "function")
	if f < 0 {
		return ""
	}
	name := w.t.source(f)
	return name[strings.LastIndexAny(name, ".:")+1:]
}

// compares is `x in known`, and `known.indexOf(x) < 0` and its like, which say
// that it is not known.
func (w *flow) compares(i int32) (check, not bool) {
	op := w.t.child(i, "operator")
	if op < 0 {
		return false, false
	}
	switch w.t.source(op) {
	case "in":
		return true, false
	case "<", "===", "==":
		not = strings.Contains(w.t.source(i), "indexOf")
		return not, not
	}
	return false, false
}

// badIn adds the bad variables in an expression to names.
func (w *flow) badIn(i int32, names []string) []string {
	t := w.t
	for j := i; j < t.nodes[i].end; j++ {
		if t.nodes[j].field == "function" || !t.is(j, kindName, "member_expression", "attribute", "selector_expression") {
			continue
		}
		if name := t.source(j); w.known(name) != clean || w.hasSource(j) {
			names = append(names, name)
			j = t.nodes[j].end - 1
		}
	}
	return names
}

// hasSource says whether a part of an expression a.b.c is a source.
func (w *flow) hasSource(i int32) bool {
	for ; i >= 0; i = w.t.first(i) {
		if w.sources[i] {
			return true
		}
	}
	return false
}
