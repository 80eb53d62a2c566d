package bisect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

// Room is a scratch worktree in which commits are checked. The user's own tree,
// index and branches are not touched.
type Room struct {
	Git     git.Work      // in the user's repository. Required.
	Runner  *run.Runner   // for the check. Required.
	Dir     string        // of the worktree; it is made. Required.
	Command []string      // the check. Required.
	Keep    []string      // patterns of ignored files that stay from commit to commit (git clean -e)
	Timeout time.Duration // a run that takes longer has failed; zero: none
}

// UsageError is a mistake of the caller's, found before anything was run.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }

// History is the graph between two revisions.
func History(ctx context.Context, w git.Work, good, bad string) (Graph, error) {
	ids := make([]string, 2)
	for i, rev := range []string{good, bad} {
		id, err := w.Line(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
		if err != nil && ctx.Err() == nil {
			return Graph{}, &UsageError{fmt.Sprintf("%q: %v", rev, git.ErrUnknownRevision)}
		}
		if err != nil {
			return Graph{}, err
		}
		ids[i] = id
	}
	if ids[0] == ids[1] {
		return Graph{}, &UsageError{fmt.Sprintf("good and bad are the same commit %s", short(ids[0]))}
	}
	if err := follows(ctx, w, ids[0], ids[1]); err != nil {
		return Graph{}, err
	}
	list, err := w.Git(ctx, "rev-list", "--topo-order", "--reverse", "--parents", ids[1], "^"+ids[0])
	if err != nil {
		return Graph{}, err
	}
	return ReadGraph(ids[0], ids[1], list)
}

// follows says that bad comes after good; where it does not, what would.
func follows(ctx context.Context, w git.Work, good, bad string) error {
	base, err := w.Line(ctx, "merge-base", good, bad)
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil || base == "":
		return &UsageError{fmt.Sprintf("%s and %s have no common history here", short(good), short(bad))}
	case base == bad:
		return &UsageError{"the bad revision comes before the good one: change them over, or look for the fix instead"}
	case base != good:
		return &UsageError{fmt.Sprintf("bad does not come after good; they part at %s: try --good %s", short(base), short(base))}
	}
	return nil
}

// Open makes the worktree, at the good revision. The function takes it away.
func (r *Room) Open(ctx context.Context, at string) (func() error, error) {
	if _, err := r.Git.Git(ctx, "worktree", "add", "--quiet", "--detach", "--", r.Dir, at); err != nil {
		return nil, fmt.Errorf("make a scratch worktree: %w", err)
	}
	return func() error {
		ctx := context.WithoutCancel(ctx)
		_, err := r.Git.Git(ctx, "worktree", "remove", "--force", "--force", "--", r.Dir)
		if err != nil { // what the check has left may be in the way
			if err = os.RemoveAll(r.Dir); err == nil {
				_, err = r.Git.Git(ctx, "worktree", "prune")
			}
		}
		return err
	}, nil
}

// Check runs the check once on a commit. The statuses are those of git bisect
// run: 0 passes, 125 skips, up to 127 fails; a signal or more is an error.
func (r *Room) Check(ctx context.Context, commit string) (Answer, error) {
	if err := r.visit(ctx, commit); err != nil {
		return Fail, err
	}
	inner, cancel := ctx, context.CancelFunc(func() {})
	if r.Timeout > 0 {
		inner, cancel = context.WithTimeout(ctx, r.Timeout)
	}
	defer cancel()
	res, err := r.Runner.Run(inner, run.Command{Name: r.Command[0], Args: r.Command[1:], Dir: r.Dir, Contain: true, Keep: 8 << 10})
	var exit *run.ExitError
	switch {
	case ctx.Err() != nil:
		return Fail, ctx.Err()
	case err == nil:
		return Pass, nil
	case inner.Err() != nil:
		return Fail, nil // it took too long
	case errors.As(err, &exit):
		return r.answer(commit, res, err)
	}
	return Fail, fmt.Errorf("at %s: %w: name a program that is there at every commit (an absolute path), or one that ends with 125 where it cannot tell", short(commit), err)
}

func (r *Room) answer(commit string, res run.Result, err error) (Answer, error) {
	switch {
	case res.Exit == 125:
		return Skip, nil
	case res.Exit < 128:
		return Fail, nil
	}
	return Fail, fmt.Errorf("at %s: %w: a status above 127 is a crash of the check, and no answer", short(commit), err)
}

// visit brings the worktree to a commit, as a fresh checkout would be: also
// between two runs of the same commit, so that one run does not help the next.
func (r *Room) visit(ctx context.Context, commit string) error {
	w := r.Git.In(r.Dir)
	clean := []string{"clean", "-ffdxq"}
	for _, p := range r.Keep {
		clean = append(clean, "-e", p)
	}
	// Not a reset: that would move a branch that the check has put HEAD on.
	steps := [][]string{{"checkout", "--quiet", "--force", "--detach", commit, "--"}, clean}
	for _, args := range steps {
		if _, err := w.Git(ctx, args...); err != nil {
			return fmt.Errorf("check out %s: %w", short(commit), err)
		}
	}
	return nil
}

// Subject is the first line of a commit's message.
func Subject(ctx context.Context, w git.Work, commit string) (string, error) {
	s, err := w.Git(ctx, "show", "--no-patch", "--no-show-signature", "--format=%s", "--end-of-options", commit)
	return strings.TrimSpace(s), err
}
