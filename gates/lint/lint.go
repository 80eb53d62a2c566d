// Package lint is the gate lint: what linters say of the code.
//
//	Go         vet's passes and staticcheck's SA checks, embedded (golang.go, vettool.go)
//	workflows  actionlint, embedded (workflows.go)
//	others     the project's own linter with the project's own configuration
//	           (node.go, python.go, rust.go), or, where it has none, syntax errors only (syntaxonly.go)
//
// The gate's work is cut into units, each a linter and a part of the tree. A unit
// that could not look makes the gate an error that names it; what the others
// found is kept. No rule of style is ever imposed on a project that asked for none.
package lint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/gates/syntax"
)

// ID is the gate's id.
const ID = "lint"

// Options are the gate's part of the policy.
type Options struct {
	// Max is how many errors may be there; they are warnings then.
	Max int
	// All: errors outside the change count for Max too.
	All bool
	// Reports are SARIF files of an earlier step, relative to the tree's root.
	// They are judged instead of running the projects' linters.
	Reports []string
	// Linters are the only ones to run. Empty: all that apply.
	Linters []string
	// Files shares parsed files with other gates. Optional.
	Files *syntax.Files
}

// Gate is the gate lint (G11).
func Gate(o Options) gates.Gate {
	if o.Files == nil {
		o.Files = &syntax.Files{}
	}
	return gates.Gate{
		ID:    ID,
		Doc:   "errors that linters report: go vet, staticcheck, actionlint, the project's own eslint, biome, oxlint, ruff, clippy",
		Help:  "Mend what the linter reports, or waive it for a time with a reason. `wf-ci local --only lint` repeats it.",
		Scope: gates.ScopeChange,
		Rules: []gates.Rule{
			{ID: configChanged, Title: "The change edits a linter's configuration", Help: "A linter's configuration decides what it finds, and this gate obeys the one of the checkout: have a person look."},
			{ID: syntaxError, Title: "A file that does not parse", Help: "Mend its syntax."},
			{ID: compileError, Title: "Go code that does not compile", Help: "Mend it; what else is in its package is not judged until then."},
		},
		Weight: 4,
		Memory: 1024,
		Plan:   o.plan,
		Lacks:  o.lacks,
		Run:    o.run,
	}
}

// result is what a unit came to.
type result struct {
	findings []gates.Finding
	files    int // that it looked at
	rules    []gates.Rule
	engine   string // "eslint 10.15.0"
	metrics  map[string]float64
	log      []byte
}

// unit is one linter over one part of the tree.
type unit struct {
	linter string
	dir    string // relative to the tree's root
	run    func(ctx context.Context) (result, error)
}

// onDisk says whether the linter reads the files that are checked out.
func (u unit) onDisk() bool {
	return !slices.Contains([]string{"actionlint", "syntax", "report"}, u.linter)
}

func (u unit) name() string {
	if u.dir == "." || u.dir == "" {
		return u.linter
	}
	return u.linter + " in " + u.dir
}

func (o Options) plan(ctx context.Context, t *gates.Target) (gates.Plan, error) {
	units, err := o.units(ctx, t, nil)
	if err != nil {
		return gates.Plan{}, err
	}
	if len(units) == 0 && len(o.Linters) == 0 {
		return gates.Plan{Skip: "no workflow, and no source in a language that it knows"}, nil
	}
	return gates.Plan{Expect: gates.Examined{Files: 1}, Checkout: slices.ContainsFunc(units, unit.onDisk)}, nil
}

func (o Options) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	scratch, err := os.MkdirTemp("", "wf-ci-lint-")
	if err != nil {
		return gates.Outcome{}, err
	}
	defer os.RemoveAll(scratch)
	s, err := newSession(t, scratch)
	if err != nil {
		return gates.Outcome{}, err
	}
	units, err := o.units(ctx, t, s)
	if err != nil {
		return gates.Outcome{}, err
	}
	if len(units) == 0 {
		return gates.Outcome{}, fmt.Errorf("none of the linters that are asked for (%s) applies here: correct gates.lint.linters", strings.Join(o.Linters, ", "))
	}
	s.useEarlier(units)
	results, errs := make([]result, len(units)), make([]error, len(units))
	var g errgroup.Group
	g.SetLimit(max(1, t.Jobs))
	for i, u := range units {
		g.Go(func() error {
			results[i], errs[i] = u.guarded(ctx)
			return nil
		})
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		return gates.Outcome{}, context.Cause(ctx)
	}
	out := merge(units, results)
	out.Findings = append(out.Findings, configFindings(t)...)
	out.Findings, err = s.wanted(ctx, out.Findings)
	o.allow(t, &out)
	return out, errors.Join(err, describe(units, errs))
}

