package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report/github"
)

// doctorCmd looks at what is around wf-ci rather than at a change: this machine
// and this repository, or its settings on GitHub.
type doctorCmd struct {
	at
	GitHub bool   `name:"github" help:"Ask GitHub whether the check is really required, from whom, and whether it can keep a change waiting for ever."`
	Repo   string `placeholder:"OWNER/NAME" help:"The repository on GitHub. Default: GITHUB_REPOSITORY."`
	Branch string `default:"main" placeholder:"NAME" help:"The branch that changes go to."`
}

func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	if !c.GitHub {
		return c.project(ctx, a)
	}
	token := or(a.getenv("GITHUB_TOKEN"), or(a.getenv("GH_TOKEN"), a.getenv("INPUT_GITHUB-TOKEN")))
	repository := or(c.Repo, a.getenv("GITHUB_REPOSITORY"))
	switch {
	case token == "":
		return usagef("doctor --github needs a token that may read the repository, in GITHUB_TOKEN")
	case repository == "":
		return usagef("which repository: --repo OWNER/NAME, or GITHUB_REPOSITORY")
	}
	if err := a.commands.Mask(ci.Secret(token)); err != nil {
		return err
	}
	workflows, err := readWorkflows(inside(a.dir, c.Dir))
	if err != nil {
		return err
	}
	protection, err := github.ReadProtection(ctx, a.server(ci.Secret(token)), repository, c.Branch)
	if err != nil {
		return err
	}
	d := &doctor{a: a}
	for _, advice := range github.Diagnose(protection, workflows) {
		status := "ok"
		if !advice.Good {
			status = "problem"
		}
		d.say("github", status, advice.Text, "")
	}
	if err := c.showChecks(a, d.checks); err != nil {
		return err
	}
	if d.has("problem") {
		return verdictError{gates.Fail}
	}
	return nil
}

// workflowLimit bounds a workflow that is read.
const workflowLimit = 1 << 20

// readWorkflows reads the workflows of a checkout.
func readWorkflows(dir string) ([]github.Workflow, error) {
	var out []github.Workflow
	for _, pattern := range []string{"*.yml", "*.yaml"} {
		paths, err := filepath.Glob(filepath.Join(dir, ".github", "workflows", pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			info, err := os.Lstat(path)
			if err == nil && (!info.Mode().IsRegular() || info.Size() > workflowLimit) {
				err = errors.New("no regular file, or too large")
			}
			var data []byte
			if err == nil {
				data, err = os.ReadFile(path)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			w, err := github.ReadWorkflow(filepath.ToSlash(filepath.Join(".github", "workflows", filepath.Base(path))), data)
			if err != nil {
				return nil, err
			}
			out = append(out, w)
		}
	}
	return out, nil
}
