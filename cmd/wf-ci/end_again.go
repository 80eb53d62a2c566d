package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/session"
)

// onlyOurs says whether the day's commit is the only one that another commit does
// not have.
func (e *evening) onlyOurs(ctx context.Context, work git.Work, theirs string) bool {
	if e.out.Commit == "" {
		return false
	}
	n, err := work.Line(ctx, "rev-list", "--count", theirs+"..HEAD")
	return err == nil && n == "1"
}

// again writes down the day anew on top of what somebody else has pushed, where
// our commit does not go together with it: two runs that end the same day change
// the same blocks and fold the same books. Our blocks are written into their
// documents, and the entries of both are folded. False: not only our commit is
// ahead, and nothing was touched.
func (e *evening) again(ctx context.Context, work git.Work, found *session.Collected, branch, theirs string) (did bool, err error) {
	if !e.onlyOurs(ctx, work, theirs) {
		return false, nil
	}
	ours := e.out.Commit
	added, err := work.Git(ctx, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--diff-filter=A", ours+"^", ours, "--", ":(top,literal)costs/entries")
	if err != nil {
		return false, nil
	}
	if err := work.MoveBranch(ctx, branch, theirs); err != nil {
		return false, nil // changes of the user's are in the way
	}
	e.out.Commit, e.out.Changed, e.base = "", []string{}, theirs
	if err := e.anew(ctx, work, found, ours, splitNames(added)); err != nil {
		return true, fmt.Errorf("end the day on top of what somebody else has pushed: %w; what was written before is in commit %s", err, ours)
	}
	e.out.Notes = append(e.out.Notes, "somebody was faster: the day is written down on top of what they have pushed")
	return true, nil
}

func splitNames(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == 0 })
}

// anew does the steps that write, in the order of [evening.write]. The log of the
// user has what was learned already.
func (e *evening) anew(ctx context.Context, work git.Work, found *session.Collected, ours string, entries []string) error {
	if len(entries) > 0 { // named by their content: no two of a name differ
		if _, err := work.Git(ctx, append([]string{"checkout", "--quiet", ours, "--"}, literal(entries)...)...); err != nil {
			return err
		}
	}
	fresh, err := e.collect(ctx)
	if err != nil {
		return err
	}
	*found = *fresh
	for _, step := range []func() (string, error){
		func() (string, error) { return e.save(e.a.home(), found) },
		func() (string, error) { return e.books(ctx) },
		func() (string, error) { return e.learn(ctx, "", found) },
		func() (string, error) { return e.commit(ctx, work) },
	} {
		if _, err := step(); err != nil {
			return err
		}
	}
	e.out.Context = &found.Context
	return nil
}
