package git

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/wf-ci/wf-ci/internal/run"
)

// Work is git in one directory, for callers that change a repository. It runs
// in the same clean way as a [Repo]: no hooks, no helper that a checkout brings,
// no optional locks, output in one form.
type Work struct {
	Runner *run.Runner // required
	Dir    string      // required
	Env    []string    // "KEY=value", on top of the runner's
}

// In is the same in another directory.
func (w Work) In(dir string) Work {
	w.Dir = dir
	return w
}

// With is the same with more environment.
func (w Work) With(env ...string) Work {
	w.Env = append(w.Env[:len(w.Env):len(w.Env)], env...)
	return w
}

// Git runs a command to its end and gives its standard output.
func (w Work) Git(ctx context.Context, args ...string) (string, error) {
	return w.Feed(ctx, nil, args...)
}

// Feed is Git with something on the standard input. Beside an [run.ExitError]
// there is what git had printed: some commands answer in both ways.
func (w Work) Feed(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	r := &Repo{Dir: w.Dir, runner: w.Runner, extra: w.Env}
	c := r.command(w.Dir, args...)
	c.Stdin = stdin
	var out bytes.Buffer
	err := r.stream(ctx, c, &out)
	return out.String(), err
}

// Line is Git for an answer of one line.
func (w Work) Line(ctx context.Context, args ...string) (string, error) {
	out, err := w.Git(ctx, args...)
	return strings.TrimSuffix(out, "\n"), err
}

// Objects is the environment in which new objects go to the scratch directory
// and those of the store stay readable: what is computed leaves no trace.
func Objects(scratch, store string) []string {
	return []string{"GIT_OBJECT_DIRECTORY=" + scratch, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + quoteAlternate(store)}
}

// Exited says whether git itself ended with this status: its way of answering
// no, where the command is documented to.
func Exited(err error, status int) bool { return exited(err, status) }

// MoveBranch puts the branch that is checked out on another commit. What is staged
// or changed stays as it is; where a file would be written over that no commit has,
// git gives up, also where it ignores that file: git reset --keep would write over
// it, and unstage what is staged.
func (w Work) MoveBranch(ctx context.Context, branch, commit string) error {
	_, err := w.Git(ctx, "checkout", "--quiet", "--no-overwrite-ignore", "-B", branch, commit, "--")
	return err
}
