package secrets

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// keyPlaces are a key that was deleted and one that is there.
func keyPlaces(repo *gittest.Repo) (first string) {
	repo.Write("gone", awsKey(1)+"\n")
	first = repo.Commit("one")
	repo.Git("rm", "--quiet", "gone")
	repo.Write("here", awsKey(2)+"\n")
	repo.Commit("two")
	return first
}

func wantBoth(t *testing.T, repo *gittest.Repo, first string) {
	t.Helper()
	wantPlaces(t, findings(t, Options{}, target(t, repo, "")), "aws-access-token gone:1:1-1:21 "+first[:7], "aws-access-token here:1:1-1:21")
}

// wantError: the gate says that it could not look.
func wantError(t *testing.T, r gates.Result, words ...string) {
	t.Helper()
	if r.Err == nil {
		t.Fatalf("no error, %d findings", len(r.Outcome.Findings))
	}
	for _, w := range words {
		if !strings.Contains(r.Err.Error(), w) {
			t.Errorf("%v\nwant %q", r.Err, w)
		}
	}
}

func TestOtherKindsOfRepositories(t *testing.T) {
	initWith := func(args ...string) func(*testing.T) *gittest.Repo {
		return func(t *testing.T) *gittest.Repo {
			repo := gittest.At(t, t.TempDir())
			repo.Git(append([]string{"init", "--quiet", "--initial-branch=main"}, args...)...)
			return repo
		}
	}
	for name, make := range map[string]func(*testing.T) *gittest.Repo{
		"sha256": initWith("--object-format=sha256"),
		"reftable": func(t *testing.T) *gittest.Repo {
			version, err := gittest.New(t).Open().Version(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var major, minor int
			if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || major < 2 || major == 2 && minor < 45 {
				t.Skipf("git %s knows no reftable (2.45 does)", version)
			}
			return initWith("--ref-format=reftable")(t)
		},
		"with grafts": func(t *testing.T) *gittest.Repo { return gittest.New(t) },
		"with lying attributes": func(t *testing.T) *gittest.Repo {
			repo := gittest.New(t)
			repo.Write(".gitattributes", "here binary -diff\ngone binary -diff linguist-generated\n")
			if err := os.WriteFile(filepath.Join(repo.Dir, ".git/info/attributes"), []byte("* -diff binary\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return repo
		},
		"of many refs": func(t *testing.T) *gittest.Repo { return gittest.New(t) },
	} {
		t.Run(name, func(t *testing.T) {
			repo := make(t)
			first := keyPlaces(repo)
			head := repo.Git("rev-parse", "HEAD")
			switch name {
			case "with grafts": // HEAD has no parent, it says
				if err := os.WriteFile(filepath.Join(repo.Dir, ".git/info/grafts"), []byte(head+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			case "of many refs":
				var refs strings.Builder
				refs.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
				for i := range 100_000 {
					fmt.Fprintf(&refs, "%s refs/remotes/origin/b%06d\n", head, i)
				}
				if err := os.WriteFile(filepath.Join(repo.Dir, ".git/packed-refs"), []byte(refs.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				change, err := repo.Open().Unpushed(ctx, head, target(t, repo, "").Tree)
				if err != nil || change.Commits() != 0 {
					t.Errorf("%d commits, %v", change.Commits(), err)
				}
			}
			wantBoth(t, repo, first)
		})
	}
}

// object is the file of a loose object.
func object(repo *gittest.Repo, rev string) string {
	id := repo.Git("rev-parse", rev)
	return filepath.Join(repo.Dir, ".git/objects", id[:2], id[2:])
}

func TestObjectsThatCannotBeRead(t *testing.T) {
	for name, rev := range map[string]string{
		"a file of the tree":    "HEAD:here",
		"a file of the history": "HEAD~:gone",
		"a commit":              "HEAD~",
		"a tree":                "HEAD~^{tree}",
	} {
		for how, spoil := range map[string]func(string) error{
			"gone":      os.Remove,
			"cut short": func(path string) error { return os.Truncate(path, 9) },
			"garbage":   func(path string) error { return os.WriteFile(path, []byte("not an object"), 0o600) },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				repo := gittest.New(t)
				keyPlaces(repo)
				path := object(repo, rev)
				if err := os.Chmod(path, 0o600); err != nil {
					t.Fatal(err)
				}
				tt := target(t, repo, "")
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				wantError(t, result(t, Options{}, tt))
			})
		}
	}
}

// A partial clone has no contents of the history: where they cannot be fetched,
// nobody knows what is in them.
func TestPartialClone(t *testing.T) {
	origin := gittest.New(t)
	first := keyPlaces(origin)
	origin.Git("config", "uploadpack.allowFilter", "true")
	origin.Git("config", "uploadpack.allowAnySHA1InWant", "true")
	dir := filepath.Join(t.TempDir(), "clone")
	origin.Git("clone", "--quiet", "--filter=blob:none", "file://"+origin.Dir, dir)
	clone := gittest.At(t, dir)
	if err := os.Rename(origin.Dir, origin.Dir+"-away"); err != nil {
		t.Fatal(err)
	}
	wantError(t, result(t, Options{}, target(t, clone, "")))
	if err := os.Rename(origin.Dir+"-away", origin.Dir); err != nil {
		t.Fatal(err)
	}
	r := result(t, Options{}, target(t, clone, ""))
	if r.Err != nil { // where git may not fetch by itself
		t.Skip(r.Err)
	}
	wantPlaces(t, r.Outcome.Findings, "aws-access-token gone:1:1-1:21 "+first[:7], "aws-access-token here:1:1-1:21")
}

func TestAlternates(t *testing.T) {
	origin := gittest.New(t)
	first := keyPlaces(origin)
	dir := filepath.Join(t.TempDir(), "clone")
	origin.Git("clone", "--quiet", "--shared", origin.Dir, dir)
	clone := gittest.At(t, dir)
	wantBoth(t, clone, first)
	tt := target(t, clone, "")
	if err := os.RemoveAll(filepath.Join(origin.Dir, ".git/objects")); err != nil {
		t.Fatal(err)
	}
	wantError(t, result(t, Options{}, tt))
	if repo, err := git.Open(ctx, gittest.Runner(t), dir, t.TempDir()); err == nil {
		if _, err := repo.Head(ctx); err == nil {
			t.Error("a HEAD that is not here was taken for none")
		}
		if _, _, err := repo.Snapshot(ctx); err == nil {
			t.Error("a tree without its HEAD was read")
		}
	}
}

// A line of 100 MB and a file of 200 MB are looked at to their ends.
func TestHugeFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes 300 MB")
	}
	repo := gittest.New(t)
	const size = hugeLine
	f, err := os.Create(filepath.Join(repo.Dir, "one line"))
	if err != nil {
		t.Fatal(err)
	}
	block := []byte(strings.Repeat("a1 ", 1<<20/3))
	for n := 0; n < size; n += len(block) {
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(f, " %s\n%s", awsKey(1), awsKey(2))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	sparse := filepath.Join(repo.Dir, "sparse")
	if err := os.WriteFile(sparse, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(sparse, hugeLine*2); err != nil {
		t.Fatal(err)
	}
	r := result(t, Options{History: None}, target(t, repo, ""))
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	got := places(r.Outcome.Findings)
	if len(got) != 2 || !strings.HasPrefix(got[0], "aws-access-token one line:1:") || got[1] != "aws-access-token one line:2:1-2:21" {
		t.Errorf("%q", got)
	}
	if n := r.Outcome.Examined.Bytes; n < size+hugeLine*2 {
		t.Errorf("%d bytes", n)
	}
}
