package secrets

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/wf-ci/wf-ci/gates/secrets/scan"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/pack"
)

// manyCommits is from where on it pays to look at contents first.
const manyCommits = 8

// mostCommits is how many are looked at at once: it bounds what is kept of them.
const mostCommits = 1 << 16

// candidates are those of the commits whose patches have to be looked at. The
// others are done with: their contents were looked at, or cannot have a finding.
//
// A commit can have one where it brings a content in which a run of lines could
// hold one, see [scan.Prefilter]. What a commit adds to a file is such a run. Of
// a file that a commit adds it is the whole file, and of one that it changes it
// lies near the lines that differ: see [closeLook].
//
// Each content is read once, however many commits and paths it is at, and most
// of it not even once: see [historyFiles.packed].
func (l *look) candidates(ctx context.Context, commits, merges []string) (todo patches, err error) {
	store, err := l.target.Repo.Store(ctx)
	if err != nil {
		return patches{}, err
	}
	defer store.Close()
	store.Keep = 16 << 20
	paths := make(map[string]bool)
	for part := range slices.Chunk(slices.Concat(commits, merges), mostCommits) {
		h := historyFiles{look: l, store: store, ids: make(map[string]int32), paths: make(map[string]*spot)}
		if err := h.list(ctx, part); err != nil {
			return patches{}, fmt.Errorf("list the history's files: %w", err)
		}
		if err := h.read(ctx); err != nil {
			return patches{}, fmt.Errorf("read the history's files: %w", err)
		}
		if err := h.closer(ctx, &todo, paths); err != nil {
			return patches{}, err
		}
	}
	todo.paths = slices.Sorted(maps.Keys(paths))
	l.target.Log.Debug("secrets: commits that need a closer look", "commits", len(commits), "closer", len(todo.commits),
		"paths", len(todo.changed), "merges", len(merges), "closer merges", len(todo.merges))
	return todo, nil
}

// historyFiles are the contents that commits bring.
type historyFiles struct {
	*look
	store *pack.Store

	commits []bringing
	paths   map[string]*spot
	order   []*spot
	ids     map[string]int32 // of the contents -> index
	oids    []string
	wanted  []bool   // by content: a commit brings it
	rules   []uint64 // by content: see [scan.Prefilter.Place]
	may     []bool   // by content: it could hold a finding
}

// bringing is a commit and what it brings.
type bringing struct {
	commit  string
	files   []brought
	merge   bool
	named   bool // a file whose name is a finding
	deletes bool // so what it adds may be a file that it moves
}

// brought is a content that a commit brings to a path.
type brought struct {
	*spot
	oid    int32
	old    []int32 // in each parent; negative: none
	status byte
}

// spot is a path.
type spot struct {
	path       string
	may, alone bool
	rules      uint64
	contents   []int32 // each once, at the first of its paths
}

func (h *historyFiles) list(ctx context.Context, commits []string) error {
	names := h.look.rules.detector.Prefilter()
	defer names.Close()
	h.commits = make([]bringing, 0, len(commits))
	return h.target.Repo.Changes(ctx, commits, func(commit string, files []git.Changed) error {
		b := bringing{commit: commit}
		for _, f := range files {
			if f.OID == "" {
				b.deletes = true
				continue
			}
			p := h.paths[f.Path]
			if p == nil {
				p = &spot{path: f.Path}
				p.may, p.alone, p.rules = names.Place(f.Path)
				h.paths[f.Path] = p
				h.order = append(h.order, p)
			}
			b.named = b.named || p.alone
			if !p.may {
				continue
			}
			now := brought{spot: p, oid: h.content(p, f.OID), status: f.Status}
			for _, old := range f.Old {
				now.old = append(now.old, h.id(old))
			}
			b.files = append(b.files, now)
		}
		b.merge = len(files) > 0 && files[0].Status == 0
		h.commits = append(h.commits, b)
		return nil
	})
}

// id is the index of a content; negative: there is none.
func (h *historyFiles) id(oid string) int32 {
	if oid == "" {
		return -1
	}
	i, ok := h.ids[oid]
	if !ok {
		i = int32(len(h.oids))
		oid = strings.Clone(oid) // not all of what git said
		h.ids[oid] = i
		h.oids = append(h.oids, oid)
		h.rules, h.wanted = append(h.rules, 0), append(h.wanted, false)
	}
	return i
}

// content is the index of a content that is at a path.
func (h *historyFiles) content(p *spot, oid string) int32 {
	i := h.id(oid)
	if !h.wanted[i] {
		h.wanted[i] = true
		p.contents = append(p.contents, i)
	}
	h.rules[i] |= p.rules
	return i
}

