package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/checkpoints"
	"github.com/wf-ci/wf-ci/gates/secrets"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/internal/state"
	"github.com/wf-ci/wf-ci/worktree"
)

// options are what decides a run, from flags or from the action's inputs.
type options struct {
	dir    string
	base   string
	config string
	all    bool
	only   []string
	skip   []string
	// sweep are the gates that this command is about; none: all. The others are
	// not left out by anybody, they are no part of it.
	sweep   []string
	jobs    int           // zero: one a core
	timeout time.Duration // zero: the policy's
	noCache bool
	offline bool
	// treeOnly: gates judge trees that are not checked out as well, all in one way.
	treeOnly bool
	verbose  bool
	part     secrets.Part                                // what of it is looked at
	pushed   string                                      // of secrets.Unpushed: the commit that is pushed; empty: HEAD
	since    string                                      // how far back the history is looked at; empty: as the policy says
	sinceAt  secrets.Since                               // the same, read
	judged   func(context.Context, *job, *gates.Verdict) // the target is still there; may be nil
	outputs  []string                                    // files that this run writes: no part of the tree
	observe  func(gates.Event)
	doing    func(gate string, what []string)                   // may be nil
	started  func(ids []string)                                 // before the first gate starts
	opened   func(dir string)                                   // when the repository is known; may be nil
	reviews  func(context.Context) (checkpoints.Reviews, error) // nil: there is no platform to ask
}

// job is a run that is ready to go.
type job struct {
	policy  policy
	target  *gates.Target
	list    []gates.Gate
	leftOut map[string]gates.LeftOut
	verdict gates.Verdict // head, base, tree, policy
	notes   []string
	close   func()
}

// undecided is a run that could not even begin to look.
type undecided struct{ err error }

func (e undecided) Error() string { return e.err.Error() }
func (e undecided) Unwrap() error { return e.err }

// prepare opens the repository, finds the change and the policy, and lists the
// gates. Its error is a usageError, an undecided, or the context's.
func (a *app) prepare(ctx context.Context, o options) (*job, error) {
	if o.jobs <= 0 {
		o.jobs = runtime.GOMAXPROCS(0)
	}
	dir := inside(a.dir, o.dir)
	if info, err := os.Stat(dir); err != nil {
		return nil, usagef("%v", err)
	} else if !info.IsDir() {
		return nil, usagef("%s is not a directory", dir)
	}
	scratch, err := a.scratch()
	if err != nil {
		return nil, undecided{err}
	}
	j := &job{close: func() { _ = os.RemoveAll(scratch) }}
	if err := a.fill(ctx, j, o, dir, scratch); err != nil {
		j.close()
		var cannot undecided
		if errors.As(err, &cannot) {
			// Its name is another one each time: no part of a verdict.
			err = undecided{errors.New(strings.ReplaceAll(err.Error(), scratch, "(scratch)"))}
		}
		return nil, err
	}
	return j, nil
}

// workAt is a directory that a command works on, with scratch beside it, and
// what takes the scratch away.
func (a *app) workAt(dir string) (path, scratch string, done func(), err error) {
	path = inside(a.dir, dir)
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return "", "", nil, usagef("%s is not a directory", path)
	}
	if scratch, err = a.scratch(); err != nil {
		return "", "", nil, undecided{err}
	}
	return path, scratch, func() { _ = os.RemoveAll(scratch) }, nil
}

// scratch makes the directory of this run, and removes those that a run which
// was killed left behind more than a day ago.
func (a *app) scratch() (string, error) {
	parent := os.TempDir()
	if dir := a.getenv("TMPDIR"); dir != "" {
		parent = inside(a.dir, dir)
	}
	old, err := filepath.Glob(filepath.Join(parent, worktree.ScratchPrefix+"*"))
	if err == nil {
		for _, dir := range old {
			if info, err := os.Lstat(dir); err == nil && info.IsDir() && a.now().Sub(info.ModTime()) > 24*time.Hour {
				_ = os.RemoveAll(dir)
			}
		}
	}
	return os.MkdirTemp(parent, worktree.ScratchPrefix)
}

