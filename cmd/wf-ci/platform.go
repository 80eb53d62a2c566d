package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/report/github"
)

// platform is what a step of the action tells GitHub, besides what goes through
// the runner. Nothing it meets turns a verdict.
type platform struct {
	a        *app
	event    ci.Event
	job      github.Job
	reporter *github.Reporter // nil: there is nothing to tell it, or no way
	top      string           // of the repository, when it is known
	books    *bookkeeper
	left     left
}

// newPlatform reads what the workflow gives. Without a token, or without a
// commit to report on, there is none to speak to.
func (a *app) newPlatform(in ci.Inputs) (*platform, error) {
	p := &platform{a: a}
	p.books = p.newBookkeeper(in)
	event, err := ci.ReadEvent(a.getenv)
	if err != nil {
		return p, nil // the run itself says what is wrong with it
	}
	p.event = event
	if in.GitHubToken == "" {
		return p, nil
	}
	p.job = a.newJob(in, event)
	p.left = left{ID: p.job.ID, Head: p.job.Head, Name: p.job.Name, Started: p.books.started, Done: true}
	p.job.Analysis, p.job.ReadFile = p.analysis, p.readFile
	p.job.Cost = p.books.line
	if p.job.Head == "" || p.job.Repository == "" || in.CheckRun == "false" && in.UploadSARIF == "false" && in.Comment == "never" {
		return p, nil
	}
	if p.reporter, err = github.NewReporter(a.server(in.GitHubToken), p.job); err != nil {
		return nil, usageError{err.Error()}
	}
	return p, nil
}

func (a *app) newJob(in ci.Inputs, e ci.Event) github.Job {
	run, _ := strconv.ParseInt(a.getenv("GITHUB_RUN_ID"), 10, 64)
	j := github.Job{
		Repository: e.Repository, Head: reportHead(e), PullRequest: e.PullRequest,
		Name: "wf-ci", RunID: run, ID: rand.Text(), Link: a.runLink(e.Repository, run),
		CheckRun: or(in.CheckRun, github.Auto), Upload: or(in.UploadSARIF, github.Auto), Comment: or(in.Comment, github.CommentAlways),
	}
	if j.Category = category(in); j.Category != "" {
		j.Name += " / " + j.Category
	}
	return j
}

// reportHead is the commit that a result belongs to (github.md A6).
func reportHead(e ci.Event) string {
	if e.Name == "merge_group" || e.PullRequest > 0 {
		return or(e.HeadSHA, e.SHA)
	}
	return e.SHA
}

func or(value, standard string) string {
	if value != "" {
		return value
	}
	return standard
}

// runLink is the page of the workflow run.
func (a *app) runLink(repository string, run int64) string {
	server := a.getenv("GITHUB_SERVER_URL")
	if !strings.HasPrefix(server, "https://") || strings.ContainsAny(server, " ()<>\"'\n") || repository == "" || run <= 0 {
		return ""
	}
	return fmt.Sprintf("%s/%s/actions/runs/%d", strings.TrimSuffix(server, "/"), repository, run)
}

func (a *app) server(token ci.Secret) github.Server {
	return github.Server{
		API: a.getenv("GITHUB_API_URL"), GraphQL: a.getenv("GITHUB_GRAPHQL_URL"), Web: a.getenv("GITHUB_SERVER_URL"), Token: string(token),
		Version: version, Proxy: http.ProxyFromEnvironment, Now: a.now,
	}
}

// stateName is what the post step gets from us (STATE_…).
const stateName = "wf_ci"

// left is what the post step has to know of a step that was ended.
type left struct {
	ID      string    `json:"id"`
	Head    string    `json:"head"`
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	Done    bool      `json:"done"`              // there is no check run to close
	Verdict string    `json:"verdict,omitempty"` // which GitHub did not take
	Booked  bool      `json:"booked"`            // the ledger has what there is to have
}

// begin makes the check run. What has to be done after us, should we be killed,
// is told before.
func (p *platform) begin(ctx context.Context) {
	if p.left.ID == "" {
		return // no token, and so nothing to do there
	}
	p.left.Done = p.reporter == nil
	p.leave()
	if p.reporter != nil {
		p.reporter.Begin(ctx)
	}
}

func (p *platform) leave() {
	data, err := json.Marshal(p.left)
	if err == nil {
		err = ci.State(p.a.getenv, stateName, string(data))
	}
	if err != nil && !errors.Is(err, ci.ErrNoFile) {
		p.warn("%v", err)
	}
}

