package github

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
)

const (
	needComments = "pull-requests: write"
	// maxComment is below GitHub's 65,536 characters (github.md A8).
	maxComment = 60_000
	// commentPages bounds the search: 10,000 comments.
	commentPages = 100
	// actionsBot is whose token a workflow has, unless it brings another.
	actionsBot = "github-actions[bot]"
)

// comment keeps one comment on the pull request, or nothing, as the job wants.
// Green results change one that is there; only "always" makes a new one of them.
func (s *session) comment(ctx context.Context, j *Job, v *gates.Verdict) error {
	body, err := commentBody(ctx, j, v)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := s.putComment(ctx, j, body, j.Comment != CommentOnFailure || v.Decision != gates.Pass)
		if err == nil || !unclear(err) || try == 3 {
			return err
		}
		// It may be there all the same: it is looked for again.
		if err := s.transport.sleep(ctx, firstWait<<try); err != nil {
			return err
		}
	}
}

func (s *session) putComment(ctx context.Context, j *Job, body string, create bool) error {
	var seen commentSearch
	ours, err := s.findComment(ctx, j, &seen)
	if err != nil {
		return err
	}
	text := &gh.IssueComment{Body: gh.String(body)}
	switch {
	case ours == nil && create:
		var made *gh.IssueComment
		if made, _, err = s.rest.Issues.CreateComment(ctx, s.owner, s.repo, j.PullRequest, text); err == nil {
			seen.me = made.GetUser().GetLogin()
			s.oneComment(ctx, j, made, &seen)
		}
	case ours == nil || laterRun(ours.GetBody(), j.RunID):
	case ours.GetBody() != body:
		_, _, err = s.rest.Issues.EditComment(repeat(ctx), s.owner, s.repo, ours.GetID(), text)
	}
	return err
}

// oneComment takes a comment back that was made while another run made one: the
// first of them stays, and is kept from then on. Where that fails there are two.
func (s *session) oneComment(ctx context.Context, j *Job, made *gh.IssueComment, seen *commentSearch) {
	first, err := s.findComment(ctx, j, seen)
	if err != nil || first == nil || first.GetID() >= made.GetID() {
		return
	}
	if !laterRun(first.GetBody(), j.RunID) {
		text := &gh.IssueComment{Body: made.Body}
		if _, _, err := s.rest.Issues.EditComment(repeat(ctx), s.owner, s.repo, first.GetID(), text); err != nil {
			return
		}
	}
	_, _ = s.rest.Issues.DeleteComment(repeat(ctx), s.owner, s.repo, made.GetID())
}

// commentSearch is how far a search for our comment has come.
type commentSearch struct {
	page int    // that it goes on from; zero: the first
	me   string // whose token it is; empty: not asked yet
}

// findComment looks through all comments for ours: by the marker, and by the
// author, because anybody can write a marker.
func (s *session) findComment(ctx context.Context, j *Job, at *commentSearch) (*gh.IssueComment, error) {
	opts := &gh.IssueListCommentsOptions{ListOptions: gh.ListOptions{PerPage: 100}}
	for at.page < commentPages {
		opts.Page = at.page
		list, res, err := s.rest.Issues.ListComments(ctx, s.owner, s.repo, j.PullRequest, opts)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if !strings.HasPrefix(c.GetBody(), marker(j.Name)) {
				continue
			}
			if at.me == "" {
				at.me = s.viewer(ctx)
			}
			if strings.EqualFold(c.GetUser().GetLogin(), at.me) {
				return c, nil
			}
		}
		if res.NextPage == 0 {
			return nil, nil
		}
		at.page = res.NextPage
	}
	return nil, fmt.Errorf("more than %d comments", commentPages*100)
}

// viewer is who the token belongs to. REST does not tell an app's token that;
// where GraphQL does not either, it is the workflow's own.
func (s *session) viewer(ctx context.Context) string {
	req, err := s.rest.NewRequest("POST", s.graphql, map[string]string{"query": "query { viewer { login } }"})
	if err != nil {
		return actionsBot
	}
	var answer struct {
		Data struct {
			Viewer struct {
				Login string `json:"login"`
			} `json:"viewer"`
		} `json:"data"`
	}
	if _, err := s.rest.Do(repeat(ctx), req, &answer); err != nil || answer.Data.Viewer.Login == "" {
		return actionsBot
	}
	return answer.Data.Viewer.Login
}

// marker begins our comment; a name in it cannot end it.
func marker(name string) string {
	safe := strings.Map(func(r rune) rune {
		if isAlphanumeric(r) || strings.ContainsRune("._/-,", r) {
			return r
		}
		return '_'
	}, name)
	safe = strings.ReplaceAll(safe, "--", "__")
	if safe != strings.ReplaceAll(name, " ", "_") { // another name may look the same
		sum := sha256.Sum256([]byte(name))
		safe += "-" + hex.EncodeToString(sum[:4])
	}
	return "<!-- wf-ci:verdict:" + safe + " "
}

// laterRun says whether a comment is by a run that began after this one: an old
// run that ends late does not speak over it.
func laterRun(body string, run int64) bool {
	line, _, _ := strings.Cut(body, " -->")
	_, number, _ := strings.Cut(line, " run=")
	n, err := strconv.ParseInt(number, 10, 64)
	return err == nil && n > run
}

func commentBody(ctx context.Context, j *Job, v *gates.Verdict) (string, error) {
	head := fmt.Sprintf("%srun=%d -->\n", marker(j.Name), j.RunID)
	foot := "\nof the commit `" + j.Head[:min(12, len(j.Head))] + "`"
	if j.Link != "" {
		foot += " · [the whole run](" + j.Link + ")"
	}
	foot += "\n"
	var around report.Surroundings
	if isCheckName(j.Name) { // there may be other comments beside this one
		around.Name = j.Name
	}
	cost := ""
	if j.Cost != nil {
		cost = j.Cost(ctx)
	}
	for _, line := range []string{j.Origin, cost} {
		if line != "" {
			around.Lines = append(around.Lines, line)
		}
	}
	body, err := markdown(v, maxComment-len(head)-len(foot), around)
	return head + body + foot, err
}
