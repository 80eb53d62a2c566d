// Package hook puts wf-ci in front of a commit and a push, and takes it away
// again. A hook that is there already is kept beside ours, runs first, and comes
// back byte for byte. Where another program keeps the hooks (lefthook,
// pre-commit, husky, overcommit) nothing is written: there are [Lines] for it.
package hook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Names are the hooks that we know, in the order in which git runs them.
func Names() []string { return []string{"pre-commit", "pre-push"} }

// KeptSuffix is what the name of a kept hook ends in.
const KeptSuffix = ".before-wf-ci"

// Place is where git looks for the hooks of a repository.
type Place struct {
	Top    string // of the work tree
	Common string // the git directory that all work trees share
	Dir    string // of the hooks; it need not exist
	// Shared says that the directory is in the work tree: who commits it gives
	// it to everybody.
	Shared  bool
	Outside string  // not empty: the directory is elsewhere, and who says so
	Manager Manager // who keeps the hooks; empty: nobody
}

// Find finds the place. A repository's own core.hooksPath counts, and so does
// the user's: that one is outside.
func Find(ctx context.Context, work git.Work, top, common string) (Place, error) {
	p := Place{Top: top, Common: common, Dir: filepath.Join(common, "hooks")}
	path, scope, err := configured(ctx, work)
	if err != nil {
		return p, fmt.Errorf("read core.hooksPath: %w", err)
	}
	if scope != "" {
		if path == "" {
			return p, fmt.Errorf("core.hooksPath (%s) is empty, so git finds no hook at all: git config --%s --unset core.hooksPath", scope, scope)
		}
		if p.Dir = path; !filepath.IsAbs(path) {
			p.Dir = filepath.Join(top, path)
		}
	}
	real, err := realDir(p.Dir)
	if err != nil {
		return p, fmt.Errorf("find the directory of the hooks: %w", err)
	}
	switch {
	case within(common, real):
	case within(top, real):
		p.Shared = true
	case scope != "":
		p.Outside = fmt.Sprintf("core.hooksPath (%s) names %s", scope, p.Dir)
	default:
		p.Outside = fmt.Sprintf("%s is a link to %s", p.Dir, real)
	}
	p.Manager = p.manager()
	return p, nil
}

// configured is core.hooksPath and the scope that says so. What is set for one
// command does not count: git sets it for ours.
func configured(ctx context.Context, work git.Work) (path, scope string, err error) {
	out, err := work.Git(ctx, "config", "--show-scope", "-z", "--type=path", "--get-all", "core.hooksPath")
	if git.Exited(err, 1) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	parts := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	for i := 0; i+1 < len(parts); i += 2 {
		if parts[i] != "command" {
			scope, path = parts[i], parts[i+1]
		}
	}
	return path, scope, nil
}

// realDir is a directory without links, also one of which the end does not exist.
func realDir(dir string) (string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	if _, err := os.Lstat(dir); err == nil {
		return "", fmt.Errorf("%s is a link to nothing", dir)
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return dir, nil
	}
	real, err = realDir(parent)
	return filepath.Join(real, filepath.Base(dir)), err
}

func within(dir, path string) bool {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// State is what stands in a hook's place.
type State string

const (
	None    State = "none"    // nothing
	Ours    State = "ours"    // ours, as we made it
	Edited  State = "edited"  // ours, and somebody has changed it
	Foreign State = "foreign" // another one
	Odd     State = "odd"     // no file
)

// Status is one hook.
type Status struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	State State  `json:"state"`
	Kept  bool   `json:"kept"` // the one that was there before is beside it
}

// Status says what stands in the place of a hook.
func (p Place) Status(name string) (Status, error) {
	s := Status{Name: name, Path: filepath.Join(p.Dir, name), State: None}
	if _, err := os.Lstat(s.Path + KeptSuffix); err == nil {
		s.Kept = true
	}
	info, err := os.Lstat(s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return s, err
	case info.IsDir():
		s.State = Odd
		return s, nil
	case !info.Mode().IsRegular() || info.Size() > scriptLimit:
		s.State = Foreign
		return s, nil
	}
	data, err := os.ReadFile(s.Path)
	if err != nil {
		return s, err
	}
	s.State = stateOf(string(data))
	return s, nil
}

// scriptLimit is far above the size of a hook of ours.
const scriptLimit = 64 << 10

// stateOf knows a hook of ours by its second line, which holds the digest of all
// that comes after it.
func stateOf(text string) State {
	rest, ok := strings.CutPrefix(text, shebang+mark)
	if !ok {
		return Foreign
	}
	sum, body, _ := strings.Cut(rest, "\n")
	if sum != digest(body) {
		return Edited
	}
	return Ours
}

func digest(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:8])
}
