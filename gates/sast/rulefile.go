package sast

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// rule is one rule of a file.
type rule struct {
	id         string
	families   []family
	message    string
	severity   gates.Severity
	title      string
	help       string
	cwe        []string // "CWE-78"
	owasp      []string
	confidence string
	references []string
	imports    map[string]string
	taint      bool
	// What the file says, to be compiled for each family.
	search, sources, sinks, sanitizers *spec
	bad, good                          []example // examples that are found, and that are not
}

type example struct {
	code string
	line int
}

// spec is a formula as it is written.
type spec struct {
	op    operation
	text  string // of a pattern or a regular expression
	re    *regexp.Regexp
	subs  []*spec
	names []string
	at    place
}

// place is where something is written.
type place struct {
	file      string
	line, col int
}

func (p place) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", p.file, p.line, p.col, fmt.Sprintf(format, args...))
}

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

var (
	ruleID    = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	cweNumber = lazyregexp.New(`^(?i)cwe-([0-9]{1,5})\b`)
	languages = map[string]family{
		"javascript": javascript, "js": javascript, "typescript": javascript, "ts": javascript, "jsx": javascript, "tsx": javascript,
		"python": python, "py": python, "python3": python, "go": golang, "golang": golang, "rust": rust,
	}
	severities = map[string]gates.Severity{
		"ERROR": gates.SeverityError, "WARNING": gates.SeverityWarning, "INFO": gates.SeverityNote,
		"HIGH": gates.SeverityError, "CRITICAL": gates.SeverityError, "MEDIUM": gates.SeverityWarning, "LOW": gates.SeverityNote,
	}
	// formulaKeys hold a formula.
	formulaKeys  = []string{"pattern", "patterns", "pattern-either", "pattern-regex"}
	ruleKeys     = append([]string{"id", "languages", "message", "severity", "metadata", "mode", "imports", "pattern-sources", "pattern-sinks", "pattern-sanitizers", "examples"}, formulaKeys...)
	metadataKeys = []string{
		"title", "fix", "help", "cwe", "owasp", "confidence", "references",
		"category", "technology", "likelihood", "impact", "subcategory", "license", "source", "author",
	}
)

func (r *reader) rule(n *yaml.Node) *rule {
	x := &rule{imports: make(map[string]string)}
	n = r.resolve(n)
	mode := "search"
	var severity string
	r.mapping(n, func(key string, k, v *yaml.Node) bool {
		switch key {
		case "id":
			if x.id = r.text(v); !ruleID.MatchString(x.id) {
				r.fail(v, "%q is no rule id: letters, digits, dots, dashes", x.id)
			}
		case "languages":
			for _, name := range r.texts(v) {
				f, ok := languages[name]
				if !ok {
					r.fail(v, "unknown language %q; there are: %s", name, strings.Join(slices.Sorted(maps.Keys(languages)), ", "))
				} else if !slices.Contains(x.families, f) {
					x.families = append(x.families, f)
				}
			}
		case "message":
			x.message = strings.Join(strings.Fields(r.text(v)), " ")
		case "severity":
			severity = r.text(v)
			if x.severity = severities[severity]; x.severity == "" {
				r.fail(v, "severity %q: want ERROR, WARNING or INFO", severity)
			}
		case "mode":
			if mode = r.text(v); mode != "search" && mode != "taint" {
				r.fail(v, "mode %q: want search or taint", mode)
			}
		case "imports":
			v = r.resolve(v)
			if v.Kind != yaml.MappingNode {
				r.fail(v, "want a mapping of names to modules")
				return true
			}
			for i := 0; i+1 < len(v.Content); i += 2 {
				x.imports[v.Content[i].Value] = strings.ReplaceAll(r.text(v.Content[i+1]), "::", ".")
			}
		case "metadata":
			r.metadata(x, v)
		case "pattern-sources":
			x.sources = r.list(v)
		case "pattern-sinks":
			x.sinks = r.list(v)
		case "pattern-sanitizers":
			x.sanitizers = r.list(v)
		case "examples":
			r.examples(x, v)
		default:
			if !slices.Contains(formulaKeys, key) {
				return false
			}
			if x.search != nil {
				r.fail(k, "a rule has one of %s", strings.Join(formulaKeys, ", "))
			}
			x.search = r.formula(key, k, v, 0)
		}
		return true
	}, ruleKeys...)
	for _, missing := range []struct {
		name string
		is   bool
	}{{"id", x.id == ""}, {"languages", len(x.families) == 0}, {"message", x.message == ""}, {"severity", severity == ""}} {
		if missing.is {
			r.fail(n, "a rule without %s", missing.name)
		}
	}
	x.taint = mode == "taint"
	switch {
	case x.taint && (x.sources == nil || x.sinks == nil):
		r.fail(n, "mode taint needs pattern-sources and pattern-sinks")
	case x.taint && x.search != nil:
		r.fail(n, "mode taint has pattern-sources and pattern-sinks, no pattern")
	case !x.taint && x.search == nil:
		r.fail(n, "a rule without a pattern: want one of %s", strings.Join(formulaKeys, ", "))
	case !x.taint && (x.sources != nil || x.sinks != nil || x.sanitizers != nil):
		r.fail(n, "sources and sinks need mode: taint")
	}
	return x
}

