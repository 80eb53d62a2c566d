package github

import (
	"context"
	"net/http"
	"strings"
)

// InTeams are those of some teams ("organisation/team") that a person is in. A
// workflow's own token may not ask; one of an app that may read members can.
// Where it may not, the person is in none: that approves nothing.
func InTeams(ctx context.Context, server Server, repository, login string, teams []string) ([]string, error) {
	s, err := newSession(server, repository)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, protectionBudget)
	defer cancel()
	var in []string
	for _, team := range teams {
		organisation, slug, ok := strings.Cut(team, "/")
		if !ok || !isWord(organisation, "-_") || !isWord(slug, "-_") || !isWord(strings.TrimSuffix(login, "[bot]"), "-_") {
			continue
		}
		m, _, err := s.rest.Teams.GetTeamMembershipBySlug(ctx, organisation, slug, login)
		switch code := statusOf(err); {
		case err == nil && m.GetState() == "active":
			in = append(in, team)
		case err == nil, code == http.StatusNotFound, code == http.StatusForbidden:
		default:
			return nil, failed("who is in the team "+team, "members: read", err)
		}
	}
	return in, nil
}
