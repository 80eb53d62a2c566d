package git_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// shapes is a history with every kind of change that a tree can have.
func shapes(t testing.TB) *gittest.Repo {
	r := gittest.New(t)
	commit := func(message string) {
		r.Git("add", "-A")
		r.Git("commit", "-q", "--allow-empty", "-m", message)
	}
	r.Write("a", "a\n")
	r.Write("a.b", "beside a\n")
	r.Write("dir/deep/x", strings.Repeat("a line that stays\n", 300))
	r.Write("dir/with space\nand newline", "odd\n")
	r.Write("empty", "")
	commit("first")
	r.Write("dir/deep/x", strings.Repeat("a line that stays\n", 299)+"another\n")
	r.Git("update-index", "--chmod=+x", "a")
	r.Git("commit", "-q", "-m", "executable")
	r.Git("reset", "-q", "--hard")
	commit("nothing")
	if err := os.Remove(filepath.Join(r.Dir, "a")); err != nil {
		t.Fatal(err)
	}
	r.Write("a/now/a/folder", "deeper\n")
	commit("a file becomes a folder")
	r.Git("rm", "-q", "-r", "a")
	if err := os.Symlink("dir/deep/x", filepath.Join(r.Dir, "a")); err != nil {
		t.Fatal(err)
	}
	commit("a folder becomes a link")
	r.Git("rm", "-q", "a.b")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+r.Git("rev-parse", "HEAD")+",a.b")
	r.Git("commit", "-q", "-m", "a file becomes a submodule")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+r.Git("rev-parse", "HEAD")+",a.b")
	r.Git("commit", "-q", "-m", "the submodule moves")
	r.Git("rm", "-q", "--cached", "a.b")
	r.Write("a.b", "a file again\n")
	commit("a submodule becomes a file")
	r.Git("checkout", "-q", "-b", "side", "HEAD~3")
	r.Write("side", "side\n")
	commit("side")
	r.Git("checkout", "-q", "main")
	r.Git("merge", "-q", "--no-edit", "side")
	r.Git("mv", "dir", "moved")
	commit("moved")
	return r
}

