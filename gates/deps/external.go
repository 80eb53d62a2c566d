package deps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/run"
)

// The engines that policy may name. Those that are not ours run on copies of the
// lock files in a directory of their own, so that no configuration of the
// repository reaches them, and are judged by what they print: their exit statuses
// mean several things at once.
const (
	EngineOwn   = "own"
	EngineNPM   = "npm-audit"
	EnginePip   = "pip-audit"
	EngineCargo = "cargo-audit"
	EngineOSV   = "osv-scanner"
)

// auditor is a tool that is not ours.
type auditor struct {
	program string
	install string // how to get it
	version []string
	reads   func(l *Lock) bool
	format  Ecosystem // whose lock files it has to read; empty: all
	args    func(name string, offline bool) []string
	// parse reads what it printed about one lock file.
	parse func(l *Lock, out []byte) ([]told, error)
}

// told is a vulnerability that a tool names, in a package of the lock file.
type told struct {
	at Package
	fault
}

func auditors() map[string]auditor {
	return map[string]auditor{
		EngineNPM: {
			program: "npm", install: "install Node.js", version: []string{"--version"}, format: NPM, reads: isNPMLock, parse: parseNPMAudit,
			args: func(string, bool) []string {
				return []string{"audit", "--json", "--package-lock-only", "--ignore-scripts", "--audit-level=none"}
			},
		},
		EnginePip: {
			program: "pip-audit", install: "pipx install pip-audit", version: []string{"--version"}, format: PyPI,
			reads: func(l *Lock) bool { return readerOf(l.Path) == nil || readerOf(l.Path).weak }, parse: parsePipAudit,
			args: func(name string, _ bool) []string {
				return []string{"--format", "json", "--progress-spinner", "off", "--no-deps", "--disable-pip", "--requirement", name}
			},
		},
		EngineCargo: {
			program: "cargo-audit", install: "cargo install cargo-audit --locked", version: []string{"--version"}, format: Crates,
			reads: func(l *Lock) bool { return formatOf(l.Path) == Crates }, parse: parseCargoAudit,
			args: func(name string, offline bool) []string {
				list := []string{"audit", "--json", "--file", name}
				if offline {
					list = append(list, "--no-fetch")
				}
				return list
			},
		},
		EngineOSV: {
			program: "osv-scanner", install: "go install github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.5.0", version: []string{"--version"},
			reads: func(*Lock) bool { return true }, parse: parseOSVScanner,
			args: func(name string, offline bool) []string {
				list := []string{"scan", "source", "--format", "json", "--all-packages", "--lockfile", name}
				if offline {
					list = append(list, "--offline")
				}
				return list
			},
		},
	}
}

func isNPMLock(l *Lock) bool {
	base := path.Base(l.Path)
	return base == "package-lock.json" || base == "npm-shrinkwrap.json"
}

// lacks are the engines that the policy names and that are not here.
func (o Options) lacks(_ context.Context, t *gates.Target) ([]gates.Lack, error) {
	var list []gates.Lack
	for _, name := range o.Engines {
		if a := auditors()[name]; name != EngineOwn && !t.Runner.Has(a.program) {
			list = append(list, gates.Lack{Tool: a.program, Remedy: a.install + ", or take " + name + " out of gates.deps.engines"})
		}
	}
	return list, nil
}

// external runs a tool on each lock file that it can read.
func (r *result) external(ctx context.Context, name string) error {
	a := auditors()[name]
	if r.target.Offline && name != EngineCargo && name != EngineOSV {
		return fmt.Errorf("%s needs the network: take it out of gates.deps.engines, or run without --offline", name)
	}
	version, err := r.toolVersion(ctx, name, a)
	if err != nil {
		return err
	}
	var errs []error
	for _, l := range r.survey.locks {
		ours := a.format == "" || formatOf(l.Path) == a.format
		switch {
		case !ours || len(l.Packages) == 0:
		case !a.reads(l):
			errs = append(errs, &lockError{path: l.Path, message: name + " cannot read it: add the engine own"})
		default:
			errs = append(errs, r.audit(ctx, name, a, l))
		}
	}
	r.engine = gates.Engine{Name: name, Version: version}
	return errors.Join(errs...)
}

func (r *result) toolVersion(ctx context.Context, name string, a auditor) (string, error) {
	res, err := r.target.Runner.Run(ctx, run.Command{Name: a.program, Args: a.version, Dir: os.TempDir(), Contain: true})
	var missing *run.NotStartedError
	switch {
	case errors.As(err, &missing) && missing.Missing:
		return "", fmt.Errorf("%s: there is no %s here: %s, or take it out of gates.deps.engines", name, a.program, a.install)
	case err != nil:
		return "", fmt.Errorf("%s: ask for its version: %w", name, err)
	}
	return oneLine(string(res.Stdout.Bytes), 60), nil
}

