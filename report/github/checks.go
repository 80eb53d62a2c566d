package github

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	gh "github.com/google/go-github/v60/github"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
)

const (
	needChecks = "checks: write"
	// perRequest is GitHub's bound (OAS, maxItems).
	perRequest = 50
	// maxAnnotated bounds the requests of one run: ten of them hold annotations.
	maxAnnotated = 500
	// maxSummary is below GitHub's 65,535, in bytes where GitHub counts
	// characters.
	maxSummary = 65_000
)

// check is a check run of ours.
type check struct {
	id   int64
	name string
}

// outcome is how a run ended, in the words of check runs. Inconclusive is a
// failure: neutral would let it merge.
func outcome(d gates.Decision) string {
	if d == gates.Pass {
		return "success"
	}
	return "failure"
}

// createCheck makes a check run that is in progress. A server's error leaves it
// unclear whether it was made, so ours are looked for before another is.
func (s *session) createCheck(ctx context.Context, j *Job) (*check, error) {
	opts := gh.CreateCheckRunOptions{
		Name: j.Name, HeadSHA: j.Head, Status: gh.String("in_progress"), ExternalID: gh.String(j.ID),
		StartedAt: &gh.Timestamp{Time: s.transport.now()},
	}
	if j.Link != "" {
		opts.DetailsURL = gh.String(j.Link)
	}
	for try := 1; ; try++ {
		run, _, err := s.rest.Checks.CreateCheckRun(ctx, s.owner, s.repo, opts)
		if err == nil {
			return &check{run.GetID(), j.Name}, nil
		}
		if !unclear(err) || try == 3 {
			return nil, err
		}
		if open, _, listErr := s.ownChecks(ctx, j); listErr == nil && len(open) > 0 {
			return open[0], nil
		}
		if err := s.transport.sleep(ctx, firstWait<<try); err != nil {
			return nil, err
		}
	}
}

// ownPages bounds the search for our check runs. GitHub keeps a thousand of a name.
const ownPages = 10

// ownChecks are the check runs of this job that nobody completed, and the number
// of those that have an end.
func (s *session) ownChecks(ctx context.Context, j *Job) (open []*check, ended int, err error) {
	opts := &gh.ListCheckRunsOptions{CheckName: gh.String(j.Name), Filter: gh.String("all"), ListOptions: gh.ListOptions{PerPage: 100}}
	for range ownPages {
		list, res, err := s.rest.Checks.ListCheckRunsForRef(ctx, s.owner, s.repo, j.Head, opts)
		if err != nil {
			return nil, 0, err
		}
		for _, run := range list.CheckRuns {
			switch {
			case run.GetExternalID() != j.ID:
			case run.GetStatus() == "completed":
				ended++
			default:
				open = append(open, &check{run.GetID(), j.Name})
			}
		}
		if opts.Page = res.NextPage; opts.Page == 0 || len(open)+ended > 0 {
			break
		}
	}
	return open, ended, nil
}

// completeCheck closes a check run with the verdict and the worst annotations,
// then adds the others, a request for every fifty. The verdict goes first: what
// comes after may meet a rate limit.
func (s *session) completeCheck(ctx context.Context, c *check, v *gates.Verdict, told *Told) error {
	notes, left := annotations(v)
	out, err := checkOutput(v, left)
	if err != nil {
		return err
	}
	first := notes[:min(len(notes), perRequest)]
	opts := gh.UpdateCheckRunOptions{
		Name: c.name, Status: gh.String("completed"), Conclusion: gh.String(outcome(v.Decision)),
		CompletedAt: &gh.Timestamp{Time: s.transport.now()},
	}
	if err := s.updateCheck(ctx, c, opts, out, first, 0); err != nil {
		told.Open = !disliked(err) || s.bareVerdict(ctx, c, opts, v) != nil
		return err
	}
	told.Annotated = true
	for done := len(first); done < len(notes); done += perRequest {
		next := notes[done:min(done+perRequest, len(notes))]
		if err := s.updateCheck(ctx, c, gh.UpdateCheckRunOptions{Name: c.name}, out, next, done); err != nil {
			return err
		}
	}
	return nil
}

// disliked says whether GitHub refused what was in a request, not who made it.
func disliked(err error) bool {
	code := statusOf(err)
	return code == http.StatusBadRequest || code == http.StatusRequestEntityTooLarge || code == http.StatusUnprocessableEntity
}

