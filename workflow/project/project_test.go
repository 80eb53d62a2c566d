package project

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v3"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/config"
)

func input() Input {
	return Input{Name: "shop", Branch: "main", Agents: Agents(), Schema: config.SchemaID}
}

func plan(t *testing.T, in Input) map[string]File {
	t.Helper()
	list, err := Plan(in)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]File)
	for _, f := range list {
		if _, twice := files[f.Path]; twice || !filepath.IsLocal(f.Path) {
			t.Errorf("path %q", f.Path)
		}
		if strings.Contains(f.Text, "PROJECT-NAME") || !strings.HasSuffix(f.Text, "\n") {
			t.Errorf("%s:\n%s", f.Path, f.Text)
		}
		if f.Add != "" && !strings.Contains(f.Add, f.Mark) || f.Add != "" && !strings.Contains(f.Text, f.Add) {
			t.Errorf("%s: its lines are not known again", f.Path)
		}
		files[f.Path] = f
	}
	return files
}

// What the reference's project has is there, and each agent has what it reads.
func TestPlanIsWhole(t *testing.T) {
	files := plan(t, input())
	for _, name := range []string{
		".wf-ci.yml", "CLAUDE.md", "PLANNING.md", "TASK.md", "Backlog.md", "PROJECT_CONTEXT.md", "costs/budget-config.json", ".taskmaster/docs/prd.txt",
		".prompts/research/topic.md", ".prompts/plan/feature.md", ".prompts/do/task.md", ".prompts/refine/review.md",
		".github/workflows/wf-ci-gates.yml", ".github/workflows/wf-ci-day.yml",
	} {
		if files[name].Text == "" {
			t.Errorf("no %s", name)
		}
	}
	for _, c := range []struct{ agent, reads string }{
		{"claude", ".claude/skills/wf-ci/SKILL.md"}, {"codex", "AGENTS.md"}, {"gemini", "GEMINI.md"}, {"opencode", "AGENTS.md"},
	} {
		in := input()
		in.Agents = []string{c.agent}
		files := plan(t, in)
		for _, phrase := range []string{"start day", "what's the status", "new feature", "investigate", "should we use", "wrap up"} {
			if !strings.Contains(files[c.reads].Text, `"`+phrase+`"`) {
				t.Errorf("%s: %s does not know %q", c.agent, c.reads, phrase)
			}
		}
		if n := len(files); n != 15 {
			t.Errorf("%s: %d files", c.agent, n)
		}
	}
	in := input()
	in.Agents, in.NoWorkflows = nil, true
	if files := plan(t, in); len(files) != 12 || files["AGENTS.md"].Text != "" {
		t.Errorf("with nothing asked for: %d files", len(files))
	}
}

// The skill's head is what agents look for: a name like its folder, and a
// description that fits.
func TestSkill(t *testing.T) {
	text := plan(t, input())[".claude/skills/wf-ci/SKILL.md"].Text
	head, _, ok := strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n")
	var m struct{ Name, Description string }
	if err := yaml.Unmarshal([]byte(head), &m); err != nil || !ok {
		t.Fatal(err, head)
	}
	if m.Name != "wf-ci" || len(m.Description) < 50 || len(m.Description) > 1024 {
		t.Errorf("%+v", m)
	}
}

