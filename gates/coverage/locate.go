package coverage

import (
	"path"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

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
	hits := placeIn.FindAllStringSubmatch(f.text, 50)
	if f.file != "" {
		if p := m.place(f.file, dir); p != "" {
			return p, m.lineIn(p, f.line, dir, hits)
		}
	}
	if p, line := m.mentioned(hits, dir, isTest); p != "" {
		return p, line
	}
	return m.pytestModule(f.suite, dir), 0
}

// lineIn is the line in a file that the tool says, else the first one of it in
// the text; 0: unknown.
func (m *matcher) lineIn(file string, line int, dir string, hits [][]string) int {
	if line > 0 {
		return line
	}
	for _, hit := range hits {
		if m.place(hit[1], dir) == file {
			return number(hit[2])
		}
	}
	return 0
}

// mentioned is the first place in a test, else the first place.
func (m *matcher) mentioned(hits [][]string, dir string, isTest func(string) bool) (first string, line int) {
	for _, hit := range hits {
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
	return first, line
}

// pytestModule is the file of pytest's classname, which is a module's name,
// perhaps with a class; empty: there is none.
func (m *matcher) pytestModule(suite, dir string) string {
	for name := strings.ReplaceAll(suite, ".", "/"); name != "" && name != "."; name = path.Dir(name) {
		if p := path.Join(dir, name+".py"); m.has(p) {
			return p
		}
		if !strings.Contains(name, "/") {
			break
		}
	}
	return ""
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > maxLine {
		return 0
	}
	return n
}
