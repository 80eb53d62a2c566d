package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
)

// debugCmd is about finding out why something is broken.
type debugCmd struct {
	Start      debugStartCmd      `cmd:"" help:"Start a debug session: a file that the other commands add to."`
	Evidence   debugEvidenceCmd   `cmd:"" help:"Record what was seen."`
	Collect    debugCollectCmd    `cmd:"" help:"Show the machine, the project and its recent errors; no secret in it."`
	Hypothesis debugHypothesisCmd `cmd:"" help:"Explanations: add, rank, test, confirm, reject."`
	Whys       debugWhysCmd       `cmd:"" help:"Ask why, five times."`
	Fishbone   debugFishboneCmd   `cmd:"" help:"What has a part in it, as a diagram."`
	Check      debugCheckCmd      `cmd:"" help:"Say whether enough is known to fix it: status 1 if not."`
	Fix        debugFixCmd        `cmd:"" help:"Record the fix; refused until the cause is known."`
	Show       debugShowCmd       `cmd:"" help:"Show the session."`
	Report     debugReportCmd     `cmd:"" help:"Write the debug report, in Markdown."`
	Bisect     debugBisectCmd     `cmd:"" help:"Find the commit that broke a check, also one that is wrong now and then."`
	Logs       debugLogsCmd       `cmd:"" help:"Read a log of any size once: kinds of trouble, when, and which lines are the same."`
	Net        debugNetCmd        `cmd:"" help:"Look at a host: DNS, TCP, TLS certificate, response time."`
	Mem        debugMemCmd        `cmd:"" help:"Run a command and watch its memory: baseline, peak, growth."`
	DB         debugDBCmd         `cmd:"" name:"db" help:"Look at a PostgreSQL database: slow queries, locks, EXPLAIN. Nothing is written."`
}

// gitIn is git in the repository of a directory, and a scratch directory that
// the function takes away.
func (a *app) gitIn(ctx context.Context, dir string) (git.Work, string, func(), error) {
	w := git.Work{Runner: a.userGit(inside(a.dir, dir)), Dir: inside(a.dir, dir)}
	if info, err := os.Stat(w.Dir); err != nil || !info.IsDir() {
		return w, "", nil, usagef("%s is not a directory", dir)
	}
	top, err := w.Line(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		if strings.Contains(err.Error(), "not a git repository") {
			return w, "", nil, usagef("%s is %v", dir, git.ErrNotRepository)
		}
		return w, "", nil, undecided{err}
	}
	scratch, err := a.scratch()
	if err != nil {
		return w, "", nil, undecided{err}
	}
	return w.In(top), scratch, func() { _ = os.RemoveAll(scratch) }, nil
}

// ownEnv is the environment for a command that the user has typed: theirs, but
// for what git itself sets and what looks like a credential. allow lets a
// variable through all the same.
func (a *app) ownEnv(allow []string) []string {
	var env []string
	for _, kv := range a.environ {
		key, value, _ := strings.Cut(kv, "=")
		if slices.Contains(allow, key) || !strings.HasPrefix(key, "GIT_") && !secretName(key) && !strings.Contains(value, "://") {
			env = append(env, kv)
		}
	}
	return append(env, slices.DeleteFunc(run.CleanEnv(a.environ), func(kv string) bool { return !strings.Contains(kv, "://") })...)
}

// secretName says whether a variable is named as credentials are.
func secretName(key string) bool {
	key = strings.ToUpper(key)
	if strings.HasPrefix(key, "ACTIONS_") || strings.HasPrefix(key, "INPUT_") {
		return true
	}
	for _, part := range []string{"TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY", "AUTH_SOCK"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}
