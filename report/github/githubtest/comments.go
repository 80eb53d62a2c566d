package githubtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Comment is a comment of an issue or a pull request.
type Comment struct {
	ID     int64
	Number int
	Login  string
	Body   string
}

// Status is a commit's status.
type Status struct{ SHA, State, Context, Description, TargetURL string }

func user(login string) map[string]any {
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	u := map[string]any{"login": login, "id": 1, "node_id": "U", "gravatar_id": "", "type": kind, "site_admin": false}
	for _, key := range []string{"avatar_url", "url", "html_url", "followers_url", "following_url", "gists_url", "starred_url",
		"subscriptions_url", "organizations_url", "repos_url", "events_url", "received_events_url"} {
		u[key] = "https://github.example/" + key
	}
	return u
}

func (s *Server) commentJSON(c *Comment) any {
	id := strconv.FormatInt(c.ID, 10)
	return map[string]any{
		"id": c.ID, "node_id": "IC_" + id, "url": s.URL + "/comments/" + id, "html_url": "https://github.example/c/" + id,
		"body": c.Body, "user": user(c.Login), "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
		"issue_url": s.URL + "/issues/1", "author_association": "NONE",
	}
}

func (s *Server) listComments(r request) answer {
	n := r.number("issue_number")
	list := []any{}
	for _, c := range s.Comments {
		if c.Number == n {
			list = append(list, s.commentJSON(c))
		}
	}
	path := fmt.Sprintf("/repos/%s/issues/%d/comments", s.Repository, n)
	return answer{status: 200, body: page(r, list), header: s.pages(r, path, len(list))}
}

func (s *Server) createComment(r request) answer {
	n := r.number("issue_number")
	if !s.may("pull-requests") {
		return denied
	}
	if _, ok := s.Pulls[n]; !ok {
		return refusal(404, "Not Found")
	}
	body, bad := s.commentBody(r)
	if bad != nil {
		return *bad
	}
	c := &Comment{ID: 1, Number: n, Login: s.Login, Body: body}
	for _, other := range s.Comments {
		c.ID = max(c.ID, other.ID+1)
	}
	s.Comments = append(s.Comments, c)
	return answer{status: 201, body: s.commentJSON(c)}
}

func (s *Server) updateComment(r request) answer {
	if !s.may("pull-requests") {
		return denied
	}
	c := s.commentOf(r)
	if c == nil {
		return refusal(404, "Not Found")
	}
	body, bad := s.commentBody(r)
	if bad != nil {
		return *bad
	}
	c.Body = body
	return answer{status: 200, body: s.commentJSON(c)}
}

func (s *Server) deleteComment(r request) answer {
	if !s.may("pull-requests") {
		return denied
	}
	c := s.commentOf(r)
	if c == nil {
		return refusal(404, "Not Found")
	}
	s.Comments = slices.DeleteFunc(s.Comments, func(other *Comment) bool { return other == c })
	return answer{status: 204}
}

// commentOf is the comment that a request is about; nil: there is none.
func (s *Server) commentOf(r request) *Comment {
	i := slices.IndexFunc(s.Comments, func(c *Comment) bool { return c.ID == int64(r.number("comment_id")) })
	if i < 0 {
		return nil
	}
	return s.Comments[i]
}

// commentBody: 65,536 characters are the most (github.md A8).
func (s *Server) commentBody(r request) (string, *answer) {
	var b struct{ Body string }
	if err := json.Unmarshal(r.body, &b); err != nil || strings.TrimSpace(b.Body) == "" || utf8.RuneCountInString(b.Body) > 65536 {
		s.problem("a comment of %d characters (%v)", utf8.RuneCountInString(b.Body), err)
		a := refusal(422, "Validation Failed")
		return "", &a
	}
	return b.Body, nil
}

// createStatus: 140 characters of description, and a commit that is there
// (github.md A8).
func (s *Server) createStatus(r request) answer {
	if !s.may("statuses") {
		return denied
	}
	var b struct {
		State, Context, Description string
		TargetURL                   string `json:"target_url"`
	}
	sha := r.values["sha"]
	if err := json.Unmarshal(r.body, &b); err != nil || utf8.RuneCountInString(b.Description) > 140 || len(sha) != 40 ||
		len(s.Commits) > 0 && !slices.Contains(s.Commits, sha) {
		s.problem("status %+v on %s: %v", b, sha, err)
		return refusal(422, "Validation Failed")
	}
	s.Statuses = append(s.Statuses, Status{sha, b.State, b.Context, b.Description, b.TargetURL})
	return answer{status: 201, body: map[string]any{
		"url": s.URL, "avatar_url": nil, "id": len(s.Statuses), "node_id": "S", "state": b.State, "description": b.Description,
		"target_url": b.TargetURL, "context": b.Context, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
		"creator": user(s.Login),
	}}
}
