package github

import (
	"context"
	"fmt"
	"time"

	gh "github.com/google/go-github/v60/github"
)

// RunJob is a job of a workflow run.
type RunJob struct {
	ID        int64
	Name      string
	Runner    string // the runner's name
	Labels    []string
	Started   time.Time
	Completed time.Time // zero: it has not ended
}

// jobsBudget is for one question.
const jobsBudget = 15 * time.Second

// Jobs are those of one attempt of a workflow run, as far as they have a runner.
// In a private repository it takes the permission `actions: read`.
func Jobs(ctx context.Context, server Server, repository string, run int64, attempt int) ([]RunJob, error) {
	s, err := newSession(server, repository)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, jobsBudget)
	defer cancel()
	var jobs []RunJob
	opts := &gh.ListOptions{PerPage: 100}
	for range 20 { // a run has at most 256 jobs a matrix
		list, res, err := s.rest.Actions.ListWorkflowJobsAttempt(ctx, s.owner, s.repo, run, int64(attempt), opts)
		if err != nil {
			return nil, fmt.Errorf("jobs of the run %d: %s", run, plain(err))
		}
		for _, j := range list.Jobs {
			if j.GetRunnerName() != "" && !j.GetStartedAt().IsZero() {
				jobs = append(jobs, RunJob{
					ID: j.GetID(), Name: j.GetName(), Runner: j.GetRunnerName(), Labels: j.Labels,
					Started: j.GetStartedAt().Time, Completed: j.GetCompletedAt().Time,
				})
			}
		}
		if res.NextPage == 0 {
			return jobs, nil
		}
		opts.Page = res.NextPage
	}
	return nil, fmt.Errorf("jobs of the run %d: too many", run)
}
