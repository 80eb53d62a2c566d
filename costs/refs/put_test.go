package refs_test

import (
	"errors"
	"testing"

	"github.com/wf-ci/wf-ci/costs/refs"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// What is put stands beside what is there, once; what somebody else has written
// is not overwritten, and then nothing is.
func TestPut(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("README", "shop\n")
	tip := repo.Commit("one")
	remote := git.Remote{Name: bare(t), Shallow: true}
	if err := repo.Open().Refs(git.Remote{Name: remote.Name}).Set(ctx, git.Update{Ref: branch, New: tip}); err != nil {
		t.Fatal(err)
	}
	store := refs.Store{Repo: gittest.New(t).Open(), Remote: remote}
	put := func(files map[string]refs.Edit) error { return store.Put(ctx, branch, "edit", noon, files) }
	shows := func(path, want string) {
		t.Helper()
		if data, err := store.File(ctx, branch, path); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	for range 2 { // the second time it is there
		if err := put(map[string]refs.Edit{"a": {New: []byte("1")}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(map[string]refs.Edit{"a": {Old: []byte("1"), New: []byte("2")}, "b/c": {New: []byte("3")}}); err != nil {
		t.Fatal(err)
	}
	shows("README", "shop\n")
	shows("a", "2")
	shows("b/c", "3")
	for _, wrong := range []refs.Edit{{New: []byte("x")}, {Old: []byte("1"), New: []byte("x")}} {
		if err := put(map[string]refs.Edit{"a": wrong, "d": {New: []byte("4")}}); !errors.Is(err, refs.ErrEdited) {
			t.Errorf("%v", err)
		}
	}
	shows("a", "2")
	shows("d", "")
	if n := gittest.At(t, remote.Name).Git("rev-list", "--count", branch); n != "3" {
		t.Errorf("%s commits", n)
	}
	if err := store.Put(ctx, "refs/heads/new", "edit", noon, map[string]refs.Edit{"a": {New: []byte("1")}}); err != nil {
		t.Error(err)
	}
}
