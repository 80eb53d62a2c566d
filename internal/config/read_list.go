package config

import (
	"fmt"
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
		if _, err := formats["words"].apply(k.Value); err != nil {
			r.report(k, within(path, err))
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
	var names []string
	for _, item := range n.Content {
		item = deref(item)
		if tagged(item) {
			continue
		}
		if item.Kind != yaml.ScalarNode || item.ShortTag() != "!!str" {
			r.reportf(item, "", "%s: want %s, found %s", path, s.format.want, kindOnly(item))
			continue
		}
		name, err := s.format.apply(item.Value)
		switch {
		case err != nil && strings.Contains(item.Value, "="):
			r.reportf(item, "the name only, without the value", "%s: want %s", path, s.format.want)
		case err != nil:
			r.report(item, within(path, err))
		case slices.Contains(names, name):
			r.reportf(item, "", "%s: %s is there twice", path, quote(name))
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	v.Set(reflect.ValueOf(names))
}

// kindOnly is [found] without the value, which may be secret.
func kindOnly(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		return "text"
	}
	return found(n)
}
