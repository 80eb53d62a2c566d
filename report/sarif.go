package report

// SARIF, and what those who read it really do. Read in their documentation,
// their threads and their code (github/codeql-action); GitHub itself could not
// be asked from a test.
//
// # GitHub code scanning
//
// One tool, many categories. A pull request gets one check for each tool name
// ("Code scanning results / wf-ci"), and a ruleset names the tools it waits for:
// so all our runs have one driver name, and a repository has one line to add
// whatever gates come and go. Alerts are opened and closed for each category,
// which is automationDetails.id up to its last slash: `wf-ci/<gate>/`. Two runs
// of one tool with one category make it refuse the file.
//
// Rules are known by tool and id. Gates share the tool, so a rule's id is
// `<gate>/<rule>`: two linters may both have an E501.
//
// A run without a result closes all alerts of its category as fixed, and a run
// whose invocation says executionSuccessful=false is not processed ("unsuccessful
// execution"), maybe with all others of the upload. A gate that could not decide
// is neither fixed nor a reason to lose the other gates' alerts, so it is in
// [SARIF], truthfully, and not in [CodeScanning].
//
// It knows no suppressions: a suppressed result opens an alert. [CodeScanning]
// leaves waived findings out, [SARIF] has them with their reason.
//
// A result needs a location in the tree, and only the first location counts;
// a region needs all four numbers; a message must not be empty. A finding that
// is about no file is not given a false place: it is a notification of the run's
// invocation, which the tool status page and other readers show.
//
// partialFingerprints.primaryLocationLineHash tells an alert from another across
// commits. It is made of the file's text, which a finished run does not have:
// `github/codeql-action/upload-sarif` adds it, and so does our own upload. Our
// key `wfCi/v1` is for readers that know us.
//
// Its limits reject a whole file, or drop silently: 20 runs, 25,000 results a
// run (5,000 shown), 25,000 rules, 20 tags a rule (10 shown). The worst findings
// come first, and what is cut is counted in a notification.
// security-severity must be a string that holds a number.
//
// # Other readers
//
// The schema has no null: go-sarif writes three into every suppression, so we
// have a type of our own for them. endColumn is behind the last character, and
// columns are counted in characters (columnKind). Messages know links;
// ours have none: a message is no place for a stranger's link.
//
// Nothing here depends on the time of day: the same findings give the same bytes.

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/owenrumney/go-sarif/v2/sarif"

	"github.com/wf-ci/wf-ci/gates"
)

const (
	sarifTool    = "wf-ci"
	sarifHome    = "https://github.com/wf-ci/wf-ci"
	sarifRuns    = 20     // in a file
	sarifResults = 25_000 // in a run
	sarifTags    = 20     // of a rule
	sarifText    = 1024   // characters of a description
	sarifMessage = 8192   // characters of a message; the limit is ours
	sarifOther   = "other"
)

// ErrNothingToUpload: no gate came to a result, and an upload without a run is
// refused.
var ErrNothingToUpload = errors.New("no gate came to a result: nothing to upload")

// SARIF writes all that SARIF can hold, gate by gate: also those that were
// skipped or could not decide, and waived findings as suppressed.
func SARIF(w io.Writer, v *gates.Verdict) error {
	return writeSARIF(w, v, v.Gates, "")
}

// CodeScanning writes SARIF for an upload to GitHub: only gates that looked at
// all they had to, and no waived finding. It returns [ErrNothingToUpload] where there
// is no such gate.
func CodeScanning(w io.Writer, v *gates.Verdict) error {
	return codeScanning(w, v, "")
}

// CodeScanningAs is [CodeScanning] for one run among others of a commit: their
// categories differ, and so none takes the place of another.
func CodeScanningAs(leg string) Format {
	return func(w io.Writer, v *gates.Verdict) error { return codeScanning(w, v, leg) }
}

func codeScanning(w io.Writer, v *gates.Verdict, leg string) error {
	list := make([]gates.GateVerdict, len(v.Gates))
	found := false
	for i, g := range v.Gates {
		if g.Status != gates.StatusPass && g.Status != gates.StatusFail || g.Error != "" {
			continue // stays a zero: the places of the others decide their category
		}
		found = true
		findings := g.Findings
		g.Findings = nil
		for _, f := range findings {
			if f.Waiver == nil {
				g.Findings = append(g.Findings, f)
			}
		}
		list[i] = g
	}
	if !found {
		return ErrNothingToUpload
	}
	return writeSARIF(w, v, list, leg)
}

func writeSARIF(w io.Writer, v *gates.Verdict, list []gates.GateVerdict, leg string) error {
	report, err := sarif.New(sarif.Version210)
	if err != nil {
		return err
	}
	report.Properties = sarif.Properties{"verdict": string(v.Decision), "reasons": visibleAll(v.Reasons)}
	log := sarifLog{Report: report, Runs: []sarifRun{}}
	for _, c := range categories(list) {
		if leg != "" {
			c.name += "/" + leg
		}
		log.Runs = append(log.Runs, newSARIFRun(c, v.Version))
	}
	data, err := encodeJSON(log)
	if err != nil {
		return fmt.Errorf("encode SARIF: %w", err)
	}
	_, err = w.Write(data)
	return err
}