func (r *reader) metadata(x *rule, n *yaml.Node) {
	r.mapping(n, func(key string, _, v *yaml.Node) bool {
		switch key {
		case "title":
			x.title = r.text(v)
		case "fix", "help":
			x.help = strings.TrimSpace(r.text(v))
		case "cwe":
			for _, c := range r.texts(v) {
				m := cweNumber.FindStringSubmatch(c)
				if m == nil {
					r.fail(v, "cwe %q: want CWE-78", c)
					continue
				}
				x.cwe = append(x.cwe, "CWE-"+strings.TrimLeft(m[1], "0"))
			}
		case "owasp":
			x.owasp = r.texts(v)
		case "confidence":
			if x.confidence = strings.ToLower(r.text(v)); !slices.Contains([]string{"high", "medium", "low"}, x.confidence) {
				r.fail(v, "confidence %q: want HIGH, MEDIUM or LOW", x.confidence)
			}
		case "references":
			x.references = r.texts(v)
		default:
			return slices.Contains(metadataKeys, key)
		}
		return true
	}, metadataKeys...)
}

func (r *reader) examples(x *rule, n *yaml.Node) {
	r.mapping(n, func(key string, _, v *yaml.Node) bool {
		var list []example
		for _, c := range r.sequence(v) {
			list = append(list, example{r.text(c), c.Line})
		}
		switch key {
		case "true":
			x.bad = list
		case "false":
			x.good = list
		default:
			return false
		}
		return true
	}, "true", "false")
}

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