// raw is what git says that a commit changes, as we show it.
func raw(r *gittest.Repo, commit string) []string {
	var out []string
	f := strings.Split(r.Git("diff-tree", "-r", "--root", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-commit-id", commit), "\x00")
	for i := 0; i+1 < len(f); i += 2 {
		e := strings.Fields(strings.TrimPrefix(f[i], ":")) // mode mode id id status
		const submodule = "160000"
		old, now, status := strings.Trim(e[2], "0"), strings.Trim(e[3], "0"), e[4]
		if old != "" {
			old = e[2]
		}
		if now != "" {
			now = e[3]
		}
		switch {
		case e[0] == submodule && e[1] == submodule, e[0] == submodule && now == "", old == "" && e[1] == submodule:
			continue
		case e[0] == submodule:
			old, status = "", "A"
		case e[1] == submodule:
			now, status = "", "D"
		}
		out = append(out, fmt.Sprintf("%s %q %s <- %s", status, f[i+1], now, old))
	}
	return out
}

func eachLayout(t *testing.T, f func(t *testing.T, r *gittest.Repo)) {
	for _, layout := range []string{"loose", "packed", "deltas by name"} {
		t.Run(layout, func(t *testing.T) {
			r := shapes(t)
			switch layout {
			case "packed":
				r.Git("gc", "-q", "--aggressive", "--prune=now")
			case "deltas by name":
				r.Git("-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f")
			}
			f(t, r)
		})
	}
}

// What is read without git is what git says.
func TestChangesAsGitSays(t *testing.T) {
	eachLayout(t, func(t *testing.T, r *gittest.Repo) {
		repo := r.Open()
		commits := strings.Fields(r.Git("rev-list", "--no-merges", "HEAD"))
		n := 0
		err := repo.Changes(t.Context(), commits, func(commit string, files []git.Changed) error {
			var got []string
			for _, f := range files {
				got = append(got, fmt.Sprintf("%c %q %s <- %s", f.Status, f.Path, f.OID, f.Old[0]))
			}
			if want := raw(r, commit); commit != commits[n] || !slices.Equal(got, want) {
				t.Errorf("commit %d, %s:\n%s\ngit says\n%s", n, commit, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			n++
			return nil
		})
		if err != nil || n != len(commits) {
			t.Errorf("%d of %d commits, %v", n, len(commits), err)
		}
	})
}

func TestTreesAsGitSays(t *testing.T) {
	eachLayout(t, func(t *testing.T, r *gittest.Repo) {
		repo := r.Open()
		for i, commit := range strings.Fields(r.Git("rev-list", "HEAD")) {
			tree, err := repo.TreeAt(t.Context(), commit)
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, f := range tree.Files {
				got = append(got, fmt.Sprintf("%q %s %d %d", f.Path, f.OID, f.Size, f.Kind))
				if i == 0 {
					sameFile(t, repo, r, commit, f)
				}
			}
			for _, line := range strings.Split(r.Git("ls-tree", "-r", "-z", "-l", commit), "\x00") {
				meta, path, _ := strings.Cut(line, "\t")
				e := strings.Fields(meta)
				if len(e) == 4 && e[1] == "blob" {
					kind := map[string]git.Kind{"100644": git.Regular, "100755": git.Executable, "120000": git.Symlink}[e[0]]
					want = append(want, fmt.Sprintf("%q %s %s %d", path, e[2], e[3], kind))
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s:\n%s\ngit says\n%s", commit, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	})
}

func sameFile(t *testing.T, repo *git.Repo, r *gittest.Repo, commit string, f git.File) {
	t.Helper()
	data, err := repo.ReadFile(t.Context(), commit, f.Path, 1<<20)
	if f.Kind == git.Symlink {
		if data != nil || err != nil {
			t.Errorf("the link %q is read as %q, %v", f.Path, data, err)
		}
		return
	}
	if want := r.Git("cat-file", "blob", f.OID); err != nil || data == nil || strings.TrimSuffix(string(data), "\n") != want {
		t.Errorf("%q at %s is read as %q, %v", f.Path, commit, data, err)
	}
}

func TestReadFileOfNothing(t *testing.T) {
	r := shapes(t)
	repo, head := r.Open(), r.Git("rev-parse", "HEAD")
	for _, path := range []string{"", "none", "moved", "moved/deep", "moved/deep/", "moved/deep/x/", "moved/deep/x/y", "a.b/c", "/a.b", "../a.b", "./a.b"} {
		if data, err := repo.ReadFile(t.Context(), head, path, 1<<20); data != nil || err != nil && path != "" && path[0] != '/' && path[0] != '.' {
			t.Errorf("%q is read as %q, %v", path, data, err)
		}
	}
	if _, err := repo.ReadFile(t.Context(), head, "moved/deep/x", 100); err == nil || !strings.Contains(err.Error(), "the limit is 100") {
		t.Errorf("a file above the limit: %v", err)
	}
}

// Trees that only a program makes, and git's fsck names.
func FuzzTreeObject(f *testing.F) {
	id := strings.Repeat("\x01", 20)
	f.Add("100644 a\x00" + id + "40000 b\x00" + id)
	f.Add("100644 b\x00" + id + "100644 a\x00" + id)
	f.Add("100644 a/b\x00" + id)
	f.Add("100644 a\x00" + id[:19])
	f.Fuzz(func(t *testing.T, text string) {
		names, ok := git.TreeObjectNames(text)
		for i, name := range names {
			if ok && (name == "" || strings.ContainsAny(name, "/\x00") || i > 0 && name == names[i-1] && i > 1 && name == names[i-2]) {
				t.Errorf("names %q", names)
			}
		}
	})
}
