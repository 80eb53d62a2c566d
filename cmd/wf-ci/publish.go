package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/report/github"
)

// bundleFile is what a run that may not write leaves for one that may.
const bundleFile = "wf-ci-result.json"

// bundle leaves the verdict of a pull request for `wf-ci publish`, where the
// token may not write something.
func (p *platform) bundle(v *gates.Verdict, failures []*github.Failure) {
	if p.job.PullRequest == 0 || !slices.ContainsFunc(failures, func(f *github.Failure) bool { return f.Denied }) {
		return
	}
	write := func(w io.Writer, v *gates.Verdict) error { return github.WriteBundle(w, p.job, v) }
	err := p.a.inWorkspace(bundleFile)
	if err == nil {
		err = p.a.write(output{format: write, name: "bundle", path: bundleFile, plain: true}, v)
	}
	if err != nil {
		p.warn("%v", err)
	}
}

// publishCmd posts a bundle. What it reads was written by a stranger.
type publishCmd struct {
	Bundle string `placeholder:"PATH" help:"The file that the run left. Default: wf-ci-result.json."`
}

func (c *publishCmd) Run(ctx context.Context, a *app) error {
	in, err := ci.ReadInputs(a.getenv)
	if err != nil {
		return usageError{err.Error()}
	}
	token := in.GitHubToken
	if token == "" {
		token = ci.Secret(a.getenv("GITHUB_TOKEN"))
	}
	if err := a.commands.Mask(token); err != nil {
		return err
	}
	event, err := ci.ReadEvent(a.getenv)
	switch {
	case err != nil:
		return usageError{err.Error()}
	case event.Name != "workflow_run" || event.Run.ID == 0:
		return usagef("publish works in a workflow that is started by workflow_run (the event is %q); see report/github/README.md", event.Name)
	case token == "":
		return usagef("publish needs a token: the input github-token, or GITHUB_TOKEN")
	}
	path := ci.NewWorkspace(a.getenv).Path(or(c.Bundle, or(a.getenv("INPUT_BUNDLE"), bundleFile)))
	data, err := readBundle(inside(a.dir, path))
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(a.stdout, "%s is not there: the run could write itself\n", report.Visible(path))
		return nil
	}
	var b *github.Bundle
	if err == nil {
		b, err = github.ReadBundle(data)
	}
	if err != nil {
		return usagef("%s: %v; nothing was posted", path, err)
	}
	err = a.publish(ctx, a.server(token), event, b, github.Job{
		CheckRun: or(in.CheckRun, github.Auto), Comment: or(in.Comment, github.CommentAlways), Upload: github.False,
		Link: a.runLink(event.Repository, event.Run.ID),
	})
	if err == nil && in.Ledger != "off" {
		if f := a.recordRun(ctx, token, event, b.PullRequest, in.LedgerBranch); f != nil {
			fmt.Fprintf(a.stderr, "note: the cost of the run is not recorded: %s\n", report.Visible(a.redactor.Redact(f.Error())))
		}
	}
	return err
}

// recordRun records what a run has cost that could not record it itself: as
// GitHub tells it, whatever that run says.
func (a *app) recordRun(ctx context.Context, token ci.Secret, e ci.Event, pull int, branch string) *github.Failure {
	ctx, cancel := context.WithTimeout(ctx, ledgerBudget)
	defer cancel()
	jobs, err := github.Jobs(ctx, a.server(token), e.Repository, e.Run.ID, e.Run.Attempt)
	if err != nil {
		return &github.Failure{What: "the ledger", Why: err.Error()}
	}
	about := ci.Event{Repository: e.Repository, Public: e.Public, PullRequest: pull, HeadSHA: e.Run.HeadSHA, Fork: true}
	var list []costs.Entry
	for _, j := range jobs {
		if j.Completed.IsZero() {
			continue
		}
		sku, standard := runnerSKU(j.Labels, "", "", "")
		entry, err := a.minutes(about, fmt.Sprintf("%d/%d/%d", e.Run.ID, e.Run.Attempt, j.ID), j, sku, e.Public && standard, true)
		if err != nil {
			return &github.Failure{What: "the ledger", Why: err.Error()}
		}
		list = append(list, entry)
	}
	l, err := a.openLedger(ctx, token, e.Repository, e.Run.HeadSHA, branch)
	if err != nil {
		return &github.Failure{What: "the ledger", Why: err.Error()}
	}
	defer l.close()
	_, err = l.record(ctx, fmt.Sprintf("%d-%d", e.Run.ID, e.Run.Attempt), list)
	return l.failure("the ledger", err)
}

func (a *app) publish(ctx context.Context, server github.Server, e ci.Event, b *github.Bundle, j github.Job) error {
	told, refused, err := github.Publish(ctx, server, github.Claim{
		Repository: e.Repository, HeadRepository: e.Run.HeadRepository, Head: e.Run.HeadSHA,
		RunID: e.Run.ID, Event: e.Run.Event, Conclusion: e.Run.Conclusion,
	}, b, j)
	switch {
	case errors.Is(refused, github.ErrMovedOn):
		fmt.Fprintln(a.stdout, refused)
		return nil
	case refused != nil:
		return usagef("the bundle is not believed: %v; nothing was posted", refused)
	case err != nil:
		return err
	}
	fmt.Fprintf(a.stdout, "posted: check run %t, commit status %t, comment %t\n", told.Annotated, told.Status, told.Commented)
	return nil
}

// readBundle reads a regular file, bounded; a link may lead anywhere.
func readBundle(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, github.MaxBundle+1))
}
