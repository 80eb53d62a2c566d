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

	tips map[string]string // where the last two are, as far as that was asked
}

// mains are the refs that may be the branch that work goes to.
var mains = [...]string{"refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"}

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
	have, err := p.tips(ctx)
	if err != nil {
		return Target{}, err
	}
	return p.targetOf(ctx, have)
}

// tips are the mains and other refs, those that are there.
func (p *Project) tips(ctx context.Context, more ...string) (map[string]tip, error) {
	return p.refs(ctx, append(mains[:len(mains):len(mains)], more...)...)
}

// targetOf chooses the branch that work goes to among refs that are there.
func (p *Project) targetOf(ctx context.Context, have map[string]tip) (Target, error) {
	name, found := strings.CutPrefix(have["refs/remotes/origin/HEAD"].symref, "refs/remotes/origin/")
	var err error
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
func (p *Project) resolveTarget(ctx context.Context, name string, have map[string]tip) (Target, error) {
	t := Target{Name: name, Ref: "HEAD", tips: make(map[string]string)}
	local, remote := "refs/heads/"+name, "refs/remotes/origin/"+name
	if name != "main" && name != "master" { // else it was asked
		var err error
		if have, err = p.refs(ctx, local, remote); err != nil {
			return t, err
		}
	}
	for ref, where := range map[string]*string{local: &t.Local, remote: &t.Remote} {
		if at, ok := have[ref]; ok {
			*where, t.tips[ref] = ref, at.commit
		}
	}
	switch {
	case t.Local == "" && t.Remote != "":
		t.Ref = t.Remote
	case t.Local != "":
		t.Ref = t.Local
	}
	if t.Local == "" || t.Remote == "" {
		return t, nil
	}
	behind, err := p.behind(ctx, t)
	if behind {
		t.Ref = t.Remote
	}
	return t, err
}

// behind says whether the remote's branch has all that the local one has.
func (p *Project) behind(ctx context.Context, t Target) (bool, error) {
	if t.tips[t.Local] == t.tips[t.Remote] {
		return true, nil
	}
	_, err := p.git.Git(ctx, "merge-base", "--is-ancestor", t.Local, t.Remote)
	if git.Exited(err, 1) {
		return false, nil
	}
	return err == nil, err
}
