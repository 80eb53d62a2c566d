package worktree_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/worktree"
)

// TestMain is also the program that the tests start and kill: the kill points
// are in the tests, not in the product.
func TestMain(m *testing.M) {
	if spec := os.Getenv("WORKTREE_TEST_CHILD"); spec != "" {
		os.Exit(child(spec))
	}
	os.Exit(m.Run())
}

// order is what a child process is to do.
type order struct {
	Do, Name, Dir, Home, Scratch string
	Env                          []string
	KillAt                       string // step before which it kills itself
	Trust                        bool
	Verify                       string
	MaxActive                    int
	Ports                        worktree.Pool
}

func child(spec string) int {
	var o order
	if err := json.Unmarshal([]byte(spec), &o); err != nil {
		return fault(err)
	}
	p, err := worktree.Open(ctx, worktree.Place{Runner: &run.Runner{Env: o.Env}, Home: o.Home, Dir: o.Dir, Scratch: o.Scratch, Now: time.Now})
	if err != nil {
		return fault(err)
	}
	p.Options = worktree.Options{MaxActive: o.MaxActive, Ports: o.Ports}
	p.SetStep(func(step string) {
		if os.Getenv("WORKTREE_TEST_STEPS") != "" {
			fmt.Println(step)
		}
		if step == o.KillAt {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			time.Sleep(time.Minute)
		}
	})
	switch o.Do {
	case "spawn":
		_, err = p.Spawn(ctx, worktree.SpawnOptions{Name: o.Name, Trust: o.Trust, Verify: o.Verify, Sheet: &worktree.Sheet{Title: "t"}})
	case "remove":
		_, err = p.Remove(ctx, o.Name, worktree.RemoveOptions{Force: true, Commits: true})
	case "restore":
		_, err = p.Restore(ctx, o.Name)
	case "merge":
		_, err = p.Merge(ctx, worktree.MergeOptions{Names: []string{o.Name}, Tag: "t1"})
	}
	return fault(err)
}

func fault(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (k *kit) order(do, name string) order {
	return order{Do: do, Name: name, Dir: k.Dir, Home: k.home, Scratch: k.t.TempDir(), Env: k.runner.Env, MaxActive: 200, Ports: worktree.Pool{First: 28100, Last: 28299}}
}

// start runs an order in a process of its own.
func (k *kit) start(o order, env ...string) ([]byte, error) {
	spec, err := json.Marshal(o)
	must(k.t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "WORKTREE_TEST_CHILD="+string(spec))...)
	return cmd.CombinedOutput()
}

// row is what a test reads of the registry.
type row struct {
	Name   string `json:"name"`
	Branch string `json:"branch"`
	Path   string `json:"path"`
	Ports  []int  `json:"ports"`
}

func (k *kit) rows() []row {
	var reg struct {
		Worktrees []row `json:"worktrees"`
	}
	must(k.t, json.Unmarshal([]byte(k.registry()), &reg))
	return reg.Worktrees
}

