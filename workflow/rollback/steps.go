package rollback

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// commitInfo is what a step has to know of a commit.
type commitInfo struct {
	tree, subject string
	parents       []string
}

// look reads commits and their parents.
func (r *Repo) look(ctx context.Context, ids []string) (map[string]commitInfo, error) {
	m := make(map[string]commitInfo)
	if len(ids) == 0 {
		return m, nil
	}
	out, err := r.git.Feed(ctx, strings.NewReader(strings.Join(ids, "\n")+"\n"), "log", "--no-walk=unsorted", "--no-show-signature", "--format=%H %T %P%x00%s", "--stdin")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		head, subject, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\x00")
		f := strings.Fields(head)
		if len(f) < 2 {
			return nil, fmt.Errorf("git log said %.80q", line)
		}
		m[f[0]] = commitInfo{tree: f[1], subject: subject, parents: f[2:]}
	}
	for _, id := range ids {
		if _, ok := m[id]; !ok {
			return nil, fmt.Errorf("git log did not show %s", id)
		}
	}
	return m, nil
}

// back is the way from the head to the good commit: at each merge the parent that
// leads there. All that is on the other parents goes with its merge.
func (r *Repo) back(ctx context.Context, p *Plan) ([]Step, error) {
	out, err := r.git.Git(ctx, "rev-list", "--parents", "--ancestry-path", p.To+".."+p.Head)
	if err != nil {
		return nil, err
	}
	parents := make(map[string][]string)
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		parents[f[0]] = f[1:]
	}
	var ids []string
	mainline := make(map[string]int)
	for at := p.Head; at != p.To; {
		i := slices.IndexFunc(parents[at], func(id string) bool { return id == p.To || parents[id] != nil })
		if i < 0 {
			return nil, fmt.Errorf("no way from %s back to %s", p.Head, p.To)
		}
		ids, mainline[at] = append(ids, at), i+1
		at = parents[at][i]
	}
	return r.reverts(ctx, ids, mainline)
}

// chosen are commits to revert, the newest first.
func (r *Repo) chosen(ctx context.Context, head string, revs []string, mainline int) ([]Step, error) {
	want := make(map[string]bool)
	main := make(map[string]int)
	for _, rev := range revs {
		id, err := r.commit(ctx, rev)
		if err != nil {
			return nil, err
		}
		in, err := r.ancestor(ctx, id, head)
		if err != nil {
			return nil, err
		}
		if !in {
			return nil, usagef("--commit %s: it is not in the history of what is checked out", rev)
		}
		want[id], main[id] = true, max(mainline, 1)
	}
	out, err := r.git.Git(ctx, "rev-list", "--topo-order", head)
	if err != nil {
		return nil, err
	}
	var ids []string
	for line := range strings.Lines(out) {
		if id := strings.TrimSpace(line); want[id] {
			ids = append(ids, id)
		}
	}
	steps, err := r.reverts(ctx, ids, main)
	if err == nil && mainline > 0 && !slices.ContainsFunc(steps, func(s Step) bool { return s.Merge }) {
		err = usagef("--mainline %d: none of the commits is a merge", mainline)
	}
	return steps, err
}

// reverts are the steps that take commits back.
func (r *Repo) reverts(ctx context.Context, ids []string, mainline map[string]int) ([]Step, error) {
	steps, err := r.steps(ctx, ids, mainline)
	for i := range steps {
		steps[i].from, steps[i].to = steps[i].to, steps[i].from
	}
	return steps, err
}

// picks are the commits to keep, the oldest first.
func (r *Repo) picks(ctx context.Context, revs []string, p *Plan) ([]Step, error) {
	if len(revs) == 0 {
		return []Step{}, nil
	}
	want := make(map[string]bool)
	for _, rev := range revs {
		id, err := r.commit(ctx, rev)
		if err != nil {
			return nil, err
		}
		want[id] = true
	}
	out, err := r.git.Git(ctx, "rev-list", "--topo-order", "--reverse", p.To+".."+p.Head)
	if err != nil {
		return nil, err
	}
	var ids []string
	for line := range strings.Lines(out) {
		if id := strings.TrimSpace(line); want[id] {
			ids = append(ids, id)
			delete(want, id)
		}
	}
	for id := range want {
		return nil, usagef("--keep %s: it is not between %s and what is checked out", id, p.ToName)
	}
	return r.steps(ctx, ids, nil)
}

// steps are commits with the way that each goes, from a parent.
func (r *Repo) steps(ctx context.Context, ids []string, mainline map[string]int) ([]Step, error) {
	info, err := r.look(ctx, ids)
	if err != nil {
		return nil, err
	}
	var above []string
	list := []Step{}
	for _, id := range ids {
		c := info[id]
		s := Step{Commit: id, Subject: c.subject, Merge: len(c.parents) > 1, to: c.tree}
		n := max(mainline[id], 1)
		if s.Merge {
			if n > len(c.parents) {
				return nil, usagef("--mainline %d: %.12s has %d parents", n, id, len(c.parents))
			}
			s.Mainline = n
		} else {
			n = 1
		}
		if len(c.parents) > 0 {
			s.parent = c.parents[n-1]
			above = append(above, s.parent)
		}
		list = append(list, s)
	}
	if info, err = r.look(ctx, above); err != nil {
		return nil, err
	}
	empty, err := treeOf(ctx, r.git, "")
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].from = info[list[i].parent].tree; list[i].parent == "" {
			list[i].from = empty
		}
	}
	return list, nil
}