// read finds the contents that could hold a finding.
func (h *historyFiles) read(ctx context.Context) error {
	h.may = make([]bool, len(h.oids))
	left, err := h.packed(ctx)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(h.jobs)
	for _, part := range parts(left, h.jobs) {
		g.Go(func() error { return h.readPart(gctx, part) })
	}
	return g.Wait()
}

// packed looks at the contents that are in packs, and gives the others by path.
// There, versions of a file are stored as what differs from another version. So
// each is made from that, and looked at where it differs from it.
func (h *historyFiles) packed(ctx context.Context) ([][]int32, error) {
	var order []int32
	for _, p := range h.order {
		order = append(order, p.contents...)
	}
	names := make([]string, len(order))
	group := make([]*spot, len(order))
	k := 0
	for _, p := range h.order {
		for range p.contents {
			names[k], group[k] = h.oids[order[k]], p
			k++
		}
	}
	plan := h.store.Plan(names)
	plan.Limit = maxContent
	missed, err := pack.Each(plan, h.jobs, func() (pack.Visit[scan.Version], func()) {
		filter := h.look.rules.detector.Prefilter()
		var at *spot
		var last scan.Version // that was stored whole, at the path
		return func(i int, text string, from *scan.Version, edits pack.Edits) (scan.Version, error) {
			if ctx.Err() != nil {
				return scan.Version{}, context.Cause(ctx)
			}
			whole := from == nil
			if whole && at == group[i] {
				from = &last
			}
			v := h.judge(filter, order[i], text, from, edits)
			if whole {
				at, last = group[i], v
			}
			return v, nil
		}, filter.Close
	})
	left := make(map[*spot][]int32)
	for _, i := range missed {
		left[group[i]] = append(left[group[i]], order[i])
	}
	var groups [][]int32
	for _, p := range h.order {
		if len(left[p]) > 0 {
			groups = append(groups, left[p])
		}
	}
	return groups, err
}

// judge notes whether a content could hold a finding. Each content is judged by
// one goroutine.
func (h *historyFiles) judge(filter *scan.Prefilter, content int32, text string, from *scan.Version, edits pack.Edits) scan.Version {
	if isBinary(text) {
		return scan.Version{}
	}
	may, v := filter.May(text, h.rules[content], from, edits)
	h.may[content] = may
	return v
}

// parts are groups for each of the git processes.
func parts(groups [][]int32, jobs int) [][][]int32 {
	total := 0
	for _, g := range groups {
		total += len(g)
	}
	size := total/jobs + 1
	var parts [][][]int32
	n := size
	for _, g := range groups {
		if n >= size {
			parts, n = append(parts, nil), 0
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], g)
		n += len(g)
	}
	return parts
}

// maxContent bounds what is looked at as one text, in bytes: larger ones are
// candidates unseen.
const maxContent = 32 << 20

// loose looks at those contents of a path that have a file of their own, and
// gives the others.
func (h *historyFiles) loose(filter *scan.Prefilter, contents []int32) (rest []int32) {
	var last *scan.Version
	for _, c := range contents {
		text, ok := h.store.Blob(h.oids[c], maxContent)
		if !ok {
			rest = append(rest, c)
			continue
		}
		v := h.judge(filter, c, text, last, nil)
		last = &v
	}
	return rest
}

// readPart looks at contents that are in no pack, or that only git can read.
func (h *historyFiles) readPart(ctx context.Context, groups [][]int32) (err error) {
	defer func() {
		if p := recover(); p != nil { // it would end the process
			err = fmt.Errorf("%s crashed", engineName)
		}
	}()
	filter := h.look.rules.detector.Prefilter()
	defer filter.Close()
	var contents []int32 // that only git can read
	var oids []string
	first := make(map[int]bool) // of a path
	for _, g := range groups {
		first[len(oids)] = true
		for _, c := range h.loose(filter, g) {
			contents, oids = append(contents, c), append(oids, h.oids[c])
		}
	}
	var last scan.Version
	return h.target.Repo.Blobs(ctx, oids, func(i int, size int64, in io.Reader) error {
		if size > maxContent {
			h.may[contents[i]] = true
			return nil
		}
		var text strings.Builder
		text.Grow(int(size))
		if _, err := io.CopyN(&text, in, size); err != nil {
			return fmt.Errorf("object %s: %w", oids[i], err)
		}
		from := &last
		if first[i] {
			from = nil
		}
		last = h.judge(filter, contents[i], text.String(), from, nil)
		return nil
	})
}

// isBinary says whether git shows no patch of a content.
func isBinary(text string) bool {
	return strings.IndexByte(text[:min(len(text), binaryHead)], 0) >= 0
}
