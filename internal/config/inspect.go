package config

import (
	"fmt"
	"iter"

	"go.yaml.in/yaml/v3"
)

// Limits of the tree. The file's own size bounds what is written out in it;
// these bound what it can be multiplied to.
const (
	maxDepth = 16     // the deepest right value is at 5
	maxAlias = 10_000 // nodes, counted as often as aliases repeat them
)

// inspector refuses what YAML allows and a policy has no use for: tags, merge
// keys, keys that are no text, repeated keys, and aliases that go in circles
// or multiply. What it lets through can be walked without fear.
type inspector struct {
	src     *source
	errs    Errors
	size    map[*yaml.Node]int  // with aliases written out, of nodes done
	open    map[*yaml.Node]bool // the nodes around the one being looked at
	aliased int
	fatal   bool // the tree must not be walked
}

func inspect(src *source, n *yaml.Node) (errs Errors, fatal bool) {
	i := &inspector{src: src, size: make(map[*yaml.Node]int), open: make(map[*yaml.Node]bool)}
	i.node(n, 1)
	return i.errs, i.fatal
}

func (i *inspector) report(n *yaml.Node, hint, format string, args ...any) {
	i.errs = append(i.errs, i.src.errorAt(n.Line, n.Column, faultf(hint, format, args...)))
}

func (i *inspector) stop(n *yaml.Node, hint, format string, args ...any) {
	i.report(n, hint, format, args...)
	i.fatal = true
}

// node looks at n and returns its size.
func (i *inspector) node(n *yaml.Node, depth int) int {
	switch {
	case i.fatal:
		return 0
	case depth > maxDepth:
		i.stop(n, "", "nested too deeply: the limit is %d levels", maxDepth)
		return 0
	case n.Kind == yaml.AliasNode:
		return i.alias(n)
	case n.Style&yaml.TaggedStyle != 0:
		i.report(n, "remove it, or put the value in quotes", "tag %s: tags have no use here", quote(n.Tag))
	case n.Kind == yaml.MappingNode:
		i.keys(n)
	}
	i.open[n] = true
	size := 1
	for _, c := range n.Content {
		size += i.node(c, depth+1)
	}
	delete(i.open, n)
	i.size[n] = size
	return size
}

// alias adds the size of what is repeated. Anchors stand before their aliases,
// so that the node is either done or still open.
func (i *inspector) alias(n *yaml.Node) int {
	if i.open[n.Alias] {
		i.stop(n, "", "alias %s: it contains itself", quote(n.Value))
		return 0
	}
	size := i.size[n.Alias]
	i.aliased += size
	if i.aliased > maxAlias {
		i.stop(n, "write it out", "alias %s: the aliases of this file repeat more than %d values", quote(n.Value), maxAlias)
	}
	return size
}

// keys looks at the keys of a mapping.
func (i *inspector) keys(n *yaml.Node) {
	seen := make(map[string]*yaml.Node)
	for k := range entries(n) {
		first, again := seen[k.Value]
		switch {
		case k.Tag == "!!merge":
			i.report(k, "write the keys out, or give a whole section an anchor", "merge key <<: not supported")
		case k.Kind != yaml.ScalarNode:
			i.report(k, "", "want text as a key, found %s", found(k))
		case k.ShortTag() != "!!str":
			i.report(k, fmt.Sprintf("put it in quotes: %s", quote(k.Value)), "want text as a key, found %s", found(k))
		case again:
			i.report(k, fmt.Sprintf("first on line %d", first.Line), "key %s is there twice", quote(k.Value))
		default:
			seen[k.Value] = k
		}
	}
}

// entries goes over the keys and values of a mapping as they are written.
func entries(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// known goes over the entries that [inspector.keys] had nothing against.
func known(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		seen := make(map[string]bool)
		for k, v := range entries(n) {
			if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" || tagged(k) || seen[k.Value] {
				continue
			}
			seen[k.Value] = true
			if !yield(k, v) {
				return
			}
		}
	}
}

func tagged(n *yaml.Node) bool { return n.Style&yaml.TaggedStyle != 0 }

// deref returns what an alias stands for. An alias cannot stand for an alias.
func deref(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// found says what a node is, for "found …".
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "the number " + bare(n)
	case "!!timestamp":
		return "the date " + bare(n)
	case "!!str":
		return "text " + quote(n.Value)
	}
	return bare(n)
}

func bare(n *yaml.Node) string {
	q := quote(n.Value)
	return q[1 : len(q)-1]
}
