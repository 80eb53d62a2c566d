package sast

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// list is a list of formulas, of which one has to be true: sources, sinks.
func (r *reader) list(n *yaml.Node) *spec {
	s := &spec{op: opEither, at: r.at(n)}
	for _, item := range r.sequence(n) {
		if sub := r.item(item, 1); sub != nil {
			s.subs = append(s.subs, sub)
		}
	}
	if len(s.subs) == 0 {
		r.fail(n, "an empty list")
	}
	return s
}

var conditionKeys = append([]string{
	"pattern-not", "pattern-inside", "pattern-not-inside", "pattern-not-regex", "metavariable-regex", "metavariable-pattern", "focus-metavariable",
}, formulaKeys...)

// item is a mapping with one key that holds a condition.
func (r *reader) item(n *yaml.Node, depth int) *spec {
	n = r.resolve(n)
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		r.fail(n, "want one key of %s", strings.Join(conditionKeys, ", "))
		return nil
	}
	return r.formula(n.Content[0].Value, n.Content[0], n.Content[1], depth)
}

// formula reads a condition; nil: it is none, and that is noted.
func (r *reader) formula(key string, k, v *yaml.Node, depth int) *spec {
	if depth > maxNesting {
		r.fail(k, "patterns nested more than %d deep", maxNesting)
		return nil
	}
	s := &spec{at: r.at(v)}
	switch key {
	case "pattern":
		s.op, s.text = opPattern, r.text(v)
	case "pattern-regex":
		s.op, s.re = opRegexp, r.regexp(v, "(?m)")
	case "pattern-not-regex":
		s.op, s.re = opNotRegexp, r.regexp(v, "(?m)")
	case "patterns":
		return r.several(opAnd, k, v, depth)
	case "pattern-either":
		return r.several(opEither, k, v, depth)
	case "pattern-not":
		return r.around(opNot, v, depth)
	case "pattern-inside":
		return r.around(opInside, v, depth)
	case "pattern-not-inside":
		return r.around(opNotInside, v, depth)
	case "metavariable-regex", "metavariable-pattern":
		return r.metaCondition(key, v, depth)
	case "focus-metavariable":
		s.op = opFocus
		for _, name := range r.texts(v) {
			s.names = append(s.names, r.metaName(v, name))
		}
	default:
		r.fail(k, "unknown key %q; there are: %s", key, strings.Join(conditionKeys, ", "))
		return nil
	}
	return s
}

// several is a list of conditions.
func (r *reader) several(op operation, k, v *yaml.Node, depth int) *spec {
	s := &spec{op: op, at: r.at(v)}
	for _, item := range r.sequence(v) {
		if sub := r.item(item, depth+1); sub != nil {
			s.subs = append(s.subs, sub)
		}
	}
	r.checkSubs(s, k)
	return s
}

// around is an operation on one pattern, or on one condition.
func (r *reader) around(op operation, v *yaml.Node, depth int) *spec {
	at := r.at(v)
	v = r.resolve(v)
	inner := &spec{op: opPattern, at: at}
	if v.Kind == yaml.MappingNode {
		inner = r.item(v, depth+1)
	} else {
		inner.text = r.text(v)
	}
	if inner == nil {
		return nil
	}
	return &spec{op: op, subs: []*spec{inner}, at: at}
}

// checkSubs: conditions alone are true of everything.
func (r *reader) checkSubs(s *spec, k *yaml.Node) {
	if len(s.subs) == 0 {
		r.fail(k, "an empty list")
		return
	}
	finds := func(x *spec) bool {
		return x.op == opPattern || x.op == opRegexp || x.op == opAnd || x.op == opEither || x.op == opInside
	}
	switch s.op {
	case opAnd:
		if !slices.ContainsFunc(s.subs, finds) {
			r.fail(k, "patterns needs one of pattern, pattern-either, pattern-regex, pattern-inside: the others only narrow it")
		}
	case opEither:
		for _, sub := range s.subs {
			if !finds(sub) || sub.op == opInside {
				r.fail(k, "pattern-either holds pattern, patterns, pattern-either and pattern-regex")
			}
		}
	}
}

func (r *reader) metaName(n *yaml.Node, name string) string {
	if !metaWhole.MatchString(strings.Replace(name, "$...", "$", 1)) {
		r.fail(n, "%q is no metavariable: want $X", name)
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, "$..."), "$")
}

func (r *reader) metaCondition(key string, n *yaml.Node, depth int) *spec {
	s := &spec{op: opMetaRegexp, at: r.at(n)}
	known := []string{"metavariable", "regex"}
	if key == "metavariable-pattern" {
		s.op = opMetaPattern
		known = append([]string{"metavariable"}, formulaKeys...)
	}
	r.mapping(n, func(k string, kn, v *yaml.Node) bool {
		switch {
		case k == "metavariable":
			s.names = []string{r.metaName(v, r.text(v))}
		case k == "regex" && s.op == opMetaRegexp:
			s.re = r.regexp(v, "^")
		case s.op == opMetaPattern && slices.Contains(formulaKeys, k):
			if sub := r.formula(k, kn, v, depth+1); sub != nil {
				s.subs = []*spec{sub}
			}
		default:
			return false
		}
		return true
	}, known...)
	if len(s.names) == 0 || s.re == nil && len(s.subs) == 0 {
		r.fail(n, "%s needs metavariable and %s", key, strings.Join(known[1:], " or "))
		return nil
	}
	return s
}

func (r *reader) regexp(n *yaml.Node, before string) *regexp.Regexp {
	text := r.text(n)
	if len(text) > maxRegexp {
		r.fail(n, "a regular expression of %d bytes; the limit is %d", len(text), maxRegexp)
		return nil
	}
	re, err := regexp.Compile(before + "(?:" + text + ")")
	if err != nil {
		r.fail(n, "%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nil
	}
	return re
}
