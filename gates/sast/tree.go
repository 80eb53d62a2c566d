package sast

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates/syntax"
)

// family is a group of grammars that rules see as one language.
type family uint8

const (
	noFamily family = iota
	javascript
	python
	golang
	rust
	families // how many
)

var familyNames = [...]string{"", "javascript", "python", "go", "rust"}

func (f family) String() string { return familyNames[f] }

// familyOf is the family of a grammar.
func familyOf(l syntax.Language) family {
	switch l {
	case syntax.JavaScript, syntax.TypeScript, syntax.TSX:
		return javascript
	case syntax.Python:
		return python
	case syntax.Go:
		return golang
	case syntax.Rust:
		return rust
	}
	return noFamily
}

// node is a node of a tree in the form that patterns are compared in: without
// comments, punctuation, types, parentheses, and with one name for what the
// grammars name in several ways. Its descendants follow it, up to end.
type node struct {
	kind     string
	field    string
	from, to int   // bytes
	parent   int32 // -1: the root
	end      int32
	named    bool
}

// tree is a file, or a pattern, in that form. It remembers what it was asked:
// one goroutine at a time may use it.
type tree struct {
	family family
	src    []byte
	nodes  []node
	text   map[int32]string // content of strings without interpolation
	kinds  map[string][]int32
	scopes *scopes
	memo   []dottedName    // by node, once the scopes are known
	words  map[string]bool // words that were looked for in the source
	faulty bool            // it does not parse in one place at least
	deep   bool            // parts nested deeper than maxDepth were left out
}

const (
	kindName   = "identifier"
	kindString = "string" // without interpolation
)

// renamed is what a grammar's kind is called here. Kinds that are not listed
// keep their name.
var renamed = map[string]string{
	"property_identifier": kindName, "shorthand_property_identifier": kindName,
	"shorthand_property_identifier_pattern": kindName, "private_property_identifier": kindName,
	"type_identifier": kindName, "field_identifier": kindName, "package_identifier": kindName,
	"shorthand_field_identifier": kindName, "statement_identifier": kindName, "label_name": kindName,
	"dot": kindName, "blank_identifier": kindName,
	"lexical_declaration": "variable_declaration",
	"arrow_function":      "function", "function_expression": "function", "generator_function": "function",
	"generator_function_declaration": "function_declaration",
	"interpreted_string_literal":     kindString, "raw_string_literal": kindString, "string_literal": kindString,
	"qualified_type": "selector_expression", "scoped_type_identifier": "scoped_identifier",
	"nested_identifier": "member_expression",
	"tuple_pattern":     "pattern_list", "list_pattern": "pattern_list",
}

// dropped are kinds that no pattern sees.
var dropped = map[string]bool{
	"comment": true, "line_comment": true, "block_comment": true, "type_annotation": true, "type_parameters": true,
	"type_arguments": true, "accessibility_modifier": true, "override_modifier": true, "optional_chain": true,
	"visibility_modifier": true, "mutable_specifier": true, "function_modifiers": true, "where_clause": true,
	"lifetime": true, "html_comment": true, "hash_bang_line": true, "type_parameter_list": true, "empty_statement": true,
	"type_predicate_annotation": true, "asserts_annotation": true, "line_continuation": true,
}

// droppedFields are fields that no pattern sees.
var droppedFields = map[string]bool{"return_type": true, "result": true, "type_parameters": true, "type_arguments": true, "alternative_type": true}

// transparent are kinds that stand for their first child.
var transparent = map[string]bool{
	"parenthesized_expression": true, "as_expression": true, "satisfies_expression": true, "non_null_expression": true,
	"template_substitution": true, "literal_element": true, "generic_function": true, "generic_type": true,
	"required_parameter": true, "optional_parameter": true, "typed_parameter": true, "typed_default_parameter": true,
	"default_parameter": true, "reference_type": true, "jsx_expression": true, "type": true, "statement_list": true,
	"expression_list": true, "parenthesized_type": true, "generic_type_with_turbofish": true,
}

// manyChildren are transparent kinds that are kept when they have not exactly
// one child.
var manyChildren = map[string]bool{"expression_list": true, "parenthesized_expression": true, "literal_element": true, "jsx_expression": true, "type": true}

