package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/session"
)

// trustCmd trusts a project's script.
type trustCmd struct {
	File   string `arg:"" help:"The script, such as .claude/start-day.sh."`
	Remove bool   `help:"Trust it no more."`
}

func (c *trustCmd) Run(ctx context.Context, a *app) error {
	home := a.home()
	if !filepath.IsAbs(home) {
		return usagef("there is no home directory to remember it in: set HOME")
	}
	path, err := realPath(inside(a.dir, c.File))
	if err != nil {
		return usagef("%v", err)
	}
	change := trusting{Path: path}
	if !c.Remove {
		if change.New, err = session.ScriptDigest(path); err != nil {
			return usagef("%v", err)
		}
	}
	if err := a.trust(ctx, session.TrustOf(home), change); err != nil {
		return undecided{err}
	}
	if c.Remove {
		_, err = fmt.Fprintf(a.stdout, "not trusted any more: %s\n", session.Clean(path))
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "trusted, for as long as it does not change: %s\n%s\n", session.Clean(path), change.New)
	return err
}

// trust changes what is trusted of a script, and writes down what was.
func (a *app) trust(ctx context.Context, t session.Trust, change trusting) (err error) {
	if change.Old, err = t.Of(change.Path); err != nil || change.Old == change.New {
		return err
	}
	if err := a.noteTrust(ctx, change); err != nil { // what is trusted is the user's, and the journal the repository's
		a.say("wf-ci undo will not know of it: " + err.Error())
	}
	ok, err := t.Swap(ctx, change.Path, change.Old, change.New)
	if err == nil && !ok {
		err = errors.New("another command has changed it meanwhile: try again")
	}
	return err
}

// realPath is a path whose folder has no links, as git names the top of a tree.
// The file itself is not followed.
func realPath(path string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), err
}

// scriptTime is how long a script of a project may take.
const scriptTime = 30 * time.Second

// startScript runs the project's script, if the user trusts it, and gives what
// there is to say about it.
func (a *app) startScript(ctx context.Context, d *desk) []string {
	dir, err := filepath.EvalSymlinks(d.Dir)
	if err != nil {
		dir = d.Dir
	}
	script, err := session.TrustOf(a.home()).Script(dir, session.StartScript)
	switch {
	case errors.Is(err, session.ErrUntrusted), errors.Is(err, session.ErrChanged):
		return []string{fmt.Sprintf("%s: %v: read it, then wf-ci trust %s", session.StartScript, err, session.StartScript)}
	case err != nil:
		return []string{session.StartScript + ": " + session.Clean(a.redactor.Redact(err.Error()))}
	case script == nil:
		return nil
	}
	out, err := a.runScript(ctx, d, script)
	var notes []string
	for line := range strings.Lines(out) {
		if line = session.Clean(a.redactor.Redact(line)); line != "" && len(notes) < 50 {
			notes = append(notes, session.StartScript+": "+line)
		}
	}
	if err != nil {
		notes = append(notes, session.StartScript+" ended badly: "+session.Clean(a.redactor.Redact(err.Error())))
	}
	return notes
}

// runScript runs a copy of what was trusted: the file may change meanwhile.
func (a *app) runScript(ctx context.Context, d *desk, script []byte) (string, error) {
	path := filepath.Join(d.scratch, "start-day.sh")
	if err := os.WriteFile(path, script, 0o600); err != nil {
		return "", err
	}
	shell := "sh"
	if first, _, _ := bytes.Cut(script, []byte("\n")); bytes.HasPrefix(first, []byte("#!")) && bytes.Contains(first, []byte("bash")) {
		shell = "bash"
	}
	ctx, cancel := context.WithTimeoutCause(ctx, scriptTime, fmt.Errorf("gave up after %s", scriptTime))
	defer cancel()
	runner := run.Runner{Env: run.CleanEnv(a.environ)}
	res, err := runner.Run(ctx, run.Command{Name: shell, Args: []string{path}, Dir: d.Dir, Contain: true, Keep: 64 << 10})
	return string(res.Stdout.Bytes), err
}
