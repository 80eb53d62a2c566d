//go:build cgo

package syntax

import (
	"context"
	"fmt"
	"sync"

	sitter "github.com/tree-sitter/go-tree-sitter"
	golang "github.com/tree-sitter/tree-sitter-go/bindings/go"
	javascript "github.com/tree-sitter/tree-sitter-javascript/bindings/go"
	python "github.com/tree-sitter/tree-sitter-python/bindings/go"
	rust "github.com/tree-sitter/tree-sitter-rust/bindings/go"
	typescript "github.com/tree-sitter/tree-sitter-typescript/bindings/go"
)

// Available says whether this build has parsers.
func Available() bool { return true }

// grammar is a language of the binding. It is never written to.
type grammar struct {
	language *sitter.Language
	names    *names
}

// grammars are made when they are first asked for: a run parses one or two.
var grammars = [...]func() grammar{
	Go:         sync.OnceValue(func() grammar { return newGrammar(sitter.NewLanguage(golang.Language())) }),
	Python:     sync.OnceValue(func() grammar { return newGrammar(sitter.NewLanguage(python.Language())) }),
	JavaScript: sync.OnceValue(func() grammar { return newGrammar(sitter.NewLanguage(javascript.Language())) }),
	TypeScript: sync.OnceValue(func() grammar { return newGrammar(sitter.NewLanguage(typescript.LanguageTypescript())) }),
	TSX:        sync.OnceValue(func() grammar { return newGrammar(sitter.NewLanguage(typescript.LanguageTSX())) }),
	Rust:       sync.OnceValue(func() grammar { return newGrammar(sitter.NewLanguage(rust.Language())) }),
}

func newGrammar(l *sitter.Language) grammar {
	n := &names{fields: []string{""}}
	for id := range l.NodeKindCount() {
		n.kinds = append(n.kinds, l.NodeKindForId(uint16(id)))
		n.named = append(n.named, l.NodeKindIsNamed(uint16(id)))
	}
	for id := range l.FieldCount() {
		n.fields = append(n.fields, l.FieldNameForId(uint16(id+1)))
	}
	if len(n.fields) > 256 {
		panic("a grammar with more than 255 fields") // node.field has eight bits
	}
	return grammar{l, n}
}

func grammarNames(l Language) *names {
	if l == 0 || int(l) >= len(grammars) {
		return nil
	}
	return grammars[l]().names
}

// progress is what the parser asks every hundred steps. The binding never lets
// go of what it is given, so this holds nothing between parses.
type progress struct {
	ctx     context.Context
	steps   int64
	limit   int64
	stopped error
}

func (p *progress) stop(sitter.ParseState) bool {
	p.steps++
	switch {
	case p.ctx.Err() != nil:
		p.stopped = context.Cause(p.ctx)
	case p.steps > p.limit:
		p.stopped = ErrTooHard
	}
	return p.stopped != nil
}

var progresses = sync.Pool{New: func() any { return new(progress) }}

// Parse parses with the default limits. Text that the grammar has no place for
// is no error: see [Tree.Errors].
func Parse(ctx context.Context, l Language, src []byte) (*Tree, error) {
	return ParseWithin(ctx, l, src, Limits{})
}

// ParseWithin is Parse with other limits. src must not be written to as long
// as the tree is used.
func ParseWithin(ctx context.Context, l Language, src []byte, limits Limits) (*Tree, error) {
	if l == 0 || int(l) >= len(grammars) {
		return nil, ErrLanguage
	}
	if size := int64(len(src)); size > limits.size() {
		return nil, fmt.Errorf("%w: %d bytes; the limit is %d", ErrTooLarge, size, limits.size())
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	g := grammars[l]()
	parser := sitter.NewParser()
	defer parser.Close()
	if err := parser.SetLanguage(g.language); err != nil {
		return nil, fmt.Errorf("grammar of %s: %w", l, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limits.time(), fmt.Errorf("%w: it takes longer than %s", ErrTooHard, limits.time()))
	defer cancel()
	p := progresses.Get().(*progress)
	*p = progress{ctx: ctx, limit: limits.steps(len(src))}
	defer func() { *p = progress{}; progresses.Put(p) }()
	tree := parser.ParseWithOptions(func(offset int, _ sitter.Point) []byte {
		return src[min(offset, len(src)):]
	}, nil, &sitter.ParseOptions{ProgressCallback: p.stop})
	if tree == nil {
		if p.stopped == nil {
			return nil, fmt.Errorf("the %s parser gave no tree", l)
		}
		return nil, p.stopped
	}
	defer tree.Close()
	t := &Tree{Language: l, Source: src, names: g.names, lines: lineStarts(src)}
	if err := t.copy(ctx, tree); err != nil {
		return nil, err
	}
	return t, nil
}

// copy takes the nodes out of the binding's tree.
func (t *Tree) copy(ctx context.Context, tree *sitter.Tree) error {
	cursor := tree.Walk()
	defer cursor.Close()
	t.nodes = make([]node, 0, 64+len(t.Source)/4)
	parent := int32(-1)
	for {
		if len(t.nodes)%(1<<16) == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		index := int32(len(t.nodes))
		t.add(cursor, parent)
		if cursor.GotoFirstChild() {
			parent = index
			continue
		}
		t.nodes[index].end = index + 1
		for !cursor.GotoNextSibling() {
			if parent < 0 {
				t.settle()
				return nil
			}
			cursor.GotoParent()
			t.nodes[parent].end = int32(len(t.nodes))
			parent = t.nodes[parent].parent
		}
	}
}

func (t *Tree) add(cursor *sitter.TreeCursor, parent int32) {
	n := cursor.Node()
	d := node{parent: parent, kind: n.KindId(), field: uint8(cursor.FieldId())}
	from, to := n.ByteRange()
	d.from, d.to = min(uint32(from), uint32(len(t.Source))), min(uint32(to), uint32(len(t.Source)))
	if int(d.kind) < len(t.names.kinds) {
		if t.names.named[d.kind] {
			d.flags |= flagNamed
		}
		if from == to && n.IsMissing() {
			d.flags |= flagMissing
		}
	} else {
		d.flags |= flagNamed | flagError
	}
	t.nodes = append(t.nodes, d)
}

// settle finds the faults and tells the nodes above them.
func (t *Tree) settle() {
	behind := int32(0) // the last ERROR's descendants end here
	for i := range t.nodes {
		d := &t.nodes[i]
		if d.flags&(flagError|flagMissing) == 0 {
			continue
		}
		if int32(i) >= behind {
			t.fault = append(t.fault, int32(i))
			behind = d.end
		}
		for j := int32(i); j >= 0 && t.nodes[j].flags&flagFault == 0; j = t.nodes[j].parent {
			t.nodes[j].flags |= flagFault
		}
	}
}
