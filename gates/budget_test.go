package gates_test

import (
	"context"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func TestBudget(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Write("costs.json", "{}")
	repo.Write("my/costs/mtd.json", "{}")
	repo.Write("costs/notes.txt", "")
	out := gates.Outcome{Engine: gates.Engine{Name: "ledger"}}
	with := gates.Budget(func(_ context.Context, t *gates.Target) (gates.Outcome, error) { return out, nil })
	target := newTarget(t, repo, "")
	for _, g := range []gates.Gate{with, gates.Budget(nil)} {
		if r := runOne(t, target, g); !strings.Contains(r.Skipped, "no cost ledger") || r.Err != nil {
			t.Errorf("no ledger: %+v", r)
		}
	}
	repo.Write("costs/mtd.json", "{}")
	target = newTarget(t, repo, "")
	if r := runOne(t, target, with); r.Err != nil || r.Outcome.Engine.Name != "ledger" {
		t.Errorf("a ledger, and who reads it: %+v", r)
	}
	if r := runOne(t, target, gates.Budget(nil)); r.Err == nil || r.Skipped != "" {
		t.Errorf("a ledger, and nobody to read it: %+v", r)
	}
}
