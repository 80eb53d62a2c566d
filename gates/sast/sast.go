// Package sast is the gate that looks for security faults in source code:
// JavaScript, TypeScript, Python, Go and Rust, with rules of our own.
//
//	rule files (YAML)  → rule      what is written, checked (rulefile.go)
//	rule + family      → compiled  patterns parsed by the language's own grammar (pattern.go)
//	file               → tree      one form for what grammars name in several ways (tree.go)
//	compiled + tree    → hits      matching (match.go, formula.go), names resolved (names.go)
//	                   → reached   sources that flow into sinks (taint.go)
//
// Rules are in the syntax of semgrep, as far as this package knows it; what it
// does not know is an error, never passed over. See README.md.
package sast

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
)

// ID is the gate's id.
const ID = "sast"

const (
	engineName = "wf-ci"
	// engineVersion is part of the cache key: raise it when the same rules find
	// something else.
	engineVersion = "sast/1"
)

// Class is what a file is to this gate.
type Class uint8

const (
	Source   Class = iota // looked at
	Test                  // looked at; what is found is a note at most
	Excluded              // somebody else's, generated or minified: not looked at
)

// Options are the gate's part of the policy.
type Options struct {
	// RulesFiles are paths of rule files in the tree, read as policy, that add
	// to the built-in rules. Optional.
	RulesFiles []string
	// Engines are the names of the engines to use, see [Engines]. Empty: our own,
	// and gosec where there are Go modules and a Go toolchain.
	Engines []string
	// Configs are paths of files in the tree, read as policy, that an engine is
	// configured with, by its name: its rules, or its settings. Optional.
	Configs map[string]string
	// Classify says what a file is. Content is its text; nil when only names
	// are known yet. Optional; nil means [Classify].
	Classify func(path string, content []byte) Class
	// Files shares parsed files with other gates. Optional; nil means that this
	// gate parses for itself.
	Files *syntax.Files
}

// Gate is the gate sast.
func Gate(o Options) gates.Gate {
	if o.Classify == nil {
		o.Classify = Classify
	}
	if o.Files == nil {
		o.Files = &syntax.Files{}
	}
	g := &gate{options: o}
	key := fmt.Sprintf("%s %s rules %s, and %q", engineVersion, syntax.Versions, builtinDigest(), o.RulesFiles)
	if !o.ownOnly() {
		key = "" // what else looks is no part of this program
	}
	return gates.Gate{
		ID:       ID,
		Doc:      "security faults in JavaScript, TypeScript, Python, Go and Rust code",
		Help:     "Each finding says how to mend it. One that is wrong can be waived for a time, with a reason (wf-ci waive sast PATH:LINE --reason TEXT).",
		Scope:    gates.ScopeChange,
		Weight:   4,
		Memory:   256,
		CacheKey: key,
		// Of a tree that is not on disk gosec is left out (Target.TreeOnly).
		TreeOnly: !slices.Equal(o.Engines, []string{GosecEngine}),
		Plan:     g.plan,
		Lacks:    g.lacks,
		Run:      g.run,
	}
}

type gate struct{ options Options }

// candidates are the files in a language that rules are for, and the number of
// those that are left out by their name.
func (g *gate) candidates(t *gates.Target) (files []git.File, excluded int) {
	for _, f := range t.Tree.Files {
		if f.Kind == git.Symlink || f.Size == 0 {
			continue
		}
		l, ok := syntax.LanguageOf(f.Path, nil)
		switch {
		case !ok || familyOf(l) == noFamily:
		case g.options.Classify(f.Path, nil) == Excluded:
			excluded++
		default:
			files = append(files, f)
		}
	}
	return files, excluded
}

func (g *gate) plan(_ context.Context, t *gates.Target) (gates.Plan, error) {
	files, excluded := g.candidates(t)
	if len(files) == 0 && excluded > 0 {
		return gates.Plan{Skip: fmt.Sprintf("no source files of its own (%s of others, or generated)", gates.Plural(excluded, "file"))}, nil
	}
	if len(files) == 0 {
		return gates.Plan{Skip: "no JavaScript, TypeScript, Python, Go or Rust files"}, nil
	}
	// gosec, where nobody asked for it, is a help more and no more (as in the image, which has no Go).
	others := len(g.options.Engines) > 0 && !g.options.ownOnly()
	return gates.Plan{Expect: gates.Examined{Files: int64(len(files))}, Checkout: others}, nil
}

