package coverage

import (
	"context"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
)

// toolRemedy is what helps where a project's tests cannot be run.
const toolRemedy = "install it, or let an earlier step run the tests and name its report in gates.tests.reports"

// lacks are the programs that the runs of the projects' tests begin with, and
// that are not here. Where an earlier step has left a report, none is needed.
func lacks(ctx context.Context, t *gates.Target, measure bool) ([]gates.Lack, error) {
	projects, err := project.Detect(ctx, t.Tree)
	if err != nil {
		return nil, err
	}
	if found, err := anyReport(t, projects); found || err != nil {
		return nil, err
	}
	var list []gates.Lack
	runs, _ := jobs(t, projects)
	for _, j := range runs {
		switch {
		case !t.Runner.Has(j.program):
			list = append(list, gates.Lack{Tool: j.program, Remedy: toolRemedy})
		case measure && j.project.Kind == project.Rust && !t.Runner.Has("cargo-llvm-cov"):
			list = append(list, gates.Lack{Tool: "cargo-llvm-cov", Remedy: llvmCovRemedy()})
		}
	}
	return list, nil
}
