package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
)

// baselineCmd compares the findings of a tree with those of its base.
type baselineCmd struct {
	Dir     string   `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Base    string   `placeholder:"REV" help:"Compare with this revision. Default: the merge base with the default branch."`
	Config  string   `placeholder:"PATH" help:"Configuration file in the repository."`
	Only    []string `placeholder:"G,G" help:"Run these gates only."`
	Jobs    int      `short:"j" placeholder:"N" help:"How many gates run at once. Default: one a core."`
	NoCache bool     `help:"Run every gate, also those whose outcome is known."`
	JSON    bool     `name:"json" help:"Write JSON to stdout."`
}

// ratchetSchema names the JSON form of a comparison.
const ratchetSchema = "wf-ci/ratchet/v1"

// comparison is what baseline prints.
type comparison struct {
	Schema   string           `json:"schema"`
	Decision gates.Decision   `json:"verdict"`
	Tree     string           `json:"tree"`
	Head     string           `json:"head"`
	Base     string           `json:"base"`
	Policy   gates.PolicyInfo `json:"policy"`
	gates.Ratchet
}

func (c *baselineCmd) Run(ctx context.Context, a *app) error {
	if c.Jobs < 0 {
		return usagef("--jobs %d: want 1 or more", c.Jobs)
	}
	o := options{dir: c.Dir, base: c.Base, config: c.Config, only: c.Only, jobs: c.Jobs, noCache: c.NoCache, treeOnly: true}
	j, err := a.prepare(ctx, o)
	if err != nil {
		return err
	}
	defer j.close()
	found, err := a.ratchet(ctx, j, o)
	if err != nil {
		return err
	}
	if c.JSON {
		err = writeJSON(a.rawOut, found)
	} else {
		err = a.showComparison(found)
	}
	if err == nil && found.Decision != gates.Pass {
		err = verdictError{found.Decision}
	}
	return err
}

// notOnDisk is why a gate cannot judge the base.
const notOnDisk = "it looks at the files on disk, and the base is not checked out"

// ratchet runs the gates on the tree and on its base, with one policy, and
// compares.
func (a *app) ratchet(ctx context.Context, j *job, o options) (*comparison, error) {
	if j.target.Change.Everything() {
		return nil, undecided{errors.New("there is no base to compare with: name one with --base REV")}
	}
	j.target.TreeOnly = true // on both sides, so that they can be compared
	base, err := atBase(ctx, j)
	if err != nil {
		return nil, undecided{fmt.Errorf("read the base: %w", err)}
	}
	j.list = asked(j)
	for _, g := range j.list {
		if _, out := j.leftOut[g.ID]; !out && !g.TreeOnly {
			j.leftOut[g.ID] = gates.LeftOut{Reason: notOnDisk}
		}
	}
	head, err := a.judgeTarget(ctx, j, o, j.target)
	if err != nil {
		return nil, err
	}
	j.list = a.gateList(j.policy.config, o) // a gate may keep what belongs to its target
	j.list = asked(j)
	before, err := a.judgeTarget(ctx, j, o, base)
	if err != nil {
		return nil, err
	}
	found := &comparison{
		Schema: ratchetSchema, Tree: j.verdict.Tree, Head: j.verdict.Head, Base: j.verdict.Base, Policy: j.verdict.Policy,
		Ratchet: gates.Compare(before, head, gates.Moves{
			From: func(p gates.Path) gates.Path { return gates.Path(j.target.Change.RenamedFrom(string(p))) },
			Base: gates.LineText(ctx, base), Head: gates.LineText(ctx, j.target),
		}),
	}
	found.Decision = found.Ratchet.Decision()
	return found, ctx.Err()
}

// asked are the gates that no flag leaves out.
func asked(j *job) []gates.Gate {
	return slices.DeleteFunc(slices.Clone(j.list), func(g gates.Gate) bool { return j.leftOut[g.ID].Flag })
}

// atBase is the target of the base: its tree, and nothing new in it.
func atBase(ctx context.Context, j *job) (*gates.Target, error) {
	t := *j.target
	commit := t.Change.Base
	var err error
	if t.Tree, err = t.Repo.TreeAt(ctx, commit); err != nil {
		return nil, err
	}
	t.Change, err = t.Repo.Diff(ctx, commit, commit, t.Tree)
	return &t, err
}

func (a *app) judgeTarget(ctx context.Context, j *job, o options, t *gates.Target) (*gates.Verdict, error) {
	results, err := gates.Run(ctx, t, j.list, a.runOptions(j, o))
	if err != nil {
		return nil, err
	}
	v := gates.Judge(judgePolicy(j.policy.config, false, false, a.now()), t.Change, results)
	return &v, nil
}

// showComparison prints what is new, gone and kept, and a line for each gate.
func (a *app) showComparison(c *comparison) error {
	for _, part := range []struct {
		mark string
		list []gates.Compared
	}{{"+", c.New}, {"-", c.Gone}, {"=", c.Kept}} {
		list := slices.Clone(part.list)
		slices.SortStableFunc(list, func(a, b gates.Compared) int { return report.Rank(a.Judged, b.Judged) })
		for _, f := range list {
			fmt.Fprintf(a.stdout, "%s %s %s %s\n", part.mark, f.Gate, f.Fingerprint, report.Visible(describe(f)))
		}
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "GATE\tBASE\tHEAD\tNEW\tGONE\tKEPT")
	for _, g := range c.Gates {
		switch {
		case g.Undecided != "":
			fmt.Fprintf(w, "%s\t\t\t\t\t\tnot compared: %s\n", g.ID, report.Visible(g.Undecided))
		case g.Skipped != "":
			fmt.Fprintf(w, "%s\t\t\t\t\t\tskipped: %s\n", g.ID, report.Visible(g.Skipped))
		default:
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\n", g.ID, g.Base, g.Head, g.New, g.Gone, g.Kept)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "verdict: %s, %d new, %d gone, %d kept since %.12s\n", c.Decision, len(c.New), len(c.Gone), len(c.Kept), c.Base)
	return err
}

// describe is a finding on one line.
func describe(c gates.Compared) string {
	place := c.Path.String()
	if c.Line > 0 {
		place += fmt.Sprintf(":%d", c.Line)
	}
	if c.Commit != "" {
		place += fmt.Sprintf(" [commit %.12s]", c.Commit)
	}
	if c.Was != nil {
		place += fmt.Sprintf(" (was %s)", c.Was.Path)
	}
	text := fmt.Sprintf("%s: %s %s %s", place, c.Severity, c.Rule, c.Message)
	if c.Waiver != nil {
		text += " [waived]"
	}
	return text
}
