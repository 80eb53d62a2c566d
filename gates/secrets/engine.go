package secrets

import (
	"context"
	"fmt"
	"sync"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/sources"
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

// decodeDepth is the command's default; the library's own is 0.
const decodeDepth = 5

// library is gitleaks' own detector.
type library struct{ detector *detect.Detector }

var silence = sync.OnceFunc(func() { logging.Logger = zerolog.Nop() })

func newLibrary(c config.Config) *library {
	silence() // it logs secrets
	d := detect.NewDetector(c)
	d.MaxDecodeDepth = decodeDepth
	d.IgnoreGitleaksAllow = true // markers are judged in judge
	return &library{d}
}

func (l *library) scan(ctx context.Context, f fragment) (hits []hit, err error) {
	// We run in goroutines of our own, where a panic would end the process.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s crashed on %q, in the text from line %d", engineName, f.path, f.line)
		}
	}()
	found := l.detector.DetectContext(ctx, detect.Fragment(sources.Fragment{
		Raw: f.text, FilePath: f.path, CommitSHA: f.commit, StartLine: f.line,
	}))
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // it stops without a word
	}
	for _, r := range found {
		hits = append(hits, hit{
			rule: r.RuleID, startLine: r.StartLine, endLine: r.EndLine,
			startColumn: r.StartColumn, endColumn: r.EndColumn,
			line: r.Line, match: r.Match, secret: r.Secret, entropy: r.Entropy, tags: r.Tags,
		})
	}
	return hits, nil
}
