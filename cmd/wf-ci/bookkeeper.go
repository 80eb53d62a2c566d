package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/report/github"
)

// ledgerBudget is how long the way home may take.
const ledgerBudget = 45 * time.Second

// bookkeeper knows what a step of the action has cost, and sends that home, when
// it is asked first. Nothing it meets turns a verdict.
type bookkeeper struct {
	p       *platform
	mode    string // auto, branch, off
	branch  string // short name; empty: the usual one
	context bool   // PROJECT_CONTEXT.md goes home, too
	token   ci.Secret
	started time.Time
	verdict *gates.Verdict // nil: there is none

	settle   sync.Once
	entry    costs.Entry
	all      []costs.Entry
	failures []*github.Failure
}

// newBookkeeper is for a step that begins now.
func (p *platform) newBookkeeper(in ci.Inputs) *bookkeeper {
	return &bookkeeper{p: p, mode: or(in.Ledger, "auto"), branch: in.LedgerBranch, context: in.ProjectContext == "auto", token: in.GitHubToken, started: p.a.now()}
}

// line is the cost for people; empty: it is not known.
func (b *bookkeeper) line(ctx context.Context) string {
	b.once(ctx)
	if b.entry.Key == "" {
		return ""
	}
	line := "Cost of this job so far: " + money(b.entry) + "."
	if pull, n := b.ofPull(); n > 0 {
		line += fmt.Sprintf(" Of this pull request: %s, in %s.", dollars(pull.Cents()), entriesOf(n))
	}
	return line
}

func entriesOf(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.Itoa(n) + " entries"
}

// money says what an entry of minutes costs, and why.
func money(e costs.Entry) string {
	minutes := gates.Plural(int(e.Units[0].N/costs.Count(1_000_000)), "minute") + " on " + report.Visible(e.Model)
	if e.Basis == costs.Unpriced {
		return minutes + ", which has no price in the list"
	}
	about := ""
	if e.Basis == costs.Estimate {
		about = "about "
	}
	return about + dollars("$"+e.USD.String()) + " (" + minutes + ")"
}

// dollars is an amount for Markdown, where what stands between two dollar signs
// may be taken for a formula.
func dollars(amount string) string { return strings.Replace(amount, "$", "", 1) + " USD" }

// ofPull is what the ledger has on the pull request: what its runs cost, and
// what was recorded on its branch.
func (b *bookkeeper) ofPull() (sum costs.Nano, n int) {
	e := b.p.event
	if e.PullRequest == 0 || b.all == nil {
		return 0, 0
	}
	for _, c := range b.all {
		own := c.Source == entrySource && c.Task == pullTask(e.PullRequest)
		if own || c.Branch != "" && c.Branch == ownBranch(e) {
			sum += c.USD
			n++
		}
	}
	return sum, n
}

// usd is the output cost; empty: there is no price.
func (b *bookkeeper) usd(ctx context.Context) string {
	b.once(ctx)
	if b.entry.Key == "" || b.entry.Basis == costs.Unpriced {
		return ""
	}
	return b.entry.USD.String()
}

func (b *bookkeeper) once(ctx context.Context) {
	b.settle.Do(func() {
		if b.mode == "off" || ctx.Err() != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerBudget)
		defer cancel()
		if err := b.home(ctx); err != nil {
			f := b.p.ledgerFailure(err)
			f.Wanted = b.mode == "branch"
			b.failures = append(b.failures, f)
		}
	})
}

// home makes the entry and sends it.
func (b *bookkeeper) home(ctx context.Context) error {
	p, e := b.p, b.p.event
	if e.Ref == ledgerRef(b.branch) && !onDefault(e) {
		return nil // our own push, by a token that starts workflows
	}
	run, attempt := p.a.runNumber()
	if e.Repository == "" || run == 0 {
		return nil
	}
	if err := b.own(ctx, run, attempt); err != nil || b.token == "" {
		return err
	}
	l, err := p.a.openLedger(ctx, b.token, e.Repository, e.SHA, b.branch)
	if err != nil {
		return err
	}
	defer l.close()
	b.all, err = l.record(ctx, fmt.Sprintf("%d-%d", run, attempt), []costs.Entry{b.entry})
	if err == nil && foldsHere(e, b.branch) {
		err = b.foldHere(ctx, l)
	}
	if b.context && isOwn(e) && b.verdict != nil && b.verdict.Decision == gates.Pass {
		if f := l.failure(contextFile, b.carry(ctx, l)); f != nil {
			f.Wanted = true
			b.failures = append(b.failures, f)
		}
	}
	if err != nil {
		return l.failure("the ledger", err)
	}
	return nil
}

