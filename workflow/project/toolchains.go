package project

import (
	"path"
	"slices"
	"strings"
)

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
	return append(list, step{name: "Test JavaScript", run: p.nodeTest(tool.test), lenient: true})
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
