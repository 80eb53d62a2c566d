//go:build cgo

package quality

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates/syntax"
)

// The percentage of copied lines is that of jscpd 5.3.3, within a point.
//
//	NODE_MODULES  a node_modules with jscpd@5.3.3
//	COPY_CORPORA  folders, separated by colons; else some of Go's own library
func TestAgreesWithJscpd(t *testing.T) {
	modules := os.Getenv("NODE_MODULES")
	if modules == "" {
		t.Skip("NODE_MODULES is not set")
	}
	for _, dir := range strings.Split(os.Getenv("COPY_CORPORA"), ":") {
		if dir == "" {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			paths := below(t, dir, `\.(go|py|js|mjs|cjs|ts|tsx|jsx|rs)$`, 100_000)
			out := t.TempDir()
			run(t, dir, filepath.Join(modules, ".bin", "jscpd"), "-f", "javascript,typescript,jsx,tsx,python,go,rust", "--min-tokens", "50", "--min-lines", "5",
				"--reporters", "json", "--silent", "--max-size", "4mb", "--max-lines", "1000000", "--no-gitignore", "--output", out, ".")
			data, err := os.ReadFile(filepath.Join(out, "jscpd-report.json"))
			if err != nil {
				t.Fatal(err)
			}
			var report struct {
				Statistics struct {
					Total struct {
						Lines, Clones, DuplicatedLines, Sources int
						Percentage                              float64
					}
				}
			}
			if err := json.Unmarshal(data, &report); err != nil {
				t.Fatal(err)
			}
			c := compareFiles(t, paths)
			ours := 100 * float64(c.copied) / float64(c.lines)
			theirs := report.Statistics.Total
			t.Logf("%s: jscpd %.2f %% (%d of %d lines, %d clones, %d files); here %.2f %% (%d of %d, %d clones, %d files)", filepath.Base(dir),
				theirs.Percentage, theirs.DuplicatedLines, theirs.Lines, theirs.Clones, theirs.Sources, ours, c.copied, c.lines, len(c.clones), c.files)
			if d := ours - theirs.Percentage; d > 1 || d < -1 {
				t.Errorf("more than a point apart")
			}
		})
	}
}

func compareFiles(t testing.TB, paths []string) comparison {
	t.Helper()
	var words dictionary
	var texts []text
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		language, _ := syntax.LanguageOf(path, nil)
		tree, err := syntax.Parse(context.Background(), language, src)
		if err != nil {
			t.Logf("%s: %v", path, err)
			continue
		}
		one, err := words.text(path, readRow(tree))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, one)
	}
	return compareAll(context.Background(), texts, cloneTokens, cloneLines)
}
