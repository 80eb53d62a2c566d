package sast

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// astGrep is ast-grep, for rules of the project's own. It ends well where there
// was nothing to look at: the number of files is in what it tells beside.
func astGrep() external {
	return external{
		name: "ast-grep", install: "npm install -g @ast-grep/cli@0.51.1", least: [3]int{0, 38, 0},
		settings: settings{needed: true, name: "rules.yml"},
		args: func(c call) []string {
			return []string{"scan", "--rule", c.config, "--json=compact", "--include-metadata", "--inspect=summary",
				"--no-ignore=hidden", "--no-ignore=dot", "--no-ignore=exclude", "--no-ignore=global", "--no-ignore=parent", "--no-ignore=vcs", "."}
		},
		status: []int{0, 1}, read: readAstGrep,
	}
}

var scannedFiles = lazyregexp.New(`summary\|file: scannedFileCount=(\d+)`)

func readAstGrep(_ call, stdout, stderr []byte) (reading, error) {
	type place struct{ Line, Column int }
	var list []struct {
		File, Rule, Severity, Message string
		RuleID                        string `json:"ruleId"`
		Range                         struct{ Start, End place }
		Metadata                      struct{ CWE any }
	}
	if err := json.Unmarshal(stdout, &list); err != nil {
		return reading{}, fmt.Errorf("its answer is no JSON: %w", err)
	}
	// It looks at files in the languages of its rules only: how many that are is
	// not known, but that it is none is.
	m := scannedFiles.FindSubmatch(stderr)
	if m == nil {
		return reading{}, errors.New("it does not say how many files it looked at")
	}
	if n, _ := strconv.Atoi(string(m[1])); n == 0 {
		return reading{}, errors.New("it looked at no file: none is in a language of its rules")
	}
	got := reading{count: -1}
	for _, r := range list {
		severity := map[string]gates.Severity{"error": gates.SeverityError, "warning": gates.SeverityWarning, "info": gates.SeverityNote, "hint": gates.SeverityNote}[r.Severity]
		if severity == "" {
			severity = gates.SeverityError
		}
		got.found = append(got.found, foreign{
			Finding: gates.Finding{
				Severity: severity, Path: gates.Path(r.File), Line: r.Range.Start.Line + 1, Column: r.Range.Start.Column + 1,
				EndLine: r.Range.End.Line + 1, EndColumn: r.Range.End.Column + 1, Message: r.Message,
			},
			rule: r.RuleID, title: r.Message, cwe: firstText(r.Metadata.CWE),
		})
	}
	return got, nil
}
