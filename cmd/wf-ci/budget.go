package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/report"
)

// budgetCheck is the gate budget's look at the ledger: the entries of the tree
// that is judged, against the limits that are policy.
func budgetCheck(zone string, now time.Time) func(context.Context, *gates.Target) (gates.Outcome, error) {
	return func(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
		out := gates.Outcome{Engine: gates.Engine{Name: "wf-ci ledger", Version: "costs/1"}}
		budget, z, err := budgetPolicy(ctx, t, zone)
		if err != nil {
			return out, err
		}
		all, in, err := treeEntries(ctx, t, &out.Examined)
		if err != nil {
			return out, err
		}
		entries, err := costs.Once(slices.Clone(all))
		if err != nil {
			return out, err
		}
		out.Metrics = map[string]float64{"entries": float64(len(entries))}
		for _, s := range budget.Standing(entries, z, now) {
			out.Metrics[s.Name+"_usd"] = float64(s.Spent) / 1e9
			if f, ok := overspent(s, budget, z, now); ok {
				out.Findings = append(out.Findings, f)
			}
		}
		changed, err := ledgerChange(ctx, t, all, in)
		out.Findings = append(out.Findings, changed...)
		return out, err
	}
}

func budgetPolicy(ctx context.Context, t *gates.Target, zone string) (costs.Budget, costs.Zone, error) {
	budget := costs.DefaultBudget()
	data, err := t.ReadPolicy(ctx, "costs/budget-config.json")
	if err == nil && data != nil {
		budget, err = costs.ParseBudget("costs/budget-config.json", data)
	}
	if err != nil {
		return budget, costs.Zone{}, err
	}
	if zone == "" {
		zone = budget.Timezone
	}
	z, err := costs.ParseZone(zone)
	return budget, z, err
}

// treeEntries are the entries of the tree, those that were corrected too, and
// which file each is in.
func treeEntries(ctx context.Context, t *gates.Target, examined *gates.Examined) (all []costs.Entry, in map[string]string, err error) {
	var files []git.File
	for _, f := range t.Tree.Files {
		if costs.IsEntries(f.Path) && f.Kind != git.Symlink {
			files = append(files, f)
		}
		if strings.HasPrefix(f.Path, "costs/") {
			examined.Files++
		}
	}
	var mu sync.Mutex
	in = make(map[string]string)
	err = t.Tree.Each(ctx, files, t.Jobs, func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		list, err := costs.Decode(f.Path, data)
		mu.Lock()
		defer mu.Unlock()
		examined.Bytes += int64(len(data))
		all = append(all, list...)
		for _, e := range list {
			in[e.ID] = f.Path
		}
		return err
	})
	return all, in, err
}

// overspent is the finding of a period whose limit is exceeded. It blocks where
// the budget says that limits block.
func overspent(s costs.Spent, b costs.Budget, z costs.Zone, now time.Time) (gates.Finding, bool) {
	var names gates.Fingerprints
	f := gates.Finding{Severity: gates.SeverityWarning, Fingerprint: names.Of("budget", s.Name, z.Date(now))}
	total := s.Spent + s.Held
	of := "$" + total.String()
	if s.Held > 0 {
		of += fmt.Sprintf(", of which $%s for usage without a price", s.Held)
	}
	switch {
	case total > s.Hard:
		f.Rule, f.Message = "budget-hard-limit", fmt.Sprintf("the %s hard limit of $%s is exceeded: %s", s.Name, s.Hard, of)
		if b.Controls.BlockOnLimit {
			f.Severity = gates.SeverityError
		}
	case total > s.Soft:
		f.Rule, f.Message = "budget-soft-limit", fmt.Sprintf("the %s soft limit of $%s is exceeded: %s", s.Name, s.Soft, of)
	default:
		return f, false
	}
	f.Message = report.Visible(f.Message)
	return f, true
}
