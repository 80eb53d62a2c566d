//go:build bench

package secrets

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// TestSameAsCommand compares what is found with the report of the gitleaks
// command (GITLEAKS), on the clones in REPOS: see bench/secrets.
func TestSameAsCommand(t *testing.T) {
	for _, dir := range filepath.SplitList(os.Getenv("REPOS")) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			repo := gittest.At(t, dir)
			own := *builtin()
			record := &recorder{scanner: own.scanner}
			own.scanner = record
			l := look{target: target(t, repo, ""), rules: &own, jobs: 2}
			if err := l.tree(ctx); err != nil {
				t.Fatal(err)
			}
			compare(t, "tree", commandSays(t, dir, "dir", "."), withoutLines(record.said), 0)
			record.said = nil
			commits, err := l.target.Repo.Commits(ctx, 0, l.target.Change.Head)
			if err != nil {
				t.Fatal(err)
			}
			few, err := l.candidates(ctx, commits, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.patches(ctx, few); err != nil {
				t.Fatal(err)
			}
			compare(t, "history", commandSays(t, dir, "git", ".", "--log-opts=--full-history --diff-filter=tuxdb HEAD"), withoutLines(record.said), 0)
		})
	}
}
