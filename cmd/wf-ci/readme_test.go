package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/config"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

var updateReadme = flag.Bool("update-readme", false, "write what the commands of the README print into it")

const readme = "../../README.md"

// block is a fenced block of the README.
type block struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```\n")

func readmeBlocks(t *testing.T) (text string, blocks []block) {
	t.Helper()
	data, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(data), -1) {
		blocks = append(blocks, block{m[1], m[2]})
	}
	return string(data), blocks
}

// TestREADME runs every example: what is shown is what is printed, times apart.
func TestREADME(t *testing.T) {
	text, blocks := readmeBlocks(t)
	kinds := map[string]func(*testing.T, string) string{
		"console": func(t *testing.T, s string) string { return shownSession(t, demo(t), s) },
		"sh":      func(t *testing.T, s string) string { shellBlock(t, s); return s },
		"yaml":    func(t *testing.T, s string) string { yamlBlock(t, s); return s },
	}
	for _, b := range blocks {
		check, ok := kinds[b.language]
		if !ok {
			t.Errorf("a block of %s is run by no test:\n%s", b.language, b.text)
			continue
		}
		if got := check(t, b.text); times(got) != times(b.text) {
			if *updateReadme {
				text = strings.Replace(text, b.text, got, 1)
				continue
			}
			t.Errorf("the README shows\n%s\nand it is\n%s\n(go test ./cmd/wf-ci -run README -update-readme)", b.text, got)
		}
	}
	if len(blocks) < 8 {
		t.Errorf("found %d blocks only", len(blocks))
	}
	if *updateReadme {
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var duration = regexp.MustCompile(`\b\d+(\.\d+)? m?s\b`)

func times(s string) string { return duration.ReplaceAllString(s, "N ms") }

// demo is the repository of the examples: a feature branch that adds a key, a
// password, and a marker.
func demo(t *testing.T) string {
	repo := gittest.New(t)
	repo.Write("README.md", "# Shop\n")
	repo.Write("src/app.py", "import os\n")
	repo.Write("Makefile", "check:\n\t@echo 2 tests failed; exit 1\n")
	repo.Commit("shop")
	repo.Git("switch", "-q", "-c", "payments")
	repo.Write("src/app.py", "import os\nkey = \""+planted()+"\"\nos.system(cmd)  # nosec\n")
	repo.Write("src/db.py", "pass"+"word = \""+plantedPassword()+"\"\n")
	repo.Commit("payments")
	return repo.Dir
}

// shownSession runs the commands of a console block and gives the block as it would
// be: "$ command", what it prints, and "exit status N" where it is not 0.
func shownSession(t *testing.T, dir, text string) string {
	t.Helper()
	return shownBy(t, gittest.Runner(t), dir, text)
}

// shownBy is shownSession with a runner, whose home directory it keeps.
func shownBy(t *testing.T, runner *run.Runner, dir, text string) string {
	t.Helper()
	bin := buildOnce(t)
	var out strings.Builder
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		out.WriteString(line)
		res, err := runner.Run(context.Background(), run.Command{
			Name: "sh", Args: []string{"-c", command + "\n"}, Dir: dir,
			Env: []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "LANG=C.UTF-8", "CI="},
		})
		out.Write(res.Stdout.Bytes)
		if notStarted := res.Exit == 0 && err != nil; notStarted {
			t.Fatalf("%s: %v", command, err)
		}
		if res.Exit == exitUsage {
			out.Write(res.Stderr.Bytes)
		}
	}
	return out.String()
}

// buildOnce is a folder with the program in it.
func buildOnce(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	// The test binary is the program: see TestMain.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "wf-ci")); err != nil {
		t.Fatal(err)
	}
	return bin
}

// shellBlock checks the commands for a reader's own shell: they name what is
// there.
func shellBlock(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		switch f := strings.Fields(line); {
		case len(f) > 2 && f[0] == "go" && (f[1] == "run" || f[1] == "install" || f[1] == "test"):
			dir := filepath.Join("..", "..", strings.TrimSuffix(f[len(f)-1], "/..."))
			for _, arg := range f[2:] {
				if strings.HasPrefix(arg, "./") {
					dir = filepath.Join("..", "..", strings.TrimSuffix(arg, "/..."))
				}
			}
			if _, err := os.Stat(dir); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if f[1] == "run" { // the words behind the package are ours
				args := strings.Fields(strings.ReplaceAll(line, "../your-repository", demo(t)))[3:]
				if status, _, errs := invoke(t, ".", nil, args...); status != exitFail {
					t.Errorf("%s: status %d\n%s", line, status, errs)
				}
			}
		case len(f) > 1 && f[0] == "bash":
			if _, err := os.Stat(filepath.Join("..", "..", f[1])); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		default:
			t.Errorf("no test runs %q", line)
		}
	}
}

// yamlBlock checks a workflow with actionlint where there is one (ACTIONLINT),
// and a configuration with our own reader.
func yamlBlock(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(text, "runs-on:") {
		if _, err := config.Parse(".wf-ci.yml", []byte(text)); err != nil {
			t.Errorf("%v\nin\n%s", err, text)
		}
		return
	}
	lint := os.Getenv("ACTIONLINT")
	if lint == "" {
		t.Log("ACTIONLINT names no program: the workflow was not checked")
		return
	}
	file := filepath.Join(t.TempDir(), "workflow.yml")
	// The action of this very tree, so that its inputs are checked too.
	text = strings.ReplaceAll(text, "uses: wf-ci/wf-ci@v1", "uses: ./")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&run.Runner{Env: run.CleanEnv(os.Environ())}).Run(context.Background(), run.Command{Name: lint, Args: []string{"-no-color", file}, Dir: root})
	if err != nil {
		t.Errorf("%v\n%s", err, res.Stdout.Bytes)
	}
}

// The workflows of the pages about GitHub are workflows.
func TestGitHubPages(t *testing.T) {
	for page, want := range map[string]int{"README.md": 1, "forks.md": 2, "required-checks.md": 2} {
		data, err := os.ReadFile("../../report/github/" + page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := fence.FindAllStringSubmatch(string(data), -1)
		for _, m := range blocks {
			yamlBlock(t, strings.ReplaceAll(m[2], "uses: wf-ci/wf-ci/publish@v1", "uses: ./publish"))
		}
		if len(blocks) != want {
			t.Errorf("%s: %d blocks", page, len(blocks))
		}
	}
}
