package coverage

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
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

// suiteState is an open <testsuite>.
type suiteState struct {
	name             string
	claimed, counted int // failures and errors: what it says, what it holds
}

// readJUnit counts the cases themselves. What a suite says of itself is held
// against them: a suite that could not even start has no case.
func readJUnit(data []byte) (results, error) {
	r := results{format: "junit"}
	x := newXML(data)
	var suites []suiteState
	var c *junitCase
	for {
		t, err := x.token()
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return r, fmt.Errorf("not a whole JUnit report: %w", err)
		}
		switch e := t.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "testsuite", "testsuites":
				claimed, err := claims(e)
				if err != nil {
					return r, err
				}
				suites = append(suites, suiteState{name: attr(e, "name"), claimed: claimed})
			case "testcase":
				c = newCase(e, suites)
			case "failure", "error":
				switch {
				case c != nil:
					c.failed = true
					c.text.WriteString(attr(e, "message"))
					c.text.WriteByte('\n')
				case len(suites) > 0:
					s := &suites[len(suites)-1]
					s.counted++
					r.fail(failure{suite: s.name, name: "(the suite)", text: attr(e, "message")})
				}
				if c != nil {
					c.inText = true
				}
			case "skipped", "disabled":
				if c != nil {
					c.skipped = true
				}
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "failure", "error":
				if c != nil {
					c.inText = false
				}
			case "testcase":
				if c != nil && c.close(&r) && len(suites) > 0 {
					suites[len(suites)-1].counted++
				}
				c = nil
				if r.ran()+r.skipped > maxTests {
					return r, fmt.Errorf("more than %d tests", maxTests)
				}
			case "testsuite", "testsuites":
				suites = closeSuite(&r, suites)
			}
		case xml.CharData:
			if c != nil && c.inText && c.text.Len() < textLimit {
				c.text.Write(e[:min(len(e), textLimit)])
			}
		}
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

// readJest reads `jest --json`, and vitest's JSON, which has the same form.
func readJest(data []byte) (results, error) {
	r := results{format: "jest"}
	var top struct {
		Success *bool `json:"success"`
		Results *[]struct {
			Name       string `json:"name"`
			Status     string `json:"status"`
			Message    string `json:"message"`
			Assertions []struct {
				Status   string   `json:"status"`
				FullName string   `json:"fullName"`
				Messages []string `json:"failureMessages"`
				Location *struct {
					Line int `json:"line"`
				} `json:"location"`
			} `json:"assertionResults"`
		} `json:"testResults"`
	}
	if err := json.Unmarshal(data, &top); err != nil {
		return r, fmt.Errorf("not a whole report: %w", err)
	}
	if top.Results == nil {
		return r, errors.New("not a report of tests that wf-ci knows (JUnit XML, go test -json, jest --json)")
	}
	for _, suite := range *top.Results {
		before := r.failed
		for _, a := range suite.Assertions {
			switch a.Status {
			case "passed":
				r.passed++
			case "failed":
				f := failure{name: a.FullName, text: strings.Join(a.Messages, "\n"), file: suite.Name}
				if a.Location != nil {
					f.line = max(0, a.Location.Line)
				}
				r.fail(f)
			default: // pending, skipped, todo, disabled
				r.skipped++
			}
		}
		if suite.Status == "failed" && r.failed == before {
			r.fail(failure{name: "(the file)", text: suite.Message, file: suite.Name})
		}
	}
	if top.Success != nil && !*top.Success && r.failed == 0 {
		r.problem = errors.New("the report says that the run did not succeed, and names no test that failed")
	}
	return r, nil
}

// goEvents reads the stream of `go test -json`, however long it is: an
// io.Writer that keeps what failing tests printed, and no more.
type goEvents struct {
	rest     []byte
	events   int
	broken   int
	packages map[string]*goPackage
	builds   map[string][]byte // what the compiler said, by import path
	order    []string
}

type goPackage struct {
	tests  map[string]*goTest
	status string
	output []byte
	build  string // the import path that did not build
}

type goTest struct {
	status string
	output []byte
	// parts: it has subtests; partFailed: one of them did not pass.
	parts, partFailed bool
}

func (g *goEvents) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		line := p[:i]
		if len(g.rest) > 0 {
			line = append(g.rest, line...)
			g.rest = nil
		}
		g.line(line)
		p = p[i+1:]
	}
	if len(g.rest)+len(p) < 8<<20 {
		g.rest = append(g.rest, p...)
	} else {
		g.broken++
	}
	return n, nil
}