// look is one look at a target.
type look struct {
	gate   *gate
	target *gates.Target
	rules  *Rules

	mu       sync.Mutex
	findings []gates.Finding
	examined gates.Examined
	counts   map[string]float64
	// Of each family: files that were looked at, and those of them that are
	// no code that the grammar knows.
	looked, broken [families]int
	errs           []error
}

// own looks with our own rules.
func (g *gate) own(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	if !syntax.Available() {
		return gates.Outcome{}, errors.New("engine unavailable: this build of wf-ci has no parsers (it was built without cgo); use the released binary or image, or build with a C compiler and CGO_ENABLED=1")
	}
	rules, err := g.load(ctx, t)
	if err != nil {
		return gates.Outcome{}, err
	}
	l := &look{gate: g, target: t, rules: rules, counts: map[string]float64{
		"files_excluded": 0, "files_unparsed": 0, "files_partial": 0, "rules_gave_up": 0, "rules": float64(rules.Len()),
	}}
	files, excluded := g.candidates(t)
	l.counts["files_excluded"] = float64(excluded)
	known := t.Known(fmt.Sprintf("%s %s rules %s", engineVersion, syntax.Versions, rules.Digest()))
	defer known.Keep()
	var unknown []git.File
	for _, f := range files {
		var s seen
		if known.Get(gates.ContentID(f), &s) {
			l.add(f, s)
		} else {
			unknown = append(unknown, f)
		}
	}
	err = g.options.Files.Each(ctx, t.Tree, unknown, max(1, t.Jobs), func(f git.File, parsed *syntax.Tree, err error) error {
		s, failed := l.file(ctx, f, parsed, err)
		if failed != nil {
			return failed
		}
		if err == nil { // one that is too hard may be a matter of time
			known.Put(gates.ContentID(f), s)
		}
		l.add(f, s)
		return nil
	})
	out := gates.Outcome{
		Engine: gates.Engine{Name: engineName, Version: engineVersion}, Examined: l.examined,
		Findings: l.findings, Metrics: l.counts, Rules: rules.describe(),
	}
	if err != nil {
		return out, err
	}
	for f := range families {
		if l.looked[f] > 0 && l.looked[f] == l.broken[f] {
			l.errs = append(l.errs, fmt.Errorf("none of the %s can be parsed as %s", gates.Plural(l.looked[f], "file"), f))
		}
	}
	sort.Slice(l.errs, func(i, j int) bool { return l.errs[i].Error() < l.errs[j].Error() })
	return out, errors.Join(l.errs...)
}

// load is the built-in rules and those of the policy.
func (g *gate) load(ctx context.Context, t *gates.Target) (*Rules, error) {
	rules, err := Builtin()
	if err != nil || len(g.options.RulesFiles) == 0 {
		return rules, err
	}
	for _, path := range g.options.RulesFiles {
		data, err := t.ReadPolicy(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("rules file %q: %w", path, err)
		}
		if data == nil {
			return nil, fmt.Errorf("rules file %q: it is not there (on a pull request it is read at the base)", path)
		}
		more, err := Parse(path, data)
		if err != nil {
			return nil, err
		}
		if rules, err = rules.with(more); err != nil {
			return nil, err
		}
	}
	return rules, rules.check(ctx)
}

// seen is what one file came to. It hangs on the file's name and content and on
// the rules, and on nothing else: it is kept between runs.
type seen struct {
	Excluded bool            `json:"excluded,omitempty"`
	Unparsed bool            `json:"unparsed,omitempty"` // there is no tree
	Broken   bool            `json:"broken,omitempty"`
	Partial  bool            `json:"partial,omitempty"`
	GaveUp   int             `json:"gave_up,omitempty"`
	Bytes    int64           `json:"bytes,omitempty"`
	Findings []gates.Finding `json:"findings,omitempty"` // without the path
}

// file looks at one file.
func (l *look) file(ctx context.Context, f git.File, parsed *syntax.Tree, failed error) (seen, error) {
	if failed != nil {
		return seen{Unparsed: true, Findings: []gates.Finding{{
			Rule: "sast-unparsed", Severity: gates.SeverityNote, Message: fmt.Sprintf("not looked at: %v", failed),
		}}}, nil
	}
	class := l.gate.options.Classify(f.Path, parsed.Source)
	if _, ok := syntax.LanguageOf(f.Path, parsed.Source); !ok {
		class = Excluded // a translation or a video in a .ts file, a binary
	}
	if class == Excluded {
		return seen{Excluded: true}, nil
	}
	result, err := l.rules.file(ctx, parsed)
	if err != nil {
		return seen{}, err
	}
	for i := range result.findings {
		if class == Test {
			result.findings[i].Severity = gates.SeverityNote
		}
		// As a report has it: what is kept says the same.
		result.findings[i].Message = strings.ToValidUTF8(result.findings[i].Message, "\ufffd")
	}
	return seen{
		Broken: result.broken, Partial: result.partial, GaveUp: len(result.gaveUp),
		Bytes: int64(len(parsed.Source)), Findings: result.findings,
	}, nil
}

