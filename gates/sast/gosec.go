package sast

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

// gosecSeverity is what gosec's words count as.
var gosecSeverity = map[string]gates.Severity{
	"HIGH": gates.SeverityError, "MEDIUM": gates.SeverityWarning, "LOW": gates.SeverityNote,
}

// gosec runs the engine on each Go module. Nil without an error: it was not
// needed, or, where nobody asked for it by name, there is no Go here.
func (g *gate) gosec(ctx context.Context, t *gates.Target, asked bool) (*ran, error) {
	modules, err := g.modules(ctx, t)
	if err != nil || len(modules) == 0 {
		return nil, err
	}
	switch err := haveGo(ctx, t); {
	case err != nil && asked:
		return nil, err
	case err != nil:
		t.Log.Debug("gosec is not run", "why", err)
		return nil, nil
	}
	r := &ran{name: GosecEngine, version: gosecVersion}
	known := t.Known("gosec/1 " + gosecVersion)
	defer known.Keep()
	looked := 0
	for _, m := range modules {
		reply, err := g.module(ctx, t, m, known)
		if errors.Is(err, gates.ErrNoEngine) && !asked {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("gosec in %s: %w", m.Dir, err)
		}
		looked += r.add(t, m, reply)
	}
	if looked > 0 {
		return r, nil
	}
	why := r.unread[0].Why
	if asked {
		return nil, fmt.Errorf("gosec looked at no package: %s", clip(why, 400))
	}
	// Not named among what looked; the notes say why.
	r.idle = true
	return r, nil
}

// modules are the Go modules that hold sources of their own.
func (g *gate) modules(ctx context.Context, t *gates.Target) ([]project.Project, error) {
	projects, err := project.Detect(ctx, t.Tree)
	if err != nil {
		return nil, err
	}
	files, _ := g.candidates(t)
	var list []project.Project
	for _, p := range projects {
		if p.Kind == project.Go && p.Manifest != "" && slices.ContainsFunc(files, func(f git.File) bool {
			if path.Ext(f.Path) != ".go" || g.options.Classify(f.Path, nil) != Source {
				return false
			}
			of := project.Of(projects, project.Go, f.Path)
			return of != nil && of.Dir == p.Dir
		}) {
			list = append(list, p)
		}
	}
	return list, nil
}

// haveGo says why there is no Go toolchain; nil: there is one.
func haveGo(ctx context.Context, t *gates.Target) error {
	_, err := t.Runner.Run(ctx, run.Command{Name: "go", Args: []string{"version"}, Dir: t.Dir, Env: []string{"GOTOOLCHAIN=local"}})
	var missing *run.NotStartedError
	if errors.As(err, &missing) && missing.Missing {
		return errors.New("gosec needs go, which is not in PATH: install it (https://go.dev/dl), or take gosec out of gates.sast.engines")
	}
	return err
}

// gosecAsk is what the engine is asked of one module, and how.
type gosecAsk struct {
	target  *gates.Target
	dir     string   // of the module, absolute
	env     []string // beside the clean environment
	request gosecRequest
}

func newGosecAsk(ctx context.Context, t *gates.Target, m project.Project) (*gosecAsk, error) {
	a := &gosecAsk{
		target: t, dir: filepath.Join(t.Dir, filepath.FromSlash(m.Dir)), env: []string{"GOTOOLCHAIN=local"},
		request: gosecRequest{Jobs: max(1, t.Jobs), Flags: []string{"-mod=readonly"}},
	}
	if m.Workspace == "" {
		a.env = append(a.env, "GOWORK=off") // not one above the tree, nor one that the module is no part of
	}
	if t.Tree.File(path.Join(m.Dir, "vendor/modules.txt")) != nil || m.Workspace != "" && t.Tree.File(path.Join(m.Workspace, "vendor/modules.txt")) != nil {
		a.request.Flags = []string{"-mod=vendor"}
	}
	if t.Offline {
		a.env = append(a.env, "GOPROXY=off")
	}
	var err error
	a.request.Overlay, err = disarmedBelow(ctx, t, m.Dir)
	return a, err
}

