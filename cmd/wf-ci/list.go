package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/checkpoints"
	"github.com/wf-ci/wf-ci/gates/coverage"
	"github.com/wf-ci/wf-ci/gates/quality"
	"github.com/wf-ci/wf-ci/gates/sast"
	"github.com/wf-ci/wf-ci/gates/secrets"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/run"
)

// gateList is the list of gates, in the order of the report.
func (a *app) gateList(cfg *config.Config) []gates.Gate {
	g := cfg.Gates
	list := []gates.Gate{
		secrets.Gate(secrets.Options{History: secrets.History(g.Secrets.History)}),
		gates.History(g.History.Commits),
		gates.EnvFiles(),
		gates.Permissions(),
	}
	list = append(list, optIn(cfg)...)
	list = append(list, gates.Budget(nil), gates.Suppressions())
	for _, c := range g.Custom {
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
	for i := range list {
		if list[i].CacheKey != "" {
			list[i].CacheKey += " " + buildID()
		}
	}
	return list
}

// optIn are the gates that run where the configuration mentions them, until
// all of them are there.
func optIn(cfg *config.Config) []gates.Gate {
	files := new(syntax.Files)
	sources := quality.Options{Files: files}
	g := cfg.Gates
	built := map[string]func() gates.Gate{
		"sast": func() gates.Gate { return sast.Gate(sastOptions(g.SAST, files)) },
		"tests": func() gates.Gate {
			return coverage.Tests(coverage.TestOptions{Min: g.Tests.Min, Reports: g.Tests.Reports, Run: g.Tests.Run})
		},
		"coverage": func() gates.Gate {
			return coverage.Gate(coverage.Options{
				Min: g.Coverage.Min, Patch: g.Coverage.Patch, MinLines: g.Coverage.MinLines, Report: g.Coverage.Report, Run: g.Coverage.Run,
			})
		},
		"duplication": func() gates.Gate { return quality.Duplication(g.Duplication.Max, sources) },
		"complexity":  func() gates.Gate { return quality.Complexity(g.Complexity.Max, sources) },
		"checkpoints": func() gates.Gate { return checkpoints.Gate(checkpointOptions(cfg)) },
	}
	var list []gates.Gate
	for _, id := range []string{"sast", "deps", "tests", "coverage", "duplication", "complexity", "lint", "types", "bundle", "checkpoints"} {
		if cfg.Origin("gates."+id) == "built-in" {
			continue
		}
		make, ok := built[id]
		if !ok {
			make = func() gates.Gate { return unbuilt(id) }
		}
		list = append(list, make())
	}
	return list
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

func checkpointOptions(cfg *config.Config) checkpoints.Options {
	c := cfg.Gates.Checkpoints
	return checkpoints.Options{
		Schema: c.Schema, Implementation: c.Implementation, NoResearch: !c.Research,
		Approvers: c.Approvers, RequireOther: c.RequireOther,
	}
}

// unbuilt is a gate that this version does not have. It says so, rather than
// be passed over in silence.
func unbuilt(id string) gates.Gate {
	return gates.Gate{
		ID: id, Scope: gates.ScopeChange,
		Doc:  "a gate of a later version",
		Help: "Take it out of the configuration, or give your own command as a gate until it is there.",
		Run: func(context.Context, *gates.Target) (gates.Outcome, error) {
			return gates.Outcome{}, fmt.Errorf("this version of wf-ci has no %s gate yet: take gates.%s out of the configuration, or use a gate of your own (run:)", id, id)
		},
	}
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
