package feature

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// chain is tasks that need each other one after the other, closed to a circle
// where asked.
func chain(n int, circle bool) string {
	var b strings.Builder
	b.WriteString("tasks:\n")
	for i := range n {
		need := ""
		if i > 0 {
			need = fmt.Sprintf("t%d", i-1)
		} else if circle {
			need = fmt.Sprintf("t%d", n-1)
		}
		fmt.Fprintf(&b, "  - {id: t%d, title: Task number %d, needs: [%s], hours: 0.1}\n", i, i, need)
	}
	return b.String()
}

// A hundred thousand tasks in a chain, in a circle, and all at once.
func TestHundredThousandTasks(t *testing.T) {
	const n = 100_000
	start := time.Now()
	f, err := Read("p.yml", []byte(chain(n, false)), "")
	if err != nil {
		t.Fatal(err)
	}
	read := time.Since(start)
	p, err := NewPlan("p.yml", f.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Groups) != n || len(p.Critical) != n || p.Worktrees != 1 || p.Hours != n*hour/10 {
		t.Errorf("%d groups, %d on the path, %d worktrees, %s h", len(p.Groups), len(p.Critical), p.Worktrees, p.Hours)
	}
	t.Logf("read in %v, ordered in %v", read, time.Since(start)-read)
	f, err = Read("p.yml", []byte(chain(n, true)), "")
	if err != nil {
		t.Fatal(err)
	}
	var cycle *CycleError
	if _, err = NewPlan("p.yml", f.Tasks); !errors.As(err, &cycle) || len(cycle.Cycles[0]) != n || len(err.Error()) > 2000 {
		t.Errorf("%.200v", err)
	}
	for i := range f.Tasks {
		f.Tasks[i].Needs = nil
	}
	if p, err = NewPlan("p.yml", f.Tasks); err != nil || p.Worktrees != n {
		t.Errorf("%v", err)
	}
	if time.Since(start) > 5*time.Minute {
		t.Errorf("it took %v", time.Since(start))
	}
}

// What a plan promises, on random graphs: every task once, after all it needs,
// as early as that; the critical path is one, and no chain is longer.
func TestPlanIsRight(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		tasks := randomTasks(rnd)
		p, err := NewPlan("x", tasks)
		if err != nil {
			t.Fatal(err)
		}
		level, hours := make(map[string]int), make(map[string]Hours)
		byID := make(map[string]Task)
		seen := 0
		for i, g := range p.Groups {
			for _, id := range g {
				level[id] = i
				seen++
			}
		}
		var longest Hours
		for _, x := range tasks { // they are in order
			byID[x.ID] = x
			want := 0
			for _, n := range x.Needs {
				want = max(want, level[n]+1)
				hours[x.ID] = max(hours[x.ID], hours[n])
			}
			hours[x.ID] += x.Hours
			longest = max(longest, hours[x.ID])
			if level[x.ID] != want {
				t.Fatalf("%s is in group %d, want %d", x.ID, level[x.ID], want)
			}
		}
		var along Hours
		for i, id := range p.Critical {
			along += byID[id].Hours
			if i > 0 && !slices.Contains(byID[id].Needs, p.Critical[i-1]) {
				t.Fatalf("%v is no chain", p.Critical)
			}
		}
		if seen != len(tasks) || along != longest || p.Hours != longest || p.InGroups() < longest || p.Work < longest {
			t.Fatalf("%d of %d tasks; %s h, the longest chain is %s h", seen, len(tasks), along, longest)
		}
	}
}

func randomTasks(rnd *rand.Rand) []Task {
	var tasks []Task
	for i := range 1 + rnd.IntN(20) {
		x := Task{ID: fmt.Sprint("t", i), Hours: Hours(rnd.IntN(5)) * hour / 2}
		for n := range i {
			if rnd.IntN(4) == 0 {
				x.Needs = append(x.Needs, fmt.Sprint("t", n))
			}
		}
		tasks = append(tasks, x)
	}
	return tasks
}

func TestHours(t *testing.T) {
	for in, want := range map[string]string{"3": "3", "0.1": "0.1", "2.5 h": "2.5", "1h": "1", "1e1": "10", "4 hours": "4", "0": "0"} {
		if h, err := ParseHours(in); err != nil || h.String() != want {
			t.Errorf("%q: %s, %v; want %s", in, h, err, want)
		}
	}
	for _, in := range []string{"", "NaN", ".nan", "Inf", "-1", "1e9", "x", "h", "3 d"} {
		if h, err := ParseHours(in); err == nil {
			t.Errorf("%q: %s", in, h)
		}
	}
}

func TestTwoCircles(t *testing.T) {
	f, err := Read("x.yml", []byte("tasks: [{id: a, needs: [b]}, {id: b, needs: [a]}, {id: c, needs: [c, a]}, {id: d}]"), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewPlan("x.yml", f.Tasks)
	if err == nil || !strings.Contains(err.Error(), "a → b → a; c → c;") && !strings.Contains(err.Error(), "a → b → a") {
		t.Errorf("%v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"tasks: [{id: a, needs: [b], hours: 1}, {id: b}]", "- {id: a}", `{"master": {"tasks": [{"id": 1, "dependencies": ["1.1"], "subtasks": [{"title": "x"}]}]}}`,
		"tasks: &a [*a]", "tasks: {}", "infrastructure: {compute_hours: 1}", "tasks: [{id: a, hours: .nan}]", "tasks:\n  - id: a\n    needs: a",
	} {
		f.Add("x.yml", s)
	}
	for _, s := range []string{"# F\n- [ ] a: b (needs c; 3 h)\n- [x] c: d", "| id | needs |\n|---|---|\n| a | |", "```yaml\ntasks: [{id: a}]\n```", "- [ ] a: (", "~~~\n- [ ] a: b"} {
		f.Add("x.md", s)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		file, err := Read(name, []byte(text), "")
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error without words")
			}
			return
		}
		p, err := NewPlan(name, file.Tasks)
		if err != nil {
			return
		}
		n := 0
		for _, g := range p.Groups {
			n += len(g)
		}
		if n != len(file.Tasks) || len(p.Critical) == 0 || p.Hours > p.InGroups() {
			t.Errorf("%+v of %+v", p, file.Tasks)
		}
	})
}
