package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/agents"
	"github.com/wf-ci/wf-ci/workflow/agents/metrics"
)

// agentsCmd is about the agents that a task can be handed to.
type agentsCmd struct {
	Route     agentsRouteCmd     `cmd:"" help:"Find the agent for a task, or say that none stands out."`
	Recommend agentsRecommendCmd `cmd:"" help:"Recommend agents by what was recorded, and by the rules."`
	Record    agentsRecordCmd    `cmd:"" help:"Record how an agent did on a task."`
	Stats     agentsStatsCmd     `cmd:"" help:"Show how the agents did."`
	List      agentsListCmd      `cmd:"" help:"List the agents."`
	Show      agentsShowCmd      `cmd:"" help:"Show one agent."`
	Chain     agentsChainCmd     `cmd:"" help:"Print a chain of agents as a Mermaid diagram."`
	Tree      agentsTreeCmd      `cmd:"" help:"Print a decision tree as a Mermaid diagram."`
	Doctor    agentsDoctorCmd    `cmd:"" help:"Find renamed and missing agents in CLAUDE.md and skills: status 1 when there are any."`
}

// agentsOptions are those of all the commands about agents.
type agentsOptions struct {
	Dir     string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Catalog string `placeholder:"FILE" help:"A catalog of your own, besides .claude/wf-ci-agents.yml here and at home."`
	JSON    bool   `name:"json" help:"Write JSON to stdout."`
}

// ownCatalog is where a project's and a user's own catalog is.
var ownCatalog = filepath.Join(".claude", "wf-ci-agents.yml")

// agentHouse is what the commands about agents work with.
type agentHouse struct {
	dir, home string // home is empty where there is none
	catalog   *agents.Catalog
	installed agents.Installed
	router    *agents.Router
}

func (a *app) agents(o agentsOptions) (*agentHouse, error) {
	dir := inside(a.dir, o.Dir)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, usagef("%s is not a directory", dir)
	}
	h := &agentHouse{dir: projectDir(dir)}
	if home := a.getenv("HOME"); filepath.IsAbs(home) {
		h.home = home
	}
	var err error
	if h.catalog, err = agents.Builtin(); err != nil {
		return nil, undecided{err}
	}
	if err := h.extend(a, o); err != nil {
		return nil, usageError{err.Error()}
	}
	var notes []string
	h.installed, notes = agents.ReadInstalled(h.dir, h.home)
	for _, n := range notes {
		fmt.Fprintf(a.stderr, "wf-ci: warning: what is installed is not all known: %s\n", report.Visible(n))
	}
	h.router = agents.NewRouter(h.catalog, h.installed)
	return h, nil
}