func TestWorkflowsAreClean(t *testing.T) {
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, branch := range []string{"main", "release/1.x", "with-\"quote\""} {
		in := input()
		in.Branch = branch
		n := 0
		for name, f := range plan(t, in) {
			if !strings.HasPrefix(name, ".github/") {
				continue
			}
			n++
			found, err := linter.Lint(name, []byte(f.Text), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range found {
				t.Errorf("%s, branch %s: %v", name, branch, e)
			}
			if strings.Contains(f.Text, "BRANCH") {
				t.Errorf("%s:\n%s", name, f.Text)
			}
		}
		if n != 2 {
			t.Errorf("%d workflows", n)
		}
	}
}

var commented = regexp.MustCompile(`(?m)^#(\S|  )`)

// parts are projects of every kind, by every manager, at odd places.
func parts() []Part {
	return []Part{
		{Kind: "go", Dir: ".", Lock: "go.sum", Tests: true}, {Kind: "go", Dir: "it's a: [folder] #1", Tests: true},
		{Kind: "node", Dir: "web", Manager: "npm", Lock: "web/package-lock.json", Test: "vitest run", Linters: []string{"eslint"}, Pin: "web/.nvmrc"},
		{Kind: "python", Dir: "api", Manager: "pip", Lock: "api/requirements.txt", Tests: true, Linters: []string{"ruff"}},
		{Kind: "python", Dir: "-x", Manager: "uv", Tests: true, Linters: []string{"ruff"}, Pin: ".python-version"},
		{Kind: "rust", Dir: ".", Lock: "Cargo.lock", Tests: true},
		{Kind: "node", Dir: "more", Manager: "pnpm", Lock: "pnpm-lock.yaml", Test: "mocha"},
		{Kind: "node", Dir: "own", Manager: "npm", Test: `node --test "a b/**"`}, {Kind: "node", Dir: "built", Manager: "npm", Test: "make && node --test x"},
		{Kind: "python", Dir: "p", Manager: "poetry", Lock: "p/poetry.lock"}, {Kind: "cobol", Dir: "c"},
	}
}

// The arguments reach the runner, and no other command of the script; each line
// was run as it stands here.
func TestNodeTest(t *testing.T) {
	const vitest = "--reporter=default --reporter=junit --outputFile.junit=junit.xml"
	for _, c := range []struct {
		script, manager string
		coverage        bool
		want            string
	}{
		{"vitest", "npm", true, "npm test -- --coverage --coverage.reporter=lcov " + vitest},
		{"tsc && vitest run --coverage", "npm", false, "npm test -- --coverage.reporter=lcov " + vitest},
		{"vitest run", "npm", false, "npm install --no-save \"@vitest/coverage-v8@$(node -p \"require('vitest/package.json').version\")\"\nnpm test -- --coverage --coverage.reporter=lcov " + vitest},
		{"vitest run", "pnpm", false, "pnpm test " + vitest + " # and coverage, once @vitest/coverage-v8 is there: --coverage --coverage.reporter=lcov"},
		{"jest", "yarn", false, "yarn test --coverage --json --outputFile=test-results.json"},
		{"jest && echo done", "npm", false, "npm test # let it write junit.xml and coverage/lcov.info"},
		{"node --test", "npm", false, "npm test -- " + nodeCoverage},
		{"node build.js && node --test", "npm", false, "npm test -- " + nodeCoverage},
		{"node --test test/", "npm", false, "node --test " + nodeCoverage + " test/"},
		{`node --test "test/**/*.test.js"`, "npm", false, "node --test " + nodeCoverage + ` "test/**/*.test.js"`},
		{"node build.js && node --test test/", "npm", false, `NODE_OPTIONS="` + nodeJUnit + `" npm test`},
		{"node --test $(ls)", "npm", false, `NODE_OPTIONS="` + nodeJUnit + `" npm test`},
		{"mocha", "bun", false, "bun run test # let it write junit.xml and coverage/lcov.info"},
	} {
		p := Part{Kind: "node", Dir: ".", Manager: c.manager, Test: c.script, Coverage: c.coverage}
		if got := p.nodeTest(nodeTools[c.manager].test); got != c.want {
			t.Errorf("%s (%s): %s\nwant %s", c.script, c.manager, got, c.want)
		}
	}
}

func gatesText(t *testing.T, parts ...Part) string {
	t.Helper()
	in := input()
	in.Parts = parts
	return plan(t, in)[".github/workflows/wf-ci-gates.yml"].Text
}

// What the repository holds is tested and linted before the action looks, and
// what is written there has the names under which the gates look for it.
func TestStepsOfParts(t *testing.T) {
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wants := [][]string{
		{"actions/setup-go@v5", "go-version-file: go.mod", "cache-dependency-path: go.sum", ">go-test.json", "-coverprofile=coverage.out", "lint-go.sarif"},
		{`working-directory: "it's a: [folder] #1"`, `--path-prefix='it'\\''s a: [folder] #1'`},
		{"actions/setup-node@v4", "node-version-file: web/.nvmrc", "cache: npm", "npm ci", "junit.xml", "lint-eslint.sarif"},
		{"actions/setup-python@v5", `python-version: "3.x"`, "cache: pip", "-r requirements.txt", "--junitxml=junit.xml", "lint-ruff.sarif"},
		{`python-version-file: ".python-version"`, "uv sync", "uv run --with pytest"},
		{"actions/cache@v4", "hashFiles('Cargo.lock')", "clippy-sarif", "lcov.info", "junit.xml"},
		{"pnpm install --frozen-lockfile", "pnpm test # let it write"},
		{`junit.xml \"a b/**\""`}, {"NODE_OPTIONS="},
		{"poetry install"}, nil,
	}
	all := parts()
	for i, p := range all {
		text := gatesText(t, p)
		for _, want := range wants[i] {
			if !strings.Contains(text, want) {
				t.Errorf("%+v: no %q in\n%s", p, want, text)
			}
		}
		if strings.Count(text, "uses: wf-ci/wf-ci@v1") != 1 || !strings.HasSuffix(text, actionStep) {
			t.Errorf("the action is not the last step:\n%s", text)
		}
	}
	for _, list := range [][]Part{all, all[2:], all[5:], {all[10]}} {
		text := gatesText(t, list...)
		found, err := linter.Lint("gates.yml", []byte(text), nil)
		if err != nil || len(found) > 0 {
			t.Errorf("%v %v\n%s", found, err, text)
		}
	}
	if !strings.Contains(gatesText(t, all...), "# 5 more projects") {
		t.Error("what is left out is not said")
	}
	if gatesText(t, all[10]) != gatesText(t) {
		t.Error("an ecosystem that nobody knows has steps")
	}
}

// A folder's name is no expression of the workflow's, and no line of it.
func TestStepsOfAHostileCheckout(t *testing.T) {
	for _, dir := range []string{"a${{ github.token }}", "a\n      - run: evil", "a\x7f"} {
		if got := gatesText(t, Part{Kind: "go", Dir: dir, Tests: true}); got != gatesText(t) {
			t.Errorf("%q:\n%s", dir, got)
		}
	}
}

// The configuration says nothing as it is, and every line of it that is taken
// out of its comment is valid, for every set of ecosystems.
func TestConfigurationIsValid(t *testing.T) {
	kinds := []string{"go", "node", "python", "rust"}
	for set := range 1 << len(kinds) {
		in := input()
		for i, k := range kinds {
			if set>>i&1 == 1 {
				in.Kinds = append(in.Kinds, k)
			}
		}
		text := plan(t, in)[".wf-ci.yml"].Text
		if !strings.HasPrefix(text, "# yaml-language-server: $schema="+config.SchemaID+"\n") {
			t.Fatal(text)
		}
		cfg, err := config.Parse(".wf-ci.yml", []byte(text))
		if err != nil || cfg.Digest() != config.Default().Digest() {
			t.Errorf("%v: as it is: %v", in.Kinds, err)
		}
		said := commented.ReplaceAllString(text, "$1")
		cfg, err = config.Parse(".wf-ci.yml", []byte(said))
		if err != nil || cfg.Origin("gates.coverage.min") == "built-in" || len(cfg.Waivers) != 1 {
			t.Errorf("%v: %v\n%s", in.Kinds, err, said)
		}
	}
}

func TestBudgetIsTheDefault(t *testing.T) {
	got, err := costs.ParseBudget("x", []byte(plan(t, input())["costs/budget-config.json"].Text))
	if err != nil || !reflect.DeepEqual(got, costs.DefaultBudget()) {
		t.Errorf("%+v, %v", got, err)
	}
}

// What is there is kept, byte for byte, whatever it is, and nothing is written
// outside.
func TestWriteOverwritesNothing(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(name, to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	put("CLAUDE.md", "mine\n")
	put("AGENTS.md", "runs wf-ci local start already\n")
	put(".github/wf-ci.yml", "timeout: 5m\n")
	put(".github/workflows/ci.yml", "jobs: {}\n")
	put("costs", "no directory")
	link("GEMINI.md", filepath.Join(outside, "nothing"))
	link(".prompts", outside)
	in := input()
	in.Gates = ".github/workflows/ci.yml"
	files, err := Plan(in)
	if err != nil {
		t.Fatal(err)
	}
	dry, err := Write(dir, files, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "TASK.md")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a dry run has written")
	}
	list, err := Write(dir, files, false)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]Written)
	for i, w := range list {
		got[w.Path] = w
		if d := dry[i]; w.State == Created && d.State != Would || w.State == Kept && d != w {
			t.Errorf("%+v, and the dry run said %+v", w, d)
		}
	}
	for name, want := range map[string]State{
		"CLAUDE.md": Kept, "AGENTS.md": Kept, ".wf-ci.yml": Kept, ".github/workflows/wf-ci-gates.yml": Kept, "GEMINI.md": Kept, "TASK.md": Created,
		"costs/budget-config.json": Failed, ".prompts/do/task.md": Failed, ".github/workflows/wf-ci-day.yml": Created,
	} {
		if got[name].State != want {
			t.Errorf("%s: %+v, want %s", name, got[name], want)
		}
	}
	if got["CLAUDE.md"].Add == "" || got["AGENTS.md"].Add != "" || !strings.HasPrefix(got[".wf-ci.yml"].Add, "# yaml-language-server:") {
		t.Error("what belongs into a file that is kept:", got["CLAUDE.md"], got["AGENTS.md"], got[".wf-ci.yml"])
	}
	if data, err := os.ReadFile(filepath.Join(dir, "CLAUDE.md")); string(data) != "mine\n" {
		t.Error(string(data), err)
	}
	if left, err := os.ReadDir(outside); len(left) > 0 || err != nil {
		t.Error("written outside:", left, err)
	}
	again, err := Write(dir, files, false)
	if err != nil || slices.ContainsFunc(again, func(w Written) bool { return w.State == Created }) {
		t.Error("written twice:", again, err)
	}
}

// Of two at once, one writes a file.
func TestCreateOnce(t *testing.T) {
	dir := t.TempDir()
	results := make(chan error, 8)
	for range 8 {
		go func() { results <- Create(dir, "a/b", "text\n") }()
	}
	made := 0
	for range 8 {
		if err := <-results; err == nil {
			made++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("written %d times", made)
	}
}
