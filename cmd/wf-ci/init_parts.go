package main

import (
	"cmp"
	"context"
	"io"
	"path"
	"slices"
	"strings"

	ecosystem "github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	setup "github.com/wf-ci/wf-ci/workflow/project"
)

// survey is what is in a work tree: the ecosystems, each once, and the projects as
// a workflow has to know them.
func survey(ctx context.Context, repo *git.Repo) (kinds []string, parts []setup.Part, err error) {
	tree, _, err := repo.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := ecosystem.Detect(ctx, tree)
	if err != nil {
		return nil, nil, err
	}
	ruff, err := holds(ctx, tree, found, "pyproject.toml", "[tool.ruff")
	if err != nil {
		return nil, nil, err
	}
	measured, err := holds(ctx, tree, found, "package.json", `"@vitest/coverage-`)
	if err != nil {
		return nil, nil, err
	}
	kinds = []string{}
	for _, p := range found {
		kinds = append(kinds, string(p.Kind))
		if p.Manifest == "" || p.Workspace != "" && p.Workspace != p.Dir {
			continue // sources alone, or a member of a workspace, which is one
		}
		part := partOf(tree, p)
		part.Tests = hasTests(tree, found, p)
		if p.Kind == ecosystem.Python && slices.Contains(ruff, p.Dir) {
			part.Linters = []string{"ruff"}
		}
		part.Coverage = p.Kind == ecosystem.Node && slices.Contains(measured, p.Dir)
		parts = append(parts, part)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), parts, nil
}

// habits are the files that pin the version of a language, and those that a linter
// is configured in.
var habits = map[ecosystem.Kind]struct {
	pins   []string
	linter string
	config []string
}{
	ecosystem.Node: {
		[]string{".nvmrc", ".node-version"}, "eslint",
		[]string{"eslint.config.js", "eslint.config.mjs", "eslint.config.cjs", "eslint.config.ts", ".eslintrc.json", ".eslintrc.js", ".eslintrc.cjs", ".eslintrc.yml", ".eslintrc"},
	},
	ecosystem.Python: {[]string{".python-version"}, "ruff", []string{"ruff.toml", ".ruff.toml"}},
}

func partOf(tree *git.Tree, p ecosystem.Project) setup.Part {
	part := setup.Part{Kind: string(p.Kind), Dir: p.Dir, Manager: p.Manager, Lock: p.Lock, Test: p.Scripts["test"]}
	if before := p.Scripts["pretest"]; before != "" && part.Test != "" { // the managers run it first
		part.Test = before + " && " + part.Test
	}
	if strings.Contains(part.Test, "no test specified") { // npm init's
		part.Test = ""
	}
	h := habits[p.Kind]
	part.Pin = cmp.Or(firstFile(tree, p.Dir, h.pins), firstFile(tree, ".", h.pins))
	if firstFile(tree, p.Dir, h.config) != "" {
		part.Linters = []string{h.linter}
	}
	return part
}

// hasTests says whether a project has files of tests; of Rust they may be in any
// source.
func hasTests(tree *git.Tree, all []ecosystem.Project, p ecosystem.Project) bool {
	return slices.ContainsFunc(tree.Files, func(f git.File) bool {
		if ecosystem.KindOf(ecosystem.Language(f.Path, nil)) != p.Kind || p.Kind != ecosystem.Rust && ecosystem.Classify(f.Path, nil) != ecosystem.Test {
			return false
		}
		owner := ecosystem.Of(all, p.Kind, f.Path)
		return owner != nil && (owner.Dir == p.Dir || owner.Workspace == p.Dir)
	})
}

// firstFile is the first of these names that is in a directory of the tree.
func firstFile(tree *git.Tree, dir string, names []string) string {
	for _, name := range names {
		if full := path.Join(dir, name); tree.File(full) != nil {
			return full
		}
	}
	return ""
}

// holds are the directories of projects in which a file of this name has a text.
func holds(ctx context.Context, tree *git.Tree, list []ecosystem.Project, name, text string) ([]string, error) {
	var files []git.File
	for _, p := range list {
		if f := tree.File(path.Join(p.Dir, name)); f != nil && f.Size <= configLimit && !slices.Contains(files, *f) {
			files = append(files, *f)
		}
	}
	var dirs []string
	err := tree.Each(ctx, files, 1, func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		if strings.Contains(string(data), text) {
			dirs = append(dirs, path.Dir(f.Path))
		}
		return err
	})
	return dirs, err
}
