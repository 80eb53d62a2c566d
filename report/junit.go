package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

// JUnit writes a suite for each gate and a case for each finding, as test
// dashboards count them:
//
//	<failure>  a finding that blocks
//	<error>    a gate that had to decide and could not
//	<skipped>  a gate that did not run or did not have to decide, a waived finding
//	passed     a finding that does not block (its message is in system-out), a gate without findings
//
// There is a failure or an error exactly when the verdict is not pass: a run
// that is inconclusive for another reason gets a suite that says so.
func JUnit(w io.Writer, v *gates.Verdict) error {
	root := junitSuites{Name: "wf-ci", Time: seconds(v.DurationMS)}
	for i := range v.Gates {
		root.add(newJUnitSuite(&v.Gates[i]))
	}
	if v.Decision != gates.Pass && root.Failures+root.Errors == 0 {
		c := junitCase{Name: "verdict", Class: "wf-ci"}
		c.Error = &junitOutcome{Message: string(v.Decision), Text: visible(strings.Join(v.Reasons, "; "))}
		root.add(junitSuite{Name: "verdict", Time: seconds(0), Cases: []junitCase{c}})
	}
	for i := range root.Suites {
		root.Suites[i].Timestamp = v.Started.UTC().Format("2006-01-02T15:04:05")
	}
	var buf bytes.Buffer
	buf.WriteString(xml.Header)
	enc := xml.NewEncoder(&buf)
	enc.Indent("", "  ")
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("encode JUnit: %w", err)
	}
	buf.WriteByte('\n')
	_, err := w.Write(buf.Bytes())
	return err
}

type (
	junitCounts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Time   string       `xml:"time,attr"`
		Suites []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Time    string        `xml:"time,attr,omitempty"`
		Skipped *junitOutcome `xml:"skipped"`
		Error   *junitOutcome `xml:"error"`
		Failure *junitOutcome `xml:"failure"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitOutcome struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// add adds a suite, with its own counts and to those of all.
func (r *junitSuites) add(s junitSuite) {
	for _, c := range s.Cases {
		s.count(c)
		r.count(c)
	}
	r.Suites = append(r.Suites, s)
}

func (n *junitCounts) count(c junitCase) {
	n.Tests++
	switch {
	case c.Failure != nil:
		n.Failures++
	case c.Error != nil:
		n.Errors++
	case c.Skipped != nil:
		n.Skipped++
	}
}

func newJUnitSuite(g *gates.GateVerdict) junitSuite {
	s := junitSuite{Name: g.ID, Time: seconds(g.Duration), Properties: junitProperties(g)}
	own := junitCase{Name: g.ID, Class: "wf-ci", Time: seconds(g.Duration)}
	switch {
	case undecided(g):
		own.Error = &junitOutcome{Message: visible(g.Reason), Type: "could not decide"}
	case g.Status == gates.StatusError:
		own.Skipped = &junitOutcome{Message: "could not decide, and does not have to: " + visible(g.Reason)}
	case g.Status == gates.StatusSkipped:
		own.Skipped = &junitOutcome{Message: visible(g.Reason)}
	}
	if len(g.Findings) == 0 || g.Status == gates.StatusError {
		s.Cases = append(s.Cases, own)
	}
	for _, f := range ranked(g.Findings) {
		s.Cases = append(s.Cases, newJUnitCase(g, f))
	}
	return s
}

func newJUnitCase(g *gates.GateVerdict, f gates.Judged) junitCase {
	c := junitCase{Name: visible(f.Rule), Class: "wf-ci." + g.ID, Line: f.Line}
	if f.Path != "" {
		c.File = showPath(f.Path)
		c.Name += " at " + place(f.Finding)
	}
	if f.Commit != "" {
		c.Name += " in commit " + shortID(f.Commit)
	}
	text := fmt.Sprintf("%s: %s", f.Severity, message(f.Finding))
	switch {
	case f.Blocking:
		c.Failure = &junitOutcome{Message: message(f.Finding), Type: string(f.Severity), Text: text}
	case f.Waiver != nil:
		c.Skipped = &junitOutcome{Message: visible(fmt.Sprintf("waived until %s by %s: %s", f.Waiver.Expires, f.Waiver.Owner, f.Waiver.Reason))}
		c.Out = text
	default:
		c.Out = text
	}
	return c
}

func junitProperties(g *gates.GateVerdict) []junitProperty {
	p := []junitProperty{
		{"status", string(g.Status)},
		{"examined", examinedWords(g.Examined)},
	}
	if g.Engine.Name != "" {
		p = append(p, junitProperty{"engine", visible(strings.TrimSpace(g.Engine.Name + " " + g.Engine.Version))})
	}
	return p
}

// seconds is how JUnit writes a duration.
func seconds(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64) }
