package agents

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// MaxCatalog is how large a file of the user's may be, in bytes.
const MaxCatalog = 1 << 20

// mistake is one place of a catalog file.
type mistake struct {
	file, text string
	line       int
}

func (m mistake) Error() string { return m.file + ":" + strconv.Itoa(m.line) + ": " + m.text }

// With is the catalog with the entries of a file: one that has the id of
// another takes its place. The errors say file and line.
func (c *Catalog) With(file string, text []byte) (*Catalog, error) {
	if len(text) > MaxCatalog {
		return nil, fmt.Errorf("%s: %d bytes; a catalog has at most %d", file, len(text), MaxCatalog)
	}
	return c.with(file, file, text)
}

func (c *Catalog) with(file, source string, text []byte) (*Catalog, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, syntaxMistake(file, err)
	}
	out := c.clone()
	if len(root.Content) == 0 {
		return out, nil // empty
	}
	if err := fits(file, root.Content[0], reflect.TypeFor[Catalog]()); err != nil {
		return nil, err
	}
	var add Catalog
	if err := root.Decode(&add); err != nil {
		return nil, syntaxMistake(file, err)
	}
	for i := range add.Agents {
		add.Agents[i].Source = source
	}
	out.Agents = merge(out.Agents, add.Agents, func(a Agent) string { return a.ID })
	out.Types = merge(out.Types, add.Types, func(t Type) string { return t.Type })
	out.Words = merge(out.Words, add.Words, func(w Word) string { return w.Word })
	out.Domains = merge(out.Domains, add.Domains, func(d Domain) string { return d.Domain })
	out.Chains = merge(out.Chains, add.Chains, func(c Chain) string { return c.ID })
	out.Trees = merge(out.Trees, add.Trees, func(t Tree) string { return t.ID })
	if source == "built-in" {
		return out, nil // it is checked when it is whole
	}
	if err := out.check(&add, places{file, root.Content[0]}); err != nil {
		return nil, err
	}
	return out, nil
}

func (c *Catalog) clone() *Catalog {
	return &Catalog{
		Agents: slices.Clone(c.Agents), Types: slices.Clone(c.Types), Words: slices.Clone(c.Words),
		Domains: slices.Clone(c.Domains), Chains: slices.Clone(c.Chains), Trees: slices.Clone(c.Trees),
	}
}

// merge puts the entries of add into list: in the place of their namesake, or
// at the end.
func merge[T any](list, add []T, id func(T) string) []T {
	at := make(map[string]int, len(list))
	for i, e := range list {
		at[id(e)] = i
	}
	for _, e := range add {
		if i, ok := at[id(e)]; ok {
			list[i] = e
			continue
		}
		at[id(e)] = len(list)
		list = append(list, e)
	}
	return list
}

var yamlLine = lazyregexp.New(`line (\d+): `)

// syntaxMistake is the first mistake that the YAML reader names.
func syntaxMistake(file string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var many *yaml.TypeError
	if errors.As(err, &many) && len(many.Errors) > 0 {
		text = many.Errors[0]
	}
	m := mistake{file: file, line: 1, text: text}
	if at := yamlLine.FindStringIndex(text); at != nil {
		m.line, _ = strconv.Atoi(strings.Trim(text[at[0]:at[1]], "line :"))
		m.text = text[at[1]:]
	}
	return m
}

// fits says the first place where a node is not what a type wants: an unknown
// key, a key twice, a list that is none. It knows the types of this package
// only: structs, lists and texts.
func fits(file string, n *yaml.Node, t reflect.Type) error {
	if n.Kind == yaml.AliasNode {
		return mistake{file, "an alias (*" + n.Value + "): write it out", n.Line}
	}
	switch t.Kind() {
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return mistake{file, "want a list", n.Line}
		}
		for _, e := range n.Content {
			if err := fits(file, e, t.Elem()); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return fitsFields(file, n, t)
	default:
		if n.Kind != yaml.ScalarNode {
			return mistake{file, "want a text", n.Line}
		}
	}
	return nil
}

func fitsFields(file string, n *yaml.Node, t reflect.Type) error {
	if n.Kind != yaml.MappingNode {
		return mistake{file, "want keys and values", n.Line}
	}
	fields := make(map[string]reflect.Type)
	var known []string
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "-" {
			fields[key] = t.Field(i).Type
			known = append(known, key)
		}
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		field, ok := fields[key.Value]
		switch {
		case !ok:
			return mistake{file, fmt.Sprintf("no key %q; there are: %s", key.Value, strings.Join(known, ", ")), key.Line}
		case seen[key.Value]:
			return mistake{file, fmt.Sprintf("the key %q is there twice", key.Value), key.Line}
		}
		seen[key.Value] = true
		if err := fits(file, n.Content[i+1], field); err != nil {
			return err
		}
	}
	return nil
}

// ReadLimited reads a catalog file; one that is too large is not read whole.
func ReadLimited(file string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxCatalog+1))
	if err == nil && len(text) > MaxCatalog {
		err = fmt.Errorf("%s: larger than %d bytes, which is all that a catalog may have", file, MaxCatalog)
	}
	return text, err
}
