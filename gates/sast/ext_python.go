package sast

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

// pythonCanary is found by the rule for eval in bandit and in ruff, and by
// bandit's for SQL, which old versions cannot find on new Pythons.
const pythonCanary = "import subprocess\neval(input())\nsubprocess.call(input(), shell=True)\n"

// blocking are rules that block at any severity, with medium confidence: SQL,
// eval, pickle, yaml.load, exec.
var blocking = []string{"608", "307", "301", "506", "102"}

// bandit is bandit. It says nothing of a file that is not there or that does not
// parse by its exit status.
func bandit() external {
	return external{
		name: "bandit", install: "pipx install bandit", least: [3]int{1, 7, 5}, files: []string{".py", ".pyw"},
		settings: settings{name: "bandit.yml"},
		args: func(c call) []string {
			args := []string{"--format", "json", "--quiet", "--recursive"}
			if c.config != "" {
				args = append(args, "--configfile", c.config)
			}
			return append(args, ".")
		},
		status: []int{0, 1}, read: readBandit, canary: pythonCanary, rule: "B307",
	}
}

func readBandit(_ call, stdout, _ []byte) (reading, error) {
	var log struct {
		Errors  []struct{ Filename, Reason string }
		Metrics map[string]struct{ LOC int }
		Results []struct {
			ID         string `json:"test_id"`
			Severity   string `json:"issue_severity"`
			Confidence string `json:"issue_confidence"`
			Filename   string
			Line       int              `json:"line_number"`
			Lines      []int            `json:"line_range"`
			Column     int              `json:"col_offset"`
			Text       string           `json:"issue_text"`
			Info       string           `json:"more_info"`
			CWE        struct{ ID int } `json:"issue_cwe"`
		}
	}
	if err := json.Unmarshal(stdout, &log); err != nil {
		return reading{}, fmt.Errorf("its answer is no JSON: %w", err)
	}
	if totals, ok := log.Metrics["_totals"]; !ok || totals.LOC == 0 {
		return reading{}, errors.New("it looked at no line of code")
	}
	got := reading{looked: []string{}, count: -1}
	for name := range log.Metrics {
		if name != "_totals" {
			got.looked = append(got.looked, name)
		}
	}
	for _, e := range log.Errors {
		got.unread = append(got.unread, unread{What: e.Filename, Why: e.Reason})
	}
	for _, r := range log.Results {
		f := foreign{
			Finding: gates.Finding{
				Severity: banditSeverity(r.ID, r.Severity, r.Confidence), Path: gates.Path(r.Filename), Line: r.Line, EndLine: r.Line, Column: r.Column + 1, Message: r.Text,
			},
			rule: r.ID, title: r.Text, uri: r.Info,
		}
		if len(r.Lines) > 0 {
			f.EndLine = max(r.Line, slices.Max(r.Lines))
		}
		if r.CWE.ID > 0 {
			f.cwe = fmt.Sprintf("CWE-%d", r.CWE.ID)
		}
		got.found = append(got.found, f)
	}
	return got, nil
}

func banditSeverity(id, severity, confidence string) gates.Severity {
	if slices.Contains(blocking, strings.TrimPrefix(id, "B")) && confidence != "LOW" {
		return gates.SeverityError
	}
	switch severity {
	case "LOW", "UNDEFINED":
		return gates.SeverityNote
	case "MEDIUM":
		return gates.SeverityWarning
	}
	return gates.SeverityError
}

// ruffHigh and ruffLow are bandit's severities of the rules that ruff has from
// it without them; the others are warnings.
var (
	ruffHigh = []string{"201", "202", "302", "324", "501", "502", "503", "505", "507", "602", "604", "605", "609", "701", "702"}
	ruffLow  = []string{"101", "105", "106", "107", "110", "112", "311", "403", "404", "405", "406", "407", "408", "409", "410", "411", "412", "413", "415", "603", "606", "607"}
)

// ruff is ruff with the rules that it has from bandit.
func ruff() external {
	return external{
		name: "ruff", install: "pipx install ruff", least: [3]int{0, 5, 0}, files: []string{".py", ".pyw"},
		settings: settings{name: "ruff.toml", text: "exclude = []\nrespect-gitignore = false\n[lint]\nselect = [\"S\"]\n"},
		args: func(c call) []string {
			return []string{"check", "--no-cache", "--no-fix", "--output-format=json", "--config", c.config, "."}
		},
		status: []int{0, 1}, read: readRuff, canary: pythonCanary, rule: "S307",
	}
}

func readRuff(c call, stdout, stderr []byte) (reading, error) {
	type place struct{ Row, Column int }
	var list []struct {
		Code              *string
		Message, Filename string
		Location          place
		End               place `json:"end_location"`
		URL               string
	}
	if err := json.Unmarshal(stdout, &list); err != nil {
		return reading{}, fmt.Errorf("its answer is no JSON: %w", err)
	}
	if strings.Contains(string(stderr), "No Python files found") {
		return reading{}, errors.New("it looked at no file")
	}
	got := reading{count: -1}
	for _, r := range list {
		if r.Code == nil || *r.Code == "" || *r.Code == "invalid-syntax" || *r.Code == "E999" || *r.Code == "E902" {
			name := r.Filename
			if rel, err := filepath.Rel(c.dir, name); err == nil {
				name = filepath.ToSlash(rel)
			}
			got.unread = append(got.unread, unread{What: name, Why: r.Message})
			continue
		}
		got.found = append(got.found, foreign{
			Finding: gates.Finding{
				Severity: ruffSeverity(*r.Code), Path: gates.Path(r.Filename), Line: r.Location.Row, Column: r.Location.Column, EndLine: r.End.Row, EndColumn: r.End.Column, Message: r.Message,
			},
			rule: *r.Code, title: r.Message, uri: r.URL,
		})
	}
	return got, nil
}

func ruffSeverity(code string) gates.Severity {
	number, ok := strings.CutPrefix(code, "S")
	switch {
	case !ok:
		return gates.SeverityWarning // of the policy's own choice
	case slices.Contains(blocking, number), slices.Contains(ruffHigh, number):
		return gates.SeverityError
	case slices.Contains(ruffLow, number):
		return gates.SeverityNote
	}
	return gates.SeverityWarning
}
