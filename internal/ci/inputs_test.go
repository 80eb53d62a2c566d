package ci_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/ci"
)

func TestReadInputs(t *testing.T) {
	given := "to" + "ken"
	got, err := ci.ReadInputs(env(
		"INPUT_CONFIG", " ci/wf.yml\n", "INPUT_GATES", "secrets, history\n  env-files,,", "INPUT_SKIP-GATES", "lint",
		"INPUT_BASE-REF", "main", "INPUT_GITHUB-TOKEN", given, "INPUT_CHECK-RUN", "TRUE", "INPUT_COMMENT", "on-failure",
		"INPUT_UPLOAD-SARIF", "auto", "INPUT_SARIF-FILE", "out.sarif", "INPUT_REPORT-JSON", "v.json", "INPUT_LEDGER", "branch",
		"INPUT_WORKING-DIRECTORY", "sub dir", "INPUT_TIMEOUT", "1h30m", "INPUT_WARN-ONLY", "True",
		"INPUT_LEDGER-BRANCH", "refs/heads/main", "INPUT_PROJECT-CONTEXT", "auto", "INPUT_CATEGORY", "api", "INPUT_MATRIX", "{\n  \"os\": \"ubuntu\",\n  \"node\": 20,\n  \"x\": {\"a\": [true]}\n}",
	))
	want := ci.Inputs{
		Config: "ci/wf.yml", Gates: []string{"secrets", "history", "env-files"}, SkipGates: []string{"lint"},
		BaseRef: "main", GitHubToken: ci.Secret(given), CheckRun: "true", Comment: "on-failure", UploadSARIF: "auto",
		SARIFFile: "out.sarif", ReportJSON: "v.json", Ledger: "branch", LedgerBranch: "main", ProjectContext: "auto", WorkingDirectory: "sub dir",
		Category: "api", Matrix: []string{"20", "ubuntu", `{"a":[true]}`},
		Timeout: 90 * time.Minute, WarnOnly: true,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// The directory is the same, and so is the run's category, whichever name the
// workflow has for it.
func TestReadInputsDirectory(t *testing.T) {
	for _, dir := range []string{"services/api", "/github/workspace/services/api", "/home/runner/work/repo/repo/services/api/"} {
		got, err := ci.ReadInputs(env("INPUT_WORKING-DIRECTORY", dir, "GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "/github/workspace", "GITHUB_REPOSITORY", "o/repo"))
		if err != nil || got.WorkingDirectory != "services/api" {
			t.Errorf("%s: %q, %v", dir, got.WorkingDirectory, err)
		}
	}
}

// A shell cannot set a variable with a dash.
func TestReadInputsUnderscores(t *testing.T) {
	got, err := ci.ReadInputs(env("INPUT_BASE_REF", "main", "INPUT_WARN_ONLY", "true", "INPUT_WARN-ONLY", "false"))
	if err != nil || got.BaseRef != "main" || got.WarnOnly {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReadInputsNone(t *testing.T) {
	got, err := ci.ReadInputs(env("INPUT_MATRIX", "null"))
	if err != nil || !reflect.DeepEqual(got, ci.Inputs{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// All faults are told at once, each with the input's name, and none with the
// token.
func TestReadInputsErrors(t *testing.T) {
	given := "hidden" + "value"
	_, err := ci.ReadInputs(env(
		"INPUT_COMMENT", "sometimes", "INPUT_UPLOAD-SARIF", "yes", "INPUT_LEDGER", "x", "INPUT_TIMEOUT", "10",
		"INPUT_WARN-ONLY", "1", "INPUT_CHECK-RUN", "2", "INPUT_CONFIG", "a\x00b", "INPUT_GITHUB-TOKEN", given+"\n"+given,
		"INPUT_WORKING-DIRECTORY", "a\nb", "INPUT_CATEGORY", "a\nb", "INPUT_LEDGER-BRANCH", "a..b", "INPUT_MATRIX", "[1]",
	))
	if err == nil {
		t.Fatal("taken")
	}
	for _, name := range []string{"comment", "upload-sarif", "ledger", "timeout", "warn-only", "check-run", "config", "github-token", "working-directory", "category", "matrix", "ledger-branch"} {
		if !strings.Contains(err.Error(), `input "`+name+`": `) {
			t.Errorf("nothing about %s in:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), given) {
		t.Error("the token is in the error")
	}
	for _, d := range []string{"-1s", "0", "x", "1y"} {
		if _, err := ci.ReadInputs(env("INPUT_TIMEOUT", d)); err == nil {
			t.Errorf("timeout %s was taken", d)
		}
	}
}

// The action offers what is read here, and nothing else.
func TestInputNames(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "action.yml"))
	if os.IsNotExist(err) {
		t.Skip("no action.yml yet")
	}
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "\ninputs:\n")
	block, _, _ := strings.Cut(rest, "\noutputs:\n")
	var offered []string
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+):$`).FindAllStringSubmatch(block, -1) {
		offered = append(offered, m[1])
	}
	if !slices.Equal(offered, ci.InputNames()) {
		t.Errorf("action.yml offers %v, want %v", offered, ci.InputNames())
	}
}
