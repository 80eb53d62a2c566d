package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// ErrMoved says that a ref is not where its writer believed it to be, or that
// somebody else is writing it: look again, and try again.
var ErrMoved = errors.New("the ref was moved by another writer")

// Remote is a repository that holds refs.
type Remote struct {
	// Name is a remote of this repository's, a URL, or a path. Empty: this
	// repository itself.
	Name string
	// Env is what reaching it needs, "KEY=value": an agent's socket,
	// credentials as configuration (GIT_CONFIG_COUNT, …).
	Env []string
	// Shallow: of what is brought, the newest commit alone, without its history.
	// Only for a repository of our own: it becomes a shallow one.
	Shallow bool
}

// Refs are the refs of a repository, changed by comparing and swapping: each
// change says where the ref was, and none happens when it is elsewhere by now.
type Refs struct {
	repo   *Repo
	remote Remote
}

// Refs are those of a remote, or of this repository.
func (r *Repo) Refs(remote Remote) Refs { return Refs{r, remote} }

// Update moves a ref. An empty Old means that it must not be there yet, an
// empty New that it is to go.
type Update struct{ Ref, Old, New string }

// refName is what we call refs; git allows more.
var refName = lazyregexp.New(`^refs(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$`)

// ValidRef says whether a ref has a name that is safe to use everywhere.
func ValidRef(name string) bool {
	return refName.MatchString(name) && !strings.Contains(name, "..") && !strings.Contains(name+"/", ".lock/") && !strings.Contains(name+"/", "./")
}

// command is git with the environment of the remote. A path is relative to the
// top of the work tree.
func (s Refs) command(args ...string) run.Command {
	c := s.repo.asStore(args...)
	c.Dir = s.repo.Dir
	c.Env = append(c.Env, s.remote.Env...)
	return c
}

func (s Refs) check() error {
	if strings.HasPrefix(s.remote.Name, "-") || strings.ContainsAny(s.remote.Name, "\x00\n") {
		return fmt.Errorf("remote %q: not a remote's name, nor a URL", s.remote.Name)
	}
	return nil
}

// List is where the refs are that have one of these names, or are below one of
// them.
func (s Refs) List(ctx context.Context, names ...string) (map[string]string, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	args := []string{"for-each-ref", "--format=%(objectname)%09%(refname)", "--"}
	if s.remote.Name != "" {
		args = []string{"ls-remote", "--quiet", "--refs", "--", s.remote.Name}
	}
	for _, n := range names {
		args = append(args, n)
		if s.remote.Name != "" {
			args = append(args, n+"/*")
		}
	}
	out, err := s.repo.output(ctx, s.command(args...))
	if err != nil {
		return nil, fmt.Errorf("list the refs: %w", err)
	}
	refs := make(map[string]string)
	for line := range strings.Lines(out) {
		id, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		below := slices.ContainsFunc(names, func(n string) bool { return ref == n || strings.HasPrefix(ref, n+"/") })
		if ok && below && IsID(id) { // ls-remote also matches the ends of longer names
			refs[ref] = id
		}
	}
	return refs, nil
}

