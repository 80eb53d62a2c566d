package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// people knows who brought what into the change. Its words are those of the
// commits: git proves none of them.
type people struct {
	commits []git.Commit
	authors []git.Person // of all but approvals
}

// errShallow: who made a change cannot be told from a part of its commits.
var errShallow = errors.New("the clone is shallow, and who approved or mended what cannot be told: fetch the history (git fetch --unshallow, or fetch-depth: 0 in actions/checkout)")

func findPeople(ctx context.Context, t *gates.Target) (*people, error) {
	p := &people{}
	var err error
	if p.commits, err = history(ctx, t); err != nil {
		return nil, err
	}
	for _, c := range p.commits {
		if slices.ContainsFunc(c.Files, func(f git.File) bool { return !isRecord(f.Path) }) {
			p.authors = append(p.authors, c.Authors...)
		}
	}
	return p, nil
}

// history are the commits of the change.
func history(ctx context.Context, t *gates.Target) ([]git.Commit, error) {
	if t.Change.Head == "" {
		return nil, nil
	}
	commits, err := t.Repo.Log(ctx, t.Change.Base, t.Change.Head)
	if err == nil && slices.ContainsFunc(commits, func(c git.Commit) bool { return t.Repo.Boundary[c.ID] }) {
		err = errShallow
	}
	return commits, err
}

// brought are the commits that put this content at this path.
func (p *people) brought(path, oid string) []git.Commit {
	var commits []git.Commit
	for _, c := range p.commits {
		if slices.ContainsFunc(c.Files, func(f git.File) bool { return f.Path == path && f.OID == oid }) {
			commits = append(commits, c)
		}
	}
	return commits
}

// refusal is why an approval does not count; empty: it does. Where several
// commits bring the same record, each of them has to be right: one of them may
// put back what another took away.
func (o Options) refusal(p *people, who *owners, a approval) string {
	commits := p.brought(a.file.Path, a.file.OID)
	if len(commits) == 0 {
		return "it is not committed, and who approves is whoever commits it"
	}
	for _, c := range commits {
		switch {
		case len(o.Approvers) > 0 && !slices.ContainsFunc(o.Approvers, func(a string) bool { return isPerson(a, c.Author) }):
			return fmt.Sprintf("commit %.12s brings it, by %.200s, who is not in gates.checkpoints.approvers", c.ID, c.Author)
		case o.RequireOther && slices.ContainsFunc(p.authors, func(a git.Person) bool { return samePerson(a, c.Author) }):
			return fmt.Sprintf("commit %.12s brings it, by %.200s, who is an author of the change (gates.checkpoints.require_other)", c.ID, c.Author)
		}
		if who == nil {
			continue
		}
		if why := ownerRefusal(who, c.Author, a.Files); why != "" {
			return fmt.Sprintf("commit %.12s brings it: %s (gates.checkpoints.code_owners)", c.ID, why)
		}
	}
	return ""
}

// noReply is the domain of the addresses that GitHub gives to accounts: the
// only place where a commit names one.
const noReply = "@users.noreply.github.com"

// isPerson compares a commit's author with an entry of the policy: an address,
// or @account for GitHub's address of that account.
func isPerson(entry string, p git.Person) bool {
	email := strings.ToLower(p.Email)
	account, ok := strings.CutPrefix(strings.ToLower(entry), "@")
	if !ok {
		return email == account
	}
	local, ok := strings.CutSuffix(email, noReply)
	if id, rest, plus := strings.Cut(local, "+"); plus && id != "" && strings.Trim(id, "0123456789") == "" {
		local = rest
	}
	return ok && local == account
}

// samePerson errs on the side of one: an equal name is enough.
func samePerson(a, b git.Person) bool {
	return strings.EqualFold(a.Email, b.Email) || strings.EqualFold(a.Name, b.Name)
}
