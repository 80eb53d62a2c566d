package ci_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/git"
)

var _ ci.Repository = (*git.Repo)(nil)

// fake is a repository of commits with one-digit names. Upper case is on the
// remote only.
//
//	1 - 2 - 3 - 4    main (4 is not here in a shallow clone)
//	     \       \
//	      a - b - m  feature b; m is the test merge of b into 4
type fake struct {
	parents map[string]string // all commits: "m": "4b"
	here    string            // whose objects are here
	remote  string            // what can be fetched
	refs    map[string]string
	head    string
	branch  string // checked out
	main    string // the default branch, as the repository says: rev
	fetched []string
	broken  error // of every call but Head
}

func history() *fake {
	return &fake{
		parents: map[string]string{"1": "", "2": "1", "3": "2", "4": "3", "a": "2", "b": "a", "c": "b", "5": "4b", "6": "", "e": "6b"},
		here:    "12345abc6e", head: "5", main: "refs/remotes/origin/main",
		refs: map[string]string{"refs/remotes/origin/main": "4", "refs/remotes/origin/feature": "b", "tag": "2"},
	}
}

// m is the id of the test merge.
const m = "5"

func (f *fake) with(change func(*fake)) *fake { change(f); return f }

func (f *fake) Head(context.Context) (string, error) {
	if f.head == "" {
		return "", nil
	}
	return id(f.head), nil
}

func (f *fake) Branch(context.Context) (string, error) { return f.branch, f.broken }

func (f *fake) DefaultBranch(context.Context) (rev, name string, err error) {
	return f.main, f.main[strings.LastIndexByte(f.main, '/')+1:], f.broken
}

func (f *fake) Commit(_ context.Context, rev string) (string, error) {
	if f.broken != nil {
		return "", f.broken
	}
	if to, ok := f.refs[rev]; ok {
		rev = id(to)
	}
	if len(rev) == 40 && strings.Contains(f.here, rev[:1]) {
		return rev, nil
	}
	return "", fmt.Errorf("revision %q: %w", rev, git.ErrUnknownRevision)
}

func (f *fake) Parents(_ context.Context, commit string) ([]string, error) {
	var ids []string
	for _, p := range f.parents[commit[:1]] {
		ids = append(ids, id(string(p)))
	}
	return ids, f.broken
}

func (f *fake) MergeBase(_ context.Context, a, b string) (string, error) {
	ofB := f.ancestors(b[:1])
	for _, c := range f.ancestors(a[:1]) {
		if slices.Contains(ofB, c) {
			return id(c), f.broken
		}
	}
	return "", f.broken
}

