package project

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Part is a project of the repository, as far as a workflow has to know it.
type Part struct {
	Kind    string // go, node, python, rust
	Dir     string // slashes; "." is the root
	Manager string // npm, pnpm, yarn, bun, pip, poetry, uv, pipenv
	Lock    string // path of its lock file, or of requirements.txt; empty: none
	Pin     string // path of the file that names the version of the language; empty: none
	Tests   bool   // it has some
	Test    string // the script test of package.json; empty: none
	Linters []string
}

// step is one step of a job. What is not set is not written.
type step struct {
	name, uses, dir, run string
	with                 [][2]string
	lenient              bool // what it finds is judged by the gates: the job goes on
}

// actionStep is the line of the template before which the steps come.
const actionStep = "      - uses: wf-ci/wf-ci@v1\n"

// partLimit is how many parts get steps: a workflow is to be read.
const partLimit = 6

// odd is in names that would say something to GitHub or to YAML: nobody has such a
// project, and a checkout may bring one.
var odd = lazyregexp.New(`[\x00-\x1f\x7f]|\$\{\{`)

// steps are those that test and lint what the repository holds: the image of the
// action has no toolchain, and judges what they write.
func steps(parts []Part) string {
	var b strings.Builder
	set := make(map[string]bool)
	parts = slices.DeleteFunc(slices.Clone(parts), func(p Part) bool { return odd.MatchString(p.Dir + p.Lock + p.Pin) })
	for i, p := range parts {
		if i == partLimit {
			fmt.Fprintf(&b, "      # %d more projects: test and lint them likewise.\n", len(parts)-i)
			break
		}
		for _, s := range p.steps() {
			if s.uses != "" && set[s.uses] {
				continue // one version of a language for all
			}
			set[s.uses] = s.uses != ""
			s.write(&b)
		}
	}
	return b.String()
}

func (p Part) steps() []step {
	of := map[string]func(Part) []step{"go": goSteps, "node": nodeSteps, "python": pythonSteps, "rust": rustSteps}[p.Kind]
	if of == nil {
		return nil
	}
	list := of(p)
	for i := range list {
		if list[i].uses == "" && p.Dir != "." {
			list[i].dir, list[i].name = p.Dir, list[i].name+" in "+p.Dir
		}
	}
	return list
}

const golangciLint = "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0"

func goSteps(p Part) []step {
	setup := step{uses: "actions/setup-go@v5", with: [][2]string{{"go-version-file", path.Join(p.Dir, "go.mod")}}}
	if p.Lock != "" {
		setup.with = append(setup.with, [2]string{"cache-dependency-path", p.Lock})
	}
	lint := "go run " + golangciLint + " run --output.sarif.path=lint-go.sarif"
	if p.Dir != "." {
		lint += " --path-prefix=" + shellQuote(p.Dir)
	}
	list := []step{setup, {name: "Lint Go", run: lint, lenient: true}}
	if p.Tests {
		list = append(list, step{name: "Test Go", run: "go test -json -coverpkg=./... -coverprofile=coverage.out ./... >go-test.json", lenient: true})
	}
	return list
}

// nodeTools are how each manager installs what is locked, and what is not, and
// runs the script test with more arguments.
var nodeTools = map[string]struct{ locked, loose, test string }{
	"npm":  {"npm ci", "npm install", "npm test --"},
	"pnpm": {"corepack enable && pnpm install --frozen-lockfile", "corepack enable && pnpm install", "pnpm test"},
	"yarn": {"corepack enable && yarn install --immutable", "corepack enable && yarn install", "yarn test"},
	"bun":  {"npm install --global bun && bun install --frozen-lockfile", "npm install --global bun && bun install", "bun run test"},
}

// nodeReports are the arguments with which a test runner writes what the gates
// read, by a word of the script.
var nodeReports = []struct{ runner, args string }{
	{"vitest", "--coverage --coverage.reporter=lcov --reporter=default --reporter=junit --outputFile.junit=junit.xml"},
	{"jest", "--coverage --json --outputFile=test-results.json"},
	{"node --test", "--experimental-test-coverage --test-reporter=lcov --test-reporter-destination=lcov.info --test-reporter=junit --test-reporter-destination=junit.xml"},
}

func nodeSteps(p Part) []step {
	tool, ok := nodeTools[p.Manager]
	if !ok {
		tool = nodeTools["npm"]
	}
	setup := step{uses: "actions/setup-node@v4", with: [][2]string{p.version("node-version", "lts/*")}}
	install := tool.loose
	if p.Lock != "" {
		install = tool.locked
		if p.Manager == "npm" { // the others are there after corepack only
			setup.with = append(setup.with, [2]string{"cache", "npm"}, [2]string{"cache-dependency-path", p.Lock})
		}
	}
	list := []step{setup, {name: "Install packages", run: install}}
	if slices.Contains(p.Linters, "eslint") {
		formatter := "$RUNNER_TEMP/sarif/node_modules/@microsoft/eslint-formatter-sarif/sarif.js"
		list = append(list, step{name: "Lint JavaScript", lenient: true, run: `npm install --prefix "$RUNNER_TEMP/sarif" @microsoft/eslint-formatter-sarif@3.1.0
` + relativeSARIF(`node_modules/.bin/eslint . --format "`+formatter+`"`, "--output-file", "eslint")})
	}
	if p.Test == "" {
		return list
	}
	test := step{name: "Test JavaScript", run: strings.TrimSuffix(tool.test, " --") + " # let it write junit.xml and coverage/lcov.info", lenient: true}
	for _, r := range nodeReports {
		if strings.Contains(p.Test, r.runner) {
			test.run = tool.test + " " + r.args
			break
		}
	}
	return append(list, test)
}

