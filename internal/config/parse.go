package config

import (
	"bytes"
	"cmp"
	"reflect"
	"slices"
)

// Parse reads the configuration from the content of a file, whose name is for
// the messages. A file that says nothing is the built-in configuration. The
// error is of type [Errors]: every mistake, in the order of the file.
func Parse(file string, data []byte) (*Config, error) {
	if len(data) > maxSize {
		return nil, tooLarge(file, data)
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	src := newSource(file, string(data))
	n, errs := load(src, string(data))
	if errs != nil {
		return nil, src.finish(errs)
	}
	c := Default()
	if n == nil {
		return c, nil
	}
	errs, fatal := inspect(src, n)
	if !fatal {
		r := &reader{src: src, errs: errs, origins: c.origins}
		r.value(root(), n, n, reflect.ValueOf(c).Elem(), "")
		r.resolve(c)
		errs = r.errs
	}
	if len(errs) > 0 {
		return nil, src.finish(errs)
	}
	c.settle()
	return c, nil
}

// settle does what needs all values: gates in their order, and values that are
// inherited from the top level.
func (c *Config) settle() {
	slices.SortFunc(c.Gates.Custom, func(a, b CustomGate) int { return cmp.Compare(a.ID, b.ID) })
	top := reflect.ValueOf(c).Elem()
	root().visit(top, "", func(path string, s *spec, v reflect.Value) {
		if s.inherit != "" && c.origins[path] == "" {
			v.Set(top.FieldByIndex(root().child(s.inherit).index))
		}
	})
}
