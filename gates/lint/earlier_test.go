package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/run"
)

const earlierSARIF = `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "eslint", "version": "9"}},
	"results": [{"ruleId": "no-undef", "level": "error", "message": {"text": "f is not defined"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "c.js"}, "region": {"startLine": 1}}}]}]}]}`

// Of a linter that is not here, the SARIF of an earlier step is judged, unless it
// is older than a source; one that is here runs.
func TestEarlierStep(t *testing.T) {
	r := newRepo(t, map[string]string{
		"package.json": `{"private":true}`, "eslint.config.js": "module.exports = [];\n", "c.js": "f();\n",
	})
	target := gatestest.Target(t, r, "")
	target.Runner = &run.Runner{Env: []string{"PATH=" + t.TempDir()}}
	g := Gate(Options{})
	look := func() (gates.Outcome, error) {
		t.Helper()
		return g.Run(t.Context(), target)
	}
	// Its program is there, and what it is written for is not.
	bin := filepath.Join(r.Dir, "node_modules", ".bin", "eslint")
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, []byte("#!/nowhere/node\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := look(); err == nil || !strings.Contains(err.Error(), "lint-LINTER.sarif") {
		t.Fatalf("without a report: %v", err)
	}
	report := filepath.Join(r.Dir, "lint-eslint.sarif")
	if err := os.WriteFile(report, []byte(earlierSARIF), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := look()
	if err != nil || len(out.Findings) != 1 || out.Findings[0].Path != "c.js" {
		t.Fatalf("%+v, %v", out.Findings, err)
	}
	old := time.Now().AddDate(-1, 0, 0)
	if err := os.Chtimes(report, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := look(); err == nil || !strings.Contains(err.Error(), "older than") {
		t.Errorf("an old report: %v", err)
	}
}