// relativeSARIF runs a linter that writes where files were on the runner: the
// action has the workspace under another name.
func relativeSARIF(command, flag, linter string) string {
	file := "lint-" + linter + ".sarif"
	return command + " " + flag + " " + file + ` || true
sed -i "s,file://$GITHUB_WORKSPACE/,,g" ` + file
}

// pythonTools are how each manager installs, and what stands before a command
// that uses what it has installed.
var pythonTools = map[string]struct{ install, run, add string }{
	"uv":     {"python -m pip install uv && uv sync", "uv run --with pytest --with pytest-cov --with ruff", ""},
	"poetry": {"python -m pip install poetry && poetry install", "poetry run", "poetry run python -m pip install"},
	"pipenv": {"python -m pip install pipenv && pipenv sync --dev", "pipenv run", "pipenv run python -m pip install"},
}

func pythonSteps(p Part) []step {
	setup := step{uses: "actions/setup-python@v5", with: [][2]string{p.version("python-version", "3.x")}}
	tool, ok := pythonTools[p.Manager]
	if !ok {
		tool = pythonTools["poetry"]
		tool.install, tool.run, tool.add = "python -m pip install --editable .", "", "python -m pip install"
		if path.Base(p.Lock) == "requirements.txt" {
			tool.install = "python -m pip install -r requirements.txt"
		}
		if p.Lock != "" {
			setup.with = append(setup.with, [2]string{"cache", "pip"}, [2]string{"cache-dependency-path", p.Lock})
		}
	}
	list := []step{setup, {name: "Install packages", run: tool.install}}
	command := func(name, tools, line string) {
		if tool.add != "" {
			line = tool.add + " " + tools + "\n" + strings.TrimSpace(tool.run+" "+line)
		} else {
			line = tool.run + " " + line
		}
		list = append(list, step{name: name, run: line, lenient: true})
	}
	if slices.Contains(p.Linters, "ruff") {
		command("Lint Python", "ruff", relativeSARIF("ruff check --output-format=sarif", "--output-file", "ruff"))
	}
	if p.Tests {
		command("Test Python", "pytest pytest-cov", "python -m pytest --junitxml=junit.xml --cov=. --cov-report=xml")
	}
	return list
}

// rustSteps use the rustup of the runner. Its tools are built once, and cached.
func rustSteps(p Part) []step {
	lock := p.Lock
	if lock == "" {
		lock = path.Join(p.Dir, "Cargo.toml")
	}
	list := []step{
		{uses: "actions/cache@v4", with: [][2]string{
			{"path", "~/.cargo/bin\n~/.cargo/registry\n" + path.Join(p.Dir, "target")}, {"key", "cargo-${{ runner.os }}-${{ hashFiles('" + strings.ReplaceAll(lock, "'", "''") + "') }}"},
		}},
		{name: "Install tools", run: "rustup component add clippy llvm-tools-preview\ncargo install --locked cargo-nextest cargo-llvm-cov clippy-sarif"},
		{name: "Lint Rust", run: "cargo clippy --all-targets --message-format=json | clippy-sarif >lint-clippy.sarif", lenient: true},
	}
	if p.Tests {
		list = append(list, step{name: "Test Rust", lenient: true, run: `printf '[profile.default.junit]\npath = "junit.xml"\n' >"$RUNNER_TEMP/nextest.toml"
cargo llvm-cov nextest --no-fail-fast --lcov --output-path lcov.info --tool-config-file "wf-ci:$RUNNER_TEMP/nextest.toml" || true
cp target/llvm-cov-target/nextest/default/junit.xml junit.xml`})
	}
	return list
}

// version is the input that names a language's version: the file of the project
// that pins it, else a word.
func (p Part) version(input, word string) [2]string {
	if p.Pin != "" {
		return [2]string{input + "-file", p.Pin}
	}
	return [2]string{input, word}
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// write writes a step as YAML. Values of the repository's are quoted: a folder
// may be called anything.
func (s step) write(b *strings.Builder) {
	lines := []string{}
	add := func(key, value string) { lines = append(lines, key+": "+value) }
	if s.name != "" {
		add("name", scalar(s.name))
	}
	if s.uses != "" {
		add("uses", s.uses)
	}
	if s.dir != "" {
		add("working-directory", scalar(s.dir))
	}
	if s.lenient {
		add("continue-on-error", "true")
	}
	if s.run != "" {
		add("run", block(s.run, "          "))
	}
	for i, l := range lines {
		b.WriteString([]string{"      - ", "        "}[min(i, 1)] + l + "\n")
	}
	if len(s.with) > 0 {
		b.WriteString("        with:\n")
	}
	for _, kv := range s.with {
		b.WriteString("          " + kv[0] + ": " + block(kv[1], "            ") + "\n")
	}
}

var plain = lazyregexp.New(`^[A-Za-z][A-Za-z0-9 ._/-]*$`)

// scalar is a text on one line of YAML.
func scalar(s string) string {
	if plain.MatchString(s) && s != "true" && s != "false" {
		return s
	}
	quoted, err := json.Marshal(s) // JSON is YAML
	if err != nil {
		return `""`
	}
	return string(quoted)
}

// block is a text of several lines, or a scalar.
func block(s, indent string) string {
	if !strings.Contains(s, "\n") {
		if strings.ContainsAny(s, "\"\\") || strings.Contains(s, " #") || strings.Contains(s, ": ") || !strings.ContainsAny(s[:1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			return scalar(s)
		}
		return s
	}
	return "|\n" + indent + strings.ReplaceAll(s, "\n", "\n"+indent)
}
