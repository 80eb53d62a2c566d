package github

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/wf-ci/wf-ci/gates"
)

// Claim is what GitHub itself says of the workflow run that left a bundle: the
// event workflow_run of the run that publishes it.
type Claim struct {
	Repository     string // where both runs are
	HeadRepository string // where the change comes from
	Head           string
	RunID          int64
	Event          string // what started that run
	Conclusion     string // how it ended
}

// ErrMovedOn: the pull request has newer commits than the bundle is about.
var ErrMovedOn = errors.New("the pull request has moved on, and so has what there is to say of it")

// Publish posts a bundle, after holding it against what GitHub says. j names
// what to write (CheckRun, Comment, Link); the rest is the bundle's and the
// claim's. The first error says why the bundle is not believed and nothing was
// posted; the second holds [Failures].
//
// A pass is only posted where the run that wrote it ended in success and the
// pull request leaves alone what that run was: no bundle is believed further
// than the job it comes from.
func Publish(ctx context.Context, server Server, c Claim, b *Bundle, j Job) (told Told, refused, err error) {
	switch {
	case c.Event != "pull_request":
		return told, fmt.Errorf("the run was started by %.40q, and bundles come from pull_request", c.Event), nil
	case !strings.EqualFold(b.Repository, c.Repository):
		return told, fmt.Errorf("it is about the repository %s, and this is %.200s", b.Repository, c.Repository), nil
	case b.Head != c.Head:
		return told, fmt.Errorf("it is about the commit %.12s, and the run was of %.12s", b.Head, c.Head), nil
	case b.RunID != c.RunID:
		return told, fmt.Errorf("it is of the run %d, and this is about the run %d", b.RunID, c.RunID), nil
	}
	s, err := newSession(server, c.Repository)
	if err != nil {
		return told, err, nil
	}
	ctx, cancel := context.WithTimeout(ctx, endBudget)
	defer cancel()
	if refused := s.samePull(ctx, c, b); refused != nil {
		return told, refused, nil
	}
	v, refused := s.doubted(ctx, c, b)
	if refused != nil {
		return told, refused, nil
	}
	j.Repository, j.Head, j.PullRequest, j.Name, j.RunID = c.Repository, c.Head, b.PullRequest, b.Name, c.RunID
	j.ID = fmt.Sprintf("publish/%d", c.RunID)
	j.Origin = "As the run of the pull request says; it could not write here itself."
	j.Analysis = nil
	r := &reporting{s: s, job: j, begun: make(chan struct{})}
	told, err = r.end(ctx, v)
	return told, nil, err
}

// samePull makes sure that the bundle's pull request is that of the run.
func (s *session) samePull(ctx context.Context, c Claim, b *Bundle) error {
	pr, _, err := s.rest.PullRequests.Get(ctx, s.owner, s.repo, b.PullRequest)
	if err != nil {
		return fmt.Errorf("pull request %d: %s", b.PullRequest, plain(err))
	}
	if from := pr.GetHead().GetRepo().GetFullName(); !strings.EqualFold(from, c.HeadRepository) || from == "" {
		return fmt.Errorf("pull request %d is from %q, and the run was of %.200q", b.PullRequest, from, c.HeadRepository)
	}
	if pr.GetHead().GetSHA() != c.Head {
		return ErrMovedOn
	}
	return nil
}

// doubted is the bundle's verdict, a pass taken back where it cannot be relied
// on.
func (s *session) doubted(ctx context.Context, c Claim, b *Bundle) (*gates.Verdict, error) {
	v := *b.Verdict
	if v.Decision != gates.Pass {
		return &v, nil
	}
	why := ""
	if c.Conclusion != "success" {
		why = fmt.Sprintf("the run says pass, and ended with %.40q", c.Conclusion)
	} else if path, err := s.touchesRun(ctx, b.PullRequest); err != nil {
		return nil, fmt.Errorf("files of pull request %d: %s", b.PullRequest, plain(err))
	} else if path != "" {
		why = fmt.Sprintf("the change touches %s, and so what it says of itself: a maintainer has to run it", path)
	}
	if why != "" {
		v.Decision, v.Reasons = gates.Inconclusive, []string{why}
	}
	return &v, nil
}

// touchesRun is a file of the pull request that has a say in the run of its
// workflow. GitHub lists no more than 3,000 files; of more, one may be.
func (s *session) touchesRun(ctx context.Context, number int) (string, error) {
	opts := &gh.ListOptions{PerPage: 100}
	seen := 0
	for {
		files, res, err := s.rest.PullRequests.ListFiles(ctx, s.owner, s.repo, number, opts)
		if err != nil {
			return "", err
		}
		for _, f := range files {
			for _, name := range []string{f.GetFilename(), f.GetPreviousFilename()} {
				if ofRun(name) {
					return name, nil
				}
			}
		}
		if seen += len(files); seen >= 3000 {
			return "3,000 files or more", nil
		}
		if res.NextPage == 0 {
			return "", nil
		}
		opts.Page = res.NextPage
	}
}

func ofRun(path string) bool {
	lower := strings.ToLower(path)
	base := lower[strings.LastIndexByte(lower, '/')+1:]
	return strings.HasPrefix(lower, ".github/workflows/") || strings.HasPrefix(lower, ".github/actions/") ||
		base == "action.yml" || base == "action.yaml"
}
