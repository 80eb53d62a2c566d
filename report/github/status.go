package github

import (
	"context"

	gh "github.com/google/go-github/v60/github"

	"github.com/wf-ci/wf-ci/gates"
)

const (
	needStatuses = "statuses: write"
	maxStatus    = 140 // characters of a description (github.md A8)
)

// setStatus writes a commit status: what stands for the check run where the
// token may not write one.
func (s *session) setStatus(ctx context.Context, j *Job, state, text string) error {
	status := &gh.RepoStatus{State: gh.String(state), Context: gh.String(j.Name), Description: gh.String(cut(text, maxStatus))}
	if j.Link != "" {
		status.TargetURL = gh.String(j.Link)
	}
	_, _, err := s.rest.Repositories.CreateStatus(repeat(ctx), s.owner, s.repo, j.Head, status)
	return err
}

// state is a verdict in the words of statuses. All but success block.
func state(d gates.Decision) string {
	switch d {
	case gates.Pass:
		return "success"
	case gates.Fail:
		return "failure"
	}
	return "error"
}
