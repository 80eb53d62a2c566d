package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/refs"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report/github"
)

// ledgerBranch is where CI keeps the entries and the books, unless the workflow
// names another. It has no history with the others and no workflow, so that a
// push to it starts none, whoever pushes.
const ledgerBranch = "refs/heads/wf-ci-ledger"

// ledgerRef is the branch of the ledger, by its short name; empty: the usual one.
func ledgerRef(branch string) string {
	if branch == "" {
		return ledgerBranch
	}
	return "refs/heads/" + branch
}

// ledger is the ledger of a repository on GitHub, reached with a token that no
// child sees.
type ledger struct {
	a      *app
	store  refs.Store
	server github.Server
	name   string // owner/name of the repository
	branch string // refs/heads/…
	signs  string // what a commit is about that GitHub makes for us
	door   *github.GitDoor
	dir    string // a repository of our own: the checkout gets no objects of ours
}

// openLedger brings nothing yet. branch is a short name; empty: the usual one.
// Close it.
func (a *app) openLedger(ctx context.Context, token ci.Secret, repository, commit, branch string) (*ledger, error) {
	dir, err := a.scratch()
	if err != nil {
		return nil, err
	}
	l := &ledger{a: a, server: a.server(token), name: repository, dir: dir, branch: ledgerRef(branch), signs: "costs: fold entries"}
	if err := l.open(ctx, commit); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *ledger) open(ctx context.Context, commit string) (err error) {
	if l.door, err = github.OpenGit(l.server, l.name); err != nil {
		return err
	}
	format := "sha1"
	if len(commit) == 64 {
		format = "sha256"
	}
	runner := &run.Runner{Env: run.CleanEnv(l.a.environ)}
	work := filepath.Join(l.dir, "ledger")
	_, err = runner.Run(ctx, run.Command{
		Name: "git", Args: []string{"init", "--quiet", "--template=", "--object-format=" + format, work}, Dir: l.dir,
	})
	if err != nil {
		return fmt.Errorf("make a repository for the ledger: %w", err)
	}
	l.store.Repo, err = git.Open(ctx, runner, work, filepath.Join(l.dir, "scratch"))
	l.store.Remote = git.Remote{Name: "github", Shallow: true, Env: configEnv(
		"remote.github.url", l.door.URL, "credential.helper", "", "http.proxy", "", "http.followRedirects", "false",
	)}
	l.store.Sign = l.sign
	return err
}

// configEnv is configuration of git's that stands on no command line.
func configEnv(pairs ...string) []string {
	env := []string{fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(pairs)/2)}
	for i := 0; i < len(pairs); i += 2 {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i/2, pairs[i]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i/2, pairs[i+1]))
	}
	return env
}

func (l *ledger) close() {
	if l.door != nil {
		_ = l.door.Close()
	}
	_ = os.RemoveAll(l.dir)
}

// record sends entries home, each in a ref of its run's, and gives all entries
// that are known then. One that tells more of an event than what is there
// replaces that. The error leaves the entries usable.
func (l *ledger) record(ctx context.Context, run string, list []costs.Entry) ([]costs.Entry, error) {
	all, rejected, err := l.store.Entries(ctx, l.branch)
	if err != nil {
		return list, err
	}
	l.tell(rejected)
	var send []costs.Entry
	for _, e := range list {
		e, again, err := replacing(all, e, l.a)
		if err != nil {
			return all, err
		}
		if !again {
			send = append(send, e)
		}
	}
	if len(send) == 0 {
		return all, nil
	}
	_, err = l.store.Publish(ctx, run, send)
	both, onceErr := costs.Once(append(all, send...))
	return both, errors.Join(err, onceErr)
}

// replacing makes an entry the successor of one that tells of the same event;
// again: that one says it all.
func replacing(all []costs.Entry, e costs.Entry, a *app) (_ costs.Entry, again bool, err error) {
	for _, old := range all {
		if old.Key != e.Key {
			continue
		}
		if old.USD == e.USD && old.Basis == e.Basis && len(old.Units) == 1 && old.Units[0].N >= e.Units[0].N {
			return old, true, nil
		}
		e.Replaces = old.ID
	}
	e, err = e.Seal(a.now())
	return e, false, err
}

// fold brings what is published onto the branch. One of several that do so at a
// time wins; the others find it done.
func (l *ledger) fold(ctx context.Context, b *books) error {
	done, err := l.store.Compact(ctx, l.branch, func(entries []costs.Entry) (costs.Books, error) {
		return costs.Fold(entries, b.budget, b.zone)
	})
	l.tell(done.Rejected)
	return err
}

func (l *ledger) tell(rejected []refs.Rejection) {
	for _, r := range rejected {
		l.a.warnf("%s stays where it is, and its entries are not counted: %s", r.Ref, r.Reason)
	}
}

// sign lets GitHub make the commit, where a branch takes none without a
// signature. Its files are there already, in a ref that goes again.
func (l *ledger) sign(ctx context.Context, u git.Update, refusal error) (string, error) {
	if !strings.Contains(strings.ToLower(refusal.Error()), "verified signature") {
		return "", refusal
	}
	tree, err := l.store.Repo.TreeID(ctx, u.New)
	if err != nil {
		return "", err
	}
	staged := git.Update{Ref: "refs/wf-ci/signing/" + u.New, New: u.New}
	remote := l.store.Repo.Refs(l.store.Remote)
	if err := remote.Set(ctx, staged); err != nil {
		return "", err
	}
	defer func() { _ = remote.Drop(ctx, map[string]string{staged.Ref: staged.New}) }()
	commit, err := github.Commit(ctx, l.server, l.name, github.SignedCommit{
		Branch: u.Ref, Tree: tree, Parent: u.Old, Message: l.signs,
	})
	if errors.Is(err, github.ErrMoved) {
		return "", git.ErrMoved
	}
	return commit, err
}

// failure is why something did not come home.
func (l *ledger) failure(what string, err error) *github.Failure {
	if err == nil {
		return nil
	}
	var f *github.Failure
	if errors.As(err, &f) {
		return f
	}
	text := strings.ReplaceAll(err.Error(), l.door.URL, "the repository")
	return github.GitFailure(what, strings.TrimPrefix(l.branch, "refs/heads/"), text)
}
