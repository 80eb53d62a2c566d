package sast

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

// eslintConfig has the plug-ins that are installed beside eslint, and no others:
// it finds them from the program, not from the copy.
const eslintConfig = `import { createRequire } from 'node:module';
import { realpathSync } from 'node:fs';
const require = createRequire(realpathSync(process.argv[1]));
const security = require('eslint-plugin-security');
const unsanitized = require('eslint-plugin-no-unsanitized');
const rules = { 'no-eval': 2, 'no-implied-eval': 2, 'no-new-func': 2, 'no-unsanitized/method': 2, 'no-unsanitized/property': 2 };
for (const name of Object.keys(security.rules)) rules['security/' + name] = 1;
rules['security/detect-child-process'] = 2;
rules['security/detect-object-injection'] = 0;
export default [{
  files: ['**/*.{js,mjs,cjs,jsx}'],
  linterOptions: { reportUnusedDisableDirectives: 'off' },
  languageOptions: { ecmaVersion: 'latest', parserOptions: { ecmaFeatures: { jsx: true } } },
  plugins: { security, 'no-unsanitized': unsanitized.default ?? unsanitized },
  rules,
}];
`

// eslintError are rules whose findings block, whatever eslint's configuration
// makes of them.
var eslintError = []string{"no-eval", "no-new-func", "security/detect-child-process", "no-unsanitized/method", "no-unsanitized/property"}

// eslint is eslint with the plug-ins for security. It is for JavaScript: for
// TypeScript it would need a parser that may not be there.
func eslint() external {
	return external{
		name: "eslint", install: "npm install -g eslint eslint-plugin-security eslint-plugin-no-unsanitized", least: [3]int{9, 0, 0},
		files:    []string{".js", ".mjs", ".cjs", ".jsx"},
		settings: settings{name: "eslint.config.mjs", text: eslintConfig},
		args: func(c call) []string {
			return []string{"--no-config-lookup", "--config", c.config, "--no-ignore", "--no-warn-ignored", "--no-error-on-unmatched-pattern", "--format", "json", "**/*.js", "**/*.mjs", "**/*.cjs", "**/*.jsx"}
		},
		status: []int{0, 1}, read: readESLint, canary: "eval(process.argv[2]);\n", rule: "no-eval",
	}
}

func readESLint(_ call, stdout, _ []byte) (reading, error) {
	var list []struct {
		Path     string `json:"filePath"`
		Messages []struct {
			Rule                             *string `json:"ruleId"`
			Severity                         int
			Message                          string
			Line, Column, EndLine, EndColumn int
			Fatal                            bool
		}
	}
	if err := json.Unmarshal(stdout, &list); err != nil {
		return reading{}, fmt.Errorf("its answer is no JSON: %w", err)
	}
	got := reading{looked: []string{}, count: -1}
	for _, f := range list {
		got.looked = append(got.looked, f.Path)
		for _, m := range f.Messages {
			if m.Fatal {
				got.unread = append(got.unread, unread{What: f.Path, Why: m.Message})
				continue
			}
			if m.Rule == nil || *m.Rule == "" {
				continue // about comments of eslint's own
			}
			severity := gates.SeverityWarning
			if m.Severity == 2 || slices.Contains(eslintError, *m.Rule) {
				severity = gates.SeverityError
			}
			got.found = append(got.found, foreign{
				Finding: gates.Finding{
					Severity: severity, Path: gates.Path(f.Path), Line: m.Line, Column: m.Column, EndLine: m.EndLine, EndColumn: m.EndColumn, Message: m.Message,
				},
				rule: *m.Rule, title: strings.SplitN(m.Message, "\n", 2)[0],
			})
		}
	}
	return got, nil
}
