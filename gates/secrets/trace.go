package secrets

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Trace is what a person wants to know of a finding to act on it. It is made
// for the terminal of whoever ran the gate, and is in no report: whether a
// commit is on a remote hangs on the clone, and the hash on its key.
type Trace struct {
	Commit  string // that brought it; empty: not committed yet, or not known
	By      git.Signature
	Remotes []string // branches of remotes that have the commit
	Shape   string   // of the secret, without a character of it; empty: not known
	Hash    string   // of the secret, with the repository's key
	Checked string   // what Verify said; empty: not asked
}

// Tracer follows findings.
type Tracer struct {
	Target *gates.Target
	// Verify asks whether a secret still works. Nil: nobody is asked.
	Verify func(ctx context.Context, rule, secret string) string
}

const (
	maxRemotes = 3
	maxTraced  = 8 << 20 // bytes of a file
)

// Trace follows findings of this gate: a trace for each, in their order.
func (tr Tracer) Trace(ctx context.Context, list []gates.Finding) ([]Trace, error) {
	t := tr.Target
	rules, err := loadRules(ctx, t)
	if err != nil {
		return nil, err
	}
	key, err := sealKey(filepath.Join(t.Repo.CommonDir(), "wf-ci", "secrets.key"))
	if err != nil {
		return nil, fmt.Errorf("make the key of this repository: %w", err)
	}
	out, err := origins(ctx, t, list)
	if err != nil {
		return nil, err
	}
	for i, f := range list {
		secret, ok := secretOf(ctx, t, rules, f)
		if !ok {
			continue
		}
		h := hmac.New(sha256.New, key)
		h.Write([]byte(secret))
		out[i].Shape, out[i].Hash = shape(secret), hex.EncodeToString(h.Sum(nil)[:6])
		if tr.Verify != nil {
			out[i].Checked = tr.Verify(ctx, f.Rule, secret)
		}
	}
	return out, tr.commits(ctx, out)
}

// origins are traces with the commits that brought the findings. git is asked
// once for a file: it follows all of its lines as fast as one.
func origins(ctx context.Context, t *gates.Target, list []gates.Finding) ([]Trace, error) {
	out := make([]Trace, len(list))
	lines := make(map[string][]int)
	for i, f := range list {
		out[i].Commit = f.Commit
		if f.Commit == "" && f.Line > 0 && t.Change.Head != "" {
			lines[string(f.Path)] = append(lines[string(f.Path)], f.Line)
		}
	}
	for path, at := range lines {
		file := t.Tree.File(path)
		if file == nil {
			continue
		}
		brought, err := t.Repo.LineOrigins(ctx, t.Change.Head, *file, at)
		if err != nil {
			return nil, err
		}
		for i, f := range list {
			if f.Commit == "" && string(f.Path) == path {
				out[i].Commit = brought[f.Line]
			}
		}
	}
	return out, nil
}

// commits fills in who wrote the commits and where they are: one command for
// all of them, and one for each.
func (tr Tracer) commits(ctx context.Context, traces []Trace) error {
	var ids []string
	at := make(map[string]int)
	for _, t := range traces {
		if _, ok := at[t.Commit]; !ok && t.Commit != "" {
			at[t.Commit] = len(ids)
			ids = append(ids, t.Commit)
		}
	}
	by, err := tr.Target.Repo.Signatures(ctx, ids)
	if err != nil {
		return err
	}
	remotes := make([][]string, len(ids))
	for i, id := range ids {
		if remotes[i], err = tr.Target.Repo.RemotesWith(ctx, id, maxRemotes); err != nil {
			return err
		}
	}
	for i := range traces {
		if k, ok := at[traces[i].Commit]; ok {
			traces[i].By, traces[i].Remotes = by[k], remotes[k]
		}
	}
	return nil
}

// secretOf finds the secret of a finding again.
func secretOf(ctx context.Context, t *gates.Target, r *rules, f gates.Finding) (string, bool) {
	var text []byte
	var err error
	if f.Commit != "" {
		text, err = t.Repo.ReadFile(ctx, f.Commit, string(f.Path), maxTraced)
	} else if file := t.Tree.File(string(f.Path)); file != nil {
		text, err = t.Tree.Read(ctx, *file, maxTraced)
	}
	if err != nil || f.Line == 0 {
		return "", false
	}
	lines := strings.SplitAfter(string(text), "\n")
	last := max(f.Line, f.EndLine)
	if last > len(lines) {
		return "", false
	}
	part := fragment{path: string(f.Path), commit: f.Commit, line: f.Line, text: strings.Join(lines[f.Line-1:last], "")}
	hits, err := r.scan(ctx, part)
	if err != nil {
		return "", false
	}
	for _, h := range hits {
		if found := newFound(part, h); h.rule == f.Rule && found.line == f.Line && found.column == f.Column {
			return h.secret, true
		}
	}
	return "", false
}

// shape is what a secret looks like: how long it is, and of what.
func shape(secret string) string {
	var kinds []string
	for _, k := range []struct {
		name string
		in   func(c rune) bool
	}{
		{"a-z", func(c rune) bool { return c >= 'a' && c <= 'z' }},
		{"A-Z", func(c rune) bool { return c >= 'A' && c <= 'Z' }},
		{"0-9", func(c rune) bool { return c >= '0' && c <= '9' }},
		{"others", func(c rune) bool { return c > 0x7f || c < '0' || c > 'z' || c > '9' && c < 'A' || c > 'Z' && c < 'a' }},
	} {
		if strings.ContainsFunc(secret, k.in) {
			kinds = append(kinds, k.name)
		}
	}
	return fmt.Sprintf("%d characters of %s", len([]rune(secret)), strings.Join(kinds, ", "))
}
