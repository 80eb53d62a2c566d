package worktree

import (
	"context"
	"fmt"
	"strings"
)

// PullRequest is what a server says of a branch. It is a hint, and proves
// nothing: no removal looks at it.
type PullRequest struct {
	Number int    `json:"number"`
	State  string `json:"state"`          // open, draft, merged, closed
	Head   string `json:"head,omitempty"` // commit that it ends with
}

// Asked says whether a server was asked, and has answered.
type Asked struct {
	Known bool   `json:"known"`
	Why   string `json:"why,omitempty"` // why not
}

// PullBranches are the branches that may have a pull request.
func (l *List) PullBranches() []string {
	var out []string
	for _, it := range l.Items {
		if it.Branch != "" && it.Branch != l.Target {
			out = append(out, it.Branch)
		}
	}
	return out
}

// SetPulls puts what a server says of the branches into the list.
func (l *List) SetPulls(pulls map[string]PullRequest) {
	l.PullRequests = Asked{Known: true}
	for i := range l.Items {
		it := &l.Items[i]
		if pr, ok := pulls[it.Branch]; ok && it.Branch != "" && it.Branch != l.Target {
			it.PR, it.Hint = &pr, pr.hint(it.Head)
		}
	}
}

// hint is what to do about a pull request that is over; head is where the branch
// is here.
func (pr PullRequest) hint(head string) string {
	switch {
	case pr.State == "merged" && pr.Head == head:
		return fmt.Sprintf("pull request #%d is merged: git fetch, then wf-ci worktree clean sees for itself", pr.Number)
	case pr.State == "merged":
		return fmt.Sprintf("pull request #%d is merged, but ended with another commit than the last one here", pr.Number)
	case pr.State == "closed":
		return fmt.Sprintf("pull request #%d was closed without a merge", pr.Number)
	}
	return ""
}

// Remotes are the addresses of the remotes, by their names, as git would use
// them.
func (p *Project) Remotes(ctx context.Context) (map[string]string, error) {
	out, err := p.git.Git(ctx, "remote", "--verbose")
	if err != nil {
		return nil, fmt.Errorf("list the remotes: %w", err)
	}
	remotes := make(map[string]string)
	for line := range strings.Lines(out) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if address, ok := strings.CutSuffix(rest, " (fetch)"); ok {
			remotes[name] = address
		}
	}
	return remotes, nil
}
