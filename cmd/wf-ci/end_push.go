package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/session"
)

// send commits what the day has written, and pushes it: where that was asked
// for, everything was looked at and everything was written. Then the day is over.
func (e *evening) send(ctx context.Context, found *session.Collected, written bool) {
	if !e.Push && !e.CI {
		e.over(ctx, found, written)
		return
	}
	switch {
	case e.verdict.Decision != gates.Pass:
		e.step("push", "skipped", "nothing is committed or pushed before everything could be looked at")
	case !written:
		e.step("push", "skipped", "nothing is committed or pushed: not everything could be written")
	default:
		work := e.gitWork()
		if e.do("commit", func() (string, error) { return e.commit(ctx, work) }) {
			e.do("push", func() (string, error) { return e.push(ctx, work, found) })
		}
	}
	e.over(ctx, found, written)
	if err := e.committed(ctx); err != nil {
		e.step("journal", "failed", err.Error())
	}
}

// committed tells the journal that what was written is in a commit: git takes
// that back, and wf-ci undo does not.
func (e *evening) committed(ctx context.Context) error {
	commit := e.out.Commit
	if commit == "" && e.taken {
		var err error
		if commit, err = e.desk.Repo.Head(ctx); err != nil {
			return err
		}
	}
	if commit == "" {
		return nil
	}
	return e.before.Committed(commit)
}

// over writes down that the day has ended.
func (e *evening) over(ctx context.Context, found *session.Collected, written bool) {
	if !written {
		return
	}
	head, err := e.desk.Repo.Head(ctx)
	if err == nil {
		err = e.desk.Ended(found, head)
	}
	if err != nil {
		e.step("day", "failed", err.Error())
	}
}

// gitWork is git as the user has set it up, for a commit and a push of ours.
func (e *evening) gitWork() git.Work {
	return git.Work{Runner: e.a.userGit(e.desk.Dir), Dir: e.desk.Dir}
}

// commit commits the files that the end of a day writes, and no others: what
// else is staged stays staged. An empty message: there is nothing to commit.
func (e *evening) commit(ctx context.Context, work git.Work) (string, error) {
	head, err := e.desk.Repo.Head(ctx)
	if err != nil {
		return "", err
	}
	if head != cmp.Or(e.base, e.verdict.Head) {
		return "", errors.New("somebody has committed since the sweep: end the day again")
	}
	paths, err := e.ownPaths(ctx)
	if err != nil {
		return "", err
	}
	if len(paths) == 0 {
		return "nothing to commit", nil
	}
	if err := work.Add(ctx, append([]string{"--"}, literal(paths)...)...); err != nil {
		return "", err
	}
	changed, err := work.Git(ctx, append([]string{"diff", "--cached", "--name-only", "-z", "--no-ext-diff", "--"}, literal(paths)...)...)
	if err != nil {
		return "", err
	}
	if changed == "" {
		return "nothing to commit", nil
	}
	message := session.CommitSubject + " " + e.desk.Now.UTC().Format("2006-01-02")
	args := []string{"commit", "--quiet", "--no-verify", "--message", message, "--only", "--"}
	if _, err := work.Git(ctx, append(args, literal(paths)...)...); err != nil {
		return "", err
	}
	if e.out.Commit, err = e.desk.Repo.Head(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%.12s %s", e.out.Commit, message), nil
}

// ownPaths are the files of ours that a commit can take up.
func (e *evening) ownPaths(ctx context.Context) ([]string, error) {
	return e.desk.Repo.Listed(ctx, literal([]string{
		session.ContextPath(e.desk.Dir), ".claude/context.json", "CLAUDE.md", "docs/learnings", "costs",
	})...)
}

// literal makes pathspecs that mean what they say.
func literal(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = ":(top,literal)" + p
	}
	return out
}

