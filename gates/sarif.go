package gates

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// sarifLimit and sarifResults bound a SARIF file: code scanning takes 10 MB
// compressed and 25,000 results a run, so a larger one is of no use anywhere.
const (
	sarifLimit   = 64 << 20
	sarifResults = 100_000
)

// The part of SARIF 2.1.0 that says what a tool found. Pointers tell "absent"
// from zero: an absent list of results means that the tool did not run (3.14.23).
type (
	sarifLog struct {
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver     sarifComponent   `json:"driver"`
			Extensions []sarifComponent `json:"extensions"`
		} `json:"tool"`
		Results     *[]sarifResult           `json:"results"`
		Invocations []sarifInvocation        `json:"invocations"`
		Artifacts   []sarifArtifact          `json:"artifacts"`
		BaseIDs     map[string]sarifLocation `json:"originalUriBaseIds"`

		byID map[string]*sarifRule // see index
	}
	sarifComponent struct {
		Name            string      `json:"name"`
		Version         string      `json:"version"`
		SemanticVersion string      `json:"semanticVersion"`
		Rules           []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string       `json:"id"`
		Name    string       `json:"name"`
		Short   sarifMessage `json:"shortDescription"`
		Help    sarifMessage `json:"help"`
		HelpURI string       `json:"helpUri"`
		Default struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
		Messages   map[string]sarifMessage `json:"messageStrings"`
		Properties struct {
			Security any `json:"security-severity"`
		} `json:"properties"`
	}
	sarifMessage struct {
		Text      string   `json:"text"`
		ID        string   `json:"id"`
		Arguments []string `json:"arguments"`
	}
	sarifResult struct {
		RuleID    string `json:"ruleId"`
		RuleIndex *int   `json:"ruleIndex"`
		Rule      struct {
			ID            string `json:"id"`
			Index         *int   `json:"index"`
			ToolComponent struct {
				Index *int `json:"index"`
			} `json:"toolComponent"`
		} `json:"rule"`
		Kind         string             `json:"kind"`
		Baseline     string             `json:"baselineState"`
		Level        string             `json:"level"`
		Message      sarifMessage       `json:"message"`
		Locations    []sarifResultPlace `json:"locations"`
		Suppressions []struct {
			Kind   string `json:"kind"`
			Status string `json:"status"`
		} `json:"suppressions"`
	}
	sarifResultPlace struct {
		Physical struct {
			Artifact sarifLocation `json:"artifactLocation"`
			Region   struct {
				StartLine   int `json:"startLine"`
				StartColumn int `json:"startColumn"`
				EndLine     int `json:"endLine"`
				EndColumn   int `json:"endColumn"`
			} `json:"region"`
		} `json:"physicalLocation"`
	}
	sarifLocation struct {
		URI    string `json:"uri"`
		BaseID string `json:"uriBaseId"`
		Index  *int   `json:"index"`
	}
	sarifArtifact   struct{ Location sarifLocation }
	sarifInvocation struct {
		Successful    *bool  `json:"executionSuccessful"`
		ExitCode      *int   `json:"exitCode"`
		ExitReason    string `json:"exitSignalName"`
		Notifications []struct {
			Level   string       `json:"level"`
			Message sarifMessage `json:"message"`
		} `json:"toolExecutionNotifications"`
	}
)

// harmlessKinds are the kinds of results that are no fault (3.27.9). One that is
// not known is taken for a fault.
var harmlessKinds = []string{"pass", "open", "informational", "notApplicable", "review"}

// readSARIF is another tool's outcome. A file that is missing, broken, or that
// says its tool broke off, is an error: never "no findings".
func readSARIF(root *os.Root, t *Target, o CommandOptions) (Outcome, error) {
	data, err := readSARIFFile(root, o.SARIF)
	if err != nil {
		return Outcome{}, err
	}
	return parseSARIF(data, t, o)
}

func parseSARIF(data []byte, t *Target, o CommandOptions) (Outcome, error) {
	out := Outcome{Examined: Examined{Bytes: int64(len(data))}}
	var log sarifLog
	if err := decodeSARIF(data, &log); err != nil {
		return out, fmt.Errorf("%s: %w", o.SARIF, err)
	}
	if len(log.Runs) == 0 {
		return out, fmt.Errorf("%s: no run of a tool in it", o.SARIF)
	}
	reader := sarifReader{target: t, severity: o.Severity, top: realPath(t.Dir)}
	for i, r := range log.Runs {
		if err := reader.run(&out, r); err != nil {
			return out, fmt.Errorf("%s: run %d (%s): %w", o.SARIF, i+1, r.Tool.Driver.Name, err)
		}
	}
	return out, nil
}