// operators are tokens that tell nodes of one kind apart.
func operator(kind string) bool {
	switch kind {
	case "(", ")", "[", "]", "{", "}", ",", ";", ":", ".", "\"", "'", "`", "=", ":=", "=>", "->", "::", "?", "?.", "...", "@", "${", "|", "#", "\n", "<", "/", "\x00":
		return kind == "<" || kind == "/" || kind == "|"
	case "instanceof", "in", "not", "is", "and", "or", "typeof", "delete", "void", "not in", "is not":
		return true
	}
	return kind != "" && !(kind[0] >= 'a' && kind[0] <= 'z' || kind[0] >= 'A' && kind[0] <= 'Z' || kind[0] == '_')
}

// newTree brings a parsed file into the form that patterns are compared in.
func newTree(in *syntax.Tree) *tree {
	b := &builder{in: in, t: &tree{
		family: familyOf(in.Language), src: in.Source, nodes: make([]node, 0, in.Len()/2),
		text: make(map[int32]string), kinds: make(map[string][]int32), faulty: in.Root().HasError(),
	}}
	b.add(in.Root(), -1, "", 0)
	for i := range b.t.nodes {
		n := &b.t.nodes[i]
		b.t.kinds[n.kind] = append(b.t.kinds[n.kind], int32(i))
	}
	b.t.scopes = findScopes(b.t)
	b.t.memo = make([]dottedName, len(b.t.nodes))
	b.t.words = make(map[string]bool)
	return b.t
}

// holds says whether a word is anywhere in the source.
func (t *tree) holds(word string) bool {
	has, known := t.words[word]
	if !known {
		has = bytes.Contains(t.src, []byte(word))
		t.words[word] = has
	}
	return has
}

// maxDepth is how deeply nested code is looked at.
const maxDepth = 2000

type builder struct {
	in *syntax.Tree
	t  *tree
}

// add copies a node and what is below it.
func (b *builder) add(n syntax.Node, parent int32, field string, depth int) {
	if depth > maxDepth {
		b.t.deep = true
		return
	}
	kind := n.Kind()
	if b.leftOut(n, kind, parent, field) || b.transparent(n, kind, parent, field, depth) {
		return
	}
	index := int32(len(b.t.nodes))
	b.t.nodes = append(b.t.nodes, node{kind: nameOf(n, kind), field: field, from: n.StartByte(), to: n.EndByte(), parent: parent, end: index + 1, named: n.Named()})
	if n.Named() {
		if text, ok := stringText(n, kind); ok {
			b.t.nodes[index].kind = kindString
			b.t.text[index] = text
			return
		}
		if kind == "string" {
			b.t.nodes[index].kind = "interpolated"
		}
	}
	for c := range n.Children() {
		b.add(c, index, c.Field(), depth+1)
	}
	b.t.nodes[index].end = int32(len(b.t.nodes))
}

// leftOut says whether no pattern sees a node: comments, punctuation, types.
func (b *builder) leftOut(n syntax.Node, kind string, parent int32, field string) bool {
	switch {
	case dropped[kind], droppedFields[field], n.IsMissing():
		return true
	case !n.Named() && (kind == "=" || kind == ":=" || field != "operator" && field != "operators" && !operator(kind)):
		return true
	case field == "type" && parent >= 0:
		return b.annotation(kind, b.t.nodes[parent].kind)
	}
	return false
}

// annotation says whether a type only annotates what it is below.
func (b *builder) annotation(kind, parent string) bool {
	return parent == "let_declaration" || b.t.family == python && kind != kindName
}

// transparent adds what a transparent node stands for; false: it is none.
func (b *builder) transparent(n syntax.Node, kind string, parent int32, field string, depth int) bool {
	if !transparent[kind] || !n.Named() {
		return false
	}
	if inner, ok := b.inner(n, kind); ok {
		b.add(inner, parent, field, depth+1)
		return true
	}
	if kind != "statement_list" {
		return false
	}
	for c := range n.Children() {
		b.add(c, parent, field, depth+1)
	}
	return true
}

// nameOf is what a node is called here; a token by its text.
func nameOf(n syntax.Node, kind string) string {
	if !n.Named() {
		return string(n.Bytes())
	}
	if name, ok := renamed[kind]; ok {
		return name
	}
	return kind
}