func (r *reader) formula(key string, k, v *yaml.Node, depth int) *spec {
	s := &spec{at: r.at(v)}
	if depth > maxNesting {
		r.fail(k, "patterns nested more than %d deep", maxNesting)
		return nil
	}
	wrap := func(op operation) *spec {
		v = r.resolve(v)
		inner := &spec{op: opPattern, at: s.at}
		switch v.Kind {
		case yaml.MappingNode:
			inner = r.item(v, depth+1)
		default:
			inner.text = r.text(v)
		}
		if inner == nil {
			return nil
		}
		return &spec{op: op, subs: []*spec{inner}, at: s.at}
	}
	switch key {
	case "pattern":
		s.op, s.text = opPattern, r.text(v)
	case "pattern-regex":
		s.op, s.re = opRegexp, r.regexp(v, "(?m)")
	case "pattern-not-regex":
		s.op, s.re = opNotRegexp, r.regexp(v, "(?m)")
	case "patterns", "pattern-either":
		s.op = opAnd
		if key == "pattern-either" {
			s.op = opEither
		}
		for _, item := range r.sequence(v) {
			if sub := r.item(item, depth+1); sub != nil {
				s.subs = append(s.subs, sub)
			}
		}
		r.checkSubs(s, k)
	case "pattern-not":
		return wrap(opNot)
	case "pattern-inside":
		return wrap(opInside)
	case "pattern-not-inside":
		return wrap(opNotInside)
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

// compiled is a rule in the form that is run on files of one family.
type compiled struct {
	*rule
	search, sources, sinks, sanitizers *formula
	sourceRaws                         map[string]bool
	// needs are texts of which a file has to hold one of each group.
	needs [][]string
}

// compileRule compiles a rule for a family.
func compileRule(ctx context.Context, x *rule, f family) (*compiled, error) {
	c := &compiled{rule: x, sourceRaws: make(map[string]bool)}
	var errs []error
	one := func(s *spec) *formula {
		if s == nil {
			return nil
		}
		f, err := compileSpec(ctx, s, f, x.imports)
		errs = append(errs, err)
		return f
	}
	c.search, c.sources, c.sinks, c.sanitizers = one(x.search), one(x.sources), one(x.sinks), one(x.sanitizers)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, f := range []*formula{c.search, c.sources, c.sinks} {
		if f != nil {
			c.needs = append(c.needs, f.needs()...)
		}
	}
	if c.sources != nil {
		c.sources.raws(c.sourceRaws)
	}
	return c, nil
}

func compileSpec(ctx context.Context, s *spec, f family, imports map[string]string) (*formula, error) {
	out := &formula{op: s.op, re: s.re, names: s.names}
	if s.op == opPattern {
		p, err := compile(ctx, f, s.text, imports)
		if err != nil {
			return nil, s.at.errorf("pattern: %v", err)
		}
		out.pattern = p
		return out, nil
	}
	var errs []error
	for _, sub := range s.subs {
		c, err := compileSpec(ctx, sub, f, imports)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out.subs = append(out.subs, c)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if s.op == opAnd {
		return out, checkBound(s, out)
	}
	return out, nil
}

// checkBound: a condition on a metavariable that nothing binds is a typo.
func checkBound(s *spec, f *formula) error {
	bound := make(map[string]bool)
	for _, sub := range f.subs {
		sub.bindings(bound)
	}
	for i, sub := range f.subs {
		if sub.op != opFocus && sub.op != opMetaRegexp && sub.op != opMetaPattern {
			continue
		}
		for _, name := range sub.names {
			if !bound[name] {
				return s.subs[i].at.errorf("no pattern has the metavariable $%s", name)
			}
		}
	}
	return nil
}

func (f *formula) bindings(into map[string]bool) {
	switch f.op {
	case opNot, opNotInside:
		return
	case opPattern:
		for _, n := range f.pattern.names {
			if n != "" {
				into[n] = true
			}
		}
	}
	for _, sub := range f.subs {
		sub.bindings(into)
	}
}

// needs are groups of texts: a file that holds none of a group has no match.
func (f *formula) needs() [][]string {
	switch f.op {
	case opPattern:
		var groups [][]string
		for _, w := range f.pattern.fixed {
			groups = append(groups, []string{w})
		}
		return groups
	case opAnd:
		var groups [][]string
		for _, sub := range f.subs {
			if sub.op == opPattern || sub.op == opAnd || sub.op == opEither || sub.op == opInside {
				groups = append(groups, sub.needs()...)
			}
		}
		return groups
	case opInside:
		return f.subs[0].needs()
	case opEither:
		var group []string
		for _, sub := range f.subs {
			best := ""
			for _, g := range sub.needs() {
				if len(g) == 1 && len(g[0]) > len(best) {
					best = g[0]
				}
			}
			if best == "" {
				// one of several, if there is a group of those
				for _, g := range sub.needs() {
					if len(g) > 1 {
						group = append(group, g...)
						best = g[0]
						break
					}
				}
			}
			if best == "" {
				return nil
			}
			group = append(group, best)
		}
		slices.Sort(group)
		return [][]string{slices.Compact(group)}
	}
	return nil
}

// raws are the dotted names that are sources as they stand.
func (f *formula) raws(into map[string]bool) {
	if f.op == opPattern && len(f.pattern.roots) == 1 {
		if raw := f.pattern.raws[f.pattern.roots[0]]; raw != "" {
			into[raw] = true
		}
	}
	if f.op == opEither {
		for _, sub := range f.subs {
			sub.raws(into)
		}
	}
}
