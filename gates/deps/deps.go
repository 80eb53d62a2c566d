// Package deps is the gate deps: dependencies with known vulnerabilities.
//
// A run goes through
//
//	look      lock files → packages, with their lines and what brings them (survey.go)
//	match     packages → advisories, from osv.dev or a database here (source.go)
//	reach     Go: which of them the code calls (reach.go)
//	findings  one for each fault of each package (findings.go)
//
// The readers of lock files are ours: they know the line of each entry, which
// decides whether a change brought it, what is direct and what is for
// development only, and they refuse versions of formats that they do not know.
package deps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
)

// Options are what decides the gate's outcome besides the tree.
type Options struct {
	// Engines look for vulnerabilities. Empty: [EngineOwn].
	Engines []string

	// Asked: the policy names the gate. Otherwise a repository without a single
	// package is passed over, whose Go may call its standard library's faults.
	Asked bool

	// MaxAge is how old the database may be. Zero: 7 days.
	MaxAge time.Duration

	// Unknown is the severity of a vulnerability that nobody rated. Empty: warning.
	Unknown gates.Severity

	// Dev is the greatest severity of a finding that only development has. Empty:
	// warning. Malware is never less for that.
	Dev gates.Severity

	// Reach: ask govulncheck which vulnerabilities of Go modules the code calls,
	// where there is a go command. It needs the files on disk.
	Reach bool

	// API is the server to ask. Empty: [DefaultAPI].
	API string
	// Patience is how long the API may take in all. Zero: a minute.
	Patience time.Duration
	HTTP     *http.Client     // Required.
	Now      func() time.Time // Required.
	Agent    string           // what the program calls itself to servers. Required.
}

// defaultMaxAge is how old a database may be where nobody says.
const defaultMaxAge = 7 * 24 * time.Hour

// Gate is the gate deps (G6).
func Gate(o Options) gates.Gate {
	o.Engines = slices.Clone(o.Engines)
	if len(o.Engines) == 0 {
		o.Engines = []string{EngineOwn}
	}
	o.MaxAge, o.Patience = cmp.Or(o.MaxAge, defaultMaxAge), cmp.Or(o.Patience, time.Minute)
	o.Unknown, o.Dev = cmp.Or(o.Unknown, gates.SeverityWarning), cmp.Or(o.Dev, gates.SeverityWarning)
	o.API = strings.TrimSuffix(cmp.Or(o.API, DefaultAPI), "/")
	own := slices.Equal(o.Engines, []string{EngineOwn})
	memory := 256
	if o.Reach {
		memory = 1024 // govulncheck holds the whole program
	}
	return gates.Gate{
		ID:       "deps",
		Doc:      "dependencies with known vulnerabilities",
		Help:     "Upgrade to the version that is named; where there is none, replace the package, or waive the finding with a reason and a day (gates/deps/README.md).",
		Scope:    gates.ScopeChange,
		Rules:    []gates.Rule{unaudited},
		Weight:   2,
		Memory:   memory,
		TreeOnly: own && !o.Reach,
		Plan:     o.plan,
		Lacks:    o.lacks,
		Run:      o.run,
	}
}

func (o Options) plan(ctx context.Context, t *gates.Target) (gates.Plan, error) {
	s, err := look(ctx, t)
	if err != nil {
		return gates.Plan{}, err
	}
	if s.nothing() || s.alone() && !o.Asked {
		return gates.Plan{Skip: "no project here depends on packages of npm, PyPI, crates.io or Go"}, nil
	}
	disk := o.Reach || !slices.Equal(o.Engines, []string{EngineOwn})
	return gates.Plan{Expect: gates.Examined{Files: int64(len(s.names))}, Checkout: disk}, nil
}

func (o Options) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	s, err := look(ctx, t)
	if err != nil {
		return gates.Outcome{}, err
	}
	r := &result{options: o, target: t, survey: s, rules: make(map[string]gates.Rule)}
	errs := []error{s.problem(), r.unread()}
	for _, name := range o.Engines {
		before := r.engine
		r.engine = gates.Engine{}
		if name == EngineOwn {
			errs = append(errs, r.own(ctx))
		} else {
			errs = append(errs, r.external(ctx, name))
		}
		r.engine = both(before, r.engine)
		if ctx.Err() != nil {
			return gates.Outcome{}, context.Cause(ctx)
		}
	}
	return r.outcome(), errors.Join(errs...)
}

// both names two engines as one.
func both(a, b gates.Engine) gates.Engine {
	if a.Name == "" || b.Name == "" {
		return gates.Engine{Name: a.Name + b.Name, Version: a.Version + b.Version}
	}
	return gates.Engine{Name: a.Name + " + " + b.Name, Version: a.Version + ", " + b.Version}
}

// unread says which lock files none of the engines reads: policy has named a few
// only, and their ecosystems are not all that is here.
func (r *result) unread() error {
	if slices.Contains(r.options.Engines, EngineOwn) {
		return nil
	}
	var errs []error
	for _, l := range r.survey.locks {
		read := slices.ContainsFunc(r.options.Engines, func(name string) bool {
			format := auditors()[name].format
			return format == "" || format == formatOf(l.Path)
		})
		if !read && len(l.Packages) > 0 {
			errs = append(errs, &lockError{path: l.Path, message: "none of gates.deps.engines reads it: add the engine own"})
		}
	}
	return errors.Join(errs...)
}

