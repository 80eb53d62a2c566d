package lint

import (
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/suite/vet"
	"golang.org/x/tools/go/analysis/unitchecker"
	"honnef.co/go/tools/analysis/lint"
	"honnef.co/go/tools/staticcheck"

	"github.com/wf-ci/wf-ci/gates"
)

// VetToolName is what this program is called when `go vet` starts it: a link of
// that name leads to it. See [VetTool].
const VetToolName = "wf-ci-vet"

// staticcheckVersion is that of honnef.co/go/tools in go.mod.
const staticcheckVersion = "0.8.2"

// VetTool is the other end of `go vet -vettool`: it looks at one package, and
// ends the process. So Go's own build cache keeps what was found in a package
// and what is known of its dependencies, and no run loads a whole program.
func VetTool() { unitchecker.Main(analyzers()...) }

// analyzers are vet's, and those of staticcheck that it runs by default.
func analyzers() []*analysis.Analyzer {
	list := append([]*analysis.Analyzer(nil), vet.Suite...)
	for _, a := range staticcheck.Analyzers {
		if !a.Doc.NonDefault {
			list = append(list, a.Analyzer)
		}
	}
	return list
}

// goRule is what is known of an analyzer.
type goRule struct {
	severity gates.Severity
	rule     gates.Rule
}

// goRules are the analyzers by name. vet reports what is almost surely wrong: an
// error. staticcheck grades its checks itself, and its own SARIF says error for
// error, warning for warning and deprecated, note for the rest: so do we.
func goRules() map[string]goRule {
	rules := make(map[string]goRule)
	for _, a := range vet.Suite {
		rules[a.Name] = goRule{gates.SeverityError, gates.Rule{ID: a.Name, Title: "go vet: " + a.Name, URI: a.URL}}
	}
	for _, a := range staticcheck.Analyzers {
		doc := a.Doc.Compile()
		severity := gates.SeverityNote
		switch doc.Severity {
		case lint.SeverityError:
			severity = gates.SeverityError
		case lint.SeverityWarning, lint.SeverityDeprecated:
			severity = gates.SeverityWarning
		}
		rules[a.Analyzer.Name] = goRule{severity, gates.Rule{ID: a.Analyzer.Name, Title: doc.Title, Help: doc.Text, URI: a.Analyzer.URL}}
	}
	return rules
}
