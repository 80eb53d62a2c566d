package deps

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
)

// unaudited is the rule of what no database can know.
var unaudited = gates.Rule{
	ID: "unaudited", Title: "A package that comes from no registry",
	Help: "A repository, a folder or a file is in no database of vulnerabilities by its version. Take a released version, or review the code.",
}

// result is a run in the making.
type result struct {
	options Options
	target  *gates.Target
	survey  *survey

	engine      gates.Engine
	databaseAge time.Duration // zero: none was used
	reachNote   string        // what govulncheck had to do with it
	stdlibs     []toolchain

	findings []gates.Finding
	named    map[string]int // of findings, by their fingerprints
	rules    map[string]gates.Rule
	levels   [Critical + 1]int
	dev      int
	apart    int // packages that no database can know
	examined int64
}

// spot is one fault of one version of one package, in one lock file.
type spot struct {
	lock    string
	at      Package // where it is said: in the change, or else the first
	inside  bool    // the change
	details fault
}

// spots are those of one lock file, in its order.
type spots struct {
	list  []*spot
	known map[spotKey]*spot
}

type spotKey struct {
	id    id
	fault string
}

// find makes the findings of our own engine.
func (r *result) find(ctx context.Context, src source, found map[id][]*Record, reached reachability) error {
	known := make(map[id][]fault)
	for _, l := range r.survey.locks {
		var spots spots
		for _, p := range l.Packages {
			if p.Elsewhere {
				r.noteElsewhere(l, p)
				continue
			}
			faultsOf, ok := known[p.id()]
			if !ok {
				faultsOf = faults(p, found[p.id()])
				for i := range faultsOf {
					if err := faultsOf[i].resolve(ctx, src, p); err != nil {
						return err
					}
				}
				known[p.id()] = faultsOf
			}
			r.place(&spots, l, p, faultsOf)
		}
		for _, s := range spots.list {
			r.add(s, reached)
		}
	}
	return r.findStdlib(ctx, src, found, reached)
}

// place adds the faults of an entry to the spots of its lock file. The same
// version may be there more than once: it is one finding, at the entry that the
// change has touched, and for development only where all of them are.
func (r *result) place(to *spots, l *Lock, p Package, list []fault) {
	for _, f := range list {
		inside := r.target.Change.HasLines(l.Path, p.Line, max(p.Line, p.EndLine))
		key := spotKey{p.id(), f.name}
		s, ok := to.known[key]
		if !ok {
			if to.known == nil {
				to.known = make(map[spotKey]*spot)
			}
			s = &spot{lock: l.Path, at: p, inside: inside, details: f}
			to.known[key] = s
			to.list = append(to.list, s)
			continue
		}
		dev, direct := s.at.Dev && p.Dev, s.at.Direct || p.Direct
		if inside && !s.inside {
			s.at, s.inside = p, true
		}
		s.at.Dev, s.at.Direct = dev, direct
		if direct {
			s.at.Via = ""
		}
	}
}

// add makes a finding of a spot.
func (r *result) add(s *spot, reached reachability) {
	f, p := s.details, s.at
	severity := r.severity(f)
	malware := strings.HasPrefix(f.name, "MAL-")
	use, known := reached.of(s.lock, f)
	if known {
		severity = use.severity()
	}
	if p.Dev && !malware && severity.AtLeast(r.options.Dev) {
		severity = r.options.Dev
	}
	finding := gates.Finding{
		Rule: f.name, Severity: severity, Path: gates.Path(s.lock), Line: p.Line, EndLine: p.EndLine,
		Message: r.message(p, f, use, known),
	}
	if finding.EndLine == finding.Line {
		finding.EndLine = 0
	}
	if known && use.level == called && use.inside && !r.target.Change.Everything() {
		// The change brought the call: there it stands.
		finding.Path, finding.Line, finding.EndLine = gates.Path(use.file), use.line, 0
	}
	var names gates.Fingerprints
	finding.Fingerprint = names.Of("deps", f.name, string(p.Ecosystem), p.Name, p.Version, s.lock)
	r.rule(f)
	if r.worse(finding) {
		return // another engine told it
	}
	r.keep(finding)
	r.levels[f.rated.level]++
	if p.Dev {
		r.dev++
	}
}

// severity is what a level counts as.
func (r *result) severity(f fault) gates.Severity {
	switch f.rated.level {
	case Critical:
		return gates.SeverityError
	case High:
		return gates.SeverityWarning
	case Unknown:
		return r.options.Unknown
	}
	return gates.SeverityNote
}