func (b *bookkeeper) foldHere(ctx context.Context, l *ledger) error {
	books, done, err := b.p.a.openBooks(ctx, or(b.p.top, b.p.a.dir))
	if err != nil {
		return err
	}
	defer done()
	return l.fold(ctx, books)
}

func onDefault(e ci.Event) bool {
	return e.PullRequest == 0 && e.DefaultBranch != "" && e.Ref == "refs/heads/"+e.DefaultBranch
}

// isOwn says whether a run of the default branch was started by the clock or by
// hand. No push starts such a run, so that one that pushes there makes no loop,
// whoever's token it has.
func isOwn(e ci.Event) bool {
	return onDefault(e) && (e.Name == "schedule" || e.Name == "workflow_dispatch")
}

// foldsHere says whether a run brings the entries onto the ledger's branch: those
// of the default branch do, whose budget and time zone are checked out. The
// others only leave theirs.
func foldsHere(e ci.Event, branch string) bool {
	return onDefault(e) && (branch != e.DefaultBranch || isOwn(e))
}

// own makes the entry of this job, up to now.
func (b *bookkeeper) own(ctx context.Context, run int64, attempt int) (err error) {
	p := b.p
	job := github.RunJob{Started: b.started}
	known := false
	if b.token != "" {
		job, known = p.a.ownJob(ctx, p.a.server(b.token), p.event.Repository, run, attempt, job)
	}
	id := strconv.FormatInt(job.ID, 10)
	if !known {
		id = or(p.job.ID, "step")
	}
	job.Completed = p.a.now()
	sku, standard := runnerSKU(job.Labels, p.a.getenv("RUNNER_OS"), p.a.getenv("RUNNER_ARCH"), p.a.getenv("RUNNER_ENVIRONMENT"))
	b.entry, err = p.a.minutes(p.event, fmt.Sprintf("%d/%d/%s", run, attempt, id), job, sku, p.event.Public && standard, known)
	return err
}

// ownJob is the job of this runner that has not ended, where GitHub tells.
func (a *app) ownJob(ctx context.Context, s github.Server, repository string, run int64, attempt int, guess github.RunJob) (github.RunJob, bool) {
	jobs, err := github.Jobs(ctx, s, repository, run, attempt)
	if err != nil {
		return guess, false
	}
	found := guess
	n := 0
	for _, j := range jobs {
		if j.Runner == a.getenv("RUNNER_NAME") && j.Completed.IsZero() && !j.Started.After(a.now()) {
			found = j
			n++
		}
	}
	if n != 1 {
		return guess, false
	}
	return found, true
}

const entrySource = "github"

func pullTask(number int) string { return "#" + strconv.Itoa(number) }

// ownBranch is the branch of this repository that the event is about; a fork's
// branch is not ours.
func ownBranch(e ci.Event) string {
	if e.PullRequest > 0 {
		if e.Fork {
			return ""
		}
		return e.HeadRef
	}
	branch, _ := strings.CutPrefix(e.Ref, "refs/heads/")
	if strings.HasPrefix(branch, "refs/") {
		return ""
	}
	return branch
}

// minutes is the entry of a job. What GitHub does not tell is an estimate.
func (a *app) minutes(e ci.Event, id string, job github.RunJob, sku string, free, known bool) (costs.Entry, error) {
	entry := costs.Entry{
		Key: "github:" + e.Repository + "/" + id, Time: job.Started.UTC().Truncate(time.Second), Source: entrySource,
		Branch: ownBranch(e), Commit: reportHead(e),
	}
	if e.PullRequest > 0 {
		entry.Task = pullTask(e.PullRequest)
	}
	if name, ok := strings.CutPrefix(entry.Branch, "feature/"); ok {
		entry.Feature = name
	}
	entry, err := entry.Runner(sku, costs.WholeMinutes(job.Completed.Sub(job.Started)), free)
	if err == nil && !known && entry.Basis == costs.List {
		entry.Basis = costs.Estimate
	}
	if err != nil {
		return costs.Entry{}, err
	}
	return entry.Seal(a.now())
}

// runNumber is the workflow run and which attempt of it this is.
func (a *app) runNumber() (run int64, attempt int) {
	run, _ = strconv.ParseInt(a.getenv("GITHUB_RUN_ID"), 10, 64)
	attempt, _ = strconv.Atoi(a.getenv("GITHUB_RUN_ATTEMPT"))
	return max(0, run), max(1, attempt)
}

// ledgerFailure is an error of the way home.
func (p *platform) ledgerFailure(err error) *github.Failure {
	var f *github.Failure
	if errors.As(err, &f) {
		return f
	}
	return &github.Failure{What: "the ledger", Why: err.Error()}
}
