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
	name, args := strings.TrimSuffix(filepath.Base(c.Name), ".exe"), c.Args
	switch {
	case len(t.Self) > 0 && c.Name == t.Self[0] && len(args) > 0:
		name = args[len(args)-1] // an engine of ours
	case (name == "sh" || name == "bash") && len(args) > 1:
		name, _, _ = strings.Cut(strings.TrimSpace(args[len(args)-1]), "\n") // a line of the policy's
	case len(args) > 0 && subcommand.MatchString(args[0]):
		name += " " + args[0]
	}
	if rel, err := filepath.Rel(t.Dir, c.Dir); err == nil && rel != "." && filepath.IsLocal(rel) {
		name += " in " + filepath.ToSlash(rel)
	}
	if t.Redact != nil {
		name = t.Redact(name)
	}
	return name
}
