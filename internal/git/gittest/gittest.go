// Package gittest makes real git repositories for tests: author, dates and
// configuration are frozen, so that commit ids are the same everywhere.
package gittest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

// Repo is a repository in a temporary directory.
type Repo struct {
	Dir string
	t   testing.TB
	n   int // commits so far: each is a minute later than the one before
}

// Runner is a runner whose git sees no configuration of the machine.
func Runner(t testing.TB) *run.Runner {
	t.Helper()
	env := append(goCaches(), run.CleanEnv(os.Environ())...)
	return &run.Runner{Env: append(env, "HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_AUTHOR_NAME=A U Thor", "GIT_AUTHOR_EMAIL=author@example.com",
		"GIT_COMMITTER_NAME=C O Mitter", "GIT_COMMITTER_EMAIL=committer@example.com")}
}

// goCaches are what Go has compiled and fetched before: without them every test
// whose HOME is its own compiles the standard library anew.
func goCaches() []string {
	var env []string
	if cache, err := os.UserCacheDir(); err == nil {
		env = append(env, "GOCACHE="+filepath.Join(cache, "go-build"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		env = append(env, "GOMODCACHE="+filepath.Join(home, "go", "pkg", "mod"))
	}
	return env
}

// New is an empty repository on the branch main.
func New(t testing.TB) *Repo {
	t.Helper()
	r := &Repo{Dir: t.TempDir(), t: t}
	r.Git("init", "--quiet", "--initial-branch=main")
	return r
}

// At is a repository that is there already.
func At(t testing.TB, dir string) *Repo { return &Repo{Dir: dir, t: t} }

// Git runs git and gives its standard output without the last newline.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	date := fmt.Sprintf("2026-01-02T03:%02d:%02dZ", r.n/60, r.n%60)
	res, err := Runner(r.t).Run(context.Background(), run.Command{
		Name: "git", Args: append([]string{"-c", "protocol.file.allow=always"}, args...), Dir: r.Dir,
		Env: []string{"GIT_AUTHOR_DATE=" + date, "GIT_COMMITTER_DATE=" + date},
	})
	if err != nil {
		r.t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSuffix(string(res.Stdout.Bytes), "\n")
}

// Write writes a file of the work tree, with its directories.
func (r *Repo) Write(path, content string) {
	r.t.Helper()
	full := filepath.Join(r.Dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// Commit commits the whole work tree and gives the commit's id.
func (r *Repo) Commit(message string) string {
	r.t.Helper()
	r.n++
	r.Git("add", "--all")
	r.Git("commit", "--quiet", "--allow-empty", "--message", message)
	return r.Git("rev-parse", "HEAD")
}

// Open opens the repository as the product does.
func (r *Repo) Open() *git.Repo {
	r.t.Helper()
	repo, err := git.Open(context.Background(), Runner(r.t), r.Dir, r.t.TempDir())
	if err != nil {
		r.t.Fatal(err)
	}
	return repo
}
