package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report/github"
	"github.com/wf-ci/wf-ci/worktree"
)

// lookups is what else a list may ask for.
type lookups struct {
	Test    string `placeholder:"CMD" help:"Run this shell command in each worktree, one after the other, and show what passes."`
	Offline bool   `help:"Do not ask GitHub for pull requests; it is asked only where GITHUB_TOKEN or GH_TOKEN is set."`
}

// lookUp adds what was asked for to a list.
func (a *app) lookUp(ctx context.Context, p *worktree.Project, list *worktree.List, l lookups) error {
	a.addPulls(ctx, p, list, l)
	if l.Test == "" {
		return nil
	}
	return p.CheckAll(ctx, list, l.Test)
}

// addPulls adds what GitHub says of the branches. That it says nothing is no
// error: the list is complete without it.
func (a *app) addPulls(ctx context.Context, p *worktree.Project, list *worktree.List, l lookups) {
	token := ci.Secret(or(a.getenv("GITHUB_TOKEN"), a.getenv("GH_TOKEN")))
	switch {
	case l.Offline:
		list.PullRequests.Why = "--offline"
		return
	case token == "":
		list.PullRequests.Why = "there is no token in GITHUB_TOKEN or GH_TOKEN"
		return
	}
	pulls, err := a.pulls(ctx, p, token, list.PullBranches())
	if err != nil {
		list.PullRequests.Why = a.redactor.Redact(err.Error())
		if !errors.Is(err, errNoGitHub) {
			a.say("note: pull requests are unknown: " + list.PullRequests.Why)
		}
		return
	}
	list.SetPulls(pulls)
}

// errNoGitHub says that a repository is elsewhere, which is nothing to remark on.
var errNoGitHub = errors.New("no remote origin on the server that the token is for")

// pulls asks for the pull requests of branches. Of a fork they are in the
// repository that it was made from, which people call upstream.
func (a *app) pulls(ctx context.Context, p *worktree.Project, token ci.Secret, branches []string) (map[string]worktree.PullRequest, error) {
	if err := a.commands.Mask(token); err != nil {
		return nil, err
	}
	remotes, err := p.Remotes(ctx)
	if err != nil {
		return nil, err
	}
	server := a.server(token)
	home := server.RepositoryOf(remotes["origin"])
	if home == "" {
		return nil, errNoGitHub
	}
	found, err := github.BranchPulls(ctx, server, or(server.RepositoryOf(remotes["upstream"]), home), home, branches)
	if err != nil {
		return nil, err
	}
	out := make(map[string]worktree.PullRequest)
	for branch, pr := range found {
		out[branch] = worktree.PullRequest{Number: pr.Number, State: pr.State, Head: pr.Head}
	}
	return out, nil
}

func pullOf(it worktree.Item) string {
	if it.PR == nil {
		return "-"
	}
	return fmt.Sprintf("#%d %s", it.PR.Number, it.PR.State)
}
