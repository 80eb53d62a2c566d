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
		TreeOnly: true,
		CacheKey: o.cacheKey(fmt.Sprintf(complexityVersion+" max=%d", greatest)),
		Plan:     o.plan,
		Run: func(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
			return o.complexity(ctx, t, greatest)
		},
	}
}

func (o Options) complexity(ctx context.Context, t *gates.Target, greatest int) (gates.Outcome, error) {
	var mu sync.Mutex
	var all branching
	l := look[branching]{
		key: o.cacheKey(fmt.Sprintf(complexityVersion+" max=%d", greatest)),
		read: func(f git.File, tree *syntax.Tree) branching {
			return measured(f, functions(tree), greatest)
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
	out.Findings = append(out.Findings, all.Above...)
	out.Metrics["functions"] = float64(all.Count)
	out.Metrics["functions_above_max"] = float64(len(all.Above))
	out.Metrics["complexity_max"] = float64(all.Most)
	out.Metrics["complexity_mean"] = float64(all.Sum) / float64(max(all.Count, 1))
	return out, err
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
