package quality

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
)

// complexityVersion is part of the cache keys: raise it when the same source
// comes to something else.
const complexityVersion = "complexity/1"

// Limits are what functions may come to.
type Limits struct {
	// Max is the greatest complexity of a function. Required.
	Max int
	// Above is how many functions may be above Max: up to it, those that no known
	// change touches are warnings.
	Above int
}

// aboveRule is that of a limit which is no longer needed as it is.
var aboveRule = gates.Rule{
	ID: "complexity-above", Title: "Fewer functions are too complex than the policy lets stand",
	Help: "Lower gates.complexity.above, so that there cannot be more again.",
	Tags: []string{"maintainability"},
}

// Complexity is the gate complexity (G10): functions with more decisions in
// them than Max-1. See the package's README for what counts.
func Complexity(l Limits, o Options) gates.Gate {
	rule := gates.Rule{
		ID: "complexity", Title: fmt.Sprintf("A function with a complexity above %d", l.Max),
		Help: "Each branch is a case to test. Take parts out into functions with a name, return early, or let a table decide.",
		URI:  "https://en.wikipedia.org/wiki/Cyclomatic_complexity",
		Tags: []string{"maintainability"},
	}
	help := "Split the function, or turn its branches into a table; the numbers are explained in gates/quality/README.md."
	if l.Above > 0 {
		help += " Which of them a change brings: wf-ci baseline --base REV --only complexity."
	}
	return gates.Gate{
		ID:       "complexity",
		Doc:      fmt.Sprintf("functions that branch too much (cyclomatic complexity above %d)", l.Max),
		Help:     help,
		Scope:    gates.ScopeChange,
		Rules:    []gates.Rule{rule, aboveRule, parseError},
		Weight:   2,
		Memory:   256,
		TreeOnly: true,
		CacheKey: o.cacheKey(fmt.Sprintf(complexityVersion+" max=%d above=%d", l.Max, l.Above)),
		Plan:     o.plan,
		Run: func(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
			return o.complexity(ctx, t, l)
		},
	}
}

func (o Options) complexity(ctx context.Context, t *gates.Target, limits Limits) (gates.Outcome, error) {
	var mu sync.Mutex
	var all branching
	l := look[branching]{
		key: o.cacheKey(fmt.Sprintf(complexityVersion+" max=%d", limits.Max)),
		read: func(f git.File, tree *syntax.Tree) branching {
			return measured(f, functions(tree), limits.Max)
		},
		use: func(_ git.File, b branching) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			all.Above = append(all.Above, b.Above...)
			all.Count += b.Count
			all.Sum += b.Sum
			all.Most = max(all.Most, b.Most)
			return true, nil
		},
	}
	s, err := l.run(ctx, o, t)
	out := s.outcome()
	out.Findings = append(out.Findings, limits.stand(t.Change, all.Above)...)
	out.Metrics["functions"] = float64(all.Count)
	out.Metrics["functions_above_max"] = float64(len(all.Above))
	out.Metrics["complexity_max"] = float64(all.Most)
	out.Metrics["complexity_mean"] = float64(all.Sum) / float64(max(all.Count, 1))
	return out, err
}

// stand makes warnings of the functions that may stay as they are, which are
// none when there are more than Above. Where there are fewer, it says so: the
// number is to go down with them.
func (l Limits) stand(change *git.Change, above []gates.Finding) []gates.Finding {
	if l.Above == 0 || len(above) > l.Above {
		return above
	}
	for i, f := range above {
		if change.Everything() || !change.HasLines(string(f.Path), f.Line, f.EndLine) {
			above[i].Severity = gates.SeverityWarning
		}
	}
	if len(above) == l.Above {
		return above
	}
	return append(above, gates.Finding{
		Rule: aboveRule.ID, Severity: gates.SeverityNote,
		Message: fmt.Sprintf("%s above %d, and gates.complexity.above lets %d stand: make it %d",
			gates.Plural(len(above), "function"), l.Max, l.Above, len(above)),
		Fingerprint: new(gates.Fingerprints).Of("complexity", aboveRule.ID),
	})
}

// branching is what the functions of a file come to, or those of all files.
type branching struct {
	Above            []gates.Finding `json:"above,omitempty"`
	Count, Sum, Most int
}

func measured(f git.File, list []function, greatest int) branching {
	b := branching{Above: tooComplex(f, list, greatest), Count: len(list)}
	for _, fn := range list {
		b.Sum += fn.complexity
		b.Most = max(b.Most, fn.complexity)
	}
	return b
}

// tooComplex are the findings in one file. Each has the function's name in its
// fingerprint and nothing of its text, so that it is the same finding after an
// edit inside; all functions are named, in order, so that the second of two
// equal names stays the second.
func tooComplex(f git.File, list []function, greatest int) []gates.Finding {
	var names gates.Fingerprints
	var found []gates.Finding
	for _, fn := range list {
		name := fn.name()
		fingerprint := names.Of("complexity", "complexity", f.Path, name)
		if fn.complexity <= greatest {
			continue
		}
		place := fn.place()
		_, last := fn.node.Lines()
		found = append(found, gates.Finding{
			Rule: "complexity", Severity: gates.SeverityError, Path: gates.Path(f.Path),
			Line: place.Line, Column: place.Column, EndLine: last,
			// As a report has it: what is kept says the same.
			Message:     strings.ToValidUTF8(fmt.Sprintf("function %s has complexity %d (max %d)", name, fn.complexity, greatest), "\ufffd"),
			Fingerprint: fingerprint,
		})
	}
	return found
}
