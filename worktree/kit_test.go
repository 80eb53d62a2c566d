package worktree_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/worktree"
)

// kit is a repository and a home of its own.
type kit struct {
	*gittest.Repo
	t      testing.TB
	home   string
	runner *run.Runner
	now    time.Time
}

var ctx = context.Background()

// newKit is a repository with two files, an ignored env file and ignored
// folders.
func newKit(t testing.TB) *kit {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "app")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	k := &kit{Repo: gittest.At(t, dir), t: t, home: t.TempDir(), runner: gittest.Runner(t), now: time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)}
	k.Git("init", "--quiet", "--initial-branch=main")
	k.Write(".gitignore", ".env\nnode_modules/\n*.log\n")
	k.Write("a.txt", "one\ntwo\nthree\n")
	k.Write("src/b.txt", "b\n")
	k.Write(".env", "PORT=3000 # web\nDB_PORT=5432\nURL=http://localhost:3000/\n")
	k.Commit("first")
	return k
}

func (k *kit) project() *worktree.Project {
	k.t.Helper()
	return k.projectAt(k.Dir)
}

func (k *kit) projectAt(dir string) *worktree.Project {
	k.t.Helper()
	p, err := worktree.Open(ctx, worktree.Place{Runner: k.runner, Home: k.home, Dir: dir, Scratch: k.t.TempDir(), Now: func() time.Time { return k.now }})
	if err != nil {
		k.t.Fatal(err)
	}
	p.Options = worktree.Options{MaxActive: 8, Ports: worktree.Pool{First: 18100, Last: 18199}}
	p.SetFree(func(int) bool { return true })
	return p
}

func (k *kit) spawn(name string) *worktree.Spawned {
	k.t.Helper()
	s, err := k.project().Spawn(ctx, worktree.SpawnOptions{Name: name})
	if err != nil {
		k.t.Fatalf("spawn %s: %v", name, err)
	}
	return s
}

// in is git and files of a worktree.
func (k *kit) in(path string) *gittest.Repo { return gittest.At(k.t, path) }

func (k *kit) registry() string {
	data, err := os.ReadFile(filepath.Join(k.home, ".claude", "worktree-registry.json"))
	if err != nil && !os.IsNotExist(err) {
		k.t.Fatal(err)
	}
	return string(data)
}

// state is everything that a command may not change when it refuses, and that
// has to be the same again after a restore: the files with their modes and
// bytes, git's own directory of the worktree, the refs, the registry.
func (k *kit) state(path, admin string) string {
	k.t.Helper()
	refs := k.Git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags", "refs/stash", "refs/remotes")
	return "files\n" + digest(k.t, path) + "admin\n" + digest(k.t, admin) + "refs\n" + refs + "\nregistry\n" + k.registry()
}

// digest is a line for each path below a directory.
func digest(t testing.TB, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) && path == dir {
				lines = append(lines, "(nothing)")
				return nil
			}
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		content := ""
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			content, err = os.Readlink(path)
		case d.Type().IsRegular():
			var data []byte
			data, err = os.ReadFile(path)
			sum := sha256.Sum256(data)
			content = hex.EncodeToString(sum[:8])
		}
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%s %q %s", info.Mode(), rel, content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n") + "\n"
}

// adminOf is git's own directory of a worktree.
func (k *kit) adminOf(path string) string { return k.in(path).Git("rev-parse", "--absolute-git-dir") }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
