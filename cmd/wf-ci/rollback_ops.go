package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/rollback"
)

// tools is what starts the tools of others: they see the user's environment.
func (a *app) tools() *run.Runner { return &run.Runner{Env: a.environ} }

func (a *app) printOp(o rollback.Op) {
	line := o.Name
	if o.Text != "" {
		line += ": " + o.Text
	}
	if len(o.Argv) > 0 {
		line += "\n    $ " + strings.Join(o.Argv, " ")
	}
	fmt.Fprintln(a.stdout, visibleLines(a.redactor.Redact(line)))
}

// toolError is an error of somebody else's tool: it is not known what is there now.
func (a *app) toolError(ctx context.Context, err error) error {
	return a.rollbackError(ctx, false, err)
}

// rollbackAppCmd rolls a deployed application back.
type rollbackAppCmd struct {
	Service    string `arg:"" help:"The deployment, or the service of the swarm."`
	On         string `enum:"kubernetes,swarm" default:"kubernetes" help:"kubernetes (kubectl rollout undo) or swarm (docker service rollback)."`
	Namespace  string `placeholder:"NS" help:"Of kubernetes."`
	ToRevision int    `placeholder:"N" help:"Revision of kubernetes. Default: the one before."`
	Yes        bool   `help:"Do it. Without it, the commands are shown."`
}

func (c *rollbackAppCmd) Run(ctx context.Context, a *app) error {
	ops, err := rollback.App{On: c.On, Name: c.Service, Namespace: c.Namespace, Revision: c.ToRevision}.Ops()
	if err != nil {
		return a.toolError(ctx, err)
	}
	for _, o := range ops {
		a.printOp(o)
		if !c.Yes {
			continue
		}
		res, err := o.Do(ctx, a.tools(), a.dir)
		fmt.Fprint(a.stdout, visibleLines(a.redactor.Redact(string(res.Stdout.Bytes))))
		if err != nil {
			return a.toolError(ctx, err)
		}
	}
	return a.shown(c.Yes)
}

func (a *app) shown(yes bool) error {
	word := "done"
	if !yes {
		word = "nothing was done: --yes does it"
	}
	_, err := fmt.Fprintln(a.stdout, word)
	return err
}

// rollbackDatabaseCmd rolls migrations back, behind a backup.
type rollbackDatabaseCmd struct {
	To     string `required:"" placeholder:"REV" help:"Migration to go back to."`
	Tool   string `enum:"alembic,django" default:"alembic" help:"alembic or django."`
	App    string `placeholder:"APP" help:"The application, for django."`
	URLEnv string `name:"url-env" default:"DATABASE_URL" placeholder:"VAR" help:"Variable with the URL of the PostgreSQL database."`
	Backup string `placeholder:"FILE" help:"Where the backup goes. Default: backups/rollback-TIME.dump."`
	Yes    bool   `help:"Do it. Without it, the commands are shown."`
}

func (c *rollbackDatabaseCmd) Run(ctx context.Context, a *app) error {
	raw := a.getenv(c.URLEnv)
	if raw == "" {
		return usagef("%s is not set: it has to hold the URL of the database", c.URLEnv)
	}
	file := c.Backup
	if file == "" {
		file = filepath.Join("backups", "rollback-"+a.now().UTC().Format("20060102-150405")+".dump")
	}
	file = inside(a.dir, file)
	d, err := rollback.Database{Tool: c.Tool, App: c.App, Target: c.To, URL: raw, Backup: file}.Ops()
	if err != nil {
		return a.toolError(ctx, err)
	}
	if !c.Yes {
		for _, o := range d.Ops {
			a.printOp(o)
		}
		fmt.Fprint(a.stdout, "when the migration does not work, ")
		a.printOp(d.Restore)
		return a.shown(false)
	}
	if err := newFile(file); err != nil {
		return undecided{err}
	}
	if err := d.Run(ctx, a.tools(), a.dir, a.printOp); err != nil {
		return a.toolError(ctx, err)
	}
	return a.shown(true)
}

// rollbackTerraformCmd keeps Terraform's state.
type rollbackTerraformCmd struct {
	Dir string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	To  string `required:"" placeholder:"FILE" help:"New file for the state. It holds secrets: keep it out of git."`
}

func (c *rollbackTerraformCmd) Run(ctx context.Context, a *app) error {
	serial, err := rollback.TerraformBackup(ctx, a.tools(), inside(a.dir, c.Dir), inside(a.dir, c.To))
	if err != nil {
		return a.toolError(ctx, err)
	}
	_, err = fmt.Fprintf(a.stdout, "state %d is in %s\n", serial, report.Visible(c.To))
	return err
}

