package syntax

import (
	"iter"
	"slices"
	"sort"
	"unicode/utf8"
)

// Tree is the syntax of one file. It does not change, and several goroutines
// may read it.
type Tree struct {
	Language Language
	// Source is the text that was parsed. It must not be written to.
	Source []byte

	names *names
	nodes []node   // in the order of the text, parents first
	lines []uint32 // where each line begins
	fault []int32  // ERROR nodes that are in no other, and missing ones
}

// node is a node in a tree's list. Its descendants follow it, up to end.
type node struct {
	from, to uint32 // bytes
	parent   int32  // -1: the root
	end      int32  // the first node behind its descendants
	kind     uint16
	field    uint8 // its name in the parent; 0: none
	flags    flags
}

type flags uint8

const (
	flagNamed flags = 1 << iota
	flagError
	flagMissing
	flagFault // itself or a descendant is an error or missing
)

// names are the words of a grammar.
type names struct {
	kinds  []string // by id; the last one is ERROR
	named  []bool
	fields []string // by id
}

func (n *names) kind(id uint16) string {
	if int(id) < len(n.kinds) {
		return n.kinds[id]
	}
	return "ERROR"
}

// Root is the node of the whole file.
func (t *Tree) Root() Node { return Node{t, 0} }

// Len is the number of nodes.
func (t *Tree) Len() int { return len(t.nodes) }

// Lines is the number of lines of the source; a text without a newline at its
// end ends in a line all the same.
func (t *Tree) Lines() int {
	n := len(t.lines)
	if n > 0 && int(t.lines[n-1]) == len(t.Source) {
		n-- // nothing behind the last newline
	}
	return n
}

// Errors are the places that could not be parsed, in order: ERROR nodes that
// are in no other, and nodes that the parser put in because they are missing.
func (t *Tree) Errors() []Node {
	list := make([]Node, len(t.fault))
	for i, f := range t.fault {
		list[i] = Node{t, f}
	}
	return list
}

// ErrorRatio is the part of the source, 0 to 1, that is in ERROR nodes.
func (t *Tree) ErrorRatio() float64 {
	if len(t.Source) == 0 {
		return 0
	}
	var bytes int
	for _, f := range t.fault {
		bytes += int(t.nodes[f].to - t.nodes[f].from)
	}
	return float64(bytes) / float64(len(t.Source))
}

// memory is how many bytes the tree holds.
func (t *Tree) memory() int64 {
	return int64(len(t.Source)) + 20*int64(len(t.nodes)) + 4*int64(len(t.lines)) + 256
}

// Position is a place in the source.
type Position struct {
	Byte   int // from 0
	Line   int // from 1
	Column int // from 1, in characters; 0: further than 64 KiB into the line
}

// columnLimit is how far columns are counted: in a line without end, each
// question would take as long as the line.
const columnLimit = 64 << 10

// Position is the place of a byte.
func (t *Tree) Position(offset int) Position {
	offset = max(0, min(offset, len(t.Source)))
	line := t.line(uint32(offset))
	p := Position{Byte: offset, Line: line}
	if begin := int(t.lines[line-1]); offset-begin <= columnLimit {
		p.Column = 1 + utf8.RuneCount(t.Source[begin:offset])
	}
	return p
}

func (t *Tree) line(offset uint32) int {
	return sort.Search(len(t.lines), func(i int) bool { return t.lines[i] > offset })
}

func lineStarts(src []byte) []uint32 {
	lines := make([]uint32, 1, 1+len(src)/32)
	for i, c := range src {
		if c == '\n' {
			lines = append(lines, uint32(i+1))
		}
	}
	return slices.Clip(lines)
}

// Node is a node of a tree. Nodes are values: two are equal when they are the
// same node. The zero Node is no node; asked for anything, it answers with
// nothing.
type Node struct {
	tree  *Tree
	index int32
}

// Exists says whether n is a node.
func (n Node) Exists() bool { return n.tree != nil }

func (n Node) data() node {
	if n.tree == nil {
		return node{parent: -1}
	}
	return n.tree.nodes[n.index]
}

// Tree is the tree that n is a node of.
func (n Node) Tree() *Tree { return n.tree }

// Index is the node's place among all nodes of the tree, parents first.
func (n Node) Index() int { return int(n.index) }

// Size is how many nodes n and all below it are: they are those from Index to
// Index+Size.
func (n Node) Size() int {
	if n.tree == nil {
		return 0
	}
	return int(n.tree.nodes[n.index].end - n.index)
}

// Kind is the grammar's name for the node: "function_declaration", "if".
func (n Node) Kind() string {
	if n.tree == nil {
		return ""
	}
	return n.tree.names.kind(n.tree.nodes[n.index].kind)
}

// Is says whether the node is of one of the kinds.
func (n Node) Is(kinds ...string) bool { return slices.Contains(kinds, n.Kind()) }

// Field is the name that the node has in its parent: "name", "body"; empty
// when it has none.
func (n Node) Field() string {
	if n.tree == nil {
		return ""
	}
	return n.tree.names.fields[n.tree.nodes[n.index].field]
}