func readSARIFFile(root *os.Root, name string) ([]byte, error) {
	info, err := root.Stat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is not there: no tool wrote it", name)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", name)
	case info.Size() == 0:
		return nil, fmt.Errorf("%s is empty: the tool that writes it broke off", name)
	case info.Size() > sarifLimit:
		return nil, fmt.Errorf("%s is %d bytes; the limit is %d", name, info.Size(), sarifLimit)
	}
	return root.ReadFile(filepath.FromSlash(name))
}

// decodeSARIF reads a log, with the place of a mistake in the error.
func decodeSARIF(data []byte, log *sarifLog) error {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if err := json.Unmarshal(data, log); err != nil {
		offset := int64(len(data))
		var syntax *json.SyntaxError
		var typed *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax):
			offset = syntax.Offset - 1 // it counts the offending byte
		case errors.As(err, &typed):
			offset = typed.Offset
		}
		before := data[:max(0, min(offset, int64(len(data))))]
		line := bytes.Count(before, []byte("\n")) + 1
		col := len(before) - bytes.LastIndexByte(before, '\n')
		return fmt.Errorf("line %d, column %d: not valid SARIF: %w", line, col, err)
	}
	if log.Version != "2.1.0" {
		return fmt.Errorf("SARIF version %.20q; want 2.1.0", log.Version)
	}
	return nil
}

type sarifReader struct {
	target   *Target
	severity map[string]Severity
	top      string // of the tree, with links resolved
}

func (s *sarifReader) run(out *Outcome, r sarifRun) error {
	if out.Engine.Name == "" {
		d := r.Tool.Driver
		out.Engine = Engine{Name: d.Name, Version: d.SemanticVersion}
		if out.Engine.Version == "" {
			out.Engine.Version = d.Version
		}
	}
	for _, inv := range r.Invocations {
		if err := inv.err(); err != nil {
			return err
		}
	}
	if r.Results == nil {
		return errors.New("no results in it: the tool did not look")
	}
	if len(out.Findings)+len(*r.Results) > sarifResults {
		return fmt.Errorf("more than %d results", sarifResults)
	}
	r.index()
	used := make(map[string]bool)
	for i, res := range *r.Results {
		f, ok, err := s.finding(r, res)
		if err != nil {
			return fmt.Errorf("result %d: %w", i+1, err)
		}
		if !ok {
			continue
		}
		out.Findings = append(out.Findings, f)
		if rule := res.rule(r); rule != nil && !used[rule.ID] {
			used[rule.ID] = true
			out.Rules = append(out.Rules, rule.describe())
		}
	}
	out.Examined.Results++
	return nil
}

// err is what a tool says of its own failure.
func (inv sarifInvocation) err() error {
	said := ""
	for _, n := range inv.Notifications {
		if n.Level == "error" {
			said = ": " + clip(n.Message.Text, 300)
		}
	}
	if inv.Successful != nil && !*inv.Successful {
		return errors.New("the tool says that it did not finish" + said)
	}
	if said != "" {
		return errors.New("the tool reports an error of its own" + said)
	}
	return nil
}

// finding translates a result. What is no fault (kind pass, open, …), and what
// the tool was told to pass over, is none; but a suppression in the source that
// the change itself brings does not count.
func (s *sarifReader) finding(r sarifRun, res sarifResult) (Finding, bool, error) {
	if slices.Contains(harmlessKinds, res.Kind) || res.Baseline == "absent" {
		return Finding{}, false, nil
	}
	f := Finding{Rule: res.ruleID(r), Severity: s.level(r, res), Message: res.text(r)}
	if len(res.Locations) > 0 {
		place := res.Locations[0].Physical
		p, err := s.path(r, place.Artifact)
		if err != nil {
			return f, false, err
		}
		f.Path = Path(p)
		if p != "" {
			g := place.Region
			f.Line, f.Column, f.EndLine, f.EndColumn = max(g.StartLine, 0), max(g.StartColumn, 0), max(g.EndLine, 0), max(g.EndColumn, 0)
		}
	}
	return f, !s.suppressed(res, f), nil
}

