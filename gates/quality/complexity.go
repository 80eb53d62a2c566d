package quality

import (
	"context"
	"fmt"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Complexity is the gate complexity (G10): functions with more decisions in
// them than greatest-1. See the package's README for what counts.
func Complexity(greatest int, o Options) gates.Gate {
	rule := gates.Rule{
		ID: "complexity", Title: fmt.Sprintf("A function with a complexity above %d", greatest),
		Help: "Each branch is a case to test. Take parts out into functions with a name, return early, or let a table decide.",
		URI:  "https://en.wikipedia.org/wiki/Cyclomatic_complexity",
		Tags: []string{"maintainability"},
	}
	return gates.Gate{
		ID:       "complexity",
		Doc:      fmt.Sprintf("functions that branch too much (cyclomatic complexity above %d)", greatest),
		Help:     "Split the function, or turn its branches into a table; the numbers are explained in gates/quality/README.md.",
		Scope:    gates.ScopeChange,
		Rules:    []gates.Rule{rule, parseError},
		Weight:   2,
		Memory:   256,
		CacheKey: o.cacheKey(fmt.Sprintf("complexity/1 max=%d", greatest)),
		Plan:     o.plan,
		Run: func(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
			return o.complexity(ctx, t, greatest)
		},
	}
}

func (o Options) complexity(ctx context.Context, t *gates.Target, greatest int) (gates.Outcome, error) {
	var mu sync.Mutex
	var findings []gates.Finding
	var count, sum, most int
	s, err := o.survey(ctx, t, func(f git.File, tree *syntax.Tree) error {
		list := functions(tree)
		above := tooComplex(f, list, greatest)
		mu.Lock()
		defer mu.Unlock()
		findings = append(findings, above...)
		count += len(list)
		for _, fn := range list {
			sum += fn.complexity
			most = max(most, fn.complexity)
		}
		return nil
	})
	out := s.outcome()
	out.Findings = append(out.Findings, findings...)
	out.Metrics["functions"] = float64(count)
	out.Metrics["functions_above_max"] = float64(len(findings))
	out.Metrics["complexity_max"] = float64(most)
	out.Metrics["complexity_mean"] = float64(sum) / float64(max(count, 1))
	return out, err
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
			Message:     fmt.Sprintf("function %s has complexity %d (max %d)", name, fn.complexity, greatest),
			Fingerprint: fingerprint,
		})
	}
	return found
}
