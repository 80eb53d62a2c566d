package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/owenrumney/go-sarif/v2/sarif"

	"github.com/wf-ci/wf-ci/gates"
)

// gateFinding is a finding and the gate it belongs to.
type gateFinding struct {
	gates.Judged
	gate string
}

// ruleID names a rule among all gates' rules.
func (f gateFinding) ruleID() string { return ruleID(f.gate, f.Rule) }

func ruleID(gate, rule string) string {
	return gate + "/" + cmp.Or(visible(rule), "finding")
}

// sarifFindings are the findings of a run that have a place in the tree, the
// worst first, and the number of those for which there is no room.
func sarifFindings(list []gates.GateVerdict) (kept []gateFinding, lost int) {
	for _, g := range list {
		for _, f := range g.Findings {
			if inTree(f.Path) {
				kept = append(kept, gateFinding{f, g.ID})
			}
		}
	}
	slices.SortStableFunc(kept, func(a, b gateFinding) int { return Rank(a.Judged, b.Judged) })
	if lost = len(kept) - sarifResults; lost > 0 {
		return kept[:sarifResults], lost
	}
	return kept, 0
}

func newSARIFResult(f gateFinding, rules *ruleBook) sarifResult {
	id := f.ruleID()
	r := &sarif.Result{
		RuleID:    &id,
		RuleIndex: ptr(rules.index[id]),
		Level:     ptr(sarifLevel(f.Severity)),
		Message:   sarif.Message{Text: ptr(sarifMessageText(f.Finding))},
		Locations: []*sarif.Location{{PhysicalLocation: &sarif.PhysicalLocation{
			ArtifactLocation: &sarif.ArtifactLocation{URI: ptr(uri(f.Path))},
			Region:           region(f.Finding),
		}}},
		BaselineState: ptr("unchanged"),
	}
	r.Properties = sarif.Properties{"blocking": f.Blocking}
	if f.New {
		r.BaselineState = ptr("new")
	}
	if f.Fingerprint != "" {
		r.PartialFingerprints = map[string]any{"wfCi/v1": visible(f.Fingerprint)}
	}
	if f.Commit != "" {
		r.Properties["commit"] = visible(f.Commit)
	}
	out := sarifResult{Result: r}
	if w := f.Waiver; w != nil {
		reason := fmt.Sprintf("%s (%s, until %s)", w.Reason, w.Owner, w.Expires)
		out.Suppressions = []sarifSuppression{{"external", "accepted", visible(reason)}}
	}
	return out
}

// sarifLevel is a severity in SARIF's words, which are ours.
func sarifLevel(s gates.Severity) string {
	return string(gates.Severities()[severityRank(s)])
}

// sarifMessageText is the message, and the commit of a finding that may be in no file
// of today's tree. `[text](target)` would be a link; braces are placeholders only
// where a message has arguments.
func sarifMessageText(f gates.Finding) string {
	s := cut(message(f), sarifMessage)
	if f.Commit != "" {
		s += " (in commit " + shortID(f.Commit) + " of the history)"
	}
	return strings.ReplaceAll(s, "](", "] (")
}

// region has the four numbers that code scanning asks for, whatever of them a
// gate knows. A whole file is its first line; the end of a line whose length
// is unknown is where the finding begins.
func region(f gates.Finding) *sarif.Region {
	line, column := number(f.Line), number(f.Column)
	endLine := max(line, number(f.EndLine))
	endColumn := number(f.EndColumn)
	if endLine == line {
		endColumn = max(column, endColumn)
	}
	return &sarif.Region{StartLine: &line, StartColumn: &column, EndLine: &endLine, EndColumn: &endColumn}
}

// number is a line or a column that every reader can hold.
func number(n int) int { return min(max(n, 1), math.MaxInt32) }

// ruleBook holds the rules that a run's results name, in the order of their ids.
type ruleBook struct {
	list  []*sarif.ReportingDescriptor
	index map[string]uint
}

func newRuleBook(list []gates.GateVerdict, findings []gateFinding) *ruleBook {
	worst := make(map[string]gates.Severity)
	for _, f := range findings {
		id := f.ruleID()
		if s, ok := worst[id]; !ok || severityRank(f.Severity) < severityRank(s) {
			worst[id] = f.Severity
		}
	}
	known := make(map[string]*sarif.ReportingDescriptor)
	for i := range list {
		g := &list[i]
		for _, r := range g.Rules {
			known[ruleID(g.ID, r.ID)] = newRule(g, r)
		}
		for _, f := range g.Findings { // a rule that nobody described
			if id := ruleID(g.ID, f.Rule); known[id] == nil {
				known[id] = newRule(g, gates.Rule{ID: f.Rule})
			}
		}
	}
	book := &ruleBook{list: []*sarif.ReportingDescriptor{}, index: make(map[string]uint)}
	for id, rule := range known {
		if severity, ok := worst[id]; ok {
			rule.DefaultConfiguration = &sarif.ReportingConfiguration{Level: sarifLevel(severity)}
			book.list = append(book.list, rule)
		}
	}
	slices.SortFunc(book.list, func(a, b *sarif.ReportingDescriptor) int { return strings.Compare(a.ID, b.ID) })
	for i, rule := range book.list {
		book.index[rule.ID] = uint(i)
	}
	return book
}

// newRule describes a rule; what it does not say, its gate does.
func newRule(g *gates.GateVerdict, r gates.Rule) *sarif.ReportingDescriptor {
	name := cut(cmp.Or(visible(r.ID), "finding"), 255)
	title := cmp.Or(visible(r.Title), name)
	help := cmp.Or(strings.TrimSpace(r.Help), strings.TrimSpace(g.Help), title)
	full := title
	if doc := visible(g.Doc); doc != "" {
		full += ". " + doc
	}
	d := &sarif.ReportingDescriptor{
		ID:               ruleID(g.ID, r.ID),
		Name:             &name,
		ShortDescription: multi(cut(title, sarifText)),
		FullDescription:  multi(cut(full, sarifText)),
		Help:             helpText(help, r.URI),
		Properties:       ruleProperties(r),
	}
	if isWeb(r.URI) {
		d.HelpURI = &r.URI
	}
	return d
}

func multi(text string) *sarif.MultiformatMessageString {
	return &sarif.MultiformatMessageString{Text: &text}
}

func helpText(help, link string) *sarif.MultiformatMessageString {
	help = strings.ToValidUTF8(cut(help, sarifMessage), "\uFFFD")
	markdown := help
	if isWeb(link) {
		markdown += "\n\n[Read more](" + link + ")"
	}
	return &sarif.MultiformatMessageString{Text: &help, Markdown: &markdown}
}

// isWeb says whether a link may be shown as one, in SARIF, in Markdown, in HTML.
func isWeb(link string) bool {
	return strings.HasPrefix(link, "https://") && !strings.ContainsFunc(link, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}()[]", r)
	})
}

func ruleProperties(r gates.Rule) sarif.Properties {
	tags := []string{}
	p := sarif.Properties{}
	if score, err := strconv.ParseFloat(r.Security, 64); err == nil && 0 < score && score <= 10 {
		// Code scanning shows the number only for rules with this tag.
		p["security-severity"] = strconv.FormatFloat(max(score, 0.1), 'f', 1, 64)
		tags = append(tags, "security")
	}
	for _, tag := range r.Tags {
		if tag = visible(tag); !slices.Contains(tags, tag) && len(tags) < sarifTags {
			tags = append(tags, tag)
		}
	}
	if len(tags) > 0 {
		p["tags"] = tags
	}
	return p
}