// add counts what a file came to.
func (l *look) add(f git.File, s seen) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.examined.Files++ // an excluded one too: its content was looked at to tell
	if s.Excluded {
		l.counts["files_excluded"]++
		return
	}
	language, _ := syntax.LanguageOf(f.Path, nil)
	family := familyOf(language)
	l.looked[family]++
	l.examined.Bytes += s.Bytes
	if s.Broken || s.Unparsed {
		l.broken[family]++
		l.counts["files_unparsed"]++
	} else if s.Partial {
		l.counts["files_partial"]++
	}
	l.counts["rules_gave_up"] += float64(s.GaveUp)
	for _, finding := range s.Findings {
		finding.Path = gates.Path(f.Path)
		l.findings = append(l.findings, finding)
	}
}

// result is what was found in one file.
type result struct {
	findings []gates.Finding
	partial  bool // a part of it does not parse
	broken   bool // most of it does not parse
	gaveUp   []string
}

// file runs all rules on one file.
func (r *Rules) file(ctx context.Context, parsed *syntax.Tree) (result, error) {
	var res result
	family := familyOf(parsed.Language)
	if places := parsed.Errors(); len(places) > 0 {
		res.partial, res.broken = true, parsed.ErrorRatio() > 0.5
		at := places[0].Start()
		text := "a part of the file does not parse as %s; the rules looked at the rest"
		if res.broken {
			text = "most of the file does not parse as %s; the rules looked at the rest"
		}
		res.findings = append(res.findings, gates.Finding{
			Rule: "sast-unparsed", Severity: gates.SeverityNote, Line: at.Line, Column: at.Column,
			Message: fmt.Sprintf(text, parsed.Language),
		})
	}
	rules, err := r.of(ctx, family)
	if err != nil {
		return res, err
	}
	var t *tree
	words := make(map[string]bool)
	for _, x := range rules {
		if ctx.Err() != nil {
			return res, context.Cause(ctx)
		}
		if !x.possible(parsed.Source, words) {
			continue
		}
		if t == nil {
			if t = newTree(parsed); t.deep {
				res.partial = true
				res.findings = append(res.findings, gates.Finding{
					Rule: "sast-unparsed", Severity: gates.SeverityNote,
					Message: fmt.Sprintf("code nested more than %d deep was not looked at", maxDepth),
				})
			}
		}
		q := &query{m: matcher{t: t, steps: maxSteps}}
		res.findings = append(res.findings, q.run(x, parsed)...)
		if q.m.steps < 0 {
			res.gaveUp = append(res.gaveUp, x.id)
			res.findings = append(res.findings, gates.Finding{
				Rule: "sast-unparsed", Severity: gates.SeverityNote,
				Message: fmt.Sprintf("the rule %s took too long on this file and was stopped", x.id),
			})
		}
	}
	return res, nil
}

// possible says whether a file holds the words that a rule needs.
func (x *compiled) possible(src []byte, known map[string]bool) bool {
	for _, group := range x.needs {
		if !slices.ContainsFunc(group, func(w string) bool {
			has, ok := known[w]
			if !ok {
				has = strings.Contains(unsafeText(src), w)
				known[w] = has
			}
			return has
		}) {
			return false
		}
	}
	return true
}

// run is what one rule finds in one file.
func (q *query) run(x *compiled, parsed *syntax.Tree) []gates.Finding {
	var found []gates.Finding
	seen := make(map[[2]int]bool)
	add := func(h hit, message string) {
		if h.focused && !x.taint {
			// The place is the metavariable's.
			h.wholeFrom, h.wholeTo = h.from, h.to
		}
		from, to := h.from, h.to
		if h.focused {
			from, to = h.wholeFrom, h.wholeTo
		}
		if seen[[2]int{from, to}] {
			return
		}
		seen[[2]int{from, to}] = true
		start, end := parsed.Position(from), parsed.Position(to)
		found = append(found, gates.Finding{
			Rule: x.id, Severity: x.severity, Line: start.Line, Column: start.Column, EndLine: end.Line, EndColumn: end.Column, Message: message,
		})
	}
	if !x.taint {
		for _, h := range q.find(x.search) {
			add(h, q.message(x, h))
		}
		return found
	}
	for _, r := range q.taint(x) {
		from := parsed.Position(q.m.t.nodes[r.source].from)
		add(r.sink, fmt.Sprintf("%s (the value comes from line %d)", q.message(x, r.sink), from.Line))
	}
	return found
}

