package worktree

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
)

// kindSpawn is the kind of a spawn in the journal.
const kindSpawn = "worktree.spawn"

// EnvMode is how a new worktree gets the env files of the main one.
type EnvMode string

const (
	EnvCopy EnvMode = "copy" // a copy with PORT set
	EnvLink EnvMode = "link" // a link: one place to change a secret, but one PORT
	EnvNone EnvMode = "none"
)

// SpawnOptions is what a new worktree is to be.
type SpawnOptions struct {
	Name     string // task; the branch is feature/Name. Required.
	From     string // revision it starts from; empty: the default branch, else HEAD
	Env      EnvMode
	Compose  bool // COMPOSE_PROJECT_NAME of its own
	Database bool // names of databases of its own
	Sheet    *Sheet
	Verify   string // shell command that has to pass in it, or all is undone
	Trust    bool   // run the project's hooks, and remember that they are trusted as they are
}

// Spawned is a new worktree.
type Spawned struct {
	ID      string   `json:"id"` // in the journal
	Name    string   `json:"name"`
	Project string   `json:"project"`
	Branch  string   `json:"branch"`
	Path    string   `json:"path"`
	Base    string   `json:"base"`
	Ports   []int    `json:"ports"`
	Env     []string `json:"env"` // env files it got
	Notes   []string `json:"notes"`
}

// spawning is what the journal knows of a spawn.
type spawning struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Branch string `json:"branch"`
	Base   string `json:"base"`
}

// Spawn makes a worktree with a branch, ports and env files of its own. If any
// step fails, all of it is undone.
func (p *Project) Spawn(ctx context.Context, o SpawnOptions) (*Spawned, error) {
	name, err := taskName(o.Name)
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	unlock, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := p.planSpawn(ctx, name, o.From)
	if err != nil {
		return nil, err
	}
	p.step("plan")
	e, err := p.Journal.Begin("", kindSpawn, "spawn "+name, p.now(), s)
	if err != nil {
		return nil, err
	}
	p.step("journal")
	out := &Spawned{ID: e.ID, Name: name, Project: p.Name, Branch: s.Branch, Path: s.Path, Base: s.Base, Env: []string{}, Notes: []string{}}
	if err := p.carryOut(ctx, o, s, out); err != nil {
		// Undone also when the user has interrupted it.
		if undo := p.unspawn(context.WithoutCancel(ctx), s, e.ID); undo != nil {
			return nil, fmt.Errorf("%w; taking it back: %w (wf-ci worktree doctor)", err, undo)
		}
		p.step("forgotten")
		// Nobody but the spawn and the project's hooks have been there.
		purged := p.purge(e.ID)
		p.step("purged")
		return nil, errors.Join(err, purged, p.Journal.Drop(e.ID))
	}
	p.step("last")
	return out, p.Journal.Mark(&e, journal.Done)
}

// planSpawn decides what is to be made; nothing is changed.
func (p *Project) planSpawn(ctx context.Context, name, from string) (spawning, error) {
	s := spawning{Name: name, Branch: branchPrefix + name}
	have, err := p.tips(ctx, "refs/heads/"+s.Branch)
	if err != nil {
		return s, err
	}
	if s.Base, err = p.base(ctx, from, have); err != nil {
		return s, err
	}
	reg, _, err := p.registry.read()
	if err != nil {
		return s, err
	}
	if _, there := have["refs/heads/"+s.Branch]; there {
		return s, usagef("the branch %s is there already: wf-ci worktree spawn with another name, or git branch -m", s.Branch)
	}
	s.Path, err = p.directory(name, reg)
	return s, err
}

