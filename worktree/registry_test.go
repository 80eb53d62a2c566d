package worktree_test

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/worktree"
)

// The three shapes that are about, in one file.
const shapes = `{
  "schema_version": "2.0",
  "worktrees": [
    {"id":"1","project":"app","repoPath":"/src/app","branch":"feature/auth","branchSlug":"feature-auth","worktreePath":"/w/app/auth","ports":[8100,8101],"createdAt":"2025-12-04T10:00:00Z","status":"active","future":{"b":1,"a":[1.50]}},
    {"project":"other","branch":"feature/ui","path":"~/tmp/worktrees/other/ui","ports":[8102],"status":"active","created":"2025-12-05T10:00:00Z","team":"t","agentId":7},
    {"id":"3","name":"tests","path":"/w/third","branch":"feature/tests","created_at":"2025-12-06T10:00:00Z","ports":[{"service":"web","port":8104,"protocol":"http"}],"purpose":"testing <it>"}
  ],
  "portPool": {"start": 8100, "end": 8115, "allocated": [8100, 8101, 8102, 8110]},
  "port_registry": {"allocated_ports": [8104], "port_ranges": {"testing": [9000, 9100]}},
  "cleanup_policy": {"max_age_days": 30}
}`

func TestThreeShapes(t *testing.T) {
	r, err := worktree.ParseRegistry([]byte(shapes), "/home/me")
	must(t, err)
	if len(r.Rows) != 3 {
		t.Fatalf("%d rows", len(r.Rows))
	}
	for i, want := range []struct {
		path, branch string
		port         int
	}{{"/w/app/auth", "feature/auth", 8100}, {"/home/me/tmp/worktrees/other/ui", "feature/ui", 8102}, {"/w/third", "feature/tests", 8104}} {
		got := r.Rows[i]
		if got.Path != want.path || got.Branch != want.branch || got.Ports[0] != want.port || got.Created.IsZero() {
			t.Errorf("row %d: %+v", i, got)
		}
	}
	data, err := r.Encode(worktree.Pool{First: 8100, Last: 8199})
	must(t, err)
	for _, kept := range []string{"future", "1.50", "agentId", "team", "cleanup_policy", "port_ranges", `"~/tmp/worktrees/other/ui"`, `"end": 8115`, "testing <it>", `"schema_version": "2.0"`, "8110"} {
		if !strings.Contains(string(data), kept) {
			t.Errorf("%s is gone:\n%s", kept, data)
		}
	}
	if strings.Index(string(data), "schema_version") > strings.Index(string(data), "worktrees") {
		t.Error("the keys have another order")
	}
}

