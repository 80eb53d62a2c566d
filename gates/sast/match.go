package sast

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// binding is what a metavariable stands for, in front of earlier ones.
type binding struct {
	name  string
	nodes []int32 // one, or those of $...ARGS
	text  bool    // it stands for a string's content
	next  *binding
}

func (b *binding) get(name string) *binding {
	for ; b != nil; b = b.next {
		if b.name == name {
			return b
		}
	}
	return nil
}

// matcher compares patterns with one file.
type matcher struct {
	t     *tree
	p     *pattern
	steps int // that are left
}

// maxSteps bounds the work of one rule on one file.
const maxSteps = 4 << 20

func (m *matcher) spent() bool {
	m.steps--
	return m.steps < 0
}

// classOf is one name for kinds that a pattern does not tell apart.
func classOf(kind string) string {
	switch kind {
	case "assignment_expression", "variable_declarator", "assignment", "short_var_declaration", "assignment_statement", "var_spec", "let_declaration", "const_spec":
		return "assignment"
	case "pair_pattern":
		return "pair"
	}
	return kind
}

var nameKinds = []string{kindName, "member_expression", "attribute", "selector_expression", "field_expression", "scoped_identifier", "dotted_name", "call_expression", "call", "self", "this"}

// match compares a node of the pattern with a node of the file and calls then
// with what it takes for them to be the same, until that says true.
func (m *matcher) match(pi, ci int32, b *binding, then func(*binding) bool) bool {
	if m.spent() {
		return false
	}
	p, pn, cn := m.p, &m.p.t.nodes[pi], &m.t.nodes[ci]
	switch {
	case p.marks[pi] != plain:
		return m.hole(pi, ci, b, then)
	case p.quals[pi] != "" || p.raws[pi] != "":
		return m.named(pi, ci) && then(b)
	case pn.kind == kindString || cn.kind == kindString:
		return m.sameString(pi, ci) && then(b)
	case classOf(pn.kind) == classOf(cn.kind):
		return m.parts(pi, ci, b, then)
	}
	return m.otherKind(pi, ci, b, then)
}

// hole compares a hole of the pattern with a node of the file.
func (m *matcher) hole(pi, ci int32, b *binding, then func(*binding) bool) bool {
	cn := &m.t.nodes[ci]
	switch name := m.p.names[pi]; m.p.marks[pi] {
	case meta:
		return cn.named && m.bind(name, []int32{ci}, false, b, then)
	case args:
		return m.bind(name, []int32{ci}, false, b, then)
	case anyString:
		return cn.kind == kindString && then(b)
	case metaString:
		return cn.kind == kindString && m.bind(name, []int32{ci}, true, b, then)
	case deep:
		return m.within(pi, ci, b, then)
	}
	return then(b) // dots
}

// within looks for what stands between <... and ...> in a node and below it.
func (m *matcher) within(pi, ci int32, b *binding, then func(*binding) bool) bool {
	inner := m.p.t.children(m.p.t.child(pi, "arguments"))
	if len(inner) != 1 {
		return false
	}
	for i := ci; i < m.t.nodes[ci].end; i++ {
		if m.t.nodes[i].named && m.match(inner[0], i, b, then) {
			return true
		}
	}
	return false
}

// sameString compares two nodes of which at least one is a string.
func (m *matcher) sameString(pi, ci int32) bool {
	pn, cn := &m.p.t.nodes[pi], &m.t.nodes[ci]
	if pn.kind == cn.kind {
		return m.p.t.text[pi] == m.t.text[ci]
	}
	// {"a": 1} and {a: 1}
	return (pn.field == "key" || cn.field == "key") && m.p.t.value(pi) == m.t.value(ci)
}

// parts compares two nodes of one kind by what is below them.
func (m *matcher) parts(pi, ci int32, b *binding, then func(*binding) bool) bool {
	p := m.p
	kids := p.t.children(pi)
	switch kind := p.t.nodes[pi].kind; {
	case p.t.leaf(pi) && m.t.leaf(ci):
		return p.t.source(pi) == m.t.source(ci) && then(b)
	case p.t.leaf(pi):
		return false
	case m.t.leaf(ci):
		return m.list(kids, nil, b, then)
	case kind == "expression_statement":
		return m.statement(pi, ci, b, then)
	case kind == "token_tree" && len(kids) == 1 && p.marks[pi+1] == dots:
		return then(b)
	}
	return m.list(kids, m.t.children(ci), b, then)
}

