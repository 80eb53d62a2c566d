package gates

import (
	"context"
	"errors"
	"strings"
)

// Budget is the gate budget (G15). The ledger is not this package's business:
// check, from the ledger's package, looks at it. A nil check is a build that
// has no ledger; then a repository that keeps one is not judged, and says so.
func Budget(check func(context.Context, *Target) (Outcome, error)) Gate {
	return Gate{
		ID:    "budget",
		Doc:   "what the cost ledger says has been spent, against the hard limits",
		Help:  "Wait for the next day, week or month, or raise the limit in costs/budget-config.json on the base branch.",
		Scope: ScopeAll,
		Rules: []Rule{
			{ID: "budget-hard-limit", Title: "A hard limit is exceeded", Help: "Wait for the next period, or raise the limit in costs/budget-config.json on the base branch."},
			{ID: "budget-soft-limit", Title: "A soft limit is exceeded", Help: "Look at what costs most: wf-ci costs show."},
			{ID: "ledger-entry-removed", Title: "The change takes entries out of the ledger", Help: "Put the file back; a correction is an entry of its own."},
		},
		Plan: func(_ context.Context, t *Target) (Plan, error) {
			for _, f := range t.Tree.Files {
				if strings.HasPrefix(f.Path, "costs/") && (strings.HasSuffix(f.Path, ".json") || strings.HasSuffix(f.Path, ".jsonl")) {
					return Plan{}, nil
				}
			}
			return Plan{Skip: "no cost ledger in this repository (costs/)"}, nil
		},
		Run: func(ctx context.Context, t *Target) (Outcome, error) {
			if check == nil {
				return Outcome{}, errors.New("this version cannot read the cost ledger in costs/ yet; make the gate optional (gates.budget.required: false) until it can")
			}
			return check(ctx, t)
		},
	}
}
