package agents

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// golden is a task and the agents that are right for it; none: "-".
type golden struct {
	task  string
	right []string
}

func readGolden(t testing.TB, name string) []golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden_" + name + ".tsv")
	if err != nil {
		t.Fatal(err)
	}
	var list []golden
	for line := range strings.Lines(string(text)) {
		task, right, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || !ok {
			continue
		}
		list = append(list, golden{task, strings.Split(right, "|")})
	}
	return list
}

// accuracy is how many answers are right: the first, and one of the first three.
type accuracy struct{ tasks, top1, top3 int }

func (a *accuracy) add(g golden, answers []string) {
	a.tasks++
	if len(answers) > 0 && slices.Contains(g.right, answers[0]) {
		a.top1++
	}
	if slices.ContainsFunc(answers[:min(3, len(answers))], func(id string) bool { return slices.Contains(g.right, id) }) {
		a.top3++
	}
}

// ours are the answers of the router, best first; "-" where it is not sure.
func ours(r *Router, task string) []string {
	c := r.Route(Request{Task: task})
	var ids []string
	if c.Agent == "" {
		ids = append(ids, "-")
	} else {
		ids = append(ids, c.Agent)
	}
	for _, s := range c.Candidates {
		if !slices.Contains(ids, s.Agent) {
			ids = append(ids, s.Agent)
		}
	}
	return ids
}

// theirs is the reference's way: the first keyword that is anywhere in the
// task, letter by letter. It is given the benefit of the doubt: its skills count
// as the agents that do the same, and its default as "none".
func theirs(c *Catalog, task string) []string {
	low := strings.ToLower(task)
	for _, w := range c.Words {
		if strings.Contains(low, w.Word) {
			return []string{w.Agent}
		}
	}
	return []string{"-", "general-purpose"}
}

// TestAccuracy prints how often the router is right, on both halves of the
// golden set, beside the reference's way; MISSES=1 shows what it gets wrong on
// the half that may be looked at. The floors keep it from getting worse unseen.
func TestAccuracy(t *testing.T) {
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	r := NewRouter(c, Installed{})
	for _, half := range []string{"tuning", "heldout"} {
		var we, they, first accuracy
		for _, g := range readGolden(t, half) {
			for _, id := range g.right {
				if _, ok := c.Agent(id); id != "-" && !ok {
					t.Errorf("%s: no agent %s", g.task, id)
				}
			}
			answers := ours(r, g.task)
			we.add(g, answers)
			they.add(g, theirs(c, g.task))
			first.add(g, wordsFirst(r, g.task))
			if half == "tuning" && os.Getenv("MISSES") != "" && !slices.Contains(g.right, answers[0]) {
				t.Logf("%q: want %v, got %v", g.task, g.right, answers[:min(4, len(answers))])
			}
		}
		t.Logf("%-8s %d tasks: top-1 %.1f %%, top-3 %.1f %%; the reference's first substring: %.1f %%; its list first, by whole words: %.1f %%",
			half, we.tasks, percent(we.top1, we.tasks), percent(we.top3, we.tasks), percent(they.top1, they.tasks), percent(first.top1, first.tasks))
		if we.tasks < 75 || percent(we.top1, we.tasks) < 90 || percent(we.top3, we.tasks) < 95 {
			t.Errorf("%s: worse than it was", half)
		}
		if we.top1 < 3*they.top1 {
			t.Errorf("%s: not far better than the reference's way", half)
		}
	}
}

// wordsFirst is the reference's list before everything else, but by whole words,
// and the router where it has none or several: what the queue would do if the
// list went first.
func wordsFirst(r *Router, task string) []string {
	var hit []string
	for _, w := range r.words {
		if w.hits(index(task)) > 0 && !slices.Contains(hit, w.name) {
			hit = append(hit, w.name)
		}
	}
	if len(hit) == 1 {
		return hit
	}
	return ours(r, task)
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(of) }
