package github

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	gh "github.com/google/go-github/v60/github"
)

// Review is the last word of one person on a pull request.
type Review struct {
	Login  string
	State  string // APPROVED, CHANGES_REQUESTED or DISMISSED
	Commit string // the head that was looked at
	At     time.Time
}

// Reviews are the last reviews of a pull request, one of each person, in the
// order of their names. A mere comment takes nothing back, as on GitHub. What
// is returned may be about an older head: compare Commit.
func Reviews(ctx context.Context, server Server, repository string, number int) ([]Review, error) {
	s, err := newSession(server, repository)
	if err != nil {
		return nil, err
	}
	last := make(map[string]Review)
	opts := &gh.ListOptions{PerPage: 100}
	for range 100 {
		list, res, err := s.rest.PullRequests.ListReviews(ctx, s.owner, s.repo, number, opts)
		if err != nil {
			return nil, fmt.Errorf("reviews of pull request %d: %s", number, plain(err))
		}
		for _, r := range list {
			v := Review{Login: r.GetUser().GetLogin(), State: strings.ToUpper(r.GetState()), Commit: r.GetCommitID(), At: r.GetSubmittedAt().Time}
			if v.Login != "" && slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}, v.State) && !v.At.Before(last[v.Login].At) {
				last[v.Login] = v
			}
		}
		if res.NextPage == 0 {
			out := make([]Review, 0, len(last))
			for _, r := range last {
				out = append(out, r)
			}
			slices.SortFunc(out, func(a, b Review) int { return strings.Compare(a.Login, b.Login) })
			return out, nil
		}
		opts.Page = res.NextPage
	}
	return nil, fmt.Errorf("reviews of pull request %d: more than 10,000", number)
}
