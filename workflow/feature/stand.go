package feature

import "fmt"

// Facts are what is known of a feature's way.
type Facts struct {
	Brief   bool   // BRIEF.md is there
	Open    int    // places in it that say nothing yet
	Plan    bool   // the plan is there, and in order
	Problem string // what is wrong with the plan

	Tasks, Merged, Working, Waiting int
	Percent                         int // of the boxes that are ticked
	Database, DatabaseMerged        int // tasks of the phase database

	Schema string // what the gate checkpoints says: pass, fail, error, skipped; empty: not asked
	Gates  string // the verdict: pass, fail, inconclusive; empty: not run
	Ship   bool   // it was shipped
}

// PhaseState is where a feature stands in one phase.
type PhaseState struct {
	Phase string `json:"phase"` // plan, schema, build, security, ship
	State string `json:"state"` // done, open, blocked, unknown
	Says  string `json:"says"`
}

// Stand is the way from plan to ship, and the phase that the feature is in: the
// first that is not done; shipped when all are.
func Stand(f Facts) (now string, phases []PhaseState) {
	phases = []PhaseState{f.plan(), f.schema(), f.build(), f.security(), f.ship()}
	for _, p := range phases {
		if p.State != "done" {
			return p.Phase, phases
		}
	}
	return "shipped", phases
}

func (f Facts) plan() PhaseState {
	switch {
	case !f.Brief:
		return PhaseState{"plan", "open", "there is no BRIEF.md: wf-ci feature brief"}
	case f.Open > 0:
		return PhaseState{"plan", "open", fmt.Sprintf("%d places of BRIEF.md say nothing yet", f.Open)}
	case f.Problem != "":
		return PhaseState{"plan", "blocked", f.Problem}
	case !f.Plan:
		return PhaseState{"plan", "open", "there is no plan: plan.yml or plan.md beside the brief"}
	}
	return PhaseState{"plan", "done", fmt.Sprintf("%d tasks", f.Tasks)}
}

func (f Facts) schema() PhaseState {
	switch {
	case f.Schema == "fail":
		return PhaseState{"schema", "blocked", "a schema has changed without an approval: wf-ci approve schema"}
	case f.Schema == "error":
		return PhaseState{"schema", "unknown", "the gate checkpoints could not look: wf-ci local --only checkpoints"}
	case !f.Plan:
		return PhaseState{"schema", "open", "nobody has planned it"}
	case f.DatabaseMerged < f.Database:
		return PhaseState{"schema", "open", fmt.Sprintf("%d of %d tasks of the database are merged", f.DatabaseMerged, f.Database)}
	case f.Database == 0:
		return PhaseState{"schema", "done", "no task is about the database"}
	case f.Schema == "pass":
		return PhaseState{"schema", "done", "merged, and the gate checkpoints asks for nothing"}
	}
	return PhaseState{"schema", "done", "merged; the gate checkpoints does not ask for approvals here (gates: {checkpoints: {}})"}
}

func (f Facts) build() PhaseState {
	says := fmt.Sprintf("%d of %d tasks merged, %d in progress, %d waiting, %d %% of the boxes ticked", f.Merged, f.Tasks, f.Working, f.Waiting, f.Percent)
	if f.Tasks > 0 && f.Merged == f.Tasks {
		return PhaseState{"build", "done", says}
	}
	return PhaseState{"build", "open", says}
}

func (f Facts) security() PhaseState {
	switch f.Gates {
	case "pass":
		return PhaseState{"security", "done", "the gates pass"}
	case "":
		return PhaseState{"security", "unknown", "the gates were not run: --gates"}
	}
	return PhaseState{"security", "blocked", "the gates say " + f.Gates + ": wf-ci local"}
}

func (f Facts) ship() PhaseState {
	if f.Ship {
		return PhaseState{"ship", "done", "shipped"}
	}
	return PhaseState{"ship", "open", "wf-ci feature ship"}
}
