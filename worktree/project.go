// Package worktree gives parallel tasks a worktree, a branch and ports of their
// own, and takes them away again without losing anything: what is removed is
// put aside as it is, and comes back with [Project.Restore].
//
// All that a command changes is in the repository's journal before it is
// changed. Commands that change something hold one lock for each repository, so
// an entry that has only begun belongs to a command that was killed.
package worktree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/internal/state"
)

// Options are the user's settings.
type Options struct {
	MaxActive int           // worktrees of one project at a time. Required.
	Ports     Pool          // Required.
	Keep      time.Duration // how long what was removed can come back. Zero: 7 days.
}

// Place is what of the machine a project sees.
type Place struct {
	Runner  *run.Runner      // Required.
	Home    string           // of the registry and of ~/tmp/worktrees; absolute. Required.
	Dir     string           // where the user is; absolute. Required.
	Scratch string           // an empty directory that goes away after the command. Required.
	Now     func() time.Time // Required.
}

// Project is one repository with its worktrees.
type Project struct {
	Name    string // folder of the main worktree
	Main    string // main worktree; of a bare repository the repository itself
	Common  string // the git directory that all worktrees share
	Journal journal.Journal
	// Options are to be set before anything is made. Required.
	Options Options
	// Menders know the entries of the journal that are not ours, by their kind.
	Menders map[string]Mender

	place    Place
	registry registryFile
	git      git.Work // in Main
	step     func(name string)
	free     func(port int) bool
}

// keepDefault is how long what was removed can come back.
const keepDefault = 7 * 24 * time.Hour

// Open finds the project that a directory belongs to.
func Open(ctx context.Context, place Place) (*Project, error) {
	if !filepath.IsAbs(place.Home) {
		return nil, errors.New("there is no home directory for the registry: set HOME")
	}
	p := &Project{
		place: place, registry: newRegistryFile(place.Home),
		git: git.Work{Runner: place.Runner, Dir: place.Dir}, step: func(string) {}, free: portFree,
	}
	var ok bool
	if p.Common, ok = common(place.Dir); !ok {
		var err error
		if p.Common, err = p.git.Line(ctx, "rev-parse", "--path-format=absolute", "--git-common-dir"); err != nil {
			return nil, openError(place.Dir, err)
		}
	}
	p.Journal = journal.At(p.Common)
	p.Main = p.mainOf(ctx)
	p.Name = strings.TrimSuffix(filepath.Base(p.Main), ".git")
	p.git = p.git.In(p.Main)
	return p, nil
}

// openError tells a directory that is in no repository, or in somebody else's.
func openError(dir string, err error) error {
	if owner := git.OwnerErrorOf(dir, err.Error()); owner != nil {
		return owner
	}
	if strings.Contains(err.Error(), "not a git repository") {
		return fmt.Errorf("%s is %w", dir, git.ErrNotRepository)
	}
	return err
}

// mainOf is the main worktree as git lists it: the folder above .git, or the
// repository itself where it is bare. core.worktree (a submodule) says another.
func (p *Project) mainOf(ctx context.Context) string {
	if filepath.Base(p.Common) == ".git" {
		return filepath.Dir(p.Common)
	}
	w := p.git.In(p.Common)
	if dir, err := w.Line(ctx, "--git-dir="+p.Common, "config", "--get", "core.worktree"); err == nil && dir != "" {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(p.Common, dir)
		}
		return filepath.Clean(dir)
	}
	return p.Common
}

// lock keeps all others that change this repository's worktrees out.
func (p *Project) lock(ctx context.Context) (unlock func(), err error) {
	dir := filepath.Join(p.Common, "wf-ci")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return state.Lock(ctx, filepath.Join(dir, "worktrees"))
}

// Root is where this project's worktrees are made.
func (p *Project) Root() string { return filepath.Join(p.place.Home, "tmp", "worktrees", p.Name) }

func (p *Project) now() time.Time { return p.place.Now() }

// keepFor is how long what was removed can come back.
func (p *Project) keepFor() time.Duration {
	if p.Options.Keep > 0 {
		return p.Options.Keep
	}
	return keepDefault
}

// mine says whether a row of the registry is about this repository.
func (p *Project) mine(row *Row) bool {
	if row.Repo != "" {
		return samePath(row.Repo, p.Main)
	}
	return row.Project == p.Name
}

// interrupted are the entries of commands that were killed, as far as the journal
// was read under the lock.
func interrupted(list []journal.Entry) []journal.Entry {
	var out []journal.Entry
	for _, e := range list {
		if e.State == journal.Begun {
			out = append(out, e)
		}
	}
	return out
}

// begin locks the repository, and refuses where an earlier command was killed:
// what it left has to be put right first.
func (p *Project) begin(ctx context.Context) (unlock func(), err error) {
	unlock, err = p.lock(ctx)
	if err != nil {
		return nil, err
	}
	list, err := p.Journal.List()
	if left := interrupted(list); err == nil && len(left) > 0 {
		err = &RefusedError{Name: p.Name, Why: []Reason{{Rule: "interrupted", Detail: "an earlier command was killed in the middle: " + left[0].Summary, Hint: "wf-ci worktree doctor puts it right"}}}
	}
	if err == nil {
		err = p.sweep(ctx, list)
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}
