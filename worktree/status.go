package worktree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
)

// Changes is what a worktree has that no commit has.
type Changes struct {
	Staged    int `json:"staged"`
	Modified  int `json:"modified"`
	Untracked int `json:"untracked"`
	Conflicts int `json:"conflicts"`
}

// Any says whether there is anything.
func (c Changes) Any() bool { return c != Changes{} }

func (c Changes) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{c.Conflicts, "in conflict"}, {c.Staged, "staged"}, {c.Modified, "modified"}, {c.Untracked, "untracked"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

// condition is the answer of one `git status`.
type condition struct {
	Changes
	Paths     []string // what is changed
	Ignored   []string // folders end with a slash
	Submodule []string // submodules that differ

	head, branch string // as git says them; asked for together with Ignored
}

// on says whether a worktree was where it was said to be.
func (c condition) on(t Tree) bool {
	return c.head == cmp.Or(t.Head, "(initial)") && c.branch == cmp.Or(t.Branch, "(detached)")
}

// marks are what has to be the same when it is looked at again.
func (c condition) marks() string {
	return strings.Join(append([]string{c.head, c.branch, c.Changes.String()}, c.Paths...), "\x00")
}

// condition asks git for a worktree's state. ignored also lists what git ignores,
// without going into ignored folders, and where HEAD is.
func (p *Project) condition(ctx context.Context, t Tree, ignored bool) (condition, error) {
	return p.ask(ctx, t, ignored, nil)
}

// ask is condition with more of git's configuration.
func (p *Project) ask(ctx context.Context, t Tree, ignored bool, config []string) (condition, error) {
	args := append(config[:len(config):len(config)], "status", "--porcelain=v2", "-z", "--no-ahead-behind", "--untracked-files=normal", "--ignore-submodules=none", "--no-renames")
	if ignored {
		args = append(args, "--ignored=matching", "--branch")
	}
	out, err := p.workOf(t).Git(ctx, args...)
	if err != nil {
		return condition{}, fmt.Errorf("look at %s: %w", t.Path, err)
	}
	return parseStatus(out)
}

// parseStatus reads `status --porcelain=v2 -z` without renames.
func parseStatus(out string) (condition, error) {
	var c condition
	for out != "" {
		entry, rest, ok := strings.Cut(out, "\x00")
		if !ok {
			return c, fmt.Errorf("git status: entry %.80q does not end", out)
		}
		out = rest
		if err := c.add(entry); err != nil {
			return c, err
		}
	}
	return c, nil
}

// fieldsBefore is how many fields stand before the path of an entry.
func fieldsBefore(kind byte) int {
	switch kind {
	case '1':
		return 8
	case 'u':
		return 10
	case '?', '!':
		return 1
	}
	return 0
}

func (c *condition) header(entry string) {
	if head, ok := strings.CutPrefix(entry, "# branch.oid "); ok {
		c.head = head
	}
	if branch, ok := strings.CutPrefix(entry, "# branch.head "); ok {
		c.branch = branch
	}
}

func (c *condition) add(entry string) error {
	if entry == "" {
		return errors.New("git status: an empty entry")
	}
	if entry[0] == '#' {
		c.header(entry)
		return nil
	}
	n := fieldsBefore(entry[0])
	f := strings.SplitN(entry, " ", n+1)
	if n == 0 || len(f) != n+1 {
		return fmt.Errorf("git status: entry %.80q", entry)
	}
	path := f[n]
	switch entry[0] {
	case '!':
		c.Ignored = append(c.Ignored, path)
		return nil
	case '?':
		c.Untracked++
	case 'u':
		c.Conflicts++
	case '1':
		if len(f[1]) != 2 {
			return fmt.Errorf("git status: entry %.80q", entry)
		}
		if f[1][0] != '.' {
			c.Staged++
		}
		if f[1][1] != '.' {
			c.Modified++
		}
		if strings.HasPrefix(f[2], "S") {
			c.Submodule = append(c.Submodule, path)
		}
	}
	c.Paths = append(c.Paths, path)
	return nil
}

// find is the worktree that a name, a branch or a path means.
func (p *Project) find(ctx context.Context, name string) (Tree, error) {
	trees, err := p.Trees(ctx)
	if err != nil {
		return Tree{}, err
	}
	reg, _, err := p.registry.read()
	if err != nil {
		return Tree{}, err
	}
	return p.pick(trees, reg, name)
}

// pick finds one worktree: by its path, its name in the registry, its branch, or
// what it would be called. Two that fit are an error.
func (p *Project) pick(trees []Tree, reg *Registry, name string) (Tree, error) {
	path := expand(name, p.place.Home)
	for _, t := range trees {
		if path != "" && (t.Path == path || samePath(t.Path, inDir(p.place.Dir, path))) {
			return t, nil
		}
	}
	tests := []func(Tree) bool{
		func(t Tree) bool { row := reg.at(t.Path); return row != nil && row.Name == name },
		func(t Tree) bool { return t.Branch == name || t.Branch == branchPrefix+name },
		func(t Tree) bool { return nameOf(t.Branch, t.Path) == name || baseName(t.Path) == name },
	}
	for _, test := range tests {
		var found []Tree
		for _, t := range trees {
			if !t.Main && test(t) {
				found = append(found, t)
			}
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0], nil
		}
		return Tree{}, usagef("%q means %s and %s: name one by its path", name, found[0].Path, found[1].Path)
	}
	return Tree{}, fmt.Errorf("%q: %w; wf-ci worktree list shows those that are there", name, ErrUnknownName)
}

// operation is what git is in the middle of, as its own directory says; empty:
// nothing.
func (t Tree) operation() string {
	for _, o := range []struct{ file, what string }{
		{"rebase-merge", "rebase"}, {"rebase-apply", "rebase or am"}, {"MERGE_HEAD", "merge"}, {"CHERRY_PICK_HEAD", "cherry-pick"},
		{"REVERT_HEAD", "revert"}, {"sequencer", "cherry-pick or revert"}, {"BISECT_LOG", "bisect"},
	} {
		if exists(t.Admin, o.file) {
			return o.what
		}
	}
	return ""
}
