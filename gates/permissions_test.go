package gates_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	repo := gittest.New(t)
	modes := map[string]os.FileMode{
		"open": 0o666, "open-program": 0o777, "write-only": 0o642, "dir/deep/open": 0o666, "caf\xe9": 0o666, "untracked": 0o666, "ignored": 0o666,
		"mine": 0o600, "usual": 0o644, "program": 0o755, "group": 0o664,
	}
	for name := range modes {
		repo.Write(name, "x\n")
	}
	repo.Write(".gitignore", "ignored\n")
	for _, name := range []string{"gone", "sparse/gone", "replaced"} {
		repo.Write(name, "x\n")
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	symlink(t, repo, outside, "link")
	repo.Git("add", "--all", "--", ".", ":!untracked")
	repo.Git("commit", "--quiet", "--message", "one")
	repo.Git("update-index", "--skip-worktree", "sparse/gone")
	for name, mode := range modes {
		if err := os.Chmod(filepath.Join(repo.Dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(outside, 0o666); err != nil { // a link's own mode says nothing
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(repo.Dir, "sparse")); err != nil {
		t.Fatal(err)
	}
	target := newTarget(t, repo, "")
	// What goes while we look is no fault.
	for _, name := range []string{"gone", "replaced"} {
		if err := os.Remove(filepath.Join(repo.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	symlink(t, repo, outside, "replaced")

	r := runOne(t, target, gates.Permissions())
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	sameList(t, "findings", places(r.Outcome.Findings), []string{
		`"caf\351":0 world-writable`, "dir/deep/open:0 world-writable", "open:0 world-writable", "open-program:0 world-writable",
		"untracked:0 world-writable", "write-only:0 world-writable",
	})
	for _, f := range r.Outcome.Findings {
		if f.Severity != gates.SeverityWarning || f.Path == "write-only" && !strings.Contains(f.Message, "0642") {
			t.Errorf("%+v", f)
		}
	}
	// .gitignore, ten of the modes, and what is a link now.
	if got := r.Outcome.Examined.Files; got != 12 {
		t.Errorf("%d files examined", got)
	}
}

func TestPermissionsWithNothingOnDisk(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	if r := runOne(t, newTarget(t, repo, ""), gates.Permissions()); r.Skipped == "" {
		t.Errorf("an empty tree: %+v", r)
	}
	symlink(t, repo, "nowhere", "link")
	if r := runOne(t, newTarget(t, repo, ""), gates.Permissions()); r.Err != nil || len(r.Outcome.Findings) != 0 {
		t.Errorf("only a link: %+v", r)
	}
	repo.Write("a", "x\n")
	target := newTarget(t, repo, "")
	if err := os.Remove(filepath.Join(repo.Dir, "a")); err != nil {
		t.Fatal(err)
	}
	if r := runOne(t, target, gates.Permissions()); r.Err == nil || !strings.Contains(r.Err.Error(), "examined no files") {
		t.Errorf("nothing was looked at: %v", r.Err)
	}
}
