package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates/checkpoints"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report/github"
)

// reviews asks who looked at the pull request; nil where there is none to ask
// about, or no way to.
func (p *platform) reviews(token ci.Secret) func(context.Context) (checkpoints.Reviews, error) {
	number := p.event.PullRequest
	queued := queuedPull(p.event)
	if token == "" || p.event.Repository == "" || number == 0 && queued == 0 {
		return nil
	}
	return func(ctx context.Context) (checkpoints.Reviews, error) {
		got, err := github.Reviews(ctx, p.a.server(token), p.event.Repository, max(number, queued))
		if err == nil && number == 0 {
			err = p.ofGroup(ctx, token, queued, got)
		}
		out := checkpoints.Reviews{Author: got.Author, Head: got.Head, InTeams: func(ctx context.Context, login string, teams []string) ([]string, error) {
			return github.InTeams(ctx, p.a.server(token), p.event.Repository, login, teams)
		}}
		if number > 0 && p.event.HeadSHA != "" {
			out.Head = p.event.HeadSHA // what is judged, whatever came after
		}
		for _, r := range got.List {
			out.List = append(out.List, checkpoints.Review{Login: r.Login, State: r.State, Commit: r.Commit})
		}
		return out, err
	}
}

// queuedPull is the pull request that the branch of a merge group is named after,
// gh-readonly-queue/<base>/pr-<number>-<commit>; zero: there is none. A name
// proves nothing: see ofGroup.
func queuedPull(e ci.Event) int {
	rest, ok := strings.CutPrefix(e.HeadRef, "gh-readonly-queue/"+e.BaseRef+"/pr-")
	if e.Name != "merge_group" || !ok || e.BaseRef == "" {
		return 0
	}
	digits, _, _ := strings.Cut(rest, "-")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// ofGroup is nil where a merge group is its base and this pull request, and
// nothing besides: merging the two gives the very tree that is judged, whether
// the queue merges, squashes or rebases. Only then do reviews of the pull
// request's head say something of the group.
func (p *platform) ofGroup(ctx context.Context, token ci.Secret, number int, pull github.PullReviews) error {
	e := p.event
	if pull.Base != e.BaseRef {
		return fmt.Errorf("the merge group is for %q, and pull request %d for %.200q", e.BaseRef, number, pull.Base)
	}
	l, err := p.a.openLedger(ctx, token, e.Repository, e.SHA, "")
	if err != nil {
		return err
	}
	defer l.close()
	tree, conflicts, err := p.mergedAlone(ctx, l, pull.Head)
	if err != nil {
		return fmt.Errorf("hold the merge group against pull request %d: %s", number, strings.ReplaceAll(err.Error(), l.door.URL, "the repository"))
	}
	judged, err := l.store.Repo.TreeID(ctx, e.HeadSHA)
	if err != nil {
		return err
	}
	if len(conflicts) > 0 || tree != judged {
		return fmt.Errorf("the merge group is not pull request %d at %.12s alone, so that reviews of it do not say who has looked at the group: "+
			"record approvals (wf-ci approve), or let the queue take one pull request at a time", number, pull.Head)
	}
	return nil
}

// mergedAlone merges a commit with the base of the group, in a repository of our
// own that sees the checkout's objects and fetches what is missing.
func (p *platform) mergedAlone(ctx context.Context, l *ledger, head string) (tree string, conflicts []string, err error) {
	runner := &run.Runner{Env: append(run.CleanEnv(p.a.environ), ci.NewWorkspace(p.a.getenv).GitEnv(p.a.getenv, p.top)...)}
	checkout, err := git.Open(ctx, runner, p.top, filepath.Join(l.dir, "scratch"))
	if err != nil {
		return "", nil, err
	}
	common, err := git.Work{Runner: runner, Dir: p.top}.Line(ctx, "rev-parse", "--path-format=absolute", "--git-common-dir")
	if err != nil {
		return "", nil, err
	}
	objects := filepath.Join(common, "objects")
	if strings.ContainsAny(objects, "\n\"#") || len(checkout.Boundary) > 0 {
		return "", nil, errors.New("the clone is shallow (fetch-depth: 0 in actions/checkout)")
	}
	work := filepath.Join(l.dir, "ledger")
	if err := os.WriteFile(filepath.Join(work, ".git", "objects", "info", "alternates"), []byte(objects+"\n"), 0o600); err != nil {
		return "", nil, err
	}
	remote := l.store.Remote
	remote.Shallow = false
	if err := l.store.Repo.Refs(remote).Bring(ctx, map[string]string{"base": p.event.BaseSHA, "head": head}); err != nil {
		return "", nil, err
	}
	return git.Work{Runner: &run.Runner{Env: run.CleanEnv(p.a.environ)}, Dir: work}.MergeTree(ctx, p.event.BaseSHA, head)
}