// end tells GitHub the verdict, and says whether the annotations are there.
func (p *platform) end(ctx context.Context, v *gates.Verdict) (annotated bool) {
	var told github.Told
	var failures []*github.Failure
	if p.reporter != nil {
		var err error
		told, err = p.reporter.End(ctx, v)
		if p.left.Done = ctx.Err() == nil && !told.Open; !p.left.Done {
			p.left.Verdict = string(v.Decision)
		}
		p.leave()
		failures = github.Failures(err)
	}
	p.bundle(v, failures)
	p.books.verdict = v
	p.books.once(ctx)
	if p.left.Booked = ctx.Err() == nil; p.left.Booked && p.left.ID != "" {
		p.leave()
	}
	failures = append(failures, p.books.failures...)
	if len(failures) > 0 {
		p.say(failures, told)
	}
	return told.Annotated
}

// say is the one notice of what could not be written, a warning where it was
// asked for by name.
func (p *platform) say(failures []*github.Failure, told github.Told) {
	var parts []string
	wanted, denied := false, true
	for _, f := range failures {
		part := f.What + " (" + f.Why
		if f.Denied && f.Need != "" {
			part += "; it takes `" + f.Need + "`"
		}
		parts = append(parts, part+")")
		wanted = wanted || f.Wanted
		denied = denied && f.Denied
	}
	text := "not written to GitHub: " + strings.Join(parts, ", ")
	if told.Status {
		text += "; a commit status stands for the check run"
	}
	if denied && p.event.ReadOnly() {
		text += "; the token of this run may only read (a fork or Dependabot): `wf-ci publish` posts " + bundleFile
	}
	text += ". The verdict is the same."
	text = p.a.redactor.Redact(text)
	if wanted || !denied {
		_ = p.a.commands.Annotate(ci.LevelWarning, ci.Place{Title: "wf-ci"}, text)
		return
	}
	fmt.Fprintf(p.a.stderr, "note: %s\n", report.Visible(text))
}

func (p *platform) warn(format string, args ...any) { p.a.warnf(format, args...) }

func (a *app) warnf(format string, args ...any) {
	fmt.Fprintf(a.stderr, "wf-ci: warning: %s\n", report.Visible(a.redactor.Redact(fmt.Sprintf(format, args...))))
}

const noVerdict = "no verdict"

// abort closes what is open when there is no verdict.
func (p *platform) abort(ctx context.Context, cause error) {
	if p.reporter == nil {
		return
	}
	e := github.Ending{Conclusion: "failure", Title: noVerdict, Why: "There is no verdict: " + report.Visible(p.a.redactor.Redact(cause.Error()))}
	if ctx.Err() != nil {
		e.Conclusion, e.Why = "cancelled", "The run was interrupted before there was a verdict: run the job again."
	}
	if err := p.reporter.Close(context.WithoutCancel(ctx), e); err != nil {
		p.warn("%v", err)
		return
	}
	p.left.Done = true
	p.leave()
}

// analysis says what code scanning takes a verdict for. A merge queue's branch
// is gone before an upload is processed, and so is a deleted one; of a pull
// request it is the test merge, where that was looked at (github.md A3).
func (p *platform) analysis(v *gates.Verdict) (ref, commit string) {
	e := p.event
	switch {
	case e.Name == "merge_group", e.Deleted, strings.Contains(e.Ref, "/gh-readonly-queue/"):
		return "", ""
	case e.PullRequest > 0 && e.Name != "pull_request_target" && v.Head == e.SHA && e.Ref == fmt.Sprintf("refs/pull/%d/merge", e.PullRequest):
		return e.Ref, e.SHA
	case e.PullRequest > 0 && e.HeadSHA != "":
		return fmt.Sprintf("refs/pull/%d/head", e.PullRequest), e.HeadSHA
	case strings.HasPrefix(e.Ref, "refs/heads/"), strings.HasPrefix(e.Ref, "refs/tags/"):
		return e.Ref, e.SHA
	}
	return "", ""
}

// sourceLimit bounds a file that is read for the hashes of its lines.
const sourceLimit = 10 << 20

// readFile reads a file of the repository; never what a link in it points to
// outside.
func (p *platform) readFile(path string) ([]byte, error) {
	if p.top == "" {
		return nil, os.ErrNotExist
	}
	root, err := os.OpenRoot(p.top)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(filepath.FromSlash(path))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > sourceLimit {
		return nil, errors.New("no regular file, or too large")
	}
	f, err := root.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, sourceLimit))
}
