package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/secrets"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/session"
)

// hookRunCmd is what a hook runs.
type hookRunCmd struct {
	Name string   `arg:"" enum:"pre-commit,pre-push" help:"pre-commit, pre-push."`
	Args []string `arg:"" optional:"" help:"What git gives the hook; not needed."`
}

func (c *hookRunCmd) Run(ctx context.Context, a *app) error {
	if c.Name == "pre-commit" {
		if err := a.hookJudge(ctx, c.Name, options{dir: ".", part: secrets.Staged}); err != nil {
			return err
		}
		a.refreshContext(ctx)
		return nil
	}
	return c.push(ctx, a)
}

// refsLimit bounds what git says about a push.
const refsLimit = 16 << 20

// push looks at every commit that is pushed. Where nobody says which (another
// program runs us), it is HEAD.
func (c *hookRunCmd) push(ctx context.Context, a *app) error {
	var text []byte
	if a.stdin != nil && !isTerminal(a.stdin) {
		var err error
		if text, err = io.ReadAll(io.LimitReader(a.stdin, refsLimit)); err != nil {
			return undecided{fmt.Errorf("read what is pushed: %w", err)}
		}
	}
	ids, err := pushed(string(text))
	if err != nil {
		return usageError{err.Error()}
	}
	if len(ids) == 0 {
		if strings.TrimSpace(string(text)) != "" {
			return nil // it only deletes
		}
		ids = []string{""}
	}
	var worst error
	for _, id := range ids {
		err := a.hookJudge(ctx, c.Name, options{dir: ".", part: secrets.Unpushed, pushed: id})
		var verdict verdictError
		switch {
		case err == nil:
		case !errors.As(err, &verdict):
			return err
		case worst == nil || verdict.decision == gates.Fail:
			worst = err
		}
	}
	return worst
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// hookJudge runs the fast gates: one line where they pass, all of it where not.
func (a *app) hookJudge(ctx context.Context, name string, o options) error {
	traces := ""
	o.judged = func(ctx context.Context, j *job, v *gates.Verdict) { traces = a.trace(ctx, j, v) }
	if o.pushed != "" { // a tag is taken for its commit
		o.pushed = a.peel(ctx, o.pushed)
	}
	v, results, notes, err := a.judge(ctx, o)
	if err != nil {
		return err
	}
	if v.Decision == gates.Pass {
		fmt.Fprintf(a.stderr, "wf-ci %s: pass · %d ms\n", name, v.DurationMS)
		return nil
	}
	fmt.Fprint(a.stderr, traces)
	for _, n := range notes {
		fmt.Fprintf(a.stderr, "note: %s\n", n)
	}
	a.showLogs(v, results)
	style := a.style(a.errWidth)
	style.Brief = true
	style.Repeat = hooks{part: o.part}.repeat()
	if err := report.Text(style)(a.stderr, v); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "wf-ci %s: stopped. What --no-verify lets through, CI finds: wf-ci run looks at every commit of the change.\n", name)
	return verdictError{v.Decision}
}

// peel is the commit behind an id; what is none stays, and is not to be read.
func (a *app) peel(ctx context.Context, id string) string {
	res, err := a.userGit(a.dir).Run(ctx, run.Command{Name: "git", Args: []string{"rev-parse", "--verify", "--quiet", id + "^{commit}"}, Dir: a.dir})
	if commit := strings.TrimSpace(string(res.Stdout.Bytes)); err == nil && commit != "" {
		return commit
	}
	return id
}

// contextAge is how old a context may be before a commit renews it.
const contextAge = time.Hour

// refreshContext renews a context that is there and old. It is no part of the
// commit: what is staged is what was looked at. It never holds up a commit.
func (a *app) refreshContext(ctx context.Context) {
	said, err := a.renewContext(ctx)
	switch {
	case err != nil:
		fmt.Fprintf(a.stderr, "wf-ci: the context is as it was: %s\n", report.Visible(a.redactor.Redact(err.Error())))
	case said != "":
		fmt.Fprintf(a.stderr, "wf-ci: %s\n", report.Visible(said))
	}
}

func (a *app) renewContext(ctx context.Context) (string, error) {
	// Git runs a hook at the top of the work tree: most commits need no question to
	// it.
	path := filepath.Join(a.dir, filepath.FromSlash(session.ContextPath(a.dir)))
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || a.now().Sub(info.ModTime()) < contextAge {
		return "", nil // nobody keeps one, or it is new
	}
	d, done, err := a.desk(ctx, ".")
	if err != nil {
		return "", err
	}
	defer done()
	if d.Repo == nil || d.Dir != a.dir {
		return "", nil
	}
	unlock, err := d.Lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	found, err := session.Collect(ctx, d.Desk, session.Ending{})
	if err != nil {
		return "", err
	}
	if _, err := d.Backup(a.home()); err != nil {
		return "", err
	}
	changed, err := d.Save(found, nil)
	if err != nil {
		return "", err
	}
	if len(changed) == 0 {
		return "", os.Chtimes(path, a.now(), a.now()) // it says what there is to say: looked at, and new
	}
	return "renewed " + strings.Join(changed, ", ") + ", not part of this commit", nil
}
