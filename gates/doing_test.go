package gates_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	child "github.com/wf-ci/wf-ci/internal/run"
)

// Whoever watches is told which programs a gate has started, and where, until
// they end.
func TestDoing(t *testing.T) {
	t.Parallel()
	target := noTarget()
	target.Dir = t.TempDir()
	target.Redact = func(s string) string { return s }
	target.Runner = &child.Runner{Env: []string{"PATH=" + os.Getenv("PATH")}}
	target.Self = []string{"/bin/sh", "-c", "echo '{\"reply\": {}}'"}
	if err := os.Mkdir(filepath.Join(target.Dir, "web"), 0o755); err != nil {
		t.Fatal(err)
	}
	g := newGate("lint", func(ctx context.Context, tg *gates.Target) (gates.Outcome, error) {
		for _, c := range []child.Command{
			{Name: "sh", Args: []string{"-c", "true"}, Dir: filepath.Join(tg.Dir, "web")},
			{Name: "git", Args: []string{"version", "--build-options"}, Dir: tg.Dir},
			{Name: "/bin/echo", Args: []string{"-n"}, Dir: os.TempDir()},
		} {
			if _, err := tg.Runner.Run(ctx, c); err != nil {
				return gates.Outcome{}, err
			}
		}
		var reply struct{}
		return gates.Outcome{}, tg.RunEngine(ctx, gates.EngineCall{Name: "gosec"}, 1, &reply)
	})
	o := options()
	var got []string
	o.Doing = func(gate string, what []string) { got = append(got, fmt.Sprint(gate, what)) }
	if r := run(t, target, o, g)[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	want := []string{"lint[true in web]", "lint[]", "lint[git version]", "lint[]", "lint[echo]", "lint[]", "lint[gosec]", "lint[]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if target.Runner.Watch != nil {
		t.Error("the caller's runner was changed")
	}
}