func (a *app) fill(ctx context.Context, j *job, o options, dir, scratch string) error {
	env := append(run.CleanEnv(a.environ), ci.NewWorkspace(a.getenv).GitEnv(a.getenv, dir)...)
	if o.offline {
		env = append(env, "GIT_ALLOW_PROTOCOL=none") // also for what git fetches by itself
	}
	runner := &run.Runner{Env: env}
	repo, err := git.Open(ctx, runner, dir, scratch)
	if err != nil {
		return openError(ctx, err)
	}
	moment := repo.AtOpen()
	tree, headTree, err := a.readTree(ctx, moment, o, below(repo.Dir, a.dir, append(slices.Clone(o.outputs), scratch)))
	if err != nil {
		return undecided{err}
	}
	if o.sinceAt, err = parseSince(ctx, repo, o.since); err != nil {
		return err
	}
	found, err := a.findPolicy(ctx, j, o, moment, tree)
	if err != nil {
		return err
	}
	if o.pushed != "" {
		found.Head = o.pushed
	}
	change, err := o.change(ctx, repo, found, tree)
	if err != nil {
		return undecided{err}
	}
	j.target = &gates.Target{
		Dir: repo.Dir, Repo: repo, Tree: tree, Change: change, Runner: runner, Jobs: o.jobs,
		ReadPolicy: fromTree(tree, policyLimit), PolicyID: tree.ID, Log: a.logger(o.verbose),
		Self: self(), Offline: o.offline, DataDir: a.dataDir(), TreeOnly: o.part != secrets.Whole,
		Redact: func(s string) string { return a.redactor.Redact(strings.ReplaceAll(s, scratch, "(scratch)")) },
	}
	j.target.Cache = a.contents(o)
	if base := j.policy.base; base != "" {
		j.target.ReadPolicy, j.target.PolicyID = atRevision(repo, base, policyLimit), base
	}
	j.list = a.gateList(j.policy.config, o)
	if j.leftOut, err = leftOut(j.policy.config, j.list, o.only, o.skip); err != nil {
		return err
	}
	notInSweep(j, o.sweep)
	j.verdict = gates.Verdict{Tree: tree.Name(headTree), Head: found.Head, Base: change.Base, Policy: j.policy.info}
	j.notes = o.notes(found.Note, j.policy.note)
	return nil
}

// contents is what gates remember of single contents; nil: nothing.
func (a *app) contents(o options) gates.Cache {
	dir := a.cacheDir()
	if dir == "" || o.noCache {
		return nil
	}
	return ofBuild{buildID(), state.DirCache{Dir: filepath.Join(dir, "contents"), MaxBytes: contentsBytes}}
}

// findPolicy finds what the tree is compared with, and what judges it, which may
// name the branch to compare with.
func (a *app) findPolicy(ctx context.Context, j *job, o options, moment *git.Moment, tree *git.Tree) (ci.Resolved, error) {
	found, err := a.compare(ctx, moment, o, tree, "")
	if err != nil {
		return found, undecided{err}
	}
	if j.policy, err = loadPolicy(ctx, moment.Repo, o.config, found.Base, found.PolicyBase, ci.Actions(a.getenv)); err != nil {
		return found, err
	}
	name := j.policy.config.DefaultBranch
	if name == "" || ci.Actions(a.getenv) {
		return found, nil
	}
	if found, err = a.compare(ctx, moment, o, tree, name); err != nil {
		return found, undecided{err}
	}
	j.policy, err = loadPolicy(ctx, moment.Repo, o.config, found.Base, "", false)
	return found, err
}

// notes are worth telling a person: what is compared, and what judges.
func (o options) notes(change, policy string) []string {
	list := []string{change, policy}
	switch {
	case o.part != secrets.Whole:
		list = []string{policy}
	case o.since != "":
		list = append(list, "of the history, only the change and the commits "+o.sinceAt.String()+" are looked at for secrets")
	}
	return slices.DeleteFunc(list, func(note string) bool { return note == "" })
}