// Named says whether the node is more than a piece of punctuation or a keyword.
func (n Node) Named() bool { return n.data().flags&flagNamed != 0 }

// IsError says whether the node is text that the grammar has no place for.
func (n Node) IsError() bool { return n.data().flags&flagError != 0 }

// IsMissing says whether the parser put the node in, because the text lacks it.
func (n Node) IsMissing() bool { return n.data().flags&flagMissing != 0 }

// HasError says whether the node or one below it is an error or missing.
func (n Node) HasError() bool { return n.data().flags&flagFault != 0 }

// StartByte and EndByte are where the node begins, and where it has ended.
func (n Node) StartByte() int { return int(n.data().from) }

// EndByte is the offset behind the node's last byte.
func (n Node) EndByte() int { return int(n.data().to) }

// Start is where the node begins.
func (n Node) Start() Position {
	if n.tree == nil {
		return Position{}
	}
	return n.tree.Position(n.StartByte())
}

// End is the place behind the node's last character.
func (n Node) End() Position {
	if n.tree == nil {
		return Position{}
	}
	return n.tree.Position(n.EndByte())
}

// Lines are the first and the last line that the node has text on, from 1.
func (n Node) Lines() (first, last int) {
	if n.tree == nil {
		return 0, 0
	}
	d := n.data()
	first = n.tree.line(d.from)
	if d.to == d.from {
		return first, first
	}
	return first, n.tree.line(d.to - 1)
}

// Bytes is the node's text: a part of the tree's source.
func (n Node) Bytes() []byte {
	if n.tree == nil {
		return nil
	}
	d := n.data()
	return n.tree.Source[d.from:d.to:d.to]
}

// Text is the node's text.
func (n Node) Text() string { return string(n.Bytes()) }

// Parent is the node around n; none for the root.
func (n Node) Parent() Node {
	if p := n.data().parent; p >= 0 {
		return Node{n.tree, p}
	}
	return Node{}
}

// Children are the nodes directly below n, in order.
func (n Node) Children() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.tree == nil {
			return
		}
		end := n.tree.nodes[n.index].end
		for i := n.index + 1; i < end; i = n.tree.nodes[i].end {
			if !yield(Node{n.tree, i}) {
				return
			}
		}
	}
}

// NamedChildren are the children that are named.
func (n Node) NamedChildren() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for c := range n.Children() {
			if c.Named() && !yield(c) {
				return
			}
		}
	}
}

// Leaf says whether nothing is below n.
func (n Node) Leaf() bool { return n.tree != nil && n.tree.nodes[n.index].end == n.index+1 }

// Child is the i-th child, from 0; none where there are fewer.
func (n Node) Child(i int) Node { return nth(n.Children(), i) }

// NamedChild is the i-th named child, from 0; none where there are fewer.
func (n Node) NamedChild(i int) Node { return nth(n.NamedChildren(), i) }

func nth(list iter.Seq[Node], i int) Node {
	for c := range list {
		if i == 0 {
			return c
		}
		i--
	}
	return Node{}
}

// ChildByField is the first child of that name; none where there is none.
func (n Node) ChildByField(name string) Node {
	return nth(n.ChildrenByField(name), 0)
}

// ChildrenByField are the children of that name.
func (n Node) ChildrenByField(name string) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for c := range n.Children() {
			if c.Field() == name && !yield(c) {
				return
			}
		}
	}
}

// Next is the sibling behind n; none behind the last one.
func (n Node) Next() Node {
	d := n.data()
	if d.parent >= 0 && d.end < n.tree.nodes[d.parent].end {
		return Node{n.tree, d.end}
	}
	return Node{}
}

// Previous is the sibling before n; none before the first one.
func (n Node) Previous() Node {
	var before Node
	for c := range n.Parent().Children() {
		if c == n {
			return before
		}
		before = c
	}
	return Node{}
}

// Walk visits n and all nodes below it, parents first, in the order of the
// text. Where fn says false, what is below that node is passed over.
func (n Node) Walk(fn func(Node) bool) {
	if n.tree == nil {
		return
	}
	end := n.tree.nodes[n.index].end
	for i := n.index; i < end; {
		if fn(Node{n.tree, i}) {
			i++
		} else {
			i = n.tree.nodes[i].end
		}
	}
}

// All are n and all nodes below it, parents first, in the order of the text.
func (n Node) All() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.tree == nil {
			return
		}
		for i := n.index; i < n.tree.nodes[n.index].end; i++ {
			if !yield(Node{n.tree, i}) {
				return
			}
		}
	}
}

// Contains says whether other is n or below it.
func (n Node) Contains(other Node) bool {
	return n.tree != nil && n.tree == other.tree && n.index <= other.index && other.index < n.tree.nodes[n.index].end
}

// KnownKind says whether the grammar has nodes of that kind: for tests of lists
// of kinds. Without parsers nothing is known.
func KnownKind(l Language, kind string) bool {
	n := grammarNames(l)
	return n != nil && slices.Contains(n.kinds, kind)
}

// KnownField says whether the grammar has a field of that name.
func KnownField(l Language, field string) bool {
	n := grammarNames(l)
	return n != nil && field != "" && slices.Contains(n.fields, field)
}
