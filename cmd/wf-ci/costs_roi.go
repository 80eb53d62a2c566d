package main

import (
	"context"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/reports"
)

// costsROICmd sets what features cost against what they bring.
type costsROICmd struct {
	ledgerFlags
	Feature  string `arg:"" optional:"" help:"One feature. Default: all, and what became of the branches."`
	Users    int64  `default:"-1" placeholder:"N" help:"How many use the feature, instead of what costs/features.json says."`
	Revenue  string `placeholder:"USD" help:"What it earns or saves, in US dollars."`
	Markdown bool   `help:"Write Markdown to stdout."`
}

// returned is what costs roi prints as JSON.
type returned struct {
	Features   []reports.ROI      `json:"features"`
	Branches   []reports.Fate     `json:"branches"`
	Confidence reports.Confidence `json:"confidence"`
}

func (c *costsROICmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	in, err := b.input(ctx, a, "")
	if err != nil {
		return err
	}
	wanted, err := c.supposed(&in)
	if err != nil {
		return err
	}
	out := returned{Branches: []reports.Fate{}, Confidence: reports.NewConfidence(in)}
	if out.Features, err = reports.NewROI(in, wanted...); err != nil {
		return usageError{err.Error()}
	}
	if c.Feature == "" {
		if out.Branches, err = b.fates(ctx, in.Entries); err != nil {
			return undecided{err}
		}
	}
	page := reports.ROIPage(out.Features, out.Branches, out.Confidence)
	switch {
	case c.JSON:
		return writeJSON(a.rawOut, out)
	case c.Markdown:
		return reports.Markdown(a.stdout, page)
	}
	return reports.Text(a.stdout, page)
}

// supposed puts the flags in the place of what the file says.
func (c *costsROICmd) supposed(in *reports.Input) (wanted []string, err error) {
	some := c.Users >= 0 || c.Revenue != ""
	if c.Feature == "" {
		if some {
			return nil, usagef("--users and --revenue are those of one feature: name it")
		}
		return nil, nil
	}
	if c.Users < -1 {
		return nil, usagef("--users %d: negative", c.Users)
	}
	if some {
		benefit := in.Features.Features[c.Feature]
		if c.Users >= 0 {
			benefit.Users = c.Users
		}
		if c.Revenue != "" {
			if benefit.Revenue, err = amount("--revenue", c.Revenue); err != nil {
				return nil, err
			}
		}
		in.Features = in.Features.With(c.Feature, benefit)
	}
	return []string{c.Feature}, nil
}

// fates says what became of the branches that entries were made on.
func (b *books) fates(ctx context.Context, all []costs.Entry) ([]reports.Fate, error) {
	if b.repo == nil || len(all) == 0 {
		return []reports.Fate{}, nil
	}
	main, short, err := b.repo.DefaultBranch(ctx)
	if err != nil {
		return nil, err
	}
	tips, err := b.tips(ctx)
	if err != nil {
		return nil, err
	}
	last := make(map[string]string) // of a branch: the last commit that an entry names
	for _, e := range all {
		if e.Commit != "" {
			last[e.Branch] = e.Commit
		}
	}
	return reports.Fates(all, func(branch string) string {
		tip, here := tips[branch]
		switch {
		case branch == "":
			return "not known"
		case main == "" || branch == short:
			return "the default branch"
		case !here:
			tip = last[branch]
		}
		// A commit that is not here any more is no ancestor.
		if tip != "" {
			if in, err := b.repo.IsAncestor(ctx, tip, main); err == nil && in {
				return "merged"
			}
		}
		if here {
			return "open"
		}
		return "gone without a merge"
	}), nil
}

// tips are the local branches' commits.
func (b *books) tips(ctx context.Context) (map[string]string, error) {
	refs, err := b.repo.Branches(ctx)
	if err != nil {
		return nil, err
	}
	tips := make(map[string]string, len(refs))
	for _, r := range refs {
		if name, ok := strings.CutPrefix(r.Name, "refs/heads/"); ok {
			tips[name] = r.ID
		}
	}
	return tips, nil
}
