package session

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Item is one entry of the queue: what to do, with whom, and why now.
type Item struct {
	Task     string   `json:"task"`
	Source   string   `json:"source"` // TASK.md, PROJECT_CONTEXT.md
	State    State    `json:"state"`
	Priority float64  `json:"priority"` // 0 to 10
	Agent    string   `json:"agent"`    // empty: no confident match
	Why      []string `json:"why"`
	AgentWhy []string `json:"agent_why"`
}

// Assignment is who should do a task.
type Assignment struct {
	Agent string // empty: no confident match
	Why   []string
}

// queueLimit is how many items are shown; more is a list, not a queue.
const queueLimit = 20

// Weights of the score; a task with nothing to say for it has base.
const (
	scoreBase     = 4.0
	scoreOrder    = 2.0 // of the first task, less for those after it
	scoreProgress = 2.5
	scoreUnblocks = 2.0
	scoreNamed    = 3.0 // P0, less for those below
	scoreRecent   = 1.5 // of the last commit, less for older ones
	scorePlanned  = 1.0
	scoreHeld     = -4.0
)

// queueInput is what the score hangs on.
type queueInput struct {
	tasks    []Task
	sections Sections
	commits  []git.Entry // newest first
}

// buildQueue scores the open tasks: by what holds up what, by how recent the
// commits are that are about them, and by their order.
func buildQueue(in queueInput, route func(task string) Assignment) []Item {
	candidates := in.candidates()
	for i := range candidates {
		c := &candidates[i]
		c.score(in, i, len(candidates))
	}
	slices.SortStableFunc(candidates, func(a, b Item) int {
		switch {
		case a.Priority > b.Priority:
			return -1
		case a.Priority < b.Priority:
			return 1
		}
		return 0
	})
	candidates = candidates[:min(len(candidates), queueLimit)]
	for i := range candidates {
		found := route(candidates[i].Task)
		candidates[i].Agent, candidates[i].AgentWhy = found.Agent, found.Why
		if candidates[i].AgentWhy == nil {
			candidates[i].AgentWhy = []string{}
		}
	}
	return candidates
}

// candidates are the tasks that are not done, each once: those of TASK.md, and
// what the context names besides.
func (in queueInput) candidates() []Item {
	items := []Item{}
	seen := make(map[string]bool)
	add := func(text, source string, state State) {
		key := strings.Join(words(text), " ")
		if key == "" || seen[key] {
			return
		}
		seen[key] = true
		items = append(items, Item{Task: text, Source: source, State: state})
	}
	for _, t := range in.tasks {
		if t.State == Done {
			seen[strings.Join(words(t.Text), " ")] = true
		}
	}
	for _, t := range in.tasks {
		if t.State != Done {
			add(t.Text, "TASK.md", t.State)
		}
	}
	for _, w := range in.sections.InProgress {
		state := InProgress
		if w.Hold != "" {
			state = Blocked
		}
		add(w.Task, "PROJECT_CONTEXT.md", state)
	}
	for _, b := range in.sections.Blockers {
		add("Resolve: "+b, "PROJECT_CONTEXT.md", Open)
	}
	for _, t := range in.sections.Tomorrow {
		add(t, "PROJECT_CONTEXT.md", Open)
	}
	return items
}

// score sets the priority and the reasons of an item.
func (c *Item) score(in queueInput, place, of int) {
	total := scoreBase
	add := func(points float64, why string) {
		total += points
		c.Why = append(c.Why, fmt.Sprintf("%+.1f %s", points, why))
	}
	c.Why = []string{}
	if points := scoreOrder * (1 - float64(place)/float64(of)); points >= 0.05 {
		add(points, fmt.Sprintf("number %d of %d in the list", place+1, of))
	}
	switch p := priorityOf(c.Task); {
	case p >= 0 && p < 3:
		add(scoreNamed-float64(p), fmt.Sprintf("it says P%d", p))
	case p >= 3:
		add(-1, fmt.Sprintf("it says P%d", p))
	}
	switch {
	case c.State == InProgress:
		add(scoreProgress, "in progress")
	case c.State == Blocked:
		add(scoreHeld, "held up")
	case strings.HasPrefix(c.Task, "Resolve: "):
		add(scoreUnblocks, "it holds up other work")
	default:
		if b := about(c.Task, in.sections.Blockers); b >= 0 {
			add(scoreUnblocks, "about the blocker: "+in.sections.Blockers[b])
		}
	}
	if about(c.Task, in.sections.Tomorrow) >= 0 {
		add(scorePlanned, "planned at the end of the last session")
	}
	if i, points := recent(c.Task, in.commits); points > 0 {
		add(points, fmt.Sprintf("about commit %.7s, %s", in.commits[i].ID, in.commits[i].Subject))
	}
	c.Priority = math.Round(10*min(10, max(0, total))) / 10
}

// recent is the newest commit that a task is about.
func recent(task string, commits []git.Entry) (int, float64) {
	subjects := make([]string, len(commits))
	for i, c := range commits {
		subjects[i] = c.Subject
	}
	i := about(task, subjects)
	if i < 0 {
		return 0, 0
	}
	return i, scoreRecent * (1 - float64(i)/float64(len(commits)+1))
}

// about is the first of the texts that is about the same as a task: they share
// two words that say something, or half of them; -1: none is.
func about(task string, texts []string) int {
	own := telling(task)
	for i, text := range texts {
		shared, other := 0, telling(text)
		for w := range other {
			if own[w] {
				shared++
			}
		}
		if shared >= 2 || shared == 1 && (len(own) == 1 || len(other) == 1) {
			return i
		}
	}
	return -1
}

// dull are words that say nothing about what a task is about.
var dull = map[string]bool{
	"the": true, "and": true, "for": true, "with": true, "from": true, "that": true, "this": true, "into": true, "not": true,
	"add": true, "fix": true, "feat": true, "chore": true, "docs": true, "test": true, "tests": true, "update": true, "make": true,
	"new": true, "use": true, "when": true, "all": true, "wip": true, "resolve": true, "waiting": true, "blocked": true,
}

func telling(text string) map[string]bool {
	out := make(map[string]bool)
	for _, w := range words(text) {
		if len([]rune(w)) > 2 && !dull[w] {
			out[w] = true
		}
	}
	return out
}

// Todo is an entry of .claude/todos.json.
type Todo struct {
	ID       string `json:"id"`
	Content  string `json:"content"`
	Status   string `json:"status"`
	Priority string `json:"priority"`
}

// Todos are those of a queue.
func Todos(queue []Item) []Todo {
	todos := make([]Todo, 0, len(queue))
	for i, item := range queue {
		t := Todo{ID: fmt.Sprintf("day-%d", i), Content: item.Task, Status: "pending", Priority: "medium"}
		if item.Priority > 8 {
			t.Priority = "high"
		}
		todos = append(todos, t)
	}
	return todos
}