// own is the engine that is built in.
func (r *result) own(ctx context.Context) error {
	packages := r.ids()
	toolchains, err := r.toolchains(ctx)
	if err != nil {
		return err
	}
	for _, t := range toolchains {
		if id := t.stdlib.id(); !slices.Contains(packages, id) {
			packages = append(packages, id)
		}
	}
	src, closeSource, err := r.source(ctx, packages)
	if err != nil {
		return err
	}
	defer closeSource()
	found, err := src.match(ctx, packages)
	if err != nil {
		return err
	}
	reached, err := r.reach(ctx, toolchains, found)
	if err != nil {
		// What is known without is still true.
		return errors.Join(err, r.find(ctx, src, found, reached))
	}
	return r.find(ctx, src, found, reached)
}

// ids are the packages that a registry knows, once each.
func (r *result) ids() []id {
	seen := make(map[id]bool)
	var out []id
	for _, l := range r.survey.locks {
		for _, p := range l.Packages {
			if !p.Elsewhere && !seen[p.id()] {
				seen[p.id()] = true
				out = append(out, p.id())
			}
		}
	}
	return out
}

// source opens what knows advisories: osv.dev, where it may be asked and answers,
// else the databases on this machine.
func (r *result) source(ctx context.Context, packages []id) (source, func(), error) {
	t, o := r.target, r.options
	if len(packages) == 0 {
		r.engine = gates.Engine{Name: "osv", Version: "no package to ask about"}
		return &local{}, func() {}, nil
	}
	var refused error
	if !t.Offline {
		asked := &client{base: o.API, http: o.HTTP, cache: t.Cache, agent: o.Agent}
		all, err := prefetch(ctx, o.Patience, asked, packages)
		if err == nil {
			r.engine = gates.Engine{Name: "osv.dev", Version: "v1 (" + asked.shown() + ")"}
			return all, func() {}, nil
		}
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		refused = err
	}
	db, err := r.databases(packages, refused)
	if err != nil {
		return nil, nil, err
	}
	return db, db.Close, nil
}

// databases opens the database of each ecosystem that is needed, and refuses one
// that is missing, damaged or too old.
func (r *result) databases(packages []id, refused error) (*local, error) {
	db := &local{open: make(map[Ecosystem]*database)}
	now := r.options.Now()
	var oldest time.Time
	var errs []error
	for _, e := range Ecosystems() {
		if !slices.ContainsFunc(packages, func(p id) bool { return p.ecosystem == e }) {
			continue
		}
		if r.target.DataDir == "" {
			errs = append(errs, errors.New("there is nowhere to keep a database: no home directory is set"))
			break
		}
		d, err := openDB(r.target.DataDir, e)
		switch {
		case errors.Is(err, errNoDatabase):
			errs = append(errs, fmt.Errorf("no database of %s is here: wf-ci db update --ecosystem %s", e, e))
			continue
		case err != nil:
			errs = append(errs, fmt.Errorf("%w: wf-ci db update --ecosystem %s", err, e))
			continue
		}
		db.open[e] = d
		if age := d.age(now); age > r.options.MaxAge {
			errs = append(errs, fmt.Errorf("the database of %s is of %s, %s old, and may be %s old: wf-ci db update --ecosystem %s", e, day(d.Updated), days(age), days(r.options.MaxAge), e))
		}
		if oldest.IsZero() || d.Updated.Before(oldest) {
			oldest = d.Updated
		}
	}
	if err := errors.Join(errs...); err != nil {
		db.Close()
		if refused != nil {
			err = fmt.Errorf("%w; and %w", refused, err)
		}
		return nil, err
	}
	r.databaseAge = now.Sub(oldest)
	r.engine = gates.Engine{Name: "osv database", Version: "of " + day(oldest)}
	if refused != nil {
		r.engine.Version += " (" + refused.Error() + ")"
	}
	return db, nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// days is a length of time in words.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return gates.Plural(int(d/time.Hour), "hour")
	}
	return gates.Plural(int(d/(24*time.Hour)), "day")
}

// answered is what the API said, whole: so that it is asked within one time-out,
// and no run is judged by half an answer.
type answered struct {
	found   map[id][]*Record
	aliases map[string]*Record
}

func (a *answered) match(context.Context, []id) (map[id][]*Record, error) { return a.found, nil }

func (a *answered) record(_ context.Context, _ Ecosystem, name string) (*Record, error) {
	return a.aliases[name], nil
}

// prefetch asks the API for all that a run needs.
func prefetch(ctx context.Context, patience time.Duration, c *client, packages []id) (*answered, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := c.match(ctx, packages)
	if err != nil {
		return nil, err
	}
	a := &answered{found: found, aliases: make(map[string]*Record)}
	for p, records := range found {
		pkg := Package{Ecosystem: p.ecosystem, Name: p.name, Version: p.version}
		for _, f := range faults(pkg, records) {
			if err := f.resolve(ctx, remembering{c, a.aliases}, pkg); err != nil {
				return nil, err
			}
		}
	}
	return a, nil
}

// remembering keeps the aliases that were asked for.
type remembering struct {
	*client
	aliases map[string]*Record
}

func (r remembering) record(ctx context.Context, e Ecosystem, name string) (*Record, error) {
	if known, ok := r.aliases[name]; ok {
		return known, nil
	}
	record, err := r.client.record(ctx, e, name)
	if err == nil {
		r.aliases[name] = record
	}
	return record, err
}
