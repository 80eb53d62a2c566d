package gates

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// watched is the target as one gate gets it: of each program that the gate
// starts, [Options.Doing] is told.
func (r *runner) watched(g *Gate) *Target {
	if r.options.Doing == nil || r.target.Runner == nil {
		return r.target
	}
	t := *r.target
	w := atWork{tell: func(list []string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.options.Doing(g.ID, list)
	}}
	children := *t.Runner
	children.Watch = func(c run.Command) func() { return w.begin(t.doing(c)) }
	t.Runner = &children
	return &t
}

// atWork is what a gate's programs are at. They run side by side.
type atWork struct {
	mu   sync.Mutex
	list []string
	tell func([]string)
}

func (w *atWork) begin(what string) (end func()) {
	w.change(func() { w.list = append(w.list, what) })
	return func() {
		w.change(func() {
			if i := slices.Index(w.list, what); i >= 0 {
				w.list = slices.Delete(w.list, i, i+1)
			}
		})
	}
}

func (w *atWork) change(how func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	how()
	w.tell(slices.Clone(w.list))
}

// subcommand is a first argument that says what a program is to do: `go vet`.
var subcommand = lazyregexp.New(`^[a-z][a-z-]{0,15}$`)

// doing is a program in words: its name, what it is to do, and where.
func (t *Target) doing(c run.Command) string {
	what := t.program(c)
	if rel, err := filepath.Rel(t.Dir, c.Dir); err == nil && rel != "." && filepath.IsLocal(rel) {
		what += " in " + filepath.ToSlash(rel)
	}
	if t.Redact != nil {
		what = t.Redact(what)
	}
	return what
}

func (t *Target) program(c run.Command) string {
	name, n := strings.TrimSuffix(filepath.Base(c.Name), ".exe"), len(c.Args)
	switch {
	case n == 0:
		return name
	case len(t.Self) > 0 && c.Name == t.Self[0]:
		return c.Args[n-1] // an engine of ours
	case (name == "sh" || name == "bash") && n > 1:
		line, _, _ := strings.Cut(strings.TrimSpace(c.Args[n-1]), "\n")
		return line // of the policy's
	case subcommand.MatchString(c.Args[0]):
		return name + " " + c.Args[0]
	}
	return name
}
