package worktree

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Plan is how worktrees fit together, before anybody merges.
type Plan struct {
	Into      string     `json:"into"`
	Order     []string   `json:"order"`     // the best one
	Steps     []Step     `json:"steps"`     // what would happen, in that order
	Conflicts []Conflict `json:"conflicts"` // pairs that do not fit
	Hot       []Shared   `json:"hot"`       // files in conflict
	Soft      []Shared   `json:"soft"`      // files that several change, and that fit
}

// Step is one merge of the plan.
type Step struct {
	Name      string   `json:"name"`
	Conflicts []string `json:"conflicts"` // files
	Refused   []Reason `json:"refused"`   // why a merge would not be done as things stand
}

// Conflict is a pair that does not fit; B may be the target.
type Conflict struct {
	A     string   `json:"a"`
	B     string   `json:"b"`
	Files []string `json:"files"`
}

// Shared is a file that several worktrees change.
type Shared struct {
	File  string   `json:"file"`
	Names []string `json:"names"`
}

// candidate is a worktree as it would be merged, with what is not committed yet.
type candidate struct {
	name    string
	commit  string
	files   []string
	bad     int // conflicts with others
	refused []Reason
}

// PlanMerge compares worktrees, each with each and with the target, their
// uncommitted changes included. No names: all that have something to merge.
// Nothing in the repository is written.
func (p *Project) PlanMerge(ctx context.Context, names []string) (*Plan, error) {
	target, err := p.target(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case target.Local != "":
		target.Ref = target.Local // a merge goes there, also where the remote's is ahead
	case target.Remote == "" && target.Name != "HEAD":
		return nil, usagef("there is no branch %s to merge into", target.Name)
	}
	list, err := p.candidates(ctx, names, target)
	if err != nil {
		return nil, err
	}
	out := &Plan{Into: target.Name, Order: []string{}, Steps: []Step{}, Conflicts: []Conflict{}, Hot: []Shared{}, Soft: []Shared{}}
	if err := p.pairs(ctx, list, target, out); err != nil {
		return nil, err
	}
	if err := p.inTheWay(ctx, list, target); err != nil {
		return nil, err
	}
	out.shared(list)
	slices.SortStableFunc(list, func(a, b *candidate) int {
		if a.bad != b.bad {
			return a.bad - b.bad
		}
		if len(a.files) != len(b.files) {
			return len(a.files) - len(b.files)
		}
		return strings.Compare(a.name, b.name)
	})
	return out, p.simulate(ctx, list, target, out)
}

// candidates are the worktrees to compare.
func (p *Project) candidates(ctx context.Context, names []string, target Target) ([]*candidate, error) {
	trees, err := p.Trees(ctx)
	if err != nil {
		return nil, err
	}
	reg, _, err := p.registry.read()
	if err != nil {
		return nil, err
	}
	var chosen []Tree
	for _, name := range names {
		t, err := p.pick(trees, reg, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, t)
	}
	if len(names) == 0 {
		for _, t := range trees {
			if !t.Main && !t.Missing && t.Branch != target.Name {
				chosen = append(chosen, t)
			}
		}
	}
	var list []*candidate
	for _, t := range chosen {
		c, err := p.candidate(ctx, t, target)
		if err != nil {
			return nil, err
		}
		if len(c.files) > 0 || len(names) > 0 {
			list = append(list, c)
		}
	}
	return list, nil
}