func (s *sarifReader) suppressed(res sarifResult, f Finding) bool {
	for _, sup := range res.Suppressions {
		if sup.Status == "rejected" || sup.Status == "underReview" {
			continue
		}
		ours := !s.target.Change.Everything() && isNew(s.target.Change, f)
		if sup.Kind != "inSource" || !ours {
			return true
		}
	}
	return false
}

// level is the severity: the user's map by rule, then by level; a level that
// the result leaves out is the rule's, and else a warning (3.27.10).
func (s *sarifReader) level(r sarifRun, res sarifResult) Severity {
	if sev, ok := s.severity[res.ruleID(r)]; ok {
		return sev
	}
	level := res.Level
	if rule := res.rule(r); level == "" && rule != nil {
		level = rule.Default.Level
	}
	switch level {
	case "":
		level = "warning"
	case "none":
		level = "note"
	}
	if sev, ok := s.severity[level]; ok {
		return sev
	}
	switch sev := Severity(level); sev {
	case SeverityError, SeverityWarning, SeverityNote:
		return sev
	}
	return SeverityError // an unknown level is not let through
}

func (res sarifResult) rule(r sarifRun) *sarifRule {
	component := &r.Tool.Driver
	if i := res.Rule.ToolComponent.Index; i != nil && *i >= 0 && *i < len(r.Tool.Extensions) {
		component = &r.Tool.Extensions[*i]
	}
	index := res.RuleIndex
	if index == nil {
		index = res.Rule.Index
	}
	if index != nil && *index >= 0 && *index < len(component.Rules) {
		return &component.Rules[*index]
	}
	id := res.RuleID
	if id == "" {
		id = res.Rule.ID
	}
	for id != "" {
		if rule := r.byID[id]; rule != nil {
			return rule
		}
		// "CA1000/1" is a kind of CA1000 (3.27.5).
		id = id[:max(0, strings.LastIndexByte(id, '/'))]
	}
	return nil
}

// index finds rules by their names: the first of a name, the driver's before
// those of its extensions.
func (r *sarifRun) index() {
	r.byID = make(map[string]*sarifRule)
	for _, c := range append([]sarifComponent{r.Tool.Driver}, r.Tool.Extensions...) {
		for i := range c.Rules {
			if rule := &c.Rules[i]; r.byID[rule.ID] == nil {
				r.byID[rule.ID] = rule
			}
		}
	}
}

func (res sarifResult) ruleID(r sarifRun) string {
	switch rule := res.rule(r); {
	case res.RuleID != "":
		return res.RuleID
	case res.Rule.ID != "":
		return res.Rule.ID
	case rule != nil && rule.ID != "":
		return rule.ID
	}
	return "unnamed"
}

// sarifText is the size, in bytes, to which a message is cut.
const sarifText = 2000

// placeHolder is {0}, or a brace that is written twice to stand for itself.
var placeHolder = lazyregexp.New(`\{\{|\}\}|\{[0-9]{1,4}\}`)

// text is the message, with its place-holders filled in.
func (res sarifResult) text(r sarifRun) string {
	m := res.Message
	if rule := res.rule(r); m.Text == "" && m.ID != "" && rule != nil {
		m.Text = rule.Messages[m.ID].Text
	}
	text := clip(strings.TrimSpace(m.Text), sarifText)
	if len(m.Arguments) > 0 {
		// Once: an argument that holds a place-holder is not filled in again.
		text = placeHolder.ReplaceAllStringFunc(text, m.argument)
		text = clip(strings.TrimSpace(text), sarifText)
	}
	if text == "" {
		return clip(res.ruleID(r), sarifText)
	}
	return text
}

func (m sarifMessage) argument(holder string) string {
	n, err := strconv.Atoi(holder[1 : len(holder)-1])
	switch {
	case err != nil:
		return holder[:1] // {{ or }}
	case n >= len(m.Arguments):
		return holder
	}
	return clip(m.Arguments[n], sarifText)
}

func (rule *sarifRule) describe() Rule {
	title := rule.Short.Text
	if title == "" {
		title = rule.Name
	}
	security := ""
	switch v := rule.Properties.Security.(type) {
	case string:
		security = v
	case float64:
		security = fmt.Sprintf("%.1f", v)
	}
	return Rule{ID: rule.ID, Title: clip(title, 200), Help: clip(rule.Help.Text, 4000), URI: clip(rule.HelpURI, 500), Security: clip(security, 8)}
}