// guarded turns a crash into the unit's error: it runs where nobody else watches.
func (u unit) guarded(ctx context.Context) (r result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("crashed: %v", p)
		}
	}()
	return u.run(ctx)
}

// describe is one error for all units that could not look.
func describe(units []unit, errs []error) error {
	var all []string
	for i, err := range errs {
		if err != nil {
			all = append(all, units[i].name()+": "+strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return errors.New(strings.Join(all, "; "))
}

// merge is the outcome of all units, in their order.
func merge(units []unit, results []result) gates.Outcome {
	out := gates.Outcome{Metrics: make(map[string]float64)}
	var engines []string
	known := make(map[string]bool)
	for i, r := range results {
		out.Findings = append(out.Findings, r.findings...)
		out.Examined.Files += int64(r.files)
		out.Log = append(out.Log, r.log...)
		if r.files > 0 {
			out.Examined.Results++
			out.Metrics["files:"+units[i].name()] = float64(r.files)
		}
		for k, v := range r.metrics {
			out.Metrics[k] += v
		}
		for _, rule := range r.rules {
			if !known[rule.ID] {
				known[rule.ID] = true
				out.Rules = append(out.Rules, rule)
			}
		}
		if r.engine != "" && !slices.Contains(engines, r.engine) {
			engines = append(engines, r.engine)
		}
	}
	out.Engine = gates.Engine{Name: "wf-ci", Version: strings.TrimSpace("lint/1 " + parenthesis(engines))}
	return out
}

func parenthesis(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "(" + strings.Join(words, ", ") + ")"
}

// allow makes warnings of the errors where there are no more than Max.
func (o Options) allow(t *gates.Target, out *gates.Outcome) {
	n, counted := 0, 0
	for _, f := range out.Findings {
		if f.Severity != gates.SeverityError {
			continue
		}
		n++
		if o.All || inChange(t, f) {
			counted++
		}
	}
	out.Metrics["errors"] = float64(n)
	out.Metrics["errors_counted"] = float64(counted)
	if counted > o.Max || o.Max == 0 {
		return
	}
	for i := range out.Findings {
		if out.Findings[i].Severity == gates.SeverityError {
			out.Findings[i].Severity = gates.SeverityWarning
		}
	}
}

func inChange(t *gates.Target, f gates.Finding) bool {
	switch {
	case t.Change.Everything(), f.Path == "":
		return true
	case f.Line == 0:
		return t.Change.HasFile(string(f.Path))
	}
	return t.Change.HasLines(string(f.Path), f.Line, max(f.Line, f.EndLine))
}

// units are the linters that apply to a tree, in a fixed order.
func (o Options) units(ctx context.Context, t *gates.Target, s *session) ([]unit, error) {
	projects, err := project.Detect(ctx, t.Tree)
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &session{target: t}
	}
	s.projects = projects
	var list []unit
	if len(o.Reports) > 0 {
		list = append(list, reportUnits(s, o.Reports)...)
	} else {
		for _, find := range []func(context.Context, *session) ([]unit, error){goUnits, nodeUnits, pythonUnits, rustUnits} {
			found, err := find(ctx, s)
			if err != nil {
				return nil, err
			}
			list = append(list, found...)
		}
	}
	list = append(list, workflowUnits(s)...)
	list = append(list, syntaxUnits(s, o.Files)...)
	if len(o.Linters) > 0 {
		list = slices.DeleteFunc(list, func(u unit) bool { return !slices.Contains(o.Linters, u.linter) && u.linter != "report" })
	}
	return list, nil
}
