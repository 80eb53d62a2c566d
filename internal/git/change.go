package git

import (
	"slices"
	"sort"
)

// Change is what is new in a tree, against a base. Paths are git's bytes;
// lines count from 1.
type Change struct {
	Base string // commit; empty: nothing to compare with, so everything is new
	Head string // commit; empty before the first commit

	files   map[string]fileChange
	gone    []string          // sorted
	renamed map[string]string // new path -> old path
	commits map[string]bool
	plain   []string // the commits, newest first, but for the merges
	merges  []string
}

// hold takes the commits of the change.
func (c *Change) hold(commits, merges []string) {
	c.plain, c.merges = commits, merges
	c.commits = make(map[string]bool, len(commits)+len(merges))
	for _, id := range commits {
		c.commits[id] = true
	}
	for _, id := range merges {
		c.commits[id] = true
	}
}

type fileChange struct {
	whole  bool       // every line: the file is added, or binary
	ranges []lineSpan // sorted, disjoint: lines of the new side
}

type lineSpan struct{ from, to int }

// Everything says that there is no base: all of the tree and its history is new.
func (c *Change) Everything() bool { return c.Base == "" }

// HasFile says whether the file is added or changed (a deleted file is not in
// the tree).
func (c *Change) HasFile(path string) bool {
	if c.Everything() {
		return true
	}
	_, ok := c.files[path]
	return ok
}

// HasLines says whether any of the lines from..to is added or changed.
func (c *Change) HasLines(path string, from, to int) bool {
	if c.Everything() {
		return true
	}
	f, ok := c.files[path]
	if !ok || f.whole {
		return ok
	}
	i := sort.Search(len(f.ranges), func(i int) bool { return f.ranges[i].to >= from })
	return i < len(f.ranges) && f.ranges[i].from <= to
}

// HasCommit says whether the commit is in base..head.
func (c *Change) HasCommit(id string) bool { return c.Everything() || c.commits[id] }

// Files are the changed paths, sorted; nil when everything is new.
func (c *Change) Files() []string {
	paths := make([]string, 0, len(c.files))
	for p := range c.files {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	return paths
}

// Gone are the paths of the base that the tree has no more, sorted: deleted, or
// renamed to another. Nil when everything is new.
func (c *Change) Gone() []string { return slices.Clone(c.gone) }

// RenamedFrom is the path that a file had at the base, as far as git's rename
// detection can tell; empty where it was not renamed.
func (c *Change) RenamedFrom(path string) string { return c.renamed[path] }

// Split are the commits of base..head, newest first: those with one parent or
// none, and the merges. It is nothing where everything is new.
func (c *Change) Split() (commits, merges []string) {
	return slices.Clone(c.plain), slices.Clone(c.merges)
}

// Commits is the number of commits in base..head.
func (c *Change) Commits() int { return len(c.commits) }
