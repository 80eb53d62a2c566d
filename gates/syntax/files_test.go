package syntax

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// snapshot is the tree of a repository with these files.
func snapshot(t testing.TB, files map[string]string) *git.Tree {
	t.Helper()
	repo := gittest.New(t)
	for name, text := range files {
		repo.Write(name, text)
	}
	tree, _, err := repo.Open().Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestFiles(t *testing.T) {
	if !Available() {
		t.Skip("no parsers")
	}
	bg := context.Background()
	tree := snapshot(t, map[string]string{
		"a.go": "package a\n", "copy.go": "package a\n", "empty.py": "", "b.js": "f(", "text.md": "# a\n",
		"as.ts": "let a = 1;\n", "as.tsx": "let a = 1;\n", "large.go": "package large // " + fmt.Sprint(make([]int, 300)) + "\n",
	})
	files := &Files{Limits: Limits{Size: 500}}
	got := map[string]*Tree{}
	for _, jobs := range []int{1, 4, 4} {
		var mu sync.Mutex
		seen := map[string]bool{}
		err := files.Each(bg, tree, tree.Files, jobs, func(f git.File, parsed *Tree, err error) error {
			mu.Lock()
			defer mu.Unlock()
			if seen[f.Path] {
				t.Errorf("%s twice", f.Path)
			}
			seen[f.Path] = true
			want := map[string]error{"text.md": ErrLanguage, "large.go": ErrTooLarge}[f.Path]
			if !errors.Is(err, want) || (parsed == nil) != (want != nil) {
				t.Errorf("%s: %v, %v", f.Path, parsed, err)
			}
			if before, ok := got[f.Path]; ok && before != parsed {
				t.Errorf("%s was parsed again", f.Path)
			}
			got[f.Path] = parsed
			return nil
		})
		if err != nil || len(seen) != len(tree.Files) {
			t.Errorf("%d jobs: %v; %d files", jobs, err, len(seen))
		}
	}
	if got["a.go"] != got["copy.go"] || got["as.ts"] == got["as.tsx"] {
		t.Error("a content has one tree in each language")
	}
	one, err := files.Tree(bg, tree, *tree.File("a.go"))
	if err != nil || one != got["a.go"] {
		t.Errorf("%v, %v", one, err)
	}
}

// With no memory nothing is kept, and everything is there all the same.
func TestFilesWithoutMemory(t *testing.T) {
	if !Available() {
		t.Skip("no parsers")
	}
	tree := snapshot(t, map[string]string{"a.go": "package a\n"})
	files := &Files{Memory: 1}
	first, err := files.Tree(context.Background(), tree, tree.Files[0])
	second, again := files.Tree(context.Background(), tree, tree.Files[0])
	if err != nil || again != nil || first == second || len(files.known) != 0 || files.used != 0 {
		t.Errorf("%v, %v; %d kept", err, again, len(files.known))
	}
}

// Several gates at once parse each content once.
func TestFilesShared(t *testing.T) {
	if !Available() {
		t.Skip("no parsers")
	}
	sources := map[string]string{}
	for i := range 40 {
		sources[fmt.Sprintf("f%d.go", i)] = fmt.Sprintf("package p\n\nvar x%d = %d\n", i, i)
	}
	tree := snapshot(t, sources)
	files := &Files{}
	var mu sync.Mutex
	trees := map[string]*Tree{}
	var gates sync.WaitGroup
	for range 5 {
		gates.Go(func() {
			err := files.Each(context.Background(), tree, tree.Files, 3, func(f git.File, parsed *Tree, err error) error {
				mu.Lock()
				defer mu.Unlock()
				if trees[f.Path] == nil {
					trees[f.Path] = parsed
				}
				if err != nil || trees[f.Path] != parsed {
					t.Errorf("%s: %v, or parsed twice", f.Path, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	gates.Wait()
	if len(trees) != 40 {
		t.Errorf("%d trees", len(trees))
	}
}

// One gate that is ended does not end the others' files.
func TestFilesOneGateStops(t *testing.T) {
	if !Available() {
		t.Skip("no parsers")
	}
	tree := snapshot(t, map[string]string{"a.go": "package a\n", "b.go": "package b\n"})
	files := &Files{}
	stopped, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("its time is up"))
	if _, err := files.Tree(stopped, tree, tree.Files[0]); err == nil || err.Error() != "its time is up" {
		t.Errorf("stopped: %v", err)
	}
	if _, err := files.Tree(context.Background(), tree, tree.Files[0]); err != nil {
		t.Errorf("another: %v", err)
	}
	broken := errors.New("broken")
	if err := files.Each(context.Background(), tree, tree.Files, 2, func(git.File, *Tree, error) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("an error of the gate: %v", err)
	}
	err := files.Each(context.Background(), tree, tree.Files, 2, func(git.File, *Tree, error) error { panic("oops") })
	if err == nil || err.Error()[:7] != "crashed" {
		t.Errorf("a crash of the gate: %v", err)
	}
}

func TestFilesWithoutParsers(t *testing.T) {
	if Available() {
		t.Skip("this build has parsers")
	}
	tree := snapshot(t, map[string]string{"a.go": "package a\n"})
	if _, err := new(Files).Tree(context.Background(), tree, tree.Files[0]); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}