// rollbackPlaybookCmd goes through a playbook.
type rollbackPlaybookCmd struct {
	Name string            `arg:"" optional:"" help:"database-corruption or service-outage. Without it: the list."`
	Set  map[string]string `placeholder:"NAME=VALUE" help:"What its commands are about: database=NAME, service=NAME."`
	Go   bool              `name:"run" help:"Go through it, and ask before each step. Without it, the steps are shown."`
	From int               `default:"1" placeholder:"N" help:"Begin at this step."`
}

func (c *rollbackPlaybookCmd) Run(ctx context.Context, a *app) error {
	list := rollback.Playbooks()
	if c.Name == "" {
		for _, p := range list {
			fmt.Fprintf(a.stdout, "%s: %s, %d steps; needs %s\n", p.ID, p.Title, len(p.Steps), strings.Join(p.Needs, ", "))
		}
		return nil
	}
	i := slices.IndexFunc(list, func(p rollback.Playbook) bool { return p.ID == c.Name })
	if i < 0 {
		return usagef("no playbook %q: wf-ci rollback playbook", c.Name)
	}
	p, err := list[i].Fill(c.Set)
	if err != nil {
		return a.toolError(ctx, err)
	}
	if c.From < 1 || c.From > len(p.Steps) {
		return usagef("--from %d: it has %d steps", c.From, len(p.Steps))
	}
	in := bufio.NewReader(a.stdin)
	for n := c.From; n <= len(p.Steps); n++ {
		fmt.Fprintf(a.stdout, "%d. ", n)
		a.printOp(p.Steps[n-1])
		if !c.Go {
			continue
		}
		if err := a.playStep(ctx, in, p.Steps[n-1]); err != nil {
			a.say(fmt.Sprintf("stopped at step %d: --from %d goes on there; escalate if you cannot", n, n))
			return err
		}
	}
	return a.shownPlaybook(c.Go)
}

func (a *app) shownPlaybook(ran bool) error {
	word := "all steps are done, or left out"
	if !ran {
		word = "nothing was done: --run goes through it"
	}
	_, err := fmt.Fprintln(a.stdout, word)
	return err
}

// playStep asks, and does what is answered: y does it, s leaves it out, all else
// stops.
func (a *app) playStep(ctx context.Context, in *bufio.Reader, o rollback.Op) error {
	question := "run it"
	if len(o.Argv) == 0 {
		question = "is it done"
	}
	fmt.Fprintf(a.stdout, "   %s? [y]es, [s]kip, or stop: ", question)
	answer, _ := in.ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	fmt.Fprintln(a.stdout)
	switch {
	case answer == "s" || answer == "skip":
		return nil
	case answer != "y" && answer != "yes":
		return refused{}
	case len(o.Argv) == 0:
		return nil
	}
	res, err := o.Do(ctx, a.tools(), a.dir)
	fmt.Fprint(a.stdout, visibleLines(a.redactor.Redact(string(res.Stdout.Bytes))))
	if err != nil {
		return a.toolError(ctx, err)
	}
	return nil
}

// rollbackReadinessCmd is the checklist.
type rollbackReadinessCmd struct {
	at
	Have []string `placeholder:"ID,ID" help:"What no repository shows, and you know is there."`
}

func (c *rollbackReadinessCmd) Run(ctx context.Context, a *app) error {
	for _, id := range c.Have {
		if !slices.Contains(rollback.SaidIDs(), id) {
			return usagef("--have %s: want one of %s", id, strings.Join(rollback.SaidIDs(), ", "))
		}
	}
	return a.onRollback(ctx, c.at, func(r *rollback.Repo) error {
		list, err := r.Readiness(ctx, c.Have)
		if err != nil {
			return err
		}
		state := func(s string) bool {
			return slices.ContainsFunc(list, func(i rollback.Item) bool { return i.State == s })
		}
		if c.JSON {
			err = writeJSON(a.rawOut, map[string]any{"ready": !state("missing") && !state(rollback.Unknown), "items": list})
		} else {
			for _, i := range list {
				fmt.Fprintf(a.stdout, "%-7s  %-22s  %s\n", i.State, i.ID, report.Visible(i.Detail))
			}
		}
		switch {
		case err != nil:
			return err
		case state("missing"):
			return refused{}
		case state(rollback.Unknown):
			return verdictError{gates.Inconclusive}
		}
		return nil
	})
}

// newFile makes a new file that only its owner may read; it is written to later.
func newFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}
