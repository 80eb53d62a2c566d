package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	headID = "1f0c7d2b9a8e4f6d5c3b2a190887766554433221"
	baseID = "aa11bb22cc33dd44ee55ff6600778899aabbccdd"
	oldID  = "3f2a9c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
)

// hostile is a message that tries everything: tags, mentions, references,
// links, fences, workflow commands, escape sequences, a line of its own.
const hostile = "<img src=x onerror=alert(1)> @octocat fixes #123 GH-9 [x](javascript:alert(1)) | ``` `a` *b* www.example.com\n::error::no ##[set-output name=verdict]pass \x1b]0;title\x07\x1b[2J end"

// fixture is a run in which everything happened.
func fixture() *gates.Verdict {
	return &gates.Verdict{
		Schema:   gates.VerdictSchema,
		Decision: gates.Fail,
		Reasons: []string{
			"secrets: 3 findings in 3 files", "history: 1 finding in 1 file (1 commit of the history)",
			"lint: 26 findings in 2 files", "sast: timed out after 10m0s",
		},
		Warnings: []string{
			"deps could not decide: database is 40 days old",
			"waiver of secrets 00ff (@ana) expired on 2026-01-31",
		},
		Tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904-dirty-00112233445566778899",
		Head: headID, Base: baseID,
		Policy: gates.PolicyInfo{
			Digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
			Source: "base:.wf-ci.yml@" + baseID,
			Weakened: []gates.Weakening{
				{Key: "gates.coverage.min", Base: "80", Head: "60"},
			},
		},
		Gates: []gates.GateVerdict{
			secretsGate(), historyGate(), passedGate("env-files"), skippedGate("permissions"),
			erredGate("sast", true, "timed out after 10m0s"), erredGate("deps", false, "database is 40 days old"),
			lintGate(), budgetGate(),
		},
		SuppressionsAdded: []gates.Suppression{{Path: "a.py", Line: 3, Marker: "nosec"}, {Path: "b\x1b[31m.py", Line: 9, Marker: "type: ignore"}},
		Waivers: gates.WaiverReport{
			Expired: []gates.Waiver{{Gate: "secrets", Fingerprint: "00ff", Reason: "old", Owner: "@ana", Expires: "2026-01-31"}},
			Unused:  []gates.Waiver{},
		},
		Started:    time.Date(2026, 11, 22, 9, 30, 0, 123456789, time.UTC),
		DurationMS: 83_250,
	}
}

func gate(id string, status gates.Status) gates.GateVerdict {
	return gates.GateVerdict{
		ID: id, Status: status, Required: true, Scope: gates.ScopeAll,
		Doc: "Looks for " + id + ".", Help: "Do something about the " + id + ".",
		Metrics: map[string]float64{}, Findings: []gates.Judged{}, Rules: []gates.Rule{},
	}
}

func secretsGate() gates.GateVerdict {
	g := gate("secrets", gates.StatusFail)
	g.Reason = "3 findings in 3 files"
	g.Examined = gates.Examined{Files: 120, Bytes: 88_211}
	g.Engine = gates.Engine{Name: "gitleaks", Version: "8.30.1"}
	g.Duration = 412
	g.Help = "Revoke the secret first; then take it out of the code."
	g.Rules = []gates.Rule{
		{ID: "aws-access-token", Title: "AWS access key", Help: "Revoke it in **IAM**.", URI: "https://docs.example.com/iam?a=1", Tags: []string{"external/cwe/cwe-798"}, Security: "9.8"},
		{ID: "unused-rule", Title: "No finding names it"},
	}
	f := func(path gates.Path, line int, rule string, severity gates.Severity, message string) gates.Judged {
		return gates.Judged{Finding: gates.Finding{Rule: rule, Severity: severity, Path: path, Line: line, Message: message, Fingerprint: fmt.Sprintf("%032x", line)}}
	}
	exact := f("src/a.go", 10, "aws-access-token", gates.SeverityError, "AWS access key")
	exact.Column, exact.EndLine, exact.EndColumn = 3, 10, 23
	exact.New, exact.Blocking = true, true
	latin := f("caf\xe9/k\xf6nig.env", 1, "generic-api-key", gates.SeverityError, "key in caf\xe9")
	latin.Blocking = true
	newline := f("new\nline: #1?.env", 2, "generic-api-key", gates.SeverityError, hostile)
	newline.New, newline.Blocking = true, true
	trap := f("docs/a`b|c<d>#1 @team.md", 5, "a`rule|<b>", gates.SeverityWarning, "quiet prose, with (some) signs")
	trap.New = true
	waived := f("test/key.pem", 1, "private-key", gates.SeverityError, "private key")
	waived.Waiver = &gates.WaiverUse{Reason: "test key", Owner: "@ana", Expires: "2027-01-31"}
	g.Findings = []gates.Judged{latin, trap, newline, exact, waived}
	return g
}

func historyGate() gates.GateVerdict {
	g := gate("history", gates.StatusFail)
	g.Reason = "1 finding in 1 file (1 commit of the history)"
	g.Examined = gates.Examined{Commits: 30, Bytes: 1_234_567}
	g.Duration = 1234
	g.Findings = []gates.Judged{{Finding: gates.Finding{
		Rule: "generic-api-key", Severity: gates.SeverityError, Path: "old/config.yml", Line: 7, Column: 1, Commit: oldID,
		Message: "generic key", Fingerprint: "00000000000000000000000000000abc",
	}, Blocking: true}}
	return g
}

