package gates

import "time"

// Examined is what was really looked at. A zero says that the gate does not
// look at such things, or that there were none.
type Examined struct {
	Files   int64 `json:"files"`
	Commits int64 `json:"commits"`
	Bytes   int64 `json:"bytes"`
	Results int64 `json:"results,omitempty"` // of another tool: SARIF runs read
}

// Missing is the first thing that was expected and not looked at, in words;
// empty when nothing is missing.
func (e Examined) Missing(expected Examined) string {
	switch {
	case expected.Files > 0 && e.Files == 0:
		return "files"
	case expected.Commits > 0 && e.Commits == 0:
		return "commits"
	case expected.Bytes > 0 && e.Bytes == 0:
		return "content"
	case expected.Results > 0 && e.Results == 0:
		return "results"
	}
	return ""
}

// Engine is the tool that did the looking.
type Engine struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Suppression is a marker in the tree that asks an engine to look away.
type Suppression struct {
	Path   Path   `json:"path"`
	Line   int    `json:"line"`
	Marker string `json:"marker"`
}

// Outcome is what a gate came to.
type Outcome struct {
	Findings []Finding          `json:"findings,omitempty"`
	Examined Examined           `json:"examined"`
	Engine   Engine             `json:"engine"`
	Metrics  map[string]float64 `json:"metrics,omitempty"`
	Rules    []Rule             `json:"rules,omitempty"` // known only after the run; adds to Gate.Rules

	// Log is what a child process printed, its end at least, for people who
	// watch. It is not part of the verdict, and may hold anything: it has to be
	// redacted before it is shown.
	Log []byte `json:"-"`

	// Suppressions are the markers that the change adds (gate suppressions).
	Suppressions []Suppression `json:"suppressions,omitempty"`
}

// Result is one gate's part in a run. Exactly one of Skipped, Err and an
// examined Outcome speaks: Skipped when it did not run, Err when it could not
// decide.
type Result struct {
	Gate    *Gate
	Skipped string // why it did not run
	// SkippedByFlag: a person left it out; a required gate may not be left out in CI.
	SkippedByFlag bool
	Err           error
	Outcome       Outcome
	Cached        bool
	Elapsed       time.Duration
}
