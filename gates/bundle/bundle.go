// Package bundle is the gate bundle: how much larger a change makes what is
// shipped to browsers. Both sides are measured in the same way: a bundle is made
// of the tree and of the base's, without a checkout and without running
// anything of theirs, or, where the policy names built files, these are weighed.
package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Options are those of the gate.
type Options struct {
	// MaxGrowth is the greatest growth in per cent of the size at the base.
	MaxGrowth float64
	// MinGrowth is the growth in bytes that never blocks.
	MinGrowth int64
	// Measure is the size that is judged: gzip, raw or brotli. Empty: gzip.
	Measure string
	// Entries are files to bundle. Empty: looked for.
	Entries []string
	// Paths are patterns of built files. Empty: the entries are bundled.
	Paths []string
	// Baseline is a verdict at the base, for Paths. Optional.
	Baseline string
}

var rules = []gates.Rule{
	{ID: "bundle-growth", Title: "The bundle has grown too much", Help: "Look at what the change imports; load it when it is needed (import()), or take a smaller package."},
	{ID: "bundle-error", Title: "The sources cannot be bundled", Help: "Mend the fault; a file that only your own build knows asks for gates.bundle.paths."},
	{ID: "no-baseline", Title: "Nothing to compare with", Help: "Make the size at the base known: see gates/bundle/README.md."},
	{ID: "new-package", Title: "A package that the bundle did not import before", Help: "Its size is not in the figures: look at it yourself, or measure the built files (gates.bundle.paths)."},
	{ID: "not-measured", Title: "A project that was not measured", Help: "Build it first, and name the output in gates.bundle.paths."},
}

// Gate is the gate bundle.
func Gate(o Options) gates.Gate {
	g := gates.Gate{
		ID:     "bundle",
		Doc:    fmt.Sprintf("growth of what is shipped to browsers (at most +%g %% against the base)", o.MaxGrowth),
		Help:   "Look at what the change imports; load it when it is needed, or take a smaller package.",
		Scope:  gates.ScopeChange,
		Rules:  rules,
		Weight: 2,
		Memory: 512,
		Plan:   o.plan,
		Run:    o.run,
	}
	if len(o.Paths) == 0 { // nothing but the two trees decides
		g.CacheKey = fmt.Sprintf("bundle/1 esbuild/0.27.0 brotli/1.2.0 %g %d %s %q", o.MaxGrowth, o.MinGrowth, o.measure(), o.Entries)
	}
	return g
}

func (o Options) measure() string {
	if o.Measure == "" {
		return "gzip"
	}
	return o.Measure
}

func (o Options) plan(ctx context.Context, t *gates.Target) (gates.Plan, error) {
	expect := gates.Plan{Expect: gates.Examined{Files: 1, Bytes: 1}}
	if len(o.Paths) > 0 || len(o.Entries) > 0 {
		return expect, nil
	}
	s, err := o.survey(ctx, t.Tree)
	switch {
	case err != nil:
		return gates.Plan{}, err
	case len(s.units) > 0:
		return expect, nil
	case len(s.leftOut) > 0:
		return gates.Plan{Skip: strings.Join(s.leftOut, "; ")}, nil
	}
	return gates.Plan{Skip: "no package.json"}, nil
}

// survey is what a tree ships.
type survey struct {
	units   []unit
	leftOut []string
	aliases map[string]string
}

func (o Options) survey(ctx context.Context, tree *git.Tree) (survey, error) {
	projects, err := project.Detect(ctx, tree)
	if err != nil {
		return survey{}, err
	}
	s := survey{aliases: make(map[string]string)}
	for _, p := range projects {
		if p.Kind == project.Node && p.Name != "" && s.aliases[p.Name] == "" {
			s.aliases[p.Name] = p.Dir
		}
	}
	if len(o.Entries) > 0 {
		u := unit{dir: "."}
		for _, e := range o.Entries {
			if regular(tree, e) {
				u.entries = append(u.entries, e)
			}
		}
		s.units = []unit{u}
		return s, nil
	}
	s.units, s.leftOut, err = units(ctx, tree, projects)
	return s, err
}

