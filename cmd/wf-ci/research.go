package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/wf-ci/wf-ci/workflow/research"
)

// researchCmd is about finding out before building.
type researchCmd struct {
	New          researchNewCmd      `cmd:"" help:"Begin a research: RESEARCH.md with what other repositories, the cookbook and earlier research say."`
	Matrix       researchMatrixCmd   `cmd:"" help:"Weigh options by criteria: totals, and the winner."`
	ProjectCosts researchProjectCmd  `cmd:"" help:"Reckon what options cost a month, and at 10, 100 and 1000 times the use."`
	Findings     researchFindingsCmd `cmd:"" help:"Write FINDINGS.md: a sentence, GO or NO-GO, confidence, dependencies, open questions."`
	ADR          researchADRCmd      `cmd:"" name:"adr" help:"Write the next decision record to docs/decisions."`
	Approve      researchApproveCmd  `cmd:"" help:"Approve a decision: the record that the gate checkpoints asks for."`
	Log          researchLogCmd      `cmd:"" help:"Record what a research has cost."`
	Status       researchStatusCmd   `cmd:"" help:"Show a research's time box and cost: status 1 when the time is over and nothing is found out."`
	Decide       researchDecideCmd   `cmd:"" help:"Decide GO or NO-GO by the three gates; status 1 is NO-GO."`
}

type researchDecideCmd struct {
	File string `arg:"" help:"Decision: viability, scores, and the review of what was built (YAML)."`
	Dir  string `short:"C" default:"." placeholder:"DIR" help:"Directory with the ledger, whose monthly budget counts where the file names none."`
	JSON bool   `name:"json" help:"Write JSON to stdout."`
}

func (c *researchDecideCmd) Run(ctx context.Context, a *app) error {
	in, err := a.readDecision(ctx, c.Dir, c.File)
	if err != nil {
		return err
	}
	r := research.Decide(in)
	if c.JSON {
		err = writeJSON(a.rawOut, r)
	} else {
		_, err = io.WriteString(a.stdout, a.redactor.Redact(visibleLines(decisionText(r))))
	}
	if err == nil && r.Decision == research.NoGo {
		return refused{}
	}
	return err
}

// readDecision reads a decision file. The budget that it does not name is the
// monthly one of the ledger.
func (a *app) readDecision(ctx context.Context, dir, file string) (*research.Input, error) {
	data, err := readFile(inside(a.dir, file), file, research.MaxFile)
	if err != nil {
		return nil, err
	}
	b, done, err := a.findBooks(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer done()
	budget, err := research.ParseDecimal(b.budget.Budgets.Monthly.Soft.String())
	if err != nil {
		return nil, usagef("the monthly budget: %v", err)
	}
	in, err := research.ReadInput(file, data, budget, "the monthly budget of the ledger")
	if err != nil {
		return nil, usageError{visibleLines(err.Error())}
	}
	return in, nil
}

func decisionText(r research.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, score %s of 10, confidence %d of 10\n", r.Decision, r.Score, r.Confidence)
	for _, c := range r.Checks {
		mark := "✓"
		if !c.OK {
			mark = "✗"
		}
		fmt.Fprintf(&b, "  %s %s: %s\n", mark, c.Gate, c.Says)
	}
	for _, f := range r.Factors {
		fmt.Fprintf(&b, "    %-16s %s × %s\n", f.Name, f.Score, f.Weight)
	}
	if r.Review != "" {
		fmt.Fprintf(&b, "after the review: %s\n", r.Review)
	}
	return b.String()
}
