// Package types is the gate types: how much of TypeScript and Python code has a
// type. The figure is that of the project's own tool (type-coverage, mypy), or of
// a report of an earlier step; without either it is an estimate by syntax, which
// is marked so and never blocks.
package types

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Options are those of the gate.
type Options struct {
	// Min is the least percentage of typed symbols, in each project.
	Min float64
	// Report is the report of an earlier step, relative to the tree's root.
	// Empty: the projects' tools are run.
	Report string
	// Asked: the policy names the gate, so that Python is judged also where the
	// project has no configuration of a type checker.
	Asked bool
	// Files parses the sources, for estimates. Required.
	Files *syntax.Files
}

var rules = []gates.Rule{
	{ID: "types-total", Title: "Too few symbols have a type", Help: "Give types to what the notes `untyped` name."},
	{ID: "untyped", Title: "A symbol without a type", Help: "Give it a type; unknown is better than any."},
	{ID: "types-estimate", Title: "An estimate, not a measurement", Help: "Install the project's tool, so that the figure counts."},
	{ID: "types-settings", Title: "The change alters how types are measured", Help: "Look whether it takes code out of the measurement."},
}

// Gate is the gate types.
func Gate(o Options) gates.Gate {
	return gates.Gate{
		ID:     "types",
		Doc:    fmt.Sprintf("TypeScript and Python without types (at least %g %% have one)", o.Min),
		Help:   "Give types to the symbols that the notes name. To repeat: `npx type-coverage -p . --detail`, `mypy --any-exprs-report DIR .`",
		Scope:  gates.ScopeChange,
		Rules:  rules,
		Weight: 2,
		Memory: 512,
		Plan:   o.plan,
		Run:    o.run,
	}
}

// unit is a project whose types are measured.
type unit struct {
	project project.Project
	python  bool
	configs []string // tsconfig files, relative to the project; of TypeScript
	sources []git.File
}

// name is the unit in messages and metrics.
func (u unit) name() string { return u.project.Dir }

// place is a symbol without a type.
type place struct {
	path string
	line int // from 1; zero: somewhere in the file
	col  int
	text string
}

// measure is what is known of a unit.
type measure struct {
	typed, symbols int
	places         []place
	estimated      string // why it is an estimate; empty: it is none
	engine         string
}

func (m measure) percent() float64       { return 100 * float64(m.typed) / float64(m.symbols) }
func (m measure) below(min float64) bool { return float64(m.typed)*100 < min*float64(m.symbols) }

// shown cuts, so that 89.999 is not shown as 90.
func shown(percent float64) float64 { return math.Floor(percent*100) / 100 }

func (m measure) String() string {
	return fmt.Sprintf("%g %% (%d of %s)", shown(m.percent()), m.typed, gates.Plural(m.symbols, "symbol"))
}

func (o Options) plan(ctx context.Context, t *gates.Target) (gates.Plan, error) {
	units, why, err := o.units(ctx, t)
	switch {
	case err != nil:
		return gates.Plan{}, err
	case o.Report != "":
		return gates.Plan{Expect: gates.Examined{Results: 1}}, nil
	case len(units) == 0:
		return gates.Plan{Skip: why}, nil
	}
	return gates.Plan{Expect: gates.Examined{Files: 1}, Checkout: true}, nil
}

// run is the gate. What it finds out of one unit is kept when another cannot be
// measured: it is true.
func (o Options) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	out := gates.Outcome{Engine: gates.Engine{Name: "wf-ci", Version: "types/1"}, Metrics: map[string]float64{}}
	units, _, err := o.units(ctx, t)
	if err != nil {
		return out, err
	}
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return out, err
	}
	defer root.Close()
	j := judge{o: o, t: t, out: &out}
	if o.Report != "" {
		m, err := o.readReport(ctx, t, root, units, &out.Examined)
		if err != nil {
			return out, err
		}
		j.judge(".", m)
		return out, j.finish()
	}
	var errs []error
	for _, u := range units {
		m, log, err := o.measure(ctx, t, root, u)
		out.Log = append(out.Log, log...)
		if err == nil && m.symbols == 0 {
			err = errors.New("no symbol was found, though there are sources")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", u.name(), err))
			continue
		}
		for _, f := range u.sources {
			out.Examined.Files++
			out.Examined.Bytes += f.Size
		}
		j.judge(u.name(), m)
		if err := j.settings(ctx, u); err != nil {
			errs = append(errs, err)
		}
	}
	return out, cmp.Or(errors.Join(errs...), j.finish())
}

