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
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
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
	packages := 0
	for _, m := range modules {
		reply, err := g.module(ctx, t, m)
		if errors.Is(err, gates.ErrNoEngine) && !asked {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("gosec in %s: %w", m.Dir, err)
		}
		packages += reply.Packages
		r.files += reply.Files
		r.add(t, m, reply)
		if reply.Packages == 0 && len(reply.Unread) == 0 {
			r.unread = append(r.unread, unread{What: "the module", Why: "go finds no package in it for this system", path: gates.Path(m.Manifest)})
		}
	}
	if packages > 0 {
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

// module asks the engine for one module.
func (g *gate) module(ctx context.Context, t *gates.Target, m project.Project) (gosecReply, error) {
	request := gosecRequest{Jobs: max(1, t.Jobs), Flags: []string{"-mod=readonly"}}
	env := []string{"GOTOOLCHAIN=local"}
	if m.Workspace == "" {
		env = append(env, "GOWORK=off") // not one above the tree, nor one that the module is no part of
	}
	if t.Tree.File(path.Join(m.Dir, "vendor/modules.txt")) != nil || m.Workspace != "" && t.Tree.File(path.Join(m.Workspace, "vendor/modules.txt")) != nil {
		request.Flags = []string{"-mod=vendor"}
	}
	if t.Offline {
		env = append(env, "GOPROXY=off")
	}
	var err error
	if request.Overlay, err = disarmedBelow(ctx, t, m.Dir); err != nil {
		return gosecReply{}, err
	}
	var reply gosecReply
	err = t.RunEngine(ctx, gates.EngineCall{Name: GosecEngine, Dir: filepath.Join(t.Dir, filepath.FromSlash(m.Dir)), Env: env}, request, &reply)
	return reply, err
}

// add takes a module's reply.
func (r *ran) add(t *gates.Target, m project.Project, reply gosecReply) {
	for _, i := range reply.Issues {
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
			continue
		}
		r.found = append(r.found, f)
	}
	for _, u := range reply.Unread {
		u.path = gates.Path(m.Manifest)
		for _, dir := range []string{t.Dir, realPath(t.Dir)} {
			u.Why = strings.ReplaceAll(u.Why, dir+string(filepath.Separator), "")
		}
		r.unread = append(r.unread, u)
	}
}

// orders are the words in a comment that make an engine look away.
var orders = lazyregexp.New(`(?i)\b(nosec|nosem|noqa|eslint|gosec:disable|ast-grep-ignore)`)

// disarm takes the orders out of work on the lines of a file that are in the
// change: what a change says of itself does not count. Places stay as they are.
func disarm(change *git.Change, name string, data []byte) (disarmed []byte, changed bool) {
	if change.Everything() || !orders.Match(data) {
		return data, false
	}
	data = slices.Clone(data)
	start := 0
	for line := 1; start < len(data); line++ {
		end := start + 1
		for end < len(data) && data[end-1] != '\n' {
			end++
		}
		if change.HasLines(name, line, line) {
			for _, at := range orders.FindAllIndex(data[start:end], -1) {
				data[start+at[0]], changed = 'x', true
			}
		}
		start = end
	}
	return data, changed
}

// disarmedBelow are the Go files below a directory that disarm changes, relative
// to it.
func disarmedBelow(ctx context.Context, t *gates.Target, dir string) (map[string]string, error) {
	all := make(map[string]string)
	if t.Change.Everything() {
		return all, nil
	}
	for _, name := range t.Change.Files() {
		f := t.Tree.File(name)
		rel := strings.TrimPrefix(name, dir+"/")
		if f == nil || f.Kind == git.Symlink || f.Size > readLimit || path.Ext(name) != ".go" || dir != "." && rel == name {
			continue
		}
		data, err := t.Tree.Read(ctx, *f, readLimit)
		if err != nil {
			return nil, err
		}
		if data, changed := disarm(t.Change, name, data); changed {
			all[rel] = string(data)
		}
	}
	return all, nil
}
