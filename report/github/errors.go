package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	gh "github.com/google/go-github/v60/github"
	"github.com/hashicorp/go-multierror"
)

// Failure is something that could not be written to GitHub. It turns no verdict.
type Failure struct {
	What   string // "the check run", …
	Need   string // the permission it takes, as in a workflow: "checks: write"
	Denied bool   // the token may not do it, or the repository has no such thing
	Wanted bool   // it was asked for by name, not only tried
	Why    string // in plain words
}

func (f *Failure) Error() string { return f.What + ": " + f.Why }

// Failures are those in an error of a [Reporter].
func Failures(err error) []*Failure {
	var many *multierror.Error
	if !errors.As(err, &many) {
		return nil
	}
	var out []*Failure
	for _, e := range many.Errors {
		var f *Failure
		if errors.As(e, &f) {
			out = append(out, f)
		}
	}
	return out
}

// failures collects what went wrong. Not safe for concurrent use.
type failures struct{ all *multierror.Error }

func (c *failures) add(f *Failure) {
	if f == nil {
		return
	}
	c.all = multierror.Append(c.all, f)
	c.all.ErrorFormat = func(list []error) string {
		var texts []string
		for _, e := range list {
			texts = append(texts, e.Error())
		}
		return strings.Join(texts, "; ")
	}
}

// err is nil where nothing failed; never a nil *multierror.Error in an error.
func (c *failures) err() error { return c.all.ErrorOrNil() }

// failed is err as a failure of what; nil for nil.
func failed(what, need string, err error) *Failure {
	if err == nil {
		return nil
	}
	f := &Failure{What: what, Need: need, Why: plain(err)}
	// A token that is not valid may do nothing, but nobody meant it so.
	code := statusOf(err)
	f.Denied = code == http.StatusForbidden || code == http.StatusNotFound
	return f
}

// statusOf is the HTTP status of GitHub's answer; zero: there was none.
func statusOf(err error) int {
	var answer *gh.ErrorResponse
	if errors.As(err, &answer) && answer.Response != nil {
		return answer.Response.StatusCode
	}
	return 0
}

// unclear says whether GitHub may have done what was asked all the same.
func unclear(err error) bool {
	if err == nil || errors.As(err, new(errDown)) {
		return false
	}
	code := statusOf(err)
	return code == 0 || code >= 500
}

var errNoAPI = errors.New("what answers for GitHub is no API (a proxy on the way?)")

// plain says in words what an error of the API means.
func plain(err error) string {
	var answer *gh.ErrorResponse
	var down errDown
	switch {
	case errors.As(err, &down):
		return down.why
	case errors.Is(err, context.DeadlineExceeded):
		return "GitHub did not answer in time"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, new(*json.SyntaxError)):
		return errNoAPI.Error()
	case !errors.As(err, &answer) || answer.Response == nil:
		return short(err.Error())
	}
	said := short(answer.Message)
	switch code := answer.Response.StatusCode; code {
	case http.StatusUnauthorized:
		return "the token is not valid, or has expired"
	case http.StatusForbidden:
		return "the token may not (" + said + ")"
	case http.StatusNotFound:
		return "the token does not see it (404)"
	default:
		for _, e := range answer.Errors {
			said += "; " + short(strings.TrimSpace(e.Field+" "+e.Code+" "+e.Message))
		}
		return strings.TrimSuffix(fmt.Sprintf("GitHub answers %d: %s", code, said), ": ")
	}
}

// short is a text of a server's for one line of a log.
func short(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	const most = 300
	if len(s) <= most {
		return s
	}
	return s[:runeStart(s, most)] + "…"
}