// message is what people read: the package and how it got here, how bad the fault
// is, and what to do.
func (r *result) message(p Package, f fault, use use, known bool) string {
	var b strings.Builder
	name := p.Name
	if p.Name == stdlib && p.Ecosystem == Go {
		name = "Go's standard library"
	}
	fmt.Fprintf(&b, "%s %s", name, p.Version)
	var how []string
	switch {
	case p.Via != "":
		how = append(how, "via "+p.Via)
	case p.Direct:
		how = append(how, "direct")
	}
	if p.Dev {
		how = append(how, "development only")
	}
	if len(how) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(how, ", "))
	}
	switch {
	case strings.HasPrefix(f.name, "MAL-"):
		b.WriteString(": malware")
	case f.rated.level == Unknown:
		b.WriteString(": severity unknown")
	case f.rated.score > 0:
		fmt.Fprintf(&b, ": %s (%s)", f.rated.level, strconv.FormatFloat(f.rated.score, 'f', 1, 64))
	default:
		fmt.Fprintf(&b, ": %s", f.rated.level)
	}
	if f.summary != "" {
		b.WriteString(": " + oneLine(f.summary, 160))
	}
	if known {
		b.WriteString("; " + use.words())
	}
	switch {
	case strings.HasPrefix(f.name, "MAL-"):
		b.WriteString("; remove it, and take what it could read for stolen")
	case f.fixed != "":
		b.WriteString("; fixed in " + f.fixed)
	default:
		b.WriteString("; no fix yet")
	}
	if len(f.aliases) > 0 {
		b.WriteString("; also " + strings.Join(f.aliases[:min(len(f.aliases), 3)], ", "))
	}
	return b.String()
}

// oneLine cuts a text that somebody else wrote.
func oneLine(s string, limit int) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}

// rule describes a vulnerability for the reports that explain.
func (r *result) rule(f fault) {
	rule := gates.Rule{
		ID: f.name, Title: oneLine(cmp.Or(f.summary, f.name), 120), URI: "https://osv.dev/vulnerability/" + f.name,
		Tags: []string{"security", "dependencies"},
	}
	if f.fixed != "" {
		rule.Help = "Upgrade to " + f.fixed + " or later."
	}
	score := f.rated.score
	if score == 0 {
		score = map[Level]float64{Critical: 9.5, High: 8, Medium: 5.5, Low: 2}[f.rated.level]
	}
	if score > 0 {
		rule.Security = strconv.FormatFloat(score, 'f', 1, 64)
	}
	if old, ok := r.rules[rule.ID]; !ok || old.Security < rule.Security {
		r.rules[rule.ID] = rule
	}
}

// noteElsewhere says of a package that nothing was said of it.
func (r *result) noteElsewhere(l *Lock, p Package) {
	r.apart++
	var names gates.Fingerprints
	f := gates.Finding{
		Rule: unaudited.ID, Severity: gates.SeverityNote, Path: gates.Path(l.Path), Line: p.Line,
		Message:     fmt.Sprintf("%s comes from no registry: no database of vulnerabilities knows it", oneLine(p.Name, 200)),
		Fingerprint: names.Of("deps", unaudited.ID, string(p.Ecosystem), p.Name, p.Version, l.Path),
	}
	if !r.worse(f) {
		r.keep(f)
	}
}

// outcome is all of it.
func (r *result) outcome() gates.Outcome {
	packages, dev := 0, 0
	for _, l := range r.survey.locks {
		packages += len(l.Packages)
		for _, p := range l.Packages {
			if p.Dev {
				dev++
			}
		}
	}
	out := gates.Outcome{
		Findings: r.findings, Engine: r.engine,
		Examined: gates.Examined{Files: int64(len(r.survey.locks)), Bytes: r.survey.bytes, Results: r.examined},
		Metrics: map[string]float64{
			"lock_files": float64(len(r.survey.locks)), "packages": float64(packages), "packages_development": float64(dev),
			"packages_not_audited": float64(r.apart),
			"critical":             float64(r.levels[Critical]), "high": float64(r.levels[High]), "medium": float64(r.levels[Medium]),
			"low": float64(r.levels[Low] + r.levels[Informational]), "unknown": float64(r.levels[Unknown]), "development_only": float64(r.dev),
		},
	}
	if r.databaseAge > 0 {
		out.Metrics["database_age_days"] = float64(int(r.databaseAge / (24 * time.Hour)))
	}
	if r.reachNote != "" {
		out.Engine.Name += " + " + r.reachNote
	}
	for _, id := range sortedKeys(r.rules) {
		out.Rules = append(out.Rules, r.rules[id])
	}
	return out
}
