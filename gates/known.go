package gates

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Known is what a gate found out about single contents in its last runs on a
// repository: a second run, after a change to one file, reads that file. All of
// it is one entry of [Target.Cache], because thousands of small files are slow,
// and one is put in place whole, also by processes side by side: the last one's
// stays, and none of it is wrong, for each part is named by its content.
//
// It is safe for concurrent use. Without a cache nothing is known.
type Known struct {
	target *Target
	key    string

	mu    sync.Mutex
	parts map[string]part
	fresh bool // holds what the cache does not
}

// part is what is known of one content, and for how many written states of the
// cache nobody has asked for it.
type part struct {
	data []byte
	age  uint8
}

const (
	// knownAge is for how long what nobody asks for is kept: after a look at
	// another branch, the first one is still known.
	knownAge = 8
	// knownBytes bounds what one gate keeps of one repository.
	knownBytes = 128 << 20
)

// Known is what is known of single contents. The key has to name all besides the
// content that decides: the engine, its version, its rules, its options.
func (t *Target) Known(key string) *Known {
	k := &Known{target: t, key: "known/1\x00" + t.Dir + "\x00" + key, parts: make(map[string]part)}
	if t.Cache == nil {
		return k
	}
	if data, ok := t.Cache.Get(k.key); ok {
		k.parts = readParts(data)
	}
	return k
}

// ContentID names a file's content, and what its name says of it.
func ContentID(f git.File) string { return f.OID + " " + f.Path }

// Get reads what is known of a content into value (from JSON), and says whether
// it could.
func (k *Known) Get(id string, value any) bool {
	k.mu.Lock()
	p, ok := k.parts[id]
	k.mu.Unlock()
	if !ok || json.Unmarshal(p.data, value) != nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p.age = 0
	k.parts[id] = p
	return true
}

// Put remembers a value (as JSON). It must be the same whoever finds it out: what
// hangs on the time, or on other files, has no place here.
func (k *Known) Put(id string, value any) {
	if k.target.Cache == nil {
		return
	}
	data, err := json.Marshal(value)
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.parts[id], k.fresh = part{data: data}, true
}

// Keep writes what is new to the cache. One that cannot be written costs time,
// never a verdict.
func (k *Known) Keep() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.fresh {
		return
	}
	if err := k.target.Cache.Put(k.key, writeParts(k.parts)); err != nil {
		k.target.Log.Warn("cache not written", "error", err)
	}
	k.fresh = false
}

// writeParts is the form in the cache: of each part its age, its id and its
// data. Those in use come first; what is above the bound is left out.
func writeParts(parts map[string]part) []byte {
	var out []byte
	ids := slices.Sorted(maps.Keys(parts))
	slices.SortStableFunc(ids, func(a, b string) int { return int(parts[a].age) - int(parts[b].age) })
	for _, id := range ids {
		p := parts[id]
		if p.age >= knownAge || len(out)+len(id)+len(p.data)+16 > knownBytes {
			continue
		}
		out = append(out, p.age+1) // until somebody asks for it
		out = binary.AppendUvarint(out, uint64(len(id)))
		out = append(out, id...)
		out = binary.AppendUvarint(out, uint64(len(p.data)))
		out = append(out, p.data...)
	}
	return out
}

// readParts reads that form. What does not hold to it ends it: the rest is found
// out again.
func readParts(in []byte) map[string]part {
	parts := make(map[string]part)
	text := func() ([]byte, bool) {
		n, size := binary.Uvarint(in)
		if size <= 0 || n > uint64(len(in)-size) {
			return nil, false
		}
		b := in[size : size+int(n) : size+int(n)]
		in = in[size+int(n):]
		return b, true
	}
	for len(in) > 0 {
		age := in[0]
		in = in[1:]
		id, ok := text()
		if !ok {
			break
		}
		data, ok := text()
		if !ok {
			break
		}
		parts[string(id)] = part{data, age}
	}
	return parts
}