// projectDir is the directory of the repository around dir, or dir.
func projectDir(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// extend adds the catalogs of the user, of the project and of the command line.
func (h *agentHouse) extend(a *app, o agentsOptions) error {
	if h.home != "" && h.home != h.dir {
		if err := h.add(h.home, ownCatalog, filepath.Join("~", ownCatalog), true); err != nil {
			return err
		}
	}
	if err := h.add(h.dir, ownCatalog, ownCatalog, true); err != nil {
		return err
	}
	if o.Catalog == "" {
		return nil
	}
	file := inside(a.dir, o.Catalog)
	return h.add(filepath.Dir(file), filepath.Base(file), o.Catalog, false)
}

// add adds one file. It is opened below its directory: a checkout's link does
// not lead out of it.
func (h *agentHouse) add(dir, name, shown string, optional bool) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) && optional {
		return nil // a home that is not there
	}
	if err != nil {
		return fmt.Errorf("catalog %s: %w", shown, err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && optional:
		return nil
	case err != nil:
		return fmt.Errorf("catalog %s: %w", shown, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("catalog %s: not a regular file", shown)
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := agents.ReadLimited(shown, f)
	if err != nil {
		return err
	}
	h.catalog, err = h.catalog.With(shown, text)
	return err
}

// agentTask is the text of a task on the command line.
type agentTask struct {
	Task []string `arg:"" help:"The task, in words."`
	Path []string `placeholder:"FILE" help:"A file that it is about. Repeatable."`
}

func (t agentTask) request(records map[string]agents.Record) (agents.Request, error) {
	q := agents.Request{Task: strings.Join(t.Task, " "), Paths: t.Path, Records: records}
	if err := agents.CheckTask(q.Task); err != nil {
		return q, usageError{err.Error()}
	}
	return q, nil
}

// agentMetrics says where outcomes are kept.
type agentMetrics struct {
	Metrics string `placeholder:"FILE" help:"Where outcomes are kept. Default: ~/.claude/agent-metrics.db."`
}

func (m agentMetrics) path(a *app) (string, error) {
	if m.Metrics != "" {
		return inside(a.dir, m.Metrics), nil
	}
	home := a.getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", usagef("there is nowhere to keep outcomes: set HOME, or name a file with --metrics")
	}
	return filepath.Join(home, ".claude", "agent-metrics.db"), nil
}

// outcomes are all that were recorded.
func (m agentMetrics) outcomes(ctx context.Context, a *app) ([]agents.Outcome, error) {
	path, err := m.path(a)
	if err != nil {
		return nil, err
	}
	db, err := metrics.Read(ctx, path)
	if err != nil {
		return nil, undecided{fmt.Errorf("recorded outcomes: %w", err)}
	}
	if db == nil {
		return nil, nil
	}
	defer db.Close()
	list, err := db.Outcomes(ctx)
	if err != nil {
		return nil, undecided{fmt.Errorf("recorded outcomes: %w", err)}
	}
	return list, nil
}

// agentsRouteCmd finds the agent for a task.
type agentsRouteCmd struct {
	agentTask
	agentMetrics
	K       int  `short:"k" default:"3" placeholder:"N" help:"How many candidates to show."`
	Explain bool `help:"Say what each candidate's score is made of."`
	agentsOptions
}

// routedTask is what agents route prints as JSON.
type routedTask struct {
	Agent      *string          `json:"agent"`
	Name       string           `json:"name,omitempty"` // what to call it by
	Installed  bool             `json:"installed"`
	Score      float64          `json:"score"`
	Types      []string         `json:"types"`
	Why        []string         `json:"why"`
	Candidates []map[string]any `json:"candidates"`
}

func (c *agentsRouteCmd) Run(ctx context.Context, a *app) error {
	if c.K < 1 {
		return usagef("-k %d: want 1 or more", c.K)
	}
	if _, err := c.request(nil); err != nil {
		return err
	}
	h, err := a.agents(c.agentsOptions)
	if err != nil {
		return err
	}
	outcomes, err := c.outcomes(ctx, a)
	if err != nil { // the words of the task are enough for an answer
		fmt.Fprintf(a.stderr, "wf-ci: warning: %s; every agent counts as never recorded\n", report.Visible(err.Error()))
	}
	q, err := c.request(agents.Records(outcomes))
	if err != nil {
		return err
	}
	choice := h.router.Route(q)
	choice.Candidates = choice.Candidates[:min(c.K, len(choice.Candidates))]
	if c.JSON {
		return writeJSON(a.rawOut, h.routed(choice, c.Explain))
	}
	return h.printChoice(a, choice, c.Explain)
}

func (h *agentHouse) routed(choice agents.Choice, explain bool) routedTask {
	out := routedTask{Score: choice.Score, Why: choice.Why, Types: choice.Types, Candidates: []map[string]any{}}
	if out.Types == nil {
		out.Types = []string{}
	}
	if choice.Agent != "" {
		out.Agent, out.Installed = &choice.Agent, choice.Candidates[0].Installed
		out.Name = h.call(choice.Agent)
	}
	for _, s := range choice.Candidates {
		one := map[string]any{"agent": s.Agent, "score": s.Points}
		if explain {
			one["keywords"], one["type"], one["context"], one["installed"] = s.Keywords, s.Type, s.Context, s.Installed
		}
		out.Candidates = append(out.Candidates, one)
	}
	return out
}

// call is what an agent is called by: as it is installed here, or upstream.
func (h *agentHouse) call(id string) string {
	a, _ := h.catalog.Agent(id)
	if a.ID == "" {
		a.ID = id
	}
	return h.installed.Call(a)
}

func (h *agentHouse) printChoice(a *app, choice agents.Choice, explain bool) error {
	var b strings.Builder
	if choice.Agent == "" {
		b.WriteString("no confident match\n")
	} else {
		fmt.Fprintf(&b, "%s, %g of 100\n", choice.Agent, choice.Score)
		if name := h.call(choice.Agent); name != choice.Agent {
			fmt.Fprintf(&b, "  call it %s\n", name)
		}
	}
	for _, w := range choice.Why {
		fmt.Fprintf(&b, "  %s\n", strings.TrimPrefix(w, "no confident match: "))
	}
	if explain || choice.Agent == "" {
		if len(choice.Types) > 0 {
			fmt.Fprintf(&b, "task type: %s\n", strings.Join(choice.Types, ", "))
		}
		for i, s := range choice.Candidates {
			fmt.Fprintf(&b, "%d. %-48s %5g  %s\n", i+1, s.Agent, s.Points, made(s))
		}
	}
	_, err := fmt.Fprint(a.stdout, a.redactor.Redact(visibleLines(b.String())))
	return err
}

// made says in a line what a score is made of.
func made(s agents.Score) string {
	var parts []string
	if len(s.Keywords) > 0 {
		parts = append(parts, strings.Join(s.Keywords, ", "))
	}
	if s.Type != "" {
		parts = append(parts, "type "+s.Type)
	}
	if s.Context != "" {
		parts = append(parts, "domain "+s.Context)
	}
	if s.Installed {
		parts = append(parts, "installed")
	}
	return strings.Join(parts, "; ")
}

// visibleLines makes a text harmless for a terminal, line by line.
func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = report.Visible(l)
	}
	return strings.Join(lines, "\n")
}
