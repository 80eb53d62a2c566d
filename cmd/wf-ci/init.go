package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/session"
	"github.com/wf-ci/wf-ci/workflow/hook"
	setup "github.com/wf-ci/wf-ci/workflow/project"
)

// initCmd makes a repository ready for wf-ci.
type initCmd struct {
	at
	Agent      []string `placeholder:"NAME,…" help:"Write what these read: claude, codex, gemini, opencode, none. Default: all."`
	Branch     string   `placeholder:"NAME" help:"Default branch. Default: as git knows it, else the one that you are on."`
	Hook       bool     `help:"Also look before each commit: wf-ci hook install."`
	NoWorkflow bool     `help:"Write no workflow for GitHub Actions."`
	DryRun     bool     `short:"n" help:"Say what would be written, and write nothing."`
}

// initSchema names the form of what init says as JSON.
const initSchema = "wf-ci/init/v1"

// inited is what init did.
type inited struct {
	Schema     string          `json:"schema"`
	Dir        string          `json:"dir"`
	DryRun     bool            `json:"dry_run"`
	Ecosystems []string        `json:"ecosystems"`
	Files      []setup.Written `json:"files"`
	Hook       *initHook       `json:"hook"` // null: not asked for
	Next       []string        `json:"next"`
}

// initHook is what became of the hook; Add are the lines for another program
// that keeps the hooks.
type initHook struct {
	State string `json:"state"` // created, would-create, kept, failed
	Why   string `json:"why"`
	Add   string `json:"add,omitempty"`
}

