// Package secrets is the gate that finds keys, tokens and passwords in the
// tree and in the history, with the rules of gitleaks.
//
// One secret is one finding: what the tree holds is reported where it stands,
// and a commit that added it is reported only when the tree no longer has it
// under the same fingerprint. The fingerprint is made of the rule, the path and
// a little of the secret's hash, so a waiver covers a secret in the tree and in
// every commit that brought it there, wherever in the file it moves, and covers
// no other secret that takes its place.
//
// Nothing of a change hides the change's secrets: gitleaks' configuration and
// ignore file are read as policy (see [gates.Target]), and a gitleaks:allow
// marker counts only on lines that were there before.
package secrets

import (
	"context"
	"fmt"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/secrets/scan"
)

// ID is the gate's id.
const ID = "secrets"

const (
	engineName    = "gitleaks"
	engineVersion = "8.30.1"
	// schema is part of the cache key: raise it when the same engine's hits are
	// turned into other findings.
	schema = 2
)

// History is which commits are looked at.
type History string

const (
	Full   History = "full"   // all that HEAD reaches
	Change History = "change" // those since the base; all where there is none
	None   History = "none"   // the tree only
)

// Options are the gate's part of the policy.
type Options struct {
	History History // empty: Full

	// Since is how far back the history is looked at, besides the change; zero:
	// as far as History says.
	Since Since
	// Part: only what the change brings is looked at, whatever History says.
	Part Part
}

// Gate is the gate secrets.
func Gate(o Options) gates.Gate {
	if o.History == "" {
		o.History = Full
	}
	if o.Part != Whole {
		o.History, o.Since = Change, Since{}
	}
	g := &gate{options: o}
	return gates.Gate{
		ID:       ID,
		Doc:      "keys, tokens and passwords in the files and in the history",
		Help:     "Take the secret out of the file and rotate it: whoever saw the repository has it. In the history it stays until it is rotated and waived, or the history is rewritten.",
		Scope:    gates.ScopeAll,
		Weight:   8,
		Memory:   128,
		TreeOnly: true,
		CacheKey: fmt.Sprintf("%s %s, schema %d, history %s%s%s", engineName, engineVersion, schema, o.History, o.Since.words(), o.Part.words()),
		Plan:     g.plan,
		Run:      g.run,
	}
}

type gate struct {
	options Options

	// Plan and Run of one target share the rules.
	mu     sync.Mutex
	target *gates.Target
	rules  *rules
}

func (g *gate) load(ctx context.Context, t *gates.Target) (*rules, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.target == t {
		return g.rules, nil
	}
	r, err := loadRules(ctx, t)
	if err != nil {
		return nil, err
	}
	g.target, g.rules = t, r
	return r, nil
}

// plan compiles no rules where they are gitleaks' own: the outcome may be known.
func (g *gate) plan(ctx context.Context, t *gates.Target) (gates.Plan, error) {
	own, err := t.ReadPolicy(ctx, configPath)
	if err == nil && own != nil {
		_, err = g.load(ctx, t) // a broken configuration is said early
	}
	if err != nil {
		return gates.Plan{}, err
	}
	// What is expected is what gitleaks' own rules would read: a configuration
	// that allows every path does not make an empty look a sound one.
	var plan gates.Plan
	files := g.options.Part.files(t)
	if anyFile(builtinPaths(), files) {
		plan.Expect.Files = 1
	}
	some, err := g.anyCommit(ctx, t)
	if err != nil {
		return gates.Plan{}, err
	}
	if some {
		plan.Expect.Commits = 1
	}
	if len(files) == 0 && !some {
		plan.Skip = g.options.Part.nothing()
	}
	return plan, nil
}

// builtinPaths are gitleaks' own allowlists, without its rules.
var builtinPaths = sync.OnceValue(func() *rules {
	return compile(scan.Rules{Allowlists: scan.Default().Allowlists})
})

func (g *gate) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	r, err := g.load(ctx, t)
	if err != nil {
		return gates.Outcome{}, err
	}
	ignored, err := loadIgnores(ctx, t)
	if err != nil {
		return gates.Outcome{}, err
	}
	l := &look{target: t, rules: r, jobs: max(1, t.Jobs), since: g.options.Since, scope: g.options.Part}
	if l.scope == Whole {
		l.memory = remember(t, r)
	}
	if err := l.tree(ctx); err != nil {
		return gates.Outcome{}, err
	}
	// What is missing in the history is an error, after what is here was
	// looked at: no finding is lost over it.
	missing, err := l.history(ctx, g.options.History)
	if err != nil {
		return gates.Outcome{}, err
	}
	if l.memory != nil {
		l.memory.save(t)
	}
	out := gates.Outcome{
		Engine:   gates.Engine{Name: engineName, Version: engineVersion},
		Examined: l.examined,
		Metrics: map[string]float64{
			"files_skipped": float64(len(l.skipped) - l.binary),
			"files_binary":  float64(l.binary),
		},
	}
	judge := judge{target: t, rules: r, ignored: ignored, skipped: l.skipped}
	if l.scope == Unpushed {
		judge.skipped = make(map[string]bool)
		for _, f := range t.Tree.Files {
			judge.skipped[f.Path] = true
		}
	}
	out.Findings, out.Rules = judge.findings(l.found)
	if missing == nil {
		ignored.logUnused(t.Log)
	}
	return out, missing
}
