package ci

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// dependabot is whose runs get a token that may not write, as a fork's do.
const dependabot = "dependabot[bot]"

// Event is why the workflow runs, from the environment and the payload. Every
// value is checked: ids are ids, refs are legal refs. What the platform did not
// say is empty.
type Event struct {
	Name string // "pull_request", "push", …; empty: there is no event
	SHA  string // GITHUB_SHA: of the test merge, the tip, the default branch, …
	Ref  string // GITHUB_REF: "refs/heads/main", "refs/pull/7/merge", …

	PullRequest int    // its number; zero: none
	HeadSHA     string // of the pull request or the merge group
	BaseSHA     string
	BaseRef     string // short name of the branch to merge into
	HeadRef     string // short name of the branch to merge; chosen by its author

	DefaultBranch string // short name
	Repository    string // owner/name
	Public        bool   // everybody may see the repository

	Run WorkflowRun // of the event workflow_run: the run that it is about

	Fork       bool   // the pull request comes from another repository, or from one that is gone
	Actor      string // whose rights the run has
	Dependabot bool   // Actor is Dependabot

	Before  string // a push: the tip before; empty for a new ref
	After   string // a push: the tip now; empty for a deleted ref
	Created bool
	Deleted bool
	Forced  bool
}

// WorkflowRun is a run that has ended, as GitHub says it.
type WorkflowRun struct {
	ID             int64
	Attempt        int // from 1
	HeadSHA        string
	HeadRepository string // owner/name; empty: it is gone
	Event          string // what started it
	Conclusion     string
}

// ReadEvent reads the event from GITHUB_*. Without GITHUB_EVENT_NAME it is the
// zero Event and no error. A missing field is none, as in the nearly empty
// payloads of act; a payload that cannot be read, is no JSON or holds what the
// platform never sends is an error that names the file and the field.
func ReadEvent(getenv func(string) string) (Event, error) {
	name := getenv("GITHUB_EVENT_NAME")
	if name == "" {
		return Event{}, nil
	}
	if !eventName.MatchString(name) {
		return Event{}, fmt.Errorf("GITHUB_EVENT_NAME %s is no event's name", show(name))
	}
	p, err := readPayload(getenv("GITHUB_EVENT_PATH"))
	if err != nil {
		return Event{}, err
	}
	e := Event{
		Name:    name,
		Created: p.Created, Deleted: p.Deleted, Forced: p.Forced,
		Actor: plainText(getenv("GITHUB_ACTOR")),
	}
	e.Dependabot = e.Actor == dependabot
	c := &checker{}
	e.fromEnv(c, getenv)
	e.fromPayload(c, p)
	if c.err != nil {
		return Event{}, fmt.Errorf("event %s (%s): %w", name, getenv("GITHUB_EVENT_PATH"), c.err)
	}
	return e, nil
}

// ReadOnly says that the token of this run cannot write, whatever the workflow
// asks for: a pull request from a fork, or a run by Dependabot
// (github.md A6; "Send write tokens" of private repositories is not seen here).
func (e Event) ReadOnly() bool {
	switch e.Name {
	case "pull_request", "pull_request_review", "pull_request_review_comment":
		return e.Fork || e.Dependabot
	case "push", "create", "deployment", "deployment_status":
		return e.Dependabot
	}
	return false
}

func (e *Event) fromEnv(c *checker, getenv func(string) string) {
	e.SHA = c.id("GITHUB_SHA", getenv("GITHUB_SHA"))
	e.Ref = c.ref("GITHUB_REF", getenv("GITHUB_REF"))
	e.BaseRef = c.branch("GITHUB_BASE_REF", getenv("GITHUB_BASE_REF"))
	e.HeadRef = c.branch("GITHUB_HEAD_REF", getenv("GITHUB_HEAD_REF"))
	e.Repository = c.repository("GITHUB_REPOSITORY", getenv("GITHUB_REPOSITORY"))
}

