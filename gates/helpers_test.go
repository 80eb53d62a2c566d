package gates_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

var ctx = context.Background()

// plain takes the tildes out of a text. They keep what these tests plant from
// being what our own gates look for.
func plain(text string) string { return strings.ReplaceAll(text, "~", "") }

// newTarget is a repository's work tree, compared with base; empty: everything
// is new.
func newTarget(t testing.TB, repo *gittest.Repo, base string) *gates.Target {
	t.Helper()
	target := gatestest.Target(t, repo, base)
	target.ReadPolicy = func(context.Context, string) ([]byte, error) { return nil, nil }
	target.PolicyID = "policy"
	return target
}

// noTarget is for gates that look at nothing: no git is started.
func noTarget() *gates.Target {
	return &gates.Target{
		Tree: &git.Tree{ID: "tree"}, Change: &git.Change{Head: "head", Base: "base"}, Jobs: 1,
		PolicyID: "policy", Log: slog.New(slog.DiscardHandler),
	}
}

// newGate is a gate that is valid, with the functions given.
func newGate(id string, run func(context.Context, *gates.Target) (gates.Outcome, error)) gates.Gate {
	return gates.Gate{ID: id, Doc: "doc", Help: "help", Scope: gates.ScopeAll, Run: run}
}

// gives is a Run that comes to an outcome.
func gives(out gates.Outcome) func(context.Context, *gates.Target) (gates.Outcome, error) {
	return func(context.Context, *gates.Target) (gates.Outcome, error) {
		out := out
		out.Findings = slices.Clone(out.Findings) // Run works on it
		return out, nil
	}
}

// options are those of a run that nothing bounds.
func options() gates.Options { return gates.Options{Jobs: 4, Timeout: time.Minute} }

func run(t testing.TB, target *gates.Target, o gates.Options, list ...gates.Gate) []gates.Result {
	t.Helper()
	results, err := gates.Run(ctx, target, list, o)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// runOne runs one gate as the product does.
func runOne(t testing.TB, target *gates.Target, g gates.Gate) gates.Result {
	t.Helper()
	return run(t, target, options(), g)[0]
}

// places are findings as "path:line rule", for comparing.
func places(findings []gates.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, fmt.Sprintf("%s:%d %s", f.Path, f.Line, f.Rule))
	}
	return out
}

// sameList compares lists, in order.
func sameList(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// symlink makes a link in a repository's work tree.
func symlink(t testing.TB, repo *gittest.Repo, target, name string) {
	t.Helper()
	full := filepath.Join(repo.Dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, full); err != nil {
		t.Fatal(err)
	}
}

// verdictJSON is the part of a verdict that has to be the same every time.
func verdictJSON(t testing.TB, v gates.Verdict) string {
	t.Helper()
	v.Started, v.DurationMS = time.Time{}, 0
	for i := range v.Gates {
		v.Gates[i].Cached, v.Gates[i].Duration = false, 0
	}
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// memory is a cache that says what was done with it.
type memory struct {
	mu      sync.Mutex
	entries map[string][]byte
	puts    []string
	fail    error // of Put
}

func (m *memory) Get(key string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.entries[key]
	return data, ok
}

func (m *memory) Put(key string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.puts = append(m.puts, key)
	if m.fail != nil {
		return m.fail
	}
	if m.entries == nil {
		m.entries = make(map[string][]byte)
	}
	m.entries[key] = data
	return nil
}
