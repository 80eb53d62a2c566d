package refs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/refs"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
)

const branch = "refs/heads/wf-ci-costs"

// remotes are the ways to a bare repository: none, its path, smart HTTP.
func remotes(t *testing.T) map[string]git.Remote {
	t.Helper()
	local := bare(t)
	served := bare(t)
	exec := gittest.At(t, served).Git("--exec-path")
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(exec, "git-http-backend"), Root: "/", Logger: nil, Stderr: os.Stderr,
		Env: []string{"GIT_PROJECT_ROOT=" + served, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester", "GIT_CONFIG_NOSYSTEM=1"},
	})
	t.Cleanup(server.Close)
	return map[string]git.Remote{"here": {}, "path": {Name: local}, "http": {Name: server.URL}}
}

func bare(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	gittest.At(t, dir).Git("init", "--quiet", "--bare")
	return dir
}

func entry(t testing.TB, key string, usd costs.Nano) costs.Entry {
	t.Helper()
	e, err := costs.Entry{Key: key, Time: noon, Category: "compute", USD: usd, Basis: costs.Reported, Source: "test"}.Seal(noon)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func fold(entries []costs.Entry) (costs.Books, error) {
	return costs.Fold(entries, costs.DefaultBudget(), costs.Zone{})
}

// Each of many publishes, some twice; compactors work at the same time: in the
// end every entry is in the branch once, and no ref is left.
func TestPublishAndCompact(t *testing.T) {
	for name, remote := range remotes(t) {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t)
			store := refs.Store{Repo: repo.Open(), Remote: remote}
			const writers = 4
			errs := make([]error, writers+2)
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() {
					list := []costs.Entry{entry(t, fmt.Sprintf("own%d", i), 1e9), entry(t, "shared", 1e9)}
					for range 1 + i%2 {
						_, err := store.Publish(ctx, fmt.Sprintf("run%d", i), list)
						errs[i] = errors.Join(errs[i], err)
					}
				})
			}
			for i := range 2 {
				wg.Go(func() { _, errs[writers+i] = store.Compact(ctx, branch, fold) })
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			before, rejected, err := store.Entries(ctx, branch)
			if err != nil || len(before) != writers+1 || len(rejected) > 0 {
				t.Fatalf("%d entries, %v, %v", len(before), rejected, err)
			}
			done, err := store.Compact(ctx, branch, fold)
			if err != nil || len(done.Rejected) > 0 {
				t.Fatal(done, err)
			}
			left, err := store.Repo.Refs(remote).List(ctx, "refs")
			if err != nil || len(left) != 1 || left[branch] != done.Commit {
				t.Errorf("left: %v, %v", left, err)
			}
			data, err := store.Repo.ReadFile(ctx, done.Commit, "costs/daily-2026-11-27.json", 1<<20)
			if err != nil || !strings.Contains(string(data), `"total": "5.00"`) {
				t.Errorf("%s, %v", data, err)
			}
			again, err := store.Compact(ctx, branch, fold)
			if err != nil || again.Commit != done.Commit || again.Added != 0 {
				t.Errorf("nothing was there to fold: %+v, %v", again, err)
			}
			// What has been folded is published once more: it is not doubled.
			if _, err := store.Publish(ctx, "late", []costs.Entry{entry(t, "own1", 1e9)}); err != nil {
				t.Fatal(err)
			}
			if again, err = store.Compact(ctx, branch, fold); err != nil || again.Added != 0 || len(again.Folded) != 1 {
				t.Errorf("%+v, %v", again, err)
			}
		})
	}
}

// A ref that is no file of entries, or tells another story, stays and is named;
// the others are folded.
func TestCompactRejects(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("README", "shop\n")
	tip := repo.Commit("one")
	store := refs.Store{Repo: repo.Open(), Remote: git.Remote{Name: bare(t)}}
	if err := store.Repo.Refs(store.Remote).Set(ctx, git.Update{Ref: branch, New: tip}); err != nil {
		t.Fatal(err)
	}
	publish := func(run string, list ...costs.Entry) string {
		t.Helper()
		ref, err := store.Publish(ctx, run, list)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	publish("a", entry(t, "x", 1e9))
	other := publish("b", entry(t, "x", 2e9), entry(t, "y", 1e9))
	publish("c", entry(t, "z", 1e9))
	for path, content := range map[string]string{"costs/entries/2026-11/short.jsonl": "{}", "costs/entries/2026-11/" + strings.Repeat("0", 32) + ".jsonl": "{}\n"} {
		ids, err := store.Repo.WriteBlobs(ctx, [][]byte{[]byte(content)})
		if err != nil {
			t.Fatal(err)
		}
		id, err := store.Repo.MakeCommit(ctx, git.NewCommit{Files: map[string]string{path: ids[0]}, Message: "m", Time: noon})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Repo.Refs(store.Remote).Set(ctx, git.Update{Ref: "refs/wf-ci/ledger/evil/" + id[:8], New: id}); err != nil {
			t.Fatal(err)
		}
	}
	done, err := store.Compact(ctx, branch, fold)
	if err != nil || done.Added != 2 || len(done.Folded) != 2 || len(done.Rejected) != 3 {
		t.Fatalf("%+v, %v", done, err)
	}
	if done.Rejected[0].Ref != other || !strings.Contains(done.Rejected[0].Reason, `two entries claim to be "x"`) {
		if !slices.ContainsFunc(done.Rejected, func(r refs.Rejection) bool {
			return r.Ref == other && strings.Contains(r.Reason, `two entries claim to be "x"`)
		}) {
			t.Errorf("%+v", done.Rejected)
		}
	}
	if data, err := store.Repo.ReadFile(ctx, done.Commit, "README", 100); err != nil || string(data) != "shop\n" {
		t.Errorf("the branch's own files: %q, %v", data, err)
	}
	left, err := store.Repo.Refs(store.Remote).List(ctx, "refs/wf-ci")
	if err != nil || len(left) != 3 {
		t.Errorf("%v, %v", left, err)
	}
}

// A writer that is killed at any point and starts again loses nothing.
func TestKilledWriters(t *testing.T) {
	repo := gittest.New(t)
	store := refs.Store{Repo: repo.Open(), Remote: git.Remote{Name: bare(t)}}
	list := []costs.Entry{entry(t, "x", 1e9)}
	for i := range 12 {
		killed, cancel := context.WithTimeout(ctx, time.Duration(i)*4*time.Millisecond)
		_, _ = store.Publish(killed, "run", list)
		_, _ = store.Compact(killed, branch, fold)
		cancel()
	}
	if _, err := store.Publish(ctx, "run", list); err != nil {
		t.Fatal(err)
	}
	done, err := store.Compact(ctx, branch, fold)
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := store.Entries(ctx, branch)
	if err != nil || len(all) != 1 || done.Commit == "" {
		t.Errorf("%+v, %+v, %v", done, all, err)
	}
}

func TestPublishRefuses(t *testing.T) {
	store := refs.Store{Repo: gittest.New(t).Open()}
	for _, run := range []string{"", "a b", "../x", "a/b", "-x", "a.lock", "a..b"} {
		if ref, err := store.Publish(ctx, run, []costs.Entry{entry(t, "x", 1)}); err == nil {
			t.Errorf("run %q is %s", run, ref)
		}
	}
	if _, err := store.Publish(ctx, "run", nil); err == nil {
		t.Error("nothing was published")
	}
}