// base is the commit that a worktree starts from; have are the mains.
func (p *Project) base(ctx context.Context, from string, have map[string]tip) (string, error) {
	if from == "" {
		target, err := p.targetOf(ctx, have)
		if err != nil {
			return "", err
		}
		if at := target.tips[target.Ref]; at != "" {
			return at, nil
		}
		from = target.Ref
	}
	id, err := p.git.In(p.place.Dir).Line(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", from+"^{commit}")
	if err != nil || id == "" {
		if ctx.Err() != nil {
			return "", err
		}
		if from == "HEAD" {
			return "", usagef("this repository has no commit yet: make the first one")
		}
		return "", usagef("revision %q: no such commit here", from)
	}
	return id, nil
}

// directory is a free directory for a task. Names with the same slug, or that
// differ in case only, are told apart, and so are projects of one name.
func (p *Project) directory(name string, reg *Registry) (string, error) {
	base := slug(name)
	path := filepath.Join(p.Root(), base)
	if p.dirFree(path, base, reg) {
		return path, nil
	}
	base += "-" + digest(p.Main, name)
	path = filepath.Join(p.Root(), base)
	if p.dirFree(path, base, reg) {
		return path, nil
	}
	return "", usagef("%s is there already: move it away, or take another name", path)
}

func (p *Project) dirFree(path, base string, reg *Registry) bool {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	for _, e := range entries {
		if strings.EqualFold(e.Name(), base) {
			return false
		}
	}
	return reg.at(path) == nil
}

// beside is a branch that git cannot have together with another one, because it
// would have to be a directory and a file; empty: there is none.
func (p *Project) beside(ctx context.Context, branch string) string {
	names := []string{"refs/heads/" + branch + "/"}
	for dir := path.Dir(branch); dir != "."; dir = path.Dir(dir) {
		names = append(names, "refs/heads/"+dir)
	}
	out, err := p.git.Git(ctx, append([]string{"for-each-ref", "--format=%(refname)", "--"}, names...)...)
	if err != nil {
		return ""
	}
	for ref := range strings.Lines(out) {
		other := strings.TrimPrefix(strings.TrimSpace(ref), "refs/heads/")
		if strings.HasPrefix(other, branch+"/") || strings.HasPrefix(branch, other+"/") {
			return other
		}
	}
	return ""
}

// carryOut makes what was planned.
func (p *Project) carryOut(ctx context.Context, o SpawnOptions, s spawning, out *Spawned) error {
	var err error
	if out.Ports, err = p.reserve(ctx, s, o); err != nil {
		return err
	}
	p.step("registry")
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o755); err != nil {
		return err
	}
	// Without --no-track git writes its configuration, and of two at the same time
	// one fails there, with its branch made. A commit as base: it cannot move.
	if _, err := p.git.Git(ctx, "worktree", "add", "--quiet", "--no-track", "-b", s.Branch, "--", s.Path, s.Base); err != nil {
		if other := p.beside(ctx, s.Branch); other != "" {
			return usagef("git has no room for the branch %s beside %s: choose another name", s.Branch, other)
		}
		return fmt.Errorf("make the worktree: %w", err)
	}
	p.step("tree")
	if err := p.equip(ctx, o, s, out); err != nil {
		return err
	}
	p.step("equipped")
	if err := p.runHooks(ctx, o, s, out); err != nil {
		return err
	}
	return p.baseline(ctx, o.Verify, s, out.Ports)
}

// reserve chooses the ports and writes the row, in one go.
func (p *Project) reserve(ctx context.Context, s spawning, o SpawnOptions) ([]int, error) {
	var ports []int
	err := p.registry.update(ctx, p.Options.Ports, func(r *Registry) error {
		if n := p.active(r); n >= p.Options.MaxActive {
			return &RefusedError{Name: s.Name, Why: []Reason{{
				Rule: "max-active", Detail: fmt.Sprintf("%d of %d worktrees are active", n, p.Options.MaxActive),
				Hint: "wf-ci worktree clean removes what is merged; worktree.max_active in .wf-ci.yml sets the number",
			}}}
		}
		var err error
		if ports, err = p.Options.Ports.pick(r.taken(p.Main), p.free); err != nil {
			return err
		}
		row := Row{ID: newUUID(), Name: s.Name, Project: p.Name, Repo: p.Main, Branch: s.Branch, Path: s.Path, Ports: ports, Created: p.now(), Status: "active"}
		if o.Sheet != nil {
			row.Task = o.Sheet.Title
		}
		r.Rows = append(r.Rows, newRow(row))
		return nil
	})
	return ports, err
}

// active counts this project's worktrees that are worked in.
func (p *Project) active(r *Registry) int {
	n := 0
	for _, row := range r.Rows {
		if !p.mine(row) || row.Status != "active" && row.Status != "" {
			continue
		}
		if _, err := os.Stat(row.Path); err == nil {
			n++
		}
	}
	return n
}

// unspawn takes back what a spawn has made. What is in the tree is put aside, not
// deleted: the user may have begun to work there.
func (p *Project) unspawn(ctx context.Context, s spawning, id string) error {
	t, found, err := p.treeAt(ctx, s.Path)
	switch {
	case err != nil:
		return err
	case found && t.Branch != s.Branch && t.Branch != "":
		return fmt.Errorf("%s is on the branch %s now", s.Path, t.Branch)
	case found:
		if err := p.putAside(ctx, t, id, nil); err != nil {
			return err
		}
	default:
		if _, err := os.Lstat(s.Path); errors.Is(err, fs.ErrNotExist) {
			break // an earlier try has put it aside, or it never was there
		}
		if err := p.moveTree(s.Path, id); err != nil {
			return err
		}
	}
	if err := p.deleteBranch(ctx, s.Branch, s.Base); err != nil {
		return err
	}
	p.step("branch")
	return p.registry.update(ctx, p.Options.Ports, func(r *Registry) error {
		r.remove(s.Path)
		return nil
	})
}

// deleteBranch deletes a branch if it is still where it was; one that is not
// there is no error.
func (p *Project) deleteBranch(ctx context.Context, branch, commit string) error {
	now, err := p.git.Line(ctx, "rev-parse", "--verify", "--quiet", "refs/heads/"+branch)
	if git.Exited(err, 1) {
		return nil
	}
	if err != nil {
		return err
	}
	if now != commit {
		return nil // it has commits now: it stays
	}
	_, err = p.git.Git(ctx, "update-ref", "--no-deref", "-d", "refs/heads/"+branch, commit)
	return err
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	x := hex.EncodeToString(b[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
