package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/report/github"
)

// postCmd is the action's post step: what a step that was ended could not do any
// more. It closes the check run, and sends the entry of the job's cost home. It
// never fails a job.
type postCmd struct{}

func (postCmd) Run(ctx context.Context, a *app) error {
	in, err := ci.ReadInputs(a.getenv)
	if err != nil || in.GitHubToken == "" {
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
		p.closeLeft(ctx, in.GitHubToken)
	}
	if !l.Booked && !l.Started.IsZero() {
		p.bookLeft(ctx, in, l)
	}
	return nil
}

func (p *platform) closeLeft(ctx context.Context, token ci.Secret) {
	reporter, err := github.NewReporter(p.a.server(token), p.job)
	if err == nil {
		err = reporter.Close(ctx, "cancelled", "The step was ended before there was a verdict.")
	}
	if err != nil {
		p.warn("%v", err)
	}
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
