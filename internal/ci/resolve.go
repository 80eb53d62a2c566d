package ci

import (
	"context"
	"errors"
	"fmt"

	"github.com/wf-ci/wf-ci/internal/git"
)

// ErrUnreadableBase says that there is a base, and that it is not here and
// could not be brought. Exit status 3: what is new cannot be told.
var ErrUnreadableBase = errors.New("the base cannot be read")

// ErrNotCheckedOut says that the work tree is not what the event is about.
// Exit status 3: the change was not looked at.
var ErrNotCheckedOut = errors.New("the change is not checked out")

// Repository is what resolving asks of a repository; see the methods of
// [git.Repo]. Commit's error is [git.ErrUnknownRevision] where a revision names
// nothing here. Fetch brings one commit without its history.
type Repository interface {
	Head(ctx context.Context) (string, error)
	Branch(ctx context.Context) (string, error)
	DefaultBranch(ctx context.Context) (rev, name string, err error)
	Commit(ctx context.Context, rev string) (string, error)
	Parents(ctx context.Context, commit string) ([]string, error)
	MergeBase(ctx context.Context, a, b string) (string, error)
	Fetch(ctx context.Context, commit string) error
}

// Resolved is what to compare, in commits that are here.
type Resolved struct {
	Base        string // empty: nothing to compare with, so everything is new
	PolicyBase  string // the policy is read here; empty: from the files
	Head        string // what is checked out; empty before the first commit
	PullRequest bool   // the event is a pull request's
	Note        string // what is compared and why, in one sentence

	// Unborn: Base is empty because the branch has no commit of its own yet.
	// What is not committed, where there is anything, is the change since Head.
	Unborn bool
}

// Resolve looks up in a repository what the event asks to compare; without an
// event it is [ResolveLocal]. offline keeps it from fetching. The error is
// [ErrUnreadableBase], [ErrNotCheckedOut], the context's, or git's own.
func Resolve(ctx context.Context, e Event, repo Repository, offline bool) (Resolved, error) {
	if e.Name == "" {
		return ResolveLocal(ctx, repo, "", e.DefaultBranch)
	}
	r := &resolver{repo: repo, offline: offline, c: e.Comparison()}
	head, err := repo.Head(ctx)
	if err != nil {
		return Resolved{}, err
	}
	r.head = head
	res, err := r.resolve(ctx)
	if err != nil {
		return Resolved{}, fmt.Errorf("compare %s: %w", r.c.Why, err)
	}
	res.Head = head
	res.PullRequest = r.c.Kind == KindPullRequest
	return res, nil
}

// ResolveBase is [Resolve] for a run that names the base itself (the input
// base-ref): the change is taken against that, and the policy still comes from
// where the event says.
func ResolveBase(ctx context.Context, e Event, repo Repository, base string, offline bool) (Resolved, error) {
	res, err := Resolve(ctx, e, repo, offline)
	if err != nil {
		return Resolved{}, err
	}
	local, err := ResolveLocal(ctx, repo, base, "")
	if err != nil {
		return Resolved{}, err
	}
	res.Base, res.Note = local.Base, local.Note
	if res.Base == res.Head {
		res.Base, res.Note = "", everything(base+" has no commit of its own to compare with")
	}
	return res, nil
}

type resolver struct {
	repo    Repository
	offline bool
	c       Comparison
	head    string
}

func (r *resolver) resolve(ctx context.Context) (Resolved, error) {
	switch {
	case r.c.Kind == KindPullRequest || r.c.Kind == KindMergeGroup:
		if r.head == "" {
			return Resolved{}, fmt.Errorf("%w: there is no commit here", ErrNotCheckedOut)
		}
		if r.c.Kind == KindMergeGroup {
			return r.mergeGroup(ctx)
		}
		return r.pullRequest(ctx)
	case r.head == "":
		return Resolved{Note: everything("there is no commit yet")}, nil
	case r.c.Kind == KindPush:
		return r.push(ctx)
	}
	return Resolved{Note: r.c.Why}, nil
}

// pullRequest compares with the base of a pull request: the first parent of the
// test merge, else the merge base.
func (r *resolver) pullRequest(ctx context.Context) (Resolved, error) {
	parents, err := r.repo.Parents(ctx, r.head)
	if err != nil {
		return Resolved{}, err
	}
	isMerge := len(parents) == 2 && r.c.Head != "" && parents[1] == r.c.Head
	if isMerge {
		if trusted, err := r.isBase(ctx, parents[0]); err != nil {
			return Resolved{}, err
		} else if trusted {
			return r.testMerge(ctx, parents[0])
		}
	}
	if !isMerge {
		if err := r.checkHead(ctx); err != nil {
			return Resolved{}, err
		}
	}
	return r.mergeBase(ctx)
}

// isBase says whether the first parent of a merge is surely the base. The
// author of a pull request can make a merge commit too, of a policy of their
// own with their own head: only the platform's test merge, by its id, and a
// parent that the base's history holds are believed.
func (r *resolver) isBase(ctx context.Context, parent string) (bool, error) {
	switch {
	case r.head == r.c.Merge:
		return true, nil
	case len(r.c.Bases) == 0:
		return false, nil
	case parent == r.c.Bases[0]:
		return true, nil
	}
	base, err := r.find(ctx, r.c.Bases[0])
	if err != nil || base == "" {
		return false, err
	}
	return r.contains(ctx, base, parent)
}