// module is what gosec finds in one module: of the packages that it has looked
// at before, with all that they hang on, what it found then.
func (g *gate) module(ctx context.Context, t *gates.Target, m project.Project, known *gates.Known) (gosecReply, error) {
	a, err := newGosecAsk(ctx, t, m)
	if err != nil {
		return gosecReply{}, err
	}
	if t.Cache == nil {
		return a.engine(ctx)
	}
	keys, err := a.keys(ctx)
	if err != nil || len(keys) == 0 {
		t.Log.Debug("what gosec finds is not kept", "module", m.Dir, "why", err)
		return a.engine(ctx)
	}
	before, unknown := recall(known, keys)
	if len(unknown) == 0 {
		return gosecReply{Packages: before}, nil
	}
	a.request.Patterns = patterns(a.dir, unknown, len(before) == 0)
	reply, err := a.engine(ctx)
	if err != nil {
		return reply, err
	}
	// What was edited while gosec looked is not what it saw.
	if after, err := a.keys(ctx); err == nil {
		reply.keep(known, keys, after)
	}
	if a.request.Patterns == nil {
		return reply, nil
	}
	fresh, err := reply.only(unknown)
	reply.Packages = append(before, fresh...)
	return reply, err
}

// engine asks the engine.
func (a *gosecAsk) engine(ctx context.Context) (gosecReply, error) {
	var reply gosecReply
	err := a.target.RunEngine(ctx, gates.EngineCall{Name: GosecEngine, Dir: a.dir, Env: a.env}, a.request, &reply)
	return reply, err
}

// add takes a module's reply, and says how many packages gosec looked at.
func (r *ran) add(t *gates.Target, m project.Project, reply gosecReply) int {
	looked := 0
	slices.SortFunc(reply.Packages, func(a, b gosecPackage) int { return strings.Compare(a.Path, b.Path) })
	problems := reply.Unread
	for _, p := range reply.Packages {
		if p.Looked {
			looked++
		}
		r.files += p.Files
		for _, i := range p.Issues {
			r.addIssue(t, m, i)
		}
		problems = append(problems, p.Unread...)
	}
	if looked == 0 && len(problems) == 0 {
		problems = []unread{{What: "the module", Why: "go finds no package in it for this system"}}
	}
	for _, u := range problems {
		u.path = gates.Path(m.Manifest)
		for _, dir := range []string{t.Dir, realPath(t.Dir)} {
			u.Why = strings.ReplaceAll(u.Why, dir+string(filepath.Separator), "")
		}
		r.unread = append(r.unread, u)
	}
	return looked
}

func (r *ran) addIssue(t *gates.Target, m project.Project, i gosecIssue) {
	f := foreign{
		Finding: gates.Finding{
			Rule: "gosec/" + i.Rule, Severity: gosecSeverity[i.Severity], Path: gates.Path(path.Join(m.Dir, i.File)),
			Line: i.Line, EndLine: i.EndLine, Column: i.Column, Message: i.Text,
		},
		engine: GosecEngine, rule: i.Rule, class: faultClass("gosec/"+i.Rule, i.CWE), title: i.Text, cwe: i.CWE,
		uri: "https://github.com/securego/gosec/blob/v" + gosecVersion + "/RULES.md",
	}
	if f.Severity == "" {
		f.Severity = gates.SeverityError // a word that we do not know is not let through
	}
	// HIGH by gosec's word; of 54 on this repository not one was a fault.
	if i.Rule == "G115" && f.Severity == gates.SeverityError {
		f.Severity = gates.SeverityWarning
	}
	// A marker that was there before holds, but not for what is new.
	if i.Hushed && (t.Change.Everything() || !t.Change.HasLines(string(f.Path), f.Line, max(f.Line, f.EndLine))) {
		return
	}
	r.found = append(r.found, f)
}
