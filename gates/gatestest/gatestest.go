// Package gatestest makes what a gate is given, for tests of gates.
package gatestest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// Target is a repository's work tree compared with base; empty: everything is
// new. Policy is read from the work tree, as it is when it is read; nothing is
// redacted, and nothing is cached.
func Target(t testing.TB, repo *gittest.Repo, base string) *gates.Target {
	t.Helper()
	ctx := context.Background()
	r := repo.Open()
	tree, _, err := r.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	head, err := r.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	change, err := r.Diff(ctx, base, head, tree)
	if err != nil {
		t.Fatal(err)
	}
	return &gates.Target{
		Dir: r.Dir, Repo: r, Tree: tree, Change: change, Runner: gittest.Runner(t), Jobs: 2,
		ReadPolicy: func(_ context.Context, path string) ([]byte, error) {
			data, err := os.ReadFile(filepath.Join(r.Dir, path))
			if errors.Is(err, fs.ErrNotExist) {
				return nil, nil
			}
			return data, err
		},
		Log:  slog.New(slog.DiscardHandler),
		Self: self(),
	}
}

// engineWord is the first argument of a test binary that is to be an engine.
const engineWord = "wf-ci-engine"

func self() []string {
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{path, engineWord}
}

// Main is the TestMain of a package whose gates start engines: targets made by
// [Target] start the test binary again as one of these.
func Main(m *testing.M, engines map[string]gates.EngineFunc) {
	if len(os.Args) != 3 || os.Args[1] != engineWord {
		os.Exit(m.Run())
	}
	e, ok := engines[os.Args[2]]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such engine: "+os.Args[2])
		os.Exit(1)
	}
	dir, err := os.Getwd()
	if err == nil {
		err = gates.ServeEngine(context.Background(), e, dir, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
