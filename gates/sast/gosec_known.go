package sast

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

// recall is what is known of packages, and those of which nothing is.
func recall(known *gates.Known, keys []goKey) (before []gosecPackage, unknown []goKey) {
	for _, k := range keys {
		var p gosecPackage
		if k.key != "" && known.Get(k.key, &p) && p.Path == k.path {
			before = append(before, p)
		} else {
			unknown = append(unknown, k)
		}
	}
	return before, unknown
}

// patterns name packages by their directories. Nil: all of the module, which is
// asked for where one of them cannot be loaded too, for go tells of it then in
// the words that it has for all.
func patterns(dir string, unknown []goKey, all bool) []string {
	var list []string
	for _, k := range unknown {
		rel, err := filepath.Rel(realPath(dir), realPath(k.dir))
		if all || k.key == "" || err != nil || !filepath.IsLocal(rel) || strings.Contains(rel, "...") {
			return nil
		}
		list = append(list, "./"+filepath.ToSlash(rel))
	}
	return list
}

// only are the reply's packages that were asked for. An error names one that the
// engine says nothing of.
func (r *gosecReply) only(asked []goKey) ([]gosecPackage, error) {
	var list []gosecPackage
	for _, k := range asked {
		i := slices.IndexFunc(r.Packages, func(p gosecPackage) bool { return p.Path == k.path })
		if i < 0 && len(r.Unread) == 0 {
			return nil, fmt.Errorf("the engine says nothing of %s", k.path)
		}
		if i >= 0 {
			list = append(list, r.Packages[i])
		}
	}
	return list, nil
}

// keep remembers the packages that were looked at whole, and that are now what
// they were before.
func (r *gosecReply) keep(known *gates.Known, before, after []goKey) {
	same := make(map[string]string)
	for _, k := range before {
		if slices.Contains(after, k) {
			same[k.path] = k.key
		}
	}
	for _, p := range r.Packages {
		if key := same[p.Path]; key != "" && p.Looked && len(p.Unread) == 0 {
			known.Put(key, p)
		}
	}
}
