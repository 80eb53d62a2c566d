// Package git is the git command as a library. [Repo] is the object store and
// its refs: it answers questions about commits and trees, and nothing that a
// checkout brings (attributes, an index, a work tree) can bend its answers.
// [Tree] is one state of the files, immutable once made.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/run"
)

// ErrNotRepository says that a directory is in no git repository.
var ErrNotRepository = errors.New("not a git repository")

// ErrBare says that a repository has no work tree.
var ErrBare = errors.New("a bare repository has no work tree")

// OwnerError says that git refuses a repository because it belongs to someone else.
type OwnerError struct{ Dir string }

func (e *OwnerError) Error() string { return e.Dir + ": the repository belongs to another user" }

// OwnerErrorOf is the refusal in what git says about a directory; nil: it says
// another thing.
func OwnerErrorOf(dir, said string) error {
	if !strings.Contains(said, "dubious ownership") {
		return nil
	}
	// "detected dubious ownership in repository at '/dir'": the top, and dir may be below it.
	_, at, _ := strings.Cut(said, "dubious ownership in repository at '")
	if top, _, ok := strings.Cut(at, "'"); ok && strings.HasPrefix(dir, top+"/") {
		dir = top
	}
	return &OwnerError{dir}
}

// ErrUnknownRevision says that a revision names no commit that is here.
var ErrUnknownRevision = errors.New("no such commit here")

// Repo is a repository with a work tree.
type Repo struct {
	Dir     string // top of the work tree, absolute
	GitDir  string // absolute
	Shallow bool   // part of the history is not here

	// Boundary are the commits of a shallow clone whose parents are not here:
	// what they changed cannot be told.
	Boundary map[string]bool

	runner  *run.Runner
	scratch string   // an empty directory of ours; see asStore
	objects string   // where git keeps objects; empty: not asked for yet
	index   string   // and the index
	extra   []string // environment that makes a snapshot's objects visible
	opened  Moment   // where HEAD was
}

// config is set for every command: it keeps git from running what a checkout
// or a configuration brings, and its output in one form.
var config = [][2]string{
	{"core.fsmonitor", "false"},
	{"core.hooksPath", os.DevNull},
	{"core.quotePath", "false"},
	{"core.untrackedCache", "false"},
	{"protocol.ext.allow", "never"},
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"advice.addEmbeddedRepo", "false"},
	{"advice.graftFileDeprecated", "false"},
	{"advice.updateSparsePath", "false"},
	{"core.safecrlf", "false"},
	// git 2.43 and later: attributes come from this tree, which is empty.
	// Used for the object store only; see asStore.
}

// Open finds the repository that holds dir. scratch is an empty directory that
// lives as long as the Repo. The error is [ErrNotRepository], [ErrBare],
// [OwnerError], or git's own.
func Open(ctx context.Context, runner *run.Runner, dir, scratch string) (*Repo, error) {
	for _, sub := range []string{"empty", "objects"} {
		if err := os.MkdirAll(filepath.Join(scratch, sub), 0o700); err != nil {
			return nil, err
		}
	}
	r := &Repo{Dir: dir, runner: runner, scratch: scratch}
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	if err := r.find(ctx, dir); err != nil {
		return nil, err
	}
	var err error
	if r.Shallow {
		r.Boundary, err = r.boundary(ctx)
	}
	return r, err
}

// find asks where everything is: in one question, as far as its answer is
// clear.
func (r *Repo) find(ctx context.Context, dir string) error {
	out, err := r.output(ctx, r.command(dir, append([]string{"rev-parse", "--is-bare-repository", "--is-inside-work-tree",
		"--is-shallow-repository", "--absolute-git-dir", "--show-toplevel", "--path-format=absolute",
		"--git-path", "objects", "--git-path", "index"}, headQuestions[:]...)...))
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if err != nil || len(lines) != 10 || lines[1] != "true" {
		return r.findSlowly(ctx, dir) // no work tree, no commit, or a newline in a name
	}
	r.Shallow, r.GitDir, r.Dir = lines[2] == "true", lines[3], filepath.FromSlash(lines[4])
	r.objects, r.index = lines[5], lines[6]
	r.opened = momentOf(lines[7:])
	return nil
}

