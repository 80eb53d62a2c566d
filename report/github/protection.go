package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// actionsApp is the id of the app behind every workflow's token.
const actionsApp = 15368

// Required is a check that has to pass before a branch takes a change.
type Required struct {
	Context string
	App     int64 // whose check it has to be; zero: anybody's
}

// Protection is what a branch asks for.
type Protection struct {
	Branch     string
	Required   []Required
	MergeQueue bool
}

const protectionBudget = time.Minute

// ReadProtection asks GitHub what a branch requires: its rule sets, and its
// protection as far as the token sees it.
func ReadProtection(ctx context.Context, server Server, repository, branch string) (Protection, error) {
	s, err := newSession(server, repository)
	if err != nil {
		return Protection{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, protectionBudget) // a rate limit may last for an hour
	defer cancel()
	p := Protection{Branch: branch}
	if err := s.rules(ctx, &p); err != nil {
		return p, fmt.Errorf("rules of the branch %q: %s", branch, plain(err))
	}
	if err := s.classic(ctx, &p); err != nil {
		return p, fmt.Errorf("protection of the branch %q: %s", branch, plain(err))
	}
	return p, nil
}

// rules reads the rule sets. go-github v60 stops at rules that are newer than
// it, such as a merge queue's.
func (s *session) rules(ctx context.Context, p *Protection) error {
	for page := 1; page <= 10; page++ {
		var list []struct {
			Type       string
			Parameters json.RawMessage
		}
		if err := s.get(ctx, fmt.Sprintf("rules/branches/%s?per_page=100&page=%d", url.PathEscape(p.Branch), page), &list); err != nil {
			return err
		}
		for _, r := range list {
			switch r.Type {
			case "merge_queue":
				p.MergeQueue = true
			case "required_status_checks":
				var checks struct {
					List []struct {
						Context string
						App     *int64 `json:"integration_id"`
					} `json:"required_status_checks"`
				}
				if err := json.Unmarshal(r.Parameters, &checks); err != nil {
					return err
				}
				for _, c := range checks.List {
					p.add(c.Context, c.App)
				}
			}
		}
		if len(list) < 100 {
			break
		}
	}
	return nil
}

// classic reads branch protection, from the part of it that needs no admin.
func (s *session) classic(ctx context.Context, p *Protection) error {
	var branch struct {
		Protection struct {
			Checks struct {
				Level    string `json:"enforcement_level"`
				Contexts []string
				Checks   []struct {
					Context string
					App     *int64 `json:"app_id"`
				}
			} `json:"required_status_checks"`
		}
	}
	err := s.get(ctx, "branches/"+url.PathEscape(p.Branch), &branch)
	if err != nil {
		return err
	}
	checks := branch.Protection.Checks
	if checks.Level == "off" {
		return nil
	}
	for _, c := range checks.Checks {
		p.add(c.Context, c.App)
	}
	if len(checks.Checks) == 0 {
		for _, name := range checks.Contexts {
			p.add(name, nil)
		}
	}
	return nil
}

func (p *Protection) add(name string, app *int64) {
	r := Required{Context: name}
	if app != nil && *app > 0 {
		r.App = *app
	}
	p.Required = append(p.Required, r)
}

// get reads something of the repository.
func (s *session) get(ctx context.Context, path string, into any) error {
	req, err := s.rest.NewRequest(http.MethodGet, "repos/"+s.owner+"/"+s.repo+"/"+path, nil)
	if err != nil {
		return err
	}
	_, err = s.rest.Do(ctx, req, into)
	return err
}