func (c *initCmd) Run(ctx context.Context, a *app) error {
	agents, err := c.agents()
	if err != nil {
		return err
	}
	p, done, err := a.repository(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer done()
	repo := p.repo
	branch, err := defaultBranch(ctx, repo, c.Branch)
	if err != nil {
		return err
	}
	out := inited{Schema: initSchema, Dir: repo.Dir, DryRun: c.DryRun}
	kinds, parts, err := survey(ctx, repo)
	if err != nil {
		return undecided{err}
	}
	out.Ecosystems = kinds
	files, err := setup.Plan(setup.Input{
		Name: session.Clean(a.redactor.Redact(session.ProjectName(repo.Dir))), Branch: branch, Kinds: out.Ecosystems, Parts: parts, Agents: agents,
		Schema: config.SchemaID, Gates: gatesWorkflow(repo.Dir), NoWorkflows: c.NoWorkflow,
	})
	if err == nil {
		out.Files, err = c.write(a, repo, files)
	}
	if err != nil {
		return undecided{err}
	}
	if c.Hook {
		out.Hook = c.hook(ctx, a)
	}
	out.Next = out.next()
	if err := c.show(a, out); err != nil {
		return err
	}
	return out.status()
}

// write writes the files that are not there; wf-ci undo takes them away again.
func (c *initCmd) write(a *app, repo *git.Repo, files []setup.File) ([]setup.Written, error) {
	list, err := setup.Write(repo.Dir, files, true)
	if err != nil || c.DryRun {
		return list, err
	}
	before := a.files(repo, "init", "wf-ci init")
	for i, f := range list {
		if f.State != setup.Would {
			continue
		}
		if err := before.Before(filepath.Join(repo.Dir, filepath.FromSlash(f.Path)), []byte(files[i].Text)); err != nil {
			return nil, err
		}
	}
	return setup.Write(repo.Dir, files, false)
}

// agents are the coding agents that are asked for.
func (c *initCmd) agents() ([]string, error) {
	if len(c.Agent) == 0 {
		return setup.Agents(), nil
	}
	var list []string
	for _, name := range c.Agent {
		switch {
		case slices.Contains(setup.Agents(), name):
			list = append(list, name)
		case name != "none" || len(c.Agent) > 1:
			return nil, usagef("--agent %s: there are %s, and none", name, strings.Join(setup.Agents(), ", "))
		}
	}
	return list, nil
}

// defaultBranch is the branch that is named, or that git knows as the default,
// or that is checked out.
func defaultBranch(ctx context.Context, repo *git.Repo, name string) (string, error) {
	if name == "" && repo != nil {
		_, known, err := repo.DefaultBranch(ctx)
		if err != nil || known == "" {
			known, _ = repo.Branch(ctx)
		}
		name = known
	}
	name = cmp.Or(name, "main")
	if !git.ValidRef("refs/heads/"+name) || strings.ContainsAny(name, "[]?*!+ ") {
		return "", usagef("%q is no name of a branch that a workflow can name", name)
	}
	return name, nil
}

// gatesWorkflow is the workflow that runs the gates on pull requests; empty:
// there is none that can be read.
func gatesWorkflow(dir string) string {
	list, _ := readWorkflows(dir)
	for _, w := range list {
		if len(w.Jobs) > 0 && w.Pull {
			return w.Path
		}
	}
	return ""
}

// hook puts the hook in, where nobody else keeps the hooks.
func (c *initCmd) hook(ctx context.Context, a *app) *initHook {
	out := &initHook{State: string(setup.Would)}
	err := a.onHooks(ctx, c.at, func(w hook.Worker) error {
		p := w.Place
		switch {
		case p.Outside != "":
			out.State, out.Why, out.Add = string(setup.Kept), p.Outside+", outside this repository", hook.Lines("husky")
			return nil
		case p.Manager != "":
			out.State, out.Why, out.Add = string(setup.Kept), string(p.Manager)+" keeps the hooks", hook.Lines(p.Manager)
			return nil
		case c.DryRun:
			return nil
		}
		did, err := w.Install(hook.Names()[0])
		if out.State = string(setup.Created); !did {
			out.State, out.Why = string(setup.Kept), "it is there already"
		}
		return err
	})
	if err != nil {
		out.State, out.Why = string(setup.Failed), err.Error()
	}
	return out
}

// next are the commands that come next.
func (o inited) next() []string {
	if o.DryRun {
		return []string{"wf-ci init"}
	}
	return []string{"wf-ci doctor", "wf-ci local", "wf-ci local start"}
}

// status is an error where something could not be written.
func (o inited) status() error {
	var failed []string
	for _, f := range o.Files {
		if f.State == setup.Failed {
			failed = append(failed, f.Path)
		}
	}
	if o.Hook != nil && o.Hook.State == string(setup.Failed) {
		failed = append(failed, "the hook")
	}
	if len(failed) > 0 {
		return undecided{errors.New("not written: " + strings.Join(failed, ", "))}
	}
	return nil
}

func (c *initCmd) show(a *app, o inited) error {
	if c.JSON {
		return writeJSON(a.rawOut, o)
	}
	var b strings.Builder
	for _, f := range o.Files {
		line(&b, string(f.State), f.Path, f.Why)
	}
	if o.Hook != nil {
		line(&b, o.Hook.State, "hook pre-commit", o.Hook.Why)
	}
	for _, f := range o.Files {
		if f.Add != "" {
			fmt.Fprintf(&b, "\n%s is kept as it is; what belongs into it:\n\n%s", f.Path, indent(f.Add))
		}
	}
	if o.Hook != nil && o.Hook.Add != "" {
		fmt.Fprintf(&b, "\n%s; what to add there:\n\n%s", report.Visible(o.Hook.Why), indent(o.Hook.Add))
	}
	fmt.Fprintf(&b, "next: %s\n", strings.Join(o.Next, ", "))
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}

func line(b *strings.Builder, state, what, why string) {
	if why != "" {
		what += " (" + report.Visible(why) + ")"
	}
	fmt.Fprintf(b, "%-12s  %s\n", state, what)
}

func indent(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		if l != "\n" {
			l = "    " + l
		}
		b.WriteString(l)
	}
	return b.String()
}
