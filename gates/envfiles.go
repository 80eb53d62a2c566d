package gates

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// envSecret is a line of an env file that sets a secret: a name with one of
// the four words, and a value.
var envSecret = lazyregexp.New(`(?i)^\s*(?:export\s+)?([a-z0-9_.]*(?:API_?KEY|SECRET|PASSWORD|TOKEN)[a-z0-9_.]*)\s*[=:]\s*(\S.*)$`)

// envTemplates are names of env files that are meant to be shared.
var envTemplates = []string{".example", ".sample", ".template", ".dist"}

// envFileLimit is the size, in bytes, above which a file is no env file.
const envFileLimit = 1 << 20

// EnvFiles is the gate env-files (G3): env files with secrets in them. One
// that git does not ignore blocks; an ignored one is a warning, since it is
// where such values belong, and one `git add -f` away from being published.
func EnvFiles() Gate {
	return Gate{
		ID:    "env-files",
		Doc:   "env files (*.env*) that hold secrets and are not ignored by git",
		Help:  "Add the file to .gitignore, take it out of git (git rm --cached FILE), and change the values that were published.",
		Scope: ScopeAll,
		// Ignored files are in no tree, and count for every one.
		TreeOnly: true,
		Rules: []Rule{
			{ID: "env-file-secret", Title: "An env file with a secret is not ignored by git", Tags: []string{"security", "external/cwe/cwe-538"}, Security: "8.0",
				Help: "Add the file to .gitignore, run `git rm --cached FILE`, keep a `.env.example` without values, and change what was published."},
			{ID: "env-file-ignored", Title: "An ignored env file holds secrets", Tags: []string{"security"}, Security: "2.0",
				Help: "Nothing to do while git ignores it. Keep its permissions narrow (chmod 600)."},
		},
		Plan: func(_ context.Context, t *Target) (Plan, error) {
			if len(t.Tree.Files) == 0 {
				return Plan{Skip: "no files"}, nil
			}
			return Plan{Expect: Examined{Files: int64(len(t.Tree.Files))}}, nil
		},
		Run: envFiles,
	}
}

func isEnvFile(name string) bool {
	base := strings.ToLower(path.Base(name))
	if !strings.Contains(base, ".env") {
		return false
	}
	for _, t := range envTemplates {
		if strings.Contains(base, t) {
			return false
		}
	}
	return true
}

func envFiles(ctx context.Context, t *Target) (Outcome, error) {
	out := Outcome{Engine: Engine{Name: "wf-ci", Version: "env-files/1"}}
	var candidates []git.File
	for _, f := range t.Tree.Files {
		if isEnvFile(f.Path) && f.Kind != git.Symlink && f.Size <= envFileLimit {
			candidates = append(candidates, f)
		}
	}
	var mu sync.Mutex
	err := t.Tree.Each(ctx, candidates, t.Jobs, func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		mu.Lock()
		defer mu.Unlock()
		out.Examined.Bytes += int64(len(data))
		for _, hit := range envSecrets(data) {
			out.Findings = append(out.Findings, Finding{
				Rule: "env-file-secret", Severity: SeverityError, Path: Path(f.Path), Line: hit.line,
				Message: fmt.Sprintf("%s is set in an env file that git does not ignore", hit.name),
			})
		}
		return err
	})
	if err != nil {
		return out, err
	}
	// All names were looked at; only env files were read.
	out.Examined.Files = int64(len(t.Tree.Files))
	ignored, err := ignoredEnvFiles(ctx, t)
	out.Findings = append(out.Findings, ignored...)
	return out, err
}

// EnvFileSecrets counts the secrets that the content of a file sets, where its
// name is that of an env file: for a quick look outside of a run.
func EnvFileSecrets(name string, content []byte) int {
	if !isEnvFile(name) || len(content) > envFileLimit {
		return 0
	}
	return len(envSecrets(content))
}

type envHit struct {
	name string
	line int
}

// envSecrets are the names set to something that is not a reference.
func envSecrets(data []byte) []envHit {
	var hits []envHit
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	for i, line := range bytes.Split(data, []byte("\n")) {
		m := envSecret.FindSubmatch(bytes.TrimRight(line, "\r"))
		if m == nil {
			continue
		}
		value := envValue(m[2])
		if len(value) == 0 || value[0] == '#' || reference.Match(value) || bytes.HasPrefix(value, []byte("encrypted:")) {
			continue
		}
		hits = append(hits, envHit{name: string(m[1]), line: i + 1})
	}
	return hits
}

// envValue is a value without its quotes and what follows them.
func envValue(text []byte) []byte {
	text = bytes.TrimSpace(text)
	if quote := text[0]; quote == '"' || quote == '\'' {
		text = text[1:]
		if end := bytes.IndexByte(text, quote); end >= 0 {
			text = text[:end]
		}
	}
	return bytes.TrimSpace(text)
}

// ignoredEnvFiles looks at the env files that git ignores, on disk, without
// ever following a link out of the tree.
func ignoredEnvFiles(ctx context.Context, t *Target) ([]Finding, error) {
	paths, err := t.Repo.IgnoredFiles(ctx, ":(icase)*.env*")
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var found []Finding
	for _, p := range paths {
		if !isEnvFile(p) {
			continue
		}
		data, err := readSmall(root, p, envFileLimit)
		if err != nil {
			return found, fmt.Errorf("read %q: %w", p, err)
		}
		if hits := envSecrets(data); len(hits) > 0 {
			found = append(found, Finding{
				Rule: "env-file-ignored", Severity: SeverityWarning, Path: Path(p),
				Message: fmt.Sprintf("%s set in an env file that git ignores", Plural(len(hits), "secret")),
			})
		}
	}
	return found, nil
}

// readSmall reads a regular file below root; what is no regular file, too
// large, or gone since it was listed, is empty.
func readSmall(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() > limit {
		return nil, err
	}
	return root.ReadFile(name)
}