func passedGate(id string) gates.GateVerdict {
	g := gate(id, gates.StatusPass)
	g.Examined = gates.Examined{Files: 1}
	g.Cached = true
	g.Metrics["coverage"] = 81.25
	return g
}

func skippedGate(id string) gates.GateVerdict {
	g := gate(id, gates.StatusSkipped)
	g.Reason = "the change touches no such file"
	return g
}

func erredGate(id string, required bool, reason string) gates.GateVerdict {
	g := gate(id, gates.StatusError)
	g.Required, g.Reason, g.Duration = required, reason, 600_000
	return g
}

// lintGate has more findings than anybody reads, some of them old.
func lintGate() gates.GateVerdict {
	g := gate("lint", gates.StatusFail)
	g.Scope = gates.ScopeChange
	g.Reason = "26 findings in 2 files"
	g.Examined = gates.Examined{Results: 40}
	g.Engine = gates.Engine{Name: "make check"}
	g.Duration = 65_000
	for i := range 40 {
		f := gates.Finding{
			Rule: "E501", Severity: gates.Severities()[i%3], Path: gates.Path(fmt.Sprintf("pkg/f%d.py", i%2)),
			Line: i + 1, Message: fmt.Sprintf("line too long (%d > 79)", 80+i), Fingerprint: fmt.Sprintf("%032x", 1000+i),
		}
		isNew := i < 39
		g.Findings = append(g.Findings, gates.Judged{Finding: f, New: isNew, Blocking: isNew && f.Severity != gates.SeverityNote})
	}
	g.Findings[3].Path = "safe\u202egnp.exe"
	g.Findings[6].EndLine = 9
	g.Findings[9].Line = 0
	return g
}

// budgetGate passes with a finding about no file, and one outside the tree.
func budgetGate() gates.GateVerdict {
	g := gate("budget", gates.StatusPass)
	g.Examined = gates.Examined{Results: 2}
	g.Findings = []gates.Judged{
		{Finding: gates.Finding{Rule: "soft-limit", Severity: gates.SeverityWarning, Message: "82 % of the month's budget is used", Fingerprint: "0b"}, New: true},
		{Finding: gates.Finding{Rule: "soft-limit", Severity: gates.SeverityNote, Path: "../outside", Line: 1, Message: " \n", Fingerprint: "0c"}},
	}
	return g
}

// clean is a run without a fault.
func clean() *gates.Verdict {
	v := fixture()
	v.Decision, v.Reasons, v.Warnings = gates.Pass, []string{}, []string{}
	v.Policy.Weakened = []gates.Weakening{}
	v.SuppressionsAdded = []gates.Suppression{}
	v.Waivers.Expired = []gates.Waiver{}
	v.Gates = []gates.GateVerdict{passedGate("secrets"), skippedGate("deps")}
	return v
}

func render(t testing.TB, f Format, v *gates.Verdict) string {
	t.Helper()
	var buf bytes.Buffer
	if err := f(&buf, v); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) == got {
		return
	}
	wantLines, gotLines := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range min(len(wantLines), len(gotLines)) {
		if wantLines[i] != gotLines[i] {
			t.Fatalf("%s, line %d:\n got %s\nwant %s", path, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%s: %d lines, want %d", path, len(gotLines), len(wantLines))
}

func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		file   string
		format Format
		v      *gates.Verdict
	}{
		{"run.json", JSON, fixture()},
		{"run.sarif", SARIF, fixture()},
		{"run.upload.sarif", CodeScanning, fixture()},
		{"run.xml", JUnit, fixture()},
		{"run.md", Markdown, fixture()},
		{"run.cut.md", MarkdownLimit(3500), fixture()},
		{"run.html", HTML, fixture()},
		{"run.txt", Text(Style{Unicode: true}), fixture()},
		{"run.ascii.txt", Text(Style{}), fixture()},
		{"run.color.txt", Text(Style{Unicode: true, Color: true, Brief: true}), fixture()},
		{"clean.txt", Text(Style{Unicode: true}), clean()},
		{"clean.md", Markdown, clean()},
		{"clean.xml", JUnit, clean()},
	} {
		t.Run(tt.file, func(t *testing.T) {
			got := render(t, tt.format, tt.v)
			golden(t, tt.file, got)
			if again := render(t, tt.format, tt.v); again != got {
				t.Error("the same verdict gave other bytes")
			}
		})
	}
}

// TestUnchanged holds formats to changing nothing: all of them get one verdict.
func TestUnchanged(t *testing.T) {
	v := fixture()
	before := render(t, JSON, v)
	for _, f := range Formats() {
		render(t, f.Format, v)
	}
	render(t, CodeScanning, v)
	Annotations(v, 9)
	if render(t, JSON, v) != before {
		t.Error("a format changed the verdict")
	}
}

func TestLookup(t *testing.T) {
	for _, f := range Formats() {
		if got, ok := Lookup(f.Name); !ok || got == nil || f.Doc == "" {
			t.Errorf("%s: not found, or without a word", f.Name)
		}
	}
	if _, ok := Lookup("pdf"); ok {
		t.Error("pdf is a format")
	}
}
