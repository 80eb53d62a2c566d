package sast

import (
	"fmt"
	"regexp"

	"github.com/wf-ci/wf-ci/gates"
)

// rule is one rule of a file.
type rule struct {
	id         string
	families   []family
	message    string
	severity   gates.Severity
	title      string
	help       string
	cwe        []string // "CWE-78"
	owasp      []string
	confidence string
	references []string
	imports    map[string]string
	taint      bool
	// What the file says, to be compiled for each family.
	search, sources, sinks, sanitizers *spec
	bad, good                          []example // examples that are found, and that are not
}

type example struct {
	code string
	line int
}

// spec is a formula as it is written.
type spec struct {
	op    operation
	text  string // of a pattern or a regular expression
	re    *regexp.Regexp
	subs  []*spec
	names []string
	at    place
}

// place is where something is written.
type place struct {
	file      string
	line, col int
}

func (p place) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", p.file, p.line, p.col, fmt.Sprintf(format, args...))
}