// testMerge compares with the merge commit's first parent. In a checkout of
// depth 1 the commit names it, and it has to be brought.
func (r *resolver) testMerge(ctx context.Context, parent string) (Resolved, error) {
	base, err := r.bring(ctx, parent)
	if err != nil {
		return Resolved{}, err
	}
	return Resolved{
		Base: base, PolicyBase: base,
		Note: "the pull request against " + short(base) + ", the first parent of its test merge",
	}, nil
}

// mergeGroup compares with the commit that the queue puts the group on.
func (r *resolver) mergeGroup(ctx context.Context) (Resolved, error) {
	if err := r.checkHead(ctx); err != nil {
		return Resolved{}, err
	}
	if r.head != r.c.Head || len(r.c.Bases) != 1 {
		return r.mergeBase(ctx)
	}
	base, err := r.bring(ctx, r.c.Bases[0])
	if err != nil {
		return Resolved{}, err
	}
	return r.against(base, base, "the merge group against "+short(base)), nil
}

// mergeBase compares with where the head left its base. The policy is the
// base's of today: an author does not choose an older one by starting from an
// older commit.
func (r *resolver) mergeBase(ctx context.Context) (Resolved, error) {
	if len(r.c.Bases) == 0 {
		return r.unnamedBase(ctx)
	}
	tip, err := r.baseTip(ctx)
	if err != nil {
		return Resolved{}, err
	}
	base, err := r.repo.MergeBase(ctx, tip, r.head)
	if err != nil {
		return Resolved{}, err
	}
	if base == "" {
		return Resolved{}, fmt.Errorf("%w: no common commit of %s and HEAD is here; check out with fetch-depth: 0", ErrUnreadableBase, short(tip))
	}
	return r.against(base, tip, "the change since "+short(base)+", where it left "+short(tip)), nil
}

// baseTip is the first of the bases that is here. An id that is not is fetched.
func (r *resolver) baseTip(ctx context.Context) (string, error) {
	if git.IsID(r.c.Bases[0]) {
		return r.bring(ctx, r.c.Bases[0])
	}
	for _, rev := range r.c.Bases {
		if tip, err := r.find(ctx, rev); err != nil || tip != "" {
			return tip, err
		}
	}
	return "", fmt.Errorf("%w: %s is not here; check out with fetch-depth: 0", ErrUnreadableBase, r.c.Bases[0])
}

// unnamedBase is for payloads that name no base at all, which GitHub never
// sends and act does: as on a laptop.
func (r *resolver) unnamedBase(ctx context.Context) (Resolved, error) {
	base, tip, why, err := sinceDefault(ctx, r.repo, r.head, r.c.Default)
	if err != nil {
		return Resolved{}, err
	}
	if base == "" {
		return Resolved{PolicyBase: tip, Note: everything("the event names no base, and " + why)}, nil
	}
	return r.against(base, tip, "the event names no base: "+why), nil
}

// against compares with a base, unless that is HEAD itself: an empty change
// would pass without a look, so everything is looked at.
func (r *resolver) against(base, policy, note string) Resolved {
	if base == r.head {
		return Resolved{PolicyBase: policy, Note: everything("HEAD is its own base, " + short(base))}
	}
	return Resolved{Base: base, PolicyBase: policy, Note: note}
}

// checkHead makes sure that HEAD is, or contains, what the event is about.
func (r *resolver) checkHead(ctx context.Context) error {
	if r.c.Head == "" || r.head == r.c.Head {
		return nil
	}
	here, err := r.find(ctx, r.c.Head)
	if err != nil {
		return err
	}
	if here != "" {
		if ok, err := r.contains(ctx, r.head, here); err != nil || ok {
			return err
		}
	}
	return fmt.Errorf("%w: HEAD is %s, and does not hold %s; the step actions/checkout has to check out the change (pull_request_target does not by itself)",
		ErrNotCheckedOut, short(r.head), short(r.c.Head))
}

// contains says whether a commit is the other, or has it in its history.
func (r *resolver) contains(ctx context.Context, commit, other string) (bool, error) {
	if commit == other {
		return true, nil
	}
	if here, err := r.find(ctx, other); err != nil || here == "" {
		return false, err
	}
	base, err := r.repo.MergeBase(ctx, commit, other)
	return base == other, err
}

// find is the commit of a revision; empty where it is not here.
func (r *resolver) find(ctx context.Context, rev string) (string, error) {
	return find(ctx, r.repo, rev)
}

func find(ctx context.Context, repo Repository, rev string) (string, error) {
	id, err := repo.Commit(ctx, rev)
	if errors.Is(err, git.ErrUnknownRevision) {
		return "", nil
	}
	return id, err
}

// bring is the commit with an id, fetched where it is not here. The error is
// [ErrUnreadableBase] where that fails.
func (r *resolver) bring(ctx context.Context, id string) (string, error) {
	if here, err := r.find(ctx, id); err != nil || here != "" {
		return here, err
	}
	if r.offline {
		return "", fmt.Errorf("%w: %s is not here, and fetching is off; check out with fetch-depth: 0", ErrUnreadableBase, short(id))
	}
	fetchErr := r.repo.Fetch(ctx, id)
	if err := ctx.Err(); err != nil {
		return "", err
	}
	here, err := r.find(ctx, id)
	if err != nil || here != "" {
		return here, err
	}
	if fetchErr == nil {
		fetchErr = errors.New("the remote has no such commit")
	}
	return "", fmt.Errorf("%w: fetch %s: %w; check out with fetch-depth: 0", ErrUnreadableBase, short(id), fetchErr)
}
