package feature

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Plan is the order that the needs of the tasks leave.
type Plan struct {
	// Groups: the tasks of a group can be worked on side by side, once those of
	// the groups before it are done.
	Groups [][]string `json:"groups"`
	// Critical is the chain of tasks that takes longest; nothing is finished
	// before it is.
	Critical []string `json:"critical_path"`
	// Worktrees is how many are needed at once: the size of the largest group.
	Worktrees int `json:"worktrees"`
	// Hours is how long the critical path takes.
	Hours Hours `json:"hours"`
	// GroupHours is how long each group takes, which is its longest task.
	GroupHours []Hours `json:"group_hours"`
	// Work is the sum of all hours.
	Work Hours `json:"work_hours"`
	// Unestimated are the tasks without hours, which count as none.
	Unestimated []string `json:"unestimated"`
}

// InGroups is how long it takes group by group: longer than the critical path
// where a short task waits for a long one that it does not need.
func (p *Plan) InGroups() (sum Hours) {
	for _, h := range p.GroupHours {
		sum += h
	}
	return sum
}

// CycleError says which tasks need each other in a circle.
type CycleError struct {
	File   string
	Line   int
	Cycles [][]string // each begins with its first task of the file
}

// What of a circle is named; a plan of a hundred thousand tasks may be one.
const (
	maxCycles = 5
	maxNamed  = 50
)

func (e *CycleError) Error() string {
	var all []string
	for i, c := range e.Cycles {
		if i == maxCycles {
			all = append(all, fmt.Sprintf("… and %d more", len(e.Cycles)-i))
			break
		}
		named, end := c, c[0]
		if len(c) > maxNamed {
			named, end = c[:maxNamed], fmt.Sprintf("… (%d tasks) → %s", len(c), c[0])
		}
		all = append(all, strings.Join(named, " → ")+" → "+end)
	}
	return fmt.Sprintf("%s:%d: tasks need each other in a circle: %s; take one of these needs out", e.File, e.Line, strings.Join(all, "; "))
}

// graph is tasks by number.
type graph struct {
	tasks []Task
	needs [][]int32
	order []int32 // each after those it needs
}

// NewPlan orders the tasks. Their ids and needs are those of [Read]. name is the
// file's, for the errors.
func NewPlan(name string, tasks []Task) (*Plan, error) {
	g := newGraph(tasks)
	level := g.levels()
	if len(g.order) < len(tasks) {
		return nil, g.circles(name)
	}
	p := &Plan{Groups: [][]string{}, Critical: []string{}, GroupHours: []Hours{}, Unestimated: []string{}}
	for i, t := range tasks {
		if level[i] >= len(p.Groups) {
			p.Groups = append(p.Groups, make([][]string, level[i]+1-len(p.Groups))...)
			p.GroupHours = append(p.GroupHours, make([]Hours, level[i]+1-len(p.GroupHours))...)
		}
		p.Groups[level[i]] = append(p.Groups[level[i]], t.ID)
		p.GroupHours[level[i]] = max(p.GroupHours[level[i]], t.Hours)
		p.Worktrees = max(p.Worktrees, len(p.Groups[level[i]]))
		p.Work += t.Hours
		if t.Hours == 0 {
			p.Unestimated = append(p.Unestimated, t.ID)
		}
	}
	g.critical(p)
	return p, nil
}

func newGraph(tasks []Task) *graph {
	g := &graph{tasks: tasks, needs: make([][]int32, len(tasks))}
	number := make(map[string]int32, len(tasks))
	for i, t := range tasks {
		number[t.ID] = int32(i)
	}
	for i, t := range tasks {
		for _, need := range t.Needs {
			g.needs[i] = append(g.needs[i], number[need])
		}
	}
	return g
}

// levels is how many groups come before each task. What is in a circle, or
// behind one, is not in the order.
func (g *graph) levels() []int {
	level := make([]int, len(g.tasks))
	left := make([]int, len(g.tasks))
	after := make([][]int32, len(g.tasks))
	for i, needs := range g.needs {
		left[i] = len(needs)
		for _, n := range needs {
			after[n] = append(after[n], int32(i))
		}
		if left[i] == 0 {
			g.order = append(g.order, int32(i))
		}
	}
	for at := 0; at < len(g.order); at++ {
		done := g.order[at]
		for _, next := range after[done] {
			level[next] = max(level[next], level[done]+1)
			if left[next]--; left[next] == 0 {
				g.order = append(g.order, next)
			}
		}
	}
	return level
}

// reach is a chain that ends with a task.
type reach struct {
	hours  Hours
	tasks  int
	before int32 // the task before it; -1: none
}

func (r reach) compare(s reach) int {
	return cmp.Or(cmp.Compare(r.hours, s.hours), cmp.Compare(r.tasks, s.tasks))
}

// critical finds the longest chain: by hours, then by tasks; of equal ones the
// one that is first in the file.
func (g *graph) critical(p *Plan) {
	chains := make([]reach, len(g.tasks))
	last := int32(-1)
	for _, i := range g.order {
		best := reach{before: -1}
		for _, n := range g.needs[i] {
			if c := chains[n].compare(best); c > 0 || c == 0 && n < best.before {
				best = reach{chains[n].hours, chains[n].tasks, n}
			}
		}
		best.hours += g.tasks[i].Hours
		best.tasks++
		chains[i] = best
	}
	for i := range chains {
		if last < 0 || chains[i].compare(chains[last]) > 0 {
			last = int32(i)
		}
	}
	if last < 0 {
		return
	}
	p.Hours = chains[last].hours
	for i := last; i >= 0; i = chains[i].before {
		p.Critical = append(p.Critical, g.tasks[i].ID)
	}
	slices.Reverse(p.Critical)
}

// circles finds circles among the tasks that are in no order: from each that is
// left, along the first need that is left too, until one comes again. Each step
// is taken once.
func (g *graph) circles(name string) error {
	ordered := make([]bool, len(g.tasks))
	for _, i := range g.order {
		ordered[i] = true
	}
	e := &CycleError{File: name}
	walk := make([]int, len(g.tasks)) // in which walk a task was seen; zero: none
	for start := range g.tasks {
		var path []int32
		i := int32(start)
		for !ordered[i] && walk[i] == 0 {
			walk[i] = start + 1
			path = append(path, i)
			i = g.needs[i][slices.IndexFunc(g.needs[i], func(n int32) bool { return !ordered[n] })]
		}
		if len(path) > 0 && walk[i] == start+1 {
			e.Cycles = append(e.Cycles, g.circle(path[slices.Index(path, i):]))
		}
	}
	for _, t := range g.tasks {
		if t.ID == e.Cycles[0][0] {
			e.Line = max(1, t.line)
		}
	}
	return e
}

// circle names the tasks of a circle from its first task in the file on.
func (g *graph) circle(path []int32) []string {
	first := slices.Index(path, slices.Min(path))
	var ids []string
	for k := range path {
		ids = append(ids, g.tasks[path[(first+k)%len(path)]].ID)
	}
	return ids
}
