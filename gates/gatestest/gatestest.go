// Package gatestest makes what a gate is given, for tests of gates.
package gatestest

import (
	"context"
	"errors"
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
		Log: slog.New(slog.DiscardHandler),
	}
}
