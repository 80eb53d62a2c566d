package research

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxFile is how large a file of decisions or a matrix may be, in bytes.
const MaxFile = 1 << 20

// mistake is one place of a file.
type mistake struct {
	file         string
	line, column int
	text         string
}

func (m mistake) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.file, max(1, m.line), max(1, m.column), m.text)
}

// document is one YAML file, and so JSON, as keys and values.
type document struct {
	name string
	top  *yaml.Node
}

func open(name string, data []byte) (document, error) {
	d := document{name: name}
	switch {
	case len(data) > MaxFile:
		return d, mistake{name, 1, 1, fmt.Sprintf("%d bytes: %d are the limit", len(data), MaxFile)}
	case !utf8.Valid(data):
		return d, mistake{name, 1, 1, "not UTF-8"}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
		var many *yaml.TypeError
		if errors.As(err, &many) && len(many.Errors) > 0 {
			text = many.Errors[0]
		}
		if n, _ := fmt.Sscanf(text, "line %d:", &line); n == 1 {
			_, text, _ = strings.Cut(text, ": ")
		}
		return d, mistake{name, line, 1, text}
	}
	if len(root.Content) == 0 {
		return d, mistake{name, 1, 1, "it is empty"}
	}
	d.top = root.Content[0]
	if d.top.Kind != yaml.MappingNode {
		return d, d.wrong(d.top, "want keys and values")
	}
	return d, nil
}

func (d document) wrong(n *yaml.Node, format string, args ...any) error {
	return mistake{d.name, n.Line, n.Column, fmt.Sprintf(format, args...)}
}

// each calls fn for the keys of a mapping, each once. A key that fn does not
// know is an error.
func (d document) each(n *yaml.Node, known []string, fn func(key string, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return d.wrong(n, "want keys and values")
	}
	var seen []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		switch {
		case known != nil && !slices.Contains(known, key.Value):
			return d.wrong(key, "no key %.60q: there are %s", key.Value, strings.Join(known, ", "))
		case slices.Contains(seen, key.Value):
			return d.wrong(key, "the key %.60q is there twice", key.Value)
		case v.Kind == yaml.AliasNode:
			return d.wrong(v, "an alias (*%.60s): write it out", v.Value)
		}
		seen = append(seen, key.Value)
		if err := fn(key.Value, v); err != nil {
			return err
		}
	}
	return nil
}

func (d document) text(n *yaml.Node) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", d.wrong(n, "want a text")
	case n.Tag == "!!null":
		return "", nil
	}
	return strings.TrimSpace(n.Value), nil
}

func (d document) texts(n *yaml.Node) ([]string, error) {
	if n.Kind == yaml.ScalarNode {
		text, err := d.text(n)
		if text == "" {
			return nil, err
		}
		return []string{text}, err
	}
	if n.Kind != yaml.SequenceNode {
		return nil, d.wrong(n, "want a list of texts")
	}
	var list []string
	for _, e := range n.Content {
		text, err := d.text(e)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, nil
}

func (d document) number(n *yaml.Node) (Decimal, error) {
	text, err := d.text(n)
	if err != nil {
		return 0, err
	}
	v, err := ParseDecimal(text)
	if err != nil {
		return 0, d.wrong(n, "%v", err)
	}
	return v, nil
}

// score is a number from 0 to 10.
func (d document) score(n *yaml.Node) (Decimal, error) {
	v, err := d.number(n)
	if err == nil && v > scoreMost {
		err = d.wrong(n, "a score of %s: want 0 to 10", v)
	}
	return v, err
}

// sumOne says that weights do not sum to 1.
func (d document) sumOne(n *yaml.Node, weights []Decimal) error {
	var sum Decimal
	for _, w := range weights {
		sum += w
	}
	if sum != one {
		return d.wrong(n, "the weights sum to %s, not to 1", sum)
	}
	return nil
}

// Places are where a user's other work is.
type Places struct {
	Roots    []string // repositories are below them
	Cookbook string
}

// ReadPlaces reads roots: [DIR, …] and cookbook: DIR.
func ReadPlaces(name string, data []byte) (p Places, err error) {
	d, err := open(name, data)
	if err != nil {
		return p, err
	}
	err = d.each(d.top, []string{"roots", "cookbook"}, func(key string, v *yaml.Node) (err error) {
		if key == "roots" {
			p.Roots, err = d.texts(v)
		} else {
			p.Cookbook, err = d.text(v)
		}
		return err
	})
	return p, err
}
