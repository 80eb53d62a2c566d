package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/secrets"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report"
)

// maxTraces is how many findings are followed.
const maxTraces = 10

// trace says for each secret where it comes from and what to do, on stderr: it
// is for whoever sits here, and in no report.
func (a *app) trace(ctx context.Context, j *job, v *gates.Verdict) string {
	var judged []gates.Judged
	for _, g := range v.Gates {
		if g.ID == secrets.ID {
			judged = slices.SortedFunc(slices.Values(g.Findings), report.Rank)
		}
	}
	var list []gates.Finding
	for _, f := range judged[:min(len(judged), maxTraces)] {
		list = append(list, f.Finding)
	}
	if len(list) == 0 {
		return ""
	}
	tracer := secrets.Tracer{Target: j.target}
	if command := a.verifier(ctx, j); command != "" {
		tracer.Verify = func(ctx context.Context, rule, secret string) string {
			return verify(ctx, j.target, command, rule, secret)
		}
	}
	traces, err := tracer.Trace(ctx, list)
	if err != nil {
		return a.redactor.Redact(fmt.Sprintf("note: where the secrets come from is not known: %v\n", err))
	}
	var b strings.Builder
	for i, t := range traces {
		writeTrace(&b, judged[i], t)
	}
	return a.redactor.Redact(b.String())
}

func writeTrace(b *strings.Builder, f gates.Judged, t secrets.Trace) {
	fmt.Fprintf(b, "%s:%d %s: %s", report.Visible(f.Path.String()), f.Line, f.Rule, isThere(f))
	if t.Shape != "" {
		fmt.Fprintf(b, "; %s, hash %s", t.Shape, t.Hash)
	}
	if t.Checked != "" {
		fmt.Fprintf(b, "; %s", t.Checked)
	}
	b.WriteString("\n")
	if t.Commit != "" {
		where := "on no remote"
		if len(t.Remotes) > 0 {
			where = "on " + report.Visible(strings.Join(t.Remotes, ", "))
		}
		fmt.Fprintf(b, "  commit %.12s of %s, %s, %s\n", t.Commit, report.Visible(t.By.Author.Name), t.By.Date.Format(time.DateOnly), where)
	}
	fmt.Fprintf(b, "  %s\n", advice(f, t))
}

func isThere(f gates.Judged) string {
	switch {
	case f.Waiver != nil:
		return "waived"
	case f.New:
		return "introduced here"
	}
	return "already there"
}

// advice is what to do, the urgent first.
func advice(f gates.Judged, t secrets.Trace) string {
	switch {
	case t.Commit == "":
		return "it is in no commit yet: take it out before you commit, read it from the environment, and rotate it if anybody could see the file"
	case len(t.Remotes) == 0:
		return fmt.Sprintf("it is not published: 1. rotate it unless nobody else can read this clone; 2. take it out of the commit before you push (git rebase -i %.12s^)", t.Commit)
	case f.Commit != "":
		return "it is published: 1. rotate it now, at its issuer; 2. waive this finding, or rewrite the history (git filter-repo --replace-text) and have everybody clone anew"
	}
	return "it is published: 1. rotate it now, at its issuer; 2. take it out of the file and read it from the environment; 3. it stays in the history: waive it there, or rewrite the history (git filter-repo --replace-text)"
}

// verifier is the command that asks whether a secret still works: as the base
// has it, so that no change makes us run one.
func (a *app) verifier(ctx context.Context, j *job) string {
	cfg := j.policy.config
	if base := j.policy.base; base != "" {
		old, _, err := loadConfig(ctx, atRevision(j.target.Repo, base, configLimit), "", "")
		if err != nil {
			return ""
		}
		cfg = old
	}
	if j.target.Offline {
		return ""
	}
	return cfg.Gates.Secrets.Verify
}

// verifyTime is how long the command may take for one secret.
const verifyTime = 20 * time.Second

// verify gives the command the secret on its standard input and reads its exit
// status: 0 it works, 1 it does not, anything else is no answer. Nothing that
// it prints is shown: that could be the secret.
func verify(ctx context.Context, t *gates.Target, command, rule, secret string) string {
	ctx, cancel := context.WithTimeout(ctx, verifyTime)
	defer cancel()
	_, err := t.Runner.Run(ctx, run.Command{
		Name: "sh", Args: []string{"-c", command}, Dir: t.Dir, Env: []string{"WF_CI_RULE=" + rule},
		Stdin: strings.NewReader(secret), Keep: 1 << 10, Contain: true,
	})
	var exit *run.ExitError
	switch {
	case err == nil:
		return "verified: IT WORKS"
	case errors.As(err, &exit) && exit.Exit == 1:
		return "verified: it does not work any more"
	}
	return "not verified: the command gave no answer"
}
