package github

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// BranchPull is the pull request of a branch.
type BranchPull struct {
	Number int
	State  string // open, draft, merged, closed
	Head   string // commit that it ends with
}

const (
	// branchBudget is short: somebody waits for a list that is complete without it.
	branchBudget = 3 * time.Second
	// branchesAtOnce is how many branches one request asks for: a point of the
	// 5,000 an hour.
	branchesAtOnce = 100
)

// BranchPulls asks for the pull requests of branches, in one request for a
// hundred of them. repository is where they were opened, home where the branches
// are: another one for a fork. Of several for a branch an open one counts, else
// the last.
func BranchPulls(ctx context.Context, server Server, repository, home string, branches []string) (map[string]BranchPull, error) {
	s, err := newSession(server, repository)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, branchBudget)
	defer cancel()
	out := make(map[string]BranchPull)
	for len(branches) > 0 {
		n := min(len(branches), branchesAtOnce)
		if err := s.branchPulls(ctx, home, branches[:n], out); err != nil {
			return nil, err
		}
		branches = branches[n:]
	}
	return out, nil
}

// pullNode is a pull request as GraphQL gives it.
type pullNode struct {
	Number         int    `json:"number"`
	State          string `json:"state"` // OPEN, CLOSED, MERGED
	IsDraft        bool   `json:"isDraft"`
	HeadRefOid     string `json:"headRefOid"`
	HeadRepository struct {
		NameWithOwner string `json:"nameWithOwner"`
	} `json:"headRepository"`
}

func (s *session) branchPulls(ctx context.Context, home string, branches []string, out map[string]BranchPull) error {
	query, variables := branchQuery(s.owner, s.repo, branches)
	req, err := s.rest.NewRequest("POST", s.graphql, map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			Repository map[string]struct {
				Nodes []pullNode `json:"nodes"`
			} `json:"repository"`
		} `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if _, err := s.rest.Do(repeat(ctx), req, &answer); err != nil {
		return errors.New(plain(err))
	}
	if len(answer.Errors) > 0 { // with status 200
		return errors.New(short(answer.Errors[0].Message))
	}
	if answer.Data.Repository == nil {
		return errors.New("the token does not see the repository")
	}
	for i, b := range branches {
		if p, ok := choose(answer.Data.Repository[fmt.Sprintf("p%d", i)].Nodes, home); ok {
			out[b] = p
		}
	}
	return nil
}

// branchQuery asks for the last pull requests of each branch. Names are
// variables: nothing of theirs is in the question itself.
func branchQuery(owner, name string, branches []string) (string, map[string]string) {
	variables := map[string]string{"owner": owner, "name": name}
	var head, body strings.Builder
	for i, b := range branches {
		variables[fmt.Sprintf("b%d", i)] = b
		fmt.Fprintf(&head, ", $b%d: String!", i)
		fmt.Fprintf(&body, " p%d: pullRequests(headRefName: $b%d, first: 5, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { number state isDraft headRefOid headRepository { nameWithOwner } } }", i, i)
	}
	return fmt.Sprintf("query($owner: String!, $name: String!%s) { repository(owner: $owner, name: $name) {%s } }", &head, &body), variables
}

// choose is the pull request that counts; a fork may have a branch of the same
// name.
func choose(nodes []pullNode, home string) (BranchPull, bool) {
	var last *pullNode
	for i, n := range nodes {
		if !strings.EqualFold(n.HeadRepository.NameWithOwner, home) {
			continue
		}
		if last == nil || n.State == "OPEN" && last.State != "OPEN" {
			last = &nodes[i]
		}
	}
	if last == nil {
		return BranchPull{}, false
	}
	state := strings.ToLower(last.State)
	if last.State == "OPEN" && last.IsDraft {
		state = "draft"
	}
	return BranchPull{Number: last.Number, State: state, Head: last.HeadRefOid}, true
}

// RepositoryOf is owner/name of a remote's address, if that is on the server
// which the token is for; empty where it is not.
func (s Server) RepositoryOf(remote string) string {
	web := s.Web
	if web == "" {
		web = "https://github.com"
	}
	host := hostOf(web)
	at, path := cutRemote(remote)
	if host == "" || at != host && at != "ssh."+host { // ssh.github.com: behind a firewall
		return ""
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	if !isRepository(path) {
		return ""
	}
	return path
}

// cutRemote cuts an address of git's into its host and its path: with a scheme,
// or as ssh has it, user@host:path.
func cutRemote(remote string) (host, path string) {
	if scheme, rest, ok := strings.Cut(remote, "://"); ok {
		if scheme != "https" && scheme != "ssh" && scheme != "git+ssh" && scheme != "http" {
			return "", ""
		}
		_, path, _ = strings.Cut(rest, "/")
		return hostOf(remote), path
	}
	host, path, _ = strings.Cut(remote, ":")
	return strings.ToLower(host[strings.LastIndexByte(host, '@')+1:]), path
}
