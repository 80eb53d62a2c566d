package github

import (
	"context"
	"fmt"

	"github.com/wf-ci/wf-ci/gates"
)

// When to do something: tried, asked for, or not done.
const (
	Auto  = "auto"
	True  = "true"
	False = "false"
)

// When to keep a comment.
const (
	CommentAlways    = "always"
	CommentOnFailure = "on-failure"
	CommentNever     = "never"
)

// Job is what a run reports, and where. Every value is checked before it is
// used.
type Job struct {
	Repository  string // owner/name. Required.
	Head        string // the commit to report on. Required.
	PullRequest int    // zero: none
	Name        string // of the check run, the status and the comment. Required.
	Category    string // of this run among others of one commit, for code scanning
	ID          string // names this run of this step, whatever runs beside it. Required.
	RunID       int64  // of the workflow run; later ones are larger
	Link        string // to the workflow run
	Origin      string // where the result is from, in a line; empty: from this run

	// Cost says what the run and the pull request have cost, in a line; empty:
	// not known. It is asked when the check run is complete. Nil: not known.
	Cost func(context.Context) string

	CheckRun string // Auto, True or False
	Upload   string // Auto, True or False
	Comment  string // CommentAlways, CommentOnFailure or CommentNever

	// Analysis says for which ref and commit code scanning takes the findings;
	// no ref: for none. Nil: nothing is uploaded.
	Analysis func(*gates.Verdict) (ref, commit string)
	// ReadFile reads a file of the commit, for the hashes of its lines.
	ReadFile func(path string) ([]byte, error)
}

// Told is what GitHub took.
type Told struct {
	Annotated bool // the annotations stand at the check run
	Open      bool // the check run has not come to its end, or not come at all: Close it
	Status    bool // a commit status stands for the check run
	Uploaded  bool // the findings are in code scanning
	Commented bool
}

// Reporter tells GitHub of one run. Its methods never panic and never take
// longer than a fixed time; their errors turn no verdict ([Failures]).
type Reporter struct {
	begin func(context.Context)
	end   func(context.Context, *gates.Verdict) (Told, error)
	close func(context.Context, Ending) error
}

// NewReporter asks nothing of GitHub yet. The error is a mistake in the
// environment.
func NewReporter(server Server, j Job) (*Reporter, error) {
	s, err := newSession(server, j.Repository)
	if err != nil {
		return nil, err
	}
	if !isCommit(j.Head) || j.Name == "" || j.ID == "" {
		return nil, fmt.Errorf("report on commit %.80q as %q: want a commit, a name and an id", j.Head, j.Name)
	}
	r := &reporting{s: s, job: j, begun: make(chan struct{})}
	return &Reporter{begin: r.begin, end: r.end, close: r.close}, nil
}

// Begin makes the check run that is in progress, without keeping the caller.
// Call End or Close after it, and it once.
func (r *Reporter) Begin(ctx context.Context) { r.begin(ctx) }

// End writes the verdict everywhere. The error holds the [Failures].
func (r *Reporter) End(ctx context.Context, v *gates.Verdict) (Told, error) { return r.end(ctx, v) }

// Ending is how a check run ends that its verdict did not reach.
type Ending struct {
	Conclusion string // "cancelled" or "failure"
	Title      string // in a few words
	Why        string
}

// Close ends what Begin or End has left open, of this process or of one that is
// gone.
func (r *Reporter) Close(ctx context.Context, e Ending) error { return r.close(ctx, e) }

// reporting is a reporter at work; see session for why it is hidden.
type reporting struct {
	s     *session
	job   Job
	begun chan struct{} // closed when begin is done; nil: there was none

	started  bool
	check    *check
	checkErr error // why there is none
	status   bool  // a pending status is there
}

func (r *reporting) begin(ctx context.Context) {
	r.started = true
	go func() {
		defer close(r.begun)
		ctx, cancel := context.WithTimeout(ctx, beginBudget)
		defer cancel()
		r.open(ctx)
	}()
}