// fromPayload adds what the payload says; it knows better than the environment,
// whose refs mean another thing for pull_request_target (github.md 0.2).
func (e *Event) fromPayload(c *checker, p payload) {
	e.DefaultBranch = c.branch("repository.default_branch", p.Repository.DefaultBranch)
	e.Public = p.Repository.Visibility == "public"
	e.Before = c.id("before", p.Before)
	e.After = c.id("after", p.After)
	switch {
	case p.PullRequest != nil:
		e.fromPullRequest(c, p)
	case p.MergeGroup != nil:
		e.HeadSHA = c.id("merge_group.head_sha", p.MergeGroup.HeadSHA)
		e.BaseSHA = c.id("merge_group.base_sha", p.MergeGroup.BaseSHA)
		e.BaseRef = first(c.branch("merge_group.base_ref", p.MergeGroup.BaseRef), e.BaseRef)
		e.HeadRef = first(c.branch("merge_group.head_ref", p.MergeGroup.HeadRef), e.HeadRef)
	case p.WorkflowRun != nil:
		r := p.WorkflowRun
		e.Run = WorkflowRun{
			ID: r.ID, Attempt: max(1, r.Attempt), HeadSHA: c.id("workflow_run.head_sha", r.HeadSHA),
			Event: plainText(r.Event), Conclusion: plainText(r.Conclusion),
		}
		if r.HeadRepository != nil {
			e.Run.HeadRepository = c.repository("workflow_run.head_repository.full_name", r.HeadRepository.FullName)
		}
	}
}

func (e *Event) fromPullRequest(c *checker, p payload) {
	pr := p.PullRequest
	e.PullRequest = c.number("pull_request.number", pr.Number, p.Number, numberIn(e.Ref))
	e.HeadSHA = c.id("pull_request.head.sha", pr.Head.SHA)
	e.BaseSHA = c.id("pull_request.base.sha", pr.Base.SHA)
	e.BaseRef = first(c.branch("pull_request.base.ref", pr.Base.Ref), e.BaseRef)
	e.HeadRef = first(c.branch("pull_request.head.ref", pr.Head.Ref), e.HeadRef)
	e.Fork = pr.fork()
}

// numberIn is the pull request of refs/pull/N/merge or refs/pull/N/head.
func numberIn(ref string) int {
	rest, ok := strings.CutPrefix(ref, "refs/pull/")
	digits, _, _ := strings.Cut(rest, "/")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return 0
	}
	return n
}

var (
	eventName      = lazyregexp.New(`^[a-z_]{1,64}$`)
	objectID       = lazyregexp.New(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	repositoryName = lazyregexp.New(`^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$`)
)

// checker lets through only what the platform can mean. The first error stays.
type checker struct{ err error }

func (c *checker) fault(field, value, want string) string {
	if c.err == nil {
		c.err = fmt.Errorf("%s %s is not %s", field, show(value), want)
	}
	return ""
}

// id is a commit's id; the zero id, which stands for none, is empty.
func (c *checker) id(field, value string) string {
	switch {
	case value == "" || strings.Trim(value, "0") == "" && objectID.MatchString(value):
		return ""
	case !objectID.MatchString(value):
		return c.fault(field, value, "a commit id")
	}
	return value
}

func (c *checker) ref(field, value string) string {
	if value != "" && !legalRef(value) {
		return c.fault(field, value, "a ref")
	}
	return value
}

// branch is the short name of a branch, also where it is given in full.
func (c *checker) branch(field, value string) string {
	return strings.TrimPrefix(c.ref(field, value), "refs/heads/")
}

func (c *checker) repository(field, value string) string {
	if value != "" && (!repositoryName.MatchString(value) || strings.Contains(value, "..")) {
		return c.fault(field, value, "owner/name")
	}
	return value
}

// number is the first that is given.
func (c *checker) number(field string, candidates ...int) int {
	for _, n := range candidates {
		if n < 0 {
			c.fault(field, strconv.Itoa(n), "a number from 1")
		}
		if n > 0 {
			return n
		}
	}
	return 0
}

// legalRef is git's own rule for the names of refs (git check-ref-format), and
// a bound. A name that begins with a dash would be read as an option.
func legalRef(name string) bool {
	if len(name) > 1024 || strings.HasPrefix(name, "-") || strings.HasSuffix(name, ".") || name == "@" ||
		strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.ContainsAny(name, " ~^:?*[\\\x7f") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return strings.IndexFunc(name, func(r rune) bool { return r < ' ' }) < 0
}

// show quotes a value for an error: one line, bounded, whatever it holds.
func show(value string) string {
	const most = 80
	if len(value) > most {
		return strconv.Quote(value[:most]) + "…"
	}
	return strconv.Quote(value)
}

// plainText is a name for people, or nothing when it is not one.
func plainText(s string) string {
	if len(s) > 256 || strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return ""
	}
	return s
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
