package sast

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates/syntax"
)

var wanted = regexp.MustCompile(`(?://|#|/\*) want ([a-z0-9 -]+)`)

// Small applications as people write them: what is found is what the comments
// say, and nothing else.
func TestApplications(t *testing.T) {
	rules := builtinRules(t)
	files, err := filepath.Glob("testdata/*/*.*")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.ToSlash(name), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			language, ok := syntax.LanguageOf(name, src)
			if !ok {
				t.Fatal("no language")
			}
			parsed, err := syntax.Parse(ctx, language, src)
			if err != nil {
				t.Fatal(err)
			}
			res, err := rules.file(ctx, parsed)
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			for i, line := range strings.Split(string(src), "\n") {
				if m := wanted.FindStringSubmatch(line); m != nil {
					for _, id := range strings.Fields(m[1]) {
						want = append(want, fmt.Sprintf("%03d %s", i+1, id))
					}
				}
			}
			for _, f := range res.findings {
				got = append(got, fmt.Sprintf("%03d %s", f.Line, f.Rule))
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				for _, g := range got {
					if !slices.Contains(want, g) {
						t.Errorf("found, and not wanted: %s", g)
					}
				}
				for _, w := range want {
					if !slices.Contains(got, w) {
						t.Errorf("wanted, and not found: %s", w)
					}
				}
			}
		})
	}
}
