package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/feature"
	setup "github.com/wf-ci/wf-ci/workflow/project"
)

// featureFolder is where a feature's documents are: brief, plan, checklist.
const featureFolder = "docs/features"

// featureFile is a document of a feature.
func featureFile(name, file string) (string, error) {
	slug := feature.Slug(name)
	if slug == "" {
		return "", usagef("%q has no letter or digit to make a folder of", name)
	}
	return filepath.Join(filepath.FromSlash(featureFolder), slug, file), nil
}

// writeNew writes a file that is not there yet, below a directory and never
// through a link that leads out of it.
func writeNew(dir, name, text string) error {
	err := setup.Create(dir, filepath.ToSlash(name), text)
	switch {
	case errors.Is(err, fs.ErrExist):
		return usagef("%s is there already, and was left as it is", name)
	case err != nil:
		return usagef("%s: %v; nothing was written", name, err)
	}
	return nil
}

type featureBriefCmd struct {
	Name      string   `arg:"" help:"Name of the feature."`
	Dir       string   `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Issue     string   `placeholder:"LINK" help:"Its issue."`
	Priority  string   `enum:"P0,P1,P2," default:"" placeholder:"P" help:"P0, P1 or P2."`
	Effort    string   `placeholder:"TEXT" help:"Estimated effort."`
	Problem   string   `placeholder:"TEXT" help:"What problem it solves."`
	Criterion []string `sep:"none" placeholder:"TEXT" help:"How one sees that it is solved. Repeatable."`
	In        []string `sep:"none" placeholder:"TEXT" help:"In scope. Repeatable."`
	Out       []string `sep:"none" placeholder:"TEXT" help:"Out of scope. Repeatable."`
	Approach  string   `placeholder:"TEXT" help:"How it is to be built."`
	External  []string `sep:"none" placeholder:"TEXT" help:"What it depends on outside. Repeatable."`
	Internal  []string `sep:"none" placeholder:"TEXT" help:"What it depends on inside. Repeatable."`
	Risk      []string `sep:"none" placeholder:"TEXT" help:"Risk, and what is done about it. Repeatable."`
}

func (c *featureBriefCmd) Run(a *app) error {
	h, err := a.agents(agentsOptions{Dir: c.Dir})
	if err != nil {
		return err
	}
	path, err := featureFile(c.Name, "BRIEF.md")
	if err != nil {
		return err
	}
	text := feature.Brief{
		Name: c.Name, Issue: c.Issue, Priority: c.Priority, Effort: c.Effort, Problem: c.Problem, Approach: c.Approach,
		Criteria: c.Criterion, In: c.In, Out: c.Out, External: c.External, Internal: c.Internal, Risks: c.Risk,
	}.Render(h.callNow)
	if err := writeNew(h.dir, path, text); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s\n", report.Visible(path))
	if n := strings.Count(text, feature.Open); n > 0 {
		fmt.Fprintf(a.stdout, "%d places say %q; the feature counts as planned when none does\n", n, feature.Open)
	}
	return nil
}

type featureAgentsCmd struct {
	agentsOptions
}

func (c *featureAgentsCmd) Run(a *app) error {
	h, err := a.agents(c.agentsOptions)
	if err != nil {
		return err
	}
	type row struct {
		Phase  string   `json:"phase"`
		Says   string   `json:"description"`
		Agents []string `json:"agents"`
		Call   []string `json:"call"`
	}
	var rows []row
	for _, name := range feature.Phases() {
		r := row{Phase: name, Says: feature.PhaseSays(name), Agents: feature.PhaseAgents(name)}
		for _, id := range r.Agents {
			r.Call = append(r.Call, h.callNow(id))
		}
		rows = append(rows, r)
	}
	if c.JSON {
		return writeJSON(a.rawOut, rows)
	}
	for _, r := range rows {
		fmt.Fprintln(a.stdout, report.Visible(fmt.Sprintf("%-11s %s", r.Phase, strings.Join(r.Call, ", "))))
	}
	return nil
}

type featureEstimateCmd struct {
	planFlags
	ledgerFlags
	File      string `arg:"" help:"File of tasks, as for plan. infrastructure: {compute_hours, storage_gb} counts too."`
	Threshold string `placeholder:"USD" help:"Flag what is above. Default: the soft limit of a day's budget."`
	Check     bool   `help:"End with status 1 when it is flagged."`
}

func (c *featureEstimateCmd) Run(ctx context.Context, a *app) error {
	f, err := a.readTasks(inside(a.dir, c.File), c.File, c.Tag)
	if err != nil {
		return err
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	e, err := c.estimate(b, f)
	if err != nil {
		return err
	}
	if c.JSON {
		err = writeJSON(a.rawOut, e)
	} else {
		printEstimate(a, e)
	}
	if err == nil && c.Check && e.Review {
		return refused{}
	}
	return err
}

func (c *featureEstimateCmd) estimate(b *books, f *feature.File) (*feature.Estimate, error) {
	threshold := b.budget.Budgets.Daily.Soft
	var err error
	if c.Threshold != "" {
		if threshold, err = amount("--threshold", c.Threshold); err != nil {
			return nil, err
		}
	}
	return estimateOf(b, f, threshold)
}

// estimateOf is an estimate at the rates of the ledger.
func estimateOf(b *books, f *feature.File, threshold costs.Nano) (*feature.Estimate, error) {
	all, err := b.ledger.Entries()
	if err != nil {
		return nil, undecided{err}
	}
	e, err := feature.NewEstimate(f, feature.RatesOf(all, b.at), threshold)
	if err != nil {
		return nil, usageError{err.Error()}
	}
	return e, nil
}

func printEstimate(a *app, e *feature.Estimate) {
	for _, l := range e.Lines {
		calls := ""
		if l.Calls > 0 {
			calls = fmt.Sprintf(", %d calls", l.Calls)
		}
		unit := "h"
		if l.What == "storage" {
			unit = "GB"
		}
		fmt.Fprintf(a.stdout, "%-12s %s %s%s: $%s\n", l.What, l.Hours, unit, calls, l.USD)
	}
	fmt.Fprintf(a.stdout, "rates: development %s, testing %s\n", rateText(e.Rates.Development), rateText(e.Rates.Testing))
	fmt.Fprintf(a.stdout, "total: $%s\n", e.Total)
	if e.Review {
		fmt.Fprintf(a.stdout, "review: above the threshold of $%s: somebody should look before it begins\n", e.Threshold)
	}
	if n := len(e.Missing); n > 0 {
		fmt.Fprintln(a.stdout, report.Visible(fmt.Sprintf("without hours, which count as none: %s", firstOf(e.Missing, 10))))
	}
}

func rateText(r feature.Rate) string {
	from := "reference"
	if r.Calls > 0 {
		from = fmt.Sprintf("mean of %d calls in the ledger", r.Calls)
	}
	return fmt.Sprintf("$%s a call (%s)", r.USD, from)
}

// callNow is what to call an agent by: one that is gone is replaced by the one
// that does its work now.
func (h *agentHouse) callNow(id string) string {
	if agent, ok := h.catalog.Agent(id); ok && agent.Gone != "" && agent.Instead != "" {
		id = agent.Instead
	}
	return h.call(id)
}
