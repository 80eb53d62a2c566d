package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/report/github"
)

// postCmd is the action's post step: what a step that was ended could not do any
// more. It closes the check run, and sends the entry of the job's cost home. It
// never fails a job.
type postCmd struct{}

func (postCmd) Run(ctx context.Context, a *app) error {
	in, _ := ci.ReadInputs(a.getenv) // the step has said what is wrong
	if in.GitHubToken == "" {
		return nil
	}
	if err := a.commands.Mask(in.GitHubToken); err != nil {
		return nil
	}
	var l left
	event, err := ci.ReadEvent(a.getenv)
	if err != nil || json.Unmarshal([]byte(a.getenv("STATE_"+stateName)), &l) != nil || l.ID == "" {
		return nil
	}
	if ws := ci.NewWorkspace(a.getenv); ws.Dir != "" {
		a.dir = ws.Dir
	}
	p := &platform{a: a, event: event, job: a.newJob(in, event)}
	p.job.ID, p.job.Head, p.job.Name = l.ID, l.Head, l.Name
	if !l.Done {
		p.closeLeft(ctx, in.GitHubToken, l.Verdict)
	}
	if !l.Booked && !l.Started.IsZero() {
		p.bookLeft(ctx, in, l)
	}
	return nil
}

func (p *platform) closeLeft(ctx context.Context, token ci.Secret, verdict string) {
	reporter, err := github.NewReporter(p.a.server(token), p.job)
	if err == nil {
		err = reporter.Close(ctx, leftEnding(verdict))
	}
	if err != nil {
		p.warn("%v", err)
	}
}

// leftEnding is how a check run ends that the step has left open. A pass that did
// not reach GitHub is none: what says so is a file that whatever ran in the step
// may have written to.
func leftEnding(verdict string) github.Ending {
	switch verdict {
	case "":
		return github.Ending{Conclusion: "cancelled", Title: noVerdict, Why: "The step was ended (cancelled, or killed) before there was a verdict: run the job again."}
	case string(gates.Pass):
		return github.Ending{Conclusion: "cancelled", Title: "pass, which GitHub did not take",
			Why: "The verdict is in the summary of the job. GitHub did not take it when it came: run the job again."}
	}
	return github.Ending{Conclusion: "failure", Title: "no pass", Why: "The verdict and its reasons are in the summary of the job. GitHub did not take them when they came."}
}

// bookLeft records the job under the name that the step has for it, so that what
// that one had sent already is not there twice.
func (p *platform) bookLeft(ctx context.Context, in ci.Inputs, l left) {
	p.books = p.newBookkeeper(in)
	p.books.started = l.Started
	p.books.once(ctx)
	for _, f := range p.books.failures {
		if f.Wanted || !f.Denied {
			p.warn("%v", f)
			continue
		}
		fmt.Fprintf(p.a.stderr, "note: %s\n", report.Visible(p.a.redactor.Redact(f.Error())))
	}
}
