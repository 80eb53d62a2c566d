package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/state"
)

var _ gates.Cache = state.DirCache{}

func TestCache(t *testing.T) {
	c := state.DirCache{Dir: filepath.Join(t.TempDir(), "a", "cache")}
	if _, ok := c.Get("nothing"); ok {
		t.Error("an empty cache knew something")
	}
	entries := map[string]string{
		"": "of the empty key", "../../etc/passwd": "hashed", "k\x00\n": "",
		strings.Repeat("long", 1000): "binary\x00\xff\n\n", "k": "wf-ci/cache/v1 0\n",
	}
	for key, want := range entries {
		if err := c.Put(key, []byte(want)); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range entries {
		if got, ok := c.Get(key); !ok || string(got) != want {
			t.Errorf("Get(%.20q) = %q, %v; want %q", key, got, ok, want)
		}
	}
	if err := c.Put("k", []byte("again")); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Get("k"); string(got) != "again" {
		t.Errorf("after a second Put: %q", got)
	}
	checkModes(t, c.Dir)
}

func checkModes(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v %v", info, err)
	}
	for _, name := range files(t, dir) {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}

// Whatever happens to an entry, it reads as what was put or as none.
func TestCacheTorn(t *testing.T) {
	c := state.DirCache{Dir: filepath.Join(t.TempDir(), "cache")}
	if err := c.Put("k", []byte("the outcome")); err != nil {
		t.Fatal(err)
	}
	name := files(t, c.Dir)[0]
	whole := []byte(read(t, name))
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x20
		for _, data := range [][]byte{whole[:i], flipped, append(bytes.Clone(whole), 'x')} {
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, ok := c.Get("k"); ok {
				t.Fatalf("an entry changed at byte %d reads as %q", i, got)
			}
		}
	}
}

// An entry under another key's name is not that key's.
func TestCacheMoved(t *testing.T) {
	c := state.DirCache{Dir: filepath.Join(t.TempDir(), "cache")}
	if err := c.Put("a", []byte("of a")); err != nil {
		t.Fatal(err)
	}
	a := files(t, c.Dir)[0]
	if err := c.Put("b", []byte("of b")); err != nil {
		t.Fatal(err)
	}
	for _, b := range files(t, c.Dir) {
		if b != a {
			if err := os.Rename(a, b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, ok := c.Get("b"); ok {
		t.Errorf("b reads as %q", got)
	}
}

func TestCacheBounded(t *testing.T) {
	c := state.DirCache{Dir: filepath.Join(t.TempDir(), "cache"), MaxBytes: 4096}
	foreign := filepath.Join(c.Dir, "README")
	for i := range 20 {
		if err := c.Put(fmt.Sprint(i), make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := os.WriteFile(foreign, make([]byte, 8192), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		// Times further apart than any file system's grain.
		for _, name := range files(t, c.Dir) {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			earlier := info.ModTime().Add(-time.Minute)
			if err := os.Chtimes(name, earlier, earlier); err != nil {
				t.Fatal(err)
			}
		}
		if _, ok := c.Get("0"); !ok {
			t.Errorf("after %d: the entry that is used all the time is gone", i)
		}
	}
	var total int64
	for _, name := range files(t, c.Dir) {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if name != foreign {
			total += info.Size()
		}
	}
	if total > 4096 || total < 3000 {
		t.Errorf("holds %d bytes, want at most 4096 and most of it", total)
	}
	if _, ok := c.Get("19"); !ok {
		t.Error("the newest entry is gone")
	}
	if _, ok := c.Get("5"); ok {
		t.Error("an old entry stayed")
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a file that is no entry was removed: %v", err)
	}
	if err := c.Put("big", make([]byte, 5000)); err == nil {
		t.Error("an entry larger than the cache was kept")
	}
}

func TestCacheUntrusted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no owners and modes here")
	}
	for name, spoil := range map[string]func(dir string) error{
		"group": func(dir string) error { return os.Chmod(dir, 0o770) },
		"world": func(dir string) error { return os.Chmod(dir, 0o777) },
		"file":  func(dir string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) },
		"symlink": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"2"), os.Symlink(dir+"2", dir))
		},
		"owner": func(dir string) error {
			if os.Geteuid() != 0 {
				return os.Chmod(dir, 0o777)
			}
			return os.Lchown(dir, 12345, 12345)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := state.DirCache{Dir: filepath.Join(t.TempDir(), "cache")}
			if err := c.Put("k", []byte("v")); err != nil {
				t.Fatal(err)
			}
			if err := spoil(c.Dir); err != nil {
				t.Fatal(err)
			}
			if _, ok := c.Get("k"); ok {
				t.Error("Get believed it")
			}
			if err := c.Put("k", []byte("w")); !errors.Is(err, state.ErrUntrusted) {
				t.Errorf("Put = %v, want ErrUntrusted", err)
			}
		})
	}
}

func TestCacheErrors(t *testing.T) {
	if err := (state.DirCache{}).Put("k", nil); err == nil {
		t.Error("a cache without a directory took an entry")
	}
	c := state.DirCache{Dir: filepath.Join(t.TempDir(), "cache")}
	if err := c.Put("k", nil); err != nil {
		t.Fatal(err)
	}
	name := files(t, c.Dir)[0]
	if err := errors.Join(os.Remove(name), os.Mkdir(name, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Get("k"); ok {
		t.Error("a directory reads as an entry")
	}
	if err := c.Put("k", nil); err == nil {
		t.Error("a directory was replaced")
	}
}

func TestCacheConcurrent(t *testing.T) {
	c := state.DirCache{Dir: filepath.Join(t.TempDir(), "cache"), MaxBytes: 2000}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50 {
				key := fmt.Sprint(i % 7)
				if err := c.Put(key, bytes.Repeat([]byte(key), 200+g)); err != nil {
					t.Error(err)
				}
				if got, ok := c.Get(key); ok && strings.Trim(string(got), key) != "" {
					t.Errorf("Get(%s) = %q", key, got)
				}
			}
		})
	}
	wg.Wait()
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return names
}
