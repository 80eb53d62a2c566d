package gates

import "time"

// Status is how one gate ended.
type Status string

const (
	StatusPass    Status = "pass"
	StatusFail    Status = "fail"    // it looked, and something blocks
	StatusError   Status = "error"   // it could not decide
	StatusSkipped Status = "skipped" // it does not apply, or was left out
)

// Decision is how a whole run ended.
type Decision string

const (
	Pass         Decision = "pass"
	Fail         Decision = "fail"         // something blocks
	Inconclusive Decision = "inconclusive" // something that had to be looked at was not; blocks too
)

// VerdictSchema names the JSON form of Verdict.
const VerdictSchema = "wf-ci/verdict/v1"

// Verdict is a finished run: the lossless form from which every report is
// made. Its JSON is the contract; all but Started, DurationMS and Cached
// depends on the tree, the change and the policy alone.
type Verdict struct {
	Schema   string     `json:"schema"`
	Decision Decision   `json:"verdict"`
	Reasons  []string   `json:"reasons"` // why not pass; empty when pass
	Warnings []string   `json:"warnings"`
	Tree     string     `json:"tree"` // git tree id, plus -dirty-<hash> when the work tree differs from HEAD
	Head     string     `json:"head"` // commit; empty before the first one
	Base     string     `json:"base"` // commit compared with; empty: everything is new
	Policy   PolicyInfo `json:"policy"`

	Gates []GateVerdict `json:"gates"`

	SuppressionsAdded []Suppression `json:"suppressions_added"`
	Waivers           WaiverReport  `json:"waivers"`
	Version           string        `json:"version"` // of wf-ci

	Started    time.Time `json:"started"`
	DurationMS int64     `json:"duration_ms"`
}

// PolicyInfo says what judged.
type PolicyInfo struct {
	Digest   string      `json:"digest"` // "sha256:…" of the effective policy
	Source   string      `json:"source"` // "base:.wf-ci.yml@<commit>", "file:…" or "builtin"
	Weakened []Weakening `json:"weakened"`
}

// Weakening is a key of the policy that the change loosens.
type Weakening struct {
	Key  string `json:"key"`
	Base string `json:"base"`
	Head string `json:"head"`
}

// WaiverReport names the waivers that did nothing.
type WaiverReport struct {
	Expired []Waiver `json:"expired"`
	Unused  []Waiver `json:"unused"`
}

// GateVerdict is one gate's line in the verdict.
type GateVerdict struct {
	ID       string   `json:"id"`
	Status   Status   `json:"status"`
	Required bool     `json:"required"`
	Scope    Scope    `json:"scope"`
	BlockOn  Severity `json:"block_on"` // the least severity that blocks
	Reason   string   `json:"reason"`   // why it was skipped, failed or could not decide
	// Error is why it could not finish: with status error, and with status fail
	// when what it saw before blocks already.
	Error    string             `json:"error,omitempty"`
	Examined Examined           `json:"examined"`
	Engine   Engine             `json:"engine"`
	Cached   bool               `json:"cached"`
	Duration int64              `json:"duration_ms"`
	Metrics  map[string]float64 `json:"metrics"`
	Findings []Judged           `json:"findings"`
	Doc      string             `json:"doc"`
	Help     string             `json:"help"`
	Rules    []Rule             `json:"rules"`
}

// Judged is a finding with what policy and change say of it.
type Judged struct {
	Finding
	New      bool       `json:"new"`      // in the change
	Blocking bool       `json:"blocking"` // stops the merge
	Waiver   *WaiverUse `json:"waiver,omitempty"`
}

// WaiverUse is the waiver that keeps a finding from blocking.
type WaiverUse struct {
	Reason  string `json:"reason"`
	Owner   string `json:"owner"`
	Expires Date   `json:"expires"`
}

// Count is the number of findings, and of those that block.
func (g GateVerdict) Count() (total, blocking int) {
	for _, f := range g.Findings {
		if f.Blocking {
			blocking++
		}
	}
	return len(g.Findings), blocking
}
