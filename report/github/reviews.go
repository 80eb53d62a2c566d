package github

import (
	"cmp"
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

// PullReviews are what people have said of a pull request.
type PullReviews struct {
	Author string   // login of whoever opened it
	Head   string   // its head now; a review may be of an older one
	Base   string   // short name of the branch that it goes to
	List   []Review // of each person the last, in the order of time
}

// Reviews asks for the reviews of a pull request. A mere comment takes nothing
// back, as on GitHub.
func Reviews(ctx context.Context, server Server, repository string, number int) (PullReviews, error) {
	s, err := newSession(server, repository)
	if err != nil {
		return PullReviews{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, endBudget)
	defer cancel()
	pr, _, err := s.rest.PullRequests.Get(ctx, s.owner, s.repo, number)
	if err != nil {
		return PullReviews{}, fmt.Errorf("pull request %d: %s", number, plain(err))
	}
	out := PullReviews{Author: pr.GetUser().GetLogin(), Head: pr.GetHead().GetSHA(), Base: pr.GetBase().GetRef()}
	last, err := s.lastReviews(ctx, number)
	for _, r := range last {
		out.List = append(out.List, r)
	}
	slices.SortFunc(out.List, func(a, b Review) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Login, b.Login)) })
	return out, err
}

// lastReviews are the reviews that say yes or no, the last of each person.
func (s *session) lastReviews(ctx context.Context, number int) (map[string]Review, error) {
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
			return last, nil
		}
		opts.Page = res.NextPage
	}
	return nil, fmt.Errorf("reviews of pull request %d: more than 10,000", number)
}