func (r *Repo) findSlowly(ctx context.Context, dir string) error {
	out, err := r.output(ctx, r.command(dir, "rev-parse", "--is-bare-repository", "--is-inside-work-tree",
		"--is-shallow-repository", "--absolute-git-dir"))
	if err != nil {
		return openError(dir, err)
	}
	lines := strings.SplitN(out, "\n", 4) // the directory last: it may hold a newline
	if len(lines) != 4 {
		return fmt.Errorf("git rev-parse said %q", out)
	}
	if lines[1] != "true" {
		if lines[0] == "true" {
			return fmt.Errorf("%s: %w", dir, ErrBare)
		}
		return fmt.Errorf("%s is inside a .git directory: %w", dir, ErrNotRepository)
	}
	r.Shallow = lines[2] == "true"
	r.GitDir = strings.TrimSuffix(lines[3], "\n")
	top, err := r.output(ctx, r.command(dir, "rev-parse", "--show-toplevel"))
	if err != nil {
		return fmt.Errorf("find the top of the work tree: %w", err)
	}
	r.Dir = filepath.FromSlash(strings.TrimSuffix(top, "\n"))
	return nil
}

func (r *Repo) boundary(ctx context.Context) (map[string]bool, error) {
	path, err := r.gitPath(ctx, "shallow")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // gone: deepened since
		return nil, fmt.Errorf("find where the shallow clone ends: %w", err)
	}
	commits := make(map[string]bool)
	for _, id := range strings.Fields(string(data)) {
		commits[id] = true
	}
	return commits, nil
}

// gitPath is where git keeps a file of its own, absolute.
func (r *Repo) gitPath(ctx context.Context, name string) (string, error) {
	out, err := r.output(ctx, r.command(r.Dir, "rev-parse", "--path-format=absolute", "--git-path", name))
	return strings.TrimSuffix(out, "\n"), err
}

func openError(dir string, err error) error {
	var exit *run.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if owner := OwnerErrorOf(dir, exit.Stderr); owner != nil {
		return owner
	}
	if strings.Contains(exit.Stderr, "not a git repository") {
		return fmt.Errorf("%s is %w", dir, ErrNotRepository)
	}
	return err
}

// command is a git command in a directory of the work tree. It sees the
// index, the files and their attributes.
func (r *Repo) command(dir string, args ...string) run.Command {
	env := []string{
		"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_PAGER=cat",
		"LC_ALL=C", "GIT_CEILING_DIRECTORIES=",
		// What a commit or a file is, its id says: nothing stands in for it.
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE=" + os.DevNull,
	}
	return run.Command{Name: "git", Args: append(configArgs(config), args...), Dir: dir, Env: append(env, r.extra...)}
}

// asStore is a git command that sees the object store only: its work tree is
// an empty directory and its index does not exist, so a .gitattributes that
// calls sources binary, or any other file of the checkout, has no say.
func (r *Repo) asStore(args ...string) run.Command {
	empty := filepath.Join(r.scratch, "empty")
	full := append([]string{"-c", "attr.tree=" + emptyTree, "--git-dir=" + r.GitDir, "--work-tree=" + empty}, args...)
	c := r.command(empty, full...)
	c.Env = append(c.Env, "GIT_INDEX_FILE="+filepath.Join(empty, "index"))
	return c
}

// emptyTree is the id that every SHA-1 repository gives the tree without
// entries, whether it is stored or not. Where it does not resolve, git takes
// an empty tree for attr.tree all the same.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

func configArgs(pairs [][2]string) []string {
	args := make([]string, 0, 2*len(pairs)+8)
	for _, kv := range pairs {
		args = append(args, "-c", kv[0]+"="+kv[1])
	}
	return args
}

// output runs a command to its end and gives its standard output. What is cut
// is an error: nothing is decided on half an answer.
func (r *Repo) output(ctx context.Context, c run.Command) (string, error) {
	var out bytes.Buffer
	if err := r.stream(ctx, c, &out); err != nil {
		return "", err
	}
	return out.String(), nil
}

func (r *Repo) stream(ctx context.Context, c run.Command, w io.Writer) error {
	c.Stdout = w
	_, err := r.runner.Run(ctx, c)
	return err
}

// exited says whether git itself ended with one of these statuses, and said
// nothing: its way of answering no.
func exited(err error, status int) bool {
	var exit *run.ExitError
	return errors.As(err, &exit) && exit.Exit == status
}

