package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *reader) section(s *spec, n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		r.reportf(n, s.instead(n), "%s: want a mapping (keys and values), found %s", cmp.Or(path, "the file"), found(n))
		return
	}
	there := make(map[string]*yaml.Node)
	for k, val := range known(n) {
		there[k.Value] = k
		switch c := s.child(k.Value); {
		case c != nil:
			r.value(c, k, val, v.FieldByIndex(c.index), join(path, c.key))
		case s.rest != nil:
			r.custom(s, k, deref(val), v.FieldByIndex(s.rest.index), path)
		default:
			r.reportf(k, s.meant(k.Value), "unknown key %s%s", quote(k.Value), in(path))
		}
	}
	r.complete(s, n, there, path)
}

func in(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}

// complete reports keys that are missing for those that are there.
func (r *reader) complete(s *spec, n *yaml.Node, there map[string]*yaml.Node, path string) {
	var missing []string
	for _, c := range s.fields {
		key, ok := there[c.key]
		switch {
		case !ok && c.must:
			missing = append(missing, c.key)
		case ok && c.needs != "" && there[c.needs] == nil:
			r.reportf(key, fmt.Sprintf("add %s, or remove it", c.needs), "%s does nothing without %s", join(path, c.key), c.needs)
		}
	}
	if missing != nil {
		r.reportf(n, "", "%s: missing %s", path, strings.Join(missing, ", "))
	}
}

// instead is a hint for a value where a section has to be: the short form that
// people expect most.
func (s *spec) instead(n *yaml.Node) string {
	if s.child("enabled") != nil && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		return fmt.Sprintf("write {enabled: %s}", strings.ToLower(n.Value))
	}
	return knownHere(s.keys())
}

// meant is a hint for an unknown key of a section.
func (s *spec) meant(key string) string {
	gates := root().child("gates")
	if s == root() && gates.child(key) != nil {
		return fmt.Sprintf("%q is a gate: put it under gates", key)
	}
	if s != gates.rest && gates.rest.child(key) != nil && s.child("enabled") != nil {
		return fmt.Sprintf("%q is for gates of your own; this one is built in", key)
	}
	return didYouMean(key, s.keys())
}

// custom reads a gate of the user's own into a new element of all.
func (r *reader) custom(s *spec, k, n *yaml.Node, all reflect.Value, path string) {
	id, own := k.Value, s.rest
	if _, f := formats["gate"].apply(id); f != nil {
		r.reportf(k, s.plainID(id), "gate id %s: want lower-case letters, digits and dashes, at most 64", quote(id))
		return
	}
	if !hasAny(n, own.any) {
		r.report(k, s.unknownGate(id, n))
		if n.Kind != yaml.MappingNode || nearest(id, s.keys(), 2) != "" {
			return
		}
	}
	v := reflect.New(own.typ).Elem()
	own.fill(v)
	v.FieldByIndex(own.id).SetString(id)
	r.value(own, k, n, v, join(path, id))
	all.Set(reflect.Append(all, v))
}

// plainID is a hint at an id of the right form.
func (s *spec) plainID(id string) string {
	plain := strings.Trim(strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(id)), "-")
	if near := nearest(plain, s.keys(), 1); near != "" {
		plain = near
	}
	if _, f := formats["gate"].apply(plain); f != nil {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", plain)
}

// unknownGate is a gate that is neither built in nor complete.
func (s *spec) unknownGate(id string, n *yaml.Node) *fault {
	if near := nearest(id, s.keys(), 2); near != "" {
		return faultf(fmt.Sprintf("did you mean %q? (a gate of your own needs run or sarif)", near), "unknown gate %s", quote(id))
	}
	hint := "built in: " + strings.Join(s.keys(), ", ")
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		hint = fmt.Sprintf("write {run: %s}", quote(n.Value))
	}
	return faultf(hint, "gate %s is not built in: a gate of your own needs run (a command), sarif (a file) or both", quote(id))
}

func hasAny(n *yaml.Node, keys []string) bool {
	for k := range known(n) {
		if slices.Contains(keys, k.Value) {
			return true
		}
	}
	return false
}

// resolve looks up the gates that were mentioned.
func (r *reader) resolve(c *Config) {
	var ids []string
	there := make(map[string]bool)
	for id := range c.Gates.All() {
		ids = append(ids, id)
		there[id] = true
	}
	lost := slices.DeleteFunc(r.gates, func(ref reference) bool { return there[ref.id] })
	for i, ref := range lost {
		hint := ""
		if i < shown { // the search is slow, and more are not printed
			hint = didYouMean(ref.id, ids)
		}
		r.reportf(ref.node, hint, "unknown gate %s", quote(ref.id))
	}
}