// otherKind compares nodes of two kinds that the grammar tells apart, and who
// writes a pattern does not.
func (m *matcher) otherKind(pi, ci int32, b *binding, then func(*binding) bool) bool {
	p, field := m.p, m.t.nodes[ci].field
	switch kind := p.t.nodes[pi].kind; {
	case kind == "formal_parameters" && field == "parameter": // x => … and (x) => …
		return m.list(p.t.children(pi), []int32{ci}, b, then)
	case kind == "statement_block" && field == "body": // () => { ... } and () => x
		kids := p.t.children(pi)
		return len(kids) == 1 && p.marks[kids[0]] == dots && then(b)
	case kind == "expression_statement":
		return m.statement(pi, ci, b, then)
	}
	return false
}

// statement compares a statement of the pattern that is an expression: what it
// looks for may be a part of the file's statement.
func (m *matcher) statement(pi, ci int32, b *binding, then func(*binding) bool) bool {
	inner := m.p.t.first(pi)
	if inner < 0 {
		return false
	}
	if m.p.marks[inner] == meta { // $X; is any statement
		return m.match(inner, ci, b, then)
	}
	for i := ci; i < m.t.nodes[ci].end; i++ {
		if i > ci && isFunction(m.t.nodes[i].kind) || m.t.is(i, "block", "statement_block") {
			i = m.t.nodes[i].end - 1
			continue
		}
		if m.t.nodes[i].named && classOf(m.t.nodes[i].kind) == classOf(m.p.t.nodes[inner].kind) && m.match(inner, i, b, then) {
			return true
		}
	}
	return false
}

// named compares names by what they stand for.
func (m *matcher) named(pi, ci int32) bool {
	if !slices.Contains(nameKinds, m.t.nodes[ci].kind) {
		return false
	}
	want, wantRaw, imported := m.p.quals[pi], m.p.raws[pi], m.p.imported[pi]
	got, raw := m.t.dotted(ci)
	if got == "" && raw == "" {
		return false
	}
	if imported {
		return got == want && got != ""
	}
	if got != "" && got != raw { // the file imports it
		if got == want || inPackage(got, want) {
			return true
		}
		if !strings.Contains(got, callOf) {
			return false
		}
	}
	if wantRaw == "" || raw != wantRaw {
		return got == want && got != ""
	}
	return got != "" || strings.Contains(raw, ".") || !m.isCalled(ci)
}

// inPackage says whether a name is want, with the package for its import path.
func inPackage(name, want string) bool {
	module, rest, ok := strings.Cut(name, goPath)
	return ok && goPackage(module)+rest == want
}

// isCalled says whether a name is that of what is called; one without a module
// is the file's own function.
func (m *matcher) isCalled(i int32) bool {
	field := m.t.nodes[i].field
	return field == "function" || field == "constructor"
}

// bind gives a metavariable its meaning, or compares it with the one it has.
func (m *matcher) bind(name string, nodes []int32, text bool, b *binding, then func(*binding) bool) bool {
	if name == "_" {
		return then(b)
	}
	old := b.get(name)
	if old == nil {
		return then(&binding{name: name, nodes: nodes, text: text, next: b})
	}
	return m.t.same(old.nodes, nodes) && then(b)
}

