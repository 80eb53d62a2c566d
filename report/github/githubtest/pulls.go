package githubtest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

func (s *Server) getPull(r request) answer {
	n := r.number("pull_number")
	p, ok := s.Pulls[n]
	if !ok {
		return refusal(404, "Not Found")
	}
	out := sample("pull-request", map[string]any{
		"number": n, "head": map[string]any{"sha": p.Head, "ref": p.branch()}, "user": user("octocat"),
	})
	head, _ := out["head"].(map[string]any)
	head["repo"] = s.repository(p.HeadRepo)
	base, _ := out["base"].(map[string]any)
	base["repo"], base["ref"] = s.repository(s.Repository), "main"
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

func (p Pull) branch() string {
	if p.Branch == "" {
		return "feature"
	}
	return p.Branch
}

// pullField is one field of the question for pull requests; the arguments and
// fields are those of GitHub's schema (docs.github.com/graphql, Repository and
// PullRequest).
var pullField = lazyregexp.New(`^ (p[0-9]+): pullRequests\(headRefName: \$(b[0-9]+), first: ([0-9]+), orderBy: \{field: CREATED_AT, direction: DESC\}\) ` +
	`\{ nodes \{ number state isDraft headRefOid headRepository \{ nameWithOwner \} \} \}`)

// pullsOfBranches answers for several branches at once. A variable that is not
// declared, or not given, is GitHub's error; so are more than 100 of them here.
func (s *Server) pullsOfBranches(question string, variables map[string]string) answer {
	head, rest, _ := strings.Cut(question, " { repository(owner: $owner, name: $name) {")
	out := make(map[string]any)
	for {
		m := pullField.FindStringSubmatch(rest)
		if m == nil {
			break
		}
		rest = rest[len(m[0]):]
		branch, given := variables[m[2]]
		if !given || !strings.Contains(head+",", "$"+m[2]+": String!,") && !strings.Contains(head, "$"+m[2]+": String!)") {
			s.problem("graphql: the variable %s is not declared, or not given", m[2])
		}
		out[m[1]] = map[string]any{"nodes": s.pullsOf(branch, m[3])}
	}
	if rest != " } }" || len(out) == 0 || len(out) > 100 || len(variables) != len(out)+2 {
		s.problem("graphql: %.200q", question)
	}
	if variables["owner"]+"/"+variables["name"] != s.Repository {
		return answer{status: 200, body: map[string]any{
			"data":   map[string]any{"repository": nil},
			"errors": []any{map[string]any{"type": "NOT_FOUND", "message": "Could not resolve to a Repository with the name '" + variables["owner"] + "/" + variables["name"] + "'."}},
		}}
	}
	return answer{status: 200, body: map[string]any{"data": map[string]any{"repository": out}}}
}

// pullsOf are the last pull requests of a branch, those of forks too.
func (s *Server) pullsOf(branch, first string) []any {
	numbers := slices.Sorted(maps.Keys(s.Pulls))
	slices.Reverse(numbers)
	most, _ := strconv.Atoi(first)
	list := []any{}
	for _, n := range numbers {
		p := s.Pulls[n]
		if p.branch() != branch || len(list) == most {
			continue
		}
		state := p.State
		if state == "" {
			state = "OPEN"
		}
		node := map[string]any{"number": n, "state": state, "isDraft": p.Draft, "headRefOid": p.Head, "headRepository": nil}
		if p.HeadRepo != "" { // deleted forks have none
			node["headRepository"] = map[string]any{"nameWithOwner": p.HeadRepo}
		}
		list = append(list, node)
	}
	return list
}
