package gates

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// cacheKey names everything that decides a gate's outcome: the gate, its
// engine and options, the tree, the history, the change, and where the policy's
// files are read. Empty: not cached.
func (r *runner) cacheKey(g *Gate) string {
	t := r.target
	if g.CacheKey == "" || t.PolicyID == "" || r.options.Cache == nil {
		return ""
	}
	h := sha256.New()
	for _, part := range []string{"wf-ci/outcome/v1", g.ID, g.CacheKey, t.Dir, t.Tree.ID, t.Change.Head, t.Change.Base, t.PolicyID} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return g.ID + "-" + hex.EncodeToString(h.Sum(nil))
}

// cached is an earlier outcome. One that cannot be read is none.
func (r *runner) cached(key string) (Outcome, bool) {
	var out Outcome
	if key == "" {
		return out, false
	}
	data, ok := r.options.Cache.Get(key)
	if !ok || json.Unmarshal(data, &out) != nil {
		return Outcome{}, false
	}
	return out, true
}

// keep remembers an outcome. A cache that cannot be written costs time, never
// a verdict.
func (r *runner) keep(key string, out Outcome) {
	if key == "" {
		return
	}
	data, err := json.Marshal(out)
	if err == nil {
		err = r.options.Cache.Put(key, data)
	}
	if err != nil {
		r.target.Log.Warn("cache not written", "error", err)
	}
}
