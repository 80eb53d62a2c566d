package sast

import (
	"regexp"
	"slices"
)

// operation is what a formula does.
type operation uint8

const (
	opPattern operation = iota
	opRegexp
	opAnd
	opEither
	opInside
	opNot
	opNotInside
	opNotRegexp
	opMetaRegexp
	opMetaPattern
	opFocus
)

// formula is a condition of a rule, compiled for one family.
type formula struct {
	op      operation
	pattern *pattern
	re      *regexp.Regexp
	subs    []*formula
	names   []string // metavariables
}

// query looks for formulas in one file.
type query struct {
	m matcher
	// from and to bound regular expressions to a metavariable's text; zero:
	// the whole file.
	from, to int
}

// find is where a formula is true.
func (q *query) find(f *formula) []hit {
	switch f.op {
	case opPattern:
		return q.m.find(f.pattern)
	case opRegexp:
		return q.regexp(f.re)
	case opEither:
		var all []hit
		seen := make(map[hitKey]bool)
		for _, sub := range f.subs {
			all = unite(all, q.find(sub), seen)
		}
		return all
	case opAnd:
		return q.and(f.subs)
	case opInside:
		return q.find(f.subs[0])
	}
	return nil
}

func unite(all, more []hit, seen map[hitKey]bool) []hit {
	for _, h := range more {
		if key := keyOf(h); !seen[key] {
			seen[key] = true
			all = append(all, h)
		}
	}
	return all
}

func (q *query) regexp(re *regexp.Regexp) []hit {
	var hits []hit
	src := q.m.t.src
	if q.to > 0 {
		src = src[q.from:q.to]
	}
	for _, at := range re.FindAllIndex(src, maxHits) {
		hits = append(hits, hit{from: q.from + at[0], to: q.from + at[1], node: -1, last: -1})
	}
	return hits
}

// and is where all conditions are true: the first that finds something says
// where, the others say where not.
func (q *query) and(subs []*formula) []hit {
	hits := q.all(subs)
	for _, sub := range subs {
		if len(hits) == 0 {
			return nil
		}
		hits = q.narrow(hits, sub)
	}
	for _, sub := range subs {
		if sub.op == opFocus {
			hits = q.focus(hits, sub.names)
		}
	}
	return hits
}

// all is where everything is found that says where, and what has to be around
// it is.
func (q *query) all(subs []*formula) []hit {
	var hits []hit
	started := false
	for _, pass := range [][]operation{{opPattern, opRegexp, opEither, opAnd}, {opInside}} {
		for _, sub := range subs {
			if !slices.Contains(pass, sub.op) {
				continue
			}
			found := q.find(sub)
			switch {
			case !started:
				hits, started = found, true
			case sub.op == opInside:
				hits = q.within(hits, found)
			default:
				hits = q.both(hits, found)
			}
			if len(hits) == 0 {
				return nil
			}
		}
	}
	return hits
}

// narrow keeps the places where a condition holds.
func (q *query) narrow(hits []hit, f *formula) []hit {
	switch f.op {
	case opNot:
		return q.without(hits, q.find(f.subs[0]), func(h, n hit) bool { return h.from == n.from && h.to == n.to })
	case opNotInside:
		return q.without(hits, q.find(f.subs[0]), inside)
	case opNotRegexp:
		return q.without(hits, q.regexp(f.re), func(h, n hit) bool { return h.from <= n.from && n.to <= h.to })
	case opMetaRegexp:
		return slices.DeleteFunc(hits, func(h hit) bool { return !q.metaMatches(h, f) })
	case opMetaPattern:
		return slices.DeleteFunc(hits, func(h hit) bool { return !q.metaIs(h, f) })
	}
	return hits
}

// inside says whether n is around h.
func inside(h, n hit) bool { return n.from <= h.from && h.to <= n.to }

// compatible says whether what the metavariables of two places stand for is
// the same.
func (q *query) compatible(a, b hit) bool {
	for x := b.b; x != nil; x = x.next {
		if y := a.b.get(x.name); y != nil && !q.m.t.same(x.nodes, y.nodes) {
			return false
		}
	}
	return true
}

func (q *query) merge(a, b hit) hit {
	for x := b.b; x != nil; x = x.next {
		if a.b.get(x.name) == nil {
			a.b = &binding{name: x.name, nodes: x.nodes, text: x.text, next: a.b}
		}
	}
	return a
}

func (q *query) within(hits, around []hit) []hit {
	return q.join(hits, around, inside)
}

func (q *query) both(hits, others []hit) []hit {
	return q.join(hits, others, func(h, n hit) bool { return h.from == n.from && h.to == n.to })
}

func (q *query) join(hits, others []hit, where func(h, n hit) bool) []hit {
	var kept []hit
	seen := make(map[hitKey]bool)
	for _, h := range hits {
		for _, n := range others {
			if q.m.spent() {
				return kept
			}
			if !where(h, n) || !q.compatible(h, n) {
				continue
			}
			if merged := q.merge(h, n); !seen[keyOf(merged)] {
				seen[keyOf(merged)] = true
				kept = append(kept, merged)
			}
		}
	}
	return kept
}

func (q *query) without(hits, others []hit, where func(h, n hit) bool) []hit {
	return slices.DeleteFunc(slices.Clone(hits), func(h hit) bool {
		return slices.ContainsFunc(others, func(n hit) bool {
			return !q.m.spent() && where(h, n) && q.compatible(h, n)
		})
	})
}

// metaMatches compares a metavariable's text, of a string its content, with a
// regular expression.
func (q *query) metaMatches(h hit, f *formula) bool {
	b := h.b.get(f.names[0])
	if b == nil || len(b.nodes) == 0 {
		return false
	}
	t := q.m.t
	text := t.value(b.nodes[0])
	if len(b.nodes) > 1 {
		text = string(t.src[t.nodes[b.nodes[0]].from:t.nodes[b.nodes[len(b.nodes)-1]].to])
	}
	return f.re.MatchString(text)
}

// metaIs says whether a metavariable stands for code that a formula is true of.
func (q *query) metaIs(h hit, f *formula) bool {
	b := h.b.get(f.names[0])
	if b == nil || len(b.nodes) != 1 {
		return false
	}
	n := q.m.t.nodes[b.nodes[0]]
	around := [2]int{q.from, q.to}
	q.from, q.to = n.from, n.to
	defer func() { q.from, q.to = around[0], around[1] }()
	return slices.ContainsFunc(q.find(f.subs[0]), func(x hit) bool {
		if x.node < 0 { // a regular expression: anywhere in it
			return n.from <= x.from && x.to <= n.to
		}
		return x.from == n.from && x.to == n.to && q.compatible(h, x)
	})
}

// focus makes what the metavariables stand for the place.
func (q *query) focus(hits []hit, names []string) []hit {
	var all []hit
	for _, h := range hits {
		for _, name := range names {
			b := h.b.get(name)
			if b == nil || len(b.nodes) == 0 {
				continue
			}
			for _, n := range b.nodes {
				f := h
				f.node, f.last = n, n
				f.from, f.to = q.m.t.nodes[n].from, q.m.t.nodes[n].to
				f.focused = true
				if !h.focused {
					f.wholeFrom, f.wholeTo = h.from, h.to
				}
				all = append(all, f)
			}
		}
	}
	return all
}
