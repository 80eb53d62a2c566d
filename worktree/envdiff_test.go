package worktree_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/worktree"
)

func diffs(t *testing.T, k *kit, name string) map[string]worktree.EnvDiff {
	t.Helper()
	list, err := k.project().EnvDiffs(ctx, name)
	must(t, err)
	data, err := json.Marshal(list)
	must(t, err)
	if strings.Contains(string(data), "hush") {
		t.Errorf("a value is in it: %s", data)
	}
	out := make(map[string]worktree.EnvDiff)
	for _, d := range list {
		out[d.File] = d
	}
	return out
}

func TestEnvDiffs(t *testing.T) {
	k := newKit(t)
	k.Write(".gitignore", ".env*\n")
	k.Write(".env.dist", "A=\n") // a sample, and tracked
	k.Git("add", "--force", ".env.dist")
	k.Commit("ignore more")
	k.Write(".env", "PORT=3000\nURL=http://localhost:3000/\nDATABASE_URL=postgres://u:hush@db/app\nKEY=hush\nGONE=hush\n# note\n")
	k.Write(".env.local", "TOKEN=hush\n")
	s, err := k.project().Spawn(ctx, worktree.SpawnOptions{Name: "task", Compose: true, Database: true})
	must(t, err)
	got := diffs(t, k, "task")
	if d := got[".env"]; d.State != "same" || !reflect.DeepEqual(d.Set, []string{"COMPOSE_PROJECT_NAME", "DATABASE_URL", "PORT", "URL"}) {
		t.Errorf("as it was made: %+v", d)
	}
	if d := got[".env.local"]; d.State != "same" || len(got) != 2 {
		t.Errorf("%+v", got)
	}

	r := k.in(s.Path)
	r.Write(".env", "PORT=18100\nURL=http://localhost:9/\nDATABASE_URL=postgres://u:hush@db/app_task\nKEY=other-hush\nNEW=hush\n# another note\n")
	r.Write("src/.env", "OWN=hush\n")
	must(t, os.Remove(filepath.Join(s.Path, ".env.local")))
	k.Write(".env.later", "LATER=hush\n")
	got = diffs(t, k, "task")
	want := worktree.EnvDiff{
		File: ".env", State: "differs", Set: []string{"DATABASE_URL", "PORT"}, Changed: []string{"KEY", "URL"}, OnlyHere: []string{"NEW"}, OnlyMain: []string{"GONE"}, Lines: true,
	}
	if d := got[".env"]; !reflect.DeepEqual(d, want) {
		t.Errorf("%+v, want %+v", d, want)
	}
	for file, state := range map[string]string{"src/.env": "only-here", ".env.local": "only-in-main", ".env.later": "only-in-main"} {
		if got[file].State != state {
			t.Errorf("%s: %+v, want %s", file, got[file], state)
		}
	}

	_, err = k.project().Spawn(ctx, worktree.SpawnOptions{Name: "linked", Env: worktree.EnvLink})
	must(t, err)
	if d := diffs(t, k, "linked")[".env"]; d.State != "link" {
		t.Errorf("a link: %+v", d)
	}
	must(t, os.Remove(filepath.Join(s.Path, ".env")))
	must(t, os.Symlink("/etc/passwd", filepath.Join(s.Path, ".env")))
	if d := diffs(t, k, "task")[".env"]; d.State != "unreadable" {
		t.Errorf("a link that leads elsewhere: %+v", d)
	}
}
