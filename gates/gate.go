// Package gates is what a gate is, the running of gates side by side, and the
// judging of their results into one verdict.
//
// The flow is plan → run → judge, and each step is a function over plain data:
//
//	[Plan]   which gates apply to this tree, and what each is expected to examine
//	[Run]    the gates, bounded in parallel; one result for each, in the gates' order
//	[Judge]  policy + change + results → one [Verdict]; pure
//
// A gate decides nothing about merging. It reports findings and what it
// examined; [Judge] is the only place where blocking is decided. A gate that
// could not look returns an error, and a gate that examined nothing where its
// plan expected something is turned into one: no gate passes because it did
// not run.
package gates

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
	"github.com/wf-ci/wf-ci/internal/run"
)

// Scope says which findings of a gate may block.
type Scope string

const (
	// ScopeAll: every finding may block, wherever it is.
	ScopeAll Scope = "all"
	// ScopeChange: only findings in the change may block; the others are reported.
	ScopeChange Scope = "change"
)

// Gate is one check, as plain data and two functions. Gates are listed in
// cmd/wf-ci, in the order of the report; nothing registers itself.
type Gate struct {
	// ID is the gate's name in policy and reports: lower case, digits, dashes.
	// Required.
	ID string

	// Doc is one sentence: what the gate looks for. Required.
	Doc string

	// Help is what to do about a finding, in a sentence or two. Required.
	Help string

	// Scope is the default scope; policy may say otherwise. Required.
	Scope Scope

	// Rules describes the rules that findings may name. Rules found only at
	// run time (a SARIF file's) come back in the Outcome. Optional.
	Rules []Rule

	// Weight is the number of cores the gate can keep busy; heavier gates are
	// started first. Optional; zero means 1.
	Weight int

	// Memory is the gate's peak memory in MiB, as measured. Gates wait until
	// their memory is free. Optional; zero means 64.
	Memory int

	// CacheKey names everything besides the target that decides the outcome:
	// the engine, its version, the gate's options. Empty means that the outcome
	// depends on more than that, and is never cached. Optional.
	CacheKey string

	// TreeOnly: what the gate finds in Target.Tree does not hang on the files
	// that are checked out in Target.Dir, so that it can judge the tree of any
	// commit. Optional.
	TreeOnly bool

	// Plan says whether the gate applies and what it is expected to examine.
	// It looks at lists, not at content. Optional; nil means that the gate
	// applies and nothing is expected.
	Plan func(ctx context.Context, t *Target) (Plan, error)

	// Lacks are the tools that Run would start here and that this machine does
	// not have. It looks, and starts none of them. Optional; nil means that the
	// gate needs none.
	Lacks func(ctx context.Context, t *Target) ([]Lack, error)

	// Run does the work. An error means that it could not decide; what blocks
	// is a finding, not an error. Required.
	Run func(ctx context.Context, t *Target) (Outcome, error)
}

// Rule is what a finding broke, for reports that explain (SARIF, HTML).
type Rule struct {
	ID    string   `json:"id"`
	Title string   `json:"title,omitempty"`    // a few words
	Help  string   `json:"help,omitempty"`     // what to do; may be Markdown
	URI   string   `json:"help_uri,omitempty"` // where to read more
	Tags  []string `json:"tags,omitempty"`     // e.g. "external/cwe/cwe-798"
	// Security is a CVSS-like severity, "0.1" to "10.0"; empty: not about security.
	Security string `json:"security_severity,omitempty"`
}

// Plan is what a gate says before it runs.
type Plan struct {
	// Skip is why the gate does not apply; empty: it does.
	Skip string
	// Expect is the least the gate has to examine: a dimension that is not
	// zero here and zero in the outcome turns the result into an error.
	Expect Examined
	// Checkout: tools will read the files in Target.Dir, so that the gate cannot
	// judge a tree of which some are not checked out.
	Checkout bool
}

// Target is all that a gate may touch. It is shared by gates that run side by
// side; nothing in it is written to.
type Target struct {
	Dir    string      // root of the work tree, absolute. Required.
	Repo   *git.Repo   // history. Required.
	Tree   *git.Tree   // what is judged: the work tree's content as git would commit it. Required.
	Change *git.Change // what is new in it. Required.
	Runner *run.Runner // child processes, with a clean environment. Required.

	// Jobs is how many goroutines a gate may keep busy inside. Required, > 0.
	Jobs int

	// ReadPolicy reads a file that decides how the tree is judged (an ignore
	// file, an engine's configuration): from the base on a pull request, from
	// Tree otherwise. A file that is not there is (nil, nil). Required.
	ReadPolicy func(ctx context.Context, path string) ([]byte, error)
	// PolicyID names the state that ReadPolicy reads from: a commit's or a
	// tree's id. Without it no outcome is cached.
	PolicyID string

	// Self is the command line that runs one of this program's engines when the
	// engine's name is added to it. Empty: no engine can be started.
	Self []string

	// TreeOnly: only what hangs on Tree alone may be found, because Dir holds
	// another tree, or because it is compared with one that Dir does not hold.
	TreeOnly bool

	// Offline: no gate may ask the network for anything.
	Offline bool

	// Cache keeps what a gate found out about one content, between runs. A key
	// has to name the content, the engine, its version and its options. Nil:
	// nothing is kept (in CI a cache may have been written by a pull request).
	Cache Cache

	// DataDir is where databases that gates download are kept, absolute, on
	// this machine, for all repositories; it may not be there yet. Empty:
	// nowhere.
	DataDir string

	// Redact replaces every secret in a text that is going to be shown.
	// Optional; nil means that nothing is known to be secret.
	Redact func(string) string

	// Log is for people who debug; never findings. Required.
	Log *slog.Logger
}

var idPattern = lazyregexp.New(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Validate says what is missing in a list of gates: a test of the wiring, and
// the first thing Run does.
func Validate(list []Gate) error {
	var errs []error
	seen := make(map[string]bool)
	for _, g := range list {
		switch {
		case !idPattern.MatchString(g.ID):
			errs = append(errs, fmt.Errorf("gate %q: not a gate id (lower case letters, digits, dashes)", g.ID))
		case seen[g.ID]:
			errs = append(errs, fmt.Errorf("gate %q: listed twice", g.ID))
		case g.Doc == "" || g.Help == "":
			errs = append(errs, fmt.Errorf("gate %q: no Doc or no Help", g.ID))
		case g.Scope != ScopeAll && g.Scope != ScopeChange:
			errs = append(errs, fmt.Errorf("gate %q: scope %q", g.ID, g.Scope))
		case g.Run == nil:
			errs = append(errs, fmt.Errorf("gate %q: no Run", g.ID))
		}
		seen[g.ID] = true
	}
	return errors.Join(errs...)
}
