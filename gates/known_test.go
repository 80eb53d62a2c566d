package gates_test

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// mapCache is a cache without a disk.
type mapCache map[string][]byte

func (m mapCache) Get(key string) ([]byte, bool)     { data, ok := m[key]; return data, ok }
func (m mapCache) Put(key string, data []byte) error { m[key] = data; return nil }

func knownTarget(cache gates.Cache) *gates.Target {
	return &gates.Target{Dir: "/repo", Cache: cache, Log: slog.New(slog.DiscardHandler)}
}

func TestKnown(t *testing.T) {
	cache := mapCache{}
	target := knownTarget(cache)
	k := target.Known("engine/1")
	id := gates.ContentID(git.File{OID: "abc", Path: "a.go"})
	k.Put(id, []int{1, 2})
	k.Keep()
	var got []int
	if !target.Known("engine/1").Get(id, &got) || fmt.Sprint(got) != "[1 2]" {
		t.Fatalf("got %v", got)
	}
	for name, other := range map[string]*gates.Known{
		"another version":    target.Known("engine/2"),
		"another repository": (&gates.Target{Dir: "/other", Cache: cache}).Known("engine/1"),
		"no cache":           knownTarget(nil).Known("engine/1"),
	} {
		if other.Get(id, &got) {
			t.Errorf("%s: it is known", name)
		}
	}
	if target.Known("engine/1").Get(gates.ContentID(git.File{OID: "abc", Path: "b.go"}), &got) {
		t.Error("another name: it is known")
	}
	none := knownTarget(nil).Known("x")
	none.Put(id, 1)
	none.Keep()
}

// A run that finds out nothing new writes nothing; what nobody asks for goes, but
// not at once.
func TestKnownForgets(t *testing.T) {
	cache := mapCache{}
	target := knownTarget(cache)
	first := target.Known("e")
	first.Put("old", 1)
	first.Keep()
	has := func() bool { var n int; return target.Known("e").Get("old", &n) }
	runs := 0
	for ; has() && runs < 50; runs++ {
		k := target.Known("e")
		k.Put(fmt.Sprint("new", runs), runs)
		k.Keep()
	}
	if runs < 3 || runs > 20 {
		t.Errorf("forgotten after %d runs", runs)
	}
	before := maps.Clone(cache)
	k := target.Known("e")
	var n int
	k.Get("new1", &n)
	k.Keep()
	if !maps.EqualFunc(before, cache, func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Error("a run that found out nothing wrote")
	}
}

// Whatever stands in the cache, reading it ends, and what is read can be written.
func TestKnownOfAnything(t *testing.T) {
	cache := mapCache{}
	target := knownTarget(cache)
	k := target.Known("e")
	for i := range 20 {
		k.Put(fmt.Sprint(i), i)
	}
	k.Keep()
	random := rand.New(rand.NewPCG(1, 2))
	for key, good := range cache {
		for range 2000 {
			bad := append([]byte(nil), good[:random.IntN(len(good)+1)]...)
			for range random.IntN(4) {
				if len(bad) > 0 {
					bad[random.IntN(len(bad))] = byte(random.IntN(256))
				}
			}
			cache[key] = bad
			k := target.Known("e")
			var n int
			k.Get("7", &n)
			k.Put("8", 8)
			k.Keep()
			if !target.Known("e").Get("8", &n) || n != 8 {
				t.Fatalf("after %q: %d", bad, n)
			}
		}
	}
}