func (o Options) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	out := gates.Outcome{Engine: gates.Engine{Name: "esbuild", Version: "0.27.0"}, Metrics: map[string]float64{}}
	j := &judge{o: o, out: &out}
	if len(o.Paths) > 0 {
		out.Engine = gates.Engine{Name: "wf-ci", Version: "bundle/1"}
		return out, j.built(ctx, t)
	}
	head, err := o.survey(ctx, t.Tree)
	if err != nil {
		return out, err
	}
	now, err := o.bundles(ctx, t, t.Tree, head)
	if err != nil {
		return out, err
	}
	for _, why := range head.leftOut {
		j.find("not-measured", gates.SeverityNote, "", why)
	}
	before, reason := map[string]bundled{}, "there is no base to compare with"
	if t.Change.Base != "" {
		if before, err = o.atBase(ctx, t); err != nil {
			if ctx.Err() != nil {
				return out, context.Cause(ctx)
			}
			before, reason = nil, "the base cannot be measured: "+err.Error()
		}
	}
	var errs []error
	for _, b := range now {
		if err := j.unit(b, before, reason, t.Change.Base != "" && before != nil); err != nil {
			errs = append(errs, err)
		}
	}
	j.totals()
	return out, errors.Join(errs...)
}

// bundled is a unit and its bundle.
type bundled struct {
	unit
	reply
	err error
}

// atBase are the bundles of the base's tree, by directory.
func (o Options) atBase(ctx context.Context, t *gates.Target) (map[string]bundled, error) {
	tree, err := t.Repo.TreeAt(ctx, t.Change.Base)
	if err != nil {
		return nil, err
	}
	s, err := o.survey(ctx, tree)
	if err != nil {
		return nil, err
	}
	list, err := o.bundles(ctx, t, tree, s)
	if err != nil {
		return nil, err
	}
	out := make(map[string]bundled)
	for _, b := range list {
		out[b.dir] = b
	}
	return out, nil
}

// bundles makes the bundle of each unit of a tree.
func (o Options) bundles(ctx context.Context, t *gates.Target, tree *git.Tree, s survey) ([]bundled, error) {
	scratch, err := os.MkdirTemp("", "wf-ci-bundle-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	if scratch, err = filepath.EvalSymlinks(scratch); err != nil {
		return nil, err
	}
	if err := writeOut(ctx, tree, scratch, t.Jobs); err != nil {
		return nil, fmt.Errorf("write the tree out: %w", err)
	}
	list := make([]bundled, len(s.units))
	for i, u := range s.units {
		list[i].unit = u
		if len(u.entries) == 0 {
			list[i].err = errors.New("no entry was found (index.html, package.json's source, browser, module or main, src/index, src/main): name it in gates.bundle.entries, or the built files in gates.bundle.paths")
			continue
		}
		req := request{Root: scratch, Entries: u.entries, Aliases: s.aliases, Dir: u.dir}
		list[i].err = t.RunEngine(ctx, gates.EngineCall{Name: EngineName, Dir: scratch}, req, &list[i].reply)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if list[i].err == nil && len(list[i].Faults) == 0 && list[i].Sizes.Raw == 0 {
			list[i].err = errors.New("the bundle is empty")
		}
	}
	return list, nil
}

// judge gathers what the units came to.
type judge struct {
	o         Options
	out       *gates.Outcome
	names     gates.Fingerprints
	now, then sizes
	units     int
	compared  int
}

func (j *judge) find(rule string, severity gates.Severity, unit, text string) {
	j.out.Findings = append(j.out.Findings, gates.Finding{
		Rule: rule, Severity: severity, Message: text, Fingerprint: j.names.Of("bundle", rule, unit, fingerprintText(rule, text)),
	})
}

// fingerprintText is the part of a message that names the finding; figures do
// not, so that a waiver holds while they move.
func fingerprintText(rule, text string) string {
	if rule == "bundle-growth" || rule == "no-baseline" {
		return ""
	}
	return text
}

