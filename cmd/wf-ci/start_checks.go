package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/session"
)

// auditTime is what a start waits for the audit of dependencies.
const auditTime = 5 * time.Second

// quickChecks are those of a start (D9). They warn.
func (a *app) quickChecks(d *desk) func(context.Context) []session.Check {
	if d.Repo == nil {
		return nil
	}
	return func(ctx context.Context) []session.Check {
		checks := make([]session.Check, 2)
		done := make(chan struct{})
		go func() {
			defer close(done)
			checks[0] = a.envCheck(ctx, d)
		}()
		checks[1] = a.depsCheck(ctx, d)
		<-done
		return checks
	}
}

// envCheck looks for secrets in env files that a commit could take up.
func (a *app) envCheck(ctx context.Context, d *desk) session.Check {
	paths, err := d.Repo.Listed(ctx, ":(icase)*.env*")
	if err != nil {
		return a.unknown("env-files", err)
	}
	secrets, files := 0, 0
	for _, p := range paths {
		full := filepath.Join(d.Dir, filepath.FromSlash(p))
		info, err := os.Lstat(full)
		if err != nil || !info.Mode().IsRegular() || info.Size() > configLimit {
			continue
		}
		data, err := os.ReadFile(full)
		if err != nil {
			return a.unknown("env-files", err)
		}
		if n := gates.EnvFileSecrets(p, data); n > 0 {
			secrets, files = secrets+n, files+1
		}
	}
	if secrets == 0 {
		return session.Check{Name: "env-files", Status: "ok", Message: "no secrets in env files that git does not ignore"}
	}
	return session.Check{Name: "env-files", Status: "warning", Message: fmt.Sprintf("%s in %s that git does not ignore; wf-ci local --only env-files shows them", gates.Plural(secrets, "secret"), gates.Plural(files, "env file"))}
}

func (a *app) unknown(name string, err error) session.Check {
	return session.Check{Name: name, Status: "unknown", Message: session.Clean(a.redactor.Redact(err.Error()))}
}

// depsCheck is the gate deps on what is committed, without the network.
func (a *app) depsCheck(ctx context.Context, d *desk) session.Check {
	ctx, cancel := context.WithTimeout(ctx, auditTime)
	defer cancel()
	tree, err := d.Repo.TreeAt(ctx, "HEAD")
	if err != nil {
		return session.Check{Name: "deps", Status: "ok", Message: "nothing is committed yet"}
	}
	t := &gates.Target{
		Dir: d.Dir, Repo: d.Repo, Tree: tree, Change: &git.Change{}, Runner: d.runner, Jobs: runtime.GOMAXPROCS(0), Offline: true, TreeOnly: true,
		DataDir: a.dataDir(), ReadPolicy: fromTree(tree, policyLimit), PolicyID: tree.ID, Log: a.logger(false), Redact: a.redactor.Redact,
	}
	list := []gates.Gate{a.depsGate(config.Default())}
	results, err := gates.Run(ctx, t, list, gates.Options{Jobs: 1, Timeout: auditTime})
	if err != nil {
		return a.unknown("deps", err)
	}
	v := gates.Judge(gates.Policy{Today: gates.DateOf(d.Now)}, t.Change, results)
	return a.auditCheck(v.Gates[0])
}

// auditCheck is a gate's result as a warning.
func (a *app) auditCheck(g gates.GateVerdict) session.Check {
	c := session.Check{Name: g.ID, Status: "ok", Message: session.Clean(a.redactor.Redact(g.Reason))}
	critical := 0
	for _, f := range g.Findings {
		if f.Severity == gates.SeverityError {
			critical++
		}
	}
	switch {
	case g.Status == gates.StatusError:
		c.Status = "unknown"
	case critical > 0:
		c.Status, c.Message = "warning", fmt.Sprintf("%s; wf-ci local --only deps shows them", gates.Plural(critical, "critical finding"))
	case c.Message == "":
		c.Message = "nothing critical in what is committed"
	}
	return c
}
