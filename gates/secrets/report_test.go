package secrets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
)

var (
	lineWords = regexp.MustCompile(` line "(?:[^"\\]|\\.)*" entropy`)
	otherByte = regexp.MustCompile(`\\x[89a-f][0-9a-f]`)
)

// withoutLines are hits as the command's report has them: without lines, and
// with a sign for each byte that is not UTF-8.
func withoutLines(said []string) []string {
	for i, s := range said {
		said[i] = otherByte.ReplaceAllString(lineWords.ReplaceAllString(s, " entropy"), "\ufffd")
	}
	return said
}

// gitleaksCommand is the command of the version that is embedded: GITLEAKS, or
// one that is built for the tests.
var gitleaksCommand = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("GITLEAKS"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "gitleaks-")
	if err != nil {
		return "", err
	}
	builtCommand = dir
	c := exec.Command("go", "install", "github.com/zricethezav/gitleaks/v8@v"+engineVersion)
	c.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return filepath.Join(dir, "gitleaks"), nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if builtCommand != "" {
		os.RemoveAll(builtCommand)
	}
	os.Exit(status)
}

var builtCommand string // directory that has to go

// commandFinding is an entry of the command's report: every field that is not
// made of others.
type commandFinding struct {
	RuleID, Description, File, SymlinkFile     string
	Commit, Author, Email, Date, Fingerprint   string
	Match, Secret                              string
	StartLine, EndLine, StartColumn, EndColumn int
	Entropy                                    float32
	Tags                                       []string
}

// commandReport is what the command reports of a directory.
func commandReport(t *testing.T, dir string, args ...string) []commandFinding {
	t.Helper()
	program, err := gitleaksCommand()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("the gitleaks command cannot be built here: %v", err)
	}
	report := filepath.Join(t.TempDir(), "report.json")
	c := exec.Command(program, append(args, "--report-format=json", "--report-path="+report, "--exit-code=0")...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("gitleaks: %v: %s", err, out)
	}
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var found []commandFinding
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

// commandSays are the findings of the command in the words of a recorder.
func commandSays(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	var said []string
	for _, f := range commandReport(t, dir, append(args, "--ignore-gitleaks-allow")...) {
		said = append(said, f.String())
	}
	return said
}

func (f commandFinding) String() string {
	return fmt.Sprintf("%q %s %s %d:%d-%d:%d match %q secret %q entropy %v tags %q", f.File, f.Commit,
		f.RuleID, f.StartLine, f.StartColumn, f.EndLine, f.EndColumn, f.Match, f.Secret, f.Entropy, f.Tags)
}
