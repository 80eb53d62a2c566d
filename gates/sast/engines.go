package sast

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

// Engines are the engines that the policy may name. A fault that several of them
// found has the name that the first of them gives it.
func Engines() []string {
	names := []string{engineName, GosecEngine}
	for _, x := range externals() {
		names = append(names, x.name)
	}
	return names
}

func rank(engine string) int { return slices.Index(Engines(), engine) }

// ran is an engine's part in an outcome.
type ran struct {
	name, version string
	idle          bool // it looked at nothing: not to be named
	files         int  // looked at
	found         []foreign
	unread        []unread // paths or packages that it could not look at
}

// uses says whether the policy wants an engine; asked, that it names it.
func (o Options) uses(engine string) (used, asked bool) {
	if len(o.Engines) == 0 {
		return engine == engineName || engine == GosecEngine, false
	}
	asked = slices.Contains(o.Engines, engine)
	return asked, asked
}

// ownOnly says whether what the gate finds hangs on the tree alone.
func (o Options) ownOnly() bool { return len(o.Engines) == 1 && o.Engines[0] == engineName }

// run runs the engines and puts together what they found.
func (g *gate) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	var out gates.Outcome
	own, _ := g.options.uses(engineName)
	if own {
		var err error
		if out, err = g.own(ctx, t); err != nil {
			return out, err
		}
	}
	if out.Metrics == nil {
		out.Metrics = make(map[string]float64)
	}
	all, err := g.others(ctx, t)
	if err != nil {
		return out, err
	}
	s := sorter{ctx: ctx, target: t, classify: g.options.Classify, files: make(map[gates.Path]*named)}
	var found []foreign
	for _, r := range all {
		kept, err := s.settle(r.found)
		if err != nil {
			return out, fmt.Errorf("%s: %w", r.name, err)
		}
		found = append(found, kept...)
		out.Examined.Files = max(out.Examined.Files, int64(r.files))
	}
	out.Engine = engineOf(own, all)
	if err := g.tellUnread(own, all, &out); err != nil {
		return out, err
	}
	g.put(ctx, t, &out, found)
	return out, nil
}

// others runs all engines but our own.
func (g *gate) others(ctx context.Context, t *gates.Target) ([]ran, error) {
	var all []ran
	var errs []error
	add := func(r *ran, err error) {
		if err != nil {
			errs = append(errs, err)
		} else if r != nil {
			all = append(all, *r)
		}
	}
	if used, asked := g.options.uses(GosecEngine); used && !t.TreeOnly {
		add(g.gosec(ctx, t, asked))
	}
	for _, x := range externals() {
		if used, _ := g.options.uses(x.name); used {
			add(g.external(ctx, t, x))
		}
	}
	return all, errors.Join(errs...)
}

// engineOf names all that looked.
func engineOf(own bool, all []ran) gates.Engine {
	e := gates.Engine{}
	if own {
		e = gates.Engine{Name: engineName, Version: engineVersion}
	}
	for _, r := range all {
		if r.idle {
			continue
		}
		name := r.name
		if name == GosecEngine {
			name = "gosec/analyzers"
		}
		if e.Name == "" {
			e = gates.Engine{Name: name, Version: r.version}
			continue
		}
		e.Name += " + " + name + " " + r.version
	}
	return e
}

// tellUnread says what another engine could not look at: a note where our own
// rules did, and an error where nobody has.
func (g *gate) tellUnread(own bool, all []ran, out *gates.Outcome) error {
	var errs []error
	for _, r := range all {
		out.Metrics["unread_"+strings.ReplaceAll(r.name, "-", "_")] = float64(len(r.unread))
		for _, u := range r.unread {
			text := fmt.Sprintf("%s could not look at %s: %s", r.name, u.What, clip(u.Why, 400))
			if !own {
				errs = append(errs, errors.New(text))
				continue
			}
			out.Findings = append(out.Findings, gates.Finding{
				Rule: "sast-unread", Severity: gates.SeverityNote, Path: u.path, Message: text + "; our own rules looked at it",
			})
		}
	}
	return errors.Join(errs...)
}

