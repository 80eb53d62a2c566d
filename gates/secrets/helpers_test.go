package secrets

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

var ctx = context.Background()

// The secrets of these tests are made at run time: our own repository is
// looked at by this gate.

func randomText(seed uint64, n int, alphabet string) string {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// awsKey is a secret for the rule aws-access-token.
func awsKey(seed uint64) string {
	return "AK" + "IA" + randomText(seed, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
}

// githubToken is a secret for the rule github-pat.
func githubToken(seed uint64) string { return "gh" + "p_" + randomText(seed, 36, alphanumeric) }

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// target is what the gate is given for a repository; base empty: everything is
// new. Policy comes from the work tree.
func target(t testing.TB, repo *gittest.Repo, base string) *gates.Target {
	t.Helper()
	target := gatestest.Target(t, repo, base)
	target.Redact = redact
	return target
}

// redact must leave our own messages as they are.
var redact = NewRedactor().Redact

// withPolicy makes files the policy, whatever is in the tree.
func withPolicy(t *gates.Target, files map[string]string) *gates.Target {
	t.ReadPolicy = func(_ context.Context, path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, nil
	}
	return t
}

// result runs the gate as the product does: plan, run, redaction, order.
func result(t testing.TB, o Options, target *gates.Target) gates.Result {
	t.Helper()
	results, err := gates.Run(ctx, target, []gates.Gate{Gate(o)}, gates.Options{Jobs: 1, Timeout: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

// findings are those of a gate that must come to an outcome.
func findings(t testing.TB, o Options, target *gates.Target) []gates.Finding {
	t.Helper()
	r := result(t, o, target)
	if r.Err != nil || r.Skipped != "" {
		t.Fatalf("error %v, skipped %q", r.Err, r.Skipped)
	}
	return r.Outcome.Findings
}

// places are findings in short: "rule path:line:column-endline:endcolumn [commit]".
func places(list []gates.Finding) []string {
	var out []string
	for _, f := range list {
		s := f.Rule + " " + f.Path.String()
		if f.Line > 0 {
			s += fmt.Sprintf(":%d:%d-%d:%d", f.Line, f.Column, f.EndLine, f.EndColumn)
		}
		if f.Commit != "" {
			s += " " + f.Commit[:7]
		}
		out = append(out, s)
	}
	return out
}

func lines(s ...string) string { return strings.Join(s, "\n") + "\n" }
