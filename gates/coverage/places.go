package coverage

import (
	"cmp"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
)

// usualPlaces are where the tools of an ecosystem leave their reports, relative
// to a project's directory.
var usualPlaces = []struct {
	kind    project.Kind // empty: languages without projects of ours
	places  []string
	command string
}{
	{project.Go, []string{"coverage.out", "cover.out", "c.out", "coverage.txt", "cover.profile", "profile.cov"}, "go test -coverpkg=./... -coverprofile=coverage.out ./..."},
	{project.Node, []string{"coverage/coverage-final.json", "coverage/lcov.info", "lcov.info", "coverage/cobertura-coverage.xml", "coverage/coverage-summary.json"}, "npm test -- --coverage"},
	{project.Python, []string{"coverage.xml", "coverage.json", "coverage.lcov", "cobertura.xml", "lcov.info"}, "python -m pytest --cov=. --cov-report=xml"},
	{project.Rust, []string{"lcov.info", "target/llvm-cov/lcov.info", "target/llvm-cov/cov.json", "target/llvm-cov/cobertura.xml", "coverage.json", "cobertura.xml", "coverage/lcov.info"}, "cargo llvm-cov --lcov --output-path lcov.info"},
	{"", []string{"target/site/jacoco/jacoco.xml", "build/reports/jacoco/test/jacocoTestReport.xml", "coverage/.resultset.json", "coverage.xml", "cobertura.xml", "lcov.info"}, "the tests with coverage"},
}

// usual are the reports in the usual places: of each project the newest.
func (m *measurement) usual() []string {
	var names []string
	take := func(dir string, places []string) {
		best := ""
		var when os.FileInfo
		for _, place := range places {
			name := path.Join(dir, place)
			info := stat(m.root, name)
			if info == nil || !info.Mode().IsRegular() || when != nil && !info.ModTime().After(when.ModTime()) {
				continue
			}
			best, when = name, info
		}
		if best != "" && !slices.Contains(names, best) {
			names = append(names, best)
		}
	}
	for _, p := range m.projects {
		take(p.Dir, placesOf(p.Kind))
	}
	var more []string
	var err error
	if slices.ContainsFunc(m.target.Tree.Files, func(f git.File) bool {
		return slices.Contains([]string{"java", "kotlin", "scala", "groovy", "ruby"}, project.Language(f.Path, nil))
	}) {
		more, err = globbed(m.root, []string{"**/build/reports/jacoco/**/*.xml", "**/target/site/jacoco/jacoco.xml", "**/coverage/.resultset.json"})
	}
	if err == nil {
		for _, name := range more {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		for _, u := range usualPlaces {
			take(".", u.places)
		}
	}
	return names
}

// measureAll is how the tools are told of the sources that no test loads.
var measureAll = map[project.Kind]string{
	project.Go: "go test -coverpkg=./...", project.Node: "jest's collectCoverageFrom, vitest's coverage.include, c8 --all",
	project.Python: "pytest --cov=.", project.Rust: "cargo llvm-cov --workspace",
}

func placesOf(kind project.Kind) []string {
	for _, u := range usualPlaces {
		if u.kind == kind {
			return u.places
		}
	}
	return nil
}

// commandOf is what writes a report in a project of a kind.
func commandOf(kind project.Kind) string {
	for _, u := range usualPlaces {
		if u.kind == kind {
			return u.command
		}
	}
	return ""
}

// remedy is what makes the reports of some projects; nil: of all.
func (m *measurement) remedy(which []int) string {
	var commands []string
	for i, p := range m.projects {
		if which != nil && !slices.Contains(which, i) {
			continue
		}
		command := commandOf(p.Kind)
		if command == "" {
			continue
		}
		command = "`" + command + "`"
		if p.Dir != "." {
			command += " in " + p.Dir
		}
		if !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
	}
	if len(commands) == 0 {
		return "run the tests with coverage first, or name the report in gates.coverage.report"
	}
	slices.SortStableFunc(commands, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	rest := ""
	if len(commands) > 3 {
		commands, rest = commands[:3], ", …"
	}
	return "run " + strings.Join(commands, ", ") + rest + " first, or name the report in gates.coverage.report"
}
