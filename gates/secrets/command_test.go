//go:build bench

package secrets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
			if err := l.patches(ctx, commits, l.target.Repo.Patches); err != nil {
				t.Fatal(err)
			}
			compare(t, "history", commandSays(t, dir, "git", ".", "--log-opts=--full-history --diff-filter=tuxdb HEAD"), withoutLines(record.said), 0)
		})
	}
}

var lineWords = regexp.MustCompile(` line "(?:[^"\\]|\\.)*" entropy`)

// withoutLines: the command's report has no lines.
func withoutLines(said []string) []string {
	for i, s := range said {
		said[i] = lineWords.ReplaceAllString(s, " entropy")
	}
	return said
}

// commandSays are the findings of the command in the words of a recorder.
func commandSays(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	c := exec.Command(os.Getenv("GITLEAKS"), append(args, "--report-format=json", "--report-path="+report, "--exit-code=0", "--ignore-gitleaks-allow")...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var found []struct {
		RuleID, File, Commit, Match, Secret        string
		StartLine, EndLine, StartColumn, EndColumn int
		Entropy                                    float32
		Tags                                       []string
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&found); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, f := range found {
		said = append(said, fmt.Sprintf("%q %s %s %d:%d-%d:%d match %q secret %q entropy %v tags %q", f.File, f.Commit,
			f.RuleID, f.StartLine, f.StartColumn, f.EndLine, f.EndColumn, f.Match, f.Secret, f.Entropy, f.Tags))
	}
	return said
}
