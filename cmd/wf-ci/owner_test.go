package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// A checkout of somebody else's is refused with the way out, from a folder in it
// too. In a container of GitHub Actions it is the workspace, and is taken.
func TestCheckoutOfAnotherOwner(t *testing.T) {
	if os.Geteuid() != 0 || runtime.GOOS == "windows" {
		t.Skip("only root gives files away")
	}
	const uid = 12345
	repo := gittest.New(t)
	repo.Write("sub/TASK.md", "- [ ] one\n")
	repo.Commit("one")
	err := filepath.WalkDir(repo.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
	if err != nil {
		t.Fatal(err)
	}
	// Nothing: what the system's configuration trusts is forgotten.
	home := t.TempDir()
	config := filepath.Join(home, ".gitconfig")
	if err := os.WriteFile(config, []byte("[safe]\n\tdirectory =\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"local", "start", "-C", "sub"}, {"local", "end", "--offline"}, {"worktree", "list"}, {"rollback", "plan", "--to", "HEAD"}} {
		status, _, errs := invoke(t, repo.Dir, []string{"HOME=" + home, "GIT_CONFIG_GLOBAL=" + config}, args...)
		if status != exitUsage || !strings.Contains(errs, "git config --global --add safe.directory "+repo.Dir+"\n") {
			t.Errorf("%v: status %d\n%s", args, status, errs)
		}
	}
	for contained, want := range map[bool]string{true: "docker run --user 12345:12345", false: "if you trust it"} {
		if got := ownerRemedy(repo.Dir, contained); !strings.Contains(got, want) || !contained && strings.Contains(got, "docker") {
			t.Errorf("%v: %s", contained, got)
		}
	}
	actions := []string{"GITHUB_ACTIONS=true", "GITHUB_WORKSPACE=" + repo.Dir}
	getenv := func(key string) string {
		return map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": repo.Dir}[key]
	}
	if !ci.NewWorkspace(getenv).Container {
		t.Skip("not in a container: there it is another user's as everywhere")
	}
	if status, out, errs := invoke(t, repo.Dir, actions, "local", "start", "--no-checks"); status != exitPass || !strings.Contains(out, "Current: main") {
		t.Errorf("in Actions: status %d\n%s%s", status, out, errs)
	}
}