func TestForeignRowsStay(t *testing.T) {
	k := newKit(t)
	dir := filepath.Join(k.home, ".claude")
	must(t, os.Mkdir(dir, 0o755))
	file := filepath.Join(dir, "worktree-registry.json")
	must(t, os.WriteFile(file, []byte(shapes), 0o644))
	s := k.spawn("task")
	if data, err := os.ReadFile(file + ".bak"); err != nil || string(data) != shapes {
		t.Errorf("the .bak: %v", err)
	}
	_, err := k.project().Remove(ctx, s.Name, worktree.RemoveOptions{})
	must(t, err)
	var before, after map[string]any
	must(t, json.Unmarshal([]byte(shapes), &before))
	must(t, json.Unmarshal([]byte(k.registry()), &after))
	b, _ := json.Marshal(before["worktrees"])
	a, _ := json.Marshal(after["worktrees"])
	if string(a) != string(b) {
		t.Errorf("foreign rows changed:\n%s\n%s", b, a)
	}
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestALinkStaysALink(t *testing.T) {
	k := newKit(t)
	dir := filepath.Join(k.home, ".claude")
	must(t, os.Mkdir(dir, 0o755))
	real := filepath.Join(k.home, "dotfiles.json")
	must(t, os.WriteFile(real, []byte("{}"), 0o600))
	must(t, os.Symlink(real, filepath.Join(dir, "worktree-registry.json")))
	k.spawn("task")
	if data, err := os.ReadFile(real); err != nil || !strings.Contains(string(data), "feature/task") {
		t.Errorf("%s: %v", data, err)
	}
	if _, err := os.Readlink(filepath.Join(dir, "worktree-registry.json")); err != nil {
		t.Error(err)
	}
}

// A link whose disk is missing is no empty registry.
func TestALinkToNothing(t *testing.T) {
	k := newKit(t)
	dir := filepath.Join(k.home, ".claude")
	must(t, os.Mkdir(dir, 0o755))
	link := filepath.Join(dir, "worktree-registry.json")
	must(t, os.Symlink("/no/such/disk/registry.json", link))
	_, err := k.project().Spawn(ctx, worktree.SpawnOptions{Name: "x"})
	if err == nil || !strings.Contains(err.Error(), `"/no/such/disk/registry.json", which is not there`) {
		t.Errorf("spawned: %v", err)
	}
	if to, err := os.Readlink(link); err != nil || to != "/no/such/disk/registry.json" {
		t.Errorf("it is %q, %v", to, err)
	}
}

// git has branches as files: one cannot be below another.
func TestNoRoomForTheBranch(t *testing.T) {
	k := newKit(t)
	k.Git("branch", "feature/api/v2")
	k.Git("branch", "feature/web")
	for _, name := range []string{"api", "web/old"} {
		_, err := k.project().Spawn(ctx, worktree.SpawnOptions{Name: name})
		if usage := new(worktree.UsageError); !errors.As(err, &usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := k.project().Journal.List(); err != nil || len(list) > 0 || strings.Contains(k.registry(), `"branch"`) {
		t.Errorf("left: %v, %v, %s", list, err, k.registry())
	}
}

func TestBrokenRegistryIsNotTouched(t *testing.T) {
	for _, text := range []string{"", "{", "[]", "null", `{"worktrees":{}}`, `{"worktrees":[1]}`, `{"worktrees":[null]}`, `{} {}`, "\xff"} {
		k := newKit(t)
		dir := filepath.Join(k.home, ".claude")
		must(t, os.Mkdir(dir, 0o755))
		file := filepath.Join(dir, "worktree-registry.json")
		must(t, os.WriteFile(file, []byte(text), 0o600))
		if _, err := k.project().Spawn(ctx, worktree.SpawnOptions{Name: "x"}); err == nil {
			t.Errorf("%q: spawned", text)
		}
		if got := k.registry(); got != text {
			t.Errorf("%q became %q", text, got)
		}
		if refs := k.Git("for-each-ref", "refs/heads/feature", "refs/wf-ci"); refs != "" {
			t.Errorf("%q left %s", text, refs)
		}
		if list, err := k.project().Journal.List(); err != nil || len(list) != 0 {
			t.Errorf("%q left %v in the journal, %v", text, list, err)
		}
	}
}

func FuzzParseRegistry(f *testing.F) {
	f.Add([]byte(shapes))
	f.Add([]byte(`{"worktrees":[{"ports":["x",-1,{"port":1e9}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := worktree.ParseRegistry(data, "/h")
		if err != nil {
			return
		}
		out, err := r.Encode(worktree.Pool{First: 8100, Last: 8199})
		if err != nil {
			t.Fatalf("%q is read and cannot be written: %v", data, err)
		}
		again, err := worktree.ParseRegistry(out, "/h")
		if err != nil || len(again.Rows) != len(r.Rows) {
			t.Fatalf("%q became %q: %v", data, out, err)
		}
	})
}

func TestPick(t *testing.T) {
	pool := worktree.Pool{First: 8099, Last: 8106}
	all := func(int) bool { return true }
	for _, c := range []struct {
		taken []int
		busy  int
		want  int
	}{{nil, 0, 8100}, {[]int{8101}, 0, 8102}, {[]int{8100, 8101, 8104, 8105}, 0, 8102}, {nil, 8101, 8102}, {nil, 8100, 8102}, {[]int{8100, 8102, 8104}, 0, 0}} {
		got, err := pool.Pick(c.taken, func(p int) bool { return all(p) && p != c.busy })
		if c.want == 0 {
			if err == nil {
				t.Errorf("%v: %v", c, got)
			}
			continue
		}
		if err != nil || got[0] != c.want || got[1] != c.want+1 {
			t.Errorf("%v: %v %v", c, got, err)
		}
	}
}

// A holder on any address is seen.
func TestPortFree(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1", "0.0.0.0", "::", "127.0.0.2"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Logf("%s: %v", host, err) // no such address here
			continue
		}
		port := l.Addr().(*net.TCPAddr).Port
		if worktree.PortFree(port) {
			t.Errorf("port %d is held on %s, and counts as free", port, host)
		}
		must(t, l.Close())
		if !worktree.PortFree(port) {
			t.Errorf("port %d is free, and counts as held", port)
		}
	}
}

// Ports that the env files of others name are not given out.
func TestPortsOfEnvFiles(t *testing.T) {
	k := newKit(t)
	k.Write(".env", "PORT=18100\n")
	if s := k.spawn("task"); s.Ports[0] != 18102 {
		t.Errorf("got %v", s.Ports)
	}
}
