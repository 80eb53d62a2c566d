package coverage

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// suiteState is an open <testsuite>.
type suiteState struct {
	name             string
	claimed, counted int // failures and errors: what it says, what it holds
}

// junitReader is a JUnit report that is being read.
type junitReader struct {
	results
	suites []suiteState // those that are open
	test   *junitCase   // the one that is open; nil: none
}

// readJUnit counts the cases themselves. What a suite says of itself is held
// against them: a suite that could not even start has no case.
func readJUnit(data []byte) (results, error) {
	r := &junitReader{results: results{format: "junit"}}
	x := newXML(data)
	for {
		t, err := x.token()
		if errors.Is(err, io.EOF) {
			return r.results, nil
		}
		if err != nil {
			return r.results, fmt.Errorf("not a whole JUnit report: %w", err)
		}
		switch e := t.(type) {
		case xml.StartElement:
			err = r.open(e)
		case xml.EndElement:
			err = r.close(e.Name.Local)
		case xml.CharData:
			r.text(e)
		}
		if err != nil {
			return r.results, err
		}
	}
}

func (r *junitReader) open(e xml.StartElement) error {
	switch e.Name.Local {
	case "testsuite", "testsuites":
		claimed, err := claims(e)
		if err != nil {
			return err
		}
		r.suites = append(r.suites, suiteState{name: attr(e, "name"), claimed: claimed})
	case "testcase":
		r.test = newCase(e, r.suites)
	case "failure", "error":
		r.failure(attr(e, "message"))
	case "skipped", "disabled":
		if r.test != nil {
			r.test.skipped = true
		}
	}
	return nil
}

// failure is that of the open case; outside of one the suite's own.
func (r *junitReader) failure(message string) {
	switch {
	case r.test != nil:
		r.test.failed, r.test.inText = true, true
		r.test.text.WriteString(message)
		r.test.text.WriteByte('\n')
	case len(r.suites) > 0:
		s := &r.suites[len(r.suites)-1]
		s.counted++
		r.fail(failure{suite: s.name, name: "(the suite)", text: message})
	}
}

func (r *junitReader) close(element string) error {
	switch element {
	case "failure", "error":
		if r.test != nil {
			r.test.inText = false
		}
	case "testcase":
		if r.test != nil && r.test.close(&r.results) && len(r.suites) > 0 {
			r.suites[len(r.suites)-1].counted++
		}
		r.test = nil
		if r.ran()+r.skipped > maxTests {
			return fmt.Errorf("more than %d tests", maxTests)
		}
	case "testsuite", "testsuites":
		r.suites = closeSuite(&r.results, r.suites)
	}
	return nil
}

func (r *junitReader) text(b []byte) {
	if c := r.test; c != nil && c.inText && c.text.Len() < textLimit {
		c.text.Write(b[:min(len(b), textLimit)])
	}
}

func claims(e xml.StartElement) (int, error) {
	total := 0
	for _, name := range []string{"failures", "errors"} {
		text := strings.TrimSpace(attr(e, name))
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("not a whole JUnit report: %s=%.40q", name, text)
		}
		total += n
	}
	return total, nil
}

// closeSuite ends a suite. One that says that more failed than it names has
// failures of its own.
func closeSuite(r *results, suites []suiteState) []suiteState {
	s := suites[len(suites)-1]
	suites = suites[:len(suites)-1]
	if s.claimed > s.counted {
		r.fail(failure{suite: s.name, name: "(the suite)", text: fmt.Sprintf("the suite says that %d failed, and names %d of them", s.claimed, s.counted)})
		s.counted = s.claimed
	}
	if len(suites) > 0 {
		suites[len(suites)-1].counted += s.counted
	}
	return suites
}

type junitCase struct {
	failure
	failed, skipped, inText bool
	text                    strings.Builder
}

func newCase(e xml.StartElement, suites []suiteState) *junitCase {
	c := &junitCase{failure: failure{suite: attr(e, "classname"), name: attr(e, "name"), file: attr(e, "file")}}
	if c.suite == "" && len(suites) > 0 {
		c.suite = suites[len(suites)-1].name
	}
	c.line, _ = strconv.Atoi(attr(e, "line"))
	c.line = max(0, c.line)
	switch strings.ToLower(attr(e, "status")) {
	case "notrun", "disabled", "skipped":
		c.skipped = true // googletest
	}
	return c
}

// close counts a case, and says whether it failed.
func (c *junitCase) close(r *results) bool {
	switch {
	case c.failed:
		c.failure.text = c.text.String()
		r.fail(c.failure)
	case c.skipped:
		r.skipped++
	default:
		r.passed++
	}
	return c.failed
}
