package config

import (
	"fmt"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// reader walks the tree and the specs side by side.
type reader struct {
	src     *source
	errs    Errors
	origins map[string]string
	gates   []reference // mentioned, to be looked up in the end
}

// reference is a gate's id that stands somewhere else.
type reference struct {
	node *yaml.Node
	id   string
}

func (r *reader) report(n *yaml.Node, f *fault) {
	r.errs = append(r.errs, r.src.errorAt(n.Line, n.Column, f))
}

func (r *reader) reportf(n *yaml.Node, hint, format string, args ...any) {
	r.report(n, faultf(hint, format, args...))
}

// value reads n into v. key is where to point when there is no value.
func (r *reader) value(s *spec, key, n *yaml.Node, v reflect.Value, path string) {
	n = deref(n)
	if tagged(n) {
		return // refused already
	}
	if isNull(n) && s.shape == leaf && s.typ.Kind() != reflect.Slice {
		r.reportf(key, "give it one, or remove the key", "%s has no value: want %s", path, s.want())
		return
	}
	if path != "" {
		r.origins[path] = fmt.Sprintf("%s:%d:%d", r.src.file, n.Line, n.Column)
	}
	if isNull(n) {
		return // an empty section is the built-in one
	}
	switch {
	case s.shape == section:
		r.section(s, n, v, path)
	case s.shape == table:
		r.table(s, n, v, path)
	case s.shape == list:
		r.list(s, n, v, path)
	case s.typ.Kind() == reflect.Slice:
		r.names(s, n, v, path)
	default:
		r.leaf(s, n, v, path)
	}
}

func (r *reader) leaf(s *spec, n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		r.reportf(n, "", "%s: want %s, found %s", path, s.want(), found(n))
		return
	}
	// What has the wrong type is read all the same where that gives the better
	// message: "a number needs a unit".
	parsed, f := s.kind.parse(s, n.Value)
	switch typed := slices.Contains(s.kind.tags, n.ShortTag()); {
	case !typed && (f == nil || s.kind.want == "text" && s.enum == nil):
		r.reportf(n, s.spelling(n), "%s: want %s, found %s", path, s.want(), found(n))
	case f != nil:
		r.report(n, f.in(path))
	default:
		v.Set(parsed.Convert(s.typ))
		if s.format.refers {
			r.gates = append(r.gates, reference{n, n.Value})
		}
	}
}

// spelling is a hint at how YAML wants the value to be written.
func (s *spec) spelling(n *yaml.Node) string {
	if slices.Contains(s.kind.tags, "!!str") {
		return "put it in quotes: " + quote(n.Value)
	}
	return "write it without quotes: " + bare(n)
}
