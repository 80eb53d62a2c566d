package main

import (
	"context"
	"errors"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

// at is where a command works.
type at struct {
	Dir  string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	JSON bool   `name:"json" help:"Write JSON to stdout."`
}

// place is a directory that a command works on, and git as the user has set it up.
type place struct {
	dir     string // the top of the work tree, where there is one
	scratch string
	runner  *run.Runner
	repo    *git.Repo // nil: it is in no repository
}

// work is git as a person types it.
func (p place) work() git.Work { return git.Work{Runner: p.runner, Dir: p.dir} }

// place opens a directory, also one that is in no repository. done takes its
// scratch away.
func (a *app) place(ctx context.Context, dir string) (p place, done func(), err error) {
	return a.placeWith(ctx, dir, func(err error) bool { return errors.Is(err, git.ErrNotRepository) })
}

// repository is place, where a command needs a repository.
func (a *app) repository(ctx context.Context, dir string) (place, func(), error) {
	return a.placeWith(ctx, dir, func(error) bool { return false })
}

func (a *app) placeWith(ctx context.Context, dir string, fine func(error) bool) (p place, done func(), err error) {
	if p.dir, p.scratch, done, err = a.workAt(dir); err != nil {
		return p, nil, err
	}
	p.runner = a.userGit(p.dir)
	repo, err := git.Open(ctx, p.runner, p.dir, p.scratch)
	switch {
	case err == nil:
		p.repo, p.dir = repo, repo.Dir
	case !fine(err):
		done()
		return p, nil, openError(ctx, err)
	}
	return p, done, nil
}

// gitVariables are those of git's that count for commits the user makes.
var gitVariables = []string{
	"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE",
	"GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GNUPGHOME", "GPG_TTY", "SSH_AUTH_SOCK",
}

// userGit runs git in a directory with what the user has set for their own
// commits. In a container of GitHub Actions the workspace is the runner's, and
// git takes it all the same.
func (a *app) userGit(dir string) *run.Runner {
	env := append(run.CleanEnv(a.environ), run.Pick(a.environ, gitVariables)...)
	return &run.Runner{Env: append(env, ci.NewWorkspace(a.getenv).GitEnv(a.getenv, dir)...)}
}