// 64 processes at the same time: no port is given twice, no branch is left
// without a worktree, no row is lost.
func TestParallelSpawns(t *testing.T) {
	k := newKit(t)
	n := 64
	if testing.Short() {
		n = 8
	}
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		o := k.order("spawn", fmt.Sprintf("task%d", i))
		wg.Add(1)
		go func() {
			defer wg.Done()
			if out, err := k.start(o); err != nil {
				errs[i] = fmt.Errorf("%w: %s", err, out)
			}
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	rows := k.rows()
	if len(rows) != n {
		t.Errorf("%d rows of %d", len(rows), n)
	}
	seen := make(map[int]string)
	for _, r := range rows {
		if len(r.Ports) != 2 || r.Ports[0]%2 != 0 || r.Ports[1] != r.Ports[0]+1 {
			t.Errorf("%s has the ports %v", r.Name, r.Ports)
		}
		for _, port := range r.Ports {
			if other := seen[port]; other != "" {
				t.Errorf("port %d: %s and %s", port, other, r.Name)
			}
			seen[port] = r.Name
		}
	}
	branches := strings.Fields(k.Git("for-each-ref", "--format=%(refname:short)", "refs/heads/feature"))
	if len(branches) != n {
		t.Errorf("%d branches of %d", len(branches), n)
	}
	list := k.Git("worktree", "list", "--porcelain")
	for _, b := range branches {
		if !strings.Contains(list, "branch refs/heads/"+b+"\n") && !strings.HasSuffix(list, "branch refs/heads/"+b) {
			t.Errorf("no worktree is on %s", b)
		}
	}
}

// steps are the points that a command passes; want are some that have to be
// among them, so that none is left out of a test in silence.
func steps(t *testing.T, k *kit, o order, want ...string) []string {
	t.Helper()
	out, err := k.start(o, "WORKTREE_TEST_STEPS=1")
	if (err != nil) != (o.Verify == "false") {
		t.Fatalf("%v: %s", err, out)
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSuffix(line, "\n"); strings.Contains(line, ": refused") {
			break
		}
		list = append(list, line)
	}
	for _, step := range want {
		if !slices.Contains(list, step) {
			t.Fatalf("steps of %s: %q, want %q among them", o.Do, list, step)
		}
	}
	return list
}

// hookedKit is a repository whose spawns do all that a spawn can do.
func hookedKit(t *testing.T, verify string) (*kit, order) {
	k := newKit(t)
	k.Write(".claude/worktree.json", `{"install": "true", "postCreate": ["echo ready >ready.log"]}`)
	k.Commit("hooks")
	o := k.order("spawn", "task")
	o.Trust, o.Verify = true, verify
	return k, o
}

// kill -9 at each step of a spawn, also of one that fails and is taken back:
// doctor either finishes it or takes all of it back, and the name can be used
// again.
func TestKilledSpawn(t *testing.T) {
	for verify, want := range map[string][]string{
		"true":  {"plan", "journal", "registry", "tree", "env", "equipped", "hook", "tested", "last"},
		"false": {"tested", "kept", "moved", "unregistered", "branch", "forgotten", "purged"},
	} {
		k, o := hookedKit(t, verify)
		all := steps(t, k, o, want...)
		if verify == "false" {
			all = all[slices.Index(all, "tested"):] // until then it is the other one
		}
		for _, step := range all {
			t.Run(verify+" "+step, func(t *testing.T) { killedSpawn(t, verify, step) })
		}
	}
}

func killedSpawn(t *testing.T, verify, step string) {
	t.Parallel()
	k, o := hookedKit(t, verify)
	o.KillAt = step
	if out, err := k.start(o); err == nil || len(out) > 0 {
		t.Fatalf("it was not killed: %v %s", err, out)
	}
	if step != "plan" {
		if _, err := k.project().Spawn(ctx, worktree.SpawnOptions{Name: "other"}); !slices.Contains(refusedFor(err), "interrupted") {
			t.Errorf("another spawn before the doctor: %v", err)
		}
	}
	found, err := k.project().Doctor(ctx, false)
	must(t, err)
	for _, f := range found {
		if f.Done == "" {
			t.Errorf("not put right: %+v", f)
		}
	}
	if again, err := k.project().Doctor(ctx, true); err != nil || len(again) > 0 {
		t.Errorf("still not in order: %v %v", again, err)
	}
	branch := strings.TrimSpace(k.Git("for-each-ref", "--format=%(refname)", "refs/heads/feature"))
	path := filepath.Join(k.home, "tmp", "worktrees", "app", "task")
	_, statErr := os.Stat(path)
	whole := branch != ""
	if (statErr == nil) != whole || strings.Contains(k.registry(), "task") != whole {
		t.Fatalf("half of it is there: branch %q, directory %v, registry %s", branch, statErr, k.registry())
	}
	if !whole {
		k.spawn("task")
	}
	if st := k.in(path).Git("status", "--porcelain"); st != "" {
		t.Errorf("the worktree is not clean: %s", st)
	}
}

// kill -9 at each step of a removal, and of a restore: doctor brings everything
// back byte for byte.
func TestKilledRemove(t *testing.T) {
	prepare := func(k *kit) {
		s := k.spawn("task")
		r := k.in(s.Path)
		r.Write("c.txt", "committed\n")
		r.Commit("mine")
		r.Write("a.txt", "edited\n")
		r.Write("staged.txt", "staged\n")
		r.Git("add", "staged.txt")
		r.Write("untracked", "untracked\n")
		r.Write("x.log", "ignored\n")
	}
	removing := []string{"plan", "journal", "kept", "moved", "unregistered", "branch", "registry"}
	returning := []string{"files back", "registered", "branch back", "row back"}
	for do, want := range map[string][]string{"remove": removing, "restore": returning} {
		k := newKit(t)
		prepare(k)
		if do == "restore" {
			_, err := k.project().Remove(ctx, "task", all)
			must(t, err)
		}
		for _, step := range steps(t, k, k.order(do, "task"), want...) {
			t.Run(do+" "+step, func(t *testing.T) {
				t.Parallel()
				k := newKit(t)
				prepare(k)
				path := filepath.Join(k.home, "tmp", "worktrees", "app", "task")
				admin := k.adminOf(path)
				want := k.state(path, admin)
				if do == "restore" {
					_, err := k.project().Remove(ctx, "task", all)
					must(t, err)
				}
				o := k.order(do, "task")
				o.KillAt = step
				if out, err := k.start(o); err == nil || len(out) > 0 {
					t.Fatalf("it was not killed: %v %s", err, out)
				}
				found, err := k.project().Doctor(ctx, false)
				must(t, err)
				for _, f := range found {
					if f.Done == "" || f.Error != "" {
						t.Errorf("not put right: %+v", f)
					}
				}
				if got := k.state(path, admin); got != want {
					t.Fatalf("it is not as it was:\n%s", diff(want, got))
				}
				if refs := k.Git("for-each-ref", "refs/wf-ci"); refs != "" {
					t.Errorf("left behind: %s", refs)
				}
			})
		}
	}
}

// A merge that is killed has either moved the branch or has not.
func TestKilledMerge(t *testing.T) {
	prepare := func(k *kit) {
		s := k.spawn("task")
		k.in(s.Path).Write("c.txt", "committed\n")
		k.in(s.Path).Commit("mine")
	}
	k := newKit(t)
	prepare(k)
	for _, step := range steps(t, k, k.order("merge", "task"), "journal", "advanced") {
		t.Run(step, func(t *testing.T) {
			k := newKit(t)
			prepare(k)
			old := k.Git("rev-parse", "main")
			o := k.order("merge", "task")
			o.KillAt = step
			if out, err := k.start(o); err == nil || len(out) > 0 {
				t.Fatalf("it was not killed: %v %s", err, out)
			}
			_, err := k.project().Doctor(ctx, false)
			must(t, err)
			if st := k.Git("status", "--porcelain"); st != "" {
				t.Errorf("the main worktree: %s", st)
			}
			if k.Git("rev-parse", "main") == old {
				_, err = k.project().Merge(ctx, worktree.MergeOptions{Names: []string{"task"}})
				must(t, err)
			} else if tag, now := k.Git("tag", "--points-at", "main"), k.Git("rev-parse", "main"); tag != "t1" {
				t.Errorf("main is at %s, and its tag is %q", now, tag)
			}
			e, err := k.project().Journal.Last()
			must(t, err)
			_, _, err = k.project().Undo(ctx, e)
			must(t, err)
			if now := k.Git("rev-parse", "main"); now != old {
				t.Errorf("main is at %s after undo, want %s", now, old)
			}
		})
	}
}

// git itself was killed in the middle of the spawn, with its parent.
func TestHalfACheckout(t *testing.T) {
	for name, half := range map[string]func(k *kit, path string){
		"the branch only": func(k *kit, path string) { k.Git("branch", "feature/task", "main") },
		"an empty worktree": func(k *kit, path string) {
			k.Git("worktree", "add", "--quiet", "--no-checkout", "--no-track", "-b", "feature/task", path, "main")
		},
		"files, and a lock": func(k *kit, path string) {
			k.Git("worktree", "add", "--quiet", "--no-track", "-b", "feature/task", path, "main")
			must(k.t, os.Rename(filepath.Join(k.adminOf(path), "index"), filepath.Join(k.adminOf(path), "index.lock")))
		},
		"a directory that git does not know": func(k *kit, path string) {
			must(k.t, os.MkdirAll(path, 0o755))
			k.Git("branch", "feature/task", "main")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			o := k.order("spawn", "task")
			o.KillAt = "registry" // before git is asked
			if out, err := k.start(o); err == nil {
				t.Fatalf("it was not killed: %s", out)
			}
			path := filepath.Join(k.home, "tmp", "worktrees", "app", "task")
			half(k, path)
			_, err := k.project().Doctor(ctx, false)
			must(t, err)
			if refs := k.Git("for-each-ref", "refs/heads/feature"); refs != "" || strings.Contains(k.registry(), "task") {
				t.Errorf("left: %s %s", refs, k.registry())
			}
			if s := k.spawn("task"); k.in(s.Path).Git("status", "--porcelain") != "" {
				t.Error("the next one is not clean")
			}
		})
	}
}
