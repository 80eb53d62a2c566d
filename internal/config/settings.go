package config

import (
	"reflect"
	"strings"
)

// Setting is one key of the effective configuration.
type Setting struct {
	Key    string `json:"key"`    // dotted: gates.coverage.min, waivers[0].gate
	Value  string `json:"value"`  // as it would be written in the file, without quotes
	Origin string `json:"origin"` // "built-in", ".wf-ci.yml:4:12", or what Set was told
}

// builtIn is the origin of what nobody set.
const builtIn = "built-in"

// Settings lists every key with its value and where the value comes from, in
// the order of the structs. What looks like a secret in a command line is
// starred out.
func (c *Config) Settings() []Setting {
	var all []Setting
	root().visit(reflect.ValueOf(c).Elem(), "", func(path string, s *spec, v reflect.Value) {
		origin := c.Origin(path)
		if origin == builtIn && s.inherit != "" {
			origin = c.Origin(s.inherit)
		}
		all = append(all, Setting{Key: path, Value: s.display(v), Origin: origin})
	})
	return all
}

// display is a value for people.
func (s *spec) display(v reflect.Value) string {
	text := s.kind.show(v)
	if s.format.private {
		text = oneLine(text)
	}
	return text
}

// oneLine shows a command line, which may have several and hold a secret.
func oneLine(text string) string {
	return strings.ReplaceAll(mask(text), "\n", `\n`)
}

// Origin says where the value of a key comes from. It knows sections too: a
// gate whose origin is "built-in" is not mentioned in the file.
func (c *Config) Origin(key string) string {
	if origin, ok := c.origins[key]; ok {
		return origin
	}
	return builtIn
}

// Set sets one value on top of the file, as flags and environment variables
// do. The key is as in [Setting], the value as in the file (a list: A,B), and
// origin names the source: "flag --timeout". The checks are those of [Parse];
// after an error, which is of type [Error], c is as it was.
//
// Setting the top-level timeout moves every gate that has none of its own.
func (c *Config) Set(key, value, origin string) error {
	t, f := locate(reflect.ValueOf(c).Elem(), key)
	if f == nil {
		f = t.set(key, value)
	}
	if f != nil {
		return Error{File: escape(origin), Message: f.message, Hint: f.hint}
	}
	c.origins[key] = origin
	c.settle()
	return nil
}

// target is the leaf that a dotted key names.
type target struct {
	spec   *spec
	assign func(reflect.Value)
}

func (t target) set(key, value string) *fault {
	v, f := t.spec.kind.parse(t.spec, value)
	if f != nil {
		return f.in(key)
	}
	t.assign(v.Convert(t.spec.typ))
	return nil
}

// locate follows a dotted key from the top of the configuration.
func locate(v reflect.Value, key string) (target, *fault) {
	s, left, more := root(), key, true
	for more {
		var part string
		part, left, more = strings.Cut(left, ".")
		next := s.child(part)
		switch {
		case next != nil:
			s, v = next, v.FieldByIndex(next.index)
		case s.rest != nil:
			own, ok := s.element(v, part)
			if !ok {
				return target{}, faultf(didYouMean(part, s.keys()), "%s: unknown gate %s", quote(key), quote(part))
			}
			s, v = s.rest, own
		default:
			return target{}, faultf(s.meant(part), "%s: unknown key %s", quote(key), quote(part))
		}
		if s.shape == table && more {
			return inTable(s, v, left)
		}
		if s.shape != section && more {
			return target{}, faultf("", "%s: nothing below %s can be set", quote(key), quote(part))
		}
	}
	switch s.shape {
	case list:
		return target{}, faultf("", "%s can be written in the file only", quote(key))
	case section, table:
		return target{}, faultf(knownHere(s.keys()), "%s is a section: set a key in it", quote(key))
	}
	return target{s, v.Set}, nil
}

// inTable names a key of a table: all that follows, dots and all.
func inTable(s *spec, v reflect.Value, key string) (target, *fault) {
	if _, f := formats["words"].apply(key); f != nil {
		return target{}, f
	}
	return target{s.elem, func(e reflect.Value) { v.SetMapIndex(reflect.ValueOf(key), e) }}, nil
}

// element finds one of the gates that are no field.
func (s *spec) element(v reflect.Value, id string) (reflect.Value, bool) {
	for _, e := range v.FieldByIndex(s.rest.index).Seq2() {
		if e.FieldByIndex(s.rest.id).String() == id {
			return e, true
		}
	}
	return reflect.Value{}, false
}

// leaves are all leaves by key.
func (c *Config) leaves() map[string]setLeaf {
	all := make(map[string]setLeaf)
	root().visit(reflect.ValueOf(c).Elem(), "", func(path string, s *spec, v reflect.Value) {
		all[path] = setLeaf{s, v}
	})
	return all
}

// setLeaf is a leaf with its value.
type setLeaf struct {
	*spec
	value reflect.Value
}
