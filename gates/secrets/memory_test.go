package secrets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// mapCache is a cache in memory.
type mapCache struct {
	mu      sync.Mutex
	entries map[string][]byte
}

func (c *mapCache) Get(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, ok := c.entries[key]
	return bytes.Clone(data), ok
}

func (c *mapCache) Put(key string, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = bytes.Clone(data)
	return nil
}

// laptop is a place where runs remember.
type laptop struct {
	t     *testing.T
	repo  *gittest.Repo
	cache *mapCache
	dir   string
}

func newLaptop(t *testing.T) *laptop {
	return &laptop{t, gittest.New(t), &mapCache{entries: make(map[string][]byte)}, t.TempDir()}
}

func (l *laptop) target() *gates.Target {
	t := target(l.t, l.repo, "")
	t.Cache, t.DataDir = l.cache, l.dir
	return t
}

// same runs with the memory and without, and wants one outcome.
func (l *laptop) same(what string) gates.Outcome {
	l.t.Helper()
	fresh, known := result(l.t, Options{}, target(l.t, l.repo, "")), result(l.t, Options{}, l.target())
	if fresh.Err != nil || known.Err != nil {
		l.t.Fatal(fresh.Err, known.Err)
	}
	if diff := cmp.Diff(inJSON(l.t, fresh.Outcome), inJSON(l.t, known.Outcome)); diff != "" {
		l.t.Errorf("%s (-fresh +remembered):\n%s", what, diff)
	}
	return known.Outcome
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (l *laptop) commit(n int, key string) string {
	l.repo.Write(fmt.Sprintf("dir/f%d", n), lines("x", key, fmt.Sprint(n)))
	l.repo.Write("all", lines(fmt.Sprint(n), key))
	l.repo.Write("binary", "a\x00"+fmt.Sprint(n))
	return l.repo.Commit(fmt.Sprint(n))
}

func TestWhatIsRememberedChangesNothing(t *testing.T) {
	l := newLaptop(t)
	first := l.commit(1, awsKey(1))
	l.same("first run")
	l.same("again")
	l.commit(2, awsKey(2))
	l.same("one commit later")
	l.repo.Git("checkout", "--quiet", "-b", "side", first)
	l.commit(3, awsKey(3))
	if n := len(l.same("another branch").Findings); n < 2 {
		t.Errorf("%d findings", n)
	}
	l.repo.Git("checkout", "--quiet", "main")
	l.same("back")
	l.repo.Git("merge", "--quiet", "--strategy=ours", "side")
	l.same("merged")
	l.repo.Git("reset", "--quiet", "--hard", first)
	l.same("an older commit")
	l.repo.Git("rm", "--quiet", "-r", "dir")
	l.repo.Write("all", "nothing\n")
	l.same("changed, not committed")
	l.repo.Git("commit", "--quiet", "--all", "--amend", "--message=amended")
	l.same("amended")
	l.repo.Git("reflog", "expire", "--expire=now", "--all")
	l.repo.Git("gc", "--quiet", "--prune=now")
	l.same("the commits that are remembered are gone")
}

// only is the one entry of the cache.
func (l *laptop) only() (string, []byte) {
	l.t.Helper()
	names := slices.Collect(maps.Keys(l.cache.entries))
	if len(names) != 1 {
		l.t.Fatalf("%d entries: %q", len(names), names)
	}
	return names[0], l.cache.entries[names[0]]
}

func TestMemoryIsSealed(t *testing.T) {
	l := newLaptop(t)
	key := awsKey(1)
	l.commit(1, key)
	l.same("first run")
	name, good := l.only()
	if bytes.Contains(good, []byte(key[4:12])) || bytes.Contains(good, []byte("aws")) || bytes.Contains(good, []byte("dir")) {
		t.Error("the memory can be read")
	}
	for _, i := range []int{0, 20, len(good) / 2, len(good) - 1} {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		l.cache.entries[name] = bad
		l.same(fmt.Sprint("byte ", i, " is another"))
	}
	for _, bad := range [][]byte{nil, good[:5], good[:len(good)-1], append(bytes.Clone(good), 0), []byte(`{"Tips":[]}`)} {
		l.cache.entries[name] = bad
		l.same("broken")
	}
	// One that another machine sealed: it says that there is nothing.
	other := newLaptop(t)
	m := remember(other.target(), builtin())
	m.name = name
	m.learn(tip{Commit: strings.TrimSpace(l.repo.Git("rev-parse", "HEAD")), Commits: 1})
	m.save(other.target())
	l.cache.entries[name] = other.cache.entries[name]
	if n := len(l.same("another's").Findings); n == 0 {
		t.Error("nothing was found")
	}
}

// With other rules, nothing is known; and what is known is used.
func TestMemoryIsUsed(t *testing.T) {
	l := newLaptop(t)
	head := l.commit(1, awsKey(1))
	l.same("first run")
	m := remember(l.target(), builtin())
	if len(m.Tips) != 1 || m.Tips[0].Commit != head || len(m.Clean) != 1 {
		t.Fatalf("%+v", m)
	}
	// Had it been looked at again, this would be gone.
	m.Tips[0].Found = nil
	m.save(l.target())
	l.repo.Git("rm", "--quiet", "-r", "all", "dir")
	l.repo.Commit("removed")
	if got := result(t, Options{}, l.target()).Outcome.Findings; len(got) != 0 {
		t.Errorf("%v", places(got))
	}
	rules := map[string]string{".gitleaks.toml": "[extend]\nuseDefault = true\n[[rules]]\nid = 'x'\nregex = 'zzzz'\n"}
	if got := result(t, Options{}, withPolicy(l.target(), rules)).Outcome.Findings; len(got) != 2 {
		t.Errorf("%v", places(got))
	}
	shallow := l.target()
	shallow.Repo.Shallow = true
	inCI := l.target()
	inCI.Cache = nil
	for _, tt := range []*gates.Target{shallow, inCI} {
		if remember(tt, builtin()) != nil {
			t.Error("remembers")
		}
	}
}

func TestRunsSideBySideRemember(t *testing.T) {
	l := newLaptop(t)
	l.commit(1, awsKey(1))
	want := inJSON(t, result(t, Options{}, target(t, l.repo, "")).Outcome)
	var wg sync.WaitGroup
	targets := []*gates.Target{l.target(), l.target(), l.target(), l.target()}
	for _, tt := range targets {
		wg.Go(func() {
			results, err := gates.Run(ctx, tt, []gates.Gate{Gate(Options{})}, gates.Options{Jobs: 1, Timeout: 1 << 40})
			if err != nil {
				t.Error(err)
			} else if got := inJSON(t, results[0].Outcome); got != want {
				t.Error(got)
			}
		})
	}
	wg.Wait()
}

// A memory that was ours once, or is another repository's, hides nothing.
func TestMemoryOfAnotherTimeAndPlace(t *testing.T) {
	l := newLaptop(t)
	l.repo.Write("plain", "nothing\n")
	l.repo.Commit("one")
	l.same("first run")
	name, old := l.only()
	l.commit(2, awsKey(2))
	want := len(l.same("with a key").Findings)
	l.cache.entries[name] = old
	if n := len(l.same("the memory is set back").Findings); n != want || n == 0 {
		t.Errorf("%d findings, want %d", n, want)
	}
	// The same machine, the same commit ids, another repository.
	other := newLaptop(t)
	other.dir = l.dir
	other.repo.Write("plain", "nothing\n")
	other.repo.Commit("one")
	other.same("the other repository")
	_, foreign := other.only()
	l.cache.entries[name] = foreign
	if n := len(l.same("the memory of the other").Findings); n != want {
		t.Errorf("%d findings, want %d", n, want)
	}
	// Another key: nothing that was sealed before opens.
	for _, key := range []string{"", "short", strings.Repeat("k", 32)} {
		l.same("again")
		if err := os.WriteFile(filepath.Join(l.dir, "secrets.key"), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		if n := len(l.same("the key is another").Findings); n != want {
			t.Errorf("%d findings, want %d", n, want)
		}
	}
}
