package githubtest

import (
	"fmt"
	"strings"
)

func (s *Server) getPull(r request) answer {
	n := r.number("pull_number")
	p, ok := s.Pulls[n]
	if !ok {
		return refusal(404, "Not Found")
	}
	out := sample("pull-request", map[string]any{
		"number": n, "head": map[string]any{"sha": p.Head, "ref": "feature"}, "user": user("octocat"),
	})
	head, _ := out["head"].(map[string]any)
	head["repo"] = s.repository(p.HeadRepo)
	base, _ := out["base"].(map[string]any)
	base["repo"] = s.repository(s.Repository)
	return answer{status: 200, body: out}
}

func (s *Server) repository(name string) map[string]any {
	_, short, _ := strings.Cut(name, "/")
	return sample("repository", map[string]any{"full_name": name, "name": short, "owner": user(strings.TrimSuffix(name, "/"+short))})
}

func (s *Server) listReviews(r request) answer {
	n := r.number("pull_number")
	list := []any{}
	for i, v := range s.Pulls[n].Reviews {
		review := sample("pull-request-review", map[string]any{"id": i + 1, "state": v.State, "body": "", "submitted_at": v.At})
		review["user"], review["commit_id"] = user(v.Login), v.Commit
		list = append(list, review)
	}
	path := fmt.Sprintf("/repos/%s/pulls/%d/reviews", s.Repository, n)
	return answer{status: 200, body: page(r, list), header: s.pages(r, path, len(list))}
}

// listFiles: 3,000 at most (github.md A5).
func (s *Server) listFiles(r request) answer {
	n := r.number("pull_number")
	list := []any{}
	for _, f := range s.Pulls[n].Files {
		if len(list) < 3000 {
			list = append(list, sample("diff-entry", map[string]any{"filename": f, "status": "modified"}))
		}
	}
	path := fmt.Sprintf("/repos/%s/pulls/%d/files", s.Repository, n)
	return answer{status: 200, body: page(r, list), header: s.pages(r, path, len(list))}
}

func (s *Server) rules(request) answer {
	rules := s.Rules
	if rules == nil {
		rules = []any{}
	}
	return answer{status: 200, body: rules}
}

// branch: Config.Branch overlays the least branch that the description allows.
func (s *Server) branch(r request) answer {
	fields, ok := s.Branch.(map[string]any)
	if !ok {
		return refusal(404, "Branch not found")
	}
	b := sample("branch-with-protection", map[string]any{"name": r.values["branch"]})
	overlay(b, fields)
	return answer{status: 200, body: b}
}
