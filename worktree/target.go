package worktree

import (
	"context"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Target is the branch that work goes to.
type Target struct {
	Name   string // main
	Ref    string // what is ahead: the local branch, or the remote's where that has more
	Local  string // refs/heads/main; empty: there is none
	Remote string // refs/remotes/origin/main; empty: there is none
}

// refs are the branches in which work may have arrived.
func (t Target) refs() []string {
	var out []string
	for _, r := range []string{t.Local, t.Remote} {
		if r != "" {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return []string{t.Ref}
	}
	return out
}

// target finds the branch that work goes to: what the remote calls its own, else
// main or master, else what the main worktree has checked out.
func (p *Project) target(ctx context.Context) (Target, error) {
	out, err := p.git.Git(ctx, "for-each-ref", "--format=%(refname)%00%(symref)", "refs/remotes/origin/HEAD",
		"refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master")
	if err != nil {
		return Target{}, err
	}
	have := make(map[string]string)
	for line := range strings.Lines(out) {
		ref, symref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\x00")
		have[ref] = symref
	}
	name, found := strings.CutPrefix(have["refs/remotes/origin/HEAD"], "refs/remotes/origin/")
	for _, n := range []string{"main", "master"} {
		_, remote := have["refs/remotes/origin/"+n]
		_, local := have["refs/heads/"+n]
		if !found && (remote || local) {
			name, found = n, true
		}
	}
	if !found {
		if name, err = p.git.Line(ctx, "symbolic-ref", "--quiet", "--short", "HEAD"); err != nil {
			return Target{Name: "HEAD", Ref: "HEAD"}, nil //nolint:nilerr // detached: there is no branch
		}
	}
	return p.resolveTarget(ctx, name, have)
}

// resolveTarget finds where the branch of a name is; have are refs that are
// there.
func (p *Project) resolveTarget(ctx context.Context, name string, have map[string]string) (Target, error) {
	t := Target{Name: name, Ref: "HEAD"}
	asked := name == "main" || name == "master"
	for ref, where := range map[string]*string{"refs/heads/" + name: &t.Local, "refs/remotes/origin/" + name: &t.Remote} {
		if _, ok := have[ref]; ok {
			*where = ref
		}
		if asked {
			continue
		}
		_, err := p.git.Git(ctx, "show-ref", "--verify", "--quiet", ref)
		if err == nil {
			*where = ref
		} else if !git.Exited(err, 1) {
			return t, err
		}
	}
	switch {
	case t.Local == "" && t.Remote != "":
		t.Ref = t.Remote
	case t.Local != "":
		t.Ref = t.Local
	}
	if t.Local != "" && t.Remote != "" {
		_, err := p.git.Git(ctx, "merge-base", "--is-ancestor", t.Local, t.Remote)
		if err == nil {
			t.Ref = t.Remote
		} else if !git.Exited(err, 1) {
			return t, err
		}
	}
	return t, nil
}
