package sast

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/issue"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/packages"

	"github.com/wf-ci/wf-ci/gates"
)

// GosecEngine is the name of the engine that [Gosec] is registered under.
const GosecEngine = "gosec"

// gosecVersion is the version in go.mod; a test compares.
const gosecVersion = "2.30.0"

// gosecRequest is what the engine is asked.
type gosecRequest struct {
	Jobs int
	// Flags are go's, such as -mod=vendor.
	Flags []string
	// Patterns are the packages, as go takes them. Empty: all of the module.
	Patterns []string
	// Overlay is the content of files that stands for what is on disk: markers
	// that the change adds are out of work in it. Relative to the module.
	Overlay map[string]string
}

// gosecReply is what it found in one module.
type gosecReply struct {
	Packages []gosecPackage
	Unread   []unread // the whole module could not be looked at, and why
}

// gosecPackage is what it found in one package.
type gosecPackage struct {
	Path   string
	Looked bool
	Files  int
	Issues []gosecIssue
	// Unread: it was not looked at, or not with all analyzers, and why.
	Unread []unread
}

// gosecIssue is one of gosec's issues, in the module's directory.
type gosecIssue struct {
	Rule, CWE, Severity, Confidence string
	Text                            string
	File                            string // slashes, relative to the module
	Line, EndLine, Column           int
	// Hushed: a marker in the source asks to pass over it.
	Hushed bool
}

// unread is something that an engine did not look at.
type unread struct {
	What, Why string
	path      gates.Path
}

// Gosec is the engine gosec: its analyzers, which follow values through a whole
// package, over the module in dir. See gates.EngineFunc.
func Gosec(ctx context.Context, dir string, raw json.RawMessage) (any, error) {
	var request gosecRequest
	if err := json.Unmarshal(raw, &request); err != nil {
		return nil, err
	}
	overlay := make(map[string][]byte, len(request.Overlay))
	for name, text := range request.Overlay {
		overlay[filepath.Join(dir, filepath.FromSlash(name))] = []byte(text)
	}
	if len(request.Patterns) == 0 {
		request.Patterns = []string{"./..."}
	}
	list, err := packages.Load(&packages.Config{
		Mode: gosec.LoadMode, Context: ctx, Dir: dir, BuildFlags: request.Flags, Overlay: overlay,
	}, request.Patterns...)
	if err != nil {
		return gosecReply{Unread: []unread{{What: "the module", Why: err.Error()}}}, nil
	}
	slices.SortFunc(list, func(a, b *packages.Package) int { return strings.Compare(a.ID, b.ID) })
	var reply gosecReply
	for _, p := range list {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if len(p.GoFiles) > 0 || len(p.Errors) > 0 { // else: tests only, or another system's
			reply.Packages = append(reply.Packages, check(dir, p, max(1, request.Jobs)))
		}
	}
	return reply, nil
}

// check looks at one package.
func check(dir string, p *packages.Package, jobs int) gosecPackage {
	r := gosecPackage{Path: p.PkgPath}
	if why := unfit(p); why != "" {
		r.Unread = []unread{{What: p.PkgPath, Why: why}}
		return r
	}
	issues, problems := analyze(p, jobs)
	r.Looked, r.Files = true, len(p.GoFiles)
	away := 0
	for _, i := range issues {
		found := newGosecIssue(i)
		name, ok := relative(dir, i.File)
		if !ok {
			away++ // in what cgo made of a file
			continue
		}
		found.File = name
		r.Issues = append(r.Issues, found)
	}
	if away > 0 {
		problems = append(problems, fmt.Sprintf("%d results are in code that cgo wrote, and have no place", away))
	}
	if len(problems) > 0 {
		r.Unread = []unread{{What: p.PkgPath, Why: strings.Join(problems, "; ")}}
	}
	return r
}

// unfit is why the analyzers cannot look at a package; empty: they can.
func unfit(p *packages.Package) string {
	switch {
	case len(p.Errors) > 0:
		return p.Errors[0].Error()
	case len(p.TypeErrors) > 0:
		return p.TypeErrors[0].Error()
	case p.Types == nil || p.TypesInfo == nil || p.IllTyped:
		return "it has no types"
	case len(p.Syntax) == 0:
		return "none of its files was read"
	}
	return ""
}

// analyze runs gosec's analyzers on a package. gosec tells of what went wrong in
// its log only.
func analyze(p *packages.Package, jobs int) ([]*issue.Issue, []string) {
	var said bytes.Buffer
	g := gosec.NewAnalyzer(gosec.NewConfig(), false, false, true, jobs, log.New(&said, "", 0))
	definitions, _ := analyzers.Generate(true).AnalyzersInfo()
	for id, d := range definitions {
		create := d.Create
		d.Create = func(id, description string) *analysis.Analyzer { return guarded(create(id, description)) }
		definitions[id] = d
	}
	g.LoadAnalyzers(definitions, nil)
	g.CheckRules(p) // there are no rules: it reads the markers
	g.CheckAnalyzers(p)
	issues, _, errs := g.Report()
	var problems []string
	for line := range strings.Lines(said.String()) {
		if strings.HasPrefix(line, "Error ") || strings.HasPrefix(line, "Panic ") {
			problems = append(problems, strings.TrimSpace(line))
		}
	}
	for _, list := range errs {
		for _, e := range list {
			problems = append(problems, e.Err)
		}
	}
	slices.Sort(problems)
	return issues, slices.Compact(problems)
}

// guarded is an analyzer that gives an error where it would crash.
func guarded(a *analysis.Analyzer) *analysis.Analyzer {
	run := a.Run
	a.Run = func(pass *analysis.Pass) (result any, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("it crashed: %v", p)
			}
		}()
		return run(pass)
	}
	return a
}

func newGosecIssue(i *issue.Issue) gosecIssue {
	found := gosecIssue{
		Rule: i.RuleID, Severity: i.Severity.String(), Confidence: i.Confidence.String(), Text: i.What, Hushed: len(i.Suppressions) > 0,
	}
	if i.Cwe != nil { // G710 has none
		found.CWE = "CWE-" + i.Cwe.ID
	}
	from, to, _ := strings.Cut(i.Line, "-")
	found.Line, _ = strconv.Atoi(from)
	found.EndLine, _ = strconv.Atoi(to)
	found.Column, _ = strconv.Atoi(i.Col)
	return found
}

// relative is a file's path below a directory, which may have been reached
// through a link.
func relative(dir, file string) (string, bool) {
	for _, base := range []string{dir, realPath(dir)} {
		if rel, err := filepath.Rel(base, file); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel), true
		}
	}
	return "", false
}

func realPath(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}
