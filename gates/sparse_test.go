package gates_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// A tool that reads the disk has not looked at what is not checked out.
func TestSparseCheckout(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("in/a", "1\n")
	repo.Write("out/b", "1\n")
	repo.Commit("one")
	command := gates.Command(gates.CommandOptions{ID: "mine", Run: "true"})
	list := []gates.Gate{command, {
		ID: "reads-the-tree", Doc: "d", Help: "h", Scope: gates.ScopeAll,
		Run: func(context.Context, *gates.Target) (gates.Outcome, error) { return gates.Outcome{}, nil },
	}}
	judge := func() []gates.Result {
		results, err := gates.Run(t.Context(), gatestest.Target(t, repo, ""), list, gates.Options{Jobs: 2, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return results
	}
	if r := judge(); r[0].Err != nil || r[1].Err != nil {
		t.Fatalf("a full checkout: %v, %v", r[0].Err, r[1].Err)
	}
	repo.Git("sparse-checkout", "set", "in")
	r := judge()
	if r[0].Err == nil || !strings.Contains(r[0].Err.Error(), `"out/b" is not checked out`) {
		t.Errorf("the command gave %v", r[0].Err)
	}
	if r[1].Err != nil {
		t.Errorf("a gate that reads the tree gave %v", r[1].Err)
	}
}