// inner is the node that a transparent one stands for.
func (b *builder) inner(n syntax.Node, kind string) (syntax.Node, bool) {
	var only syntax.Node
	count := 0
	for c := range n.NamedChildren() {
		if dropped[c.Kind()] {
			continue
		}
		if count++; count == 1 {
			only = c
		}
	}
	if kind == "statement_list" || count == 0 || count > 1 && manyChildren[kind] {
		return only, false
	}
	switch kind {
	case "required_parameter", "optional_parameter":
		if p := n.ChildByField("pattern"); p.Exists() {
			only = p
		}
	case "default_parameter", "typed_default_parameter":
		only = n.ChildByField("name")
	case "reference_type":
		only = n.ChildByField("type")
	}
	return only, only.Exists()
}

// stringText is the content of a string in which nothing is interpolated.
func stringText(n syntax.Node, kind string) (string, bool) {
	switch kind {
	case "string", "template_string", "concatenated_string":
		return joinedText(n)
	case "interpreted_string_literal", "raw_string_literal", "string_literal":
		src := strings.TrimRight(strings.TrimLeft(string(n.Bytes()), "brc#"), "#")
		if len(src) < 2 {
			return "", true
		}
		return src[1 : len(src)-1], true
	}
	return "", false
}

// joinedText is the text of a string that the grammar has in parts.
func joinedText(n syntax.Node) (string, bool) {
	var b strings.Builder
	for c := range n.NamedChildren() {
		switch c.Kind() {
		case "string_fragment", "string_content", "escape_sequence":
			if hasInterpolation(c) {
				return "", false
			}
			b.Write(c.Bytes())
		case "string":
			part, ok := joinedText(c)
			if !ok {
				return "", false
			}
			b.WriteString(part)
		case "comment", "string_start", "string_end":
		default: // an interpolation
			return "", false
		}
	}
	return b.String(), true
}

func hasInterpolation(n syntax.Node) bool {
	for c := range n.NamedChildren() {
		if c.Kind() == "interpolation" {
			return true
		}
	}
	return false
}

// children are the nodes directly below one.
func (t *tree) children(i int32) []int32 {
	if i < 0 {
		return nil
	}
	var list []int32
	for c := i + 1; c < t.nodes[i].end; c = t.nodes[c].end {
		list = append(list, c)
	}
	return list
}

func (t *tree) leaf(i int32) bool { return t.nodes[i].end == i+1 }

func (t *tree) child(i int32, field string) int32 {
	if i < 0 {
		return -1
	}
	for c := i + 1; c < t.nodes[i].end; c = t.nodes[c].end {
		if t.nodes[c].field == field {
			return c
		}
	}
	return -1
}

// firstChild is the child with the first of these fields that there is.
func (t *tree) firstChild(i int32, fields ...string) int32 {
	for _, f := range fields {
		if c := t.child(i, f); c >= 0 {
			return c
		}
	}
	return -1
}

// first is the first child; -1 when there is none.
func (t *tree) first(i int32) int32 {
	if t.leaf(i) {
		return -1
	}
	return i + 1
}

// source is a node's text.
func (t *tree) source(i int32) string {
	return string(t.src[t.nodes[i].from:t.nodes[i].to])
}

// value is a node's text, of strings what is between the quotes.
func (t *tree) value(i int32) string {
	if s, ok := t.text[i]; ok {
		return s
	}
	return t.source(i)
}

func (t *tree) is(i int32, kinds ...string) bool {
	if i < 0 {
		return false
	}
	for _, k := range kinds {
		if t.nodes[i].kind == k {
			return true
		}
	}
	return false
}

func (t *tree) contains(outer, inner int32) bool {
	return outer <= inner && inner < t.nodes[outer].end
}

// equal says whether two pieces of code are the same but for spaces, comments
// and quotes.
func (t *tree) equal(a, b int32) bool {
	if a == b {
		return true
	}
	if bytes.Equal(t.src[t.nodes[a].from:t.nodes[a].to], t.src[t.nodes[b].from:t.nodes[b].to]) {
		return true
	}
	n := t.nodes[a].end - a
	if n != t.nodes[b].end-b {
		return false
	}
	for i := range n {
		x, y := &t.nodes[a+i], &t.nodes[b+i]
		if x.kind != y.kind || x.end-a != y.end-b {
			return false
		}
		if x.end == a+i+1 && t.value(a+i) != t.value(b+i) {
			return false
		}
	}
	return true
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }
