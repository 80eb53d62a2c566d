package ci

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func getenvOf(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestWorkspacePath(t *testing.T) {
	known := newWorkspace(getenvOf("GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "/github/workspace",
		"GITHUB_REPOSITORY", "owner/repo", "RUNNER_WORKSPACE", "/opt/runner/_work/repo"), nil)
	guessed := newWorkspace(getenvOf("GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "/github/workspace",
		"GITHUB_REPOSITORY", "owner/repo"), nil)
	for _, test := range []struct {
		w        Workspace
		in, want string
	}{
		{known, "/opt/runner/_work/repo/repo", "/github/workspace"},
		{known, "/opt/runner/_work/repo/repo/out/x.sarif", "/github/workspace/out/x.sarif"},
		{known, "/opt/runner/_work/_temp/x", "/github/runner_temp/x"},
		{known, "/opt/runner/_work/repo/repository", "/opt/runner/_work/repo/repository"},
		{known, "/opt/runner/_work/repo/repo/../../../../etc/passwd", "/opt/etc/passwd"},
		{known, "/home/runner/work/repo/repo/a", "/github/workspace/a"},
		{known, "/github/workspace/a", "/github/workspace/a"},
		{known, "a/b", "a/b"},
		{known, "", ""},
		{guessed, "/home/runner/work/repo/repo/a b", "/github/workspace/a b"},
		{guessed, "/home/runner/work/repo/repo", "/github/workspace"},
		{guessed, "/__w/repo/repo/a", "/github/workspace/a"},
		{guessed, "/home/runner/work/other/other/a", "/home/runner/work/other/other/a"},
		{guessed, "/home/runner/work/repo/a", "/home/runner/work/repo/a"},
		{newWorkspace(getenvOf("GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "/home/u/repo"), nil), "/home/runner/work/repo/repo", "/home/runner/work/repo/repo"},
		{newWorkspace(getenvOf("GITHUB_WORKSPACE", "/github/workspace"), nil), "/home/runner/work/repo/repo", "/home/runner/work/repo/repo"},
	} {
		if got := test.w.Path(test.in); got != test.want {
			t.Errorf("Path(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

// A later step runs on the host, which does not know the container's names.
func TestWorkspaceHanded(t *testing.T) {
	w := newWorkspace(getenvOf("GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "/github/workspace",
		"GITHUB_REPOSITORY", "owner/repo", "RUNNER_WORKSPACE", "/opt/runner/_work/repo"), nil)
	for in, want := range map[string]string{
		"": "", "a/b.sarif": "a/b.sarif", "/github/workspace/a/b.sarif": "a/b.sarif", "/github/workspace/./x": "x", "/github/workspaces/x": "/github/workspaces/x",
		"/github/runner_temp/x": "/opt/runner/_work/_temp/x", "/elsewhere/x": "/elsewhere/x",
	} {
		if got := w.Handed(in); got != want {
			t.Errorf("Handed(%q) = %q, want %q", in, got, want)
		}
	}
	if got := (Workspace{}).Handed("/a"); got != "/a" {
		t.Error(got)
	}
}

func TestWorkspaceContainer(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		env   []string
		marks []string
		want  bool
	}{
		{[]string{"GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "/github/workspace"}, nil, true},
		{[]string{"GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "/__w/r/r"}, nil, true},
		{[]string{"GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "/home/runner/work/r/r"}, nil, false},
		{[]string{"GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "/home/u/r"}, []string{"/nowhere/x", mark}, true},
		{[]string{"GITHUB_ACTIONS", "true"}, []string{mark}, false},
		{[]string{"GITHUB_WORKSPACE", "/github/workspace"}, []string{mark}, false},
	} {
		if got := newWorkspace(getenvOf(test.env...), test.marks).Container; got != test.want {
			t.Errorf("%v %v: container %v", test.env, test.marks, got)
		}
	}
}

// foreign is a workspace that belongs to somebody else.
func foreign(t *testing.T) Workspace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	sub := filepath.Join(dir, "checkout")
	for _, d := range []string{filepath.Join(sub, ".git"), filepath.Join(sub, "deep", "er"), filepath.Join(dir, "plain")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{dir, sub} {
		if err := os.Lchown(d, 1001, 1002); err != nil {
			t.Skip(err)
		}
	}
	return Workspace{Dir: dir, Container: true}
}

func TestGitEnv(t *testing.T) {
	w := foreign(t)
	sub := filepath.Join(w.Dir, "checkout")
	none := getenvOf()
	userinfo := "user:" + "pass@"
	for _, test := range []struct {
		name string
		env  func(string) string
		dir  string
		want []string
	}{
		{"alone", none, "", []string{"1", "safe.directory", w.Dir}},
		{"the workspace itself", none, w.Dir, []string{"1", "safe.directory", w.Dir}},
		{"relative", none, "checkout/deep", []string{"2", "safe.directory", w.Dir, "safe.directory", sub}},
		{"deep", none, filepath.Join(sub, "deep", "er"), []string{"2", "safe.directory", w.Dir, "safe.directory", sub}},
		{"no checkout", none, filepath.Join(w.Dir, "plain"), []string{"1", "safe.directory", w.Dir}},
		{"missing", none, filepath.Join(w.Dir, "missing"), []string{"1", "safe.directory", w.Dir}},
		{"outside", none, filepath.Dir(w.Dir), []string{"1", "safe.directory", w.Dir}},
		{
			"appended", getenvOf("GIT_CONFIG_COUNT", "4", "GIT_CONFIG_KEY_0", "http.proxy", "GIT_CONFIG_VALUE_0", "http://proxy:1",
				"GIT_CONFIG_KEY_1", "http.https://github.com/.extraheader", "GIT_CONFIG_VALUE_1", "x",
				"GIT_CONFIG_KEY_2", "url.https://"+userinfo+"github.com/.insteadOf", "GIT_CONFIG_VALUE_2", "https://github.com/",
				"GIT_CONFIG_KEY_3", "user.name", "GIT_CONFIG_VALUE_3", ""),
			"", []string{"3", "http.proxy", "http://proxy:1", "user.name", "", "safe.directory", w.Dir},
		},
		{"a count that is none", getenvOf("GIT_CONFIG_COUNT", "many"), "", []string{"1", "safe.directory", w.Dir}},
		{"a count too large", getenvOf("GIT_CONFIG_COUNT", "2000000000"), "", []string{"1", "safe.directory", w.Dir}},
	} {
		want := []string{"GIT_CONFIG_COUNT=" + test.want[0]}
		for i, kv := range test.want[1:] {
			want = append(want, []string{"GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"}[i%2]+string(rune('0'+i/2))+"="+kv)
		}
		if got := w.GitEnv(test.env, test.dir); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", test.name, got, want)
		}
	}
	outside := w
	outside.Container = false
	ours := Workspace{Dir: t.TempDir(), Container: true}
	for _, w := range []Workspace{outside, ours, {Container: true}, {}} {
		if got := w.GitEnv(none, ""); got != nil {
			t.Errorf("%+v: %q, want git's protection left alone", w, got)
		}
	}
}

func TestOwn(t *testing.T) {
	w := foreign(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(w.Dir, "new"), filepath.Join(w.Dir, "plain", "new"), filepath.Join(outside, "file")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"dir": outside, "file": filepath.Join(outside, "file"), "inside": "plain"} {
		if err := os.Symlink(target, filepath.Join(w.Dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{
		filepath.Join(w.Dir, "new"), "plain/new", "file", "inside/new", // ours to give
		"dir/file", filepath.Join(outside, "file"), "../outside", "/", // not
	} {
		if err := w.Own(path); err != nil {
			t.Errorf("Own(%s) = %v", path, err)
		}
	}
	for path, want := range map[string]int{
		filepath.Join(w.Dir, "new"): 1001, filepath.Join(w.Dir, "plain", "new"): 1001, filepath.Join(w.Dir, "file"): 1001,
		filepath.Join(outside, "file"): 0, outside: 0, filepath.Join(w.Dir, "plain"): 0,
	} {
		if uid, _, ok := Owner(path); !ok || uid != want {
			t.Errorf("%s belongs to %d, want %d", strings.TrimPrefix(path, filepath.Dir(w.Dir)), uid, want)
		}
	}
	if err := w.Own("missing"); err == nil {
		t.Error("a file that is not there was given away")
	}
}

func TestOwnPlain(t *testing.T) {
	foreign(t)
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := Own(link, 1001, 1002); err != nil {
		t.Fatal(err)
	}
	uid, gid, ok := Owner(link)
	if dirUID, _, _ := Owner(dir); !ok || uid != 1001 || gid != 1002 || dirUID != 0 {
		t.Errorf("link %d:%d, directory %d", uid, gid, dirUID)
	}
	if _, _, ok := Owner(filepath.Join(dir, "missing")); ok {
		t.Error("a file that is not there has an owner")
	}
	if err := Own(filepath.Join(dir, "missing"), 1, 1); err == nil {
		t.Error("a file that is not there was given away")
	}
}
