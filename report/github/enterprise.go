package github

import (
	"net/url"
	"strings"
)

// What is another on GitHub Enterprise Server (below its own host) and on
// TENANT.ghe.com than on github.com. Runners set all three addresses; these are
// for a shell that sets GITHUB_SERVER_URL alone, or GITHUB_API_URL.

// apiOf is the API of a server.
func apiOf(web string) string {
	u, err := url.Parse(strings.TrimSuffix(web, "/"))
	switch {
	case web == "" || err != nil || u.Host == "github.com":
		return "https://api.github.com"
	case strings.HasSuffix(u.Host, ".ghe.com"):
		return u.Scheme + "://api." + u.Host
	}
	return u.String() + "/api/v3"
}

// graphqlOf is where GraphQL is asked, beside an API.
func graphqlOf(api string) string {
	if base, ok := strings.CutSuffix(api, "/api/v3"); ok {
		return base + "/api/graphql"
	}
	return api + "/graphql"
}

// notSwitchedOn says whether code scanning refuses because a private repository
// has not bought it. Before the product was split, and on older servers, it was
// called Advanced Security.
func notSwitchedOn(message string) bool {
	return strings.Contains(message, "Code Security must be enabled") || strings.Contains(message, "Advanced Security must be enabled")
}

// hostOf is the host of an address, without its port.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
