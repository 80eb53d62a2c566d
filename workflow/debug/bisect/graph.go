package bisect

import (
	"fmt"
	"strings"
)

// Commit is one commit between the ends.
type Commit struct {
	ID      string
	Parents []int // those between the ends, as indices
}

// Graph is the commits that bad reaches and good does not: what follows comes
// after what it follows, and bad is the last.
type Graph struct {
	Good, Bad string
	Commits   []Commit
}

// ReadGraph reads what `git rev-list --topo-order --reverse --parents bad ^good`
// prints.
func ReadGraph(good, bad, list string) (Graph, error) {
	g := Graph{Good: good, Bad: bad}
	index := map[string]int{}
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		c := Commit{ID: f[0]}
		for _, p := range f[1:] {
			if i, ok := index[p]; ok {
				c.Parents = append(c.Parents, i)
			}
		}
		if _, twice := index[c.ID]; twice {
			return g, fmt.Errorf("git rev-list names %q twice", c.ID)
		}
		index[c.ID] = len(g.Commits)
		g.Commits = append(g.Commits, c)
	}
	if len(g.Commits) == 0 || g.Commits[len(g.Commits)-1].ID != bad {
		return g, fmt.Errorf("git rev-list does not end with the bad revision %q", bad)
	}
	return g, nil
}

// first is the first parent of a commit between the ends, or -1.
func (g *Graph) first(i int) int {
	if p := g.Commits[i].Parents; len(p) > 0 {
		return p[0]
	}
	return -1
}

// mark marks a commit and its ancestors, and gives those that were not yet.
func (g *Graph) mark(i int, marked []bool) []int {
	if marked[i] {
		return nil
	}
	marked[i] = true
	todo := []int{i}
	for k := 0; k < len(todo); k++ {
		for _, p := range g.Commits[todo[k]].Parents {
			if !marked[p] {
				marked[p] = true
				todo = append(todo, p)
			}
		}
	}
	return todo
}

// ancestors says of each commit whether it is i or an ancestor of i.
func (g *Graph) ancestors(i int) []bool {
	marked := make([]bool, len(g.Commits))
	g.mark(i, marked)
	return marked
}
