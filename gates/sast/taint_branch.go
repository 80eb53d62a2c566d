package sast

import (
	"maps"
	"slices"
)

// loop goes through a loop twice: what its end makes bad, its beginning sees.
func (w *flow) loop(i int32) {
	t := w.t
	entry := maps.Clone(w.env)
	left, right := t.child(i, "left"), t.child(i, "right")
	if left < 0 {
		left, right = t.child(i, "pattern"), t.child(i, "value")
	}
	for range 2 {
		w.bind(left, w.eval(right))
		for _, c := range t.children(i) {
			if c != left && c != right {
				w.eval(c)
			}
		}
	}
	w.env = join(w.env, entry)
}

// leaves says whether a branch ends by leaving what is around it.
func (w *flow) leaves(i int32) bool {
	t := w.t
	if i < 0 {
		return false
	}
	switch t.nodes[i].kind {
	case "block", "statement_block":
		kids := t.children(i)
		return len(kids) > 0 && w.leaves(kids[len(kids)-1])
	case "return_statement", "throw_statement", "raise_statement", "continue_statement", "break_statement", "return_expression", "continue_expression", "break_expression":
		return true
	case "expression_statement":
		inner := t.first(i)
		return t.is(inner, "return_expression", "continue_expression", "break_expression") || w.ends(inner)
	}
	return false
}

// ends says whether an expression is a call that does not return.
func (w *flow) ends(i int32) bool {
	if i < 0 {
		return false
	}
	f := w.t.child(i, "function")
	if f < 0 {
		return false
	}
	_, raw := w.t.dotted(f)
	return slices.Contains(endings, raw)
}

// branch is an if with all that belongs to it. What its condition compares with
// known values is clean where the comparison holds; after the if, where the
// other branch does not come that far.
func (w *flow) branch(i int32) int32 {
	t := w.t
	cond, then, other := t.child(i, "condition"), t.child(i, "consequence"), t.child(i, "alternative")
	if init := t.child(i, "initializer"); init >= 0 {
		w.eval(init)
	}
	w.eval(cond)
	checked, negated := w.checked(cond)
	entry := maps.Clone(w.env)
	if !negated {
		w.forget(checked)
	}
	value := w.eval(then)
	after := w.env
	w.env = entry
	if negated && other >= 0 {
		w.forget(checked)
	}
	for _, c := range t.children(i) { // else, elif
		if t.nodes[c].field == "alternative" {
			if v := w.eval(c); value == clean {
				value = v
			}
		}
	}
	if !w.leaves(then) {
		w.env = join(w.env, after)
	} else if negated && other < 0 {
		w.forget(checked)
	}
	return value
}

// choose is a choice between two expressions.
func (w *flow) choose(cond, then, other int32) int32 {
	w.eval(cond)
	checked, negated := w.checked(cond)
	around := w.env
	w.env = maps.Clone(around)
	if !negated {
		w.forget(checked)
	}
	a := w.eval(then)
	w.env = maps.Clone(around)
	if negated {
		w.forget(checked)
	}
	b := w.eval(other)
	w.env = around
	return max(a, b)
}

// branches are those of a switch, a match or a try: each may be taken, or none.
func (w *flow) branches(i int32) int32 {
	value := clean
	entry := w.env
	out := maps.Clone(entry)
	for _, c := range w.t.children(i) {
		if !w.isBranch(c) {
			w.eval(c)
			out = join(out, w.env)
			continue
		}
		from := entry
		if w.t.is(c, "finally_clause") {
			from = out
		}
		w.env = maps.Clone(from)
		if v := w.eval(c); value == clean {
			value = v
		}
		out = join(out, w.env)
		w.env = entry
	}
	w.env = out
	return value
}

func (w *flow) isBranch(i int32) bool {
	return w.t.isContainer(i) || w.t.is(i, "match_arm", "case_clause", "except_clause", "catch_clause", "finally_clause", "else_clause")
}
