package gates

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// assignment is a secret-shaped name that is given a quoted value:
//
//	password = "…"   API_KEY := '…'   "token": "…"   secret_value => "…"
//	password: str = "…"   var password string = "…"   token = b"…"
//
// A colon also separates names from types and words in prose, so behind it the
// value has to look like one: no blanks, eight characters, a digit.
var assignment = lazyregexp.New("(?i)(password|secret|api[_-]?key|token)[a-z0-9_.-]*[\"']?\\s*" +
	"(?:(?:(?::\\s*|\\s)[\\w.*\\[\\]]+\\s*)?(?::=|=>|=)\\s*[bBfFrRuU]{0,2}(?:\"([^\"]+)\"|'([^']+)'|`([^`]+)`)|:\\s*(?:\"([^\"\\s]{8,})\"|'([^'\\s]{8,})'))")

var hasDigit = lazyregexp.New(`[0-9]`)

// reference is a value that only says where the secret comes from, or stands
// for one in a document: ${VAR}, {{ var }}, <token>, %s, ****, process.env.X;
// or no value at all, but what stands between two strings: "x="+value+"\n".
var reference = lazyregexp.New(`^(\$|\{|<|%|\*+$|x+$|\.+$|…+$|process\.env|os\.environ|env[.:(]|secrets\.|vault:|\s*\+.*\+\s*$)`)

// History is the gate history (G2): secret-shaped assignments among the lines
// that the last commits added. It needs no pattern of any service, so it sees
// the home-made password that no rule knows.
func History(commits int) Gate {
	return Gate{
		ID:       "history",
		Doc:      fmt.Sprintf("secret-shaped assignments (password, secret, API key, token) in the last %d commits", commits),
		Help:     "Take the value out of the code and read it from the environment; it stays in the history, so change it where it is used.",
		Scope:    ScopeAll,
		CacheKey: fmt.Sprintf("assignments/1 commits=%d", commits),
		TreeOnly: true,
		Rules: []Rule{{
			ID: "secret-assignment", Title: "A secret-shaped name is given a quoted value",
			Help:     "Read the value from the environment or a secret store. If it is real, it is in the history for good: change it where it is used.",
			Tags:     []string{"security", "external/cwe/cwe-798"},
			Security: "7.0",
		}},
		Plan: func(_ context.Context, t *Target) (Plan, error) {
			if t.Change.Head == "" {
				return Plan{Skip: "no commits yet"}, nil
			}
			return Plan{Expect: Examined{Commits: 1}}, nil
		},
		Run: func(ctx context.Context, t *Target) (Outcome, error) { return history(ctx, t, commits) },
	}
}

func history(ctx context.Context, t *Target, limit int) (Outcome, error) {
	out := Outcome{Engine: Engine{Name: "wf-ci", Version: "assignments/1"}}
	listed, err := t.Repo.Commits(ctx, limit, t.Change.Head)
	if err != nil {
		return out, err
	}
	whole := make([]string, 0, len(listed))
	for _, c := range listed {
		if !t.Repo.Boundary[c] {
			whole = append(whole, c)
		}
	}
	commit, names := "", Fingerprints{}
	look := func(h git.Hunk) error {
		if h.Commit != commit {
			commit, names = h.Commit, Fingerprints{}
		}
		out.Examined.Bytes += int64(len(h.Text))
		out.Findings = append(out.Findings, assignments(t.Change, h, &names)...)
		return nil
	}
	merges, err := t.Repo.Merges(ctx, limit, t.Change.Head)
	if err != nil {
		return out, err
	}
	out.Examined.Commits = int64(len(whole) + len(merges))
	if err := errors.Join(t.Repo.Patches(ctx, whole, look), t.Repo.MergePatches(ctx, merges, look)); err != nil {
		return out, err
	}
	if len(whole) < len(listed) {
		return out, fmt.Errorf("the clone is shallow: of the last %d commits only %d can be read; fetch more (git fetch --unshallow, or fetch-depth: 0 in actions/checkout)",
			limit, len(whole))
	}
	return out, nil
}

// assignments are the findings of one hunk.
func assignments(change *git.Change, h git.Hunk, names *Fingerprints) []Finding {
	var found []Finding
	for i, line := range bytes.Split(bytes.TrimSuffix(h.Text, []byte("\n")), []byte("\n")) {
		if allowed(change, h.Commit, line) {
			continue
		}
		// Each of a line is a finding of its own: a waiver of one covers no other.
		for _, m := range assignment.FindAllSubmatchIndex(line, -1) {
			if !isSecretValue(line, m) {
				continue
			}
			name := string(bytes.ToLower(line[m[2]:m[3]]))
			found = append(found, Finding{
				Rule: "secret-assignment", Severity: SeverityError,
				Path: Path(h.Path), Line: h.Line + i, Column: utf8.RuneCount(line[:m[0]]) + 1, Commit: h.Commit,
				Message:     fmt.Sprintf("a %s is given a quoted value", name),
				Fingerprint: names.Of("history", "secret-assignment", h.Path, shortDigest(assignedValue(line, m))),
			})
		}
	}
	return found
}

// isSecretValue sorts out references, and words behind a colon.
func isSecretValue(line []byte, m []int) bool {
	value := assignedValue(line, m)
	if reference.Match(value) || len(bytes.TrimSpace(value)) == 0 {
		return false
	}
	behindColon := m[10] >= 0 || m[12] >= 0
	if !behindColon {
		return true
	}
	name := bytes.ToLower(line[m[2]:m[3]])
	return hasDigit.Match(value) && !bytes.Contains(bytes.ToLower(value), name) // "1password": "1Password"
}

func assignedValue(line []byte, m []int) []byte {
	for g := 4; g < len(m); g += 2 {
		if m[g] >= 0 {
			return line[m[g]:m[g+1]]
		}
	}
	return nil
}

// allowed says whether an allow marker on the line counts: only when the commit
// is not part of a change that is being judged.
func allowed(change *git.Change, commit string, line []byte) bool {
	return bytes.Contains(line, []byte("gitleaks:allow")) && (change.Everything() || !change.HasCommit(commit))
}