// The structs are go-sarif's. Where it cannot write what the schema wants, an
// outer field takes the place of the embedded one.
type (
	sarifLog struct {
		*sarif.Report
		Runs []sarifRun `json:"runs"`
	}
	sarifRun struct {
		*sarif.Run
		Results []sarifResult `json:"results"` // never null: null says that no scan was made
	}
	sarifResult struct {
		*sarif.Result
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

// category is one run of the file: a gate, or those for which there is no room.
type category struct {
	name  string
	gates []gates.GateVerdict
}

// categories gives each gate a run of its own while there is room, in order:
// the gates that wf-ci brings come before the user's. The rest share one. Which
// run a gate gets depends on the list of gates alone, not on how they ended, so
// that no alert moves between categories. A zero is a gate that is left out.
func categories(list []gates.GateVerdict) []category {
	var out []category
	rest := category{name: sarifOther}
	crowded := len(list) > sarifRuns
	for i, g := range list {
		switch {
		case g.ID == "":
		case crowded && (i >= sarifRuns-1 || g.ID == sarifOther):
			rest.gates = append(rest.gates, g)
		default:
			out = append(out, category{g.ID, []gates.GateVerdict{g}})
		}
	}
	if rest.gates != nil {
		out = append(out, rest)
	}
	return out
}

func newSARIFRun(c category, version string) sarifRun {
	driver := &sarif.ToolComponent{Name: sarifTool, InformationURI: ptr(sarifHome)}
	if version != "" {
		driver.Version = ptr(visible(version))
	}
	run := sarif.NewRun(sarif.Tool{Driver: driver})
	run.AutomationDetails = &sarif.RunAutomationDetails{ID: ptr(sarifTool + "/" + c.name + "/")}
	run.ColumnKind = "unicodeCodePoints"
	run.DefaultEncoding = ptr("UTF-8")
	kept, lost := sarifFindings(c.gates)
	rules := newRuleBook(c.gates, kept)
	driver.Rules = rules.list
	out := sarifRun{Run: run, Results: make([]sarifResult, len(kept))}
	for i, f := range kept {
		out.Results[i] = newSARIFResult(f, rules)
	}
	run.Tool.Extensions = engines(c.gates)
	for i := range c.gates {
		run.Invocations = append(run.Invocations, newInvocation(&c.gates[i]))
	}
	if lost > 0 {
		first := run.Invocations[0]
		first.ToolExecutionNotifications = append(first.ToolExecutionNotifications,
			notification("warning", fmt.Sprintf("%s left out: a run holds no more than %d", gates.Plural(lost, "finding"), sarifResults)))
	}
	return out
}

// engines names the tools that did the looking, each once. Their rules are the
// driver's.
func engines(list []gates.GateVerdict) []*sarif.ToolComponent {
	var seen []gates.Engine
	var out []*sarif.ToolComponent
	for _, g := range list {
		e := gates.Engine{Name: cut(visible(g.Engine.Name), 255), Version: visible(g.Engine.Version)}
		if e.Name == "" || slices.Contains(seen, e) {
			continue
		}
		seen = append(seen, e)
		c := &sarif.ToolComponent{Name: e.Name, Rules: []*sarif.ReportingDescriptor{}}
		if e.Version != "" {
			c.Version = &e.Version
		}
		out = append(out, c)
	}
	return out
}

// newInvocation says how a gate went, and holds the findings that have no
// place in the tree.
func newInvocation(g *gates.GateVerdict) *sarif.Invocation {
	inv := &sarif.Invocation{ExecutionSuccessful: ptr(g.Status != gates.StatusError && g.Error == "")}
	add := func(level, text string) {
		inv.ToolExecutionNotifications = append(inv.ToolExecutionNotifications, notification(level, text))
	}
	switch g.Status {
	case gates.StatusError:
		add("error", g.ID+" could not decide: "+g.Reason)
	case gates.StatusFail:
		if g.Error != "" {
			add("error", g.ID+" could not finish: "+g.Error)
		}
	case gates.StatusSkipped:
		add("note", g.ID+" was skipped: "+g.Reason)
	}
	for _, f := range ranked(g.Findings) {
		if !inTree(f.Path) && len(inv.ToolExecutionNotifications) < sarifResults {
			add(sarifLevel(f.Severity), placeless(f.Finding))
		}
	}
	return inv
}

// placeless is a finding that is about no file of the tree, in a sentence.
func placeless(f gates.Finding) string {
	s := visible(f.Rule) + ": " + sarifMessageText(f)
	if f.Path != "" {
		s += " (" + showPath(f.Path) + ", which is no path of the tree)"
	}
	return s
}

func notification(level, text string) *sarif.Notification {
	return &sarif.Notification{Level: level, Message: &sarif.Message{Text: ptr(cut(visible(text), sarifMessage))}}
}

func ptr[T any](v T) *T { return &v }
