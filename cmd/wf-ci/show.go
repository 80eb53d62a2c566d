package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/session"
)

// oneLine is a text of somebody else's as a line of ours, without a secret.
func (a *app) oneLine(text string) string { return session.Clean(a.redactor.Redact(text)) }

// gatesCmd prints the plan.
type gatesCmd struct {
	Dir    string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Base   string `placeholder:"REV" help:"Compare with this revision."`
	Config string `placeholder:"PATH" help:"Configuration file in the repository."`
	JSON   bool   `name:"json" help:"Write JSON to stdout."`
}

// plannedGate is a line of the plan.
type plannedGate struct {
	ID       string         `json:"id"`
	Doc      string         `json:"doc"`
	Scope    gates.Scope    `json:"scope"`
	Required bool           `json:"required"`
	Applies  bool           `json:"applies"`
	Reason   string         `json:"reason"` // why not
	Expects  gates.Examined `json:"expects"`
}

func (c *gatesCmd) Run(ctx context.Context, a *app) error {
	j, err := a.prepare(ctx, options{dir: c.Dir, base: c.Base, config: c.Config})
	if err != nil {
		return err
	}
	defer j.close()
	var plan []plannedGate
	for _, f := range gates.PlanAll(ctx, j.target, j.list, j.leftOut) {
		p := plannedGate{ID: f.Gate.ID, Doc: f.Gate.Doc, Scope: f.Gate.Scope, Required: true, Applies: f.Plan.Skip == "" && f.Err == nil, Reason: f.Plan.Skip, Expects: f.Plan.Expect}
		if g := j.policy.config.Gates.Get(f.Gate.ID); g != nil {
			p.Scope, p.Required = gates.Scope(g.Scope), g.Required
		}
		if f.Err != nil {
			p.Reason = a.redactor.Redact(f.Err.Error())
		}
		plan = append(plan, p)
	}
	if c.JSON {
		return writeJSON(a.rawOut, plan)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "GATE\tAPPLIES\tSCOPE\tREQUIRED\tLOOKS FOR")
	for _, p := range plan {
		applies, doc := "yes", p.Doc
		if !p.Applies {
			applies, doc = "no", p.Doc+" ("+p.Reason+")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%t\t%s\n", p.ID, applies, p.Scope, p.Required, report.Visible(doc))
	}
	return w.Flush()
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// reportCmd renders a verdict again.
type reportCmd struct {
	From   string   `required:"" placeholder:"PATH" help:"Verdict to read, written by --output json=PATH; - is stdin."`
	Output []string `sep:"none" placeholder:"FORMAT=PATH" help:"Report to write: json, sarif, junit, markdown, html. Repeatable. Default: text to stdout."`
}

func (c *reportCmd) Run(_ context.Context, a *app) error {
	outputs, err := a.parseOutputs(c.Output)
	if err != nil {
		return err
	}
	in := a.stdin
	if c.From != "-" {
		path := c.From
		path = inside(a.dir, path)
		f, err := os.Open(path)
		if err != nil {
			return usagef("read the verdict: %v", err)
		}
		defer f.Close()
		in = f
	}
	v, err := report.ReadJSON(in)
	if err != nil {
		return usagef("%s: %v", c.From, err)
	}
	for _, out := range outputs {
		if err := a.write(out, v); err != nil {
			return err
		}
	}
	if len(outputs) == 0 {
		return report.Text(a.style(a.outWidth))(a.stdout, v)
	}
	return nil
}

// configCmd is about the configuration.
type configCmd struct {
	Show   configShowCmd   `cmd:"" help:"Show every key with its value and where it comes from."`
	Check  configCheckCmd  `cmd:"" help:"Check the configuration and run nothing."`
	Schema configSchemaCmd `cmd:"" help:"Print the JSON Schema of .wf-ci.yml."`
}

type configSchemaCmd struct{}

func (configSchemaCmd) Run(a *app) error {
	_, err := a.rawOut.Write(config.Schema())
	return err
}

type configShowCmd struct {
	Dir    string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Config string `placeholder:"PATH" help:"Configuration file in the repository."`
	JSON   bool   `name:"json" help:"Write JSON to stdout."`
}

func (c *configShowCmd) Run(ctx context.Context, a *app) error {
	cfg, _, err := a.fileConfig(ctx, c.Dir, c.Config)
	if err != nil {
		return err
	}
	// What the environment sets counts here as it does for run.
	if v := a.getenv("WF_CI_TIMEOUT"); v != "" {
		if err := cfg.Set("timeout", v, "env WF_CI_TIMEOUT"); err != nil {
			return usageError{err.Error()}
		}
	}
	settings := cfg.Settings()
	if c.JSON {
		return writeJSON(a.rawOut, settings)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	for _, s := range settings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", report.Visible(s.Key), report.Visible(s.Value), report.Visible(s.Origin))
	}
	return w.Flush()
}

type configCheckCmd struct {
	Dir    string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Config string `placeholder:"PATH" help:"Configuration file in the repository."`
}

func (c *configCheckCmd) Run(ctx context.Context, a *app) error {
	_, found, err := a.fileConfig(ctx, c.Dir, c.Config)
	if err != nil {
		return err
	}
	if found == "" {
		found = "no file (the built-in configuration)"
	}
	_, err = fmt.Fprintf(a.stdout, "%s: valid\n", report.Visible(found))
	return err
}

// fileConfig is the configuration of the work tree: at the top of the
// repository, or in the directory where there is none.
func (a *app) fileConfig(ctx context.Context, dir, name string) (*config.Config, string, error) {
	dir = inside(a.dir, dir)
	scratch, err := a.scratch()
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(scratch)
	if repo, err := git.Open(ctx, &run.Runner{Env: run.CleanEnv(a.environ)}, dir, scratch); err == nil {
		dir = repo.Dir
	}
	cfg, found, err := loadConfig(ctx, fromDisk(dir, configLimit), name, "")
	if err == nil && name != "" && found == "" {
		err = usagef("%s is not there", name)
	}
	return cfg, found, err
}
