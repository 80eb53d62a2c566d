package github

import "testing"

func TestBases(t *testing.T) {
	for web, want := range map[string][2]string{
		"":                         {"https://api.github.com", "https://api.github.com/graphql"},
		"https://github.com":       {"https://api.github.com", "https://api.github.com/graphql"},
		"https://git.example/":     {"https://git.example/api/v3", "https://git.example/api/graphql"},
		"https://acme.ghe.com":     {"https://api.acme.ghe.com", "https://api.acme.ghe.com/graphql"},
		"https://git.example:8443": {"https://git.example:8443/api/v3", "https://git.example:8443/api/graphql"},
	} {
		api := apiOf(web)
		if got := [2]string{api, graphqlOf(api)}; got != want {
			t.Errorf("%q: %q", web, got)
		}
	}
	for message, want := range map[string]bool{
		"Code Security must be enabled for this repository to use code scanning.":     true,
		"Advanced Security must be enabled for this repository to use code scanning.": true,
		"Resource not accessible by integration":                                      false,
	} {
		if notSwitchedOn(message) != want {
			t.Errorf("%q", message)
		}
	}
}
