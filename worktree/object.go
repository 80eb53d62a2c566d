package worktree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// object is a JSON object whose fields keep their order and their bytes, so
// that what others have written comes out as it went in.
type object struct {
	keys   []string
	values map[string]json.RawMessage
}

func newObject() *object { return &object{values: make(map[string]json.RawMessage)} }

// UnmarshalJSON implements [json.Unmarshaler].
func (o *object) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	open, err := d.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return fmt.Errorf("want an object, not %.20q", data)
	}
	*o = *newObject()
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return fmt.Errorf("key %v", key)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		o.put(name, value)
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

// MarshalJSON implements [json.Marshaler].
func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(o.values[key])
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (o *object) put(key string, value json.RawMessage) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// set gives a field a value; v is one of the plain types that always marshal.
func (o *object) set(key string, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err == nil {
		o.put(key, bytes.TrimSpace(b.Bytes()))
	}
}

// text is the first of these fields that is a string and not empty.
func (o *object) text(keys ...string) string {
	for _, key := range keys {
		var s string
		if json.Unmarshal(o.values[key], &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

// child is a field that is an object; nil where it is none.
func (o *object) child(key string) *object {
	c := newObject()
	if raw, ok := o.values[key]; !ok || json.Unmarshal(raw, c) != nil {
		return nil
	}
	return c
}

// ports reads a list of ports, each a number or an object with one.
func (o *object) ports(key string) []int {
	var list []json.RawMessage
	if json.Unmarshal(o.values[key], &list) != nil {
		return nil
	}
	var out []int
	for _, raw := range list {
		var n int
		var service struct {
			Port int `json:"port"`
		}
		switch {
		case json.Unmarshal(raw, &n) == nil && n > 0:
			out = append(out, n)
		case json.Unmarshal(raw, &service) == nil && service.Port > 0:
			out = append(out, service.Port)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
