package worktree

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/git"
)

// graph is what the commits say of some tips: three questions to git, however
// many tips there are.
type graph struct {
	ahead, behind, unpushed map[string]int
	when                    map[string]time.Time
}

// graph compares tips with a revision and with the remotes.
func (p *Project) graph(ctx context.Context, tips []string, ref string) (*graph, error) {
	slices.Sort(tips)
	tips = slices.Compact(tips)
	out, err := p.git.Git(ctx, append([]string{"log", "--no-walk=unsorted", "--no-show-signature", "--format=%H %ct", ref}, append(tips, "--")...)...)
	if err != nil {
		return nil, fmt.Errorf("read the last commits: %w", err)
	}
	g := &graph{when: make(map[string]time.Time), unpushed: make(map[string]int)}
	target := ""
	for line := range strings.Lines(out) {
		id, at, _ := strings.Cut(strings.TrimSpace(line), " ")
		seconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("git log said %.80q", line)
		}
		if target == "" {
			target = id
		}
		g.when[id] = time.Unix(seconds, 0).UTC()
	}
	var below []string
	base, err := p.git.Git(ctx, append([]string{"merge-base", "--octopus", target}, tips...)...)
	if err != nil && !git.Exited(err, 1) {
		return nil, err
	}
	for id := range strings.FieldsSeq(base) {
		below = append(below, "^"+id)
	}
	list, err := p.parents(ctx, append(slices.Concat(tips, []string{target}), below...), nil)
	if err != nil {
		return nil, err
	}
	g.ahead, g.behind = count(list, tips, target)
	return g, p.notPushed(ctx, g, tips)
}

// notPushed counts the commits of each tip that no remote has; where there is no
// remote there is nothing to push to.
func (p *Project) notPushed(ctx context.Context, g *graph, tips []string) error {
	any, err := p.git.Git(ctx, "for-each-ref", "--count=1", "--format=x", "refs/remotes")
	if err != nil || any == "" {
		return err
	}
	list, err := p.parents(ctx, tips, []string{"--not", "--remotes"})
	if err != nil {
		return err
	}
	g.unpushed, _ = count(list, tips, "")
	return nil
}

// parents lists commits, each before its parents, with those.
func (p *Project) parents(ctx context.Context, revs, more []string) (string, error) {
	return p.git.Git(ctx, append(append(append([]string{"rev-list", "--topo-order", "--parents"}, revs...), more...), "--")...)
}

// count counts, for each tip, the commits that it reaches and the target does
// not, and the other way round. list has each commit before its parents.
func count(list string, tips []string, target string) (ahead, behind map[string]int) {
	words := len(tips)/64 + 1
	own := func(id string) []uint64 {
		mask := make([]uint64, words)
		if i, ok := slices.BinarySearch(tips, id); ok {
			mask[i/64] |= 1 << (i % 64)
		}
		return mask
	}
	masks := make(map[string][]uint64)
	arrived := map[string]bool{target: true}
	ahead, behind = make(map[string]int), make(map[string]int)
	for line := range strings.Lines(list) {
		ids := strings.Fields(line)
		mask := own(ids[0])
		for w, bits := range masks[ids[0]] {
			mask[w] |= bits
		}
		delete(masks, ids[0])
		inTarget := arrived[ids[0]]
		for i, tip := range tips {
			reached := mask[i/64]&(1<<(i%64)) != 0
			switch {
			case reached && !inTarget:
				ahead[tip]++
			case !reached && inTarget:
				behind[tip]++
			}
		}
		for _, parent := range ids[1:] {
			if masks[parent] == nil {
				masks[parent] = make([]uint64, words)
			}
			for w, bits := range mask {
				masks[parent][w] |= bits
			}
			arrived[parent] = arrived[parent] || inTarget
		}
	}
	return ahead, behind
}