// ancestors are what can be reached through commits that are here, nearest
// first.
func (f *fake) ancestors(c string) []string {
	all := []string{c}
	for i := 0; i < len(all); i++ {
		for _, p := range f.parents[all[i]] {
			if s := string(p); strings.Contains(f.here, s) && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

func (f *fake) Fetch(_ context.Context, commit string) error {
	f.fetched = append(f.fetched, commit[:1])
	if !strings.Contains(f.remote, commit[:1]) {
		return errors.New("git: exit status 128")
	}
	f.here += commit[:1]
	return nil
}

// pr is an event of a pull request of b into main.
func pr(name string) ci.Event {
	return ci.Event{Name: name, SHA: id(m), Ref: "refs/pull/7/merge", PullRequest: 7, HeadSHA: id("b"), BaseSHA: id("4"),
		BaseRef: "main", HeadRef: "feature", DefaultBranch: "main"}
}

func push(before, after, ref string) ci.Event {
	return ci.Event{Name: "push", SHA: id(after), Ref: ref, Before: before, After: id(after), DefaultBranch: "main"}
}

func TestResolve(t *testing.T) {
	target := pr("pull_request_target")
	target.SHA, target.Ref = id("4"), "refs/heads/main"
	noHead := pr("pull_request")
	noHead.HeadSHA, noHead.SHA = "", id("b")
	refOnly := noHead
	refOnly.BaseSHA = ""
	nothing := ci.Event{Name: "pull_request"}
	group := ci.Event{Name: "merge_group", SHA: id("b"), HeadSHA: id("b"), BaseSHA: id("2"), BaseRef: "main"}
	forced := push(id("c"), "b", "refs/heads/feature")
	forced.Forced = true
	deleted := push(id("b"), "4", "refs/heads/feature")
	deleted.Deleted = true
	rewritten := push(id("4"), "b", "refs/heads/main")
	rewritten.Forced = true
	unknown := push(id("a"), "b", "refs/heads/feature")
	unknown.Name = "unheard_of"

	shallow := func(f *fake) { f.here = f.head }
	at := func(head string) func(*fake) { return func(f *fake) { f.head = head } }
	both := func(fs ...func(*fake)) func(*fake) {
		return func(f *fake) {
			for _, g := range fs {
				g(f)
			}
		}
	}
	remote := func(ids string) func(*fake) { return func(f *fake) { f.remote = ids } }

	for _, test := range []struct {
		name         string
		event        ci.Event
		change       func(*fake)
		offline      bool
		base, policy string // one digit; empty: everything, none
		note         string
		err          error
		fetched      string
	}{
		{name: "test merge", event: pr("pull_request"), base: "4", policy: "4", note: "first parent"},
		{name: "test merge, depth 1", event: pr("pull_request"), change: both(shallow, remote("4")), base: "4", policy: "4", fetched: "4"},
		{name: "test merge, depth 1, offline", event: pr("pull_request"), change: both(shallow, remote("4")), offline: true, err: ci.ErrUnreadableBase},
		{name: "test merge, depth 1, fetch fails", event: pr("pull_request"), change: shallow, err: ci.ErrUnreadableBase, fetched: "4"},
		{name: "test merge, stale base in the payload", event: func() ci.Event { e := pr("pull_request"); e.BaseSHA = id("3"); return e }(), base: "4", policy: "4"},
		{name: "review", event: pr("pull_request_review"), base: "4", policy: "4"},
		{name: "head checked out", event: pr("pull_request"), change: at("b"), base: "2", policy: "4", note: "where it left"},
		{name: "head checked out, depth 1", event: pr("pull_request"), change: both(at("b"), shallow, remote("4")), err: ci.ErrUnreadableBase, fetched: "4"},
		{name: "more than the head checked out", event: pr("pull_request"), change: at("c"), base: "2", policy: "4"},
		{name: "base checked out", event: pr("pull_request"), change: at("4"), err: ci.ErrNotCheckedOut},
		{name: "an older head checked out", event: pr("pull_request"), change: at("a"), err: ci.ErrNotCheckedOut},
		{name: "no commit", event: pr("pull_request"), change: at(""), err: ci.ErrNotCheckedOut},
		{name: "target, default checkout", event: target, change: at("4"), err: ci.ErrNotCheckedOut},
		{name: "target, head checked out", event: target, change: at("b"), base: "2", policy: "4"},
		{name: "target, test merge checked out", event: target, base: "4", policy: "4"},
		// The author's own merge of their head into a commit of their making.
		{name: "target, a forged merge", event: target, change: at("e"), base: "2", policy: "4"},
		{name: "request, a forged merge", event: pr("pull_request"), change: at("e"), base: "2", policy: "4"},
		{name: "a forged merge, depth 1", event: target, change: both(at("e"), shallow, remote("46b")), err: ci.ErrUnreadableBase, fetched: "4"},
		{name: "act: no head", event: noHead, change: at("b"), base: "2", policy: "4"},
		{name: "act: only refs", event: refOnly, change: at("b"), base: "2", policy: "4"},
		{name: "act: only refs, not here", event: refOnly, change: both(at("b"), func(f *fake) { f.refs = nil }), err: ci.ErrUnreadableBase},
		{name: "act: nothing", event: nothing, change: at("b"), base: "2", policy: "4", note: "names no base"},
		{name: "act: nothing, on main", event: nothing, change: both(at("4"), func(f *fake) { f.branch = "main" }), policy: "4", note: "everything"},
		{name: "act: nothing at all", event: nothing, change: func(f *fake) { f.main = "" }, note: "no default branch"},
		{name: "act: base is HEAD", event: noHead, change: at("4"), policy: "4", note: "its own base"},

		{name: "merge group", event: group, change: at("b"), base: "2", policy: "2"},
		{name: "merge group, depth 1", event: group, change: both(at("b"), shallow, remote("2")), base: "2", policy: "2", fetched: "2"},
		{name: "merge group, depth 1, fetch fails", event: group, change: both(at("b"), shallow), err: ci.ErrUnreadableBase, fetched: "2"},
		{name: "merge group, not checked out", event: group, change: at("4"), err: ci.ErrNotCheckedOut},
		{name: "merge group, more checked out", event: group, change: at("c"), base: "2", policy: "2"},

		{name: "push", event: push(id("a"), "b", "refs/heads/feature"), change: at("b"), base: "a"},
		{name: "push, depth 1", event: push(id("a"), "b", "refs/heads/feature"), change: both(at("b"), shallow, remote("a")), base: "a", fetched: "a"},
		{name: "push, depth 1, offline", event: push(id("a"), "b", "refs/heads/feature"), change: both(at("b"), shallow), offline: true, note: "everything"},
		{name: "push, depth 1, other checkout", event: push(id("a"), "b", "refs/heads/feature"), change: both(at("c"), shallow, remote("a")), note: "everything", fetched: "a"},
		{name: "push, new branch", event: push("", "b", "refs/heads/feature"), change: at("b"), base: "2", note: "new"},
		{name: "push, new branch without commits", event: push("", "3", "refs/heads/feature"), change: at("3"), note: "everything"},
		{name: "push, new tag", event: push("", "2", "refs/tags/v1"), change: at("2"), note: "everything"},
		{name: "push, new branch, depth 1", event: push("", "b", "refs/heads/feature"), change: both(at("b"), shallow, func(f *fake) { f.main = "" }), note: "everything"},
		{name: "push, forced, old tip gone", event: push(id("9"), "b", "refs/heads/feature"), change: at("b"), base: "2", fetched: "9"},
		{name: "push, forced, old tip here", event: forced, change: at("b"), base: "2", note: "does not go on"},
		{name: "push, nothing new", event: push(id("b"), "b", "refs/heads/feature"), change: at("b"), base: "2", note: "no commit"},
		{name: "push to main", event: push(id("3"), "4", "refs/heads/main"), change: at("4"), base: "3"},
		{name: "push to main, before gone", event: push(id("9"), "4", "refs/heads/main"), change: both(at("4"), func(f *fake) { f.branch = "main" }), note: "everything", fetched: "9"},
		{name: "push to main, rewritten", event: rewritten, change: at("b"), base: "2"},
		{name: "push, deleted", event: deleted, change: at("4"), note: "deleted"},
		{name: "push, no commit", event: push("", "b", "refs/heads/feature"), change: at(""), note: "no commit"},
		{name: "act: push", event: ci.Event{Name: "push"}, change: both(at("b"), func(f *fake) { f.branch = "feature" }), base: "2"},
		{name: "act: push on main", event: ci.Event{Name: "push"}, change: both(at("4"), func(f *fake) { f.branch = "main" }), note: "everything"},

		{name: "unknown event", event: unknown, change: at("b"), base: "a"},
		{name: "unknown event, no before", event: ci.Event{Name: "unheard_of", SHA: id("b")}, change: at("b"), note: "everything"},
		{name: "schedule", event: ci.Event{Name: "schedule", SHA: id("4"), DefaultBranch: "main"}, change: at("4"), note: "everything"},
		{name: "workflow_dispatch", event: ci.Event{Name: "workflow_dispatch", SHA: id("b"), DefaultBranch: "main"}, change: at("b"), note: "everything"},
		{name: "no event", event: ci.Event{}, change: at("b"), base: "2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := history()
			if test.change != nil {
				test.change(f)
			}
			got, err := ci.Resolve(t.Context(), test.event, f, test.offline)
			if !errors.Is(err, test.err) || (err != nil) != (test.err != nil) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if fetched := strings.Join(f.fetched, ""); fetched != test.fetched {
				t.Errorf("fetched %q, want %q", fetched, test.fetched)
			}
			if err != nil {
				t.Log(err)
				return
			}
			want := ci.Resolved{Base: full(test.base), PolicyBase: full(test.policy), Head: full(f.head),
				PullRequest: strings.HasPrefix(test.event.Name, "pull_request"), Note: got.Note}
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if !strings.Contains(got.Note, test.note) || got.Note == "" || (got.Base == "") != strings.HasPrefix(got.Note, "everything") {
				t.Errorf("note %q, want %q in it", got.Note, test.note)
			}
			t.Log(got.Note)
		})
	}
}

// A fault of git's, or the end of time, is neither a missing base nor "here is
// nothing": it comes through.
func TestResolveBroken(t *testing.T) {
	broken := errors.New("git: exit status 128")
	for _, e := range []ci.Event{pr("pull_request"), push(id("a"), "b", "refs/heads/x"), {Name: "merge_group", HeadSHA: id("b"), BaseSHA: id("2")}} {
		_, err := ci.Resolve(t.Context(), e, history().with(func(f *fake) { f.broken = broken; f.head = "b" }), false)
		if !errors.Is(err, broken) || errors.Is(err, ci.ErrUnreadableBase) {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ci.Resolve(ctx, pr("pull_request"), history().with(func(f *fake) { f.here = m }), false)
	if !errors.Is(err, context.Canceled) || errors.Is(err, ci.ErrUnreadableBase) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestResolveBase(t *testing.T) {
	got, err := ci.ResolveBase(t.Context(), pr("pull_request"), history(), "tag", false)
	if err != nil || got.Base != id("2") || got.PolicyBase != id("4") || !got.PullRequest {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = ci.ResolveBase(t.Context(), pr("pull_request"), history(), "main", false)
	if err != nil || got.Base != id("4") {
		t.Errorf("a branch of the remote: %+v, %v", got, err)
	}
	e := push("", "4", "refs/heads/main")
	got, err = ci.ResolveBase(t.Context(), e, history().with(func(f *fake) { f.head = "4" }), "main", false)
	if err != nil || got.Base != "" || !strings.HasPrefix(got.Note, "everything") {
		t.Errorf("HEAD itself: %+v, %v", got, err)
	}
	if _, err = ci.ResolveBase(t.Context(), pr("pull_request"), history(), "nowhere", false); !errors.Is(err, ci.ErrUnreadableBase) {
		t.Errorf("unknown: %v", err)
	}
	if _, err = ci.ResolveBase(t.Context(), pr("pull_request"), history().with(func(f *fake) { f.head = "3" }), "tag", false); !errors.Is(err, ci.ErrNotCheckedOut) {
		t.Errorf("not checked out: %v", err)
	}
}

func TestResolveLocal(t *testing.T) {
	for _, test := range []struct {
		name         string
		change       func(*fake)
		flag, branch string
		base, note   string
		err          error
	}{
		{name: "branch", change: func(f *fake) { f.head, f.branch = "b", "feature" }, base: "2"},
		{name: "detached", change: func(f *fake) { f.head = "b" }, base: "2"},
		{name: "default branch named", change: func(f *fake) { f.head, f.branch, f.main = "b", "feature", "" }, branch: "main", base: "2"},
		{name: "default branch named, not here", change: func(f *fake) { f.head, f.branch = "b", "x" }, branch: "trunk", base: "2"},
		{name: "on main", change: func(f *fake) { f.head, f.branch = "5", "main" }, note: "this is the default branch"},
		{name: "branch without commits", change: func(f *fake) { f.head, f.branch = "3", "x" }, note: "no commit that the default branch"},
		{name: "no default branch", change: func(f *fake) { f.main = "" }, note: "no default branch"},
		{name: "default branch without a commit", change: func(f *fake) { f.head = "b"; f.refs = nil }, note: "no commit here"},
		{name: "no common history", change: func(f *fake) { f.head = "6" }, note: "shares no history"},
		{name: "empty", change: func(f *fake) { f.head = "" }, note: "no commit yet"},
		{name: "flag", change: func(f *fake) { f.head = "b" }, flag: "tag", base: "2"},
		{name: "flag, merge base", change: func(f *fake) { f.head = "b" }, flag: id("4"), base: "2"},
		{name: "flag, HEAD", change: func(f *fake) { f.head = "b" }, flag: id("b"), base: "b"},
		{name: "flag, unknown", flag: "nowhere", err: ci.ErrUnreadableBase},
		{name: "flag, option", flag: "--all", err: ci.ErrUnreadableBase},
		{name: "flag, no common history", change: func(f *fake) { f.head = "6" }, flag: "tag", err: ci.ErrUnreadableBase},
		{name: "flag, empty", change: func(f *fake) { f.head = "" }, flag: "tag", err: ci.ErrUnreadableBase},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := history()
			if test.change != nil {
				test.change(f)
			}
			got, err := ci.ResolveLocal(t.Context(), f, test.flag, test.branch)
			if !errors.Is(err, test.err) || (err != nil) != (test.err != nil) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err != nil {
				return
			}
			if got.Base != full(test.base) || got.Head != full(f.head) || got.PolicyBase != "" || got.PullRequest {
				t.Errorf("%+v, want base %s", got, test.base)
			}
			if !strings.Contains(got.Note, test.note) || (got.Base == "") != strings.HasPrefix(got.Note, "everything") {
				t.Errorf("note %q, want %q in it", got.Note, test.note)
			}
		})
	}
}

func full(digit string) string {
	if digit == "" {
		return ""
	}
	return id(digit)
}
