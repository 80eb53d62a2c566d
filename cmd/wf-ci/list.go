package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/bundle"
	"github.com/wf-ci/wf-ci/gates/checkpoints"
	"github.com/wf-ci/wf-ci/gates/coverage"
	"github.com/wf-ci/wf-ci/gates/deps"
	"github.com/wf-ci/wf-ci/gates/lint"
	"github.com/wf-ci/wf-ci/gates/quality"
	"github.com/wf-ci/wf-ci/gates/sast"
	"github.com/wf-ci/wf-ci/gates/secrets"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/gates/types"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/workflow/debug"
)

// gateList is the list of gates, in the order of the contract and the report.
// checkpoints is in it where the configuration asks for it.
func (a *app) gateList(cfg *config.Config, o options) []gates.Gate {
	g := cfg.Gates
	list := []gates.Gate{
		secrets.Gate(secrets.Options{History: secrets.History(g.Secrets.History), Since: o.sinceAt, Part: o.part}),
		gates.History(g.History.Commits),
		gates.EnvFiles(),
		gates.Permissions(),
	}
	list = append(list, a.codeGates(cfg, o)...)
	if wasAsked(cfg, checkpoints.ID) {
		list = append(list, checkpoints.Gate(checkpointOptions(cfg, o)))
	}
	list = append(list, gates.Budget(budgetCheck(ledgerZone(cfg), a.now())), gates.Suppressions())
	list = append(list, a.ownGates(cfg)...)
	if o.part != secrets.Whole {
		list = partGates(list)
	}
	for i := range list {
		if list[i].CacheKey != "" {
			list[i].CacheKey += " " + buildID()
		}
	}
	return list
}

// ownGates are the user's.
func (a *app) ownGates(cfg *config.Config) []gates.Gate {
	var list []gates.Gate
	for _, c := range cfg.Gates.Custom {
		severity := make(map[string]gates.Severity, len(c.Severity))
		for k, v := range c.Severity {
			severity[k] = gates.Severity(v)
		}
		custom := gates.Command(gates.CommandOptions{
			ID: c.ID, Run: c.Run, SARIF: c.SARIF, Severity: severity, Env: run.Pick(a.environ, c.Env), Dir: c.Dir,
		})
		custom.Doc = a.redactor.Redact(custom.Doc) // it quotes the command line
		list = append(list, custom)
	}
	return list
}

// ledgerZone is the time zone of the ledger that the configuration names; empty:
// the budget's own.
func ledgerZone(cfg *config.Config) string {
	if cfg.Origin("costs.timezone") == "built-in" {
		return ""
	}
	return cfg.Costs.Timezone
}

// codeGates are the gates that look at code and what belongs to it. They share
// one parse of each file, and one run of each project's tests.
func (a *app) codeGates(cfg *config.Config, o options) []gates.Gate {
	files := new(syntax.Files)
	suites := &coverage.Suites{Measure: measures(cfg, o)}
	sources := quality.Options{Files: files}
	g := cfg.Gates
	return []gates.Gate{
		sast.Gate(sastOptions(g.SAST, files)),
		deps.Gate(a.depsOptions(cfg, !o.treeOnly)),
		coverage.Tests(coverage.TestOptions{
			Min: g.Tests.Min, Reports: g.Tests.Reports, Run: g.Tests.Run, Asked: wasAsked(cfg, "tests"), Suites: suites,
		}),
		coverage.Gate(coverage.Options{
			Min: g.Coverage.Min, Patch: g.Coverage.Patch, MinLines: g.Coverage.MinLines, Report: g.Coverage.Report, Run: g.Coverage.Run,
			BaseReport: g.Coverage.BaseReport, All: o.all || g.Coverage.Scope == config.ScopeAll, Asked: wasAsked(cfg, "coverage"),
			MinPass: g.Tests.Min, Suites: suites,
		}),
		quality.Duplication(g.Duplication.Max, sources),
		quality.Complexity(quality.Limits{Max: g.Complexity.Max, Above: g.Complexity.Above}, sources),
		lint.Gate(lint.Options{
			Max: g.Lint.Max, All: o.all || g.Lint.Scope == config.ScopeAll, Reports: g.Lint.Reports, Linters: g.Lint.Linters, Files: files,
		}),
		types.Gate(types.Options{Min: g.Types.Min, Report: g.Types.Report, Asked: wasAsked(cfg, "types"), Files: files}),
		bundle.Gate(bundle.Options{
			MaxGrowth: g.Bundle.MaxGrowth, MinGrowth: int64(g.Bundle.MinGrowthBytes), Measure: g.Bundle.Measure,
			Entries: g.Bundle.Entries, Paths: g.Bundle.Paths, Baseline: g.Bundle.Baseline,
		}),
	}
}

