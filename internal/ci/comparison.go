package ci

import "strings"

// Kind is how a change is found.
type Kind string

const (
	KindPullRequest Kind = "pull request" // against the branch it asks to be merged into
	KindMergeGroup  Kind = "merge group"  // against what the queue will put it on
	KindPush        Kind = "push"         // against the tip before
	KindWhole       Kind = "whole"        // against nothing: everything is new
)

// Comparison is what an event asks to compare, as plain data; [Resolve] looks
// it up in a repository.
type Comparison struct {
	Kind Kind

	// Head is the commit that HEAD has to be or to contain, or the change is not
	// checked out. Empty: the event names none, and HEAD is trusted.
	Head string

	// Merge is the platform's own test merge, whose first parent is the base
	// whatever else is known. Empty: none.
	Merge string

	// Bases are revisions, in order; the first that is here counts. They come
	// from the event, never from the checkout, where the event names an id.
	Bases []string

	// Default are revisions for the default branch, in order, by what the event
	// says of it.
	Default []string

	// OnDefault says that the push was to the default branch.
	OnDefault bool

	// Forced says that a push may have thrown history away.
	Forced bool

	// Why says what is compared, for people.
	Why string
}

// Comparison is the table of events (github.md A5, A6):
//
//	event                          HEAD has to hold     base
//	pull_request (and its          pull_request.head,   the test merge's first parent; of a checkout of the head:
//	reviews)                       or the test merge    the merge base with pull_request.base.sha
//	pull_request_target            pull_request.head    the same; the default checkout is the default branch and
//	                                                    does not hold the change (github.md 0.2)
//	merge_group                    merge_group.head     merge_group.base_sha
//	push, unknown with before      anything             before; new ref, force push, not here: merge base with the
//	                                                    default branch, else everything
//	schedule, workflow_dispatch,   anything             none: everything is new
//	deleted ref, everything else
//
// workflow_call has the event of its caller (A6). Unknown events count as a
// push (A6): with a tip before there is something to compare with, without one
// everything is looked at.
func (e Event) Comparison() Comparison {
	c := Comparison{Default: branchRevisions(e.DefaultBranch)}
	switch {
	case strings.HasPrefix(e.Name, "pull_request"):
		c.Kind = KindPullRequest
		c.Head = e.HeadSHA
		c.Bases = baseRevisions(e.BaseSHA, e.BaseRef)
		c.Why = "the pull request against its base"
		// Only here: in pull_request_target GITHUB_SHA is the default branch.
		if e.Name != "pull_request_target" && strings.HasPrefix(e.Ref, "refs/pull/") && strings.HasSuffix(e.Ref, "/merge") {
			c.Merge = e.SHA
		}
	case e.Name == "merge_group":
		c.Kind = KindMergeGroup
		c.Head = first(e.HeadSHA, e.SHA)
		c.Bases = baseRevisions(e.BaseSHA, e.BaseRef)
		c.Why = "the merge group against its base"
	case e.isWhole():
		c.Kind = KindWhole
		c.Why = everything("the event " + e.Name + " has nothing to compare with")
		if e.Deleted {
			c.Why = everything("the ref was deleted")
		}
	default:
		c.Kind = KindPush
		c.Head = first(e.After, e.SHA)
		c.Forced = e.Forced
		c.OnDefault = e.DefaultBranch != "" && e.Ref == "refs/heads/"+e.DefaultBranch
		c.Why = "the push against the tip before it"
		if e.Before != "" {
			c.Bases = []string{e.Before}
		}
	}
	return c
}

func (e Event) isWhole() bool {
	switch e.Name {
	case "push":
		return e.Deleted
	case "schedule", "workflow_dispatch", "repository_dispatch", "workflow_run":
		return true
	}
	return e.Before == ""
}

// baseRevisions are where a base may be found. An id is taken at its word:
// a ref of the checkout never stands in for it, because a checkout of a fork
// has the fork's refs.
func baseRevisions(sha, ref string) []string {
	if sha != "" {
		return []string{sha}
	}
	return branchRevisions(ref)
}

func branchRevisions(name string) []string {
	if name == "" {
		return nil
	}
	return []string{"refs/remotes/origin/" + name, "refs/heads/" + name}
}

// shortRef is the name of what branchRevisions made.
func shortRef(rev string) string {
	for _, prefix := range []string{"refs/remotes/origin/", "refs/heads/"} {
		if name, ok := strings.CutPrefix(rev, prefix); ok {
			return name
		}
	}
	return rev
}

// short is an id for people; anything else stays.
func short(id string) string {
	if objectID.MatchString(id) {
		return id[:12]
	}
	return id
}

func everything(why string) string { return "everything: " + why }
