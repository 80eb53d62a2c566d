package coverage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// results are what a run of tests came to.
type results struct {
	format                  string
	passed, failed, skipped int
	failures                []failure
	// problem is why the run was not a whole one, whatever the counts say.
	problem error
}

// failure is one test that did not pass, as the tool tells it.
type failure struct {
	suite, name string
	text        string // what it printed
	file        string // as the tool names it; may be empty
	line        int
	pkg         string // Go's import path; may be empty
}

// ran is how many tests came to an end that says something.
func (r *results) ran() int { return r.passed + r.failed }

func (r *results) add(o results) {
	r.passed, r.failed, r.skipped = r.passed+o.passed, r.failed+o.failed, r.skipped+o.skipped
	r.failures = append(r.failures, o.failures...)
}

// maxTests bounds the tests of one report, textLimit what is kept of each
// failure.
const (
	maxTests  = 2_000_000
	textLimit = 8 << 10
)

func (r *results) fail(f failure) {
	r.failed++
	if len(r.failures) < 1000 {
		f.text = f.text[:min(len(f.text), textLimit)]
		r.failures = append(r.failures, f)
	}
}

// readResults reads a report of tests, told by what it holds.
func readResults(data []byte) (results, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > reportLimit:
		return results{}, fmt.Errorf("it is larger than %d MiB", reportLimit>>20)
	case len(bytes.TrimSpace(data)) == 0:
		return results{}, errors.New("it is empty")
	case rootElement("testsuites")(data), rootElement("testsuite")(data):
		return readJUnit(data)
	case isJSON(data):
		line, _, _ := bytes.Cut(bytes.TrimLeft(data, " \t\r\n"), []byte("\n"))
		var event struct{ Action string }
		if json.Unmarshal(line, &event) == nil && event.Action != "" {
			var g goEvents
			_, _ = g.Write(data)
			return g.results()
		}
		return readJest(data)
	}
	return results{}, errors.New("not a report of tests that wf-ci knows (JUnit XML, go test -json, jest --json)")
}