// depsGate is the gate deps for a tree that is not checked out.
func (a *app) depsGate(cfg *config.Config) gates.Gate { return deps.Gate(a.depsOptions(cfg, false)) }

// wasAsked says whether the configuration mentions a gate.
func wasAsked(cfg *config.Config, id string) bool { return cfg.Origin("gates."+id) != "built-in" }

// measures says whether the gate coverage is going to ask the runs of the tests
// what they measured.
func measures(cfg *config.Config, o options) bool {
	c := cfg.Gates.Coverage
	left := len(o.only) > 0 && !slices.Contains(o.only, "coverage") || slices.Contains(o.skip, "coverage")
	return c.Enabled && c.Report == "" && !left
}

func sastOptions(c config.SASTGate, files *syntax.Files) sast.Options {
	return sast.Options{
		Files: files, RulesFiles: c.Rules, Engines: c.Engines,
		Configs: map[string]string{
			"semgrep": c.SemgrepRules, "opengrep": c.SemgrepRules, "ast-grep": c.AstGrepRules,
			"bandit": c.BanditConfig, "ruff": c.RuffConfig, "eslint": c.ESLintConfig,
		},
	}
}

func checkpointOptions(cfg *config.Config, o options) checkpoints.Options {
	c := cfg.Gates.Checkpoints
	out := checkpoints.Options{
		Schema: c.Schema, Implementation: c.Implementation, NoResearch: !c.Research,
		Approvers: c.Approvers, RequireOther: c.RequireOther, CodeOwners: c.CodeOwners,
		Reviews: o.reviews,
	}
	if c.Fixes {
		out.Session = debugSessionFor
	}
	return out
}

// debugSessionFor reads a debug session for the gate checkpoints.
func debugSessionFor(path string, data []byte) (checkpoints.Session, error) {
	s, err := debug.Decode(strconv.Quote(path), data)
	if err == nil && (!sessionID.MatchString(s.ID) || s.ID+".json" != filepath.Base(path)) {
		err = fmt.Errorf("%q: the session in it is called %.80q", path, s.ID)
	}
	if err != nil {
		return checkpoints.Session{}, err
	}
	out := checkpoints.Session{ID: s.ID, Missing: s.Missing()}
	if s.Fix == nil {
		out.Missing = append(out.Missing, "the fix is not recorded (wf-ci debug fix TEXT)")
	} else {
		out.Commit = s.Fix.Commit
	}
	return out, nil
}

// buildID tells builds of this program apart, so that an outcome of another
// engine is never taken from the cache.
func buildID() string {
	if version != "devel" {
		return version
	}
	path, err := os.Executable()
	if err != nil {
		return version
	}
	info, err := os.Stat(path)
	if err != nil {
		return version
	}
	return fmt.Sprintf("%s %d %d", version, info.Size(), info.ModTime().UnixNano())
}

// leftOut is why gates are not to run: the policy, or a person's flags.
func leftOut(cfg *config.Config, list []gates.Gate, only, skip []string) (map[string]gates.LeftOut, error) {
	ids := make([]string, len(list))
	for i, g := range list {
		ids[i] = g.ID
	}
	for _, flag := range []struct {
		name  string
		given []string
	}{{"only", only}, {"skip", skip}} {
		for _, id := range flag.given {
			if !slices.Contains(ids, id) {
				return nil, usagef("--%s %s: there is no such gate here; there are: %s", flag.name, id, strings.Join(ids, ", "))
			}
		}
	}
	out := make(map[string]gates.LeftOut)
	for _, id := range ids {
		switch g := cfg.Gates.Get(id); {
		case g != nil && !g.Enabled:
			out[id] = gates.LeftOut{Reason: "disabled by the policy"}
		case len(only) > 0 && !slices.Contains(only, id):
			out[id] = gates.LeftOut{Reason: "not in --only", Flag: true}
		case slices.Contains(skip, id):
			out[id] = gates.LeftOut{Reason: "--skip", Flag: true}
		}
	}
	return out, nil
}