func (g *goEvents) line(line []byte) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' {
		return // what a tool printed beside
	}
	var e struct{ Action, Package, Test, Output, ImportPath, FailedBuild string }
	if json.Unmarshal(line, &e) != nil {
		g.broken++
		return
	}
	g.events++
	if g.packages == nil {
		g.packages, g.builds = make(map[string]*goPackage), make(map[string][]byte)
	}
	switch e.Action {
	case "build-output":
		g.builds[e.ImportPath] = keep(g.builds[e.ImportPath], e.Output)
		return
	case "build-fail", "":
		return
	}
	p := g.packages[e.Package]
	if p == nil {
		if len(g.packages) >= maxFiles {
			return
		}
		p = &goPackage{tests: make(map[string]*goTest)}
		g.packages[e.Package] = p
		g.order = append(g.order, e.Package)
	}
	if e.Test == "" {
		switch e.Action {
		case "pass", "fail", "skip":
			p.status, p.build = e.Action, e.FailedBuild
		case "output":
			p.output = keep(p.output, e.Output)
		}
		return
	}
	t := p.tests[e.Test]
	if t == nil {
		t = &goTest{}
		p.tests[e.Test] = t
	}
	switch e.Action {
	case "pass", "skip":
		t.status, t.output = e.Action, nil
	case "fail":
		t.status = e.Action
	case "output":
		if t.status == "" {
			t.output = keep(t.output, e.Output)
		}
	}
}

// keep appends, and forgets the middle of what is too long.
func keep(b []byte, s string) []byte {
	if len(b)+len(s) > textLimit {
		s = s[:min(len(s), textLimit/2)]
		if over := len(b) + len(s) - textLimit; over > 0 {
			b = b[min(len(b), over):]
		}
	}
	return append(b, s...)
}

// results is what the stream came to. One that breaks off is an error.
func (g *goEvents) results() (results, error) {
	r := results{format: "go test"}
	if len(bytes.TrimSpace(g.rest)) > 0 {
		g.line(g.rest)
		g.rest = nil
	}
	switch {
	case g.broken > 0:
		return r, errors.New("not a whole go test -json stream: a line is no event")
	case g.events == 0:
		return r, errors.New("go test said nothing")
	}
	slices.Sort(g.order)
	for _, name := range g.order {
		p := g.packages[name]
		if p.status == "" && name != "" {
			return r, fmt.Errorf("the go test -json stream breaks off in %s", name)
		}
		if err := g.count(&r, name, p); err != nil && r.problem == nil {
			r.problem = err
		}
	}
	return r, nil
}

func (g *goEvents) count(r *results, name string, p *goPackage) error {
	failed, names := 0, make([]string, 0, len(p.tests))
	for test, t := range p.tests {
		names = append(names, test)
		for at := strings.LastIndexByte(test, '/'); at > 0; at = strings.LastIndexByte(test[:at], '/') {
			if up := p.tests[test[:at]]; up != nil {
				up.parts = true
				up.partFailed = up.partFailed || t.status != "pass" && t.status != "skip"
			}
		}
	}
	slices.Sort(names)
	for _, test := range names {
		t := p.tests[test]
		switch {
		case t.parts && (t.partFailed || t.status == "pass" || t.status == "skip"):
			// Its parts are counted.
		case t.status == "pass":
			r.passed++
		case t.status == "skip":
			r.skipped++
		default:
			failed++
			f := failure{suite: name, name: test, text: string(t.output), pkg: name}
			if t.status == "" {
				f.text += "\nthe test did not end"
			}
			r.fail(f)
		}
	}
	if p.status != "fail" || failed > 0 {
		return nil
	}
	text := p.output
	if p.build != "" {
		text = slices.Concat(g.builds[p.build], p.output)
	}
	if bytes.Contains(text, []byte("[setup failed]")) {
		return fmt.Errorf("go could not set up %s: %s", name, firstLine(text))
	}
	r.fail(failure{suite: name, name: "(the package)", text: string(text), pkg: name})
	return nil
}

// firstLine is the first line that says something.
func firstLine(text []byte) string {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && !bytes.HasPrefix(line, []byte("#")) && !bytes.HasPrefix(line, []byte("FAIL")) && !bytes.HasPrefix(line, []byte("===")) {
			return string(line[:min(len(line), 200)])
		}
	}
	return ""
}

var (
	cargoTest   = lazyregexp.New(`(?m)^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)\b`)
	cargoResult = lazyregexp.New(`(?m)^test result: (ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored;`)
	cargoStdout = lazyregexp.New(`(?m)^---- (.+?) stdout ----$`)
)

// readCargo reads what `cargo test` prints: the only form of stable Rust. The
// lines of results count; a test's name alone does not, as a test may print.
func readCargo(stdout, stderr []byte) (results, error) {
	r := results{format: "cargo test"}
	outputs := make(map[string]string)
	heads := cargoStdout.FindAllSubmatchIndex(stdout, -1)
	for i, h := range heads {
		end := len(stdout)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		outputs[string(stdout[h[2]:h[3]])] = string(stdout[h[1]:min(end, h[1]+textLimit)])
	}
	totals := cargoResult.FindAllSubmatch(stdout, -1)
	failed := 0
	for _, t := range totals {
		n := func(i int) int { v, _ := strconv.Atoi(string(t[i])); return v }
		r.passed, r.skipped, failed = r.passed+n(2), r.skipped+n(4), failed+n(3)
	}
	for _, m := range cargoTest.FindAllSubmatch(stdout, -1) {
		if string(m[2]) == "FAILED" && r.failed < failed {
			r.fail(failure{name: string(m[1]), text: outputs[string(m[1])]})
		}
	}
	for r.failed < failed {
		r.fail(failure{name: "(a test)", text: "cargo counts it, and does not name it"})
	}
	if bytes.Contains(stderr, []byte("error: could not compile")) {
		r.fail(failure{name: "(the crate)", text: compileError(stderr)})
	} else if len(totals) == 0 {
		return r, fmt.Errorf("cargo ran no test: %s", firstLine(afterError(stderr)))
	}
	return r, nil
}