// path is where a result is, below the tree's root. Tools write it relative to
// where they ran, as a file URI, or against a base of their own; and some do not
// encode it. Empty: the tree as a whole.
func (s *sarifReader) path(r sarifRun, loc sarifLocation) (string, error) {
	if loc.URI == "" && loc.Index != nil && *loc.Index >= 0 && *loc.Index < len(r.Artifacts) {
		loc = r.Artifacts[*loc.Index].Location
	}
	if loc.URI == "" {
		return "", nil
	}
	uri, err := r.resolve(loc)
	if err != nil {
		return "", err
	}
	readings, err := uriPaths(uri)
	if err != nil {
		return "", err
	}
	first, err := s.inside(readings[0])
	if err != nil {
		return "", err
	}
	for _, reading := range readings {
		name, err := s.inside(reading)
		if err == nil && s.target.Tree != nil && s.target.Tree.File(name) != nil {
			return name, nil
		}
	}
	if strings.Contains(first, "\ufffd") {
		return "", fmt.Errorf("path %.200q: which file that is cannot be told; a name that is not UTF-8 has to be percent-encoded", first)
	}
	return first, nil
}

// sarifURI is more than the longest path of any system, encoded.
const sarifURI = 16 << 10

// resolve puts a location's base in front of it. A base may have a base.
func (r sarifRun) resolve(loc sarifLocation) (string, error) {
	uri := loc.URI
	for range 10 {
		if len(uri) > sarifURI {
			return "", fmt.Errorf("path %.200q… is %d bytes long", uri, len(uri))
		}
		base, ok := r.BaseIDs[loc.BaseID]
		if loc.BaseID == "" || !ok || isAbsolute(uri) {
			return uri, nil
		}
		if base.URI != "" {
			uri = strings.TrimSuffix(base.URI, "/") + "/" + uri
		}
		loc = base
	}
	return "", fmt.Errorf("path %.200q: its base %.200q has no end", uri, loc.BaseID)
}

var drive = lazyregexp.New(`^/?[A-Za-z]:[/\\]`)

func isAbsolute(uri string) bool {
	return strings.Contains(uri, "://") || strings.HasPrefix(uri, "/") || isFileURI(uri) || drive.MatchString(uri)
}

func isFileURI(uri string) bool { return len(uri) >= 5 && strings.EqualFold(uri[:5], "file:") }

// uriPaths are the ways to read a URI, or a plain path that was never made one,
// as a path: decoded, as it is, and with a backslash for a slash. The first is
// the right one where none of them is known.
func uriPaths(uri string) ([]string, error) {
	switch {
	case isFileURI(uri):
		uri = "/" + strings.TrimLeft(uri[5:], "/")
	case strings.Contains(uri, "://"):
		return nil, fmt.Errorf("path %.200q is outside the tree", uri)
	}
	paths := []string{uri} // a bare path with a percent sign in it
	if plain, err := url.PathUnescape(uri); err == nil && plain != uri {
		paths = []string{plain, uri}
	}
	return append(paths, strings.ReplaceAll(paths[0], `\`, "/")), nil
}

// inside is a path relative to the tree's root.
func (s *sarifReader) inside(name string) (string, error) {
	if drive.MatchString(name) {
		name = filepath.ToSlash(strings.TrimPrefix(name, "/"))
	}
	if path.IsAbs(name) || drive.MatchString(name) {
		rel, ok := below(s.top, name)
		if !ok {
			rel, ok = below(s.target.Dir, name)
		}
		if !ok { // a tool that came here through a link
			rel, ok = below(s.top, path.Join(filepath.ToSlash(realPath(filepath.FromSlash(path.Dir(name)))), path.Base(name)))
		}
		if !ok {
			return "", fmt.Errorf("path %.200q is outside the tree", name)
		}
		name = rel
	}
	name = path.Clean(name)
	switch {
	case name == ".." || strings.HasPrefix(name, "../"):
		return "", fmt.Errorf("path %.200q is outside the tree", name)
	case name == ".":
		return "", nil
	}
	return name, nil
}

func below(top, name string) (string, bool) {
	rel, err := filepath.Rel(top, filepath.FromSlash(name))
	rel = filepath.ToSlash(rel)
	return rel, err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

func realPath(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// clip cuts a text of another tool to a size that a report can carry.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
