package refs_test

import (
	"testing"

	"github.com/wf-ci/wf-ci/costs/refs"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// Jobs on a bare repository: nothing is lost, doubled, or left behind. (With 64
// it takes minutes on a small machine: wf-ci costs chaos --jobs 64.)
func TestChaos(t *testing.T) {
	const jobs = 6
	store := refs.Store{Repo: gittest.New(t).Open(), Remote: git.Remote{Name: bare(t)}}
	trial, err := store.Chaos(ctx, jobs, noon)
	if err != nil || !trial.OK() || trial.Entries != jobs+jobs/2 || trial.Killed == 0 || trial.Compactions == 0 {
		t.Errorf("%+v, %v", trial, err)
	}
	t.Logf("%+v", trial)
	if left, err := store.Repo.Refs(store.Remote).List(ctx, "refs"); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A trial in which something went wrong is not OK.
func TestTrialCanFail(t *testing.T) {
	good := refs.Trial{Fit: 4, Granted: 4}
	if !good.OK() {
		t.Error("a good trial is not OK")
	}
	for name, change := range map[string]func(*refs.Trial){
		"lost": func(t *refs.Trial) { t.Lost = []string{"x"} }, "doubled": func(t *refs.Trial) { t.Doubled = []string{"x"} },
		"granted": func(t *refs.Trial) { t.Granted = 5 }, "left": func(t *refs.Trial) { t.Left = []string{"x"} },
	} {
		bad := good
		if change(&bad); bad.OK() {
			t.Errorf("%s: OK", name)
		}
	}
}