func afterError(stderr []byte) []byte {
	if i := bytes.Index(stderr, []byte("error")); i >= 0 {
		return stderr[i:]
	}
	return stderr
}

func compileError(stderr []byte) string {
	text := afterError(stderr)
	return strings.ReplaceAll(string(text[:min(len(text), textLimit)]), " --> ", " ")
}

var (
	unittestRan  = lazyregexp.New(`(?m)^Ran (\d+) tests? in `)
	unittestEnd  = lazyregexp.New(`(?m)^(OK|FAILED|NO TESTS RAN)(?: \((.*)\))?\s*$`)
	pythonError  = lazyregexp.New(`(?m)^[A-Za-z_][\w.]*(Error|Exception|Failure|Exit|Interrupt|Warning)\b.*$`)
	unittestHead = lazyregexp.New(`(?m)^={70}\r?\n(?:FAIL|ERROR): (.*?)\r?\n`)
)

// readUnittest reads what `python -m unittest` prints.
func readUnittest(stderr []byte) (results, error) {
	r := results{format: "unittest"}
	ran := unittestRan.FindAllSubmatchIndex(stderr, -1)
	if len(ran) == 0 {
		return r, fmt.Errorf("unittest did not come to an end: %s", firstLine(lastPart(stderr)))
	}
	at := ran[len(ran)-1]
	total, _ := strconv.Atoi(string(stderr[at[2]:at[3]]))
	end := unittestEnd.FindSubmatch(stderr[at[1]:])
	if end == nil {
		return r, errors.New("unittest did not come to an end")
	}
	failed := 0
	for part := range strings.SplitSeq(string(end[2]), ", ") {
		key, value, _ := strings.Cut(part, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "failures", "errors", "unexpected successes":
			failed += n
		case "skipped":
			r.skipped += n
		}
	}
	heads := unittestHead.FindAllSubmatchIndex(stderr[:at[0]], -1)
	for i, h := range heads {
		stop := at[0]
		if i+1 < len(heads) {
			stop = heads[i+1][0]
		}
		text := string(stderr[h[1]:stop])
		if why := pythonError.FindString(text); why != "" {
			text = why + "\n" + text
		}
		r.fail(failure{name: string(stderr[h[2]:h[3]]), text: text})
	}
	for r.failed < failed {
		r.fail(failure{name: "(a test)", text: "unittest counts it, and does not name it"})
	}
	r.passed = max(0, total-r.failed-r.skipped)
	if string(end[1]) == "FAILED" && r.failed == 0 {
		r.problem = errors.New("unittest failed, and names no test")
	}
	return r, nil
}

func lastPart(b []byte) []byte { return b[max(0, len(b)-400):] }

// placeIn finds a place in a text: file:line, as stack traces and compilers
// write it.
var placeIn = lazyregexp.New(`([\w@~+./\\:-]*[\w.-]+\.(?:go|py|[cm]?[jt]sx?|rs|java|kt|rb|php|cs|vue|svelte))(?::|", line |\()(\d+)`)

// locate finds where a failure is: what the tool says, else the first place in
// its text that is in the tree, one in a test before all others.
func (m *matcher) locate(f failure, dir string, isTest func(string) bool) (string, int) {
	if f.pkg != "" {
		if d, ok := m.importDir(strings.TrimSuffix(f.pkg, "_test")); ok {
			dir = d
		}
	}
	if f.file != "" {
		if p := m.place(f.file, dir); p != "" {
			if f.line > 0 {
				return p, f.line
			}
			for _, hit := range placeIn.FindAllStringSubmatch(f.text, 50) {
				if m.place(hit[1], dir) == p {
					return p, number(hit[2])
				}
			}
			return p, 0
		}
	}
	first, line := "", 0
	for _, hit := range placeIn.FindAllStringSubmatch(f.text, 50) {
		p := m.place(hit[1], dir)
		if p == "" {
			continue
		}
		if isTest(p) {
			return p, number(hit[2])
		}
		if first == "" {
			first, line = p, number(hit[2])
		}
	}
	if first != "" {
		return first, line
	}
	// pytest's classname is a module's name, perhaps with a class.
	for name := strings.ReplaceAll(f.suite, ".", "/"); name != "" && name != "."; name = path.Dir(name) {
		if p := path.Join(dir, name+".py"); m.has(p) {
			return p, 0
		}
		if !strings.Contains(name, "/") {
			break
		}
	}
	return "", 0
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > maxLine {
		return 0
	}
	return n
}
