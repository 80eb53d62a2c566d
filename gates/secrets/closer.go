package secrets

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/wf-ci/wf-ci/gates/secrets/scan"
)

// closer looks at the contents that could hold a finding where a commit brings
// them. It adds the commits whose patches are needed for that to todo, and the
// paths at which these have to be looked at.
func (h *historyFiles) closer(ctx context.Context, todo *patches, paths map[string]bool) error {
	needs := make([]need, len(h.commits))
	c := closeLook{historyFiles: h, known: make(map[[2]int32]bool)}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(h.jobs)
	for i := range h.commits {
		b := &h.commits[i]
		if b.named {
			needs[i].patch = true
		} else if slices.ContainsFunc(b.files, func(f brought) bool { return h.may[f.oid] }) {
			g.Go(func() (err error) {
				needs[i], err = c.commit(gctx, b)
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, n := range needs {
		b := &h.commits[i]
		switch {
		case (n.patch || len(n.paths) > 0) && b.merge:
			todo.merges = append(todo.merges, b.commit)
		case n.patch:
			todo.commits = append(todo.commits, b.commit)
		case len(n.paths) > 0:
			todo.changed = append(todo.changed, b.commit)
			for _, p := range n.paths {
				paths[p] = true
			}
		}
	}
	return nil
}

// need is what is needed of a commit: its patch, or the patch at some paths.
type need struct {
	patch bool
	paths []string
}

// closeLook is a look at single commits.
type closeLook struct {
	*historyFiles
	mu    sync.Mutex
	known map[[2]int32]bool // contents before and now -> the difference could hold a finding
}

// commit looks at what a commit brings: at files that it adds here and now, as
// what is added is one hunk.
func (c *closeLook) commit(ctx context.Context, b *bringing) (n need, err error) {
	type added struct {
		*spot
		text string
	}
	var whole []added
	for _, f := range b.files {
		switch {
		case !c.may[f.oid]:
		case f.status == 'T': // gitleaks does not look at these, nor do we
		case f.status == 'A' && !b.deletes:
			text, ok := c.store.Blob(c.oids[f.oid], maxContent)
			if !ok {
				return need{patch: true}, nil
			}
			whole = append(whole, added{f.spot, text})
		case f.status == 'M' || b.merge:
			// What is new in a merge is new against each parent.
			if !slices.ContainsFunc(f.old, func(old int32) bool { return !c.differs(f, old) }) {
				n.paths = append(n.paths, f.path)
			}
		default: // it may have been moved
			return need{patch: true}, nil
		}
	}
	if len(n.paths) > 0 && len(whole) > 0 {
		return need{patch: true}, nil
	}
	for _, a := range whole {
		if _, err := c.scan(ctx, fragment{path: a.path, commit: b.commit, line: 1, text: a.text}); err != nil {
			return need{}, err
		}
	}
	return n, nil
}

// differs says whether a hunk between a content and one before could hold a
// finding.
func (c *closeLook) differs(f brought, old int32) bool {
	if old < 0 {
		return true
	}
	key := [2]int32{old, f.oid}
	c.mu.Lock()
	may, known := c.known[key]
	c.mu.Unlock()
	if known {
		return may
	}
	before, ok := c.store.Blob(c.oids[old], maxContent)
	now, okToo := c.store.Blob(c.oids[f.oid], maxContent)
	if may = !ok || !okToo; !may {
		filter := c.look.rules.detector.Prefilter()
		defer filter.Close()
		// The rules are those of all its paths: the answer is for all of them.
		may, _ = filter.May(scan.Added(before, now), c.historyFiles.rules[f.oid], nil, nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[key] = may
	return may
}