// candidate makes a commit of a worktree as it is, in the scratch directory.
func (p *Project) candidate(ctx context.Context, t Tree, target Target) (*candidate, error) {
	w, err := p.computing()
	if err != nil {
		return nil, err
	}
	c := &candidate{name: nameOf(t.Branch, t.Path), commit: t.Head, refused: []Reason{}}
	if !t.Missing {
		state, err := p.condition(ctx, t, false)
		if err != nil {
			return nil, err
		}
		c.refused = unfinished(t, state)
		if state.Changes.Any() && state.Conflicts == 0 {
			index, err := p.copyIndex(t)
			if err != nil {
				return nil, err
			}
			in := w.In(t.Path).With("GIT_INDEX_FILE=" + index)
			if err := in.AddWork(ctx); err != nil {
				return nil, err
			}
			tree, err := in.Line(ctx, "write-tree")
			if err != nil {
				return nil, err
			}
			if c.commit, err = w.Line(ctx, "commit-tree", tree, "-p", t.Head, "-m", "as it is"); err != nil {
				return nil, err
			}
		}
	}
	if t.Branch == "" || t.Branch == target.Name {
		c.refused = append(c.refused, Reason{Rule: "branch", Detail: "it is not on a branch of its own", Hint: "git switch -c NAME"})
	}
	out, err := w.Git(ctx, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", target.Ref+"..."+c.commit, "--")
	if err != nil {
		return nil, err
	}
	c.files = slices.DeleteFunc(strings.Split(out, "\x00"), func(s string) bool { return s == "" })
	return c, nil
}

// pairs merges each with the target and with each other.
func (p *Project) pairs(ctx context.Context, list []*candidate, target Target, out *Plan) error {
	w, err := p.computing()
	if err != nil {
		return err
	}
	for i, a := range list {
		_, files, err := w.MergeTree(ctx, target.Ref, a.commit)
		if err != nil {
			return err
		}
		if len(files) > 0 {
			a.bad++
			out.Conflicts = append(out.Conflicts, Conflict{a.name, target.Name, files})
		}
		for _, b := range list[i+1:] {
			_, files, err := w.MergeTree(ctx, a.commit, b.commit)
			if err != nil {
				return err
			}
			if len(files) > 0 {
				a.bad++
				b.bad++
				out.Conflicts = append(out.Conflicts, Conflict{a.name, b.name, files})
			}
		}
	}
	return nil
}

// inTheWay says of which candidates a file is changed, or ignored, where the target
// is checked out: git does not write over it.
func (p *Project) inTheWay(ctx context.Context, list []*candidate, target Target) error {
	trees, err := p.Trees(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(trees, func(t Tree) bool { return t.Branch == target.Name && !t.Bare && !t.Missing })
	if i < 0 {
		return nil
	}
	state, err := p.condition(ctx, trees[i], true)
	if err != nil {
		return err
	}
	for _, c := range list {
		var paths []string
		for _, f := range c.files {
			if state.holds(trees[i].Path, f) {
				paths = append(paths, f)
			}
		}
		if len(paths) > 0 {
			c.refused = append(c.refused, Reason{
				Rule: "in-the-way", Detail: fmt.Sprintf("%s has changes of its own in %s", trees[i].Path, strings.Join(first(paths), ", ")),
				Hint: "commit or stash them, and move away what git ignores", Paths: first(paths),
			})
		}
	}
	return nil
}

// holds says whether a worktree has something at a path that no commit has.
func (c condition) holds(root, path string) bool {
	if slices.Contains(c.Paths, path) {
		return true
	}
	for _, other := range slices.Concat(c.Paths, c.Ignored) {
		if path == other || strings.HasSuffix(other, "/") && strings.HasPrefix(path, other) || strings.HasPrefix(other, path+"/") {
			return exists(root, path)
		}
	}
	return false
}

// shared sorts the files that several change into those in conflict and those
// that fit.
func (out *Plan) shared(list []*candidate) {
	who := make(map[string][]string)
	for _, c := range list {
		for _, f := range c.files {
			who[f] = append(who[f], c.name)
		}
	}
	hot := make(map[string]bool)
	for _, c := range out.Conflicts {
		for _, f := range c.Files {
			hot[f] = true
		}
	}
	for f, names := range who {
		slices.Sort(names)
		switch {
		case hot[f]:
			out.Hot = append(out.Hot, Shared{f, names})
		case len(names) > 1:
			out.Soft = append(out.Soft, Shared{f, names})
		}
	}
	for _, l := range [][]Shared{out.Hot, out.Soft} {
		slices.SortFunc(l, func(a, b Shared) int { return strings.Compare(a.File, b.File) })
	}
}

// simulate merges in the order of the plan, and passes over what conflicts.
func (p *Project) simulate(ctx context.Context, list []*candidate, target Target, out *Plan) error {
	w, err := p.computing()
	if err != nil {
		return err
	}
	tip, err := w.Line(ctx, "rev-parse", "--verify", target.Ref)
	if err != nil {
		return err
	}
	for _, c := range list {
		tree, files, err := w.MergeTree(ctx, tip, c.commit)
		if err != nil {
			return err
		}
		out.Order = append(out.Order, c.name)
		out.Steps = append(out.Steps, Step{c.name, append([]string{}, files...), c.refused})
		if len(files) > 0 {
			continue
		}
		if tip, err = w.Line(ctx, "commit-tree", tree, "-p", tip, "-p", c.commit, "-m", "step"); err != nil {
			return err
		}
	}
	return nil
}