// open makes a check run, or where the token may not, a status.
func (r *reporting) open(ctx context.Context) {
	if r.job.CheckRun == False {
		return
	}
	r.check, r.checkErr = r.s.createCheck(ctx, &r.job)
	if f := failed("", "", r.checkErr); f != nil && f.Denied {
		r.status = r.s.setStatus(ctx, &r.job, "pending", "the gates are running") == nil
	}
}

func (r *reporting) end(ctx context.Context, v *gates.Verdict) (told Told, err error) {
	r.wait()
	r.s.transport.revive()
	ctx, cancel := context.WithTimeout(ctx, endBudget)
	defer cancel()
	var all failures
	all.add(r.endCheck(ctx, v, &told))
	all.add(r.endComment(ctx, v, &told))
	all.add(r.endUpload(ctx, v, &told))
	return told, all.err()
}

func (r *reporting) wait() {
	if r.started {
		<-r.begun
	}
}

func (r *reporting) endCheck(ctx context.Context, v *gates.Verdict, told *Told) *Failure {
	if r.job.CheckRun == False {
		return nil
	}
	f := failed("the check run", needChecks, r.checkErr)
	if r.check == nil && (f == nil || !f.Denied) { // GitHub was away, and may be back
		r.open(ctx)
		f = failed("the check run", needChecks, r.checkErr)
		told.Open = r.check == nil && f != nil && !f.Denied // it may be there all the same
	}
	if r.check != nil {
		f = failed("the check run", needChecks, r.s.completeCheck(ctx, r.check, v, told))
	}
	if r.status {
		told.Status = r.s.setStatus(ctx, &r.job, state(v.Decision), headline(v)) == nil
	}
	return r.wanted(f, r.job.CheckRun == True)
}

func (r *reporting) wanted(f *Failure, wanted bool) *Failure {
	if f != nil {
		f.Wanted = wanted
	}
	return f
}

func (r *reporting) endComment(ctx context.Context, v *gates.Verdict, told *Told) *Failure {
	if r.job.PullRequest == 0 || r.job.Comment == CommentNever {
		return nil
	}
	err := r.s.comment(ctx, &r.job, v)
	told.Commented = err == nil
	return failed("the comment", needComments, err)
}

func (r *reporting) endUpload(ctx context.Context, v *gates.Verdict, told *Told) *Failure {
	if r.job.Upload == False || r.job.Analysis == nil {
		return nil
	}
	ref, commit := r.job.Analysis(v)
	if ref == "" {
		return nil
	}
	done, err := r.s.upload(ctx, &r.job, v, ref, commit)
	told.Uploaded = done && err == nil
	return r.wanted(scanningFailure(err), r.job.Upload == True)
}

// close looks for open check runs of this job, also of a process that was
// killed. What has its end already keeps it: that process was killed before it
// knew. Where there is none at all, one comes now, or where check runs are not
// ours to write, a status: a required check has to come.
func (r *reporting) close(ctx context.Context, e Ending) error {
	r.wait()
	r.s.transport.revive()
	ctx, cancel := context.WithTimeout(ctx, closeBudget)
	defer cancel()
	if r.job.CheckRun == False {
		return nil
	}
	open, ended, err := []*check{r.check}, 0, error(nil)
	if r.check == nil {
		if open, ended, err = r.s.ownChecks(ctx, &r.job); err == nil && len(open)+ended == 0 {
			open, err = r.missing(ctx)
		}
	}
	var all failures
	if f := failed("the check run", needChecks, err); f != nil && f.Denied {
		all.add(r.closeStatus(ctx, e))
	} else {
		all.add(f)
	}
	for _, c := range open {
		all.add(failed("the check run", needChecks, r.s.closeCheck(ctx, c, e)))
	}
	return all.err()
}

// missing makes the check run that nobody has made.
func (r *reporting) missing(ctx context.Context) ([]*check, error) {
	c, err := r.s.createCheck(ctx, &r.job)
	if err != nil {
		return nil, err
	}
	return []*check{c}, nil
}

func (r *reporting) closeStatus(ctx context.Context, e Ending) *Failure {
	f := failed("the commit status", needStatuses, r.s.setStatus(ctx, &r.job, "error", e.Why))
	if f != nil && f.Denied {
		return nil
	}
	return f
}
