package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report"
)

// actionCmd is the container action: the options come from INPUT_* variables.
type actionCmd struct{}

// Run is a step's whole life. With warn-only the step succeeds whatever the
// verdict is; the outputs still say it.
func (c actionCmd) Run(ctx context.Context, a *app) error {
	// A step that is killed has no verdict, and says so.
	take := ci.Meanwhile(a.getenv, noOutputs(exitInconclusive))
	err := c.run(ctx, a, take)
	var verdict verdictError
	if err != nil && !errors.As(err, &verdict) {
		status := exitInconclusive
		switch {
		case ctx.Err() != nil:
			status = exitInterrupted
		case errors.As(err, new(usageError)):
			status = exitUsage
		}
		take()
		_ = ci.Meanwhile(a.getenv, noOutputs(status))
		_ = a.commands.Annotate(ci.LevelError, ci.Place{Title: "wf-ci"}, a.redactor.Redact(err.Error()))
	}
	return err
}

// noOutputs are the outputs of a step without a verdict.
func noOutputs(status int) [][2]string {
	return [][2]string{{"verdict", string(gates.Inconclusive)}, {"exit-code", strconv.Itoa(status)}, {"failed-gates", "[]"}}
}

func (c actionCmd) run(ctx context.Context, a *app, take func()) error {
	in, wrong := ci.ReadInputs(a.getenv)
	if err := a.commands.Mask(in.GitHubToken); err != nil {
		return err
	}
	if ws := ci.NewWorkspace(a.getenv); ws.Dir != "" {
		a.dir = ws.Dir
	}
	p, err := a.newPlatform(in)
	if err != nil {
		return err
	}
	p.begin(ctx)
	var v *gates.Verdict
	if wrong != nil {
		err = usageError{wrong.Error()}
	} else {
		v, err = c.judge(ctx, a, p, in)
	}
	if err != nil {
		p.abort(ctx, err)
		return err
	}
	take()
	if err := a.setOutputs(v, p.outputs(ctx, in)); err != nil {
		fmt.Fprintf(a.stderr, "wf-ci: warning: %v\n", err) // turns no verdict
	}
	if v.Decision != gates.Pass && !in.WarnOnly {
		return verdictError{v.Decision}
	}
	return nil
}

// judge runs the gates, and tells everybody who is to know.
func (actionCmd) judge(ctx context.Context, a *app, p *platform, in ci.Inputs) (*gates.Verdict, error) {
	work, sarif := or(in.WorkingDirectory, "."), sarifFile(in)
	if err := a.placesOf(work, sarif, in.ReportJSON); err != nil {
		return nil, err
	}
	outputs := []output{{format: uploadSARIF(category(in)), name: "sarif", path: sarif, plain: true}}
	if in.ReportJSON != "" {
		outputs = append(outputs, output{format: report.JSON, name: "json", path: in.ReportJSON, plain: true})
	}
	return a.judgeAndShow(ctx, runFlags{
		Dir: work, Base: in.BaseRef, Config: in.Config,
		Only: in.Gates, Skip: in.SkipGates, Timeout: in.Timeout,
	}, outputs, hooks{
		ours:    []string{bundleFile},
		opened:  func(top string) { p.top = top },
		reviews: p.reviews(in.GitHubToken),
		tell:    func(v *gates.Verdict) { a.tellRunner(v, !p.end(ctx, v)) },
	})
}

// sarifFile is where the findings go.
func sarifFile(in ci.Inputs) string { return or(in.SARIFFile, "wf-ci.sarif") }

// outputs are those that the verdict does not tell.
func (p *platform) outputs(ctx context.Context, in ci.Inputs) map[string]string {
	ws := ci.NewWorkspace(p.a.getenv)
	return map[string]string{"sarif-file": ws.Handed(sarifFile(in)), "report-json": ws.Handed(in.ReportJSON), "cost": p.books.usd(ctx)}
}

// placesOf refuses a directory to look at, or files to write, that are not in
// the workspace, or are one file.
func (a *app) placesOf(work, sarif, jsonPath string) error {
	if ci.NewWorkspace(a.getenv).Dir != "" && !a.below(work) {
		return usagef("input \"working-directory\": %s is not in the workspace", report.Visible(work))
	}
	names := map[string]string{filepath.Clean(inside(a.dir, bundleFile)): "result for wf-ci publish"}
	for _, file := range []struct{ input, path string }{{"sarif-file", sarif}, {"report-json", jsonPath}} {
		if file.path == "" {
			continue
		}
		if err := a.inWorkspace(file.path); err != nil {
			return usagef("input %q: %v", file.input, err)
		}
		full := filepath.Clean(inside(a.dir, file.path))
		if other := names[full]; other != "" {
			return usagef("input %q: %s is the file of the %s already", file.input, report.Visible(file.path), other)
		}
		names[full] = file.input
	}
	return nil
}