// Head is the commit that is checked out; empty before the first one.
func (r *Repo) Head(ctx context.Context) (string, error) {
	out, err := r.output(ctx, r.command(r.Dir, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
	if exited(err, 1) {
		return "", r.unborn(ctx)
	}
	return strings.TrimSpace(out), err
}

// unborn is nil where HEAD names no commit yet. A commit that is named and not
// here is an error, and no repository without history.
func (r *Repo) unborn(ctx context.Context) error {
	out, err := r.output(ctx, r.command(r.Dir, "rev-parse", "--verify", "--quiet", "HEAD"))
	if exited(err, 1) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("HEAD is the commit %.12s, and that cannot be read (git fsck says more)", out)
	}
	return err
}

// Commit is the id of the commit that a revision names. The error is
// [ErrUnknownRevision] where there is none.
func (r *Repo) Commit(ctx context.Context, rev string) (string, error) {
	if strings.HasPrefix(rev, "-") || strings.ContainsAny(rev, "\x00\n") {
		return "", fmt.Errorf("revision %q: %w", rev, ErrUnknownRevision)
	}
	out, err := r.output(ctx, r.command(r.Dir, "rev-parse", "--verify", "--quiet", rev+"^{commit}"))
	if err != nil {
		var exit *run.ExitError
		if errors.As(err, &exit) {
			return "", fmt.Errorf("revision %q: %w", rev, ErrUnknownRevision)
		}
		return "", err
	}
	return strings.TrimSpace(out), nil
}

// Branch is the short name of the branch that is checked out; empty when HEAD
// is detached.
func (r *Repo) Branch(ctx context.Context) (string, error) {
	out, err := r.output(ctx, r.command(r.Dir, "symbolic-ref", "--quiet", "--short", "HEAD"))
	if exited(err, 1) {
		return "", nil
	}
	return strings.TrimSpace(out), err
}

// DefaultBranch is a revision for the branch that others start from, and its
// short name: what the remote says, else the local branch of that name, else
// main or master. Both are empty where there is none.
func (r *Repo) DefaultBranch(ctx context.Context) (rev, name string, err error) {
	rev, name, _, err = r.defaultBranch(ctx)
	return rev, name, err
}

// defaultBranch is [Repo.DefaultBranch], and the commit it is at; empty where
// that was not said.
func (r *Repo) defaultBranch(ctx context.Context) (rev, name, tip string, err error) {
	out, err := r.output(ctx, r.command(r.Dir, "for-each-ref", "--format=%(refname)%00%(symref)%00%(objecttype)%00%(objectname)",
		"refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master",
		"refs/heads/main", "refs/heads/master"))
	if err != nil {
		return "", "", "", err
	}
	type at struct{ symref, commit string }
	have := make(map[string]at)
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) != 4 {
			return "", "", "", fmt.Errorf("git for-each-ref said %q", line)
		}
		ref := at{symref: f[1]}
		if f[2] == "commit" {
			ref.commit = f[3]
		}
		have[f[0]] = ref
	}
	if head := have["refs/remotes/origin/HEAD"]; head.symref != "" {
		return head.symref, strings.TrimPrefix(head.symref, "refs/remotes/origin/"), head.commit, nil
	}
	for _, ref := range []string{"refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"} {
		if there, ok := have[ref]; ok {
			return ref, ref[strings.LastIndexByte(ref, '/')+1:], there.commit, nil
		}
	}
	return "", "", "", nil
}

// MergeBase is the best common ancestor of two commits; empty where there is
// none here.
func (r *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	out, err := r.output(ctx, r.asStore("merge-base", a, b))
	if exited(err, 1) {
		return "", nil
	}
	return strings.TrimSpace(out), err
}

// Parents are the parents that a commit names, also those that a shallow clone
// does not have.
func (r *Repo) Parents(ctx context.Context, commit string) ([]string, error) {
	out, err := r.output(ctx, r.asStore("cat-file", "commit", commit))
	if err != nil {
		return nil, err
	}
	var parents []string
	for line := range strings.Lines(out) {
		p, ok := strings.CutPrefix(line, "parent ")
		if ok {
			parents = append(parents, strings.TrimSpace(p))
		} else if line == "\n" {
			break
		}
	}
	return parents, nil
}