// notInSweep leaves out the gates that are no part of a command.
func notInSweep(j *job, sweep []string) {
	for _, g := range j.list {
		if _, out := j.leftOut[g.ID]; !out && len(sweep) > 0 && !slices.Contains(sweep, g.ID) {
			j.leftOut[g.ID] = gates.LeftOut{Reason: "no part of the sweep that ends a day"}
		}
	}
}

// openError tells a wrong directory, which is the caller's mistake, from a
// repository that could not be read.
func openError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, git.ErrNotRepository):
		return usagef("%v; run wf-ci inside one, or name it with -C DIR (git init makes one)", err)
	case errors.Is(err, git.ErrBare):
		return usagef("%v; make one with git worktree add DIR, and run wf-ci there", err)
	}
	var owner *git.OwnerError
	if errors.As(err, &owner) {
		return usagef("%v: %s", err, ownerRemedy(owner.Dir, ci.InContainer()))
	}
	var missing *run.NotStartedError
	if errors.As(err, &missing) && missing.Missing {
		return undecided{errors.New("git is not installed (apt-get install git, brew install git)")}
	}
	return undecided{err}
}

// ownerRemedy is what to do about a repository of somebody else. In a container
// of one's own its owner is the right user, who then also owns what is written.
func ownerRemedy(dir string, contained bool) string {
	trust := "if you trust it, run: git config --global --add safe.directory " + dir
	if uid, gid, ok := ci.Owner(dir); ok && contained {
		return fmt.Sprintf("start the container as its owner (docker run --user %d:%d …); or %s", uid, gid, trust)
	}
	return trust
}

// compare finds what the tree is compared with: from the event in Actions, else
// from the branches. defaultBranch is what the policy calls it; empty: git says.
func (a *app) compare(ctx context.Context, repo *git.Moment, o options, tree *git.Tree, defaultBranch string) (ci.Resolved, error) {
	if !ci.Actions(a.getenv) {
		found, err := ci.ResolveLocal(ctx, repo, o.base, defaultBranch)
		if found.Unborn && tree.Dirty {
			found.Base, found.Note = found.Head, "the change is what is not committed yet; the branch has no commit of its own"
		}
		return found, err
	}
	event, err := ci.ReadEvent(a.getenv)
	if err != nil {
		return ci.Resolved{}, err
	}
	if o.base != "" {
		return ci.ResolveBase(ctx, event, repo, o.base, o.offline)
	}
	return ci.Resolve(ctx, event, repo, o.offline)
}

// below are the paths that lie in the tree, relative to its root.
func below(top, dir string, paths []string) []string {
	var out []string
	for _, p := range paths {
		p = inside(dir, p)
		if real, err := filepath.EvalSymlinks(filepath.Dir(p)); err == nil {
			p = filepath.Join(real, filepath.Base(p))
		}
		rel, err := filepath.Rel(top, p)
		if err == nil && filepath.IsLocal(rel) {
			out = append(out, filepath.ToSlash(rel))
		}
	}
	return out
}

