package main

import (
	"testing"

	"github.com/wf-ci/wf-ci/gates/secrets"
)

// What people write loses its secrets, and nothing else.
func TestProse(t *testing.T) {
	a := &app{redactor: secrets.NewRedactor()}
	for in, want := range map[string]string{
		"feat: with password=hunter2hunter2xyz":     "feat: with password=[redacted]",
		`set DB_PASSWORD = "correct-horse" in env`:  `set DB_PASSWORD =[redacted]" in env`,
		"api_key: 9f8e7d6c5b":                       "api_key:[redacted]",
		"postgres://app:s3cret@db/x is down":        "postgres://[redacted]@db/x is down",
		"send Authorization: Bearer abc123def456":   "send Authorization: Bearer REDACTED",
		"fix token: refresh it when it has expired": "fix token: refresh it when it has expired",
		"fix(token): v2 of the endpoint":            "fix(token): v2 of the endpoint",
		"basic understanding of bearer semantics":   "basic understanding of bearer semantics",
		"password reset, secret santa, API keys":    "password reset, secret santa, API keys",
		"token=$TOKEN":                              "token=[redacted]",
		"password=[redacted]":                       "password=[redacted]",
	} {
		if got := a.prose(in); got != want {
			t.Errorf("prose(%q) = %q, want %q", in, got, want)
		}
		if once := a.prose(in); a.prose(once) != once {
			t.Errorf("prose(%q) is not at rest: %q", in, once)
		}
	}
}
