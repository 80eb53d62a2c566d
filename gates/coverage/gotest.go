package coverage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

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
	p := g.of(e.Package)
	switch {
	case p == nil:
	case e.Test != "":
		p.test(e.Test).event(e.Action, e.Output)
	case e.Action == "output":
		p.output = keep(p.output, e.Output)
	case e.Action == "pass" || e.Action == "fail" || e.Action == "skip":
		p.status, p.build = e.Action, e.FailedBuild
	}
}

// of is what is known of a package; nil: there are too many.
func (g *goEvents) of(name string) *goPackage {
	p := g.packages[name]
	if p == nil && len(g.packages) < maxFiles {
		p = &goPackage{tests: make(map[string]*goTest)}
		g.packages[name] = p
		g.order = append(g.order, name)
	}
	return p
}

func (p *goPackage) test(name string) *goTest {
	t := p.tests[name]
	if t == nil {
		t = &goTest{}
		p.tests[name] = t
	}
	return t
}

func (t *goTest) event(action, output string) {
	switch action {
	case "pass", "skip":
		t.status, t.output = action, nil
	case "fail":
		t.status = action
	case "output":
		if t.status == "" {
			t.output = keep(t.output, output)
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

// count counts a package's tests. A test that has parts is counted by them,
// unless it failed and none of them did.
func (g *goEvents) count(r *results, name string, p *goPackage) error {
	p.findParts()
	failed := r.failed
	for _, test := range slices.Sorted(maps.Keys(p.tests)) {
		t := p.tests[test]
		switch {
		case t.parts && (t.partFailed || t.status == "pass" || t.status == "skip"):
			// Its parts are counted.
		case t.status == "pass":
			r.passed++
		case t.status == "skip":
			r.skipped++
		default:
			f := failure{suite: name, name: test, text: string(t.output), pkg: name}
			if t.status == "" {
				f.text += "\nthe test did not end"
			}
			r.fail(f)
		}
	}
	if p.status != "fail" || r.failed > failed {
		return nil
	}
	return g.countPackage(r, name, p)
}

// findParts says of each test whether it has subtests, and whether one of them
// did not pass.
func (p *goPackage) findParts() {
	for test, t := range p.tests {
		for at := strings.LastIndexByte(test, '/'); at > 0; at = strings.LastIndexByte(test[:at], '/') {
			if up := p.tests[test[:at]]; up != nil {
				up.parts = true
				up.partFailed = up.partFailed || t.status != "pass" && t.status != "skip"
			}
		}
	}
}

// countPackage is for a package that failed and whose tests did not.
func (g *goEvents) countPackage(r *results, name string, p *goPackage) error {
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