// measure takes the tool where there is one, else the estimate.
func (o Options) measure(ctx context.Context, t *gates.Target, root *os.Root, u unit) (measure, []byte, error) {
	tool := typeCoverage
	if u.python {
		tool = mypy
	}
	m, log, err := tool(ctx, t, root, u)
	var missing missingTool
	if !errors.As(err, &missing) {
		return m, log, err
	}
	m, err = o.estimate(ctx, t, u)
	m.estimated = missing.Error()
	return m, log, err
}

// missingTool says that a unit cannot be measured here, and what would help.
type missingTool struct{ tool, remedy string }

func (e missingTool) Error() string {
	return fmt.Sprintf("%s is not installed here; for the real figure: %s", e.tool, e.remedy)
}

// judge gathers the findings of the units.
type judge struct {
	o       Options
	t       *gates.Target
	out     *gates.Outcome
	names   gates.Fingerprints
	all     measure
	guessed measure
	units   int
	engines []string
	notes   int
}

// noteLimit is how many untyped places are named.
const noteLimit = 200

func (j *judge) judge(name string, m measure) {
	slices.SortFunc(m.places, func(a, b place) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col), strings.Compare(a.text, b.text))
	})
	j.units++
	j.out.Metrics["types:"+name] = shown(m.percent())
	if !slices.Contains(j.engines, m.engine) {
		j.engines = append(j.engines, m.engine)
	}
	prefix := ""
	if name != "." {
		prefix = name + ": "
	}
	if m.estimated != "" {
		j.guessed.typed, j.guessed.symbols = j.guessed.typed+m.typed, j.guessed.symbols+m.symbols
		j.out.Metrics["estimated"]++
		j.add(gates.Finding{
			Rule: "types-estimate", Severity: gates.SeverityNote,
			Message:     fmt.Sprintf("%sestimate: %s have a type; it does not count: %s", prefix, m, m.estimated),
			Fingerprint: j.names.Of("types", "types-estimate", name),
		})
	} else {
		j.all.typed, j.all.symbols = j.all.typed+m.typed, j.all.symbols+m.symbols
		if m.below(j.o.Min) {
			at := j.stand(m.places)
			j.add(gates.Finding{
				Rule: "types-total", Severity: gates.SeverityError, Path: gates.Path(at.path), Line: at.line,
				Message:     fmt.Sprintf("%s%s have a type, less than %g %%", prefix, m, j.o.Min),
				Fingerprint: j.names.Of("types", "types-total", name),
			})
		}
	}
	for _, p := range m.places {
		if p.line == 0 || !j.inChange(p) || j.notes >= noteLimit {
			continue
		}
		j.notes++
		j.add(gates.Finding{
			Rule: "untyped", Severity: gates.SeverityNote, Path: gates.Path(p.path), Line: p.line, Column: p.col, Message: p.text,
		})
	}
}

func (j *judge) add(f gates.Finding) { j.out.Findings = append(j.out.Findings, f) }

// stand is where the total is reported: at an untyped place of the change, or
// else at the first of all. So a change that adds nothing untyped does not
// answer for what was there. No place known: at none, which blocks.
func (j *judge) stand(places []place) place {
	for _, p := range places {
		if j.inChange(p) {
			return p
		}
	}
	if len(places) > 0 {
		return places[0]
	}
	return place{}
}

func (j *judge) inChange(p place) bool {
	if p.line == 0 {
		return j.t.Change.Everything() || j.t.Change.HasFile(p.path)
	}
	return j.t.Change.Everything() || j.t.Change.HasLines(p.path, p.line, p.line)
}

func (j *judge) finish() error {
	m := j.all
	if m.symbols == 0 {
		m = j.guessed
	}
	if m.symbols > 0 {
		j.out.Metrics["types"], j.out.Metrics["typed"], j.out.Metrics["symbols"] = shown(m.percent()), float64(m.typed), float64(m.symbols)
	}
	if j.units == 1 {
		for k := range j.out.Metrics {
			if strings.HasPrefix(k, "types:") {
				delete(j.out.Metrics, k)
			}
		}
	}
	if len(j.engines) > 0 {
		slices.Sort(j.engines)
		j.out.Engine.Version += " (" + strings.Join(j.engines, ", ") + ")"
	}
	return nil
}

// settings warns where the change alters a file that says what is measured.
func (j *judge) settings(ctx context.Context, u unit) error {
	change := j.t.Change
	if change.Everything() {
		return nil
	}
	for _, name := range settingsOf(j.t.Tree, u) {
		if !change.HasFile(name) {
			continue
		}
		altered, err := alters(ctx, j.t, name)
		if err != nil {
			return err
		}
		if altered {
			j.add(gates.Finding{
				Rule: "types-settings", Severity: gates.SeverityWarning, Path: gates.Path(name),
				Message: "the change alters this file, which says what is measured and how strictly",
			})
		}
	}
	return nil
}
