package git_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// bare is a bare repository, as a remote.
func bare(t *testing.T) git.Remote {
	t.Helper()
	dir := t.TempDir()
	gittest.At(t, dir).Git("init", "--quiet", "--bare")
	return git.Remote{Name: dir}
}

func makeCommit(t *testing.T, repo *git.Repo, parent, path, content string) string {
	t.Helper()
	ids, err := repo.WriteBlobs(ctx, [][]byte{[]byte(content)})
	if err != nil {
		t.Fatal(err)
	}
	id, err := repo.MakeCommit(ctx, git.NewCommit{Parent: parent, Files: map[string]string{path: ids[0]}, Message: "m", Time: noon})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestMakeCommit(t *testing.T) {
	r := gittest.New(t)
	repo := r.Open()
	a := makeCommit(t, repo, "", "d/a", "one\r\n")
	b := makeCommit(t, repo, a, "d/b", "two")
	if again := makeCommit(t, repo, a, "d/b", "two"); again != b {
		t.Errorf("the same commit has two ids: %s, %s", b, again)
	}
	files, err := repo.FilesAt(ctx, b, "d")
	if err != nil || len(files) != 2 || files[0].Path != "d/a" || files[0].Size != 5 {
		t.Errorf("%+v, %v", files, err)
	}
	c, err := repo.MakeCommit(ctx, git.NewCommit{Parent: b, Files: map[string]string{"d/a": ""}, Message: "m", Time: noon})
	if err != nil {
		t.Fatal(err)
	}
	if files, err := repo.FilesAt(ctx, c, "d"); err != nil || len(files) != 1 {
		t.Errorf("%+v, %v", files, err)
	}
	if status := r.Git("status", "--porcelain"); status != "" {
		t.Errorf("the work tree was touched: %s", status)
	}
	for _, bad := range []string{"../x", "/x", ".git/config"} {
		if id, err := repo.MakeCommit(ctx, git.NewCommit{Files: map[string]string{bad: files[0].OID}, Message: "m", Time: noon}); err == nil {
			if files, err := repo.FilesAt(ctx, id, "."); err != nil || len(files) > 0 {
				t.Errorf("%s is in a commit: %+v, %v", bad, files, err)
			}
		}
	}
}

// Refs are compared and swapped, here and on a remote.
func TestRefs(t *testing.T) {
	for name, remote := range map[string]func(*testing.T) git.Remote{"here": func(*testing.T) git.Remote { return git.Remote{} }, "remote": bare} {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t).Open()
			refs := repo.Refs(remote(t))
			a := makeCommit(t, repo, "", "a", "one")
			b := makeCommit(t, repo, a, "a", "two")
			set := func(want error, updates ...git.Update) {
				t.Helper()
				if err := refs.Set(ctx, updates...); !errors.Is(err, want) {
					t.Errorf("%+v: %v, want %v", updates, err, want)
				}
			}
			const x, y = "refs/wf-ci/x/1", "refs/wf-ci/y"
			set(nil, git.Update{Ref: x, New: a})
			set(nil, git.Update{Ref: x, New: a})          // it is there already
			set(git.ErrMoved, git.Update{Ref: x, New: b}) // it is there, and another
			set(nil, git.Update{Ref: x, Old: a, New: b})
			set(git.ErrMoved, git.Update{Ref: y, New: a}, git.Update{Ref: x, Old: a, New: makeCommit(t, repo, "", "a", "three")}) // all or none
			all, err := refs.List(ctx, "refs/wf-ci")
			if err != nil || len(all) != 1 || all[x] != b {
				t.Errorf("%v, %v", all, err)
			}
			if all, err := refs.List(ctx, "refs/wf-ci/x/1"); err != nil || all[x] != b {
				t.Errorf("by its name: %v, %v", all, err)
			}
			if err := refs.Drop(ctx, map[string]string{x: a, y: a}); err != nil {
				t.Errorf("drop what has moved: %v", err)
			}
			if all, _ := refs.List(ctx, "refs"); all[x] != b {
				t.Errorf("what has moved was dropped: %v", all)
			}
			set(nil, git.Update{Ref: x, Old: b})
			if all, _ := refs.List(ctx, "refs"); len(all) != 0 {
				t.Errorf("%v", all)
			}
			if err := refs.Set(ctx, git.Update{Ref: "refs/a b", New: a}); err == nil || errors.Is(err, git.ErrMoved) {
				t.Errorf("a name with a space: %v", err)
			}
		})
	}
}

// Of many that create one ref, one succeeds.
func TestOneWriterWins(t *testing.T) {
	repo := gittest.New(t).Open()
	remote := bare(t)
	var wg sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		id := makeCommit(t, repo, "", "a", string(rune('a'+i)))
		wg.Go(func() { errs[i] = repo.Refs(remote).Set(ctx, git.Update{Ref: "refs/wf-ci/slot", New: id}) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, git.ErrMoved) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
}

// A remote that refuses, or is not there, is an error that says so.
func TestRemoteRefuses(t *testing.T) {
	repo := gittest.New(t).Open()
	id := makeCommit(t, repo, "", "a", "one")
	for _, name := range []string{t.TempDir(), "--upload-pack=x", "nowhere"} {
		if err := repo.Refs(git.Remote{Name: name}).Set(ctx, git.Update{Ref: "refs/wf-ci/x", New: id}); err == nil || errors.Is(err, git.ErrMoved) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidRef(t *testing.T) {
	for name, want := range map[string]bool{
		"refs/wf-ci/a-1.2/x": true, "refs": false, "refs/": false, "HEAD": false, "refs/a..b": false, "refs/a.lock": false, "refs/a.lock/b": false,
		"refs/.a": false, "refs/-a": false, "refs/a b": false, "refs/a\n": false, "refs/a//b": false, "refs/a.": false,
	} {
		if git.ValidRef(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}