func (a *app) logger(verbose bool) *slog.Logger {
	level := slog.LevelError
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// judge runs the gates and gives the verdict. A run that could not begin to
// look has a verdict too: inconclusive, and why.
func (a *app) judge(ctx context.Context, o options) (*gates.Verdict, []gates.Result, []string, error) {
	begun := a.now()
	j, err := a.prepare(ctx, o)
	var cannot undecided
	if errors.As(err, &cannot) && ctx.Err() == nil {
		v := gates.Judge(gates.Policy{Today: gates.DateOf(begun)}, &git.Change{}, nil)
		v.Reasons = []string{a.redactor.Redact(cannot.Error())}
		v.Version, v.Started, v.DurationMS = version, begun.UTC(), a.now().Sub(begun).Milliseconds()
		return &v, nil, nil, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	defer j.close()
	if o.opened != nil {
		o.opened(j.target.Dir)
	}
	if o.started != nil {
		o.started(running(j))
	}
	results, err := gates.Run(ctx, j.target, j.list, a.runOptions(j, o))
	if err != nil {
		return nil, nil, nil, err
	}
	rules := judgePolicy(j.policy.config, o.all, ci.InCI(a.getenv), begun)
	if o.part != secrets.Whole {
		rules = ofChange(rules)
	}
	v := gates.Judge(rules, j.target.Change, results)
	v.Tree, v.Head, v.Base, v.Policy = j.verdict.Tree, j.verdict.Head, j.verdict.Base, j.verdict.Policy
	if subs := j.target.Tree.Submodules; len(subs) > 0 {
		v.Warnings = append(v.Warnings, notLookedInto(subs))
	}
	v.Version, v.Started, v.DurationMS = version, begun.UTC(), a.now().Sub(begun).Milliseconds()
	if o.judged != nil {
		o.judged(ctx, j, &v)
	}
	return &v, results, j.notes, nil
}

// notLookedInto says what a person may think was looked at.
func notLookedInto(submodules []string) string {
	const most = 3
	names := strings.Join(submodules[:min(most, len(submodules))], ", ")
	if len(submodules) > most {
		names += ", …"
	}
	return "not looked into: " + gates.Plural(len(submodules), "submodule") + " (" + names + "); run wf-ci there"
}

// running are the gates that are not left out.
func running(j *job) []string {
	var ids []string
	for _, g := range j.list {
		if _, ok := j.leftOut[g.ID]; !ok {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

func (a *app) runOptions(j *job, o options) gates.Options {
	opts := gates.Options{
		Jobs: j.target.Jobs, Memory: memoryMiB(), Timeout: j.policy.config.Timeout, Timeouts: make(map[string]time.Duration),
		LeftOut: j.leftOut, Observe: o.observe, Doing: o.doing,
	}
	for id, g := range j.policy.config.Gates.All() {
		opts.Timeouts[id] = g.Timeout
	}
	if o.timeout > 0 {
		opts.Timeout, opts.Timeouts = o.timeout, nil
	}
	if dir := a.cacheDir(); dir != "" && !o.noCache {
		if key, err := secrets.MachineKey(dir); err == nil { // without one nothing is kept
			opts.Cache = sealed{key, state.DirCache{Dir: filepath.Join(dir, "outcomes")}}
		}
	}
	return opts
}

// ofBuild is a cache that one build of this program has for itself: another one
// may come to other results, whatever versions its engines name.
type ofBuild struct {
	build string
	gates.Cache
}

func (c ofBuild) Get(key string) ([]byte, bool)     { return c.Cache.Get(c.build + "\x00" + key) }
func (c ofBuild) Put(key string, data []byte) error { return c.Cache.Put(c.build+"\x00"+key, data) }

// contentsBytes bounds what gates remember of single contents.
const contentsBytes = 512 << 20

// cacheDir is where outcomes are kept; empty: nowhere. In CI nothing is kept:
// a cache that a workflow restores may have been written by a pull request.
func (a *app) cacheDir() string {
	if ci.InCI(a.getenv) {
		return ""
	}
	return a.dataDir()
}

// dataDir is where this program keeps what it can get again, for all
// repositories of this user; empty: nowhere.
func (a *app) dataDir() string {
	if d := a.getenv("XDG_CACHE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "wf-ci")
	}
	home := a.getenv("HOME")
	switch {
	case runtime.GOOS == "windows" && filepath.IsAbs(a.getenv("LOCALAPPDATA")):
		return filepath.Join(a.getenv("LOCALAPPDATA"), "wf-ci")
	case !filepath.IsAbs(home):
		return ""
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Caches", "wf-ci")
	}
	return filepath.Join(home, ".cache", "wf-ci")
}
