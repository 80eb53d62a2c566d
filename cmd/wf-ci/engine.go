package main

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/bundle"
	"github.com/wf-ci/wf-ci/gates/deps"
)

// engineCmd is how a gate starts one of our engines in a process of its own:
// see gates.EngineFunc. No command for people.
type engineCmd struct {
	Name string `arg:"" help:"Engine."`
}

// engines are the parts of this program that run in a process of their own.
func engines() map[string]gates.EngineFunc {
	return map[string]gates.EngineFunc{
		bundle.EngineName: bundle.Engine,
		deps.Govulncheck:  deps.RunGovulncheck,
	}
}

func (c *engineCmd) Run(ctx context.Context, a *app) error {
	all := engines()
	e, ok := all[c.Name]
	if !ok {
		return usagef("no engine %q; there are: %s", c.Name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	}
	return gates.ServeEngine(ctx, e, a.dir, a.stdin, a.rawOut)
}

// self is the command line that runs an engine; nil where this program's file
// cannot be found.
func self() []string {
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{path, "engine"}
}