// bareVerdict closes a check run with nothing that GitHub could dislike: one
// annotation that it does not take must not keep the verdict from coming.
func (s *session) bareVerdict(ctx context.Context, c *check, opts gh.UpdateCheckRunOptions, v *gates.Verdict) error {
	return s.updateCheck(ctx, c, opts, gh.CheckRunOutput{
		Title: gh.String("wf-ci: " + string(v.Decision)), Summary: gh.String("GitHub did not take the details. They are in the summary of the job."),
	}, nil, 0)
}

// updateCheck adds annotations to those that are there; done says how many. It
// is not harmless to repeat: GitHub appends. After a server's error it is asked
// what it has.
func (s *session) updateCheck(ctx context.Context, c *check, opts gh.UpdateCheckRunOptions, out gh.CheckRunOutput, notes []*gh.CheckRunAnnotation, done int) error {
	out.Annotations = notes
	opts.Output = &out
	for try := 1; ; try++ {
		_, _, err := s.rest.Checks.UpdateCheckRun(ctx, s.owner, s.repo, c.id, opts)
		if err == nil || !unclear(err) || try == 3 {
			return err
		}
		if err := s.transport.sleep(ctx, firstWait<<try); err != nil {
			return err
		}
		run, _, getErr := s.rest.Checks.GetCheckRun(ctx, s.owner, s.repo, c.id)
		if getErr != nil {
			return err
		}
		if opts.Conclusion != nil && run.GetConclusion() != *opts.Conclusion {
			continue
		}
		if run.GetOutput().GetAnnotationsCount() >= done+len(notes) {
			return nil
		}
	}
}

// closeCheck ends a check run without its verdict.
func (s *session) closeCheck(ctx context.Context, c *check, e Ending) error {
	_, _, err := s.rest.Checks.UpdateCheckRun(repeat(ctx), s.owner, s.repo, c.id, gh.UpdateCheckRunOptions{
		Name: c.name, Status: gh.String("completed"), Conclusion: gh.String(e.Conclusion),
		CompletedAt: &gh.Timestamp{Time: s.transport.now()},
		Output:      &gh.CheckRunOutput{Title: gh.String(e.Title), Summary: gh.String(e.Why)},
	})
	return err
}

// checkOutput is the page of a check run. left counts the findings beside which
// no annotation stands.
func checkOutput(v *gates.Verdict, left int) (gh.CheckRunOutput, error) {
	summary, err := markdown(v, maxSummary, report.Surroundings{})
	if err != nil {
		return gh.CheckRunOutput{}, err
	}
	out := gh.CheckRunOutput{Title: gh.String(headline(v)), Summary: gh.String(summary)}
	if left > 0 {
		out.Text = gh.String(fmt.Sprintf("%s without an annotation: a run writes no more than %d, the worst first. "+
			"All are in the JSON and the SARIF report.\n", gates.Plural(left, "remark"), maxAnnotated))
	}
	return out, nil
}

// annotations are the remarks of a verdict that have a place in the tree, the
// worst first, and the number of those for which there is no room.
func annotations(v *gates.Verdict) (list []*gh.CheckRunAnnotation, left int) {
	for _, a := range report.Annotations(v, int(^uint(0)>>1)) {
		switch {
		case a.Path == "" || !plainPath(a.Path):
			continue // the summary has it
		case len(list) == maxAnnotated:
			left++
		default:
			list = append(list, annotation(a))
		}
	}
	return list, left
}

func annotation(a report.Annotation) *gh.CheckRunAnnotation {
	level := map[string]string{report.LevelError: "failure", report.LevelWarning: "warning"}[a.Level]
	if level == "" {
		level = "notice"
	}
	line := max(a.Line, 1)
	if max(line, a.EndLine, a.EndColumn) > math.MaxInt32 { // a tool may say anything
		line, a.EndLine, a.Column = 1, 1, 0
	}
	out := &gh.CheckRunAnnotation{
		Path: gh.String(a.Path), StartLine: gh.Int(line), EndLine: gh.Int(max(line, a.EndLine)),
		AnnotationLevel: gh.String(level), Title: gh.String(a.Title), Message: gh.String(a.Message),
	}
	if a.Column > 0 && *out.EndLine == line {
		out.StartColumn, out.EndColumn = gh.Int(a.Column), gh.Int(max(a.Column, a.EndColumn))
	}
	return out
}

// budget is how long each part of a report may take.
const (
	beginBudget = 20 * time.Second
	endBudget   = 2 * time.Minute
	closeBudget = 10 * time.Second
)