// message is the rule's message with its metavariables filled in. Strings are
// never quoted: they may be what a report must not hold.
func (q *query) message(x *compiled, h hit) string {
	text := x.message
	if !strings.Contains(text, "$") {
		return text
	}
	for b := h.b; b != nil; b = b.next {
		if len(b.nodes) != 1 || !strings.Contains(text, "$"+b.name) {
			continue
		}
		value := "…"
		if n := b.nodes[0]; q.m.t.is(n, kindName) && q.m.t.nodes[n].to-q.m.t.nodes[n].from < 60 {
			value = q.m.t.source(n)
		}
		text = strings.ReplaceAll(text, "$"+b.name, value)
	}
	return text
}

// Rules are the rules of a run. They are safe for concurrent use.
type Rules struct {
	list   []*rule
	digest [sha256.Size]byte
	once   [families]sync.Once
	byKind [families][]*compiled
	errs   [families]error
}

// Parse reads a rule file. The error names all that is wrong in it, with its
// place.
func Parse(file string, data []byte) (*Rules, error) {
	list, err := parseRules(file, data)
	if err != nil {
		return nil, err
	}
	return &Rules{list: list, digest: sha256.Sum256(data)}, nil
}

// Len is the number of rules.
func (r *Rules) Len() int { return len(r.list) }

// Digest names the rules.
func (r *Rules) Digest() string { return hex.EncodeToString(r.digest[:]) }

func (r *Rules) with(more *Rules) (*Rules, error) {
	all := &Rules{list: slices.Concat(r.list, more.list), digest: sha256.Sum256(append(r.digest[:], more.digest[:]...))}
	seen := make(map[string]bool)
	for _, x := range all.list {
		if seen[x.id] {
			return nil, fmt.Errorf("the rule %s is there twice: give yours another id", x.id)
		}
		seen[x.id] = true
	}
	return all, nil
}

// of are the rules for a family, compiled when they are first asked for.
func (r *Rules) of(ctx context.Context, f family) ([]*compiled, error) {
	r.once[f].Do(func() {
		var errs []error
		for _, x := range r.list {
			if !slices.Contains(x.families, f) {
				continue
			}
			// Not the caller's context: what is compiled serves all.
			c, err := compileRule(context.WithoutCancel(ctx), x, f)
			if err != nil {
				errs = append(errs, fmt.Errorf("rule %s: %w", x.id, err))
				continue
			}
			r.byKind[f] = append(r.byKind[f], c)
		}
		r.errs[f] = errors.Join(errs...)
	})
	return r.byKind[f], r.errs[f]
}

// check compiles all rules.
func (r *Rules) check(ctx context.Context) error {
	var errs []error
	for f := noFamily + 1; f < families; f++ {
		_, err := r.of(ctx, f)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// describe is what reports say of the rules.
func (r *Rules) describe() []gates.Rule {
	list := []gates.Rule{{
		ID: "sast-unparsed", Title: "Code that could not be looked at",
		Help: "Mend the syntax, or exclude the file if it is no code of this language.",
	}}
	for _, x := range r.list {
		d := gates.Rule{ID: x.id, Title: x.title, Help: x.help, Tags: []string{"security"}, Security: x.security()}
		if d.Title == "" {
			d.Title = x.message
		}
		for _, c := range x.cwe {
			d.Tags = append(d.Tags, "external/cwe/"+strings.ToLower(c))
		}
		for _, o := range x.owasp {
			d.Tags = append(d.Tags, "owasp/"+strings.ToLower(strings.ReplaceAll(strings.SplitN(o, " ", 2)[0], ":", "-")))
		}
		if x.confidence != "" {
			d.Tags = append(d.Tags, "confidence/"+x.confidence)
		}
		if len(x.references) > 0 {
			d.URI = x.references[0]
		}
		list = append(list, d)
	}
	return list
}

// security is how bad a rule's findings are, on the scale of CVSS.
func (x *rule) security() string { return securityOf(x.severity) }

func securityOf(s gates.Severity) string {
	switch s {
	case gates.SeverityError:
		return "8.5"
	case gates.SeverityWarning:
		return "5.5"
	}
	return "3.0"
}