// unit judges one bundle against that of the base.
func (j *judge) unit(b bundled, before map[string]bundled, reason string, haveBase bool) error {
	if b.err != nil {
		return fmt.Errorf("%s: %w", b.dir, b.err)
	}
	if len(b.Faults) > 0 {
		for _, f := range b.Faults {
			j.out.Findings = append(j.out.Findings, gates.Finding{
				Rule: "bundle-error", Severity: gates.SeverityError, Path: gates.Path(f.Path), Line: f.Line, Column: f.Col, Message: f.Text,
			})
		}
		f := b.Faults[0]
		return fmt.Errorf("%s cannot be bundled: %s:%d:%d: %s", b.dir, f.Path, f.Line, f.Col, f.Text)
	}
	j.out.Examined.Files += int64(b.Inputs)
	j.out.Examined.Bytes += b.Bytes
	old, known := before[b.dir]
	switch {
	case !haveBase:
		j.noBaseline(b.dir, b.Sizes, reason)
		return nil
	case !known || old.err != nil && len(old.entries) == 0:
		j.add(b.dir, b.Sizes)
		j.find("new-package", gates.SeverityNote, b.dir, fmt.Sprintf("%s is new: %s", b.dir, b.Sizes))
		return nil
	case old.err != nil:
		j.noBaseline(b.dir, b.Sizes, "the base cannot be bundled: "+old.err.Error())
		return nil
	case len(old.Faults) > 0:
		j.noBaseline(b.dir, b.Sizes, fmt.Sprintf("the base cannot be bundled: %s:%d: %s", old.Faults[0].Path, old.Faults[0].Line, old.Faults[0].Text))
		return nil
	}
	for _, name := range b.External {
		if !slices.Contains(old.External, name) {
			j.find("new-package", gates.SeverityNote, b.dir, fmt.Sprintf("%s imports the package %.200q, whose size is not in the figures", b.dir, name))
		}
	}
	j.compare(b.dir, b.Sizes, old.Sizes)
	return nil
}

func (s sizes) String() string {
	return fmt.Sprintf("%d bytes, gzip %d, brotli %d", s.Raw, s.Gzip, s.Brotli)
}

func (j *judge) add(name string, now sizes) {
	j.units++
	j.now.add(now)
	m := j.out.Metrics
	m["raw:"+name], m["gzip:"+name], m["brotli:"+name] = float64(now.Raw), float64(now.Gzip), float64(now.Brotli)
}

func (j *judge) noBaseline(name string, now sizes, reason string) {
	j.add(name, now)
	j.find("no-baseline", gates.SeverityWarning, name, fmt.Sprintf("%s is %s; its growth is not known: %s", name, now, reason))
}

// compare is where growth is judged. It belongs to no line, so it counts as the
// change's, as growth does.
func (j *judge) compare(name string, now, then sizes) {
	j.add(name, now)
	j.then.add(then)
	j.compared++
	is, was := now.of(j.o.measure()), then.of(j.o.measure())
	if was > 0 {
		j.out.Metrics["growth:"+name] = growth(is, was)
	}
	if is-was <= j.o.MinGrowth || float64(is-was)*100 <= j.o.MaxGrowth*float64(was) {
		return
	}
	j.find("bundle-growth", gates.SeverityError, name, fmt.Sprintf("%s grows by %s %%, from %d to %d bytes (%s), more than +%g %%",
		name, percent(is, was), was, is, j.o.measure(), j.o.MaxGrowth))
}

// growth is in hundredths of a per cent, so that it is the same everywhere.
func growth(is, was int64) float64 { return float64((is-was)*10000/was) / 100 }

func percent(is, was int64) string {
	if was == 0 {
		return "∞"
	}
	return fmt.Sprintf("%g", growth(is, was))
}

func (j *judge) totals() {
	m := j.out.Metrics
	if j.units == 0 {
		return
	}
	m["raw"], m["gzip"], m["brotli"] = float64(j.now.Raw), float64(j.now.Gzip), float64(j.now.Brotli)
	if j.compared == j.units && j.then.of(j.o.measure()) > 0 {
		m["growth"] = growth(j.now.of(j.o.measure()), j.then.of(j.o.measure()))
	}
}
