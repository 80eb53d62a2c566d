package sast

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

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

// rule reads one rule: all that is wrong with it is noted.
func (r *reader) rule(n *yaml.Node) *rule {
	x := &rule{imports: make(map[string]string)}
	n = r.resolve(n)
	r.mapping(n, func(key string, k, v *yaml.Node) bool {
		return r.about(x, key, v) || r.looksFor(x, key, k, v)
	}, ruleKeys...)
	r.complete(x, n)
	return x
}

// about reads the keys that say what a rule is; false: key is none of them.
func (r *reader) about(x *rule, key string, v *yaml.Node) bool {
	switch key {
	case "id":
		if x.id = r.text(v); !ruleID.MatchString(x.id) {
			r.fail(v, "%q is no rule id: letters, digits, dots, dashes", x.id)
		}
	case "languages":
		r.languages(x, v)
	case "message":
		x.message = strings.Join(strings.Fields(r.text(v)), " ")
	case "severity":
		r.severity(x, v)
	case "metadata":
		r.metadata(x, v)
	case "examples":
		r.examples(x, v)
	default:
		return false
	}
	return true
}

func (r *reader) languages(x *rule, n *yaml.Node) {
	for _, name := range r.texts(n) {
		f, ok := languages[name]
		if !ok {
			r.fail(n, "unknown language %q; there are: %s", name, strings.Join(slices.Sorted(maps.Keys(languages)), ", "))
		} else if !slices.Contains(x.families, f) {
			x.families = append(x.families, f)
		}
	}
}

func (r *reader) severity(x *rule, n *yaml.Node) {
	name := r.text(n)
	severity, ok := severities[name]
	if !ok {
		r.fail(n, "severity %q: want ERROR, WARNING or INFO", name)
		severity = gates.SeverityError // it is there, so that is all that is wrong
	}
	x.severity = severity
}

// looksFor reads the keys that say what a rule finds; false: key is none of
// them.
func (r *reader) looksFor(x *rule, key string, k, v *yaml.Node) bool {
	switch key {
	case "mode":
		mode := r.text(v)
		if x.taint = mode == "taint"; !x.taint && mode != "search" {
			r.fail(v, "mode %q: want search or taint", mode)
		}
	case "imports":
		r.imports(x, v)
	case "pattern-sources":
		x.sources = r.list(v)
	case "pattern-sinks":
		x.sinks = r.list(v)
	case "pattern-sanitizers":
		x.sanitizers = r.list(v)
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
}

func (r *reader) imports(x *rule, n *yaml.Node) {
	n = r.resolve(n)
	if n.Kind != yaml.MappingNode {
		r.fail(n, "want a mapping of names to modules")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		x.imports[n.Content[i].Value] = strings.ReplaceAll(r.text(n.Content[i+1]), "::", ".")
	}
}

// complete says what a rule lacks, and what does not go together.
func (r *reader) complete(x *rule, n *yaml.Node) {
	for _, missing := range []struct {
		name string
		is   bool
	}{{"id", x.id == ""}, {"languages", len(x.families) == 0}, {"message", x.message == ""}, {"severity", x.severity == ""}} {
		if missing.is {
			r.fail(n, "a rule without %s", missing.name)
		}
	}
	flows := x.sources != nil || x.sinks != nil || x.sanitizers != nil
	switch {
	case x.taint && (x.sources == nil || x.sinks == nil):
		r.fail(n, "mode taint needs pattern-sources and pattern-sinks")
	case x.taint && x.search != nil:
		r.fail(n, "mode taint has pattern-sources and pattern-sinks, no pattern")
	case !x.taint && x.search == nil:
		r.fail(n, "a rule without a pattern: want one of %s", strings.Join(formulaKeys, ", "))
	case !x.taint && flows:
		r.fail(n, "sources and sinks need mode: taint")
	}
}

func (r *reader) metadata(x *rule, n *yaml.Node) {
	r.mapping(n, func(key string, _, v *yaml.Node) bool {
		switch key {
		case "title":
			x.title = r.text(v)
		case "fix", "help":
			x.help = strings.TrimSpace(r.text(v))
		case "cwe":
			r.cwe(x, v)
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

func (r *reader) cwe(x *rule, n *yaml.Node) {
	for _, c := range r.texts(n) {
		m := cweNumber.FindStringSubmatch(c)
		if m == nil {
			r.fail(n, "cwe %q: want CWE-78", c)
			continue
		}
		x.cwe = append(x.cwe, "CWE-"+strings.TrimLeft(m[1], "0"))
	}
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