// audit runs a tool on one lock file.
func (r *result) audit(ctx context.Context, name string, a auditor, l *Lock) error {
	dir, err := os.MkdirTemp("", "wf-ci-audit-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := r.copyLock(dir, l); err != nil {
		return err
	}
	work := filepath.Join(dir, filepath.FromSlash(path.Dir(l.Path)))
	res, err := r.target.Runner.Run(ctx, run.Command{
		Name: a.program, Args: a.args(path.Base(l.Path), r.target.Offline), Dir: work, Keep: fileLimit, Contain: true,
	})
	var exit *run.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("%s: %w", name, err)
	}
	if res.Stdout.Dropped > 0 {
		return fmt.Errorf("%s: %s: it printed more than %d MiB", l.Path, name, fileLimit>>20)
	}
	list, err := a.parse(l, res.Stdout.Bytes)
	if err != nil {
		said := strings.ReplaceAll(oneLine(string(res.Stderr.Bytes), 300), dir, ".")
		if said != "" {
			said = " (" + said + ")"
		}
		return fmt.Errorf("%s: %s: %w%s", l.Path, name, err, said)
	}
	r.examined++
	return r.tell(ctx, l, list)
}

// copyLock writes a lock file, and what it needs beside it, as the tree has them.
func (r *result) copyLock(dir string, l *Lock) error {
	names := []string{l.Path}
	for name := range r.survey.book.files {
		beside := path.Base(name) == "package.json" && isNPMLock(l) && (path.Dir(l.Path) == "." || strings.HasPrefix(name, path.Dir(l.Path)+"/"))
		included := slices.ContainsFunc(r.survey.locks, func(o *Lock) bool { return o.Path == name }) && formatOf(l.Path) == PyPI
		if beside || included {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("%q is no path for a copy", name)
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(to, r.survey.book.files[name], 0o600); err != nil {
			return err
		}
	}
	return nil
}

// tell makes findings of what a tool told. What it did not rate is rated by OSV.
func (r *result) tell(ctx context.Context, l *Lock, list []told) error {
	unrated := func(t told) bool { return t.rated.level == Unknown }
	if slices.ContainsFunc(list, unrated) {
		if err := r.rateTold(ctx, list); err != nil {
			return err
		}
	}
	var spots spots
	for _, t := range list {
		r.place(&spots, l, t.at, []fault{t.fault})
	}
	for _, s := range spots.list {
		r.add(s, nil)
	}
	return nil
}

// rateTold looks the vulnerabilities up that a tool gave no severity for.
func (r *result) rateTold(ctx context.Context, list []told) error {
	var packages []id
	for _, t := range list {
		if !slices.Contains(packages, t.at.id()) {
			packages = append(packages, t.at.id())
		}
	}
	engine, age := r.engine, r.databaseAge
	src, closeSource, err := r.source(ctx, packages)
	r.engine, r.databaseAge = engine, max(age, r.databaseAge)
	if err != nil {
		return fmt.Errorf("how bad it is cannot be told: %w", err)
	}
	defer closeSource()
	found, err := src.match(ctx, packages)
	if err != nil {
		return err
	}
	for i := range list {
		t := &list[i]
		for _, f := range faults(t.at, found[t.at.id()]) {
			same := slices.ContainsFunc(append([]string{t.name}, t.aliases...), func(id string) bool { return id == f.name || slices.Contains(f.aliases, id) })
			if !same {
				continue
			}
			if err := f.resolve(ctx, src, t.at); err != nil {
				return err
			}
			if t.rated.level == Unknown {
				t.rated = f.rated
			}
			t.name, t.aliases = f.name, f.aliases
			if t.summary == "" {
				t.summary = f.summary
			}
		}
	}
	return nil
}

// toldFault is a fault by all its names.
func toldFault(names []string, rated rated, fixed, summary string) fault {
	names = slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "" })
	slices.SortFunc(names, compareIDs)
	names = slices.Compact(names)
	if len(names) == 0 {
		names = []string{"unnamed"}
	}
	return fault{name: names[0], aliases: names[1:], rated: rated, fixed: fixed, summary: summary}
}

// entriesOf are the packages of a lock file with a name and, where it is known, a
// version.
func (l *Lock) entriesOf(name, version string) []Package {
	var out []Package
	for _, p := range l.Packages {
		if (p.Name == name || p.Ecosystem == PyPI && p.Name == normalisePyPI(name)) && (version == "" || p.Version == version) && !p.Elsewhere {
			out = append(out, p)
		}
	}
	return out
}

// keep adds a finding.
func (r *result) keep(f gates.Finding) {
	if r.named == nil {
		r.named = make(map[string]int)
	}
	r.named[f.Fingerprint] = len(r.findings)
	r.findings = append(r.findings, f)
}

// worse keeps the worse of two findings of one fault. False: there is no other.
func (r *result) worse(f gates.Finding) bool {
	i, ok := r.named[f.Fingerprint]
	if ok && f.Severity != r.findings[i].Severity && f.Severity.AtLeast(r.findings[i].Severity) {
		r.findings[i].Severity, r.findings[i].Message = f.Severity, f.Message
	}
	return ok
}
