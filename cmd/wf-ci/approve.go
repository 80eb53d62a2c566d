package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/checkpoints"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/report"
)

// approveCmd records an approval for the gate checkpoints.
type approveCmd struct {
	Kind   string `arg:"" help:"What you approve: schema, research or implementation."`
	By     string `placeholder:"NAME" help:"Who approves. Default: git's user.name and user.email."`
	Reason string `required:"" placeholder:"TEXT" help:"Why, in a sentence."`
	Dir    string `short:"C" default:"." placeholder:"DIR" help:"Work on another directory."`
	Base   string `placeholder:"REV" help:"The change is what is new since this revision. Default: the merge base with the default branch."`
	Config string `placeholder:"PATH" help:"Configuration file in the repository."`
	JSON   bool   `name:"json" help:"Write the record as JSON to stdout."`
}

func (c *approveCmd) Run(ctx context.Context, a *app) error {
	kind, err := checkpoints.ParseKind(c.Kind)
	if err != nil {
		return usageError{err.Error()}
	}
	j, err := a.prepare(ctx, options{dir: c.Dir, base: c.Base, config: c.Config})
	if err != nil {
		return err
	}
	defer j.close()
	files, err := filesToApprove(ctx, j, kind)
	if err != nil {
		return err
	}
	by := c.By
	if by == "" {
		person, known, err := j.target.Repo.Identity(ctx)
		switch {
		case err != nil:
			return undecided{err}
		case !known:
			return usagef("git does not know who you are: give --by NAME, or set user.name and user.email")
		}
		by = person.String()
	}
	record, err := checkpoints.NewRecord(kind, by, c.Reason, a.now(), files)
	if err != nil {
		return usageError{err.Error()}
	}
	if err := a.writeRecord(j.target.Dir, record); err != nil {
		return err
	}
	if ignored, err := j.target.Repo.IgnoredFiles(ctx, ":(top,literal)"+record.Path()); err == nil && len(ignored) > 0 {
		fmt.Fprintf(a.stderr, "wf-ci: warning: git ignores %s: add it with git add -f, or take .wf-ci out of .gitignore\n", record.Path())
	}
	if j.policy.config.Origin("gates."+checkpoints.ID) == "built-in" {
		fmt.Fprintf(a.stderr, "note: the configuration does not ask for this gate, and nothing needs the approval: gates: {%s: {}}\n", checkpoints.ID)
	}
	if c.JSON {
		return writeJSON(a.rawOut, struct {
			Path string `json:"path"`
			checkpoints.Record
		}{record.Path(), record})
	}
	fmt.Fprintf(a.stdout, "approved %s: %s\n", kind, gates.Plural(len(files), "file"))
	for _, f := range files {
		fmt.Fprintf(a.stdout, "  %s\n", report.Visible(f.Path.String()))
	}
	_, err = fmt.Fprintf(a.stdout, "commit it with the change: git add %s\n", record.Path())
	return err
}

// filesToApprove are the files of a kind in the change. Without any there is
// nothing to approve, which is the caller's mistake.
func filesToApprove(ctx context.Context, j *job, kind checkpoints.Kind) ([]checkpoints.File, error) {
	if j.target.Change.Everything() {
		return nil, usagef("no change known, and so nothing to approve: name the base with --base REV")
	}
	o := checkpointOptions(j.policy.config, options{})
	files, err := checkpoints.Touched(ctx, j.target, o, kind)
	switch {
	case err != nil:
		return nil, undecided{err}
	case len(files) > 0:
		return files, nil
	case kind == checkpoints.Implementation && len(o.Implementation) == 0:
		return nil, usagef("nothing to approve: gates.checkpoints.implementation names no paths")
	case kind == checkpoints.Research && o.NoResearch:
		return nil, usagef("nothing to approve: gates.checkpoints.research is false")
	}
	return nil, usagef("nothing to approve: the change since %.12s touches no files of the kind %s (--base REV names another base)", j.verdict.Base, kind)
}

// writeRecord puts a record into the work tree, and never through a symlink
// that a checkout brings.
func (a *app) writeRecord(dir string, record checkpoints.Record) error {
	data, err := record.Encode()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, filepath.FromSlash(record.Path()))
	folder := filepath.Dir(path)
	for _, d := range []string{filepath.Dir(folder), folder} {
		info, err := os.Lstat(d)
		if err == nil && !info.IsDir() {
			return usagef("%s is no directory, and approvals are kept in it; nothing was written", d)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	workspace := ci.NewWorkspace(a.getenv)
	if err := makeDir(folder, workspace.Own); err != nil {
		return err
	}
	if err := state.Write(path, data, 0o644); err != nil {
		return err
	}
	return workspace.Own(path)
}
