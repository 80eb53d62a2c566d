package git

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Entry is a commit as a log shows it.
type Entry struct {
	ID       string
	Time     time.Time // of the commit
	Authored time.Time
	Author   Person
	Subject  string
	Body     string // what follows the subject
	// Left says that only the left side of "A...B" reaches it.
	Left bool
}

const entryFormat = "--format=%m%x00%H%x00%ct%x00%at%x00%an%x00%ae%x00%s%x00%b%x00"

// entryFields is how many fields entryFormat has.
const entryFields = 8

// History lists non-merge commits that the revisions reach, newest first.
// "A...B" tells the sides apart (Left). limit 0 means all.
func (r *Repo) History(ctx context.Context, limit int, revs ...string) ([]Entry, error) {
	args := []string{"log", "--no-merges", "--no-show-signature", "--no-mailmap", "--no-color", "--no-decorate", "--no-notes", "-z", "--left-right", entryFormat}
	if limit > 0 {
		args = append(args, "--max-count="+strconv.Itoa(limit))
	}
	out, err := r.output(ctx, r.asStore(append(append(args, revs...), "--")...))
	if err != nil {
		return nil, fmt.Errorf("list commits: %w", err)
	}
	return parseHistory(out)
}

// parseHistory reads the fields of entryFormat. -z puts one more NUL between
// two commits.
func parseHistory(out string) ([]Entry, error) {
	var list []Entry
	for out != "" {
		f := strings.SplitN(out, "\x00", entryFields+1)
		if len(f) != entryFields+1 {
			return nil, fmt.Errorf("git log said %.80q", out)
		}
		committed, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("git log said %.80q", out)
		}
		authored, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("git log said %.80q", out)
		}
		list = append(list, Entry{
			Left: f[0] == "<", ID: f[1], Time: time.Unix(committed, 0).UTC(), Authored: time.Unix(authored, 0).UTC(),
			Author: Person{f[4], f[5]}, Subject: f[6], Body: strings.TrimSpace(f[7]),
		})
		out = strings.TrimPrefix(f[entryFields], "\x00")
	}
	return list, nil
}

// Ref is a branch, here or of a remote.
type Ref struct {
	Name string // "refs/heads/main"
	To   string // of a symbolic one: where it points to
	ID   string
	Time time.Time // of its commit
}

// Branches lists the branches, those of remotes too, with the time of their commit.
func (r *Repo) Branches(ctx context.Context) ([]Ref, error) {
	out, err := r.output(ctx, r.asStore("for-each-ref", "--format=%(refname)%00%(symref)%00%(objectname)%00%(committerdate:unix)", "refs/heads", "refs/remotes"))
	if err != nil {
		return nil, fmt.Errorf("list the branches: %w", err)
	}
	return parseRefs(out)
}

func parseRefs(out string) ([]Ref, error) {
	var refs []Ref
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) != 4 {
			return nil, fmt.Errorf("git for-each-ref said %.80q", line)
		}
		ref := Ref{Name: f[0], To: f[1], ID: f[2]}
		if f[3] != "" { // a ref may name an object that is no commit
			unix, err := strconv.ParseInt(f[3], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("git for-each-ref said %.80q", line)
			}
			ref.Time = time.Unix(unix, 0).UTC()
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// Default finds the branch that others start from among the refs, as
// [Repo.DefaultBranch] does.
func Default(refs []Ref) (rev, name string) {
	have := make(map[string]Ref, len(refs))
	for _, ref := range refs {
		have[ref.Name] = ref
	}
	if to := have["refs/remotes/origin/HEAD"].To; to != "" {
		return to, strings.TrimPrefix(to, "refs/remotes/origin/")
	}
	for _, ref := range []string{"refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"} {
		if _, ok := have[ref]; ok {
			return ref, ref[strings.LastIndexByte(ref, '/')+1:]
		}
	}
	return "", ""
}

// AheadBehind counts the commits that only a, and only b, reaches.
func (r *Repo) AheadBehind(ctx context.Context, a, b string) (ahead, behind int, err error) {
	out, err := r.output(ctx, r.asStore("rev-list", "--left-right", "--count", a+"..."+b, "--"))
	if err != nil {
		return 0, 0, fmt.Errorf("compare %s with %s: %w", a, b, err)
	}
	if _, err := fmt.Sscanf(out, "%d\t%d", &ahead, &behind); err != nil {
		return 0, 0, fmt.Errorf("git rev-list said %.80q", out)
	}
	return ahead, behind, nil
}

// IsAncestor says whether b reaches a.
func (r *Repo) IsAncestor(ctx context.Context, a, b string) (bool, error) {
	_, err := r.output(ctx, r.asStore("merge-base", "--is-ancestor", a, b))
	if exited(err, 1) {
		return false, nil
	}
	return err == nil, err
}
