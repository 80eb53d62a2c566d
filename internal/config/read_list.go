package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *reader) list(s *spec, n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		r.reportf(n, "begin each with a dash", "%s: want a list, found %s", path, found(n))
		return
	}
	first := make(map[string]int)
	for i, item := range n.Content {
		item = deref(item)
		at := fmt.Sprintf("%s[%d]", path, i)
		elem := reflect.New(s.elem.typ).Elem()
		before := len(r.errs)
		if isNull(item) {
			r.reportf(item, "", "%s is empty: want %s", at, strings.Join(s.elem.keys(), ", "))
			continue
		}
		r.value(s.elem, item, item, elem, at)
		v.Set(reflect.Append(v, elem))
		if len(r.errs) > before || s.unique == nil {
			continue
		}
		name := s.elem.name(elem, s.unique)
		if line, ok := first[name]; ok {
			r.reportf(item, fmt.Sprintf("first on line %d", line), "%s: the same %s again", at, strings.Join(s.unique, " and "))
			continue
		}
		first[name] = item.Line
	}
}

// name is what some keys of a section say, as one text.
func (s *spec) name(v reflect.Value, keys []string) string {
	var parts []string
	for _, key := range keys {
		c := s.child(key)
		parts = append(parts, c.kind.show(v.FieldByIndex(c.index)))
	}
	return strings.Join(parts, " ")
}

func (r *reader) table(s *spec, n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		r.reportf(n, "", "%s: want a mapping (keys and values), found %s", path, found(n))
		return
	}
	for k, val := range known(n) {
		if _, f := formats["words"].apply(k.Value); f != nil {
			r.report(k, f.in(path))
			continue
		}
		elem := reflect.New(s.elem.typ).Elem()
		r.value(s.elem, k, val, elem, join(path, k.Value))
		v.SetMapIndex(reflect.ValueOf(k.Value), elem)
	}
}

// names reads a list of words.
func (r *reader) names(s *spec, n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		r.reportf(n, "put it in brackets", "%s: want a list, found %s", path, kindOnly(n))
		return
	}
	seen := make(map[string]bool)
	for _, item := range n.Content {
		item = deref(item)
		if tagged(item) {
			continue
		}
		name, f := s.nameIn(item)
		switch {
		case f != nil:
			r.report(item, f.in(path))
		case seen[name]:
			r.reportf(item, "", "%s: %s is there twice", path, quote(name))
		}
		seen[name] = true
	}
	v.Set(reflect.ValueOf(slices.Sorted(maps.Keys(seen))))
}

// nameIn reads one word of a list. What is wrong is not repeated: it may well
// be NAME=secret.
func (s *spec) nameIn(item *yaml.Node) (string, *fault) {
	if item.Kind != yaml.ScalarNode || item.ShortTag() != "!!str" {
		return "", faultf("", "want %s, found %s", s.format.want, kindOnly(item))
	}
	name, f := s.format.apply(item.Value)
	if f != nil && strings.Contains(item.Value, "=") {
		f = faultf("the name only, without the value", "want %s", s.format.want)
	}
	return name, f
}

// kindOnly is [found] without the value, which may be secret.
func kindOnly(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		return "text"
	}
	return found(n)
}
