package sast

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

// semgrep is semgrep, and opengrep, which is made from it. Its JSON is read, not
// its SARIF: that one says neither which files were looked at nor a level.
func semgrep(name string) external {
	install := "pipx install semgrep"
	if name == "opengrep" {
		install = "see https://github.com/opengrep/opengrep#installation"
	}
	return external{
		name: name, install: install, least: [3]int{1, 0, 0},
		settings: settings{needed: true, name: "rules.yml"},
		args: func(c call) []string {
			return []string{"scan", "--json", "--quiet", "--metrics=off", "--disable-version-check", "--no-git-ignore", "--no-rewrite-rule-ids",
				"--max-target-bytes=0", "--config", c.config, "."}
		},
		status: []int{0, 1, 3}, // 3: a file did not parse, which errors[] says
		read:   readSemgrep,
	}
}

var semgrepSeverity = map[string]gates.Severity{
	"CRITICAL": gates.SeverityError, "HIGH": gates.SeverityError, "ERROR": gates.SeverityError,
	"MEDIUM": gates.SeverityWarning, "WARNING": gates.SeverityWarning,
	"LOW": gates.SeverityNote, "INFO": gates.SeverityNote, "INVENTORY": gates.SeverityNote, "EXPERIMENT": gates.SeverityNote,
}

func readSemgrep(_ call, stdout, _ []byte) (reading, error) {
	type place struct{ Line, Col int }
	var log struct {
		Results []struct {
			Rule  string `json:"check_id"`
			Path  string
			Start place
			End   place
			Extra struct {
				Message  string
				Severity string
				Ignored  bool `json:"is_ignored"`
				Metadata struct{ CWE any }
			}
		}
		Errors []struct {
			Level, Message, Path string
		}
		Paths *struct{ Scanned []string }
	}
	if err := json.Unmarshal(stdout, &log); err != nil {
		return reading{}, fmt.Errorf("its answer is no JSON: %w", err)
	}
	if log.Paths == nil {
		return reading{}, errors.New("its answer does not say which files it looked at")
	}
	got := reading{looked: append([]string{}, log.Paths.Scanned...), count: -1}
	for _, e := range log.Errors {
		if e.Level == "warn" && e.Path == "" {
			continue
		}
		if e.Path == "" {
			return got, fmt.Errorf("it reports an error of its own: %s", clip(e.Message, 300))
		}
		got.unread = append(got.unread, unread{What: e.Path, Why: clip(e.Message, 300)})
	}
	for _, r := range log.Results {
		if r.Extra.Ignored {
			continue
		}
		severity, ok := semgrepSeverity[strings.ToUpper(r.Extra.Severity)]
		if !ok {
			severity = gates.SeverityError // a word that we do not know is not let through
		}
		got.found = append(got.found, foreign{
			Finding: gates.Finding{
				Severity: severity, Path: gates.Path(r.Path), Line: r.Start.Line, Column: r.Start.Col, EndLine: r.End.Line, EndColumn: r.End.Col, Message: r.Extra.Message,
			},
			rule: r.Rule, title: r.Extra.Message, cwe: firstText(r.Extra.Metadata.CWE),
		})
	}
	return got, nil
}

// firstText is a text, or the first of a list of texts.
func firstText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			return firstText(v[0])
		}
	}
	return ""
}
