package report

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// multitool is Microsoft's validator, with rules for what GitHub takes.
const multitool = "@microsoft/sarif-multitool-linux@5.7.0"

// The golden SARIF as its validator sees it. It answers 0 whatever it finds, so
// its own report is read.
func TestMultitool(t *testing.T) {
	dir := t.TempDir()
	runner := gittest.Runner(t)
	do := func(name string, args ...string) error {
		_, err := runner.Run(context.Background(), run.Command{Name: name, Args: args, Dir: dir})
		return err
	}
	if _, err := exec.LookPath("npm"); err != nil || testing.Short() {
		t.Skip("npm is not here, or -short: the validator comes from npm")
	}
	if err := do("npm", "pack", "--silent", multitool); err != nil {
		t.Skipf("%s does not come from npm: %v", multitool, err)
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		t.Fatalf("%q, %v", packed, err)
	}
	if err := do("tar", "-xzf", packed[0]); err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(dir, "package", "Sarif.Multitool")
	if err := os.Chmod(tool, 0o755); err != nil {
		t.Fatal(err)
	}
	validate := func(t *testing.T, data []byte) (rules []string) {
		t.Helper()
		in, out := filepath.Join(dir, "in.sarif"), filepath.Join(dir, "out.sarif")
		if err := os.WriteFile(in, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := do(tool, "validate", in, "--rule-kind", "Sarif;Ghas", "--output", out, "--log", "ForceOverwrite"); err != nil {
			t.Fatal(err)
		}
		answer, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		var log struct {
			Runs []struct {
				Results []struct {
					RuleID  string
					Message json.RawMessage
				}
			}
		}
		if err := json.Unmarshal(answer, &log); err != nil || len(log.Runs) == 0 {
			t.Fatalf("%v: %.500s", err, answer)
		}
		for _, r := range log.Runs {
			for _, res := range r.Results {
				rules = append(rules, res.RuleID+" "+string(res.Message))
			}
		}
		return rules
	}
	v := fixture()
	v.Version = "1.2.3" // without one the validator warns, and the golden files have none
	for name, format := range map[string]Format{"SARIF": SARIF, "upload": CodeScanning} {
		for _, found := range validate(t, []byte(render(t, format, v))) {
			t.Errorf("%s: %s", name, found)
		}
	}
	broken := `{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[]}]}`
	if len(validate(t, []byte(broken))) == 0 {
		t.Error("the validator takes anything")
	}
}
