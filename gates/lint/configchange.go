package lint

import (
	"fmt"
	"path"
	"slices"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// configChanged is the rule of an edit to a linter's configuration.
const configChanged = "lint-config-changed"

// configName are files that decide what a linter finds, and ignore files.
var configName = lazyregexp.New(`^(eslint\.config\.[cm]?[jt]s|\.eslintrc(\.(js|cjs|json|yaml|yml))?|\.eslintignore|\.?biome\.jsonc?|\.oxlintrc\.jsonc?|oxlint\.config\.ts|\.?ruff\.toml|\.flake8|\.?pylintrc(\.toml)?|staticcheck\.conf|\.?clippy\.toml|\.golangci\.(yml|yaml|toml|json))$`)

// configFindings are the linters' configurations that the change edits. The
// gate obeys them, as it runs the project's code anyway; so a person looks.
// What is in a file of many purposes (package.json, pyproject.toml) is not told.
func configFindings(t *gates.Target) []gates.Finding {
	if t.Change.Everything() {
		return nil
	}
	var list []gates.Finding
	for _, name := range slices.Concat(t.Change.Files(), t.Change.Gone()) {
		base := path.Base(name)
		actionlint := path.Dir(name) == ".github" && (base == "actionlint.yaml" || base == "actionlint.yml")
		if !configName.MatchString(base) && !actionlint || !maintained(name, nil) || inAside(name) {
			continue
		}
		f := gates.Finding{Rule: configChanged, Severity: gates.SeverityWarning, Path: gates.Path(name), Message: "the change edits " + base + ", which decides what a linter finds"}
		if t.Tree.File(name) == nil {
			f.Path, f.Message = "", fmt.Sprintf("the change takes %s away, which decides what a linter finds", gates.Path(name))
		}
		list = append(list, f)
	}
	return list
}
