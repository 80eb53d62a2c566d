package secrets

import (
	"context"
	"fmt"

	"github.com/wf-ci/wf-ci/gates/secrets/scan"
)

// fragment is a text that is looked at as a whole.
type fragment struct {
	path   string // relative to the root, with slashes; git's bytes
	commit string // empty: the tree
	line   int    // of its first line
	column int    // characters of that line before the text
	text   string
}

// hit is a secret in a fragment, exactly as gitleaks reports it.
type hit struct {
	rule               string
	startLine, endLine int
	// Columns are in bytes and count differently on a fragment's first line:
	// see place.
	startColumn, endColumn int
	line, match, secret    string
	entropy                float32
	tags                   []string // "decoded:base64", … where it was encoded
}

// scanner finds the secrets of a fragment. It is safe for concurrent use.
type scanner interface {
	scan(ctx context.Context, f fragment) ([]hit, error)
}

// engine is our own detector. What a gitleaks:allow marker is worth is judged
// in judge.
type engine struct{ detector *scan.Detector }

func (e engine) scan(ctx context.Context, f fragment) (hits []hit, err error) {
	// We run in goroutines of our own, where a panic would end the process.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s crashed on %q, in the text from line %d", engineName, f.path, f.line)
		}
	}()
	found, err := e.detector.Scan(ctx, scan.Fragment{Path: f.path, Commit: f.commit, Line: f.line, Text: f.text})
	for _, h := range found {
		hits = append(hits, hit{
			rule: h.Rule, startLine: h.StartLine, endLine: h.EndLine, startColumn: h.StartColumn, endColumn: h.EndColumn,
			line: h.Line, match: h.Match, secret: h.Secret, entropy: h.Entropy, tags: h.Tags,
		})
	}
	return hits, err
}
