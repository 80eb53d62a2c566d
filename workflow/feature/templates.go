package feature

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed templates
var templateFiles embed.FS

// Template is a workflow of GitHub Actions.
type Template struct {
	Name string // gates, end-of-day, deploy
	Path string // in the repository
	Text string
}

// Templates are the workflows for a repository with this default branch.
func Templates(branch string) ([]Template, error) {
	quoted, err := json.Marshal(branch)
	if err != nil {
		return nil, err
	}
	var list []Template
	for _, name := range []string{"gates", "end-of-day", "deploy"} {
		text, err := templateFiles.ReadFile("templates/" + name + ".yml")
		if err != nil {
			return nil, fmt.Errorf("template %s: %w", name, err)
		}
		list = append(list, Template{name, ".github/workflows/wf-ci-" + name + ".yml", strings.ReplaceAll(string(text), "BRANCH", string(quoted))})
	}
	return list, nil
}
