package sast

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Limits of a rule file.
const (
	maxRuleFile = 1 << 20
	maxRules    = 2000
	maxNodes    = 100_000
	maxRegexp   = 4 << 10
	maxNesting  = 12
)

// reader reads one rule file.
type reader struct {
	file  string
	nodes int
	errs  []error
}

func (r *reader) at(n *yaml.Node) place { return place{r.file, n.Line, n.Column} }

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	if len(r.errs) < 20 {
		r.errs = append(r.errs, r.at(n).errorf(format, args...))
	}
}

var yamlLine = lazyregexp.New(`^yaml: (?:line ([0-9]+): )?`)

// parseRules reads a rule file: all that is wrong in it, up to a limit.
func parseRules(file string, data []byte) ([]*rule, error) {
	if len(data) > maxRuleFile {
		return nil, fmt.Errorf("%s: %d bytes; the limit of a rule file is %d", file, len(data), maxRuleFile)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		line := "1"
		m := yamlLine.FindStringSubmatch(err.Error())
		if len(m) > 1 && m[1] != "" {
			line = m[1]
		}
		return nil, fmt.Errorf("%s:%s:1: %s", file, line, yamlLine.ReplaceAllString(err.Error(), ""))
	}
	r := &reader{file: file}
	if len(doc.Content) != 1 {
		return nil, fmt.Errorf("%s:1:1: no rules: a rule file is a mapping with the key rules", file)
	}
	var rules []*rule
	r.mapping(doc.Content[0], func(key string, k, v *yaml.Node) bool {
		switch key {
		case "rules":
			for _, n := range r.sequence(v) {
				if x := r.rule(n); x != nil {
					rules = append(rules, x)
				}
			}
		case "definitions": // a place for anchors
		default:
			return false
		}
		return true
	}, "rules", "definitions")
	if len(r.errs) == 0 && len(rules) == 0 {
		r.fail(doc.Content[0], "no rules in this file")
	}
	if len(rules) > maxRules {
		r.fail(doc.Content[0], "%d rules; the limit is %d", len(rules), maxRules)
	}
	seen := make(map[string]bool)
	for _, x := range rules {
		if seen[x.id] {
			r.fail(doc.Content[0], "the rule %s is there twice", x.id)
		}
		seen[x.id] = true
	}
	return rules, errors.Join(r.errs...)
}

// resolve is what an alias stands for. The nodes are counted, so that aliases
// of aliases come to an end.
func (r *reader) resolve(n *yaml.Node) *yaml.Node {
	for range 10 {
		if n.Kind != yaml.AliasNode {
			break
		}
		n = n.Alias
	}
	if r.nodes++; r.nodes == maxNodes {
		r.fail(n, "more than %d values in a rule file", maxNodes)
	}
	if r.nodes > maxNodes {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line, Column: n.Column}
	}
	return n
}

// mapping calls fn with each key; a key that fn does not know is an error.
func (r *reader) mapping(n *yaml.Node, fn func(key string, k, v *yaml.Node) bool, known ...string) {
	n = r.resolve(n)
	if n.Kind != yaml.MappingNode {
		r.fail(n, "want a mapping with %s", strings.Join(known, ", "))
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case seen[k.Value]:
			r.fail(k, "the key %q is there twice", k.Value)
		case !fn(k.Value, k, v):
			r.fail(k, "unknown key %q; there are: %s", k.Value, strings.Join(known, ", "))
		}
		seen[k.Value] = true
	}
}

func (r *reader) sequence(n *yaml.Node) []*yaml.Node {
	n = r.resolve(n)
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "want a list")
		return nil
	}
	return n.Content
}

func (r *reader) text(n *yaml.Node) string {
	n = r.resolve(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.fail(n, "want a text")
		return ""
	}
	if strings.TrimSpace(n.Value) == "" {
		r.fail(n, "want a text that is not empty")
	}
	return n.Value
}

// texts is a text or a list of them.
func (r *reader) texts(n *yaml.Node) []string {
	n = r.resolve(n)
	if n.Kind == yaml.ScalarNode {
		return []string{r.text(n)}
	}
	var list []string
	for _, c := range r.sequence(n) {
		list = append(list, r.text(c))
	}
	return list
}