// push pushes the branch, never by force. Where somebody was faster, our commit
// is put on top of theirs, once.
func (e *evening) push(ctx context.Context, work git.Work, found *session.Collected) (string, error) {
	branch, err := e.desk.Repo.Branch(ctx)
	if err != nil {
		return "", err
	}
	if branch == "" {
		return "", errors.New("HEAD is on no branch: check one out (git switch BRANCH), and end the day again")
	}
	remote, ref, err := upstream(ctx, work, branch)
	if err != nil {
		return "", err
	}
	target := "HEAD:" + ref
	_, err = work.Git(ctx, "push", "--quiet", "--porcelain", remote, target)
	if err != nil {
		if onto := e.onto(ctx, work, found, branch, remote, ref); onto != nil {
			return "", fmt.Errorf("%w; git push: %w", onto, err)
		}
		if _, err = work.Git(ctx, "push", "--quiet", "--porcelain", remote, target); err != nil {
			return "", fmt.Errorf("push, after a rebase: %w", err)
		}
		if e.out.Commit != "" {
			if e.out.Commit, err = e.desk.Repo.Head(ctx); err != nil {
				return "", err
			}
		}
	}
	e.out.Pushed = true
	return strings.TrimPrefix(ref, "refs/heads/") + " to " + remote, nil
}

// upstream is where a branch is pushed to.
func upstream(ctx context.Context, work git.Work, branch string) (remote, ref string, err error) {
	remote, err = work.Line(ctx, "config", "--get", "branch."+branch+".remote")
	if err == nil && remote != "." {
		if ref, err = work.Line(ctx, "config", "--get", "branch."+branch+".merge"); err == nil {
			return remote, ref, nil
		}
	}
	if _, err = work.Line(ctx, "config", "--get", "remote.origin.url"); err != nil {
		return "", "", errors.New("there is no remote to push to: git remote add origin URL")
	}
	return "origin", "refs/heads/" + branch, nil
}

// onto puts the branch on top of what was pushed in the meantime. Another run
// that has ended the same day already is taken for ours.
func (e *evening) onto(ctx context.Context, work git.Work, found *session.Collected, branch, remote, ref string) error {
	if _, err := work.Git(ctx, "fetch", "--quiet", "--no-tags", remote, ref); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	theirs, err := work.Line(ctx, "rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}")
	if err != nil {
		return err
	}
	if e.endedAlready(ctx, work, found, theirs) {
		if err := work.MoveBranch(ctx, branch, theirs); err == nil {
			e.out.Commit, e.taken = "", true
			e.out.Notes = append(e.out.Notes, "another run has ended this day already: its commit counts")
			return nil
		}
	}
	if err := notOver(ctx, work, e.desk.Dir, theirs); err != nil {
		return err
	}
	if _, err := work.Git(ctx, "-c", "rebase.autoStash=true", "rebase", "--quiet", theirs); err != nil {
		_, _ = work.Git(ctx, "rebase", "--abort")
		if again, err := e.again(ctx, work, found, branch, theirs); again {
			return err
		}
		return fmt.Errorf("somebody was faster, and the two do not go together: git pull --rebase, settle it, and push: %w", err)
	}
	return nil
}

// notOver says that a commit brings files where some are that no commit has: a
// rebase writes over what git ignores.
func notOver(ctx context.Context, work git.Work, root, theirs string) error {
	list, err := work.Git(ctx, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--diff-filter=A", "HEAD", theirs, "--")
	if err != nil {
		return err
	}
	for _, name := range splitNames(list) {
		if _, err := os.Lstat(filepath.Join(root, filepath.FromSlash(name))); err != nil {
			continue
		}
		if tracked, err := work.Git(ctx, append([]string{"ls-files", "-z", "--"}, literal([]string{name})...)...); err != nil || tracked == "" {
			return errors.Join(fmt.Errorf("somebody was faster, and has pushed %q, which is here too and in no commit: move it away, and end the day again", name), err)
		}
	}
	return nil
}

// endedAlready says whether a commit holds the same context as ours, and ours is
// the only commit that it does not have.
func (e *evening) endedAlready(ctx context.Context, work git.Work, found *session.Collected, theirs string) bool {
	if !e.onlyOurs(ctx, work, theirs) {
		return false
	}
	data, err := e.desk.Repo.ReadFile(ctx, theirs, ".claude/context.json", configLimit)
	var other session.Context
	if err != nil || data == nil || json.Unmarshal(data, &other) != nil {
		return false
	}
	return found.Context.Same(other)
}
