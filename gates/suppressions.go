package gates

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// markers are what asks an engine to look away, with the engine that obeys.
// Where a marker is also an ordinary word, the comment sign is part of it.
var markers = []struct {
	name    string
	pattern *lazyregexp.Regexp
}{
	{"gitleaks:allow", lazyregexp.New(`gitleaks:allow|betterleaks:allow|trufflehog:ignore`)},
	{"nosec", lazyregexp.New(`(?i)(#|//|/\*)\s*#?\s*nosec\b`)},
	{"nosemgrep", lazyregexp.New(`(?i)\bnosem(grep)?\b`)},
	{"nolint", lazyregexp.New(`//\s*nolint\b`)},
	{"lint:ignore", lazyregexp.New(`//\s*lint:(file-)?ignore\b`)},
	{"noqa", lazyregexp.New(`(?i)#\s*(ruff:\s*|flake8:\s*)?noqa\b`)},
	{"type: ignore", lazyregexp.New(`#\s*type:\s*ignore\b`)},
	{"pyright: ignore", lazyregexp.New(`#\s*(pyright:\s*(ignore|basic)|mypy:\s*ignore-errors|pyre-ignore|ty:\s*ignore)\b`)},
	{"pylint: disable", lazyregexp.New(`#\s*pylint:\s*(disable|skip-file)\b`)},
	{"pragma: no cover", lazyregexp.New(`(?i)#\s*pragma:\s*no\s*cover\b`)},
	{"eslint-disable", lazyregexp.New(`\beslint-disable(-next-line|-line)?\b`)},
	{"@ts-ignore", lazyregexp.New(`@ts-(ignore|expect-error|nocheck)\b`)},
	{"biome-ignore", lazyregexp.New(`\b(biome-ignore|oxlint-disable)\b`)},
	{"coverage ignore", lazyregexp.New(`\b(istanbul|c8|v8|coverage:)\s*ignore\b`)},
	{"#[allow]", lazyregexp.New(`#!?\[(allow|expect)\(`)},
	{"@SuppressWarnings", lazyregexp.New(`@(SuppressWarnings|Suppress)\b`)},
	{"NOSONAR", lazyregexp.New(`\bNOSONAR\b`)},
	{"shellcheck disable", lazyregexp.New(`#\s*shellcheck\s+disable=`)},
	{"hadolint ignore", lazyregexp.New(`#\s*hadolint\s+(global\s+)?ignore=`)},
	{"rubocop:disable", lazyregexp.New(`#\s*rubocop:(disable|todo)\b`)},
	{"phpstan-ignore", lazyregexp.New(`@(phpstan-ignore|psalm-suppress)`)},
	{"scanner skip", lazyregexp.New(`\b(trivy:ignore|tfsec:ignore|checkov:skip|kics-scan\s+(ignore|disable)|zizmor:\s*ignore|lgtm\s*\[|codeql\s*\[)`)},
	{"jscpd:ignore", lazyregexp.New(`\bjscpd:ignore-start\b`)},
}

// ignoreFiles are files whose lines make an engine look away.
var ignoreFiles = []string{
	".gitleaksignore", ".gitleaks.toml", ".betterleaks.toml", ".semgrepignore", ".trivyignore", ".trivyignore.yaml", ".snyk", ".eslintignore",
	".nancy-ignore", ".nsprc", ".secretlintignore", ".trufflehogignore", ".betterleaksignore", "osv-scanner.toml", "audit-ci.json",
}

// prose are endings of documents and of data, where a marker is a word and not
// an order.
var prose = []string{".md", ".markdown", ".rst", ".adoc", ".txt", ".json", ".sarif", ".svg", ".csv", ".lock"}

// suppressionLimit is the size, in bytes, above which a file is data, not a
// source that an engine would read for markers.
const suppressionLimit = 4 << 20