// below says whether a directory is in ours, by their real names. Of one that is
// not there, others say so.
func (a *app) below(dir string) bool {
	real, err := filepath.EvalSymlinks(inside(a.dir, dir))
	if err != nil {
		return true
	}
	top, err := filepath.EvalSymlinks(a.dir)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(top, real)
	return err == nil && filepath.IsLocal(rel)
}

// inWorkspace refuses a file to write that is not below the workspace, also
// through a link that the checkout brings: we may be root here.
func (a *app) inWorkspace(path string) error {
	full := inside(a.dir, path)
	if err := writable(full); err != nil {
		return usagef("%s: %v", path, err)
	}
	top, err := filepath.EvalSymlinks(a.dir)
	if err != nil {
		return err
	}
	existing := filepath.Dir(full)
	real, err := filepath.EvalSymlinks(existing)
	for err != nil && existing != filepath.Dir(existing) {
		existing = filepath.Dir(existing)
		real, err = filepath.EvalSymlinks(existing)
	}
	for _, root := range []string{top, a.getenv("RUNNER_TEMP")} {
		if rel, err := filepath.Rel(root, real); root != "" && err == nil && filepath.IsLocal(rel) {
			return nil
		}
	}
	return usagef("%s is not in the workspace", path)
}

// inside is a path relative to a directory, or as it is.
func inside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// uploadSARIF is what code scanning takes. Where no gate came to a result there
// is nothing to upload; the file is there all the same, and says why.
func uploadSARIF(category string) report.Format {
	return func(w io.Writer, v *gates.Verdict) error {
		err := report.CodeScanningAs(category)(w, v)
		if errors.Is(err, report.ErrNothingToUpload) {
			return report.SARIF(w, v)
		}
		return err
	}
}

// setOutputs gives the later steps what they may ask for.
func (a *app) setOutputs(v *gates.Verdict, more map[string]string) error {
	failed := []string{}
	total, fresh := 0, 0
	coverage := ""
	for _, g := range v.Gates {
		if g.Status == gates.StatusFail {
			failed = append(failed, g.ID)
		}
		for _, f := range g.Findings {
			total++
			if f.New {
				fresh++
			}
		}
		if c, ok := g.Metrics["coverage"]; ok {
			coverage = strconv.FormatFloat(c, 'f', -1, 64)
		}
	}
	list, err := json.Marshal(failed)
	if err != nil {
		return err
	}
	values := [][2]string{
		{"verdict", string(v.Decision)},
		{"exit-code", strconv.Itoa(exitStatus(v.Decision))},
		{"failed-gates", string(list)},
		{"new-findings", strconv.Itoa(fresh)},
		{"total-findings", strconv.Itoa(total)},
		{"coverage", coverage},
		{"cost", more["cost"]},
		{"sarif-file", more["sarif-file"]},
		{"report-json", more["report-json"]},
	}
	for _, kv := range values {
		if err := ci.Output(a.getenv, kv[0], kv[1]); err != nil && !errors.Is(err, ci.ErrNoFile) {
			return fmt.Errorf("set the output %s: %w", kv[0], err)
		}
	}
	return nil
}

// annotationsPerKind leaves room for one "N more": a runner keeps ten of a kind.
const annotationsPerKind = 9

// summaryLimit is under the runner's 1 MiB, above which it drops all of it.
const summaryLimit = 1_000_000

// tellRunner writes annotations, where none stand at a check run, and the step
// summary. What the runner does not take is said, and turns no verdict.
func (a *app) tellRunner(v *gates.Verdict, annotate bool) {
	if !ci.Actions(a.getenv) {
		return
	}
	var notes []report.Annotation
	if annotate {
		notes = report.Annotations(v, annotationsPerKind)
	}
	for _, n := range notes {
		err := a.commands.Annotate(ci.Level(n.Level), ci.Place{
			Title: n.Title, File: n.Path, Line: n.Line, EndLine: n.EndLine, Column: n.Column, EndColumn: n.EndColumn,
		}, n.Message)
		if err != nil {
			fmt.Fprintf(a.stderr, "wf-ci: warning: annotate: %v\n", err)
			break
		}
	}
	if a.getenv("GITHUB_STEP_SUMMARY") == "" {
		return
	}
	var md bytes.Buffer
	err := report.MarkdownLimit(summaryLimit)(&md, v)
	if err == nil {
		_, err = ci.Summary(a.getenv, md.String())
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "wf-ci: warning: step summary: %v\n", err)
	}
}