// put merges what others found into an outcome.
func (g *gate) put(ctx context.Context, t *gates.Target, out *gates.Outcome, found []foreign) {
	faults := merge(out.Findings, classesOf(out.Rules), found, statementsOf(ctx, t, g.options.Files))
	faults = nameFaults(ctx, t, faults)
	out.Findings = nil
	merged := 0
	for _, x := range faults {
		out.Findings = append(out.Findings, x.finding())
		merged += len(x.by)
	}
	out.Metrics["found_by_others"] = float64(len(found))
	out.Metrics["merged"] = float64(merged)
	out.Rules = append(out.Rules, rulesOf(found)...)
	out.Rules = append(out.Rules, gates.Rule{
		ID: "sast-unread", Title: "Code that one of the engines could not look at",
		Help: "Have the module's dependencies there (go mod download), and mend what does not compile.",
	})
}

// nameFaults gives names to what only other engines found: of the fault's class,
// so that it has the same name on a machine that lacks one of them.
func nameFaults(ctx context.Context, t *gates.Target, faults []fault) []fault {
	slices.SortStableFunc(faults, func(a, b fault) int { return a.Compare(b.Finding) })
	var names gates.Fingerprints
	text := gates.LineText(ctx, t)
	for i := range faults {
		f := &faults[i]
		if len(f.taken) == len(f.by) || f.class == "" || f.Line == 0 { // ours, or as any other
			continue
		}
		if line := text(f.Finding); line != "" {
			// As short as in any fingerprint: the line may hold a password.
			f.Fingerprint = names.Of(ID+"-class", string(f.class), string(f.Path), line[:4])
		}
	}
	return faults
}

// rulesOf describes the rules of other engines.
func rulesOf(found []foreign) []gates.Rule {
	byID := make(map[string]gates.Rule)
	for _, f := range found {
		r := gates.Rule{ID: f.Rule, Title: clip(f.title, 200), Help: "Mend what " + f.engine + " reports; its documentation says how.", URI: f.uri, Tags: []string{"security"}, Security: securityOf(f.Severity)}
		if n := cweOf(f.cwe); n > 0 {
			r.Tags = append(r.Tags, fmt.Sprintf("external/cwe/cwe-%d", n))
		}
		if old, ok := byID[f.Rule]; ok && (old.Title < r.Title || old.Title == r.Title && old.Security >= r.Security) {
			continue
		}
		byID[f.Rule] = r
	}
	var list []gates.Rule
	for _, r := range byID {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b gates.Rule) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// named is what is known of a file that an engine named.
type named struct {
	there bool
	class Class
}

// sorter brings other engines' findings under the rules of ours: what is in
// nobody's code is dropped, and what is in a test is a note.
type sorter struct {
	ctx      context.Context
	target   *gates.Target
	classify func(string, []byte) Class
	files    map[gates.Path]*named
}

func (s *sorter) settle(found []foreign) ([]foreign, error) {
	kept := make([]foreign, 0, len(found))
	for _, f := range found {
		if !insideTree(string(f.Path)) {
			return nil, fmt.Errorf("it reports %q, which is outside the tree", clip(string(f.Path), 200))
		}
		x, err := s.file(f.Path)
		if err != nil {
			return nil, err
		}
		if !x.there || x.class == Excluded {
			continue // git ignores it, or it is somebody else's
		}
		if x.class == Test {
			f.Severity = gates.SeverityNote
		}
		f.Finding.Message = clip(strings.TrimSpace(f.Finding.Message), 2000)
		f.Line, f.EndLine, f.Column, f.EndColumn = max(f.Line, 0), max(f.EndLine, 0), max(f.Column, 0), max(f.EndColumn, 0)
		kept = append(kept, f)
	}
	return kept, nil
}

func (s *sorter) file(name gates.Path) (*named, error) {
	if x, ok := s.files[name]; ok {
		return x, nil
	}
	x := &named{}
	if f := s.target.Tree.File(string(name)); f != nil {
		var head []byte
		if f.Size <= readLimit {
			var err error
			if head, err = s.target.Tree.Read(s.ctx, *f, readLimit); err != nil {
				return nil, err
			}
		}
		x.there, x.class = true, s.classify(string(name), head)
	}
	s.files[name] = x
	return x, nil
}

// readLimit is more than any source that a person wrote.
const readLimit = 16 << 20

func insideTree(name string) bool {
	return name != "" && !path.IsAbs(name) && name != ".." && !strings.HasPrefix(path.Clean(name), "../") && path.Clean(name) != ".."
}

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
