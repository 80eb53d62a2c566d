package config

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWeakened(t *testing.T) {
	const waiver = "waivers: [{gate: secrets, fingerprint: ab, reason: %s, owner: o, expires: %s}]"
	tests := map[string]struct {
		base, head string
		want       []string // "key: base -> head"
	}{
		"nothing":              {"", "", nil},
		"the contract's":       {"gates: {coverage: {min: 80}}", "gates: {coverage: {min: 60}}", []string{"gates.coverage.min: 80 -> 60"}},
		"against the built-in": {"", "gates: {coverage: {min: 79.5}}", []string{"gates.coverage.min: 80 -> 79.5"}},
		"by removing":          {"gates: {coverage: {min: 90}}", "", []string{"gates.coverage.min: 90 -> 80"}},
		"stricter":             {"gates: {coverage: {min: 80}}", "gates: {coverage: {min: 81}, lint: {scope: all, block_on: note}}", nil},
		"disabled":             {"", "gates: {secrets: {enabled: false}}", []string{"gates.secrets.enabled: true -> false"}},
		"optional":             {"", "gates: {secrets: {required: false}}", []string{"gates.secrets.required: true -> false"}},
		"scope":                {"", "gates: {secrets: {scope: change}}", []string{"gates.secrets.scope: all -> change"}},
		"block_on":             {"gates: {sast: {block_on: note}}", "gates: {sast: {block_on: warning}}", []string{"gates.sast.block_on: note -> warning"}},
		"history":              {"", "gates: {secrets: {history: none}}", []string{"gates.secrets.history: full -> none"}},
		"commits":              {"", "gates: {history: {commits: 9}}", []string{"gates.history.commits: 10 -> 9"}},
		"greatest":             {"", "gates: {duplication: {max: 6}, complexity: {max: 11, above: 1}, lint: {max: 1}, bundle: {max_growth: 5.5}}", []string{"gates.bundle.max_growth: 5 -> 5.5", "gates.complexity.above: 0 -> 1", "gates.complexity.max: 10 -> 11", "gates.duplication.max: 5 -> 6", "gates.lint.max: 0 -> 1"}},
		"least":                {"", "gates: {tests: {min: 99}, types: {min: 89}}", []string{"gates.tests.min: 100 -> 99", "gates.types.min: 90 -> 89"}},
		"neutral":              {"", "timeout: 1h\ndefault_branch: x\ngates: {sast: {timeout: 1s}}\nworktree: {max_active: 9}\ncosts: {timezone: UTC}", nil},
		"own gate added":       {"", "gates: {g: {run: x, required: false}}", nil},
		"own gate removed":     {"gates: {g: {run: make x}}", "", []string{"gates.g: make x -> removed"}},
		"SARIF gate removed":   {"gates: {g: {sarif: a.sarif}}", "", []string{"gates.g: a.sarif -> removed"}},
		"own gate loosened":    {"gates: {g: {run: x, scope: all}}", "gates: {g: {run: x, enabled: false, scope: change}}", []string{"gates.g.enabled: true -> false", "gates.g.scope: all -> change"}},
		"another command":      {"gates: {g: {run: make check}}", `gates: {g: {run: "true"}}`, []string{"gates.g.run: make check -> true"}},
		"no command":           {"gates: {g: {run: make, sarif: a}}", "gates: {g: {sarif: b}}", []string{"gates.g.run: make -> none", "gates.g.sarif: a -> b"}},
		"a command besides":    {"gates: {g: {sarif: a}}", "gates: {g: {run: make, sarif: a}}", nil},
		"another report":       {"gates: {coverage: {report: a}}", "gates: {coverage: {report: b}}", []string{"gates.coverage.report: a -> b"}},
		"other reports":        {"gates: {tests: {reports: [a]}}", "gates: {tests: {reports: [a, b]}}", []string{"gates.tests.reports: a -> a, b"}},
		"no reports":           {"gates: {tests: {reports: [a]}}", "", []string{"gates.tests.reports: a -> none"}},
		"more variables":       {"gates: {g: {run: x, env: [A]}}", "gates: {g: {run: x, env: [B, A]}}", []string{"gates.g.env: A -> A, B"}},
		"first variable":       {"gates: {g: {run: x}}", "gates: {g: {run: x, env: [A]}}", []string{"gates.g.env: none -> A"}},
		"fewer variables":      {"gates: {g: {run: x, env: [A, B]}}", "gates: {g: {run: x, env: [A]}}", nil},
		"secret in a command":  {"gates: {g: {run: TOKEN=hunter2 make}}", "", []string{"gates.g: TOKEN=******* make -> removed"}},

		"checkpoints removed":       {"gates: {checkpoints: {}}", "", []string{"gates.checkpoints: asked for -> removed"}},
		"checkpoints added":         {"", "gates: {checkpoints: {}}", nil},
		"disabled ones removed":     {"gates: {checkpoints: {enabled: false}}", "", nil},
		"fewer paths":               {"gates: {checkpoints: {implementation: [a, b]}}", "gates: {checkpoints: {implementation: [b]}}", []string{"gates.checkpoints.implementation: a, b -> b"}},
		"more paths":                {"gates: {checkpoints: {schema: [a]}}", "gates: {checkpoints: {schema: [a, b]}}", nil},
		"first approver":            {"gates: {checkpoints: {}}", "gates: {checkpoints: {approvers: [a@b]}}", nil},
		"another approver":          {"gates: {checkpoints: {approvers: [a@b]}}", "gates: {checkpoints: {approvers: [a@b, c@d]}}", []string{"gates.checkpoints.approvers: a@b -> a@b, c@d"}},
		"one approver fewer":        {"gates: {checkpoints: {approvers: [a@b, c@d]}}", "gates: {checkpoints: {approvers: [a@b]}}", nil},
		"everybody approves":        {"gates: {checkpoints: {approvers: [a@b]}}", "gates: {checkpoints: {approvers: []}}", []string{"gates.checkpoints.approvers: a@b -> none"}},
		"fixes ask for reports":     {"gates: {checkpoints: {}}", "gates: {checkpoints: {fixes: true}}", nil},
		"fixes ask for none":        {"gates: {checkpoints: {fixes: true}}", "gates: {checkpoints: {}}", []string{"gates.checkpoints.fixes: true -> false"}},
		"no research, no four eyes": {"gates: {checkpoints: {require_other: true}}", "gates: {checkpoints: {research: false}}", []string{"gates.checkpoints.require_other: true -> false", "gates.checkpoints.research: true -> false"}},

		"level mapped down":            {own(""), own("error: warning"), []string{"gates.g.severity.error: error -> warning"}},
		"level mapped up":              {own(""), own("note: error"), nil},
		"rule mapped down":             {own("R: error"), own("R: note"), []string{"gates.g.severity.R: error -> note"}},
		"rule added mild":              {own(""), own("R: note"), []string{"gates.g.severity.R: by level -> note"}},
		"rule added hard":              {own(""), own("R: error"), nil},
		"rule added, all notes before": {own("error: note, warning: note"), own("error: note, warning: note, R: note"), nil},
		"rule removed":                 {own("R: error"), own(""), []string{"gates.g.severity.R: error -> by level"}},
		"mildest rule removed":         {own("R: note"), own(""), nil},
		"rule removed, all errors":     {own("warning: error, note: error, R: error"), own("warning: error, note: error"), nil},

		"waiver added":     {"", fmt.Sprintf(waiver, "r", "2027-01-31"), []string{"waivers.secrets.ab: none -> until 2027-01-31"}},
		"waiver removed":   {fmt.Sprintf(waiver, "r", "2027-01-31"), "", nil},
		"waiver extended":  {fmt.Sprintf(waiver, "r", "2027-01-31"), fmt.Sprintf(waiver, "r", "2027-02-01"), []string{"waivers.secrets.ab: until 2027-01-31 -> until 2027-02-01"}},
		"waiver shortened": {fmt.Sprintf(waiver, "r", "2027-01-31"), fmt.Sprintf(waiver, "r", "2027-01-30"), nil},
		"waiver reworded":  {fmt.Sprintf(waiver, "r", "2027-01-31"), fmt.Sprintf(waiver, "s", "2027-01-31"), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, w := range Weakened(parse(t, tt.base), parse(t, tt.head)) {
				got = append(got, fmt.Sprintf("%s: %s -> %s", w.Key, w.Base, w.Head))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// own is a file with a gate of its own and a severity map.
func own(severity string) string {
	return "gates: {g: {sarif: a, severity: {" + severity + "}}}"
}

// TestEveryKeyHasADirection lists the keys whose change is never a weakening.
// A new key has to be put here, or be given a direction.
func TestEveryKeyHasADirection(t *testing.T) {
	neutral := []string{"default_branch", "timeout", "worktree.max_active", "worktree.ports", "worktree.keep", "costs.timezone"}
	for key, l := range parse(t, own("")).leaves() {
		if l.strict == "" && l.inherit == "" && !slices.Contains(neutral, key) {
			t.Errorf("%s: which way is stricter?", key)
		}
	}
}