// Suppressions is the gate suppressions: markers that the change adds and that
// ask an engine to look away. They do not hide secrets here, and they are
// never silent: each is a finding, a warning unless policy blocks on warnings.
func Suppressions() Gate {
	return Gate{
		ID:       "suppressions",
		Doc:      "markers that the change adds to keep a tool from looking (nosec, nolint, noqa, @ts-ignore, …)",
		Help:     "Mend what the tool found. Where the tool is wrong, say why beside the marker, and have a person look.",
		Scope:    ScopeChange,
		CacheKey: "suppressions/1",
		TreeOnly: true,
		Rules: []Rule{
			{ID: "suppression-added", Title: "The change tells a tool to look away", Help: "Mend the cause, or say in the review why the tool is wrong.", Tags: []string{"security"}, Security: "3.0"},
			{ID: "ignore-file", Title: "The change adds to a tool's ignore file", Help: "Say in the review why the entry is right.", Tags: []string{"security"}, Security: "3.0"},
		},
		Plan: func(_ context.Context, t *Target) (Plan, error) {
			if t.Change.Everything() {
				return Plan{Skip: "no base to compare with"}, nil
			}
			return Plan{Expect: Examined{Files: int64(len(changedSources(t)))}}, nil
		},
		Run: suppressions,
	}
}

// changedSources are the changed files that an engine could read.
func changedSources(t *Target) []git.File {
	var files []git.File
	for _, p := range t.Change.Files() {
		f := t.Tree.File(p)
		if f == nil || f.Kind == git.Symlink || f.Size > suppressionLimit {
			continue
		}
		// An ignore file speaks to a tool, whatever it is called.
		if isProse := slices.Contains(prose, strings.ToLower(path.Ext(p))); isProse && !slices.Contains(ignoreFiles, path.Base(p)) {
			continue
		}
		files = append(files, *f)
	}
	return files
}

func suppressions(ctx context.Context, t *Target) (Outcome, error) {
	out := Outcome{Engine: Engine{Name: "wf-ci", Version: "suppressions/1"}}
	var mu sync.Mutex
	err := t.Tree.Each(ctx, changedSources(t), t.Jobs, func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		found := addedMarkers(t.Change, f.Path, data)
		mu.Lock()
		defer mu.Unlock()
		out.Examined.Files++
		out.Examined.Bytes += int64(len(data))
		out.Suppressions = append(out.Suppressions, found...)
		return err
	})
	sort.Slice(out.Suppressions, func(i, j int) bool {
		a, b := out.Suppressions[i], out.Suppressions[j]
		return a.Path < b.Path || a.Path == b.Path && (a.Line < b.Line || a.Line == b.Line && a.Marker < b.Marker)
	})
	for _, s := range out.Suppressions {
		out.Findings = append(out.Findings, suppressionFinding(s))
	}
	return out, err
}

func suppressionFinding(s Suppression) Finding {
	f := Finding{
		Rule: "suppression-added", Severity: SeverityWarning, Path: s.Path, Line: s.Line,
		Message: fmt.Sprintf("the change adds the marker %q", s.Marker),
	}
	if slices.Contains(ignoreFiles, s.Marker) {
		f.Rule, f.Message = "ignore-file", fmt.Sprintf("the change adds an entry to %s", s.Marker)
	}
	return f
}

// addedMarkers are the markers on the lines of a file that are in the change.
func addedMarkers(change *git.Change, name string, data []byte) []Suppression {
	if bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 {
		return nil // binary
	}
	ignoreFile := slices.Contains(ignoreFiles, path.Base(name))
	var found []Suppression
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !change.HasLines(name, i+1, i+1) {
			continue
		}
		if text := bytes.TrimSpace(line); ignoreFile && len(text) > 0 && text[0] != '#' {
			found = append(found, Suppression{Path: Path(name), Line: i + 1, Marker: path.Base(name)})
			if path.Ext(name) == ".toml" {
				break // a configuration: that it changed is the finding
			}
			continue
		}
		for _, m := range markers {
			if m.pattern.Match(line) {
				found = append(found, Suppression{Path: Path(name), Line: i + 1, Marker: m.name})
			}
		}
	}
	return found
}
