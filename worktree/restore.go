package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/state"
)

// restorable says whether anything stands in the way, before anything is
// changed.
func (p *Project) restorable(r removal, id string) error {
	aside := p.asideTree(r.Path, id)
	if _, err := os.Lstat(r.Path); err == nil && aside != "" {
		return &RefusedError{Name: r.Name, Why: []Reason{{Rule: "path", Detail: "something else is at " + r.Path + " now", Hint: "move it away"}}}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// takeBack undoes a removal, however far it came: each step does what is left to
// do of it.
func (p *Project) takeBack(ctx context.Context, e *journal.Entry, r removal, out *Restored) error {
	if err := p.restorable(r, e.ID); err != nil {
		return err
	}
	if err := p.backFiles(ctx, r, e.ID, out); err != nil {
		return err
	}
	p.step("files back")
	_, left := os.Lstat(filepath.Join(p.trash(e.ID), "admin"))
	admin, err := p.backAdmin(r, e.ID)
	if err != nil {
		return err
	}
	p.step("registered")
	if err := p.backBranch(ctx, r, admin, left == nil, e.ID, out); err != nil {
		return err
	}
	p.step("branch back")
	if err := p.backRow(ctx, r, out); err != nil {
		return err
	}
	p.step("row back")
	if err := p.Journal.Mark(e, journal.Undone); err != nil {
		return err
	}
	if len(r.Caches) > 0 {
		out.Notes = append(out.Notes, "to be made again, if they were deleted: "+fmt.Sprint(r.Caches))
	}
	return p.purge(e.ID)
}

// backFiles puts the files where they were.
func (p *Project) backFiles(ctx context.Context, r removal, id string, out *Restored) error {
	if r.Missing {
		return nil
	}
	aside := p.asideTree(r.Path, id)
	if aside != "" {
		if err := os.MkdirAll(filepath.Dir(r.Path), 0o755); err != nil {
			return err
		}
		return os.Rename(aside, r.Path)
	}
	if _, err := os.Lstat(r.Path); err == nil {
		return nil // it never left
	}
	return p.rebuild(ctx, r, id, out)
}

// rebuild makes the files from the kept commit, where somebody has deleted what
// was put aside.
func (p *Project) rebuild(ctx context.Context, r removal, id string, out *Restored) error {
	if err := os.MkdirAll(r.Path, 0o755); err != nil {
		return err
	}
	index := filepath.Join(p.place.Scratch, "rebuilt")
	w := p.git.In(r.Path).With("GIT_INDEX_FILE="+index, "GIT_DIR="+p.Common, "GIT_WORK_TREE="+r.Path)
	if _, err := w.Git(ctx, "read-tree", keepRef(id)); err != nil {
		return err
	}
	if _, err := w.Git(ctx, "checkout-index", "--all", "--force"); err != nil {
		return err
	}
	out.Notes = append(out.Notes, "what was put aside is gone: the files are from git, those that it ignores are not back")
	return state.Write(filepath.Join(r.Path, ".git"), []byte("gitdir: "+filepath.Join(p.Common, "worktrees", r.Admin)+"\n"), 0o644)
}

// backAdmin puts git's own directory of the worktree back, under another name
// where a new worktree has taken its own.
func (p *Project) backAdmin(r removal, id string) (string, error) {
	aside := filepath.Join(p.trash(id), "admin")
	admin := filepath.Join(p.Common, "worktrees", r.Admin)
	if _, err := os.Lstat(aside); err != nil {
		if target, err := adminTarget(admin); err == nil && samePath(target, r.Path) {
			return admin, nil // it never left
		}
		return "", fmt.Errorf("git's own directory of %s is neither in %s nor in %s", r.Path, admin, aside)
	}
	for i := 1; ; i++ {
		if _, err := os.Lstat(admin); errors.Is(err, fs.ErrNotExist) {
			break
		}
		admin = filepath.Join(p.Common, "worktrees", r.Admin+strconv.Itoa(i))
	}
	if filepath.Base(admin) != r.Admin && !r.Missing {
		if err := state.Write(filepath.Join(r.Path, ".git"), []byte("gitdir: "+admin+"\n"), 0o644); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(filepath.Dir(admin), 0o755); err != nil {
		return "", err
	}
	return admin, os.Rename(aside, admin)
}

// backBranch makes the branch again, at its commit, with its log. Where another
// is called that now, the worktree comes back on its commit, without a branch;
// one that never left keeps what it is on.
func (p *Project) backBranch(ctx context.Context, r removal, admin string, left bool, id string, out *Restored) error {
	if r.Branch == "" || r.Head == "" {
		return nil
	}
	ref := "refs/heads/" + r.Branch
	now, err := p.git.Line(ctx, "rev-parse", "--verify", "--quiet", ref)
	if err != nil && !git.Exited(err, 1) {
		return err
	}
	if err != nil {
		if _, err := p.git.Git(ctx, "update-ref", "--no-deref", ref, r.Head, ""); err != nil {
			return err
		}
		return p.backLog(r.Branch, id)
	}
	if !left {
		return nil
	}
	trees, err := p.Trees(ctx)
	if err != nil {
		return err
	}
	elsewhere := slices.ContainsFunc(trees, func(t Tree) bool { return t.Branch == r.Branch && !samePath(t.Path, r.Path) })
	if now == r.Head && !elsewhere {
		return nil
	}
	out.Branch = ""
	out.Notes = append(out.Notes, fmt.Sprintf("the branch %s has moved or is checked out elsewhere: the worktree is back on its commit, detached", r.Branch))
	return state.Write(filepath.Join(admin, "HEAD"), []byte(r.Head+"\n"), 0o644)
}

func (p *Project) backLog(branch, id string) error {
	data, err := os.ReadFile(filepath.Join(p.trash(id), "branch-log"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	path := p.reflog(branch)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return state.Write(path, data, 0o644)
}

// backRow puts the row of the registry back. Its ports may be somebody else's
// now: then it gets others, and the files keep the old ones.
func (p *Project) backRow(ctx context.Context, r removal, out *Restored) error {
	if r.Row == nil {
		return nil
	}
	return p.registry.update(ctx, p.Options.Ports, func(reg *Registry) error {
		if row := reg.at(r.Path); row != nil {
			out.Ports = row.Ports
			return nil
		}
		o := newObject()
		if err := o.UnmarshalJSON(r.Row); err != nil {
			return err
		}
		row := readRow(o, p.place.Home)
		held := reg.portsHeld()
		if slices.ContainsFunc(row.Ports, func(port int) bool { return slices.Contains(held, port) }) {
			ports, err := p.Options.Ports.pick(reg.taken(p.Main), p.free)
			if err != nil {
				return err
			}
			out.Notes = append(out.Notes, fmt.Sprintf("the ports %v are another worktree's now: it has %v, and its env files still say the old one", row.Ports, ports))
			row.Ports = ports
			o.set("ports", ports)
		}
		out.Ports = row.Ports
		reg.Rows = append(reg.Rows, row)
		return nil
	})
}
