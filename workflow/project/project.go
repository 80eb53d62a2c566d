// Package project makes a repository ready for wf-ci: the files of its project
// structure, configuration and workflows, and what each coding agent reads.
//
// [Plan] is pure: what there would be. [Write] writes what is not there yet, and
// nothing else: a file that is there is kept as it is, whatever it holds.
package project

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/workflow/feature"
)

//go:embed templates
var templates embed.FS

// Input is what decides the files.
type Input struct {
	Name   string   // of the project, one line. Required.
	Branch string   // the default branch. Required.
	Kinds  []string // ecosystems: go, node, python, rust
	Parts  []Part   // what the workflow tests and lints. Optional.
	Agents []string // of [Agents]: whose files are written
	Schema string   // where the schema of the configuration is. Required.
	// Gates is a workflow that runs the gates on pull requests already. Optional.
	Gates string
	// NoWorkflows leaves the workflows of GitHub Actions out.
	NoWorkflows bool
}

// Agents are the coding agents whose files we know.
func Agents() []string { return []string{"claude", "codex", "gemini", "opencode"} }

// File is one file that there is to be.
type File struct {
	Path string // slashes, relative to the root
	Text string
	// Or are other places where the same may be: with one of them the file is
	// not written.
	Or []string
	// Add are the lines that belong into a file that is there already. Empty: a
	// file of people, with nothing of ours in it.
	Add string
	// Mark is what a file holds that has those lines, or does not need them.
	Mark string
}

// Plan are the files, in the order in which a person meets them.
func Plan(in Input) ([]File, error) {
	list := []File{configuration(in)}
	for _, f := range structure() {
		text, err := in.template(f.Path)
		if err != nil {
			return nil, err
		}
		f.Text = text
		list = append(list, f)
	}
	guides, err := in.guides()
	if err != nil {
		return nil, err
	}
	list = append(list, guides...)
	if in.NoWorkflows {
		return list, nil
	}
	flows, err := in.workflows()
	return append(list, flows...), err
}

// structure are the files of people.
func structure() []File {
	return []File{
		{Path: "PLANNING.md"}, {Path: "TASK.md"}, {Path: "Backlog.md"},
		{Path: "PROJECT_CONTEXT.md", Or: []string{".claude/PROJECT_CONTEXT.md"}},
		{Path: ".taskmaster/docs/prd.txt"},
		{Path: ".prompts/research/topic.md"}, {Path: ".prompts/plan/feature.md"}, {Path: ".prompts/do/task.md"}, {Path: ".prompts/refine/review.md"},
		{Path: "costs/budget-config.json"},
	}
}

// template is the text of a file, with the project's name in it.
func (in Input) template(name string) (string, error) {
	data, err := templates.ReadFile("templates/" + strings.TrimPrefix(name, "."))
	if err != nil {
		return "", fmt.Errorf("template %s: %w", name, err)
	}
	return strings.ReplaceAll(string(data), "PROJECT-NAME", in.Name), nil
}

// workflows are the gates on every pull request, and the end of every day.
func (in Input) workflows() ([]File, error) {
	list, err := feature.Templates(in.Branch)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(t feature.Template) bool { return t.Name == "gates" })
	if i < 0 {
		return nil, fmt.Errorf("there is no template of the gates")
	}
	branch, err := json.Marshal(in.Branch)
	if err != nil {
		return nil, err
	}
	day, err := in.template("day.yml")
	if err != nil {
		return nil, err
	}
	gates := File{Path: list[i].Path, Text: strings.Replace(list[i].Text, actionStep, steps(in.Parts)+actionStep, 1)}
	if in.Gates != "" {
		gates.Or = []string{in.Gates}
	}
	return []File{
		gates,
		{Path: ".github/workflows/wf-ci-day.yml", Text: strings.ReplaceAll(day, "BRANCH", string(branch))},
	}, nil
}