// Fetch brings one commit, without its history, from the remote origin.
func (r *Repo) Fetch(ctx context.Context, commit string) error {
	if !IsID(commit) {
		return fmt.Errorf("fetch %q: not a commit id", commit)
	}
	_, err := r.output(ctx, r.command(r.Dir, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1", "origin", commit))
	return err
}

// Commits are the ids of the non-merge commits that the revisions reach
// ("^rev" leaves out), newest first. limit 0 means all.
func (r *Repo) Commits(ctx context.Context, limit int, revs ...string) ([]string, error) {
	args := []string{"rev-list", "--no-merges"}
	if limit > 0 {
		args = append(args, "--max-count="+strconv.Itoa(limit))
	}
	return r.revList(ctx, args, revs)
}

// AllCommits are the ids of the commits that the revisions reach, merges too,
// newest first.
func (r *Repo) AllCommits(ctx context.Context, revs ...string) ([]string, error) {
	return r.revList(ctx, []string{"rev-list"}, revs)
}

// Split are the commits that the revisions reach, newest first: those with one
// parent or none, and the merges.
func (r *Repo) Split(ctx context.Context, revs ...string) (commits, merges []string, err error) {
	out, err := r.output(ctx, r.asStore(append(append([]string{"rev-list", "--parents"}, revs...), "--")...))
	if err != nil {
		return nil, nil, err
	}
	for line := range strings.Lines(out) {
		switch ids := strings.Fields(line); {
		case len(ids) > 2:
			merges = append(merges, ids[0])
		case len(ids) > 0:
			commits = append(commits, ids[0])
		}
	}
	return commits, merges, nil
}

func (r *Repo) revList(ctx context.Context, args, revs []string) ([]string, error) {
	out, err := r.output(ctx, r.asStore(append(append(args, revs...), "--")...))
	if err != nil {
		return nil, err
	}
	return strings.Fields(out), nil
}

// ReadFile is the content of a file at a revision; nil where it is not there,
// is no regular file, or is larger than limit bytes (an error).
func (r *Repo) ReadFile(ctx context.Context, rev, path string, limit int64) ([]byte, error) {
	if data, ok, err := r.readFile(ctx, rev, path, limit); ok || err != nil {
		return data, err
	}
	out, err := r.output(ctx, r.asStore("ls-tree", "-z", "-l", "--full-tree", rev, "--", path))
	if err != nil {
		return nil, err
	}
	files, err := parseTree([]byte(out))
	if err != nil || len(files) == 0 || files[0].Path != path || files[0].Kind == Symlink {
		return nil, err
	}
	if files[0].Size > limit {
		return nil, fmt.Errorf("%s at %s is %d bytes; the limit is %d", path, rev, files[0].Size, limit)
	}
	out, err = r.output(ctx, r.asStore("cat-file", "blob", files[0].OID))
	return []byte(out), err
}

// readFile is [Repo.ReadFile] without git; ok is false where git has to.
func (r *Repo) readFile(ctx context.Context, commit, path string, limit int64) (data []byte, ok bool, err error) {
	if !IsID(commit) || path == "" || path[0] == '/' {
		return nil, false, nil
	}
	store, err := r.Store(ctx)
	if err != nil {
		return nil, false, err
	}
	defer store.Close()
	o := objects{store: store}
	e, ok := o.fileAt(commit, path)
	if !ok || e == nil || e.mode.is(link) {
		return nil, ok, nil
	}
	text, ok := store.Blob(e.oid(), int(min(limit, maxDirect)))
	return []byte(text), ok, nil
}

// IgnoredFiles are the untracked paths that git ignores and that match any of
// the patterns (git's pathspecs).
func (r *Repo) IgnoredFiles(ctx context.Context, pathspecs ...string) ([]string, error) {
	out, err := r.output(ctx, r.command(r.Dir, append([]string{"ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--"}, pathspecs...)...))
	if err != nil {
		return nil, err
	}
	return splitNUL(out), nil
}

// Listed are the paths that a commit could take up, tracked or not ignored, and
// that match any of the patterns (git's pathspecs).
func (r *Repo) Listed(ctx context.Context, pathspecs ...string) ([]string, error) {
	out, err := r.output(ctx, r.command(r.Dir, append([]string{"ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, pathspecs...)...))
	if err != nil {
		return nil, err
	}
	return splitNUL(out), nil
}

// Version is the git command's version, "2.39.5".
func (r *Repo) Version(ctx context.Context) (string, error) {
	out, err := r.output(ctx, r.command(r.Dir, "--version"))
	fields := strings.Fields(out)
	if err != nil || len(fields) < 3 {
		return "", err
	}
	return fields[2], nil
}

// IsID says whether s is a full object id.
func IsID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

func splitNUL(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\x00"), "\x00")
}