func (t *tree) same(a, b []int32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if t.nodes[a[i]].kind == kindString && t.nodes[b[i]].kind == kindString {
			if t.text[a[i]] != t.text[b[i]] {
				return false
			}
		} else if !t.equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// list compares nodes in a row.
func (m *matcher) list(ps, cs []int32, b *binding, then func(*binding) bool) bool {
	return m.row(ps, cs, b, func(b *binding, rest []int32) bool {
		for _, c := range rest {
			if m.t.nodes[c].field != "alternative" {
				return false
			}
		}
		return then(b)
	})
}

// row compares the pattern's nodes with the first of the file's.
func (m *matcher) row(ps, cs []int32, b *binding, then func(*binding, []int32) bool) bool {
	if m.spent() {
		return false
	}
	if len(ps) == 0 {
		return then(b, cs)
	}
	switch p := ps[0]; m.p.marks[p] {
	case dots:
		if len(ps) == 1 && !m.p.t.is(p, "expression_statement") {
			return then(b, nil)
		}
		for i := 0; i <= len(cs); i++ {
			if m.row(ps[1:], cs[i:], b, then) {
				return true
			}
		}
		return false
	case args:
		for i := 0; i <= len(cs); i++ {
			if m.bind(m.p.names[p], cs[:i], false, b, func(b *binding) bool { return m.row(ps[1:], cs[i:], b, then) }) {
				return true
			}
		}
		return false
	default:
		if len(cs) == 0 {
			return false
		}
		return m.match(p, cs[0], b, func(b *binding) bool { return m.row(ps[1:], cs[1:], b, then) })
	}
}

// hit is a place where a pattern matches.
type hit struct {
	from, to int   // bytes
	node     int32 // the first one; -1: none
	last     int32
	b        *binding
	// A place that was narrowed to a metavariable remembers the whole.
	focused            bool
	wholeFrom, wholeTo int
}

// maxHits bounds the places of one pattern in one file.
const maxHits = 5000

// find looks for a pattern in the whole file.
func (m *matcher) find(p *pattern) []hit {
	m.p = p
	for _, w := range p.fixed {
		if !m.t.holds(w) {
			return nil
		}
	}
	hits := hits{t: m.t, seen: make(map[hitKey]bool)}
	if len(p.roots) > 1 {
		for i := range m.t.nodes {
			if m.t.isContainer(int32(i)) {
				m.findRow(p, m.t.children(int32(i)), hits.add)
			}
		}
		return hits.list
	}
	for i := range m.candidates(p.roots[0]) {
		m.match(p.roots[0], i, nil, func(b *binding) bool {
			hits.add(i, i, b)
			return false
		})
	}
	slices.SortStableFunc(hits.list, func(a, b hit) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	return hits.list
}

// hits are the places of one pattern in one file, each once, maxHits at most.
type hits struct {
	t    *tree
	list []hit
	seen map[hitKey]bool
}

func (h *hits) add(node, last int32, b *binding) {
	one := hit{from: h.t.nodes[node].from, to: h.t.nodes[last].to, node: node, last: last, b: b}
	if key := keyOf(one); !h.seen[key] && len(h.list) < maxHits {
		h.seen[key] = true
		h.list = append(h.list, one)
	}
}

func (t *tree) isContainer(i int32) bool {
	switch t.nodes[i].kind {
	case "program", "module", "source_file", "statement_block", "block", "class_body", "declaration_list", "switch_case", "switch_default",
		"expression_case", "default_case", "communication_case", "type_case":
		return true
	}
	return false
}

// findRow looks for statements in a row.
func (m *matcher) findRow(p *pattern, list []int32, add func(node, last int32, b *binding)) {
	roots := p.roots
	for len(roots) > 0 && p.marks[roots[0]] == dots {
		roots = roots[1:]
	}
	for i := range list {
		m.row(roots, list[i:], nil, func(b *binding, rest []int32) bool {
			last := list[len(list)-1-len(rest)]
			add(list[i], last, b)
			return false
		})
	}
}

var classMembers = map[string][]string{
	"assignment": {"assignment_expression", "variable_declarator", "assignment", "short_var_declaration", "assignment_statement", "var_spec", "let_declaration", "const_spec"},
	"pair":       {"pair", "pair_pattern"},
}

// candidates are the nodes where a pattern can match, kind by kind.
func (m *matcher) candidates(root int32) iter.Seq[int32] {
	p := m.p
	kind := p.t.nodes[root].kind
	switch {
	case p.marks[root] == anyString || p.marks[root] == metaString:
		return m.t.ofKinds(kindString)
	case p.marks[root] != plain:
		return m.t.expressions()
	case p.quals[root] != "" || p.raws[root] != "":
		return m.t.ofKinds(nameKinds...)
	case classMembers[classOf(kind)] != nil:
		return m.t.ofKinds(classMembers[classOf(kind)]...)
	}
	return m.t.ofKinds(kind)
}

func (t *tree) ofKinds(kinds ...string) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for _, kind := range kinds {
			for _, i := range t.kinds[kind] {
				if !yield(i) {
					return
				}
			}
		}
	}
}

// expressions are all nodes that can stand for a metavariable.
func (t *tree) expressions() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for i := range t.nodes {
			if t.nodes[i].named && !t.isContainer(int32(i)) && !yield(int32(i)) {
				return
			}
		}
	}
}

// hitKey tells hits apart: by place and by what their metavariables stand for.
type hitKey struct {
	from, to int
	bindings string
}

func keyOf(h hit) hitKey {
	var parts []string
	for b := h.b; b != nil; b = b.next {
		var s strings.Builder
		s.WriteString(b.name)
		for _, n := range b.nodes {
			s.WriteByte(' ')
			s.WriteString(itoa(n))
		}
		parts = append(parts, s.String())
	}
	slices.Sort(parts)
	return hitKey{h.from, h.to, strings.Join(parts, ";")}
}
