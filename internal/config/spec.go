package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// shape is how a value is built up.
type shape int

const (
	leaf    shape = iota // one scalar, or a list of words
	section              // a mapping with known keys
	list                 // a list of sections
	table                // a mapping with free keys and leaves
)

// spec is what the tags say about one value of the file, made ready for use.
// Everything in this package is a walk over specs.
type spec struct {
	shape   shape
	kind    kind // of a leaf
	key     string
	doc     string
	def     string // the default, as it would be written
	enum    []string
	min     string
	max     string
	format  format
	strict  string
	must    bool
	asked   bool
	needs   string
	inherit string
	any     []string
	unique  []string

	index  []int   // of the field in the struct that holds it
	fields []*spec // of a section
	rest   *spec   // of a section: what the keys that are no field hold
	elem   *spec   // of a list and of a table
	id     []int   // of rest: the field that receives the key
	typ    reflect.Type
}

// root is the spec of the whole file.
var root = sync.OnceValue(func() *spec {
	return describe(reflect.TypeFor[Config](), "", nil)
})

// describe makes the spec of one type. over holds the defaults that the place
// where the type is used changes. Tags that make no sense panic: they are part
// of the program, and every test would see it.
func describe(t reflect.Type, tag reflect.StructTag, over map[string]string) *spec {
	s := &spec{
		key: tag.Get("key"), doc: tag.Get("doc"), def: tag.Get("default"),
		enum: strings.Fields(tag.Get("enum")), min: tag.Get("min"), max: tag.Get("max"),
		strict: tag.Get("strict"), must: tag.Get("must") == "yes",
		asked: tag.Get("asked") == "yes",
		needs: tag.Get("needs"), inherit: tag.Get("inherit"),
		any: strings.Fields(tag.Get("any")), unique: strings.Fields(tag.Get("unique")),
		format: formatNamed(tag.Get("format")), typ: t,
	}
	if def, ok := over[s.key]; ok {
		s.def = def
	}
	over = pairs(tag.Get("defaults"))
	switch k, ok := kindOf(t); {
	case ok:
		s.kind = k
	case t.Kind() == reflect.Struct:
		s.shape = section
		s.describeFields(t, nil, over)
	case t.Kind() == reflect.Map:
		s.shape = table
		s.elem = describe(t.Elem(), "", nil)
		s.elem.enum, s.elem.strict = s.enum, s.strict
	case t.Kind() == reflect.Slice:
		s.shape = list
		s.elem = describe(t.Elem(), "", over)
	default:
		panic(fmt.Sprintf("config: no kind for %v", t))
	}
	return s
}

// describeFields adds the fields of a struct, embedded ones as if they were
// its own.
func (s *spec) describeFields(t reflect.Type, at []int, over map[string]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		rest, isRest := f.Tag.Lookup("rest")
		switch {
		case f.Anonymous:
			s.describeFields(f.Type, index, over)
		case isRest:
			s.describeRest(f, rest, index)
		case f.Tag.Get("key") != "":
			child := describe(f.Type, f.Tag, over)
			child.index = index
			s.fields = append(s.fields, child)
		}
	}
}

func (s *spec) describeRest(f reflect.StructField, id string, index []int) {
	elem := f.Type.Elem()
	s.rest = describe(elem, f.Tag, nil)
	s.rest.index = index
	field, ok := elem.FieldByName(id)
	if !ok {
		panic("config: no field " + id)
	}
	s.rest.id = field.Index
}

// child returns the spec of a section's key, nil if it has no such key.
func (s *spec) child(key string) *spec {
	for _, f := range s.fields {
		if f.key == key {
			return f
		}
	}
	return nil
}

// keys returns the known keys of a section, in the order of the struct.
func (s *spec) keys() []string {
	keys := make([]string, len(s.fields))
	for i, f := range s.fields {
		keys[i] = f.key
	}
	return keys
}

// fill sets v, and all below it, to the defaults.
func (s *spec) fill(v reflect.Value) {
	switch s.shape {
	case section:
		for _, f := range s.fields {
			f.fill(v.FieldByIndex(f.index))
		}
	case table:
		v.Set(reflect.MakeMap(s.typ))
		for key, text := range pairs(s.def) {
			v.SetMapIndex(reflect.ValueOf(key), s.elem.mustParse(text))
		}
	case leaf:
		if s.def != "" {
			v.Set(s.mustParse(s.def))
		}
	}
}

func (s *spec) mustParse(text string) reflect.Value {
	v, f := s.kind.parse(s, text)
	if f != nil {
		panic(fmt.Sprintf("config: default of %s: %s", s.key, f.message))
	}
	return v.Convert(s.typ)
}

// visit calls f for every leaf of v, in the order of the structs.
func (s *spec) visit(v reflect.Value, path string, f func(path string, s *spec, v reflect.Value)) {
	switch s.shape {
	case leaf:
		f(path, s, v)
	case section:
		for _, c := range s.fields {
			c.visit(v.FieldByIndex(c.index), join(path, c.key), f)
		}
		if s.rest != nil {
			for _, e := range v.FieldByIndex(s.rest.index).Seq2() {
				s.rest.visit(e, join(path, e.FieldByIndex(s.rest.id).String()), f)
			}
		}
	case list:
		for i := range v.Len() {
			s.elem.visit(v.Index(i), fmt.Sprintf("%s[%d]", path, i), f)
		}
	case table:
		for _, key := range sortedKeys(v) {
			f(join(path, key), s.elem, v.MapIndex(reflect.ValueOf(key)))
		}
	}
}

func sortedKeys(m reflect.Value) []string {
	keys := make([]string, 0, m.Len())
	for _, k := range m.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	return keys
}

// join makes a dotted key.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// pairs reads "key=value key=value".
func pairs(s string) map[string]string {
	m := make(map[string]string)
	for _, f := range strings.Fields(s) {
		key, value, _ := strings.Cut(f, "=")
		m[key] = value
	}
	return m
}