// Bring makes the objects of these refs present here. Nothing is left that
// names them.
func (s Refs) Bring(ctx context.Context, refs map[string]string) error {
	if s.remote.Name == "" || len(refs) == 0 {
		return nil
	}
	missing, err := s.repo.missing(ctx, slices.Sorted(maps.Values(refs)))
	if err != nil || len(missing) == 0 {
		return err
	}
	args := []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance", "--stdin"}
	if s.remote.Shallow {
		args = append(args, "--depth=1")
	}
	c := s.command(append(args, "--", s.remote.Name)...)
	c.Stdin = strings.NewReader(strings.Join(missing, "\n") + "\n") // by id: a ref that is gone by now does not matter
	if _, err := s.repo.output(ctx, c); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

// missing are the objects that are not here.
func (r *Repo) missing(ctx context.Context, ids []string) ([]string, error) {
	c := r.asStore("cat-file", "--batch-check")
	c.Stdin = strings.NewReader(strings.Join(ids, "\n") + "\n")
	out, err := r.output(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("look for objects: %w", err)
	}
	var missing []string
	for line := range strings.Lines(out) {
		if id, ok := strings.CutSuffix(strings.TrimSuffix(line, "\n"), " missing"); ok {
			missing = append(missing, id)
		}
	}
	return missing, nil
}

// Set makes all of the updates, or none. The error is [ErrMoved] where another
// writer was faster. An update that has been made already is no error.
func (s Refs) Set(ctx context.Context, updates ...Update) error {
	if err := s.check(); err != nil {
		return err
	}
	for _, u := range updates {
		if !ValidRef(u.Ref) {
			return fmt.Errorf("ref %q: not a name that every git takes", u.Ref)
		}
	}
	c := s.transaction(updates)
	if s.remote.Name != "" {
		c = s.push(true, updates)
	}
	res, err := s.repo.runner.Run(ctx, c)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	return s.explain(ctx, updates, string(res.Stdout.Bytes)+string(res.Stderr.Bytes), err)
}

// Drop deletes refs that are still where they are said to be; the others stay.
func (s Refs) Drop(ctx context.Context, refs map[string]string) error {
	const atOnce = 500 // refs in one command line
	var errs []error
	for names := range slices.Chunk(slices.Sorted(maps.Keys(refs)), atOnce) {
		var updates []Update
		for _, n := range names {
			updates = append(updates, Update{Ref: n, Old: refs[n]})
		}
		errs = append(errs, s.drop(ctx, updates))
	}
	return errors.Join(errs...)
}

func (s Refs) drop(ctx context.Context, updates []Update) error {
	if s.remote.Name != "" {
		res, err := s.repo.runner.Run(ctx, s.push(false, updates))
		if err == nil || ctx.Err() != nil {
			return err
		}
		if err = s.explain(ctx, updates, string(res.Stdout.Bytes)+string(res.Stderr.Bytes), err); errors.Is(err, ErrMoved) {
			return nil
		}
		return err
	}
	for _, u := range updates {
		if err := s.Set(ctx, u); err != nil && !errors.Is(err, ErrMoved) {
			return err
		}
	}
	return nil
}

// transaction changes refs of this repository.
func (s Refs) transaction(updates []Update) run.Command {
	var lines strings.Builder
	for _, u := range updates {
		zero := strings.Repeat("0", len(u.New))
		if u.New == "" {
			fmt.Fprintf(&lines, "delete %s %s\n", u.Ref, u.Old)
			continue
		}
		fmt.Fprintf(&lines, "update %s %s %s\n", u.Ref, u.New, cmp.Or(u.Old, zero))
	}
	c := s.command("update-ref", "--stdin")
	c.Stdin = strings.NewReader(lines.String())
	return c
}

// push changes refs of the remote. A lease says where each one has to be.
func (s Refs) push(atomic bool, updates []Update) run.Command {
	args := []string{"push", "--porcelain", "--no-verify", "--no-signed", "--recurse-submodules=no"}
	if atomic && len(updates) > 1 {
		args = append(args, "--atomic")
	}
	for _, u := range updates {
		args = append(args, "--force-with-lease="+u.Ref+":"+u.Old)
	}
	args = append(args, "--", s.remote.Name)
	for _, u := range updates {
		args = append(args, u.New+":"+u.Ref)
	}
	return s.command(args...)
}

// explain looks why updates were refused. The words of servers differ, so what
// counts is where the refs are now.
func (s Refs) explain(ctx context.Context, updates []Update, said string, cause error) error {
	var names []string
	for _, u := range updates {
		names = append(names, u.Ref)
	}
	now, err := s.List(ctx, names...)
	if err != nil {
		return fmt.Errorf("change refs: %w", cause)
	}
	done := true
	for _, u := range updates {
		at := now[u.Ref]
		done = done && at == u.New
		if at != u.Old && at != u.New {
			return fmt.Errorf("%s: %w", u.Ref, ErrMoved)
		}
	}
	switch {
	case done:
		return nil // the answer was lost, the change was not
	case busy.MatchString(said):
		return fmt.Errorf("%s: %w", updates[0].Ref, ErrMoved)
	}
	return fmt.Errorf("change refs: %w", cause)
}

// busy is how git says that another process holds a ref's lock just now, or
// that it has moved and come back.
var busy = lazyregexp.New(`cannot lock ref|failed to update ref|Unable to create '[^']*\.lock'|stale info|incorrect old value`)
